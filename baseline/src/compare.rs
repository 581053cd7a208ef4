//! From a summary and a baseline to effects: how far each gated metric moved, and how sure that
//! is. Nothing here says whether that is good or bad.

use crate::compat::fingerprint;
use crate::dependence::effective_n;
use crate::file::{CaseBaseline, EpochValue};
use crate::interval::standard_error;
use crate::scale::{Point, Scale, Sign};
use tokgate_core::case::{Gate, Tolerance};
use tokgate_core::metric::MetricRef;
use tokgate_core::summary::{Estimate, Interval, MetricSummary, Summary};
use tokgate_core::verdict::Comparison;

pub use crate::shift::Shift;

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
    Pair(Box<Pair>),
    /// On both, but the baseline is 0 and the tolerance relative.
    FromZero,
    /// In the baseline only.
    Missing,
    /// In the run only.
    New,
}

/// A metric on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// What people are shown. Its values are the middles of the epochs' values, so that the effect
    /// is exactly their ratio or difference; `n` is the head's effective n over all epochs, and
    /// for the baseline its epochs.
    pub comparison: Comparison,
    /// The same on the scale on which it is tested; absent where nothing is known of the noise.
    pub shift: Option<Shift>,
    /// The shift at which the tolerance is used up.
    pub line: f64,
}

impl Finding {
    /// The two sides, where there are two.
    #[must_use]
    pub fn pair(&self) -> Option<&Pair> {
        match &self.what {
            What::Pair(pair) => Some(pair),
            What::FromZero | What::Missing | What::New => None,
        }
    }
}

impl Pair {
    /// The one-sided p-value of "not worse than the tolerance allows".
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        self.shift.map(|shift| shift.p_beyond(self.line))
    }
}

/// Compares what the gate names, in its order, then names what the baseline has and the run has
/// not. What neither side has, and what has no better or worse, is left out.
#[must_use]
pub fn compare(summary: &Summary, base: &CaseBaseline, gate: &Gate) -> Vec<Finding> {
    let gated = gate.tolerances.iter().filter_map(|(reference, tolerance)| {
        let what = find(summary, base, *reference, *tolerance)?;
        Some(Finding { metric: *reference, what })
    });
    let dropped = base
        .keys()
        .filter(|known| !gate.tolerances.contains_key(known))
        .filter(|known| summary.estimate(**known).is_none())
        .map(|known| Finding { metric: *known, what: What::Missing });
    gated.chain(dropped).collect()
}

fn find(
    summary: &Summary,
    base: &CaseBaseline,
    reference: MetricRef,
    tolerance: Tolerance,
) -> Option<What> {
    let sign = Sign::of(reference.metric.better)?;
    let head = summary.metrics.iter().find(|metric| metric.metric == reference.metric);
    let head = head.filter(|metric| metric.stats.contains_key(&reference.stat));
    match (base.get(&reference), head) {
        (Some(base), Some(head)) => {
            let head = Head { reference, metric: head, seed: fingerprint(&summary.case.0) };
            Some(pair(&base.epochs, &head, tolerance, sign))
        }
        (Some(_), None) => Some(What::Missing),
        (None, Some(_)) => Some(What::New),
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

fn pair(base: &[EpochValue], head: &Head<'_>, tolerance: Tolerance, sign: Sign) -> What {
    let base: Vec<Point> =
        base.iter().map(|epoch| Point { value: epoch.value, se: epoch.se }).collect();
    // Errors from within the epochs are resampled, and only needed where epochs are too few.
    let few = base.len().min(head.metric.epochs.len()) < 2;
    let found = head.points(few);
    let Some(scale) = Scale::of(tolerance, &base, &found) else { return What::FromZero };
    let (Some(before), Some(after)) = (scale.middle(&base), scale.middle(&found)) else {
        return What::FromZero;
    };
    let shift = Shift::between(&base, &found, scale, sign);
    let comparison = Comparison {
        metric: head.reference,
        base: Estimate { value: before, interval: None, n: base.len() },
        head: Estimate { value: after, interval: None, n: head.effective_n() },
        effect: scale.effect(sign, scale.shift(sign, before, after)),
        interval: shift.map(|shift| {
            let Interval { low, high } = shift.interval();
            Interval { low: scale.effect(sign, low), high: scale.effect(sign, high) }
        }),
        epochs: (base.len(), found.len()),
        tolerance,
    };
    What::Pair(Box::new(Pair { comparison, shift, line: scale.line(sign, tolerance) }))
}
