//! Service level objectives: what each request must keep to, for goodput and attainment.

use crate::goal::Bound;
use crate::metric::Metric;
use crate::record::Record;
use crate::summary;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An objective for one number of each request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// Which number; one that a request has once, such as `ttft`.
    #[serde(serialize_with = "as_id", deserialize_with = "by_id")]
    pub metric: &'static Metric,
    /// The line.
    pub bound: Bound,
}

fn as_id<S: Serializer>(metric: &&'static Metric, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(metric.id)
}

fn by_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static Metric, D::Error> {
    let id = String::deserialize(deserializer)?;
    summary::of_request(&id)
        .ok_or_else(|| D::Error::custom(format!("`{id}` is no number of a request")))
}

impl Slo {
    /// Whether a request keeps to it. One that has no such number does not: an answer without a
    /// first token was not in time.
    #[must_use]
    pub fn is_met(&self, record: &Record) -> bool {
        summary::sample(self.metric, record).is_some_and(|value| self.bound.is_met(value))
    }
}

/// Whether a request succeeded and met all objectives.
#[must_use]
pub fn is_good(record: &Record, slos: &[Slo]) -> bool {
    record.outcome.is_success() && slos.iter().all(|slo| slo.is_met(record))
}

/// Share of the attempted requests that succeeded and met all objectives; `None` without
/// objectives or requests.
#[must_use]
pub fn attainment<'a>(attempted: impl Iterator<Item = &'a Record>, slos: &[Slo]) -> Option<f64> {
    let (mut all, mut good) = (0u64, 0u64);
    for record in attempted {
        all += 1;
        good += u64::from(is_good(record, slos));
    }
    (all > 0 && !slos.is_empty()).then(|| good as f64 / all as f64)
}
