//! From the records of a case's epochs to one number a metric: the formulas of the catalogue.
//!
//! [`observe()`] says what one epoch says, [`summarize`] what all of them say together. Intervals
//! are the judge's and are added later; nothing here compares or judges.

mod agreement;
mod counts;
mod energy;
mod epoch;
#[cfg(test)]
pub(crate) mod fixture;
mod flight;
mod observe;
mod pools;
mod quality;
mod recovery;
mod request;
mod samples;
mod seen;
mod serving;
mod spike;
mod spread;
mod stalls;
mod streamed;
mod telemetry;
mod whole;

use crate::case::CaseId;
use crate::metric::{CATALOGUE, Metric, Stat};
use crate::quantile::{Sorted, mean};
use crate::run::{Requests, Run};
pub use counts::TokenCounts;
use observe::pooled;
pub use observe::{observe, of_request, sample, samples};
pub(crate) use request::{ttft, whole};
pub(crate) use seen::Cache;
pub use seen::Seen;
use serde::{Deserialize, Serialize};
pub use spike::threshold as spike_threshold;
pub use stalls::{Meanwhile, Stall, Stalls};
use std::collections::BTreeMap;
pub use streamed::{Streamed, Streaming};
pub use whole::Whole;

/// The number of the measurement protocol: raised when the same request would give another
/// number, so that values from before and after are not compared.
pub const PROTOCOL: u32 = 1;

/// Every sample of one metric in one epoch, in order of arrival.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// The samples, in the metric's unit.
    pub values: Vec<f64>,
    /// For each sample, the index of its request among the epoch's successes: samples of one
    /// request are not independent of each other.
    pub requests: Vec<u32>,
}

/// What one epoch says of one metric.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// Many samples.
    Samples(Series),
    /// One value.
    Value(f64),
}

/// An interval at 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A point, how sure we are of it, and from how many samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value, in the metric's unit.
    pub value: f64,
    /// Its interval; absent until the judge has computed one, or where none can be.
    pub interval: Option<Interval>,
    /// Samples it rests on.
    pub n: usize,
}

impl Estimate {
    /// Whether there are enough samples to gate on `stat`.
    #[must_use]
    pub fn enough_for(&self, stat: Stat) -> bool {
        self.n >= stat.samples_needed()
    }
}

/// What all epochs of a case say of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSummary {
    /// The metric.
    pub metric: &'static Metric,
    /// What each epoch said, in the order of the epochs.
    pub epochs: Vec<Observed>,
    /// The statistics: `Value` alone for scalars and means, the others for distributions.
    pub stats: BTreeMap<Stat, Estimate>,
}

/// What all epochs of a case say.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The case.
    pub case: CaseId,
    /// Measured requests over all epochs.
    pub requests: Requests,
    /// Who counted the tokens.
    pub token_counts: TokenCounts,
    /// The metrics that were measured, in the catalogue's order. What was not is not here.
    pub metrics: Vec<MetricSummary>,
}

impl Summary {
    /// The estimate that `reference` names; `None` where it was not measured.
    #[must_use]
    pub fn estimate(&self, reference: crate::metric::MetricRef) -> Option<Estimate> {
        self.metrics
            .iter()
            .find(|summary| summary.metric.id == reference.metric.id)
            .and_then(|summary| summary.stats.get(&reference.stat))
            .copied()
    }
}

