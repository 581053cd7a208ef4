//! The one place that says "regressed".
//!
//! A metric is convicted when the one-sided test of "not worse than its tolerance allows" is
//! rejected at [`ALPHA`] after Holm's correction over all metrics of the run that can be
//! convicted, so that a run without any change is convicted of anything in at most 1 % of cases,
//! however many metrics it has and however they hang together. Only what has [`EPOCHS_NEEDED`]
//! epochs in both arms can be convicted: the epoch is the unit of replication.

use crate::compare::{Finding, Pair, What, compare};
use crate::file::{Baseline, CaseBaseline};
use tokgate_core::case::{Case, CaseId, Tolerance};
use tokgate_core::environment::MachineId;
use tokgate_core::summary::{Interval, Summary};
use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Judged, Verdict};

/// The share of runs without a change that may be convicted of one.
pub const ALPHA: f64 = 0.01;
/// Epochs in each arm below which nobody is convicted: fewer hardly know their own noise.
pub const EPOCHS_NEEDED: usize = 5;

/// A case as it was measured, with all that the judge asks about.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// What was asked.
    pub case: &'a Case,
    /// Where it was measured.
    pub machine: &'a MachineId,
    /// What was found.
    pub summary: &'a Summary,
    /// Whether each epoch may be judged.
    pub validity: &'a [Validity],
}

/// What there is to judge one case by.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Why the run may not be judged, one fragment a reason; empty when it may.
    pub invalid: Vec<String>,
    /// What keeps it from being compared; empty when nothing does.
    pub differences: Vec<String>,
    /// What was found of each metric.
    pub findings: Vec<Finding>,
}

impl Measured<'_> {
    /// Compares the case with its part of `baseline`.
    #[must_use]
    pub fn against(&self, baseline: &Baseline) -> Evidence {
        let unknown = CaseBaseline::new();
        let base = baseline.cases.get(&self.case.id).unwrap_or(&unknown);
        Evidence {
            invalid: self.reasons(),
            differences: baseline.compat_key.differences(self.machine, self.case),
            findings: compare(self.summary, base, &self.case.gate),
        }
    }

    /// Why its epochs may not be judged, each reason once.
    fn reasons(&self) -> Vec<String> {
        let invalid = self.validity.iter().filter(|validity| !validity.is_valid());
        let mut reasons: Vec<String> = invalid
            .flat_map(|validity| match validity.reasons() {
                [] => vec!["it is invalid, for no reason given".to_owned()],
                reasons => reasons.iter().map(ToString::to_string).collect(),
            })
            .collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }
}

/// Judges all cases of a run together; the answer has the order of `run`, and of each case's
/// findings.
#[must_use]
pub fn judge(run: &[Evidence]) -> Vec<Vec<Judged>> {
    let convictable = run.iter().filter(|case| case.is_sound()).flat_map(Evidence::convictable);
    let convicting = convicting_p(convictable.filter_map(Pair::p).collect());
    run.iter().map(|case| case.judge(convicting)).collect()
}

/// What is said of the cases that the baseline has and `planned` has not. `planned` are the
/// scenario's cases before any filter of the user's: what was not asked for is not missing.
#[must_use]
pub fn judge_dropped(baseline: &Baseline, planned: &[CaseId]) -> Vec<(CaseId, Vec<Judged>)> {
    let dropped = baseline.cases.iter().filter(|(case, _)| !planned.contains(case));
    let judged = |metrics: &CaseBaseline| {
        metrics
            .keys()
            .map(|metric| Finding { metric: *metric, what: What::Missing }.missing())
            .collect()
    };
    dropped.map(|(case, metrics)| (case.clone(), judged(metrics))).collect()
}

impl Evidence {
    /// Whether anything may be said of the case at all.
    fn is_sound(&self) -> bool {
        self.invalid.is_empty() && self.differences.is_empty()
    }

    fn convictable(&self) -> impl Iterator<Item = &Pair> {
        self.findings.iter().filter_map(Finding::pair).filter(|pair| pair.is_convictable())
    }

    fn judge(&self, convicting: Option<f64>) -> Vec<Judged> {
        let all = |verdict, why: &[String]| -> Vec<Judged> {
            self.findings.iter().map(|finding| finding.without(verdict, why.join("; "))).collect()
        };
        match (self.invalid.as_slice(), self.differences.as_slice()) {
            ([], []) => self.findings.iter().map(|finding| finding.judge(convicting)).collect(),
            ([], differences) => all(Verdict::Incomparable, differences),
            (reasons, _) => all(Verdict::Invalid, reasons),
        }
    }
}

