//! The unit in which a figure shows a metric: the one in which its numbers read well.

use super::{Axis, Point};
use tokgate_core::metric::{Metric, MetricRef, Stat};
use tokgate_core::summary::Estimate;
use tokgate_core::unit::Unit;

/// A unit, and what a number in SI is multiplied by to be in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shown {
    pub(super) unit: &'static str,
    pub(super) factor: f64,
}

impl Shown {
    /// For numbers about as large as `typical`, which is in the metric's own unit.
    pub(super) fn of(unit: Unit, typical: f64) -> Self {
        let shown = |unit, factor| Self { unit, factor };
        match unit {
            Unit::Seconds if typical >= 1.0 => shown("s", 1.0),
            Unit::Seconds if typical >= 1e-3 || typical == 0.0 => shown("ms", 1e3),
            Unit::Seconds => shown("µs", 1e6),
            Unit::Bytes if typical >= 1073741824.0 => shown("GiB", 1.0 / 1073741824.0),
            Unit::Bytes if typical >= 1048576.0 => shown("MiB", 1.0 / 1048576.0),
            Unit::Bytes => shown("KiB", 1.0 / 1024.0),
            Unit::BytesPerSecond => shown("GB/s", 1e-9),
            Unit::Ratio => shown("%", 100.0),
            Unit::Count => shown("", 1.0),
            Unit::RequestsPerSecond => shown("/s", 1.0),
            Unit::TokensPerSecond
            | Unit::Joules
            | Unit::TokensPerJoule
            | Unit::Usd
            | Unit::TokensPerSecondPerUsdHour
            | Unit::Watts
            | Unit::Celsius => shown(unit.symbol(), 1.0),
        }
    }

    /// For these estimates, by the greatest of them.
    pub(super) fn of_all<'a>(unit: Unit, all: impl Iterator<Item = &'a Estimate>) -> Self {
        Self::of(unit, all.map(|estimate| estimate.value.abs()).fold(0.0, f64::max))
    }

    /// A number in this unit.
    pub(super) fn scale(self, value: f64) -> f64 {
        value * self.factor
    }

    /// An estimate at `x`, with its interval.
    pub(super) fn point(self, x: f64, estimate: &Estimate) -> Point {
        let interval =
            estimate.interval.map(|interval| (self.scale(interval.low), self.scale(interval.high)));
        Point { x, y: self.scale(estimate.value), interval }
    }

    /// The axis of a metric in this unit.
    pub(super) fn axis(self, metric: &Metric) -> Axis {
        Axis::new(metric.name, self.unit)
    }
}

/// A metric and its statistic in words: `time to first token, p95`.
pub(super) fn words(reference: MetricRef) -> String {
    match reference.stat {
        Stat::Value => reference.metric.name.to_owned(),
        stat => format!("{}, {}", reference.metric.name, stat.as_str()),
    }
}

/// A sentence's beginning.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
