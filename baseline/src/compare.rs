//! From a summary and a baseline to effects: how far each gated metric moved, and how sure that
//! is. Nothing here says whether that is good or bad.

use crate::arms::{Arms, Gated, Test};
use crate::compat::fingerprint;
use crate::dependence::effective_n;
use crate::file::{CaseBaseline, EpochValue};
use crate::interval::standard_error;
use crate::scale::{Point, Scale, Sign};
use crate::shift::Shift;
use crate::verdict::ALPHA;
use tokgate_core::case::{Gate, Tolerance};
use tokgate_core::metric::MetricRef;
use tokgate_core::summary::{MetricSummary, Summary};
use tokgate_core::verdict::Comparison;

/// What was found of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Which metric.
    pub metric: MetricRef,
    /// What was found.
    pub what: What,
}

/// Whether a metric is on both sides.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// On both.
    Both(Box<Both>),
    /// On both, but the baseline is 0 and the tolerance relative.
    FromZero,
    /// In the baseline only.
    Missing,
    /// In the run only.
    New,
}

/// A metric on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Both {
    /// What people are shown. Its values are the middles of the epochs' values, so that the effect
    /// is exactly their ratio or difference; `n` is the head's effective n over all epochs, and
    /// for the base its epochs.
    pub comparison: Comparison,
    /// What chance alone makes of it; absent where nothing is known of the noise.
    pub chances: Option<Chances>,
    /// Whether this noise is more than the baseline knew.
    pub noisy: bool,
}

/// How often chance alone shows as much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    /// The one-sided p-value of "not worse than the tolerance allows".
    pub worse: f64,
    /// The one-sided p-value of "not better by more than the tolerance".
    pub better: f64,
    /// Whether it is shown to be no worse than the tolerance allows: at 95 %, of one metric.
    pub within: bool,
}

/// The level at which one metric is nominated or cleared: neither fails anybody.
pub(crate) const LEVEL: f64 = 0.05;

impl Chances {
    /// The chances of a shift with a line on either side.
    pub(crate) fn of(shift: &Shift, line: f64) -> Self {
        let worse = shift.p_beyond(line);
        Self { worse, better: shift.turned().p_beyond(line), within: 1.0 - worse < LEVEL }
    }

    /// Whether it is worth a closer look as worse than the tolerance.
    #[must_use]
    pub fn look_worse(&self) -> bool {
        self.worse < LEVEL
    }

    /// Whether it is worth a closer look as better than the tolerance.
    #[must_use]
    pub fn look_better(&self) -> bool {
        self.better < LEVEL
    }
}

impl Finding {
    /// The two sides, where there are two.
    #[must_use]
    pub fn both(&self) -> Option<&Both> {
        match &self.what {
            What::Both(both) => Some(both),
            What::FromZero | What::Missing | What::New => None,
        }
    }
}

/// Compares what the gate names, in its order, then names what the baseline has and the run has
/// not. What neither side has, what has no better or worse, and what is in quarantine is left out.
#[must_use]
pub fn compare(summary: &Summary, base: &CaseBaseline, gate: &Gate) -> Vec<Finding> {
    compare_by(summary, base, gate, welch)
}

/// How two sides are tested.
pub(crate) type By = fn(&Arms, Scale) -> Option<Test>;

/// [`compare`], tested `by` something else.
pub(crate) fn compare_by(
    summary: &Summary,
    base: &CaseBaseline,
    gate: &Gate,
    by: By,
) -> Vec<Finding> {
    let gated = gate.tolerances.iter().filter_map(|(reference, tolerance)| {
        let what = match find(summary, base, *reference, *tolerance)? {
            Ok(arms) => arms.compare(by),
            Err(absent) => absent,
        };
        Some(Finding { metric: *reference, what })
    });
    let dropped = base
        .keys()
        .filter(|known| !gate.tolerances.contains_key(known))
        .filter(|known| !gate.quarantine.contains_key(known))
        .filter(|known| summary.estimate(**known).is_none())
        .map(|known| Finding { metric: *known, what: What::Missing });
    gated.chain(dropped).collect()
}

