//! The random stream of one block of rows: ChaCha8 words, and normals made of them with integer
//! sums and one multiplication, so that every machine draws the same bits.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Rows drawn from one stream. A longer data set appends blocks and changes none.
pub(super) const BLOCK: usize = 4096;

/// Words fetched at a time: fits the first-level cache beside what is made of them.
const BATCH: usize = 64;

/// `1 / √(4 · (65536² − 1) / 12)`: gives the sum of four 16-bit uniforms a variance of 1.
const UNIT: f32 = 1.0 / 37_837.227;

/// The sum's mean, `4 · 65535 / 2`.
const MEAN: i32 = 131_070;

/// What a data set's rows are for. Sides share the distribution and no random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Rows that are searched.
    Corpus,
    /// Measured queries.
    Queries,
    /// Queries that only warm up.
    Warmup,
}

impl Side {
    fn number(self) -> u64 {
        match self {
            Self::Corpus => 0,
            Self::Queries => 1,
            Self::Warmup => 2,
        }
    }
}

/// Random numbers of one block.
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of rows `block · BLOCK ..`.
    pub(super) fn of_block(seed: u64, side: Side, block: u64) -> Self {
        Self::numbered(seed, (side.number() << 40) | block)
    }

    /// The stream that the distribution's own parameters come from.
    pub(super) fn of_parameters(seed: u64) -> Self {
        Self::numbered(seed, u64::MAX)
    }

    fn numbered(seed: u64, number: u64) -> Self {
        // The key is spelt out: how a library widens a small seed may change with its version.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(number);
        Self(rng)
    }

    /// 64 uniform bits.
    pub(super) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound` (fixed point; the bias is below `bound / 2^64`).
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.word()) * bound as u128) >> 64) as usize
    }

    /// Standard normals, one word each.
    pub(super) fn normals(&mut self, out: &mut [f32]) {
        let mut bytes = [0; 8 * BATCH];
        for out in out.chunks_mut(BATCH) {
            let bytes = &mut bytes[..8 * out.len()];
            self.0.fill_bytes(bytes);
            for (normal, word) in out.iter_mut().zip(bytes.as_chunks().0) {
                *normal = irwin_hall(u64::from_le_bytes(*word));
            }
        }
    }

    /// A direction: `out` becomes a unit vector, uniform but for the shape of the normals.
    pub(super) fn direction(&mut self, out: &mut [f32]) {
        self.normals(out);
        super::mixture::normalise(out);
    }
}

/// The sum of the word's four 16-bit parts, centred and scaled: near normal (Irwin–Hall, n = 4),
/// bounded at ±3.46.
#[inline]
fn irwin_hall(word: u64) -> f32 {
    const EVEN: u64 = 0x0000_FFFF_0000_FFFF;
    let pairs = (word & EVEN) + ((word >> 16) & EVEN);
    let sum = (pairs as u32 + (pairs >> 32) as u32) as i32;
    (sum - MEAN) as f32 * UNIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_have_mean_zero_variance_one_and_the_tails_of_four_uniforms() {
        let mut normals = vec![0f32; 200_000];
        Stream::of_block(1, Side::Corpus, 0).normals(&mut normals);
        let mean = |power: i32| {
            normals.iter().map(|z| f64::from(*z).powi(power)).sum::<f64>() / normals.len() as f64
        };
        assert!(mean(1).abs() < 0.01, "mean {}", mean(1));
        assert!((mean(2) - 1.0).abs() < 0.01, "variance {}", mean(2));
        // Kurtosis of a sum of n uniforms is 3 − 6 / (5 n).
        assert!((mean(4) - 2.7).abs() < 0.05, "kurtosis {}", mean(4));
    }

    #[test]
    fn the_ends_of_the_range_are_symmetric() {
        assert_eq!(irwin_hall(0), -irwin_hall(u64::MAX));
        assert_eq!(irwin_hall(0), -(MEAN as f32) * UNIT);
    }

    #[test]
    fn sides_and_blocks_share_no_numbers() {
        let first = |side, block| Stream::of_block(1, side, block).word();
        let words = [
            first(Side::Corpus, 0),
            first(Side::Corpus, 1),
            first(Side::Queries, 0),
            first(Side::Warmup, 0),
            Stream::of_parameters(1).word(),
            Stream::of_block(2, Side::Corpus, 0).word(),
        ];
        assert!((1..words.len()).all(|i| !words[..i].contains(&words[i])));
    }
}
