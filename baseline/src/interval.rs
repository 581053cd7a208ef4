//! Intervals at 95 % for what a summary says.
//!
//! The epoch is the unit of replication: with enough of them, only their spread counts. Within a
//! run, requests are resampled; such an interval says how steady this run was, and nothing of how
//! the next start of the target would differ.

use crate::compat::fingerprint;
use crate::resample::{Pool, Share, ratio_spread};
use crate::student;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use tokgate_core::metric::{self, Metric, Shape, Stat};
use tokgate_core::quantile::standard_deviation;
use tokgate_core::summary::{Interval, MetricSummary, Observed, Series, Summary};
use tokgate_core::unit::Unit;

/// Epochs from which their own spread is preferred to the spread within them: with five, the
/// factor of Student's t is 2.8; with two it is 12.7.
const EPOCHS_PREFERRED: usize = 5;

/// Adds the intervals, where there are any: none for the smallest and the largest sample, and
/// none for one value of a single epoch that is no throughput. The same `seed` gives the same
/// intervals.
pub fn with_intervals(summary: &mut Summary, seed: u64) {
    let found: Vec<_> =
        summary.metrics.iter().map(|metric| intervals(metric, summary, seed)).collect();
    for (metric, intervals) in summary.metrics.iter_mut().zip(found) {
        for (stat, interval) in intervals {
            if let Some(estimate) = metric.stats.get_mut(&stat) {
                estimate.interval = Some(within(metric.metric.unit, interval));
            }
        }
    }
}

/// The interval of one statistic by what each epoch says of it alone, where [`with_intervals`] takes that one: from
/// five epochs on, and of what is one value an epoch from two on. `None` elsewhere: then requests themselves are
/// drawn, which whoever has figures alone cannot.
#[must_use]
pub fn of_epochs(metric: &Metric, stat: Stat, point: f64, epochs: &[f64]) -> Option<Interval> {
    let is_told = is_over_epochs(metric, epochs.len()) && has_interval(stat);
    let interval = student_interval(point, epochs).filter(|_| is_told)?;
    Some(within(metric.unit, interval))
}

/// Whether the spread of so many epochs is preferred to that within them.
fn is_over_epochs(metric: &Metric, epochs: usize) -> bool {
    epochs >= EPOCHS_PREFERRED || (metric.shape == Shape::Scalar && epochs >= 2)
}

/// Nothing goes beyond what was seen: smallest and largest have none.
fn has_interval(stat: Stat) -> bool {
    !matches!(stat, Stat::Min | Stat::Max)
}

/// The standard error of `stat` in one epoch, by resampling its requests; `None` for one value an
/// epoch and for too few requests.
pub(crate) fn standard_error(
    metric: &Metric,
    observed: &Observed,
    stat: Stat,
    seed: u64,
) -> Option<f64> {
    let spreads = Pool::new(&[observed.series()?]).spreads(&[stat], &mut rng(metric, seed));
    spreads.get(&stat).map(|spread| spread.se)
}

fn intervals(metric: &MetricSummary, summary: &Summary, seed: u64) -> BTreeMap<Stat, Interval> {
    if is_over_epochs(metric.metric, metric.epochs.len()) {
        return over_epochs(metric);
    }
    let rng = &mut rng(metric.metric, seed);
    match metric.metric.shape {
        Shape::Distribution | Shape::Mean => within_epochs(metric, rng),
        Shape::Scalar => throughput(metric, summary, rng)
            .map(|interval| BTreeMap::from([(Stat::Value, interval)]))
            .unwrap_or_default(),
    }
}

/// A generator of its own for each metric, so that adding one leaves the others' intervals.
fn rng(metric: &Metric, seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed ^ fingerprint(metric.id))
}

fn within_epochs(metric: &MetricSummary, rng: &mut ChaCha8Rng) -> BTreeMap<Stat, Interval> {
    let stats: Vec<Stat> = metric.stats.keys().copied().collect();
    let spreads = Pool::new(&all_series(metric)).spreads(&stats, rng);
    spreads.into_iter().map(|(stat, spread)| (stat, spread.interval)).collect()
}

fn over_epochs(metric: &MetricSummary) -> BTreeMap<Stat, Interval> {
    let told = metric.stats.iter().filter(|(stat, _)| has_interval(**stat));
    told.filter_map(|(stat, estimate)| {
        let values: Vec<f64> = metric.epochs.iter().filter_map(|epoch| epoch.stat(*stat)).collect();
        Some((*stat, student_interval(estimate.value, &values)?))
    })
    .collect()
}

/// x · exp(± t_.975(K − 1) · s / √K), where s is the standard deviation of the logarithms of the K
/// epochs' values: times and rates vary in proportion. With a value of 0 among them, the same on
/// the plain values, x ± t · s / √K. `None` below two epochs.
fn student_interval(point: f64, epochs: &[f64]) -> Option<Interval> {
    let count = epochs.len() as f64;
    let half = |values: &[f64]| {
        let deviation = standard_deviation(values)?;
        Some(student::quantile(0.975, count - 1.0) * deviation / count.sqrt())
    };
    if epochs.iter().all(|value| *value > 0.0) {
        let logs: Vec<f64> = epochs.iter().map(|value| value.ln()).collect();
        return half(&logs)
            .map(|half| Interval { low: point * (-half).exp(), high: point * half.exp() });
    }
    half(epochs).map(|half| Interval { low: point - half, high: point + half })
}

