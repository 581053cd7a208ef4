//! The one place that says "regressed".
//!
//! A metric is convicted when the one-sided test of "not worse than its tolerance allows" is
//! rejected at [`ALPHA`] after Holm's correction over all metrics of the run that can be
//! convicted, so that a run without any change is convicted of anything in at most 1 % of cases,
//! however many metrics it has and however they hang together. Only what has [`EPOCHS_NEEDED`]
//! epochs in both arms can be convicted: the epoch is the unit of replication.
//!
//! What is said of a run against a baseline is here; what is said of suspects in fresh pairs, and
//! where there is no fresh base, in [`suspects`].

pub mod suspects;

use crate::compare::{Both, Chances, Finding, What, compare, compare_by};
use crate::correction::holm;
use crate::file::{Baseline, CaseBaseline};
use crate::screen::screened;
use tokgate_core::case::{Case, CaseId, Tolerance};
use tokgate_core::environment::MachineId;
use tokgate_core::summary::{Interval, Summary};
use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Judged, Verdict};

/// The share of runs without a change that may be convicted of one.
pub const ALPHA: f64 = 0.01;
/// Epochs in each arm below which nobody is convicted: fewer hardly know their own noise.
pub const EPOCHS_NEEDED: usize = 5;

/// Why nothing is concluded from a single epoch.
const UNKNOWN_NOISE: &str = "one epoch does not say how it varies: measure at least 2";

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
    /// The effect that must be found, as a share of the base's value; see
    /// [`Gate::must_detect`](tokgate_core::case::Gate::must_detect).
    pub must_detect: f64,
    /// Whether a screen named its metrics: then what is within its tolerance is cleared, and not
    /// merely unchanged.
    pub suspected: bool,
}

impl Measured<'_> {
    /// Compares the case with its part of `baseline`.
    #[must_use]
    pub fn against(&self, baseline: &Baseline) -> Evidence {
        self.evidence(baseline, |base| compare(self.summary, base, &self.case.gate))
    }

    /// The same for [`screen`](suspects::screen): a few epochs against a baseline of many bookings.
    #[must_use]
    pub fn screened(&self, baseline: &Baseline) -> Evidence {
        self.evidence(baseline, |base| compare_by(self.summary, base, &self.case.gate, screened))
    }

    fn evidence(
        &self,
        baseline: &Baseline,
        compare: impl FnOnce(&CaseBaseline) -> Vec<Finding>,
    ) -> Evidence {
        let unknown = CaseBaseline::new();
        Evidence {
            invalid: self.reasons(),
            differences: baseline.compat_key.differences(self.machine, self.case),
            findings: compare(baseline.cases.get(&self.case.id).unwrap_or(&unknown)),
            must_detect: self.case.gate.must_detect,
            suspected: self.case.gate.suspected,
        }
    }

    /// Why its epochs may not be judged, each reason once.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
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
    let convicting = holm(convictable(run).map(|chances| chances.worse).collect(), ALPHA);
    run.iter().map(|case| case.judge(|both| both.verdict(convicting, case.must_detect))).collect()
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

/// The chances of all that can be convicted.
fn convictable(run: &[Evidence]) -> impl Iterator<Item = Chances> {
    let sound = run.iter().filter(|case| case.is_sound());
    let both = sound.flat_map(|case| case.findings.iter().filter_map(Finding::both));
    both.filter(|both| both.is_convictable()).filter_map(|both| both.chances)
}

impl Evidence {
    /// Whether anything may be said of the case at all.
    fn is_sound(&self) -> bool {
        self.invalid.is_empty() && self.differences.is_empty()
    }

    /// What is said of each finding, by `both` where there are two sides that may be compared.
    fn judge(&self, both: impl Fn(&Both) -> (Verdict, String)) -> Vec<Judged> {
        let all = |verdict, why: &[String]| -> Vec<Judged> {
            self.findings.iter().map(|finding| finding.without(verdict, why.join("; "))).collect()
        };
        match (self.invalid.as_slice(), self.differences.as_slice()) {
            ([], []) => self.findings.iter().map(|finding| finding.judge(&both)).collect(),
            ([], differences) => all(Verdict::Incomparable, differences),
            (reasons, _) => all(Verdict::Invalid, reasons),
        }
    }
}

impl Finding {
    fn judge(&self, both: impl Fn(&Both) -> (Verdict, String)) -> Judged {
        match &self.what {
            What::Both(sides) => {
                let (verdict, why) = both(sides);
                let comparison = Some(sides.comparison.clone());
                Judged { metric: self.metric, comparison, verdict, why }
            }
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

impl Both {
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

    fn verdict(&self, convicting: Option<f64>, must_detect: f64) -> (Verdict, String) {
        let comparison = &self.comparison;
        if !self.has_enough_samples() {
            return self.short_of_samples();
        }
        let (Some(interval), Some(chances)) = (comparison.interval, self.chances) else {
            return (Verdict::Inconclusive, UNKNOWN_NOISE.to_owned());
        };
        match self.is_rejected(chances.worse, convicting) {
            true => {
                let why = "the whole interval is worse than the tolerance";
                (Verdict::Regressed, why.to_owned())
            }
            false => {
                let (verdict, why) = self.short_of_conviction(interval);
                (self.undecided(verdict, must_detect), why)
            }
        }
    }

    /// The word for what is not decided, where `verdict` is that: the noise may be to blame.
    fn undecided(&self, verdict: Verdict, must_detect: f64) -> Verdict {
        match verdict {
            Verdict::Inconclusive if self.is_underpowered(must_detect) => Verdict::Underpowered,
            _ => verdict,
        }
    }

    /// Whether more than `must_detect`, a share of the base's value, would go unnoticed; twice the
    /// tolerance where that is no less, since nothing within it is looked for. Metrics with an
    /// absolute tolerance are not asked.
    fn is_underpowered(&self, must_detect: f64) -> bool {
        match self.comparison.tolerance {
            Tolerance::Relative(allowed) => {
                let is_wide = allowed >= must_detect;
                let must_detect = if is_wide { 2.0 * allowed } else { must_detect };
                self.comparison.mde.is_some_and(|mde| mde > must_detect)
            }
            Tolerance::Absolute(_) => false,
        }
    }

    /// Whether a chance is among those that Holm's correction rejects, the largest of which is
    /// `rejected`.
    fn is_rejected(&self, chance: f64, rejected: Option<f64>) -> bool {
        self.is_convictable() && rejected.is_some_and(|limit| chance <= limit)
    }

    fn short_of_samples(&self) -> (Verdict, String) {
        let (n, needed) = (self.comparison.head.n, self.comparison.metric.stat.samples_needed());
        (Verdict::InsufficientSamples, format!("effective n is {n} of {needed}"))
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
