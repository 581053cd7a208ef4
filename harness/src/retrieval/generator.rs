//! The seeded generator: data sets that are the same bits for one seed, whatever the machine,
//! the number of threads, and how many rows are asked for.

use super::mixture::{Mixture, normalise};
pub use super::stream::Side;
use super::stream::{BLOCK, Stream};
use super::vectors::Vectors;
use rayon::prelude::*;
use tokgate_core::case::{VectorKind, VectorSet};

/// Draws unit vectors of one distribution.
pub struct Generator {
    seed: u64,
    dimensions: usize,
    model: Model,
}

enum Model {
    Mixture(Box<Mixture>),
    /// Every direction is as likely as every other: rows have no neighbourhoods, so that recall
    /// on it says nothing about real data. A stress only.
    Iid,
}

impl Generator {
    /// The distribution of a vector set, whose dimensions are a positive multiple of 8.
    ///
    /// # Panics
    /// When the set is a file's: there is no distribution to draw from.
    #[must_use]
    pub fn new(set: &VectorSet, seed: u64) -> Self {
        let dimensions = set.dimensions as usize;
        let model = match &set.kind {
            VectorKind::Mixture => Model::Mixture(Box::new(Mixture::new(seed, dimensions))),
            VectorKind::Iid => Model::Iid,
            VectorKind::File(file) => unreachable!("the vectors of {} are not drawn", file.path),
        };
        Self { seed, dimensions, model }
    }

    /// The first `count` rows of a side, on all threads of the current pool.
    #[must_use]
    pub fn rows(&self, side: Side, count: usize) -> Vectors {
        let mut values = vec![0.0; count * self.dimensions];
        values
            .par_chunks_mut(BLOCK * self.dimensions)
            .enumerate()
            .for_each(|(block, rows)| self.fill(side, block as u64, rows));
        Vectors::checked(self.dimensions, values)
    }

    fn fill(&self, side: Side, block: u64, rows: &mut [f32]) {
        let mut stream = Stream::of_block(self.seed, side, block);
        match &self.model {
            Model::Mixture(mixture) => mixture.fill(&mut stream, rows),
            Model::Iid => rows.chunks_exact_mut(self.dimensions).for_each(|row| {
                stream.normals(row);
                normalise(row);
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::vectors::dot;
    use super::*;

    const ROWS: usize = BLOCK + 100;

    fn generator(kind: VectorKind, dimensions: u32) -> Generator {
        Generator::new(&VectorSet::new(kind, 0, dimensions), 42)
    }

    fn on_threads(threads: usize, work: impl FnOnce() -> Vectors + Send) -> Vectors {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
    }

    /// FNV-1a over the bits: nothing but a fingerprint.
    fn fingerprint(vectors: &Vectors) -> u64 {
        vectors
            .values()
            .iter()
            .flat_map(|value| value.to_bits().to_le_bytes())
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            })
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let generator = generator(VectorKind::Mixture, 128);
        let one = on_threads(1, || generator.rows(Side::Corpus, 3 * BLOCK));
        for threads in [2, 4] {
            let more = on_threads(threads, || generator.rows(Side::Corpus, 3 * BLOCK));
            assert!(one == more, "{threads} threads gave other vectors");
        }
    }

    #[test]
    fn a_longer_set_begins_with_the_shorter_one() {
        for kind in [VectorKind::Mixture, VectorKind::Iid] {
            let generator = generator(kind.clone(), 40);
            let long = generator.rows(Side::Corpus, ROWS);
            for count in [1, 129, BLOCK, BLOCK + 1] {
                let short = generator.rows(Side::Corpus, count);
                assert!(long.values().starts_with(short.values()), "{kind:?}, {count} rows");
            }
        }
    }

    #[test]
    fn rows_are_unit_vectors() {
        for kind in [VectorKind::Mixture, VectorKind::Iid] {
            let rows = generator(kind.clone(), 128).rows(Side::Queries, 1000);
            let worst = rows.rows().map(|row| (dot(row, row) - 1.0).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-6, "{kind:?}: a squared length is off by {worst}");
        }
    }

    #[test]
    fn two_rows_of_a_mixture_have_the_mean_cosine_of_real_embeddings() {
        let generator = generator(VectorKind::Mixture, 384);
        let rows = generator.rows(Side::Corpus, ROWS);
        let pairs = rows.rows().zip(rows.rows().skip(1));
        let mean = pairs.map(|(a, b)| f64::from(dot(a, b))).sum::<f64>() / (ROWS - 1) as f64;
        assert!((0.10..0.14).contains(&mean), "mean cosine {mean}");
    }

    #[test]
    fn queries_come_from_the_same_clusters_and_are_not_in_the_corpus() {
        let generator = generator(VectorKind::Mixture, 128);
        let corpus = generator.rows(Side::Corpus, ROWS);
        let queries = generator.rows(Side::Queries, 50);
        let nearest: Vec<f32> = queries
            .rows()
            .map(|query| corpus.rows().map(|row| dot(query, row)).fold(-1.0, f32::max))
            .collect();
        let mean = nearest.iter().sum::<f32>() / nearest.len() as f32;
        assert!((0.4..0.8).contains(&mean), "mean cosine of the nearest row: {mean}");
        assert!(nearest.iter().all(|cosine| *cosine < 0.99));
    }

    /// Stored results name a data set by kind, size and seed. A change of these numbers is a
    /// change of every such result's meaning: give the kind a new name instead.
    #[test]
    fn the_data_never_change_unnoticed() {
        let print =
            |kind, dimensions| fingerprint(&generator(kind, dimensions).rows(Side::Corpus, BLOCK));
        assert_eq!(print(VectorKind::Mixture, 128), 13_245_332_096_085_077_776);
        assert_eq!(print(VectorKind::Mixture, 40), 15_397_568_561_092_245_135);
        assert_eq!(print(VectorKind::Iid, 128), 9_052_625_239_797_282_455);
    }
}
