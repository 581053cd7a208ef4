//! The distribution that is hard like real embeddings: a Zipf-weighted mixture of low-rank
//! clusters around a common mean.
//!
//! A row is `normalise(mean + centre_k + Σ_j s_j z_j u_kj + noise · ε)` with `k` drawn by Zipf's
//! law, `z_j` and `ε` normal, and `u_kj` picked from a pool of directions that all clusters
//! share. The loop over rows multiplies, adds, divides and takes square roots only, in a fixed
//! order, so that a data set is the same bits on every machine. The clusters flatter indexes of
//! cells and hurt graphs; a report says so beside the data set's name.

use super::stream::Stream;
use super::vectors::{GROUP, dot};

/// Clusters.
const CLUSTERS: usize = 1024;
/// Cluster `i` of 0.. is drawn with weight `(i + 10)^(−7/10)`.
const ZIPF_SHIFT: usize = 10;
const ZIPF_TENTHS: u32 = 7;
/// Direction `j` of 1.. within a cluster has length in proportion to `j^(−3/10)`.
const DECAY_TENTHS: u32 = 3;
/// Length of all directions of a cluster together; a centre has length 1.
const SPREAD: f32 = 1.2;
/// Expected length of the isotropic part.
const NOISE: f32 = 0.5;
/// The common mean's share of a row's length. Two rows have a mean cosine near its square, .12,
/// as sentence embeddings have (.126 for a small sentence encoder).
const MEAN_OFFSET: f32 = 0.35;

/// Rows drawn before they are blended: their weights stay in the second-level cache.
const SHEET: usize = 128;
/// Components blended at a time, so that their sums stay in registers and the pool's share of
/// them in the second-level cache.
const STRIP: usize = 32;

/// The drawn parameters of a mixture.
pub(super) struct Mixture {
    dimensions: usize,
    rank: usize,
    /// Upper ends of the clusters' shares of 53 random bits.
    shares: Vec<u64>,
    /// Mean and centre of each cluster, added.
    centres: Vec<f32>,
    /// Lengths of a cluster's directions.
    lengths: Vec<f32>,
    /// The shared directions, [strip by strip](in_strips).
    pool: Vec<f32>,
    /// Which of them each cluster has.
    picks: Vec<u32>,
}

/// Scratch for one sheet of rows.
struct Sheet {
    clusters: Vec<usize>,
    weights: Vec<f32>,
}

impl Mixture {
    /// Draws the parameters.
    pub(super) fn new(seed: u64, dimensions: usize) -> Self {
        let mut stream = Stream::of_parameters(seed);
        let (rank, directions) = (rank(dimensions), pool(dimensions));
        let centres = centres(&mut stream, dimensions);
        let mut pool = vec![0.0; directions * dimensions];
        pool.chunks_exact_mut(dimensions).for_each(|row| stream.direction(row));
        let picks = (0..CLUSTERS * rank).map(|_| stream.below(directions) as u32).collect();
        let pool = in_strips(&pool, dimensions);
        Self { dimensions, rank, shares: shares(), centres, lengths: lengths(rank), pool, picks }
    }

    /// Fills whole rows from a block's stream, front to back.
    pub(super) fn fill(&self, stream: &mut Stream, rows: &mut [f32]) {
        let mut sheet = Sheet { clusters: Vec::new(), weights: vec![0.0; SHEET * self.rank] };
        for rows in rows.chunks_mut(SHEET * self.dimensions) {
            self.draw(stream, rows, &mut sheet);
            self.blend(rows, &sheet);
            rows.chunks_exact_mut(self.dimensions).for_each(normalise);
        }
    }

    /// Draws cluster, weights and noise of each row; leaves centre and noise in the rows.
    fn draw(&self, stream: &mut Stream, rows: &mut [f32], sheet: &mut Sheet) {
        let noise = NOISE / (self.dimensions as f32).sqrt();
        sheet.clusters.clear();
        for (row, weights) in
            rows.chunks_exact_mut(self.dimensions).zip(sheet.weights.chunks_exact_mut(self.rank))
        {
            let cluster = self.cluster(stream.word());
            stream.normals(weights);
            stream.normals(row);
            weights.iter_mut().zip(&self.lengths).for_each(|(weight, length)| *weight *= length);
            let centre = &self.centres[cluster * self.dimensions..][..self.dimensions];
            row.iter_mut().zip(centre).for_each(|(x, centre)| *x = centre + *x * noise);
            sheet.clusters.push(cluster);
        }
    }

