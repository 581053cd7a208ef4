//! Goals: what a number should reach, and how far a run got. Also the grade over all goals.

use crate::metric::{MetricRef, Stat};
use crate::summary::{Estimate, Summary};
use crate::unit::Unit;
use serde::{Deserialize, Serialize};

/// The line that a value is held against, in the metric's own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Bound {
    /// `>= x`
    AtLeast {
        /// The line.
        value: f64,
    },
    /// `> x`
    Above {
        /// The line.
        value: f64,
    },
    /// `<= x`
    AtMost {
        /// The line.
        value: f64,
    },
    /// `< x`
    Below {
        /// The line.
        value: f64,
    },
    /// `low .. high`, both ends included.
    Within {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

/// Why a text is no bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    /// No comparison was found.
    #[error("expected `>= 30`, `> 30`, `< 5 ms`, `<= 5 ms` or a band such as `5 .. 15 %`")]
    Form,
    /// Not a number.
    #[error("`{0}` is not a number")]
    Number(String),
    /// A unit of another dimension, or none where one is needed.
    #[error("`{unit}` is no unit of this metric: {allowed}")]
    Unit {
        /// What was written.
        unit: String,
        /// What may be written.
        allowed: &'static str,
    },
    /// The band ends before it begins.
    #[error("the band ends before it begins")]
    Empty,
}

impl Bound {
    /// Reads `text` for a metric in `unit`. Times need a unit (`ms`), shares take `%` or a plain
    /// share between 0 and 1, rates and counts take none.
    pub fn parse(text: &str, unit: Unit) -> Result<Self, BoundError> {
        let text = text.trim();
        if let Some((low, high)) = text.split_once("..") {
            return band(low.trim(), high.trim(), unit);
        }
        type Make = fn(f64) -> Bound;
        const FORMS: [(&str, Make); 4] = [
            (">=", |value| Bound::AtLeast { value }),
            ("<=", |value| Bound::AtMost { value }),
            (">", |value| Bound::Above { value }),
            ("<", |value| Bound::Below { value }),
        ];
        FORMS
            .iter()
            .find_map(|(sign, make)| text.strip_prefix(sign).map(|rest| (rest, make)))
            .ok_or(BoundError::Form)
            .and_then(|(rest, make)| quantity(rest.trim(), unit).map(make))
    }

    /// Whether `value` keeps to the bound. A band is kept from below: a value under it is told
    /// with a warning (see [`Level::Yellow`]), only one over it misses.
    #[must_use]
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast { value: line } => value >= line,
            Self::Above { value: line } => value > line,
            Self::AtMost { value: line } => value <= line,
            Self::Below { value: line } => value < line,
            Self::Within { high, .. } => value <= high,
        }
    }

    /// The numbers that it is made of, lowest first.
    pub fn ends(self) -> impl Iterator<Item = f64> {
        let (one, other) = match self {
            Self::AtLeast { value }
            | Self::Above { value }
            | Self::AtMost { value }
            | Self::Below { value } => (value, None),
            Self::Within { low, high } => (low, Some(high)),
        };
        std::iter::once(one).chain(other)
    }

    /// The bound in a unit that reads well.
    #[must_use]
    pub fn show(self, unit: Unit) -> String {
        match self {
            Self::AtLeast { value } => format!("≥ {}", unit.show(value)),
            Self::Above { value } => format!("> {}", unit.show(value)),
            Self::AtMost { value } => format!("≤ {}", unit.show(value)),
            Self::Below { value } => format!("< {}", unit.show(value)),
            Self::Within { low, high } => format!("{} … {}", unit.show(low), unit.show(high)),
        }
    }
}

