//! How lengths are drawn around their centre.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};

/// Most tokens that a draw gives, as many as a scenario may ask for: the tail of a log-normal has
/// no end of its own.
pub const MOST_TOKENS: u32 = 1_000_000;

/// How lengths spread around their centre.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "distribution", content = "spread")]
pub enum Spread {
    /// Not at all.
    #[default]
    Fixed,
    /// Evenly between centre · (1 − w) and centre · (1 + w).
    Uniform(f64),
    /// Normal with mean centre and standard deviation v · centre.
    Normal(f64),
    /// Log-normal with mean centre; σ is the standard deviation of the logarithm.
    LogNormal(f64),
}

impl Spread {
    /// Whether every length is the centre.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed)
    }

    /// One length around `centre`, rounded, at least 1. With z standard normal and u uniform in
    /// (0, 1]: centre · (1 + w · (2u − 1)); centre · (1 + v · z); centre · exp(σ · z − σ² / 2),
    /// whose mean is the centre (Johnson, Kotz and Balakrishnan 1994, chapter 14).
    pub(super) fn draw(self, centre: u32, rng: &mut ChaCha8Rng) -> u32 {
        let factor = match self {
            Self::Fixed => return centre,
            Self::Uniform(width) => 1.0 + width * (2.0 * uniform(rng) - 1.0),
            Self::Normal(variation) => 1.0 + variation * normal(rng),
            Self::LogNormal(sigma) => (sigma * normal(rng) - sigma * sigma / 2.0).exp(),
        };
        (f64::from(centre) * factor).round().clamp(1.0, f64::from(MOST_TOKENS)) as u32
    }
}

/// Standard normal, by Box and Muller (1958).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * uniform(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// Uniform in (0, 1].
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    fn draws(spread: Spread, centre: u32) -> Vec<u32> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        (0..20_000).map(|_| spread.draw(centre, &mut rng)).collect()
    }

    fn mean(draws: &[u32]) -> f64 {
        draws.iter().map(|draw| f64::from(*draw)).sum::<f64>() / draws.len() as f64
    }

    #[test]
    fn every_distribution_has_its_centre_as_its_mean() {
        for spread in [
            Spread::Fixed,
            Spread::Uniform(0.5),
            Spread::Normal(0.25),
            Spread::LogNormal(0.5),
            Spread::LogNormal(1.0),
        ] {
            let mean = mean(&draws(spread, 200));
            assert!((mean / 200.0 - 1.0).abs() < 0.02, "{spread:?}: {mean}");
        }
    }

    #[test]
    fn a_uniform_spread_is_its_half_width() {
        let draws = draws(Spread::Uniform(0.5), 200);
        assert_eq!((draws.iter().min(), draws.iter().max()), (Some(&100), Some(&300)));
    }

    #[test]
    fn a_normal_spread_is_the_coefficient_of_variation() {
        let draws = draws(Spread::Normal(0.25), 200);
        let mean = mean(&draws);
        let squares = draws.iter().map(|draw| (f64::from(*draw) - mean).powi(2)).sum::<f64>();
        let deviation = (squares / draws.len() as f64).sqrt();
        assert!((deviation / 50.0 - 1.0).abs() < 0.02, "{deviation}");
    }

    #[test]
    fn no_length_is_below_one_token_or_beyond_the_most() {
        assert!(draws(Spread::Normal(3.0), 2).iter().all(|draw| *draw >= 1));
        let wild = draws(Spread::LogNormal(3.0), MOST_TOKENS);
        assert!(wild.iter().all(|draw| (1..=MOST_TOKENS).contains(draw)));
    }
}
