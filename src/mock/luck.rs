//! Seeded draws: the same seed and ordinal give the same luck, in whatever order requests come.

use std::f64::consts::TAU;

/// The increment of the generator: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Mixes 64 bits so that neighbours have nothing in common (SplitMix64: Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014).
#[must_use]
pub(super) fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// The draws of one request.
#[derive(Debug, Clone)]
pub(super) struct Luck(u64);

impl Luck {
    /// The luck of the request with this ordinal.
    #[must_use]
    pub(super) fn new(seed: u64, ordinal: u64) -> Self {
        Self(mix(mix(seed.wrapping_add(STEP)).wrapping_add(ordinal.wrapping_mul(STEP))))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A draw from 0 to 1, 1 excluded.
    pub(super) fn uniform(&mut self) -> f64 {
        const BITS: u32 = 53;
        (self.next() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
    }

    /// A standard normal draw (Box and Muller, 1958).
    pub(super) fn normal(&mut self) -> f64 {
        // 1 - u is never 0, whose logarithm is infinite.
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::Luck;

    #[test]
    fn luck_depends_on_seed_and_ordinal_alone() {
        let draw = |seed, ordinal| Luck::new(seed, ordinal).uniform();
        assert_eq!(draw(1, 7), draw(1, 7));
        assert_ne!(draw(1, 7), draw(1, 8));
        assert_ne!(draw(1, 7), draw(2, 7));
    }

    #[test]
    fn normal_draws_have_the_moments_they_should() {
        let mut luck = Luck::new(3, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| luck.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
