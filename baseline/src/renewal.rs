//! What a newer baseline would change of an older one: each metric's move, what the judge says of
//! it, and how far it has come since the first recording.

use crate::arms::{Arms, ArmsError, Gated, Test};
use crate::compare::{Finding, What};
use crate::file::{Baseline, CaseBaseline, MetricBaseline};
use crate::scale::{Point, Scale, Sign};
use crate::shift::Shift;
use crate::verdict::{ALPHA, EPOCHS_NEEDED, Evidence, judge};
use std::collections::BTreeSet;
use tokgate_core::case::{CaseId, Tolerance};
use tokgate_core::gate::MUST_DETECT;
use tokgate_core::metric::MetricRef;
use tokgate_core::verdict::{Exit, Judged};

/// How much worse a metric with a relative tolerance may have become since the first recording: what
/// two or three steps hide that are each within a usual tolerance.
pub const CREEP_ALLOWED: f64 = 0.05;

/// One metric of one case in two baselines.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewed {
    /// The case.
    pub case: CaseId,
    /// The metric.
    pub metric: MetricRef,
    /// How far it may move, as the newer one says.
    pub tolerance: Tolerance,
    /// The middle of the older epochs, in the metric's unit.
    pub old: Option<f64>,
    /// The middle of the newer epochs.
    pub new: Option<f64>,
    /// The move, positive = worse: a share for a relative tolerance, else in the metric's unit.
    /// Absent with one side, without a direction, and for a share of 0.
    pub effect: Option<f64>,
    /// What the judge says; absent where either side has fewer epochs than a verdict takes.
    pub judged: Option<Judged>,
    /// The move since the first recording, like `effect`; absent where neither has an anchor.
    pub since_anchor: Option<f64>,
}

impl Renewed {
    /// Whether the judge says that the newer one is worse, or lacks it.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.judged.as_ref().is_some_and(|judged| judged.verdict.exit(false) == Exit::Regressed)
    }

    /// Whether it became worse than [`CREEP_ALLOWED`] since the first recording.
    #[must_use]
    pub fn has_crept(&self) -> bool {
        let relative = matches!(self.tolerance, Tolerance::Relative(_));
        relative && self.since_anchor.is_some_and(|effect| effect > CREEP_ALLOWED)
    }
}

/// Every metric of both, by case; the older one as the base, the newer one as the head.
#[must_use]
pub fn renewed(old: &Baseline, new: &Baseline) -> Vec<Renewed> {
    let ids: BTreeSet<&CaseId> = old.cases.keys().chain(new.cases.keys()).collect();
    let cases: Vec<Beside<'_>> = ids.into_iter().map(|case| Beside { case, old, new }).collect();
    let evidence: Vec<Evidence> = cases.iter().map(Beside::evidence).collect();
    let judged = judge(&evidence);
    cases.iter().zip(&judged).flat_map(|(case, judged)| case.rows(judged)).collect()
}

/// One case of two baselines, which either may lack.
struct Beside<'a> {
    case: &'a CaseId,
    old: &'a Baseline,
    new: &'a Baseline,
}

