//! What a baseline's metric says of itself: its middle, its spread, and what it would find.

use crate::file::{EpochValue, MetricBaseline};
use crate::noise::Noise;
use crate::scale::{Point, Scale, Sign};
use crate::shift::Shift;
use crate::verdict::ALPHA;
use std::collections::BTreeSet;
use tokgate_core::case::Tolerance;
use tokgate_core::metric::MetricRef;
use tokgate_core::quantile::standard_deviation;

/// Fresh pairs that a gate measures of a suspect where time allows.
pub const FRESH_PAIRS: usize = 8;

/// A metric of a baseline, in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// The middle of the epochs' values, in the metric's unit.
    pub middle: Option<f64>,
    /// Standard deviation between epochs: a share for a relative tolerance, else in the metric's
    /// unit. Absent with one epoch.
    pub spread: Option<f64>,
    /// Epochs.
    pub epochs: usize,
    /// Bookings that they were measured in.
    pub bookings: usize,
    /// Pairs of epochs without a change.
    pub aa_pairs: usize,
    /// The smallest effect that [`FRESH_PAIRS`] would find in about four of five tries, on the
    /// scale of `spread`. Absent below two A/A pairs.
    pub detectable: Option<f64>,
}

impl MetricBaseline {
    /// The metric in short.
    #[must_use]
    pub fn outline(&self, metric: MetricRef) -> Outline {
        let bookings: BTreeSet<&str> =
            self.epochs.iter().map(|epoch| epoch.booking.as_str()).collect();
        Outline {
            middle: self.middle(),
            spread: self.spread(),
            epochs: self.epochs.len(),
            bookings: bookings.len(),
            aa_pairs: self.aa_pairs.len(),
            detectable: self.detectable(metric, FRESH_PAIRS),
        }
    }

    /// The mean of the epochs' values in the metric's unit, geometric for a relative tolerance
    /// where all are positive, as the judge compares them.
    #[must_use]
    pub fn middle(&self) -> Option<f64> {
        self.scale()?.middle(&self.points())
    }

    fn spread(&self) -> Option<f64> {
        standard_deviation(&self.scale()?.thetas(&self.points()))
    }

    /// The smallest effect that fresh `pairs` would find in about four of five tries, were their
    /// noise that of the A/A pairs:
    /// δ + (t_1−α(ν) + 0.84) · s̃ / √R with ν = R − 1 + d0 degrees of freedom, where d0 is what the
    /// A/A pairs count for.
    #[must_use]
    pub fn detectable(&self, metric: MetricRef, pairs: usize) -> Option<f64> {
        let (sign, scale) = (Sign::of(metric.metric.better)?, self.pairs_scale()?);
        let points = self.points();
        let same = Noise::of(&self.aa_pairs, &[], scale.floor(&points))?;
        let df = (pairs.checked_sub(1)? as f64) + same.trusted_df();
        let shift = Shift { estimate: 0.0, se: same.deviation / (pairs as f64).sqrt(), df };
        let line = scale.line(sign, self.tolerance);
        Some(scale.effect(sign, shift.detectable(line, ALPHA))).filter(|effect| effect.is_finite())
    }

    fn scale(&self) -> Option<Scale> {
        Scale::of(self.tolerance, &self.points(), &[])
    }

    /// The scale of the A/A pairs, whatever the values are.
    fn pairs_scale(&self) -> Option<Scale> {
        match (self.tolerance, self.scale()?) {
            (Tolerance::Relative(_), Scale::Log) => Some(Scale::Log),
            (Tolerance::Absolute(_), scale) => Some(scale),
            (Tolerance::Relative(_), Scale::Linear { .. }) => None,
        }
    }

    pub(crate) fn points(&self) -> Vec<Point> {
        self.epochs.iter().map(EpochValue::point).collect()
    }
}

impl EpochValue {
    pub(crate) fn point(&self) -> Point {
        Point { value: self.value, se: self.se }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::metric;

    fn known(values: &[f64], tolerance: Tolerance, aa_pairs: &[f64]) -> MetricBaseline {
        let epoch = |(at, value): (usize, &f64)| EpochValue {
            booking: format!("b{}", at / 2),
            value: *value,
            se: None,
        };
        let epochs = values.iter().enumerate().map(epoch).collect();
        MetricBaseline { epochs, tolerance, aa_pairs: aa_pairs.to_vec() }
    }

    #[test]
    fn the_middle_is_geometric_for_a_relative_tolerance_and_plain_for_an_absolute_one() {
        let relative = known(&[1.0, 4.0], Tolerance::Relative(0.02), &[]);
        assert!((relative.middle().unwrap() - 2.0).abs() < 1e-12);
        let absolute = known(&[0.5, 1.0], Tolerance::Absolute(0.005), &[]);
        assert_eq!(absolute.middle(), Some(0.75));
        assert_eq!(known(&[0.0, 0.0], Tolerance::Relative(0.02), &[]).middle(), Some(0.0));
    }

    #[test]
    fn an_outline_counts_epochs_bookings_and_pairs() {
        let ttft = MetricRef::value(&metric::E2E);
        let outline = known(&[1.0, 1.01, 1.0], Tolerance::Relative(0.02), &[0.01]).outline(ttft);
        assert_eq!((outline.epochs, outline.bookings, outline.aa_pairs), (3, 2, 1));
        assert_eq!(outline.detectable, None, "one pair says nothing of how pairs vary");
        assert!((outline.spread.unwrap() - 1.01_f64.ln() / 3.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn eight_fresh_pairs_find_what_the_formula_says() {
        // A deviation of 1.5 % by 8 pairs: 2 % + (t_.99(14) + 0.842) · 1.5 % / √8, on ln.
        let step = 0.015 * (7.0_f64 / 8.0).sqrt();
        let same: Vec<f64> = (0..8).map(|at| step * f64::from(1 - 2 * (at % 2))).collect();
        let known = known(&[1.0; 2], Tolerance::Relative(0.02), &same);
        let found = known.detectable(MetricRef::value(&metric::E2E), 8).unwrap();
        let expected = (1.02_f64.ln() + (2.624 + 0.842) * 0.015 / 8.0_f64.sqrt()).exp_m1();
        assert!((found - expected).abs() < 2e-4, "{found} {expected}");
    }

    #[test]
    fn a_relative_metric_with_a_zero_has_no_pairs_scale() {
        let zero = known(&[0.0, 1.0], Tolerance::Relative(0.02), &[0.1, 0.2]);
        assert_eq!(zero.detectable(MetricRef::value(&metric::E2E), 8), None);
    }
}
