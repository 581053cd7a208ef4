//! Spikes: samples far above the centre, told robustly and classically.

use super::samples::Samples;
use crate::spool::{Held, Spool, Spools, held};

/// How many standard deviations above the centre a spike begins.
const SIGMAS: f64 = 3.0;
/// Makes the median absolute deviation estimate σ of a normal distribution: 1 / Φ⁻¹(¾).
const MAD_TO_SIGMA: f64 = 1.4826;
/// A spike is at least this far above the centre, seconds: timers and schedulers alone move a
/// sample by less, and nobody who waits notices.
const FLOOR_S: f64 = 0.001;
/// A spike is at least this share above the centre, also when more than half of the samples are
/// equal and the deviation is 0.
const FLOOR_SHARE: f64 = 0.10;

/// Where a spike begins, seconds: median + max(3 · 1.4826 · MAD, 1 ms, 10 % of the median).
/// `None` without samples.
#[must_use]
pub fn threshold(samples: &[f64]) -> Option<f64> {
    held(line(&mut Samples::held(samples.iter().copied()), &Held))
}

/// The same of samples that are kept anywhere.
pub(super) fn line<M: Spools>(
    samples: &mut Samples<M::Of<1>>,
    spools: &M,
) -> Result<Option<f64>, M::Error> {
    let Some(center) = samples.quantile(0.5)? else { return Ok(None) };
    let mut deviations = Samples::new(spools)?;
    for sample in samples.arrived()? {
        deviations.push((sample? - center).abs())?;
    }
    let sigma = deviations.quantile(0.5)?.map(|deviation| MAD_TO_SIGMA * deviation);
    Ok(sigma.map(|sigma| center + (SIGMAS * sigma).max(FLOOR_S).max(FLOOR_SHARE * center)))
}

/// How many of some samples lie above the line at which a spike of them begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spikes {
    /// How many do.
    pub(super) count: u64,
    /// Of how many.
    of: usize,
}

impl Spikes {
    /// Those above [`threshold`]; `None` without samples.
    pub(super) fn of<M: Spools>(
        samples: &mut Samples<M::Of<1>>,
        spools: &M,
    ) -> Result<Option<Self>, M::Error> {
        let Some(line) = line(samples, spools)? else { return Ok(None) };
        Self::above(line, samples).map(Some)
    }

    /// Those above mean + 3 standard deviations (n − 1); `None` below two samples.
    pub(super) fn classical<S: Spool<1>>(
        samples: &mut Samples<S>,
    ) -> Result<Option<Self>, S::Error> {
        let (center, deviation) = (samples.mean()?, samples.standard_deviation()?);
        let line = center.zip(deviation).map(|(center, deviation)| center + SIGMAS * deviation);
        line.map(|line| Self::above(line, samples)).transpose()
    }

    /// Their share of all.
    pub(super) fn rate(self) -> f64 {
        self.count as f64 / self.of as f64
    }

    fn above<S: Spool<1>>(line: f64, samples: &mut Samples<S>) -> Result<Self, S::Error> {
        Ok(Self { count: samples.count_above(line)?, of: samples.n() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(samples: &[f64]) -> Option<f64> {
        held(Spikes::of(&mut Samples::held(samples.to_vec()), &Held)).map(Spikes::rate)
    }

    fn rate_sigma(samples: &[f64]) -> Option<f64> {
        held(Spikes::classical(&mut Samples::held(samples.to_vec()))).map(Spikes::rate)
    }

    #[test]
    fn two_percent_of_stalls_at_ten_times_are_two_percent_of_spikes() {
        let samples: Vec<f64> = (0..1000)
            .map(|i| if i % 50 == 7 { 0.2 } else { 0.02 + 1e-5 * f64::from(i % 9) })
            .collect();
        assert_eq!(rate(&samples), Some(0.02));
    }

    #[test]
    fn one_long_stall_hides_the_others_from_the_classical_rate_only() {
        let mut samples = vec![0.02; 980];
        samples.extend([0.1; 19]);
        samples.push(60.0);
        assert_eq!(rate(&samples), Some(0.02));
        assert_eq!(rate_sigma(&samples), Some(0.001));
    }

    #[test]
    fn nothing_below_the_floor_is_a_spike_even_without_deviation() {
        assert_eq!(rate(&[0.001, 0.001, 0.001, 0.0019]), Some(0.0));
        assert_eq!(rate(&[0.1, 0.1, 0.1, 0.109]), Some(0.0));
        assert_eq!(rate(&[0.1, 0.1, 0.1, 0.111]), Some(0.25));
    }

    #[test]
    fn without_samples_there_is_no_rate() {
        assert_eq!((rate(&[]), rate_sigma(&[]), rate_sigma(&[1.0])), (None, None, None));
    }
}
