//! From measured epochs to a baseline: what is kept of them. What is not trusted to become one is
//! in [`trust`](crate::trust).

use crate::compat::{CompatKey, fingerprint};
use crate::dependence::effective_n;
use crate::file::{
    Baseline, BaselineError, CaseBaseline, EpochValue, MetricBaseline, Provenance, SCHEMA_VERSION,
};
use crate::interval::standard_error;
use crate::trust::Admission;
use std::collections::BTreeMap;
use tokgate_core::case::{Case, Tolerance};
use tokgate_core::metric::{Metric, MetricRef};
use tokgate_core::run::{Head, Run};
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
            runs: vec![head.run_id.clone()],
            reason: String::new(),
            marks: Vec::new(),
        }
    }
}

/// One case as it was measured: its epochs, the oldest first, and whether each may be judged, in the
/// same order. What is gated is what the newest says.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// The epochs.
    pub runs: &'a [Run],
    /// Their validity.
    pub validity: &'a [Validity],
}

impl Baseline {
    /// The baseline of these cases, all of one machine. Only what the gates name is kept, and of
    /// that only what has enough samples to be gated. A dirty tree is let through, and marked.
    ///
    /// # Errors
    /// When nothing was measured, or what was is not trusted; see [`Baseline::admitted`].
    pub fn from_runs(
        cases: &[Recorded<'_>],
        provenance: Provenance,
    ) -> Result<Self, BaselineError> {
        Self::admitted(cases, provenance, &Admission::SAVING)
    }

    /// The same, with what `admission` lets through marked in the provenance, whose runs are those
    /// of `cases`.
    ///
    /// # Errors
    /// When nothing was measured, or what was is not let through.
    pub fn admitted(
        cases: &[Recorded<'_>],
        mut provenance: Provenance,
        admission: &Admission<'_>,
    ) -> Result<Self, BaselineError> {
        if cases.is_empty() || cases.iter().any(|case| case.runs.is_empty()) {
            return Err(BaselineError::NothingMeasured);
        }
        provenance.marks = admission.marks(cases)?;
        provenance.runs = run_ids(cases);
        let compat_key = CompatKey::new(&provenance.machine, cases.iter().map(Recorded::case));
        let gated = |recorded: &Recorded<'_>| (recorded.case().id.clone(), recorded.gated());
        let cases: BTreeMap<_, _> = cases.iter().map(gated).collect();
        if cases.values().all(BTreeMap::is_empty) {
            return Err(BaselineError::NothingGated);
        }
        let (schema_version, anchor) = (SCHEMA_VERSION, None);
        let scenario_hash = compat_key.scenario_hash();
        Ok(Self { schema_version, scenario_hash, compat_key, provenance, anchor, cases })
    }
}

/// The runs that the cases are of, each once, the oldest first.
fn run_ids(cases: &[Recorded<'_>]) -> Vec<String> {
    let mut heads: Vec<&Head> =
        cases.iter().flat_map(|case| case.runs).map(|run| &run.head).collect();
    heads.sort_by_key(|head| head.started_us);
    heads.iter().fold(Vec::new(), |mut runs, head| {
        if !runs.contains(&head.run_id) {
            runs.push(head.run_id.clone());
        }
        runs
    })
}

impl<'a> Recorded<'a> {
    pub(crate) fn case(&self) -> &'a Case {
        &self.runs[0].head.case
    }

    fn gated(&self) -> CaseBaseline {
        let (case, newest) = (self.case(), &self.runs[self.runs.len() - 1].head.case);
        let epochs: Vec<Epoch<'_>> = self.runs.iter().map(Epoch::of).collect();
        let seed = fingerprint(&case.id.0);
        let of = |(reference, tolerance): (&MetricRef, &Tolerance)| {
            Some((*reference, metric(&epochs, *reference, *tolerance, seed)?))
        };
        newest.gate.recorded().filter_map(of).collect()
    }
}

/// What one epoch says, and where it was measured.
struct Epoch<'a> {
    head: &'a Head,
    observed: Vec<(&'static Metric, Observed)>,
}

impl<'a> Epoch<'a> {
    fn of(run: &'a Run) -> Self {
        Self { head: &run.head, observed: observe(run) }
    }

    fn says(&self, reference: MetricRef) -> Option<&Observed> {
        let found = self.observed.iter().find(|(metric, _)| *metric == reference.metric);
        found.map(|(_, observed)| observed)
    }

    fn stat(&self, reference: MetricRef) -> Option<f64> {
        self.says(reference)?.stat(reference.stat)
    }

    /// Whether `next` was measured right after this one, with the same thing under test.
    fn is_followed_by(&self, next: &Self) -> bool {
        let (first, second) = (self.head, next.head);
        let same = (&first.run_id, &first.booking_id, first.arm)
            == (&second.run_id, &second.booking_id, second.arm);
        same && first.epoch.checked_add(1) == Some(second.epoch)
    }

    fn value(&self, reference: MetricRef, seed: u64) -> Option<EpochValue> {
        let observed = self.says(reference)?;
        Some(EpochValue {
            booking: self.head.booking_id.clone(),
            value: observed.stat(reference.stat)?,
            se: standard_error(reference.metric, observed, reference.stat, seed),
        })
    }
}

/// `None` where the metric was not measured, or too few samples were to gate on it.
fn metric(
    epochs: &[Epoch<'_>],
    reference: MetricRef,
    tolerance: Tolerance,
    seed: u64,
) -> Option<MetricBaseline> {
    let said = epochs.iter().filter_map(|epoch| epoch.says(reference));
    let samples: f64 = said.map(effective_n).sum();
    let values: Vec<EpochValue> = epochs
        .iter()
        .zip(0..)
        .filter_map(|(epoch, number)| epoch.value(reference, seed.wrapping_add(number)))
        .collect();
    let enough = samples >= reference.stat.samples_needed() as f64 && !values.is_empty();
    let aa_pairs = aa_pairs(epochs, reference, tolerance);
    enough.then_some(MetricBaseline { epochs: values, tolerance, aa_pairs })
}

/// Differences of epochs that were measured back to back without a change between them, each epoch
/// in one pair at most: ln(second) − ln(first), or second − first for an absolute tolerance. A pair
/// with a 0 in it has no logarithm and is left out.
fn aa_pairs(epochs: &[Epoch<'_>], reference: MetricRef, tolerance: Tolerance) -> Vec<f64> {
    let mut pairs = Vec::new();
    let mut rest = epochs;
    while let [first, after @ ..] = rest {
        rest = match after {
            [second, after @ ..] if first.is_followed_by(second) => {
                let both = first.stat(reference).zip(second.stat(reference));
                pairs.extend(both.and_then(|both| difference(both, tolerance)));
                after
            }
            _ => after,
        };
    }
    pairs
}

fn difference((first, second): (f64, f64), tolerance: Tolerance) -> Option<f64> {
    match tolerance {
        Tolerance::Relative(_) if first > 0.0 && second > 0.0 => Some(second.ln() - first.ln()),
        Tolerance::Relative(_) => None,
        Tolerance::Absolute(_) => Some(second - first),
    }
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
        let tolerance = gate.tolerances.remove(&metric).unwrap();
        let (until, why) = ("2027-01-31".parse().unwrap(), "cold".to_owned());
        gate.quarantine.insert(metric, Quarantine { until, why, tolerance });
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
        let provenance = Provenance::of(&fixture::run(&mut Luck::new(1), 1.0).head, "");
        assert_eq!(Baseline::from_runs(&[], provenance), Err(BaselineError::NothingMeasured));
    }

    /// Epochs 0 to `count` of one run, with these names.
    fn epochs(count: u32, run_id: &str, booking: &str) -> Vec<Run> {
        let mut luck = Luck::new(3);
        let epoch = |number| {
            let mut run = fixture::searches(&mut luck, 1.0, 0.95);
            run.head.epoch = number;
            (run.head.run_id, run.head.booking_id) = (run_id.to_owned(), booking.to_owned());
            run
        };
        (0..count).map(epoch).collect()
    }

    fn pairs(runs: &[Run], metric: &str) -> (Vec<f64>, Vec<f64>) {
        let baseline = record(runs, &vec![Validity::Valid; runs.len()]).unwrap();
        let known = &baseline.cases[&runs[0].head.case.id][&metric.parse().unwrap()];
        (known.aa_pairs.clone(), known.epochs.iter().map(|epoch| epoch.value).collect())
    }

    #[test]
    fn pairs_are_of_consecutive_epochs_in_the_scale_of_the_tolerance() {
        let five = epochs(5, "a", "b");
        let (relative, values) = pairs(&five, "query.p50");
        let logs = |at: usize| values[at + 1].ln() - values[at].ln();
        assert_eq!(relative, [logs(0), logs(2)], "the fifth epoch has no partner");
        let (absolute, values) = pairs(&five, "recall_at_10");
        assert_eq!(absolute, [values[1] - values[0], values[3] - values[2]]);
    }

    #[test]
    fn epochs_of_two_runs_are_no_pair_and_a_gap_breaks_one() {
        let mut runs = epochs(3, "a", "one");
        runs.extend(epochs(2, "b", "two"));
        let (found, values) = pairs(&runs, "recall_at_10");
        assert_eq!(found, [values[1] - values[0], values[4] - values[3]]);
        let mut gap = epochs(3, "a", "one");
        gap.remove(1);
        assert!(pairs(&gap, "recall_at_10").0.is_empty());
        assert_eq!(difference((0.0, 1.0), Tolerance::Relative(0.02)), None);
    }

    #[test]
    fn runs_are_named_once_and_the_oldest_first() {
        let mut runs = epochs(2, "later", "two");
        runs.iter_mut().for_each(|run| run.head.started_us = 9);
        runs.extend(epochs(2, "earlier", "one"));
        let baseline = record(&runs, &[const { Validity::Valid }; 4]).unwrap();
        assert_eq!(baseline.provenance.runs, ["earlier", "later"]);
    }

    #[test]
    fn a_dirty_tree_is_told() {
        let mut head = fixture::run(&mut Luck::new(1), 1.0).head;
        head.environment.commit = Some("abc-dirty".to_owned());
        let provenance = Provenance::of(&head, "");
        assert_eq!((provenance.commit.as_deref(), provenance.dirty), (Some("abc"), true));
    }
}