    /// Adds the weighted directions, strip by strip. Each component's sum has the same order
    /// whatever the strip's width.
    fn blend(&self, rows: &mut [f32], sheet: &Sheet) {
        for (at, width) in strips(self.dimensions) {
            match width {
                STRIP => self.blend_strip::<STRIP>(rows, sheet, at),
                _ => self.blend_strip::<GROUP>(rows, sheet, at),
            }
        }
    }

    fn blend_strip<const WIDTH: usize>(&self, rows: &mut [f32], sheet: &Sheet, at: usize) {
        let directions = self.pool[pool(self.dimensions) * at..].as_chunks::<WIDTH>().0;
        let rows = rows.chunks_exact_mut(self.dimensions);
        let weights = sheet.weights.chunks_exact(self.rank);
        for ((row, weights), cluster) in rows.zip(weights).zip(&sheet.clusters) {
            let picks = &self.picks[cluster * self.rank..][..self.rank];
            let sum = row[at..].first_chunk_mut().expect("strips lie within a row");
            *sum = weights
                .iter()
                .zip(picks)
                .fold(*sum, |sum, (weight, pick)| add(sum, *weight, &directions[*pick as usize]));
        }
    }

    fn cluster(&self, word: u64) -> usize {
        let bits = word >> 11;
        self.shares.partition_point(|end| *end <= bits)
    }
}

/// `sum + weight · direction`, by component. Arrays by value, so that they stay in registers.
#[inline(always)]
fn add<const WIDTH: usize>(
    sum: [f32; WIDTH],
    weight: f32,
    direction: &[f32; WIDTH],
) -> [f32; WIDTH] {
    std::array::from_fn(|lane| sum[lane] + weight * direction[lane])
}

/// Where each strip of a row begins, and how wide it is: [`STRIP`]s, then [`GROUP`]s.
fn strips(dimensions: usize) -> impl Iterator<Item = (usize, usize)> {
    let whole = dimensions - dimensions % STRIP;
    let narrow = (whole..dimensions).step_by(GROUP).map(|at| (at, GROUP));
    (0..whole).step_by(STRIP).map(|at| (at, STRIP)).chain(narrow)
}

/// The first strip of every row, then the second of every row, and so on: what is blended at one
/// time lies together.
fn in_strips(rows: &[f32], dimensions: usize) -> Vec<f32> {
    strips(dimensions)
        .flat_map(|(at, width)| rows.chunks_exact(dimensions).flat_map(move |r| &r[at..at + width]))
        .copied()
        .collect()
}

/// Directions per cluster: the line through 32 at 128 components and 48 at 384, and never more
/// than a quarter of the components.
fn rank(dimensions: usize) -> usize {
    (24 + dimensions / 16).min(dimensions / 4)
}

/// Directions in all: the line through 1024 at 128 components and 2048 at 384.
fn pool(dimensions: usize) -> usize {
    512 + 4 * dimensions
}

/// Mean plus unit centre of each cluster. The mean is as long as makes it `MEAN_OFFSET` of a
/// row's length: `m / √(m² + 1 + SPREAD² + NOISE²) = MEAN_OFFSET`.
fn centres(stream: &mut Stream, dimensions: usize) -> Vec<f32> {
    let others = 1.0 + SPREAD * SPREAD + NOISE * NOISE;
    let length = MEAN_OFFSET * (others / (1.0 - MEAN_OFFSET * MEAN_OFFSET)).sqrt();
    let mut mean = vec![0.0; dimensions];
    stream.direction(&mut mean);
    let mut centres = vec![0.0; CLUSTERS * dimensions];
    for centre in centres.chunks_exact_mut(dimensions) {
        stream.direction(centre);
        centre.iter_mut().zip(&mean).for_each(|(x, mean)| *x += length * mean);
    }
    centres
}