impl Beside<'_> {
    fn known<'b>(&self, side: &'b Baseline, metric: MetricRef) -> Option<&'b MetricBaseline> {
        side.cases.get(self.case)?.get(&metric)
    }

    fn metrics(&self, side: &Baseline) -> Vec<MetricRef> {
        side.cases.get(self.case).into_iter().flat_map(CaseBaseline::keys).copied().collect()
    }

    fn differences(&self) -> Vec<String> {
        self.old.compat_key.apart_from(&self.new.compat_key, self.case)
    }

    fn evidence(&self) -> Evidence {
        let head = self.metrics(self.new).into_iter();
        let findings = head.filter_map(|metric| self.finding(metric));
        let lost = |metric: &MetricRef| self.known(self.new, *metric).is_none();
        let lost = self.metrics(self.old).into_iter().filter(lost);
        Evidence {
            invalid: self.new.provenance.invalid(),
            differences: self.differences(),
            findings: findings
                .chain(lost.map(|metric| Finding { metric, what: What::Missing }))
                .collect(),
            must_detect: MUST_DETECT,
            suspected: false,
        }
    }

    /// What was found of a metric that the newer one has; `None` where it has no direction.
    fn finding(&self, metric: MetricRef) -> Option<Finding> {
        let head = self.known(self.new, metric)?;
        match self.known(self.old, metric) {
            Some(base) => compare_epochs(metric, base, head).ok(),
            None => Some(Finding { metric, what: What::New }),
        }
    }

    fn rows(&self, judged: &[Judged]) -> Vec<Renewed> {
        let metrics = [self.old, self.new].into_iter().flat_map(|side| self.metrics(side));
        let metrics: BTreeSet<MetricRef> = metrics.collect();
        metrics.into_iter().filter_map(|metric| self.row(metric, judged)).collect()
    }

    fn row(&self, metric: MetricRef, judged: &[Judged]) -> Option<Renewed> {
        let (before, after) = (self.known(self.old, metric), self.known(self.new, metric));
        let tolerance = after.or(before)?.tolerance;
        let (old, new) =
            (before.and_then(MetricBaseline::middle), after.and_then(MetricBaseline::middle));
        let moved_from = |start: Option<f64>| effect(metric, tolerance, start?, new?);
        let comparable = self.differences().is_empty();
        let said = judged.iter().find(|judged| judged.metric == metric);
        Some(Renewed {
            case: self.case.clone(),
            metric,
            tolerance,
            old,
            new,
            effect: moved_from(old).filter(|_| comparable),
            judged: said.filter(|judged| has_epochs(judged)).cloned(),
            since_anchor: moved_from(self.anchored(metric)),
        })
    }

    /// The first recording's middle, where it answers the same question.
    fn anchored(&self, metric: MetricRef) -> Option<f64> {
        let old = self.old.anchor.as_ref().filter(|_| self.differences().is_empty());
        self.new.anchor.as_ref().or(old)?.middle(self.case, &metric)
    }
}

/// Whether a verdict rests on the epochs that one takes, or on something else than epochs.
fn has_epochs(judged: &Judged) -> bool {
    judged
        .comparison
        .as_ref()
        .is_none_or(|comparison| comparison.epochs.0.min(comparison.epochs.1) >= EPOCHS_NEEDED)
}

/// How far `after` lies from `before`; positive is worse. `None` without a direction, and for a
/// share of 0.
fn effect(metric: MetricRef, tolerance: Tolerance, before: f64, after: f64) -> Option<f64> {
    let sign = Sign::of(metric.metric.better)?;
    let point = |value| [Point { value, se: None }];
    let scale = Scale::of(tolerance, &point(before), &point(after))?;
    Some(scale.effect(sign, scale.shift(sign, before, after)))
}