impl Finding {
    fn judge(&self, convicting: Option<f64>) -> Judged {
        match &self.what {
            What::Pair(pair) => pair.judge(convicting),
            What::FromZero => self.without(
                Verdict::Inconclusive,
                "the baseline is 0, and no share of 0 can be told: write an absolute tolerance",
            ),
            What::Missing => self.missing(),
            What::New => self.without(Verdict::New, "not in the baseline"),
        }
    }

    fn missing(&self) -> Judged {
        self.without(Verdict::Missing, "in the baseline, but not measured")
    }

    fn without(&self, verdict: Verdict, why: impl Into<String>) -> Judged {
        Judged { metric: self.metric, comparison: None, verdict, why: why.into() }
    }
}

impl Pair {
    fn has_enough_samples(&self) -> bool {
        self.comparison.head.enough_for(self.comparison.metric.stat)
    }

    fn has_enough_epochs(&self) -> bool {
        let (base, head) = self.comparison.epochs;
        base.min(head) >= EPOCHS_NEEDED
    }

    fn is_convictable(&self) -> bool {
        self.has_enough_samples() && self.has_enough_epochs()
    }

    fn judge(&self, convicting: Option<f64>) -> Judged {
        let (verdict, why) = self.verdict(convicting);
        let comparison = Some(self.comparison.clone());
        Judged { metric: self.comparison.metric, comparison, verdict, why }
    }

    fn verdict(&self, convicting: Option<f64>) -> (Verdict, String) {
        let comparison = &self.comparison;
        if !self.has_enough_samples() {
            let (n, needed) = (comparison.head.n, comparison.metric.stat.samples_needed());
            return (Verdict::InsufficientSamples, format!("effective n is {n} of {needed}"));
        }
        let (Some(interval), Some(p)) = (comparison.interval, self.p()) else {
            let why = "one epoch does not say how it varies: measure at least 2";
            return (Verdict::Inconclusive, why.to_owned());
        };
        let convicted = self.is_convictable() && convicting.is_some_and(|limit| p <= limit);
        match convicted {
            true => {
                let why = "the whole interval is worse than the tolerance";
                (Verdict::Regressed, why.to_owned())
            }
            false => self.short_of_conviction(interval),
        }
    }

    fn short_of_conviction(&self, interval: Interval) -> (Verdict, String) {
        let (Tolerance::Relative(allowed) | Tolerance::Absolute(allowed)) =
            self.comparison.tolerance;
        let (better, worse) = (interval.high < -allowed, interval.low > allowed);
        let few = format!("to say so takes {EPOCHS_NEEDED} epochs in each arm");
        match (better, worse, self.has_enough_epochs()) {
            (true, _, true) => {
                (Verdict::Improved, "the whole interval is better than the tolerance".to_owned())
            }
            (true, _, false) => (Verdict::Unchanged, format!("not worse; better, but {few}")),
            (false, true, true) => {
                (Verdict::Inconclusive, "worse than the tolerance, but not beyond doubt".to_owned())
            }
            (false, true, false) => (Verdict::Inconclusive, format!("worse, but {few}")),
            (false, false, _) if interval.high <= allowed => {
                (Verdict::Unchanged, "the interval ends within the tolerance".to_owned())
            }
            (false, false, _) => {
                (Verdict::Inconclusive, "the interval reaches over the tolerance".to_owned())
            }
        }
    }
}

/// Holm's step-down: the largest of the p-values that are rejected, `None` when none is. The i-th
/// smallest of m, from 0, is rejected when it and all before are at most ALPHA / (m − i)
/// (Holm 1979).
fn convicting_p(mut p: Vec<f64>) -> Option<f64> {
    p.sort_unstable_by(f64::total_cmp);
    let m = p.len();
    let rejected = p.iter().enumerate().take_while(|(i, p)| **p <= ALPHA / (m - i) as f64);
    rejected.last().map(|(_, p)| *p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_rejects_step_by_step() {
        assert_eq!(convicting_p(vec![0.2, 0.001, 0.004]), Some(0.004));
        assert_eq!(convicting_p(vec![0.004, 0.004, 0.004]), None);
        assert_eq!(convicting_p(vec![0.006, 0.001]), Some(0.006));
        assert_eq!(convicting_p(vec![]), None);
    }
}
