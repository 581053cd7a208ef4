//! One bit of each component of each row: what a scan reads first, to leave a few thousand rows of
//! a million to look at more closely.
//!
//! Rows are taken from their mean, rotated, and kept as signs and one factor, from which the inner
//! product with a query that is not rounded so is estimated without bias (RaBitQ: Gao and Long,
//! SIGMOD 2024). Signs lie in blocks of 32 rows, four components a nibble, so that one instruction
//! looks 32 nibbles up in a table that is made for the query (André, Kermarrec and Le Scouarnec's
//! Fast Scan, VLDB 2015).

use super::best::Neighbour;
use super::rotation::Rotation;
use super::sign_kernel::{BLOCK, sums};
use super::vectors::Vectors;
use rayon::prelude::*;

/// Components of a nibble.
const NIBBLE: usize = 4;
/// Signs that a nibble can be.
const PATTERNS: usize = 1 << NIBBLE;
/// Rows that the mean is summed from at a time.
const STRETCH: usize = 1 << 14;
/// Blocks that one thread scans before another may take over.
const SCANNED_AT_ONCE: usize = 1 << 12;

/// The signs of all rows.
pub(super) struct SignPlane {
    rotation: Rotation,
    /// What rows are taken from: the mean of those that it was made of.
    mean: Vec<f32>,
    /// How many rows there are.
    rows: usize,
    /// Bytes of a block: half a byte for each nibble of each row.
    block_bytes: usize,
    /// Block after block, nibble after nibble: a byte holds that of row `r` and of row `r + 16`.
    codes: Vec<u8>,
    /// What a row's signed sum is multiplied by; NaN past the last row, which no score beats.
    factors: Vec<f32>,
}

/// What a query is compared by.
struct Asked {
    /// For each nibble, what each pattern of signs adds, in steps from the least.
    tables: Vec<u8>,
    /// What a step is.
    step: f32,
    /// The sum of all least.
    least: f32,
}

impl SignPlane {
    /// Takes the signs of the rows, on the threads of the current pool.
    pub(super) fn of(rows: &Vectors) -> Self {
        let dimensions = rows.dimensions();
        let rotation = Rotation::of(dimensions);
        let mean = mean(rows);
        let block_bytes = dimensions / NIBBLE * (BLOCK / 2);
        let blocks = rows.len().div_ceil(BLOCK);
        let mut codes = vec![0; blocks * block_bytes];
        let mut factors = vec![f32::NAN; blocks * BLOCK];
        codes
            .par_chunks_exact_mut(block_bytes)
            .zip(factors.par_chunks_exact_mut(BLOCK))
            .zip(rows.values().par_chunks(BLOCK * dimensions))
            .for_each(|((codes, factors), rows)| {
                let rows = rows.chunks_exact(dimensions);
                for (row, (values, factor)) in rows.zip(factors).enumerate() {
                    let rest = turned(values, &mean, &rotation);
                    *factor = factor_of(&rest);
                    put(&rest, row, codes);
                }
            });
        Self { rotation, mean, rows: rows.len(), block_bytes, codes, factors }
    }

    /// Adds a row behind the others.
    pub(super) fn add(&mut self, row: &[f32]) {
        let (block, place) = (self.rows / BLOCK, self.rows % BLOCK);
        if place == 0 {
            self.codes.resize((block + 1) * self.block_bytes, 0);
            self.factors.resize((block + 1) * BLOCK, f32::NAN);
        }
        let rest = turned(row, &self.mean, &self.rotation);
        put(&rest, place, &mut self.codes[block * self.block_bytes..]);
        self.factors[self.rows] = factor_of(&rest);
        self.rows += 1;
    }

    /// Bytes that a scan reads.
    pub(super) fn bytes(&self) -> u64 {
        (self.codes.len() + size_of_val(&self.factors[..])) as u64
    }

    /// The `count` rows that are nearest as far as signs tell, of those that pass `mask`, in no
    /// order; on the threads of the current pool.
    pub(super) fn nearest(&self, query: &[f32], count: usize, mask: Option<&[bool]>) -> Vec<u32> {
        let asked = self.asked(query);
        let kept = self
            .codes
            .par_chunks(SCANNED_AT_ONCE * self.block_bytes)
            .zip(self.factors.par_chunks(SCANNED_AT_ONCE * BLOCK))
            .enumerate()
            .fold(
                || Shortlist::of(count, mask),
                |mut list, (stretch, (codes, factors))| {
                    let first = stretch * SCANNED_AT_ONCE * BLOCK;
                    self.scan(&asked, first, codes, factors, &mut list);
                    list
                },
            )
            .reduce(|| Shortlist::of(count, mask), Shortlist::merged);
        kept.rows()
    }

