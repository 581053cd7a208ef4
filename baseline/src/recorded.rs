//! From measured epochs to a baseline: what is kept, and what is not trusted to become one.

use crate::compat::{CompatKey, fingerprint};
use crate::dependence::effective_n;
use crate::file::{
    Baseline, BaselineError, CaseBaseline, EpochValue, MetricBaseline, Provenance, SCHEMA_VERSION,
};
use crate::interval::standard_error;
use std::collections::BTreeMap;
use tokgate_core::case::Case;
use tokgate_core::metric::{Metric, MetricRef};
use tokgate_core::run::{Ending, Head, Run};
use tokgate_core::summary::{Observed, observe};
use tokgate_core::validity::Validity;

impl Provenance {
    /// What an epoch knows of itself; `date` as the caller wants it read.
    #[must_use]
    pub fn of(head: &Head, date: &str) -> Self {
        const DIRTY: &str = "-dirty";
        let commit = head.environment.commit.as_deref();
        Self {
            commit: commit.map(|commit| commit.trim_end_matches(DIRTY).to_owned()),
            dirty: commit.is_some_and(|commit| commit.ends_with(DIRTY)),
            date: date.to_owned(),
            machine: head.machine.clone(),
            tool_version: head.environment.tool_version.clone(),
            engine: format!("{} {}", head.target.platform, head.target.engine),
            model: head.target.model.clone(),
            notes: head.case.notes.clone(),
        }
    }
}

/// One case as it was measured: its epochs, and whether each may be judged, in the same order.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The epochs.
    pub runs: &'a [Run],
    /// Their validity.
    pub validity: &'a [Validity],
}

impl Baseline {
    /// The baseline of these cases, all of one machine. Only what the gates name is kept, and of
    /// that only what has enough samples to be gated.
    pub fn from_runs(
        cases: &[Recorded<'_>],
        provenance: Provenance,
    ) -> Result<Self, BaselineError> {
        if cases.is_empty() || cases.iter().any(|case| case.runs.is_empty()) {
            return Err(BaselineError::NothingMeasured);
        }
        cases.iter().try_for_each(Recorded::refuse_untrusted)?;
        let compat_key = CompatKey::new(&provenance.machine, cases.iter().map(Recorded::case));
        let gated = |recorded: &Recorded<'_>| (recorded.case().id.clone(), recorded.gated());
        let cases: BTreeMap<_, _> = cases.iter().map(gated).collect();
        if cases.values().all(BTreeMap::is_empty) {
            return Err(BaselineError::NothingGated);
        }
        let scenario_hash = compat_key.scenario_hash();
        Ok(Self { schema_version: SCHEMA_VERSION, scenario_hash, compat_key, provenance, cases })
    }
}

impl<'a> Recorded<'a> {
    fn case(&self) -> &'a Case {
        &self.runs[0].head.case
    }

    fn refuse_untrusted(&self) -> Result<(), BaselineError> {
        let stopped = self.runs.iter().any(|run| run.ending != Ending::Completed);
        let unknown = self.validity.len() != self.runs.len();
        let reason = self.validity.iter().flat_map(Validity::reasons).next();
        let why = match reason {
            Some(reason) => reason.to_string(),
            None if stopped => "it was stopped before its end".to_owned(),
            None if unknown => "whether it is valid was not found out".to_owned(),
            None if !self.validity.iter().all(Validity::is_valid) => "it is invalid".to_owned(),
            None => return Ok(()),
        };
        Err(BaselineError::NotTrusted { case: self.case().id.clone(), why })
    }

    fn gated(&self) -> CaseBaseline {
        let case = self.case();
        let epochs: Vec<Epoch<'_>> = self.runs.iter().map(Epoch::of).collect();
        let of = |reference: &MetricRef| Some((*reference, metric(&epochs, *reference, case)?));
        case.gate.recorded().filter_map(of).collect()
    }
}

/// What one epoch says, and where it was measured.
struct Epoch<'a> {
    booking: &'a str,
    observed: Vec<(&'static Metric, Observed)>,
}

impl<'a> Epoch<'a> {
    fn of(run: &'a Run) -> Self {
        Self { booking: &run.head.booking_id, observed: observe(run) }
    }