/// What all epochs of a case say together: distributions over the pooled samples (percentiles of
/// type 7), means over the pooled samples, and for one value an epoch the mean over epochs.
///
/// # Panics
/// Without epochs: there is no case to name.
#[must_use]
pub fn summarize(epochs: &[Run]) -> Summary {
    let first = epochs.first().expect("a case is summarised after at least one epoch");
    let observed: Vec<Vec<(&'static Metric, Observed)>> = epochs.iter().map(observe).collect();
    let mut requests = Requests::default();
    epochs.iter().for_each(|epoch| requests += epoch.requests());
    let metrics = CATALOGUE
        .iter()
        .filter_map(|metric| MetricSummary::of(metric, said_of(metric, &observed)))
        .collect();
    let token_counts = TokenCounts::of(epochs);
    Summary { case: first.head.case.id.clone(), requests, token_counts, metrics }
}

/// How many samples the spike rate of an epoch is computed from.
#[must_use]
pub(crate) fn spike_samples(run: &Run) -> usize {
    pooled(run, &run.head.case.run.spike_of).map_or(0, |samples| samples.len())
}

fn said_of(metric: &Metric, epochs: &[Vec<(&'static Metric, Observed)>]) -> Vec<Observed> {
    let said = |epoch: &Vec<(&'static Metric, Observed)>| {
        epoch.iter().find(|(said, _)| *said == metric).map(|(_, observed)| observed.clone())
    };
    epochs.iter().filter_map(said).collect()
}

impl MetricSummary {
    /// What `epochs` say of `metric`; `None` when none of them says anything.
    #[must_use]
    pub fn of(metric: &'static Metric, epochs: Vec<Observed>) -> Option<Self> {
        let pooled = Sorted::new(epochs.iter().flat_map(|epoch| epoch.values().iter().copied()));
        let stats: BTreeMap<Stat, Estimate> = metric
            .shape
            .stats()
            .iter()
            .filter_map(|stat| Some((*stat, Estimate::of(*stat, &pooled)?)))
            .collect();
        (!stats.is_empty()).then_some(Self { metric, epochs, stats })
    }
}

impl Observed {
    /// The samples with their requests; `None` for one value.
    #[must_use]
    pub fn series(&self) -> Option<&Series> {
        match self {
            Self::Samples(series) => Some(series),
            Self::Value(_) => None,
        }
    }

    /// The samples, or the one value.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        match self {
            Self::Samples(series) => &series.values,
            Self::Value(value) => std::slice::from_ref(value),
        }
    }

    /// One statistic of this epoch alone; `None` without samples.
    #[must_use]
    pub fn stat(&self, stat: Stat) -> Option<f64> {
        Estimate::of(stat, &Sorted::new(self.values().iter().copied())).map(|found| found.value)
    }
}

impl Estimate {
    /// The point estimate of `stat` over `samples`, without an interval. `None` without samples.
    #[must_use]
    pub fn of(stat: Stat, samples: &Sorted) -> Option<Self> {
        let values = samples.as_slice();
        let value = match stat {
            Stat::Value | Stat::Mean => mean(values),
            Stat::Min => values.first().copied(),
            Stat::Max => values.last().copied(),
            Stat::P50 | Stat::P75 | Stat::P90 | Stat::P95 | Stat::P99 | Stat::P999 => {
                stat.probability().and_then(|p| samples.quantile(p))
            }
        };
        value.map(|value| Self { value, interval: None, n: values.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{run, success};

    fn estimate(summary: &Summary, reference: &str) -> Option<(f64, usize)> {
        summary.estimate(reference.parse().unwrap()).map(|found| (found.value, found.n))
    }

    #[test]
    fn distributions_are_pooled_and_scalars_averaged_over_epochs() {
        let epochs = [run(vec![success(0)]), run(vec![success(0), success(0), success(0)])];
        let summary = summarize(&epochs);
        assert_eq!(estimate(&summary, "ttft.p50"), Some((0.1, 4)));
        assert_eq!(estimate(&summary, "req_s"), Some((10.0, 2)));
        assert_eq!(summary.requests.succeeded, 4);
    }

    #[test]
    fn an_epoch_that_says_nothing_of_a_metric_does_not_count_as_zero() {
        let epochs = [run(Vec::new()), run(vec![success(0)])];
        assert_eq!(estimate(&summarize(&epochs), "req_s"), Some((5.0, 1)));
        assert_eq!(estimate(&summarize(&epochs), "energy"), None);
    }
}
