//! When the requests of an open loop are due: a pure function of the plan and the seed, so that the
//! same seed has the same offsets on every machine, and worker i of N can take every N-th.

use super::{Shape, Shard};
use crate::time::Offset;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Exp1, Gamma};
use serde::{Deserialize, Serialize};

/// How arrivals spread around the rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "spacing")]
pub enum Spacing {
    /// As evenly as the rate allows.
    Even,
    /// A Poisson process: gaps are exponential.
    Poisson,
    /// Gaps are gamma distributed with this shape; below 1 they come in bursts, 1 is Poisson
    /// (vLLM's `--burstiness`).
    Gamma {
        /// The shape of the distribution.
        burstiness: f64,
    },
}

/// What an open loop goes by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Arrivals {
    /// A rate, requests per second.
    Rate {
        /// The rate over time.
        shape: Shape,
        /// How arrivals spread around it.
        #[serde(flatten)]
        spacing: Spacing,
        /// So many, where they are counted rather than timed: the rate then goes on until they
        /// are all due.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requests: Option<u32>,
    },
    /// The times of the case's trace.
    Trace {
        /// How many times as fast as it was recorded.
        speed: f64,
        /// So many of its requests; all where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requests: Option<u32>,
    },
}

/// A request of an open loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, which says what it sends.
    pub ordinal: u64,
    /// When it is due, from the load's beginning.
    pub at: Offset,
}

/// A trace that does not say when its requests came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the trace does not say when its requests came: it has no timestamps, and a load by a trace needs them"
)]
pub struct NoTimes;

impl Arrivals {
    /// The arrivals of one part of the load, in the order in which they are due. `trace` has the
    /// times of the case's trace, seconds, by the requests' numbers.
    ///
    /// # Errors
    /// When the load goes by a trace that has no times.
    pub fn plan(
        &self,
        seed: u64,
        trace: &[Option<f64>],
        shard: Shard,
    ) -> Result<Vec<Arrival>, NoTimes> {
        let all = match self {
            Self::Rate { shape, spacing, requests } => by_rate(shape, *spacing, *requests, seed),
            Self::Trace { speed, requests } => by_trace(trace, *speed, *requests)?,
        };
        Ok(all.into_iter().skip(shard.index() as usize).step_by(shard.of() as usize).collect())
    }

    /// How many there are, on average where they are random; `None` where only the trace says.
    #[must_use]
    pub fn expected(&self) -> Option<u64> {
        match self {
            Self::Rate { requests: Some(requests), .. } => Some(u64::from(*requests)),
            Self::Rate { shape, requests: None, .. } => Some(shape.total().ceil() as u64),
            Self::Trace { .. } => None,
        }
    }

    /// How long the load lasts by plan, seconds; `None` where only the trace says.
    #[must_use]
    pub fn duration_s(&self) -> Option<f64> {
        match self {
            Self::Rate { shape, requests: None, .. } => Some(shape.duration_s()),
            Self::Rate { shape, requests: Some(requests), .. } => {
                Some(f64::from(*requests) / shape.peak())
            }
            Self::Trace { .. } => None,
        }
    }
}

/// Arrivals of rate 1, stretched to the rate: the k-th is due when the integral of the rate reaches
/// the k-th point of the process (time rescaling; Cinlar 1975, theorem 7.4). Even arrivals have
/// their points at 0, 1, 2, ...
fn by_rate(shape: &Shape, spacing: Spacing, requests: Option<u32>, seed: u64) -> Vec<Arrival> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut gap = move || match spacing {
        Spacing::Even => 1.0,
        Spacing::Poisson => Exp1.sample(&mut rng),
        Spacing::Gamma { burstiness } => gamma(burstiness, &mut rng),
    };
    let first = if spacing == Spacing::Even { 0.0 } else { gap() };
    let points = std::iter::successors(Some(first), |point| Some(point + gap()));
    let level = shape.peak();
    let time_of = |point: f64| match requests {
        Some(_) => Some(point / level),
        None => shape.time_of(point),
    };
    points
        .map_while(time_of)
        .zip(0..requests.map_or(u64::MAX, u64::from))
        .map(|(at, ordinal)| Arrival { ordinal, at: offset(at) })
        .collect()
}

/// A gap of mean 1.
fn gamma(burstiness: f64, rng: &mut ChaCha8Rng) -> f64 {
    match Gamma::new(burstiness, burstiness.recip()) {
        Ok(gamma) => gamma.sample(rng),
        // Scenarios hold positive numbers only.
        Err(_) => 1.0,
    }
}

fn by_trace(
    trace: &[Option<f64>],
    speed: f64,
    requests: Option<u32>,
) -> Result<Vec<Arrival>, NoTimes> {
    let most = requests.map_or(usize::MAX, |requests| requests as usize);
    let mut arrivals = (0..)
        .zip(trace.iter().take(most))
        .map(|(ordinal, at)| {
            at.map(|at| Arrival { ordinal, at: offset(at / speed) }).ok_or(NoTimes)
        })
        .collect::<Result<Vec<Arrival>, NoTimes>>()?;
    arrivals.sort_by_key(|arrival| (arrival.at, arrival.ordinal));
    match arrivals.is_empty() {
        true => Err(NoTimes),
        false => Ok(arrivals),
    }
}