fn band(low: &str, high: &str, unit: Unit) -> Result<Bound, BoundError> {
    // `5 .. 15 %`: a unit written once stands for both ends.
    let shared =
        high.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.eE".contains(c)).trim();
    let low = match low.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        true => format!("{low} {shared}"),
        false => low.to_owned(),
    };
    let (low, high) = (quantity(low.trim(), unit)?, quantity(high, unit)?);
    if low > high {
        return Err(BoundError::Empty);
    }
    Ok(Bound::Within { low, high })
}

/// A number with its unit, in SI.
fn quantity(text: &str, unit: Unit) -> Result<f64, BoundError> {
    let end = text
        .char_indices()
        .find(|(_, c)| !(c.is_ascii_digit() || "+-.".contains(*c)))
        .map_or(text.len(), |(at, _)| at);
    let (number, suffix) = (text[..end].trim(), text[end..].trim());
    let value: f64 = number.parse().map_err(|_| BoundError::Number(text.to_owned()))?;
    let (units, allowed) = units_of(unit);
    units
        .iter()
        .find(|(name, _)| *name == suffix)
        .map(|(_, factor)| value * factor)
        .ok_or_else(|| BoundError::Unit { unit: suffix.to_owned(), allowed })
}

/// The units that may be written for a metric in `unit`, with their factors to SI.
fn units_of(unit: Unit) -> (&'static [(&'static str, f64)], &'static str) {
    match unit {
        Unit::Seconds => {
            (&[("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6)], "write `s`, `ms` or `us`")
        }
        Unit::Bytes => (
            &[("GiB", 1073741824.0), ("MiB", 1048576.0), ("GB", 1e9), ("MB", 1e6), ("B", 1.0)],
            "write `GiB`, `MiB`, `GB`, `MB` or `B`",
        ),
        Unit::BytesPerSecond => (&[("GB/s", 1e9), ("MB/s", 1e6)], "write `GB/s` or `MB/s`"),
        Unit::Ratio => (&[("%", 0.01), ("", 1.0)], "write `%`, or a share between 0 and 1"),
        Unit::TokensPerSecond => (&[("", 1.0), ("tok/s", 1.0)], "write none, or `tok/s`"),
        Unit::RequestsPerSecond => {
            (&[("", 1.0), ("/s", 1.0), ("req/s", 1.0)], "write none, or `/s`")
        }
        Unit::Count => (&[("", 1.0)], "write none"),
        Unit::Joules => (&[("", 1.0), ("J", 1.0), ("kJ", 1e3)], "write `J` or `kJ`"),
        Unit::TokensPerJoule => (&[("", 1.0), ("tok/J", 1.0)], "write none, or `tok/J`"),
        Unit::Usd => (&[("", 1.0), ("USD", 1.0), ("$", 1.0)], "write none, or `USD`"),
        Unit::TokensPerSecondPerUsdHour => (&[("", 1.0)], "write none"),
        Unit::Watts => (&[("", 1.0), ("W", 1.0)], "write `W`"),
        Unit::Celsius => (&[("", 1.0), ("C", 1.0), ("°C", 1.0)], "write `°C`"),
    }
}

/// A metric and the line it is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Which number.
    pub metric: MetricRef,
    /// The line.
    pub bound: Bound,
}

/// How a goal stands, and how bad an alert is; the later the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Met.
    Green,
    /// Met by the point, but not clearly; or under a band.
    Yellow,
    /// Missed, or not measured.
    Red,
}

/// A goal held against what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct GoalResult {
    /// The goal.
    pub goal: Goal,
    /// What was measured; `None` where nothing was.
    pub estimate: Option<Estimate>,
    /// How it stands.
    pub level: Level,
    /// What to know about it, empty where the level says all.
    pub note: String,
}

impl Level {
    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

impl GoalResult {
    /// Whether it counts as met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.level != Level::Red
    }
}

impl Goal {
    /// Holds the goal against a summary.
    #[must_use]
    pub fn check(&self, summary: &Summary) -> GoalResult {
        let estimate = summary.estimate(self.metric);
        let (level, note) = estimate
            .map_or((Level::Red, "not measured".to_owned()), |estimate| self.level(&estimate));
        GoalResult { goal: self.clone(), estimate, level, note }
    }

