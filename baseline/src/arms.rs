//! One metric on two sides, as whoever compares them gets it.

use crate::compare::{Both, Chances, What};
use crate::scale::{Point, Scale, Sign};
use crate::shift::Shift;
use crate::verdict::EPOCHS_NEEDED;
use tokgate_core::case::Tolerance;
use tokgate_core::metric::MetricRef;
use tokgate_core::summary::{Estimate, Interval};
use tokgate_core::verdict::Comparison;

/// What is judged of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gated {
    /// The metric.
    pub metric: MetricRef,
    /// How far it may move.
    pub tolerance: Tolerance,
    /// The head's effective number of samples over all its epochs.
    pub samples: usize,
}

/// Why there is nothing to compare.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArmsError {
    /// The metric is told and never judged.
    #[error("{0} has no better and no worse")]
    NoDirection(MetricRef),
    /// An arm without a value.
    #[error("{0} was measured on one side only")]
    Empty(MetricRef),
    /// No measurement says that.
    #[error("{metric} is {value}, which is not a finite number of 0 or more")]
    NotAnAmount {
        /// The metric.
        metric: MetricRef,
        /// What was found.
        value: f64,
    },
}

/// One value an epoch, on two sides, each checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Arms {
    pub(crate) gated: Gated,
    pub(crate) sign: Sign,
    pub(crate) base: Vec<Point>,
    pub(crate) head: Vec<Point>,
}

/// A shift and what is asked of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Test {
    pub shift: Shift,
    /// The shift that it must not pass.
    pub line: f64,
    /// The level at which passing it counts.
    pub alpha: f64,
    /// Whether its noise is more than was known.
    pub noisy: bool,
    /// Whether the line is a trip wire: nothing is known of the shift's error.
    pub wire: bool,
    /// Whether it convicts nobody, whatever it finds, because its epochs are too few.
    pub idle: bool,
}

impl Test {
    pub(crate) fn new(shift: Shift, line: f64, alpha: f64) -> Self {
        Self { shift, line, alpha, noisy: false, wire: false, idle: false }
    }
}

impl Arms {
    /// The two sides of a metric, in its unit, one value an epoch.
    ///
    /// # Errors
    /// Where the metric is never judged, a side has no value, or one is no amount.
    pub fn new(gated: Gated, base: &[f64], head: &[f64]) -> Result<Self, ArmsError> {
        let metric = gated.metric;
        let sign = Sign::of(metric.metric.better).ok_or(ArmsError::NoDirection(metric))?;
        if base.is_empty() || head.is_empty() {
            return Err(ArmsError::Empty(metric));
        }
        let wrong = |value: &&f64| !(value.is_finite() && **value >= 0.0);
        if let Some(value) = base.iter().chain(head).find(wrong) {
            return Err(ArmsError::NotAnAmount { metric, value: *value });
        }
        let points =
            |values: &[f64]| values.iter().map(|value| Point { value: *value, se: None }).collect();
        Ok(Self { gated, sign, base: points(base), head: points(head) })
    }

    /// Compares the sides by `test`, which may know nothing of the noise.
    pub(crate) fn compare(&self, test: impl FnOnce(&Self, Scale) -> Option<Test>) -> What {
        match Scale::of(self.gated.tolerance, &self.base, &self.head) {
            Some(scale) => self.on(scale, test(self, scale)),
            None => What::FromZero,
        }
    }

    /// The shift at which the tolerance is used up.
    pub(crate) fn line(&self, scale: Scale) -> f64 {
        scale.line(self.sign, self.gated.tolerance)
    }

    /// Whether too few epochs stand on either side to convict.
    pub(crate) fn convict_nobody(&self) -> bool {
        self.base.len().min(self.head.len()) < EPOCHS_NEEDED
    }

    /// The comparison on `scale`.
    pub(crate) fn on(&self, scale: Scale, test: Option<Test>) -> What {
        let (Some(before), Some(after)) = (scale.middle(&self.base), scale.middle(&self.head))
        else {
            return What::FromZero;
        };
        let effect = |shift| scale.effect(self.sign, shift);
        let comparison = Comparison {
            metric: self.gated.metric,
            base: Estimate { value: before, interval: None, n: self.base.len() },
            head: Estimate { value: after, interval: None, n: self.gated.samples },
            effect: effect(scale.shift(self.sign, before, after)),
            interval: test.filter(|test| !test.wire).map(|test| {
                let Interval { low, high } = test.shift.interval();
                Interval { low: effect(low), high: effect(high) }
            }),
            epochs: (self.base.len(), self.head.len()),
            tolerance: self.gated.tolerance,
            mde: test
                .filter(|test| !test.idle)
                .map(|test| effect(test.shift.detectable(test.line, test.alpha))),
        };
        What::Both(Box::new(Both {
            comparison,
            chances: test.map(|test| Chances::of(&test.shift, test.line)),
            noisy: test.is_some_and(|test| test.noisy),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::gated;
    use tokgate_core::metric;

    #[test]
    fn what_no_measurement_says_is_refused() {
        let gated = gated(&metric::TOK_S);
        for wrong in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(matches!(
                Arms::new(gated, &[1.0], &[1.0, wrong]),
                Err(ArmsError::NotAnAmount { .. })
            ));
        }
        assert_eq!(Arms::new(gated, &[], &[1.0]), Err(ArmsError::Empty(gated.metric)));
        assert!(Arms::new(gated, &[0.0], &[0.0]).is_ok());
    }

    #[test]
    fn what_has_no_better_and_no_worse_is_not_judged() {
        let length =
            Gated { metric: MetricRef::value(&metric::IN_FLIGHT), ..gated(&metric::TOK_S) };
        let refused = Arms::new(length, &[1.0], &[1.0]);
        assert_eq!(refused, Err(ArmsError::NoDirection(length.metric)));
    }
}