    fn says(&self, reference: MetricRef) -> Option<&Observed> {
        let found = self.observed.iter().find(|(metric, _)| *metric == reference.metric);
        found.map(|(_, observed)| observed)
    }

    fn value(&self, reference: MetricRef, seed: u64) -> Option<EpochValue> {
        let observed = self.says(reference)?;
        Some(EpochValue {
            booking: self.booking.to_owned(),
            value: observed.stat(reference.stat)?,
            se: standard_error(reference.metric, observed, reference.stat, seed),
        })
    }
}

/// `None` where the metric was not measured, or too few samples were to gate on it.
fn metric(epochs: &[Epoch<'_>], reference: MetricRef, case: &Case) -> Option<MetricBaseline> {
    let said = epochs.iter().filter_map(|epoch| epoch.says(reference));
    let samples: f64 = said.map(effective_n).sum();
    let seed = fingerprint(&case.id.0);
    let values: Vec<EpochValue> = epochs
        .iter()
        .zip(0..)
        .filter_map(|(epoch, number)| epoch.value(reference, seed.wrapping_add(number)))
        .collect();
    let enough = samples >= reference.stat.samples_needed() as f64 && !values.is_empty();
    enough.then_some(MetricBaseline { epochs: values, aa_pairs: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Luck};
    use tokgate_core::case::{CaseId, Quarantine};
    use tokgate_core::validity::Reason;

    fn record(runs: &[Run], validity: &[Validity]) -> Result<Baseline, BaselineError> {
        let provenance = Provenance::of(&runs[0].head, "2026-11-22");
        Baseline::from_runs(&[Recorded { runs, validity }], provenance)
    }

    #[test]
    fn only_what_is_gated_and_has_enough_samples_is_kept() {
        let run = fixture::run(&mut Luck::new(1), 1.0);
        let baseline = record(&[run], &[Validity::Valid]).unwrap();
        let kept = &baseline.cases[&CaseId("quick/one".to_owned())];
        let names: Vec<String> = kept.keys().map(ToString::to_string).collect();
        // The fixture also gates on `e2e.p99`, which 60 requests do not carry.
        assert_eq!(names, ["itl.mean", "tok_s", "ttft.p50"]);
    }

    #[test]
    fn what_is_in_quarantine_is_kept_for_the_day_on_which_it_is_judged_again() {
        let mut run = fixture::run(&mut Luck::new(1), 1.0);
        let gate = &mut run.head.case.gate;
        let metric = "ttft.p50".parse().unwrap();
        gate.tolerances.remove(&metric).unwrap();
        let until = "2027-01-31".parse().unwrap();
        gate.quarantine.insert(metric, Quarantine { until, why: "cold".to_owned() });
        let baseline = record(&[run], &[Validity::Valid]).unwrap();
        assert!(baseline.cases[&CaseId("quick/one".to_owned())].contains_key(&metric));
    }

    #[test]
    fn an_untrusted_epoch_becomes_no_baseline() {
        let run = fixture::run(&mut Luck::new(1), 1.0);
        let invalid = Validity::Invalid(vec![Reason::NothingMeasured]);
        assert!(
            record(std::slice::from_ref(&run), &[invalid])
                .unwrap_err()
                .to_string()
                .contains("quick/one")
        );
        assert!(record(std::slice::from_ref(&run), &[]).is_err());
        let stopped = Run { ending: Ending::Interrupted, ..run };
        assert!(record(&[stopped], &[Validity::Valid]).is_err());
        let provenance = Provenance::of(&fixture::run(&mut Luck::new(1), 1.0).head, "");
        assert_eq!(Baseline::from_runs(&[], provenance), Err(BaselineError::NothingMeasured));
    }

    #[test]
    fn a_dirty_tree_is_told() {
        let mut head = fixture::run(&mut Luck::new(1), 1.0).head;
        head.environment.commit = Some("abc-dirty".to_owned());
        let provenance = Provenance::of(&head, "");
        assert_eq!((provenance.commit.as_deref(), provenance.dirty), (Some("abc"), true));
    }
}