    fn level(&self, estimate: &Estimate) -> (Level, String) {
        if !self.bound.is_met(estimate.value) {
            return (Level::Red, String::new());
        }
        if matches!(self.bound, Bound::Within { low, .. } if estimate.value < low) {
            return (Level::Yellow, "below the band: the load may be too light".to_owned());
        }
        if self.metric.stat != Stat::Value && !estimate.enough_for(self.metric.stat) {
            let needed = self.metric.stat.samples_needed();
            return (Level::Yellow, format!("n too small: {} of {needed}", estimate.n));
        }
        let crosses = estimate.interval.is_some_and(|interval| {
            !(self.bound.is_met(interval.low) && self.bound.is_met(interval.high))
        });
        match crosses {
            true => (Level::Yellow, "the interval reaches over the line".to_owned()),
            false => (Level::Green, String::new()),
        }
    }
}

/// The grade over all goals: the share that is met, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Grade {
    /// At least 90 %.
    Excellent,
    /// At least 80 %.
    Good,
    /// At least 60 %.
    Acceptable,
    /// Below 60 %.
    Poor,
    /// There are no goals, or the run may not be judged.
    Ungraded,
}

impl Grade {
    /// The grade of `met` goals out of `total`, in whole numbers so that the edges are exact.
    #[must_use]
    pub fn of(met: usize, total: usize) -> Self {
        match (met * 100, total) {
            (_, 0) => Self::Ungraded,
            (share, _) if share >= total * 90 => Self::Excellent,
            (share, _) if share >= total * 80 => Self::Good,
            (share, _) if share >= total * 60 => Self::Acceptable,
            _ => Self::Poor,
        }
    }

    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Excellent => "EXCELLENT",
            Self::Good => "GOOD",
            Self::Acceptable => "ACCEPTABLE",
            Self::Poor => "POOR",
            Self::Ungraded => "UNGRADED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_in_their_units() {
        let parse = Bound::parse;
        assert_eq!(parse(">= 30", Unit::TokensPerSecond), Ok(Bound::AtLeast { value: 30.0 }));
        assert_eq!(parse("< 5 ms", Unit::Seconds), Ok(Bound::Below { value: 0.005 }));
        assert_eq!(parse("<20ms", Unit::Seconds), Ok(Bound::Below { value: 0.02 }));
        assert_eq!(parse("5 .. 15 %", Unit::Ratio), Ok(Bound::Within { low: 0.05, high: 0.15 }));
        assert_eq!(parse(">= 0.95", Unit::Ratio), Ok(Bound::AtLeast { value: 0.95 }));
    }

    #[test]
    fn a_bound_without_its_unit_is_refused() {
        assert!(matches!(Bound::parse("< 5", Unit::Seconds), Err(BoundError::Unit { .. })));
        assert!(matches!(
            Bound::parse("> 30 ms", Unit::TokensPerSecond),
            Err(BoundError::Unit { .. })
        ));
        assert_eq!(Bound::parse("30", Unit::Seconds), Err(BoundError::Form));
        assert_eq!(Bound::parse("15 .. 5 %", Unit::Ratio), Err(BoundError::Empty));
    }

    #[test]
    fn grades_change_exactly_at_their_edges() {
        assert_eq!(Grade::of(9, 10), Grade::Excellent);
        assert_eq!(Grade::of(89, 100), Grade::Good);
        assert_eq!(Grade::of(8, 10), Grade::Good);
        assert_eq!(Grade::of(79, 100), Grade::Acceptable);
        assert_eq!(Grade::of(6, 10), Grade::Acceptable);
        assert_eq!(Grade::of(59, 100), Grade::Poor);
        assert_eq!(Grade::of(0, 0), Grade::Ungraded);
    }
}