    fn scan(
        &self,
        asked: &Asked,
        first: usize,
        codes: &[u8],
        factors: &[f32],
        list: &mut Shortlist<'_>,
    ) {
        let blocks = codes.chunks_exact(self.block_bytes).zip(factors.chunks_exact(BLOCK));
        for (block, (codes, factors)) in blocks.enumerate() {
            let sums = sums(codes, &asked.tables);
            let first = (first + block * BLOCK) as u32;
            for ((row, sum), factor) in (first..).zip(sums).zip(factors) {
                list.offer(row, factor * (asked.step * sum as f32 + asked.least));
            }
        }
    }

    fn asked(&self, query: &[f32]) -> Asked {
        let mut turned = query.to_vec();
        self.rotation.apply(&mut turned);
        let lengths = turned.chunks_exact(NIBBLE).map(|part| part.iter().map(|it| it.abs()).sum());
        let lengths: Vec<f32> = lengths.collect();
        let step = lengths.iter().copied().fold(0.0, f32::max) * 2.0 / f32::from(u8::MAX);
        let parts = turned.chunks_exact(NIBBLE).zip(&lengths);
        let tables = parts.flat_map(|(part, length)| {
            (0..PATTERNS)
                .map(move |pattern| ((signed(part, pattern) + length) / step).round() as u8)
        });
        Asked { tables: tables.collect(), step, least: -lengths.iter().sum::<f32>() }
    }
}

/// A row as its signs are taken.
fn turned(row: &[f32], mean: &[f32], rotation: &Rotation) -> Vec<f32> {
    let mut rest: Vec<f32> = row.iter().zip(mean).map(|(a, b)| a - b).collect();
    rotation.apply(&mut rest);
    rest
}

/// The mean row, summed in a fixed order.
fn mean(rows: &Vectors) -> Vec<f32> {
    let dimensions = rows.dimensions();
    let stretches = rows.values().par_chunks(STRETCH * dimensions).map(|rows| {
        let mut sum = vec![0.0; dimensions];
        for row in rows.chunks_exact(dimensions) {
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        sum
    });
    let stretches: Vec<Vec<f64>> = stretches.collect();
    let sum = |at: usize| stretches.iter().map(|stretch| stretch[at]).sum::<f64>();
    (0..dimensions).map(|at| (sum(at) / rows.len() as f64) as f32).collect()
}

/// What makes the signed sum of a query an estimate of its inner product with the vector that the
/// signs were taken from.
fn factor_of(vector: &[f32]) -> f32 {
    let squares: f32 = vector.iter().map(|value| value * value).sum();
    let sizes: f32 = vector.iter().map(|value| value.abs()).sum();
    if sizes > 0.0 { squares / sizes } else { 0.0 }
}

/// Puts the signs of a block's row where they belong.
fn put(vector: &[f32], row: usize, codes: &mut [u8]) {
    let half = BLOCK / 2;
    for (part, codes) in vector.chunks_exact(NIBBLE).zip(codes.chunks_exact_mut(half)) {
        let pattern = (0..NIBBLE).filter(|bit| part[*bit] >= 0.0).map(|bit| 1 << bit).sum::<u8>();
        codes[row % half] |= pattern << (row / half * NIBBLE);
    }
}

/// The sum of a part's components, with the signs of a pattern.
fn signed(part: &[f32], pattern: usize) -> f32 {
    let terms = part.iter().enumerate();
    terms.map(|(bit, value)| if pattern >> bit & 1 == 1 { *value } else { -value }).sum()
}

/// The best rows so far: many enough that keeping them in order would cost more than sorting them
/// out now and then.
struct Shortlist<'a> {
    count: usize,
    /// For each row, whether it may be found; all may where there is none.
    mask: Option<&'a [bool]>,
    /// What a row must beat.
    floor: f32,
    rows: Vec<Neighbour>,
}

