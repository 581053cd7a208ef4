//! Seeded weights: the same bits on every machine, from nothing but a tensor's name and size.
//!
//! Only integer arithmetic, exact conversions, multiplications and one square root are used, all
//! of which IEEE 754 rounds in one way; a normal distribution would need logarithms, which differ
//! between libraries.

use super::llama::Source;
use super::matrix::Matrix;
use candle_core::{Device, Result, Tensor};

/// Seed of all synthetic weights. Another one makes other models, and other answers.
const SEED: u64 = 0x746f_6b67_6174_6531;

/// Standard deviation of the embedding. Small against what the blocks add to the residual stream:
/// with tied embeddings a token would otherwise mostly predict itself.
const EMBEDDING_SPREAD: f32 = 0.02;

/// Mean of the last norm's gains: it spreads the logits so far that sampling at temperature 1
/// prefers some tokens, as trained models do.
const OUTPUT_GAIN: f32 = 8.0;

/// Reads tensors out of the seed.
pub(crate) struct Seeded(pub(crate) Device);

impl Source for Seeded {
    fn matrix(&mut self, name: &str, [rows, columns]: [usize; 2]) -> Result<Matrix> {
        let values = values(name, [rows, columns]);
        Ok(Matrix::dense(Tensor::from_vec(values, (rows, columns), &self.0)?))
    }

    fn vector(&mut self, name: &str, length: usize) -> Result<Tensor> {
        Tensor::from_vec(values(name, [1, length]), length, &self.0)
    }
}

/// The values of the tensor called `name`, row by row.
///
/// Uniform on ±√3·σ, hence of standard deviation σ. For matrices σ is 1/√columns, so that a row
/// times an input of unit variance has unit variance; norms are uniform on their gain ± one half.
pub(crate) fn values(name: &str, [rows, columns]: [usize; 2]) -> Vec<f32> {
    let (centre, reach) = match name {
        "token_embd.weight" => (0.0, EMBEDDING_SPREAD * 3f32.sqrt()),
        "output_norm.weight" => (OUTPUT_GAIN, OUTPUT_GAIN / 2.0),
        _ if rows == 1 => (1.0, 0.5),
        _ => (0.0, (3.0 / columns as f32).sqrt()),
    };
    let mut state = SEED ^ fnv1a(name);
    (0..rows * columns).map(|_| centre + reach * unit(splitmix64(&mut state))).collect()
}

/// A number on [-1, 1): the upper 24 bits, which f32 holds exactly.
fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 / (1u32 << 23) as f32 - 1.0
}

/// The next number of the sequence (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014).
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The FNV-1a hash of a name: each tensor draws from a sequence of its own.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_never_change() {
        let bits: Vec<u32> =
            values("blk.0.attn_q.weight", [2, 2]).iter().map(|value| value.to_bits()).collect();
        // Computed apart from this code, from the papers' constants.
        assert_eq!(bits, [0x3e8d4d7e, 0xbf6c516f, 0xbe15738a, 0xbf6efe7a]);
    }

    #[test]
    fn matrices_have_the_spread_that_keeps_activations_sane() {
        let drawn = values("blk.0.ffn_up.weight", [64, 256]);
        let mean_square = drawn.iter().map(|v| f64::from(v * v)).sum::<f64>() / drawn.len() as f64;
        assert!((mean_square * 256.0 - 1.0).abs() < 0.05, "{mean_square}");
    }
}
