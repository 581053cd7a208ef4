//! A verdict as it is kept: with the numbers it rests on, but without the samples behind them.

use serde::{Deserialize, Serialize};
use tokgate_core::case::Tolerance;
use tokgate_core::metric::MetricRef;
use tokgate_core::quantile::Sample;
use tokgate_core::summary::{Estimate, Interval};
use tokgate_core::verdict::{Comparison, Judged, Verdict};

/// What the judge said of one metric, with the numbers it rests on in the metric's unit. Absent
/// numbers are those that were not finite or not compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredVerdict {
    /// The metric.
    pub metric: MetricRef,
    /// What is said.
    pub verdict: Verdict,
    /// Why, in a fragment.
    pub why: String,
    /// How far the metric may move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<Tolerance>,
    /// The baseline's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<f64>,
    /// This run's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<f64>,
    /// The change, positive = worse: a share under a relative tolerance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<f64>,
    /// Lower end of the change's interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_low: Option<f64>,
    /// Upper end of the change's interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_high: Option<f64>,
    /// The smallest effect that would have been convicted in about four of five tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mde: Option<f64>,
}

impl From<&StoredVerdict> for Judged {
    /// The verdict as it was told. How many samples and epochs stood behind it is in the epochs'
    /// own lines, and 0 here.
    fn from(stored: &StoredVerdict) -> Self {
        let point = |value| Estimate { value, interval: None, n: 0 };
        let compared = (stored.base, stored.head, stored.effect, stored.tolerance);
        let comparison = match compared {
            (Some(base), Some(head), Some(effect), Some(tolerance)) => Some(Comparison {
                metric: stored.metric,
                base: point(base),
                head: point(head),
                effect,
                interval: stored
                    .effect_low
                    .zip(stored.effect_high)
                    .map(|(low, high)| Interval { low, high }),
                epochs: (0, 0),
                tolerance,
                mde: stored.mde,
            }),
            _ => None,
        };
        Self { metric: stored.metric, comparison, verdict: stored.verdict, why: stored.why.clone() }
    }
}

impl From<&Judged> for StoredVerdict {
    fn from(judged: &Judged) -> Self {
        let compared = judged.comparison.as_ref();
        let number = |of: fn(&Comparison) -> Option<f64>| {
            compared.and_then(of).and_then(Sample::new).map(Sample::get)
        };
        Self {
            metric: judged.metric,
            verdict: judged.verdict,
            why: judged.why.clone(),
            tolerance: compared.map(|comparison| comparison.tolerance),
            base: number(|comparison| Some(comparison.base.value)),
            head: number(|comparison| Some(comparison.head.value)),
            effect: number(|comparison| Some(comparison.effect)),
            effect_low: number(|comparison| comparison.interval.map(|interval| interval.low)),
            effect_high: number(|comparison| comparison.interval.map(|interval| interval.high)),
            mde: number(|comparison| comparison.mde),
        }
    }
}