impl<'a> Shortlist<'a> {
    fn of(count: usize, mask: Option<&'a [bool]>) -> Self {
        Self { count, mask, floor: f32::NEG_INFINITY, rows: Vec::with_capacity(2 * count) }
    }

    #[inline]
    fn offer(&mut self, id: u32, score: f32) {
        // The mask is looked at last: few rows beat the floor. Past the last row none does.
        if score > self.floor && self.mask.is_none_or(|mask| mask[id as usize]) {
            self.push(Neighbour { id, score });
        }
    }

    #[cold]
    fn push(&mut self, row: Neighbour) {
        self.rows.push(row);
        if self.rows.len() == 2 * self.count {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.rows.len() > self.count {
            let (_, last, _) = self.rows.select_nth_unstable(self.count - 1);
            self.floor = last.score;
            self.rows.truncate(self.count);
        }
    }

    fn merged(mut self, other: Self) -> Self {
        other.rows.into_iter().for_each(|row| self.offer(row.id, row.score));
        self
    }

    fn rows(mut self) -> Vec<u32> {
        self.cut();
        self.rows.into_iter().map(|row| row.id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator::{Generator, Side};
    use super::super::truth::{Asked, Truth};
    use super::*;
    use tokgate_core::case::{VectorKind, VectorSet};

    const QUERIES: usize = 40;

    fn data(rows: usize, dimensions: u32) -> (Vectors, Vectors) {
        let set = VectorSet::new(VectorKind::Mixture, 0, dimensions);
        let generator = Generator::new(&set, 42);
        (generator.rows(Side::Corpus, rows), generator.rows(Side::Queries, QUERIES))
    }

    #[test]
    fn the_nearest_rows_are_among_a_few_percent_of_all() {
        let (rows, queries) = data(20_000, 128);
        let (plane, truth) = (SignPlane::of(&rows), Truth::find(&rows, &queries, QUERIES));
        let hits = queries.rows().enumerate().map(|(number, vector)| {
            let kept = plane.nearest(vector, 960, None);
            assert_eq!(kept.len(), 960);
            let named = |id| Neighbour {
                id,
                score: super::super::vectors::dot(vector, rows.row(id as usize)),
            };
            let mut kept: Vec<Neighbour> = kept.into_iter().map(named).collect();
            kept.sort_unstable();
            kept.truncate(10);
            truth.hits(&rows, Asked { number, vector }, &kept)[1].found
        });
        let recall = f64::from(hits.sum::<u32>()) / (QUERIES * 10) as f64;
        assert!(recall >= 0.99, "{recall}");
    }

    #[test]
    fn a_plane_that_grew_is_the_one_that_was_made_at_once_but_for_the_mean() {
        let (rows, queries) = data(777, 64);
        let (whole, mut grown) = (SignPlane::of(&rows), SignPlane::of(&rows.first(700)));
        // The same origin, so that every sign can be compared.
        (grown.codes, grown.factors, grown.rows) = (Vec::new(), Vec::new(), 0);
        grown.mean.clone_from(&whole.mean);
        rows.rows().for_each(|row| grown.add(row));
        assert_eq!((&grown.codes, grown.bytes()), (&whole.codes, whole.bytes()));
        let kept = |plane: &SignPlane| {
            let mut kept = plane.nearest(queries.row(0), 100, None);
            kept.sort_unstable();
            kept
        };
        assert_eq!(kept(&grown), kept(&whole));
    }

    #[test]
    fn all_rows_can_be_kept_and_no_row_is_made_up() {
        let (rows, queries) = data(77, 64);
        let mut kept = SignPlane::of(&rows).nearest(queries.row(0), 200, None);
        kept.sort_unstable();
        assert_eq!(kept, (0..77).collect::<Vec<_>>());
    }

    #[test]
    fn rows_that_are_all_alike_are_as_good_as_any_other() {
        let row = data(1, 64).0.values().repeat(50);
        let rows = Vectors::new(64, row).unwrap();
        assert_eq!(SignPlane::of(&rows).nearest(rows.row(0), 10, None).len(), 10);
    }

    #[test]
    fn the_threads_make_no_difference() {
        let (rows, queries) = data(20_000, 64);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let plane = SignPlane::of(&rows);
                let mut kept = plane.nearest(queries.row(0), 100, None);
                kept.sort_unstable();
                (plane.codes, kept)
            })
        };
        assert_eq!(with(1), with(3));
    }
}
