//! A random rotation that takes `d log d` steps: after it, no component of a vector matters more
//! than another, so that the signs of its components say most of where it points.
//!
//! Signs are flipped at random and a fast Walsh-Hadamard transform mixes the first, then the last,
//! components, over and over: what RaBitQ's authors do for lengths that are no power of two (Gao
//! and Long, SIGMOD 2024, and their library's `FhtKacRotator`).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Transforms; with fewer, components of real embeddings still stand out.
const ROUNDS: usize = 4;
/// Any number: it chooses one rotation of many.
const SEED: u64 = 1;

/// A rotation of vectors of one length.
pub(super) struct Rotation {
    /// Components that one transform mixes: the largest power of two that there are.
    mixed: usize,
    /// What each component is multiplied by, round after round: one over the root of `mixed`, or
    /// its negative.
    signs: Vec<Vec<f32>>,
}

impl Rotation {
    /// The rotation of vectors of so many components, always the same one.
    pub(super) fn of(dimensions: usize) -> Self {
        let mixed = 1 << dimensions.ilog2();
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let rounds = (0..ROUNDS).map(|_| (0..dimensions).map(|_| random.next_u32()).collect());
        let signs = rounds.map(|bits: Vec<u32>| {
            let signs = bits.into_iter().map(|bits| if bits & 1 == 0 { 1.0 } else { -1.0 });
            signs.collect()
        });
        Self { mixed, signs: signs.collect() }
    }

    /// Rotates a vector. Its length stays, up to rounding.
    pub(super) fn apply(&self, vector: &mut [f32]) {
        let scale = 1.0 / (self.mixed as f32).sqrt();
        let rest = vector.len() - self.mixed;
        for (round, signs) in self.signs.iter().enumerate() {
            vector.iter_mut().zip(signs).for_each(|(value, sign)| *value *= sign);
            let part = if round % 2 == 0 { 0 } else { rest };
            let part = &mut vector[part..][..self.mixed];
            transform(part);
            part.iter_mut().for_each(|value| *value *= scale);
        }
    }
}

/// The Walsh-Hadamard transform in place, not normalised; the length is a power of two.
fn transform(values: &mut [f32]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (left, right) = pair.split_at_mut(half);
            for (a, b) in left.iter_mut().zip(right) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors::dot;
    use super::*;

    #[test]
    fn lengths_and_angles_stay_and_one_component_spreads_over_all() {
        for dimensions in [8, 24, 128, 384, 776] {
            let rotation = Rotation::of(dimensions);
            let mut one = vec![0.0; dimensions];
            one[dimensions - 1] = 1.0;
            let mut ramp: Vec<f32> = (0..dimensions).map(|at| at as f32 / 100.0).collect();
            let before = (dot(&one, &ramp), dot(&ramp, &ramp));
            rotation.apply(&mut one);
            rotation.apply(&mut ramp);
            assert!((dot(&one, &one) - 1.0).abs() < 1e-4);
            assert!((dot(&one, &ramp) - before.0).abs() < 1e-3 * before.0);
            assert!((dot(&ramp, &ramp) - before.1).abs() < 1e-4 * before.1);
            let largest = one.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
            let fair = 1.0 / (dimensions as f32).sqrt();
            assert!(largest < 5.0 * fair, "{dimensions}: {largest} where {fair} is fair");
        }
    }
}
