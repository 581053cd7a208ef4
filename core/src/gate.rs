//! What the judge is told about a case: what is judged, how closely, and what is not for now.

use crate::day::Day;
use crate::metric::MetricRef;
use crate::unit::Unit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a metric may move before it matters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "of")]
pub enum Tolerance {
    /// A share of the baseline's value: `0.02` is 2 %.
    Relative(f64),
    /// A distance in the metric's own unit: `0.005` is 0.5 percentage points.
    Absolute(f64),
}

impl Tolerance {
    /// `2 %` of the baseline; `0.5 pp` for shares, whose own percent would be ambiguous. `None` for
    /// anything else, and for more than the whole.
    #[must_use]
    pub fn parse(text: &str, unit: Unit) -> Option<Self> {
        match unit {
            Unit::Ratio => percent(text, "pp").map(Self::Absolute),
            _ => percent(text, "%").map(Self::Relative),
        }
    }

    /// How a tolerance of a metric in this unit is written.
    #[must_use]
    pub fn form(unit: Unit) -> &'static str {
        match unit {
            Unit::Ratio => "percentage points, such as `0.5 pp`",
            _ => "a share of the baseline, such as `2 %`",
        }
    }
}

/// A number of hundredths with its unit, as a share from 0 to 1: more than the whole is no
/// tolerance, but a mistaken unit.
pub(crate) fn percent(text: &str, suffix: &str) -> Option<f64> {
    let number: f64 = text.trim().strip_suffix(suffix)?.trim().parse().ok()?;
    let share = number / 100.0;
    (share.is_finite() && !number.is_sign_negative() && share <= 1.0).then_some(share)
}

/// The effect that must be found where a scenario does not say, as a share of the baseline's value.
pub const MUST_DETECT: f64 = 0.1;

/// What the judge is told about a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Whether the scenario names the metrics itself: each must then be judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
    /// The metrics that are judged, and how far each may move.
    pub tolerances: BTreeMap<MetricRef, Tolerance>,
    /// Goals that fail the run when they are missed.
    pub required: Vec<MetricRef>,
    /// The effect that must be found, as a share of the baseline's value: a metric with a relative
    /// tolerance that is not decided and would hide more than this is underpowered.
    #[serde(default = "usual_must_detect", skip_serializing_if = "is_usual")]
    pub must_detect: f64,
    /// Whether the metrics in `tolerances` are those that a screen named, to be judged in pairs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspected: bool,
    /// The metrics that are not judged for now. None of them is in `tolerances`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quarantine: BTreeMap<MetricRef, Quarantine>,
    /// The metrics that are judged again, by the last day on which they were not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub released: BTreeMap<MetricRef, Day>,
}

/// Why a metric is measured and recorded, but not judged, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The last day on which it is not judged.
    pub until: Day,
    /// Why, in the scenario's words.
    pub why: String,
    /// How far it may move when it is judged again.
    pub tolerance: Tolerance,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            named: false,
            tolerances: BTreeMap::new(),
            required: Vec::new(),
            must_detect: MUST_DETECT,
            suspected: false,
            quarantine: BTreeMap::new(),
            released: BTreeMap::new(),
        }
    }
}

impl Gate {
    /// The metrics of which a baseline keeps values: those that are judged, and those that will be.
    pub fn recorded(&self) -> impl Iterator<Item = (&MetricRef, &Tolerance)> {
        let kept = self.quarantine.iter().map(|(metric, kept)| (metric, &kept.tolerance));
        self.tolerances.iter().chain(kept)
    }

    /// Metrics in quarantine, each with its expiry, and those that no longer are, in sentences.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let kept = self.quarantine.iter().map(|(metric, Quarantine { until, why, .. })| {
            format!("{metric} is in quarantine until {until}, and not judged: {why}")
        });
        let released = self.released.iter().map(|(metric, until)| {
            format!("the quarantine of {metric} expired on {until}: it is judged again")
        });
        kept.chain(released).collect()
    }
}

fn usual_must_detect() -> f64 {
    MUST_DETECT
}

fn is_usual(must_detect: &f64) -> bool {
    *must_detect == MUST_DETECT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_wrote_is_read_and_written_as_it_was() {
        let old = r#"{"tolerances":{"tok_s":{"kind":"relative","of":0.02}},"required":["tok_s"]}"#;
        let gate: Gate = serde_json::from_str(old).unwrap();
        assert_eq!((gate.must_detect, gate.quarantine.len()), (0.1, 0));
        assert_eq!(serde_json::to_string(&gate).unwrap(), old);
    }

    #[test]
    fn a_metric_in_quarantine_is_recorded_and_told_with_its_expiry() {
        let metric: MetricRef = "ttft.p99".parse().unwrap();
        let why = "its cache is cold".to_owned();
        let until = "2027-01-31".parse().unwrap();
        let tolerance = Tolerance::Relative(0.02);
        let quarantine = BTreeMap::from([(metric, Quarantine { until, why, tolerance })]);
        let gate = Gate { quarantine, ..Gate::default() };
        assert_eq!(gate.recorded().collect::<Vec<_>>(), [(&metric, &tolerance)]);
        let told = gate.notes().concat();
        assert!(told.contains("ttft.p99") && told.contains("2027-01-31"), "{told}");
        assert!(told.contains("its cache is cold"), "{told}");
        let json = serde_json::to_string(&gate).unwrap();
        assert_eq!(serde_json::from_str::<Gate>(&json).unwrap(), gate);
    }
}
