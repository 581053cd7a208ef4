//! How far a figure may be relied on.

use super::configuration::Configuration;
use super::measured::Provenance;
use serde::Serialize;
use std::fmt;

/// A configuration that was last measured longer ago is stale, days.
pub const STALE_AFTER_DAYS: i64 = 30;
/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;
/// From so many runs on, a figure is relied on.
const HIGH_FROM: u64 = 3;

/// How far a figure may be relied on, by the runs that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// One run.
    Low,
    /// Two.
    Medium,
    /// Three and more.
    High,
}

impl Confidence {
    /// By a number of runs.
    #[must_use]
    pub fn of(runs: u64) -> Self {
        match runs {
            HIGH_FROM.. => Self::High,
            2 => Self::Medium,
            0 | 1 => Self::Low,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// Between 0 and 1, as the ranking counts it: runs of the three that it takes to be high.
    #[must_use]
    pub fn share(self) -> f64 {
        match self {
            Self::Low => 1.0 / 3.0,
            Self::Medium => 2.0 / 3.0,
            Self::High => 1.0,
        }
    }
}

/// Whether what was last measured at `last_us` is stale at `now_us`; both microseconds since 1970.
#[must_use]
pub fn is_stale(last_us: i64, now_us: i64) -> bool {
    now_us.saturating_sub(last_us) > STALE_AFTER_DAYS * DAY_US
}

/// Why a configuration should be relied on less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// Measured once.
    SingleRun,
    /// Twice.
    TwoRuns,
    /// Not for [`STALE_AFTER_DAYS`] days.
    Stale,
    /// By other tools alone.
    ImportedOnly,
    /// Its figures are of loads that differ in how many sent at the same time.
    MixedLoads,
    /// Its figures are of several ways to serve the model.
    MixedPlatforms,
    /// Its figures are of several kinds of task.
    MixedTasks,
}

impl Warning {
    /// All that are to be said of a configuration.
    #[must_use]
    pub fn of(configuration: &Configuration) -> Vec<Self> {
        let Configuration { runs, is_stale, provenance, workers, platforms, tasks, .. } =
            configuration;
        let said = [
            (Self::SingleRun, *runs < 2),
            (Self::TwoRuns, *runs == 2),
            (Self::Stale, *is_stale),
            (Self::ImportedOnly, *provenance == Provenance::Imported),
            (Self::MixedLoads, workers.len() > 1),
            (Self::MixedPlatforms, platforms.len() > 1),
            (Self::MixedTasks, tasks.len() > 1),
        ];
        said.into_iter().filter(|(_, applies)| *applies).map(|(warning, _)| warning).collect()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleRun => "a single run: results may vary, measure it again",
            Self::TwoRuns => "two runs only: a third would say how much results vary",
            Self::Stale => "last measured more than 30 days ago: measure it again",
            Self::ImportedOnly => "measured by another tool alone, and imported",
            Self::MixedLoads => "of loads with different numbers of workers",
            Self::MixedPlatforms => "of several platforms that served the model",
            Self::MixedTasks => "of several kinds of task together",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{DAY_US, NOW_US};

    #[test]
    fn three_runs_are_relied_on_two_a_little_and_one_hardly() {
        let words = [1, 2, 3, 40].map(|runs| Confidence::of(runs).as_str());
        assert_eq!(words, ["low", "medium", "high", "high"]);
    }

    #[test]
    fn thirty_days_are_not_yet_stale() {
        assert!(!is_stale(NOW_US - 30 * DAY_US, NOW_US));
        assert!(is_stale(NOW_US - 30 * DAY_US - 1, NOW_US));
        assert!(!is_stale(NOW_US + DAY_US, NOW_US), "a clock that was ahead makes nothing old");
    }
}