/// Lengths of a cluster's directions: `j^(−DECAY_TENTHS/10)`, scaled to `SPREAD` together.
fn lengths(rank: usize) -> Vec<f32> {
    let raw: Vec<f64> = (1..=rank).map(|j| falling_power(j, DECAY_TENTHS)).collect();
    let total = raw.iter().map(|length| length * length).sum::<f64>().sqrt();
    raw.iter().map(|length| (f64::from(SPREAD) * length / total) as f32).collect()
}

/// Upper ends of the clusters' shares of 53 random bits.
fn shares() -> Vec<u64> {
    let weights: Vec<f64> =
        (0..CLUSTERS).map(|i| falling_power(i + ZIPF_SHIFT, ZIPF_TENTHS)).collect();
    let total: f64 = weights.iter().sum();
    let mut reached = 0.0;
    let mut ends: Vec<u64> = weights
        .iter()
        .map(|weight| {
            reached += weight;
            (reached / total * (1u64 << 53) as f64) as u64
        })
        .collect();
    // Rounding may leave the last end short of what can be drawn.
    ends[CLUSTERS - 1] = 1 << 53;
    ends
}

/// `base^(−tenths/10)` by Newton's method for the tenth root of `base^−tenths`: a library's power
/// function may differ in the last bit between machines; these operations may not. A fixed number
/// of steps, since every base in use (below 2048) has converged long before.
fn falling_power(base: usize, tenths: u32) -> f64 {
    const STEPS: usize = 200;
    let target = (0..tenths).fold(1.0, |power, _| power / base as f64);
    (0..STEPS).fold(1.0, |root: f64, _| {
        let ninth = (0..9).fold(1.0, |power, _| power * root);
        root - (root - target / ninth) / 10.0
    })
}

/// Scales a vector to length 1.
pub(super) fn normalise(vector: &mut [f32]) {
    let scale = 1.0 / dot(vector, vector).sqrt();
    vector.iter_mut().for_each(|x| *x *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_without_a_library_agrees_with_the_library() {
        for (base, tenths) in [(1, 3), (2, 3), (72, 3), (10, 7), (1033, 7), (2047, 7)] {
            let expected = (base as f64).powf(-f64::from(tenths) / 10.0);
            let relative = falling_power(base, tenths) / expected - 1.0;
            assert!(relative.abs() < 1e-14, "{base}^-{tenths}/10 is off by {relative}");
        }
    }

    #[test]
    fn the_measured_shapes_are_met_and_others_lie_between() {
        assert_eq!((rank(128), pool(128)), (32, 1024));
        assert_eq!((rank(384), pool(384)), (48, 2048));
        assert_eq!((rank(8), rank(64), rank(768)), (2, 16, 72));
    }

    #[test]
    fn strips_cover_a_row_once_and_keep_every_number() {
        let rows: Vec<f32> = (0..2 * 80).map(|i| i as f32).collect();
        let strips = in_strips(&rows, 80);
        assert_eq!(strips[..32], rows[..32]);
        assert_eq!(strips[32..64], rows[80..112]);
        assert_eq!(strips[128..136], rows[64..72]);
        assert_eq!(strips[152..], rows[152..]);
    }

    #[test]
    fn every_draw_falls_into_a_cluster_and_the_first_is_the_largest() {
        let mixture = Mixture::new(1, 8);
        assert_eq!(mixture.cluster(0), 0);
        assert_eq!(mixture.cluster(u64::MAX), CLUSTERS - 1);
        let share = |i: usize| mixture.shares[i] - if i == 0 { 0 } else { mixture.shares[i - 1] };
        assert!((1..CLUSTERS).all(|i| share(i) < share(i - 1)));
    }

    #[test]
    fn the_lengths_of_a_cluster_add_up_to_the_spread() {
        let together = lengths(48).iter().map(|length| length * length).sum::<f32>().sqrt();
        assert!((together - SPREAD).abs() < 1e-6);
    }
}
