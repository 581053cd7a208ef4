//! The circular block bootstrap: how far a statistic would move if the same target answered the
//! same load again, as far as one run can tell.
//!
//! The unit that is drawn is the request with all its samples, and requests are drawn in blocks
//! of neighbours, so that neither the samples of one request nor requests in a row are taken for
//! independent (Politis and Romano 1992). With few blocks the resamples lie too close together;
//! [`widening`] makes up for it as Student does for few values.

use crate::blocks::{Blocks, draw, widening};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use tokgate_core::metric::Stat;
use tokgate_core::quantile::{Sorted, standard_deviation};
use tokgate_core::summary::{Interval, Series};

/// Resamples: the ends of a 95 % interval are then the 25th value from either side, which moves
/// them by a few percent of the interval's length.
const RESAMPLES: usize = 1000;
/// Samples looked at for one metric, over all its resamples. Beyond it fewer are drawn, since
/// more samples in a run also make each resample steadier.
const WORK: usize = 30_000_000;
/// Resamples that are always drawn.
const FEWEST_RESAMPLES: usize = 200;
/// Requests below which no interval is told: with six, the smallest and the largest bracket the
/// median with 97 %; with five no interval of samples reaches 95 %.
const FEWEST_REQUESTS: usize = 6;

/// What the resamples say of one statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// 95 % of the resamples lie inside.
    pub interval: Interval,
    /// Standard deviation over the resamples.
    pub se: f64,
}

impl Spread {
    /// The spread of `replicates` about `point`, widened; `None` without two finite replicates.
    fn of(replicates: &[f64], point: f64, widening: f64) -> Option<Self> {
        let sorted = Sorted::new(replicates.iter().copied());
        let end = |p: f64| sorted.quantile(p).map(|end| point + widening * (end - point));
        let interval = Interval { low: end(0.025)?.min(point), high: end(0.975)?.max(point) };
        Some(Self { interval, se: widening * standard_deviation(sorted.as_slice())? })
    }
}

/// One sample and the request it belongs to.
#[derive(Debug, Clone, Copy)]
struct Tagged {
    value: f64,
    request: u32,
}

/// All samples of one metric, laid out so that a resample is counted and never sorted: how often
/// each request was drawn is the weight of its samples in the order found once.
#[derive(Debug)]
pub(crate) struct Pool {
    epochs: Vec<Blocks>,
    sums: Vec<f64>,
    counts: Vec<u32>,
    ascending: Vec<Tagged>,
}

impl Pool {
    /// Lays out the series of a metric's epochs; the epochs keep their share in every resample.
    pub(crate) fn new(epochs: &[&Series]) -> Self {
        let mut pool = Self { epochs: vec![], sums: vec![], counts: vec![], ascending: vec![] };
        epochs.iter().for_each(|series| pool.add(series));
        pool.ascending.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
        pool
    }

    fn add(&mut self, series: &Series) {
        let first = self.sums.len();
        let mut at = 0;
        for one in series.requests.chunk_by(|a, b| a == b) {
            let samples = &series.values[at..at + one.len()];
            let request = self.sums.len() as u32;
            self.ascending.extend(samples.iter().map(|value| Tagged { value: *value, request }));
            self.sums.push(samples.iter().sum());
            self.counts.push(one.len() as u32);
            at += one.len();
        }
        let mean = |at: usize| self.sums[at] / f64::from(self.counts[at]);
        let means: Vec<f64> = (first..self.sums.len()).map(mean).collect();
        self.epochs.push(Blocks::of(&means));
    }