fn welch(arms: &Arms, scale: Scale) -> Option<Test> {
    let shift = Shift::between(&arms.base, &arms.head, scale, arms.sign)?;
    Some(Test { idle: arms.convict_nobody(), ..Test::new(shift, arms.line(scale), ALPHA) })
}

/// Both sides of a metric, or which of them is not there.
fn find(
    summary: &Summary,
    base: &CaseBaseline,
    reference: MetricRef,
    tolerance: Tolerance,
) -> Option<Result<Arms, What>> {
    let sign = Sign::of(reference.metric.better)?;
    let head = summary.metrics.iter().find(|metric| metric.metric == reference.metric);
    let head = head.filter(|metric| metric.stats.contains_key(&reference.stat));
    match (base.get(&reference), head) {
        (Some(base), Some(head)) => {
            let head = Head { reference, metric: head, seed: fingerprint(&summary.case.0) };
            Some(Ok(arms(&base.epochs, &head, tolerance, sign)))
        }
        (Some(_), None) => Some(Err(What::Missing)),
        (None, Some(_)) => Some(Err(What::New)),
        (None, None) => None,
    }
}

/// The measured side.
struct Head<'a> {
    reference: MetricRef,
    metric: &'a MetricSummary,
    seed: u64,
}

impl Head<'_> {
    fn points(&self, with_errors: bool) -> Vec<Point> {
        let Self { reference, seed, .. } = self;
        let point = |(epoch, number): (_, u64)| {
            let se = || {
                standard_error(reference.metric, epoch, reference.stat, seed.wrapping_add(number))
            };
            Some(Point { value: epoch.stat(reference.stat)?, se: with_errors.then(se).flatten() })
        };
        self.metric.epochs.iter().zip(0..).filter_map(point).collect()
    }

    fn effective_n(&self) -> usize {
        self.metric.epochs.iter().map(effective_n).sum::<f64>() as usize
    }
}

fn arms(base: &[EpochValue], head: &Head<'_>, tolerance: Tolerance, sign: Sign) -> Arms {
    let base: Vec<Point> =
        base.iter().map(|epoch| Point { value: epoch.value, se: epoch.se }).collect();
    // Errors from within the epochs are resampled, and only needed where epochs are too few.
    let few = base.len().min(head.metric.epochs.len()) < 2;
    let gated = Gated { metric: head.reference, tolerance, samples: head.effective_n() };
    Arms { gated, sign, base, head: head.points(few) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::gated;
    use tokgate_core::metric::E2E;

    /// What a judge without pairs says of noise of 1 % and this many epochs in each arm.
    fn mde(epochs: usize) -> Option<f64> {
        let values: Vec<f64> = [0.99, 1.0, 1.01].into_iter().cycle().take(epochs).collect();
        let what = Arms::new(gated(&E2E), &values, &values).unwrap().compare(welch);
        Finding { metric: gated(&E2E).metric, what }.both().unwrap().comparison.mde
    }

    #[test]
    fn the_smallest_effect_that_is_found_shrinks_with_the_epochs() {
        // ln 1.02 + (t_.99 + 0.842) · s · √(2 / epochs), with s of 0.894 % and 0.834 % and t of ten
        // and 46 degrees of freedom: 2.764 and 2.410.
        assert!((mde(6).unwrap() - 0.0392).abs() < 1e-4, "{:?}", mde(6));
        assert!((mde(24).unwrap() - 0.0280).abs() < 1e-4, "{:?}", mde(24));
    }

    #[test]
    fn nothing_is_found_where_nobody_can_be_convicted() {
        assert!(mde(5).is_some());
        assert_eq!((mde(4), mde(1)), (None, None));
    }
}