/// The interval of a throughput of one epoch, from its requests.
///
/// With T* the window that the resampled requests would have filled,
/// rate* = Σ amount* / T*, T* = T · Σ seconds* / Σ seconds.
/// This assumes that as many requests were in flight as in the run itself, as in a closed loop
/// whose workers are never idle; and it knows nothing of what differs between epochs.
fn throughput(metric: &MetricSummary, summary: &Summary, rng: &mut ChaCha8Rng) -> Option<Interval> {
    let point = metric.stats.get(&Stat::Value)?.value;
    let spread = ratio_spread(&shares(metric.metric, summary)?, rng)?;
    let Interval { low, high } = spread.interval;
    Some(Interval { low: point * low, high: point * high })
}

/// A throughput, and what its requests add to it.
struct Rate {
    metric: &'static Metric,
    /// Summed for each request; none of them: each request counts 1.
    amounts: &'static [&'static Metric],
    /// The time a request was in flight.
    seconds: &'static Metric,
}

static RATES: [Rate; 4] = [
    Rate { metric: &metric::TOK_S, amounts: &[&metric::OUTPUT_TOKENS], seconds: &metric::E2E },
    Rate {
        metric: &metric::TOTAL_TOK_S,
        amounts: &[&metric::PROMPT_TOKENS, &metric::OUTPUT_TOKENS],
        seconds: &metric::E2E,
    },
    Rate { metric: &metric::REQ_S, amounts: &[], seconds: &metric::E2E },
    Rate { metric: &metric::QPS, amounts: &[], seconds: &metric::QUERY },
];

/// What each request of the first epoch adds to the throughput `metric`; `None` for other metrics.
fn shares(metric: &Metric, summary: &Summary) -> Option<Vec<Share>> {
    let rate = RATES.iter().find(|rate| rate.metric == metric)?;
    let amounts: Option<Vec<_>> =
        rate.amounts.iter().map(|amount| by_request(summary, amount)).collect();
    let amounts = amounts?;
    let amount = |request: &u32| match amounts.is_empty() {
        true => Some(1.0),
        false => amounts.iter().map(|amount| amount.get(request)).sum(),
    };
    let share = |(request, seconds): (u32, f64)| Some(Share { amount: amount(&request)?, seconds });
    Some(by_request(summary, rate.seconds)?.into_iter().filter_map(share).collect())
}

/// The samples of the first epoch by request, for a metric with one sample a request.
fn by_request(summary: &Summary, metric: &Metric) -> Option<BTreeMap<u32, f64>> {
    let found = summary.metrics.iter().find(|found| found.metric == metric)?;
    let series = *all_series(found).first()?;
    Some(series.requests.iter().copied().zip(series.values.iter().copied()).collect())
}

fn all_series(metric: &MetricSummary) -> Vec<&Series> {
    metric.epochs.iter().filter_map(Observed::series).collect()
}

/// No interval reaches where the quantity cannot: below 0 (but for temperatures), a share above 1.
fn within(unit: Unit, interval: Interval) -> Interval {
    let (low, high) = match unit {
        Unit::Ratio => (0.0, 1.0),
        Unit::Celsius => (f64::NEG_INFINITY, f64::INFINITY),
        Unit::Seconds
        | Unit::Bytes
        | Unit::BytesPerSecond
        | Unit::TokensPerSecond
        | Unit::RequestsPerSecond
        | Unit::Count
        | Unit::Joules
        | Unit::TokensPerJoule
        | Unit::Usd
        | Unit::TokensPerSecondPerUsdHour
        | Unit::Watts => (0.0, f64::INFINITY),
    };
    Interval { low: interval.low.clamp(low, high), high: interval.high.clamp(low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Luck};
    use tokgate_core::summary::summarize;

    fn interval(summary: &Summary, reference: &str) -> Option<Interval> {
        summary.estimate(reference.parse().unwrap()).unwrap().interval
    }

    fn summary(epochs: u32) -> Summary {
        let mut luck = Luck::new(3);
        let runs: Vec<_> = (0..epochs).map(|_| fixture::run(&mut luck, 1.0)).collect();
        let mut summary = summarize(&runs);
        with_intervals(&mut summary, 7);
        summary
    }

    #[test]
    fn every_interval_holds_its_point_and_the_same_seed_gives_it_again() {
        for epochs in [1, 2, 5] {
            let summary = summary(epochs);
            for estimate in summary.metrics.iter().flat_map(|metric| metric.stats.values()) {
                let held = |interval: Interval| {
                    interval.low <= estimate.value && estimate.value <= interval.high
                };
                assert!(estimate.interval.is_none_or(held), "{epochs}: {estimate:?}");
            }
            assert_eq!(summary, self::summary(epochs));
        }
    }

    #[test]
    fn smallest_and_largest_have_no_interval_and_the_others_do() {
        for epochs in [1, 5] {
            let summary = summary(epochs);
            assert_eq!(interval(&summary, "ttft.min"), None);
            assert_eq!(interval(&summary, "itl.max"), None);
            assert!(interval(&summary, "ttft.p50").is_some());
            assert!(interval(&summary, "itl.mean").is_some());
            assert!(interval(&summary, "tok_s").is_some());
        }
    }

    #[test]
    fn one_epoch_says_nothing_of_how_its_only_value_would_vary() {
        assert_eq!(interval(&summary(1), "error_rate"), None);
        assert!(interval(&summary(2), "spike_rate").is_some());
    }

    #[test]
    fn the_throughput_of_one_epoch_varies_as_its_requests_do() {
        let mut luck = Luck::new(9);
        let held = (0..200).filter(|seed| {
            let one = summarize(&[fixture::run(&mut luck, 1.0)]);
            let interval = intervals(&one.metrics[0], &one, *seed)[&Stat::Value];
            assert_eq!(one.metrics[0].metric.id, "tok_s");
            (interval.low..=interval.high).contains(&fixture::true_tok_s())
        });
        let share = held.count() as f64 / 200.0;
        assert!((0.88..=0.99).contains(&share), "{share}");
    }
}
