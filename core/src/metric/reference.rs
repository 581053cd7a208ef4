//! What goals, tolerances and stored results name: a metric with a statistic of it.

use super::{CATALOGUE, Metric, Shape, Stat, find};
use crate::diagnostic::nearest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A metric and a statistic of it: `tok_s`, `ttft.p50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRef {
    /// The metric.
    pub metric: &'static Metric,
    /// Which statistic of it.
    pub stat: Stat,
}

/// Why a text names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricRefError {
    /// No such identifier.
    #[error("no metric is called `{0}`")]
    Unknown(String),
    /// No such statistic.
    #[error("`{0}` is no statistic: min, mean, p50, p75, p90, p95, p99, p99.9 or max")]
    UnknownStat(String),
    /// A distribution without a statistic.
    #[error("`{0}` is a distribution: name a statistic, such as `{0}.p50`")]
    NeedsStat(&'static str),
    /// A single value with a statistic.
    #[error("`{0}` is one value an epoch and has no statistics: write `{0}`")]
    HasNoStat(&'static str),
}

impl MetricRefError {
    /// What the text `name` was probably meant to be, or what there is.
    #[must_use]
    pub fn help(&self, name: &str) -> Option<String> {
        match self {
            Self::Unknown(_) => Some(similar(name)),
            Self::UnknownStat(_) | Self::NeedsStat(_) | Self::HasNoStat(_) => None,
        }
    }
}

fn similar(name: &str) -> String {
    let (id, stat) = name.split_once('.').map_or((name, ""), |(id, _)| (id, &name[id.len()..]));
    match nearest(id, CATALOGUE.iter().map(|metric| metric.id)) {
        Some(near) => format!("did you mean `{near}{stat}`?"),
        None => {
            let ids: Vec<&str> = CATALOGUE.iter().map(|metric| metric.id).collect();
            format!("the metrics are {}", ids.join(", "))
        }
    }
}

impl MetricRef {
    /// The reference to a metric's own value.
    #[must_use]
    pub fn value(metric: &'static Metric) -> Self {
        Self { metric, stat: Stat::Value }
    }
}

impl FromStr for MetricRef {
    type Err = MetricRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, stat) = match text.split_once('.') {
            Some((id, stat)) => (id, Some(stat)),
            None => (text, None),
        };
        let metric = find(id).ok_or_else(|| MetricRefError::Unknown(id.to_owned()))?;
        match (metric.shape, stat) {
            (Shape::Distribution, None) => Err(MetricRefError::NeedsStat(metric.id)),
            (Shape::Distribution, Some(stat)) => Stat::OF_DISTRIBUTION
                .into_iter()
                .find(|known| known.as_str() == stat || (stat == "p999" && *known == Stat::P999))
                .map(|stat| Self { metric, stat })
                .ok_or_else(|| MetricRefError::UnknownStat(stat.to_owned())),
            (Shape::Mean, None | Some("mean")) | (Shape::Scalar, None) => Ok(Self::value(metric)),
            (Shape::Mean | Shape::Scalar, Some(_)) => Err(MetricRefError::HasNoStat(metric.id)),
        }
    }
}

impl fmt::Display for MetricRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stat {
            Stat::Value => f.write_str(self.metric.id),
            stat => write!(f, "{}.{}", self.metric.id, stat.as_str()),
        }
    }
}

impl PartialOrd for MetricRef {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for MetricRef {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.metric.id, self.stat).cmp(&(other.metric.id, other.stat))
    }
}

impl Serialize for MetricRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MetricRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_reads_back_as_it_is_written() {
        for text in ["tok_s", "ttft.p50", "itl.p99.9", "recall_at_10", "query.p95"] {
            assert_eq!(text.parse::<MetricRef>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_distribution_wants_a_statistic_and_a_scalar_refuses_one() {
        assert_eq!("ttft".parse::<MetricRef>(), Err(MetricRefError::NeedsStat("ttft")));
        assert_eq!("tok_s.p50".parse::<MetricRef>(), Err(MetricRefError::HasNoStat("tok_s")));
        assert_eq!(
            "tokens".parse::<MetricRef>(),
            Err(MetricRefError::Unknown("tokens".to_owned()))
        );
    }
}
