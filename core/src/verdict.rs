//! The words of a verdict, what they rest on, and the exit codes they lead to.
//!
//! Which of them applies is decided by the judge alone.

use crate::case::Tolerance;
use crate::metric::MetricRef;
use crate::summary::{Estimate, Interval};

/// What is said of one metric of one case. The whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Within the tolerance.
    Unchanged,
    /// Better by more than the tolerance.
    Improved,
    /// Suspected, then found within the tolerance.
    Cleared,
    /// Not in the baseline.
    New,
    /// The interval reaches over the line.
    Inconclusive,
    /// The noise hides what must be detected.
    Underpowered,
    /// Too few samples for this statistic.
    InsufficientSamples,
    /// Worse, but without a fresh base to compare with.
    #[serde(rename = "regressed (unpaired)")]
    RegressedUnpaired,
    /// Worse by more than the tolerance.
    Regressed,
    /// In the baseline, not in the run.
    Missing,
    /// Not comparable.
    Incomparable,
    /// The run may not be judged.
    Invalid,
}

impl Verdict {
    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Improved => "improved",
            Self::Cleared => "cleared",
            Self::New => "new",
            Self::Inconclusive => "inconclusive",
            Self::Underpowered => "underpowered",
            Self::InsufficientSamples => "insufficient-samples",
            Self::RegressedUnpaired => "regressed (unpaired)",
            Self::Regressed => "regressed",
            Self::Missing => "missing",
            Self::Incomparable => "incomparable",
            Self::Invalid => "invalid",
        }
    }

    /// The exit this verdict leads to; `strict` is not satisfied with what is merely not proven.
    #[must_use]
    pub fn exit(self, strict: bool) -> Exit {
        match self {
            Self::Unchanged | Self::Improved | Self::Cleared | Self::New => Exit::Held,
            Self::Inconclusive | Self::Underpowered | Self::InsufficientSamples if strict => {
                Exit::Invalid
            }
            Self::RegressedUnpaired if strict => Exit::Regressed,
            Self::Inconclusive
            | Self::Underpowered
            | Self::InsufficientSamples
            | Self::RegressedUnpaired => Exit::Held,
            Self::Regressed | Self::Missing => Exit::Regressed,
            Self::Incomparable | Self::Invalid => Exit::Invalid,
        }
    }
}

/// What was compared, before anyone judges it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Which metric.
    pub metric: MetricRef,
    /// The baseline's value, in the metric's unit.
    pub base: Estimate,
    /// This run's value.
    pub head: Estimate,
    /// The change, positive = worse: relative for a relative tolerance, else in the metric's unit.
    pub effect: f64,
    /// Its interval.
    pub interval: Option<Interval>,
    /// Epochs of the baseline and of this run.
    pub epochs: (usize, usize),
    /// How far the metric may move.
    pub tolerance: Tolerance,
    /// The smallest effect that would be convicted (in a screen: nominated) in about four of five
    /// tries, were the metric the only one: a share for a relative tolerance, else in the metric's
    /// unit. Absent where nothing is known of the noise, or too few epochs convict nobody.
    pub mde: Option<f64>,
}

impl Comparison {
    /// [`Comparison::mde`] as people read it: `3.5 %` for a relative tolerance, else in the metric's
    /// unit.
    #[must_use]
    pub fn shown_mde(&self) -> Option<String> {
        let mde = self.mde.filter(|mde| mde.is_finite())?;
        Some(match self.tolerance {
            Tolerance::Relative(_) => format!("{:.1} %", 100.0 * mde),
            Tolerance::Absolute(_) => self.metric.metric.unit.show(mde),
        })
    }
}

/// A comparison and what the judge says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The metric.
    pub metric: MetricRef,
    /// What it rests on; absent where there was nothing to compare.
    pub comparison: Option<Comparison>,
    /// What is said.
    pub verdict: Verdict,
    /// Why, in a fragment.
    pub why: String,
}

/// What is said of a whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Nothing got worse.
    Held,
    /// Something got worse, or a required goal was missed.
    Regressed,
    /// Not enough is known.
    Inconclusive,
    /// It may not be judged.
    Invalid,
}

/// How the process ends. The codes are a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// 0
    Held,
    /// 1: regressed, missing, or a required goal missed.
    Regressed,
    /// 2: used wrongly.
    Usage,
    /// 3: could not measure, or INVALID.
    Invalid,
    /// 4: nothing to run.
    Nothing,
    /// 5: storage or internal.
    Storage,
    /// 130: interrupted.
    Interrupted,
    /// 143: terminated.
    Terminated,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Regressed => 1,
            Self::Usage => 2,
            Self::Invalid => 3,
            Self::Nothing => 4,
            Self::Storage => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The one of two that counts: signals, then 5, 2, 4, 3, 1, 0.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if self.rank() >= other.rank() { self } else { other }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Held => 0,
            Self::Regressed => 1,
            Self::Invalid => 2,
            Self::Nothing => 3,
            Self::Usage => 4,
            Self::Storage => 5,
            Self::Interrupted => 6,
            Self::Terminated => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_outweighs_invalid_outweighs_regressed() {
        assert_eq!(Exit::Regressed.worst(Exit::Invalid), Exit::Invalid);
        assert_eq!(Exit::Storage.worst(Exit::Invalid), Exit::Storage);
        assert_eq!(Exit::Held.worst(Exit::Regressed), Exit::Regressed);
    }

    #[test]
    fn strict_is_not_satisfied_with_what_is_not_proven() {
        assert_eq!(Verdict::Inconclusive.exit(false), Exit::Held);
        assert_eq!(Verdict::Inconclusive.exit(true), Exit::Invalid);
        assert_eq!(Verdict::RegressedUnpaired.exit(true), Exit::Regressed);
    }
}
