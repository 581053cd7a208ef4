//! The exact nearest rows of many queries at once, by blocked f32 matrix products over all rows.

use super::best::{Best, Neighbour};
use super::vectors::Vectors;
use rayon::prelude::*;

/// Rows and queries of one product: its result (1 MiB) stays in the second-level cache.
const ROWS: usize = 1024;
const QUERIES: usize = 256;
/// Blocks below which a range is not split further: each range keeps its own lists.
const BLOCKS: usize = 8;

/// The `depth` best rows of each query, best first, on the threads of the current pool. `queries`
/// are whole vectors of the rows' length, one after the other.
pub(super) fn nearest(rows: &Vectors, queries: &[f32], depth: usize) -> Vec<Vec<Neighbour>> {
    let dimensions = rows.dimensions();
    let none = || Lists::new(queries.len() / dimensions, depth);
    let lists = rows
        .values()
        .par_chunks(ROWS * dimensions)
        .enumerate()
        .with_min_len(BLOCKS)
        .fold(none, |mut lists, (block, rows)| {
            let first = (block * ROWS) as u32;
            lists.scan(first.., rows, queries, dimensions);
            lists
        })
        .reduce(none, Lists::merged);
    lists.best.into_iter().map(Best::into_sorted).collect()
}

/// The same among some rows alone, whose numbers ascend.
pub(super) fn nearest_among(
    rows: &Vectors,
    among: &[u32],
    queries: &[f32],
    depth: usize,
) -> Vec<Vec<Neighbour>> {
    let dimensions = rows.dimensions();
    let none = || Lists::new(queries.len() / dimensions, depth);
    let lists = among
        .par_chunks(ROWS)
        .with_min_len(BLOCKS)
        .fold(none, |mut lists, ids| {
            let gathered = ids.iter().flat_map(|id| rows.row(*id as usize)).copied();
            let gathered: Vec<f32> = gathered.collect();
            lists.scan(ids.iter().copied(), &gathered, queries, dimensions);
            lists
        })
        .reduce(none, Lists::merged);
    lists.best.into_iter().map(Best::into_sorted).collect()
}

/// The best rows so far, by query, and room for one product.
struct Lists {
    best: Vec<Best>,
    scores: Vec<f32>,
}

impl Lists {
    fn new(queries: usize, depth: usize) -> Self {
        Self { best: vec![Best::new(depth); queries], scores: Vec::new() }
    }

    /// Compares a block of rows, whose numbers are `ids`, with all queries.
    fn scan(
        &mut self,
        ids: impl Iterator<Item = u32> + Clone,
        rows: &[f32],
        queries: &[f32],
        dimensions: usize,
    ) {
        let count = rows.len() / dimensions;
        let lists = self.best.chunks_mut(QUERIES);
        for (best, queries) in lists.zip(queries.chunks(QUERIES * dimensions)) {
            self.scores.resize(best.len() * count, 0.0);
            multiply(queries, rows, dimensions, &mut self.scores);
            for (best, scores) in best.iter_mut().zip(self.scores.chunks_exact(count)) {
                for (id, score) in ids.clone().zip(scores) {
                    best.offer(Neighbour { id, score: *score });
                }
            }
        }
    }

    fn merged(self, other: Self) -> Self {
        let pairs = self.best.into_iter().zip(other.best);
        let best = pairs.map(|(mine, theirs)| mine.merged(theirs)).collect();
        Self { best, scores: Vec::new() }
    }
}

/// `scores = queries · rowsᵀ`, all row-major; each inner length is `dimensions`.
fn multiply(queries: &[f32], rows: &[f32], dimensions: usize, scores: &mut [f32]) {
    let (m, n) = (queries.len() / dimensions, rows.len() / dimensions);
    assert!(queries.len() == m * dimensions && rows.len() == n * dimensions);
    assert_eq!(scores.len(), m * n);
    let (along, down) = (dimensions as isize, n as isize);
    // SAFETY: the crate's only interface is by pointer. It reads m × d (strides d, 1) and d × n
    // (strides 1, d) and writes m × n (strides n, 1), each exactly as long as asserted above.
    #[allow(unsafe_code)]
    unsafe {
        matrixmultiply::sgemm(
            m,
            dimensions,
            n,
            1.0,
            queries.as_ptr(),
            along,
            1,
            rows.as_ptr(),
            1,
            along,
            0.0,
            scores.as_mut_ptr(),
            down,
            1,
        );
    }
}
