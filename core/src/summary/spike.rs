//! Spikes: samples far above the centre, told robustly and classically.

use crate::quantile::{Sorted, mean, standard_deviation};

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
    let center = Sorted::new(samples.iter().copied()).median()?;
    let deviations = Sorted::new(samples.iter().map(|sample| (sample - center).abs()));
    let sigma = MAD_TO_SIGMA * deviations.median()?;
    Some(center + (SIGMAS * sigma).max(FLOOR_S).max(FLOOR_SHARE * center))
}

/// `spike_rate`: the share of samples above [`threshold`].
pub(super) fn rate(samples: &[f64]) -> Option<f64> {
    threshold(samples).map(|line| share_above(samples, line))
}

/// `spike_rate_sigma`: the share of samples above mean + 3 standard deviations (n − 1).
pub(super) fn rate_sigma(samples: &[f64]) -> Option<f64> {
    let line = mean(samples)? + SIGMAS * standard_deviation(samples)?;
    Some(share_above(samples, line))
}

/// How many samples lie above `line`.
pub(super) fn count_above(samples: &[f64], line: f64) -> usize {
    samples.iter().filter(|sample| **sample > line).count()
}

fn share_above(samples: &[f64], line: f64) -> f64 {
    count_above(samples, line) as f64 / samples.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

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