/// Compares the epochs of two baselines as those of a run are with a baseline's (Welch).
fn compare_epochs(
    metric: MetricRef,
    base: &MetricBaseline,
    head: &MetricBaseline,
) -> Result<Finding, ArmsError> {
    let values = |side: &MetricBaseline| -> Vec<f64> {
        side.epochs.iter().map(|epoch| epoch.value).collect()
    };
    // What is in a baseline had samples enough, else it would not be there.
    let samples = metric.stat.samples_needed();
    let gated = Gated { metric, tolerance: head.tolerance, samples };
    let arms = Arms::new(gated, &values(base), &values(head))?;
    let what = arms.compare(|arms, scale| {
        let shift = Shift::between(&arms.base, &arms.head, scale, arms.sign)?;
        Some(Test::new(shift, arms.line(scale), ALPHA))
    });
    Ok(Finding { metric, what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::recorded;
    use serde_json::json;
    use tokgate_core::verdict::Verdict;

    fn of(rows: &[Renewed], metric: &str) -> Renewed {
        rows.iter().find(|row| row.metric.to_string() == metric).unwrap().clone()
    }

    fn verdict(row: &Renewed) -> Option<Verdict> {
        row.judged.as_ref().map(|judged| judged.verdict)
    }

    fn with_epochs(mut baseline: Baseline, count: usize) -> Baseline {
        let metrics = baseline.cases.values_mut().flat_map(|case| case.values_mut());
        metrics.for_each(|metric| metric.epochs.truncate(count));
        baseline
    }

    #[test]
    fn a_fifth_more_is_worse_for_times_and_a_fifth_less_is_for_rates() {
        let old = recorded(1, 1.0);
        let rows = renewed(&old, &recorded(2, 1.2).in_place_of(&old));
        for metric in ["ttft.p50", "tok_s"] {
            let row = of(&rows, metric);
            assert_eq!(verdict(&row), Some(Verdict::Regressed), "{metric}");
            assert!(row.is_worse() && row.has_crept());
            assert!((0.1..0.3).contains(&row.effect.unwrap()), "{row:?}");
        }
        let back = of(&renewed(&recorded(2, 1.2), &recorded(1, 1.0)), "tok_s");
        assert!(back.effect.unwrap() < -0.1 && !back.is_worse() && !back.has_crept());
    }

    #[test]
    fn fewer_than_five_epochs_have_no_verdict() {
        let row = of(&renewed(&recorded(1, 1.0), &with_epochs(recorded(2, 1.2), 4)), "tok_s");
        assert_eq!(row.judged, None);
        assert!(row.effect.is_some() && !row.is_worse());
    }

    #[test]
    fn what_the_newer_one_lacks_is_missing_and_what_is_new_is_no_fault() {
        let (whole, mut part) = (recorded(1, 1.0), recorded(2, 1.0));
        let case = part.cases.values_mut().next().unwrap();
        case.remove(&"tok_s".parse().unwrap());
        let lost = of(&renewed(&whole, &part), "tok_s");
        assert!(lost.is_worse() && lost.new.is_none());
        let found = of(&renewed(&part, &whole), "tok_s");
        assert_eq!((verdict(&found), found.old), (Some(Verdict::New), None));
    }

    #[test]
    fn small_steps_are_added_up_since_the_first_recording() {
        let mut last = recorded(1, 1.0);
        for factor in [1.03, 1.06, 1.09] {
            last = recorded(1, factor).in_place_of(&last);
        }
        let next = recorded(1, 1.1).in_place_of(&last);
        let row = of(&renewed(&last, &next), "ttft.p50");
        assert!(row.effect.unwrap() < 0.02 && !row.is_worse());
        assert!((row.since_anchor.unwrap() - 0.1).abs() < 1e-6 && row.has_crept());
    }

    #[test]
    fn absurd_values_of_an_edited_file_are_compared_without_a_panic() {
        let sound = recorded(1, 1.0);
        for value in [0.0, f64::MIN_POSITIVE, 1e150, f64::MAX] {
            for tolerance in [Tolerance::Relative(0.0), Tolerance::Absolute(f64::MAX)] {
                let mut odd = sound.clone();
                let metrics = odd.cases.values_mut().flat_map(|case| case.values_mut());
                for metric in metrics {
                    metric.tolerance = tolerance;
                    metric.aa_pairs = vec![f64::MAX, f64::MIN];
                    metric.epochs.iter_mut().skip(1).for_each(|epoch| epoch.value = value);
                }
                let (there, back) = (renewed(&sound, &odd), renewed(&odd, &sound));
                assert_eq!((there.len(), back.len()), (3, 3));
                for (metric, known) in odd.cases.values().flatten() {
                    assert_eq!(known.outline(*metric).epochs, 6);
                }
            }
        }
    }

    #[test]
    fn another_question_is_incomparable_and_an_invalid_one_is_not_judged() {
        let (old, mut new) = (recorded(1, 1.0), recorded(2, 1.2));
        new.provenance.marks = vec!["an epoch was INVALID: quick/one: so".to_owned()];
        let row = of(&renewed(&old, &new), "tok_s");
        assert_eq!(verdict(&row), Some(Verdict::Invalid));
        assert!(!row.is_worse());
        new.provenance.marks.clear();
        let case = CaseId("quick/one".to_owned());
        new.compat_key.cases.insert(case, json!({ "kind": "another" }));
        let row = of(&renewed(&old, &new), "tok_s");
        assert_eq!((verdict(&row), row.effect), (Some(Verdict::Incomparable), None));
        assert!(!row.is_worse() && !row.has_crept());
    }
}