    /// The spread of each of `stats` that has one; smallest and largest have none, since no
    /// resample goes beyond what was seen.
    pub(crate) fn spreads(&self, stats: &[Stat], rng: &mut ChaCha8Rng) -> BTreeMap<Stat, Spread> {
        let stats: Vec<Stat> =
            stats.iter().copied().filter(|stat| !matches!(stat, Stat::Min | Stat::Max)).collect();
        if self.sums.len() < FEWEST_REQUESTS {
            return BTreeMap::new();
        }
        let mut replicates = vec![Vec::new(); stats.len()];
        for _ in 0..resamples(self.ascending.len()) {
            let times = draw(&self.epochs, rng);
            let values = self.values(&stats, &times);
            replicates.iter_mut().zip(values).for_each(|(all, value)| all.push(value));
        }
        let points = self.values(&stats, &vec![1; self.sums.len()]);
        let widening = widening(&self.epochs);
        let of = stats.into_iter().zip(replicates).zip(points);
        of.filter_map(|((stat, all), point)| Some((stat, Spread::of(&all, point, widening)?)))
            .collect()
    }

    /// The statistics of one resample, in the order of `stats`.
    fn values(&self, stats: &[Stat], times: &[u32]) -> Vec<f64> {
        let weighted = |(count, times): (&u32, &u32)| u64::from(*count) * u64::from(*times);
        let n: u64 = self.counts.iter().zip(times).map(weighted).sum();
        let rank = |p: f64| p * (n - 1) as f64;
        let ranks: Vec<f64> =
            stats.iter().filter_map(|stat| stat.probability()).map(rank).collect();
        let mut quantiles = self.at_ranks(&ranks, times).into_iter();
        let total = || self.sums.iter().zip(times).map(|(sum, times)| sum * f64::from(*times));
        let value = |stat: &Stat| match stat.probability() {
            Some(_) => quantiles.next().unwrap_or(f64::NAN),
            None => total().sum::<f64>() / n as f64,
        };
        stats.iter().map(value).collect()
    }

    /// The resample's order statistics at fractional `ranks` from 0, linearly interpolated.
    fn at_ranks(&self, ranks: &[f64], times: &[u32]) -> Vec<f64> {
        let mut whole: Vec<u64> =
            ranks.iter().flat_map(|rank| [rank.floor() as u64, rank.ceil() as u64]).collect();
        whole.sort_unstable();
        let found = self.at_whole_ranks(&whole, times);
        let value = |rank: f64| found[whole.partition_point(|known| *known < rank as u64)];
        let between = |rank: &f64| {
            let (low, high) = (value(rank.floor()), value(rank.ceil()));
            low + rank.fract() * (high - low)
        };
        ranks.iter().map(between).collect()
    }

    /// One pass over the samples in ascending order; `ranks` ascend, too, and lie below the
    /// number of samples drawn.
    fn at_whole_ranks(&self, ranks: &[u64], times: &[u32]) -> Vec<f64> {
        let mut found = Vec::with_capacity(ranks.len());
        let mut seen = 0;
        for sample in &self.ascending {
            seen += u64::from(times[sample.request as usize]);
            while ranks.get(found.len()).is_some_and(|rank| *rank < seen) {
                found.push(sample.value);
            }
            if found.len() == ranks.len() {
                break;
            }
        }
        found
    }
}

/// What one request adds to a rate: an amount, and the time it kept its place in the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share {
    /// Tokens, or 1 for a request.
    pub amount: f64,
    /// Seconds in flight.
    pub seconds: f64,
}

/// The spread of Σ amount / Σ seconds over the requests of one epoch, relative to its value: 1 is
/// the rate itself. `None` with too few requests.
pub(crate) fn ratio_spread(shares: &[Share], rng: &mut ChaCha8Rng) -> Option<Spread> {
    let blocks = Blocks::of(&shares.iter().map(|share| share.seconds).collect::<Vec<_>>());
    let whole = rate(shares, &vec![1; shares.len()]);
    let enough = shares.len() >= FEWEST_REQUESTS && whole.is_finite() && whole > 0.0;
    enough.then(|| {
        let one = |_| rate(shares, &draw(&[blocks], rng)) / whole;
        let replicates: Vec<f64> = (0..resamples(shares.len())).map(one).collect();
        Spread::of(&replicates, 1.0, widening(&[blocks]))
    })?
}

