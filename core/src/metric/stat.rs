//! The statistics by which a metric is told, and how many samples each needs.

use super::Shape;

/// A statistic of a distribution, or the value of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stat {
    /// The value itself (scalars) or the mean (metrics told by their mean).
    Value,
    /// Smallest sample.
    Min,
    /// Arithmetic mean.
    Mean,
    /// Median.
    P50,
    /// 75th percentile.
    P75,
    /// 90th percentile.
    P90,
    /// 95th percentile.
    P95,
    /// 99th percentile.
    P99,
    /// 99.9th percentile.
    P999,
    /// Largest sample.
    Max,
}

impl Stat {
    /// What a distribution is told by, in the order of the tables.
    pub const OF_DISTRIBUTION: [Self; 9] = [
        Self::Min,
        Self::Mean,
        Self::P50,
        Self::P75,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Max,
    ];

    /// The name as written in goals and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Min => "min",
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P75 => "p75",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
        }
    }

    /// The probability of a percentile.
    #[must_use]
    pub fn probability(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.50),
            Self::P75 => Some(0.75),
            Self::P90 => Some(0.90),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            Self::Value | Self::Min | Self::Mean | Self::Max => None,
        }
    }

    /// Successes needed before this statistic may be gated: 99 % confidence, one slow sample set
    /// aside.
    #[must_use]
    pub fn samples_needed(self) -> usize {
        match self {
            Self::Value | Self::Min | Self::Max => 1,
            Self::Mean | Self::P50 => 11,
            Self::P75 => 24,
            Self::P90 => 64,
            Self::P95 => 130,
            Self::P99 => 662,
            Self::P999 => 6_636,
        }
    }
}

impl Shape {
    /// The statistics by which a metric of this shape is told.
    #[must_use]
    pub fn stats(self) -> &'static [Stat] {
        match self {
            Self::Distribution => &Stat::OF_DISTRIBUTION,
            Self::Mean | Self::Scalar => &[Stat::Value],
        }
    }
}