fn offset(seconds: f64) -> Offset {
    Offset((seconds * 1e9).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(spacing: Spacing, shape: Shape, seed: u64) -> Vec<f64> {
        let arrivals = Arrivals::Rate { shape, spacing, requests: None };
        let planned = arrivals.plan(seed, &[], Shard::WHOLE).unwrap();
        planned.iter().map(|arrival| arrival.at.seconds()).collect()
    }

    fn gaps(times: &[f64]) -> Vec<f64> {
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// The Kolmogorov–Smirnov statistic times √n; 1.63 is its critical value at 1 %.
    fn kolmogorov_smirnov(samples: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let distance = |(rank, value): (usize, &f64)| {
            let (low, high) = (rank as f64 / n, (rank + 1) as f64 / n);
            (cdf(*value) - low).abs().max((cdf(*value) - high).abs())
        };
        sorted.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
    }

    #[test]
    fn a_constant_rate_is_even_and_complete() {
        let times = at(Spacing::Even, Shape::constant(500.0, 60.0), 1);
        assert_eq!((times.len(), times[0], times[1]), (30_000, 0.0, 0.002));
        assert!(times[29_999] < 60.0);
    }

    #[test]
    fn the_same_seed_has_the_same_offsets_and_another_has_others() {
        let poisson = |seed| at(Spacing::Poisson, Shape::constant(50.0, 20.0), seed);
        assert_eq!(poisson(7), poisson(7));
        assert_ne!(poisson(7), poisson(8));
    }

    #[test]
    fn the_gaps_of_a_poisson_process_are_exponential() {
        for seed in 0..20 {
            let gaps = gaps(&at(Spacing::Poisson, Shape::constant(100.0, 60.0), seed));
            let distance = kolmogorov_smirnov(&gaps, |gap| 1.0 - (-100.0 * gap).exp());
            assert!(distance < 1.63, "seed {seed}: {distance}");
            // The test can tell: a rate that is a tenth off does not pass.
            let wrong = kolmogorov_smirnov(&gaps, |gap| 1.0 - (-110.0 * gap).exp());
            assert!(wrong > 1.63, "seed {seed}: {wrong}");
        }
    }

    #[test]
    fn burstiness_is_the_variation_of_the_gaps() {
        for burstiness in [0.25, 1.0, 4.0] {
            let spacing = Spacing::Gamma { burstiness };
            let gaps = gaps(&at(spacing, Shape::constant(100.0, 600.0), 3));
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance =
                gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            // Gamma of shape b: squared coefficient of variation 1 / b.
            let variation = variance / (mean * mean) * burstiness;
            assert!((mean - 0.01).abs() < 0.0003 && (variation - 1.0).abs() < 0.1, "{variation}");
        }
    }

    #[test]
    fn a_rate_that_changes_is_kept_in_each_of_its_parts() {
        for spacing in [Spacing::Even, Spacing::Poisson] {
            let times = at(spacing, Shape::spike(20.0, 200.0, 10.0, 100.0), 5);
            let within = |from: f64, to: f64| {
                times.iter().filter(|at| (from..to).contains(*at)).count() as f64
            };
            assert!((within(0.0, 30.0) / 600.0 - 1.0).abs() < 0.1);
            assert!((within(30.0, 40.0) / 2000.0 - 1.0).abs() < 0.06);
            assert!((within(40.0, 100.0) / 1200.0 - 1.0).abs() < 0.1);
        }
    }

    #[test]
    fn the_parts_of_a_load_are_the_whole() {
        let arrivals = Arrivals::Rate {
            shape: Shape::constant(50.0, 10.0),
            spacing: Spacing::Poisson,
            requests: None,
        };
        let whole = arrivals.plan(9, &[], Shard::WHOLE).unwrap();
        let part = |index| arrivals.plan(9, &[], Shard::new(index, 3).unwrap()).unwrap();
        let mut parts: Vec<Arrival> = (0..3).flat_map(part).collect();
        parts.sort_by_key(|arrival| arrival.ordinal);
        assert_eq!(parts, whole);
        assert_eq!(part(1)[0], whole[1]);
    }

    #[test]
    fn counted_arrivals_are_as_many_as_were_asked_for() {
        let spacing = Spacing::Poisson;
        let shape = Shape::constant(50.0, 1.0);
        let arrivals = Arrivals::Rate { shape, spacing, requests: Some(400) };
        assert_eq!(arrivals.plan(1, &[], Shard::WHOLE).unwrap().len(), 400);
        assert_eq!(arrivals.duration_s(), Some(8.0));
    }

    #[test]
    fn a_trace_is_sent_when_it_was_recorded_in_order_and_faster_where_asked() {
        let arrivals = Arrivals::Trace { speed: 2.0, requests: None };
        let planned = arrivals.plan(1, &[Some(3.0), Some(0.0), Some(1.0)], Shard::WHOLE).unwrap();
        let seen: Vec<(u64, f64)> =
            planned.iter().map(|arrival| (arrival.ordinal, arrival.at.seconds())).collect();
        assert_eq!(seen, [(1, 0.0), (2, 0.5), (0, 1.5)]);
        assert_eq!(arrivals.plan(1, &[Some(0.0), None], Shard::WHOLE), Err(NoTimes));
    }
}