fn rate(shares: &[Share], times: &[u32]) -> f64 {
    let sum = |of: fn(&Share) -> f64| -> f64 {
        shares.iter().zip(times).map(|(share, times)| of(share) * f64::from(*times)).sum()
    };
    sum(|share| share.amount) / sum(|share| share.seconds)
}

fn resamples(samples: usize) -> usize {
    (WORK / samples.max(1)).clamp(FEWEST_RESAMPLES, RESAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Luck, series};
    use rand_chacha::rand_core::SeedableRng;

    const RUNS: u64 = 200;

    /// The share of runs whose interval for `stat` holds `truth`.
    fn coverage(stat: Stat, truth: f64, run: impl Fn(&mut Luck) -> Series) -> f64 {
        let holds = |seed: &u64| {
            let series = run(&mut Luck::new(*seed));
            let mut rng = ChaCha8Rng::seed_from_u64(*seed);
            let interval = Pool::new(&[&series]).spreads(&[stat], &mut rng)[&stat].interval;
            interval.low <= truth && truth <= interval.high
        };
        (0..RUNS).filter(holds).count() as f64 / RUNS as f64
    }

    #[test]
    fn intervals_of_independent_requests_hold_the_truth_as_often_as_they_say() {
        let normal = |luck: &mut Luck| series(luck.autoregressive(0.0, 60));
        for (stat, truth) in [(Stat::Mean, 0.0), (Stat::P50, 0.0), (Stat::P90, 1.2816)] {
            let share = coverage(stat, truth, normal);
            assert!((0.91..=0.99).contains(&share), "{stat:?}: {share}");
        }
    }

    #[test]
    fn intervals_of_dependent_requests_hold_the_truth_nearly_as_often() {
        let drifting = |luck: &mut Luck| series(luck.autoregressive(0.5, 200));
        for stat in [Stat::Mean, Stat::P50] {
            let share = coverage(stat, 0.0, drifting);
            assert!((0.87..=0.99).contains(&share), "{stat:?}: {share}");
        }
    }

    #[test]
    fn samples_of_one_request_are_not_taken_for_independent() {
        // 30 requests of 20 gaps each; a request is slow or quick as a whole.
        let streams = |luck: &mut Luck| {
            let mut all = Series::default();
            for request in 0..30 {
                let pace = luck.normal();
                all.values.extend((0..20).map(|_| pace + 0.1 * luck.normal()));
                all.requests.extend([request; 20]);
            }
            all
        };
        let share = coverage(Stat::Mean, 0.0, streams);
        assert!((0.90..=0.99).contains(&share), "{share}");
    }

    #[test]
    fn five_requests_are_too_few_for_an_interval() {
        let few = series(vec![1.0, 2.0, 3.0, 4.0, 5.0]);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        assert!(Pool::new(&[&few]).spreads(&[Stat::P50], &mut rng).is_empty());
        assert_eq!(ratio_spread(&[Share { amount: 1.0, seconds: 1.0 }; 5], &mut rng), None);
    }

    #[test]
    fn a_counted_resample_is_the_sorted_one() {
        let mut luck = Luck::new(5);
        let mut drawn = series((0..60).map(|_| luck.normal()).collect());
        drawn.requests = (0..60).map(|at| at / 4).collect();
        let pool = Pool::new(&[&drawn]);
        let times = draw(&pool.epochs, &mut ChaCha8Rng::seed_from_u64(1));
        let repeated = drawn.values.iter().zip(&drawn.requests).flat_map(|(value, request)| {
            std::iter::repeat_n(*value, times[*request as usize] as usize)
        });
        let sorted = Sorted::new(repeated);
        assert_eq!(sorted.as_slice().len(), 60);
        let stats = [Stat::P50, Stat::P90, Stat::P99, Stat::P999];
        let expected: Vec<_> = stats
            .iter()
            .map(|stat| sorted.quantile(stat.probability().unwrap()).unwrap())
            .collect();
        assert_eq!(pool.values(&stats, &times), expected);
    }
}
