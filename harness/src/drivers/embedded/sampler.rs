//! Choosing the next token.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws tokens of one request from its seed.
#[derive(Debug, Clone)]
pub(crate) struct Sampler {
    temperature: f64,
    random: ChaCha8Rng,
}

impl Sampler {
    /// `temperature` 0 is greedy. The same seed and logits give the same tokens.
    pub(crate) fn new(temperature: f64, seed: u64) -> Self {
        Self { temperature, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The next token; `None` when a logit is not a number, as damaged weights make them.
    pub(crate) fn draw(&mut self, logits: &[f32]) -> Option<u32> {
        let best = greedy(logits)?;
        match self.temperature > 0.0 {
            true => Some(self.sampled(logits, f64::from(logits[best]))),
            false => Some(best as u32),
        }
    }

    /// The natural logarithm of a token's probability to the model itself, at temperature 1.
    pub(crate) fn logprob(logits: &[f32], token: u32) -> Option<f64> {
        let of = f64::from(*logits.get(token as usize)?);
        let best = f64::from(logits[greedy(logits)?]);
        let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - best).exp()).sum();
        Some(of - best - sum.ln())
    }

    /// A token with probability proportional to exp((logit − best) / temperature).
    fn sampled(&mut self, logits: &[f32], best: f64) -> u32 {
        let weights: Vec<f64> = logits
            .iter()
            .map(|&logit| ((f64::from(logit) - best) / self.temperature).exp())
            .collect();
        let uniform = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut left = uniform * weights.iter().sum::<f64>();
        let drawn = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        // Rounding can leave a remainder after the last weight.
        drawn.unwrap_or(logits.len() - 1) as u32
    }
}

/// The largest logit, the first among equals.
fn greedy(logits: &[f32]) -> Option<usize> {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if logit.is_nan() {
            return None;
        }
        if *logit > logits[best] {
            best = id;
        }
    }
    logits.get(best).filter(|logit| logit.is_finite()).map(|_| best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_takes_the_first_of_equal_logits() {
        assert_eq!(Sampler::new(0.0, 1).draw(&[0.5, 2.0, 2.0]), Some(1));
    }

    #[test]
    fn logits_that_are_no_numbers_give_no_token() {
        assert_eq!(Sampler::new(0.7, 1).draw(&[0.5, f32::NAN]), None);
        assert_eq!(Sampler::new(0.0, 1).draw(&[0.5, f32::INFINITY]), None);
    }

    #[test]
    fn a_tokens_probability_is_its_share_of_the_softmax() {
        let logits = [0.0, 3f32.ln()];
        assert!((Sampler::logprob(&logits, 1).unwrap() - 0.75f64.ln()).abs() < 1e-6);
        assert_eq!(Sampler::logprob(&logits, 2), None);
    }

    #[test]
    fn sampling_follows_the_softmax_and_its_seed() {
        let logits = [0.0, 3f32.ln()];
        let ones = |seed| {
            let mut sampler = Sampler::new(1.0, seed);
            (0..4000).filter(|_| sampler.draw(&logits).unwrap() == 1).count()
        };
        // Expected 3000 with a standard deviation of 27.
        assert!((2850..3150).contains(&ones(7)), "{}", ones(7));
        assert_eq!(ones(7), ones(7));
    }
}
