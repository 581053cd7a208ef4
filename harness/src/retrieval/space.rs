//! Metrics as inner products: whatever is asked for, the nearest row is the one whose inner
//! product with the query is highest, which is all that engines and exact search know.

use super::vectors::GROUP;
use rayon::prelude::*;
use tokgate_core::case::Similarity;

/// Components of a row in memory: the file's own, one more for Euclidean distances, and zeros up
/// to a whole group.
#[must_use]
pub fn width(metric: Similarity, dimensions: usize) -> usize {
    (dimensions + usize::from(metric == Similarity::L2)).next_multiple_of(GROUP)
}

/// Changes rows and queries of `dimensions` components, each padded to [`width`], so that their
/// inner products have the order of the metric. `false` where no row is nearer than another.
///
/// Cosine: all become unit vectors. Euclidean: with `m` the mean row, `s` the mean of `|x - m|²`
/// and `c = √s`, a row becomes `(x - m, (s - |x - m|²) / 2c)` and a query `(q - m, c)`: their
/// product is `(|q - m|² + s - |q - x|²) / 2`, which falls with the distance. Centring and `c`
/// keep the further component of the others' size, for f32 and for codes of few bits.
#[must_use]
pub(super) fn align(
    metric: Similarity,
    dimensions: usize,
    rows: &mut [f32],
    queries: &mut [f32],
) -> bool {
    let width = width(metric, dimensions);
    match metric {
        Similarity::Dot => {}
        Similarity::Cosine => {
            rows.par_chunks_exact_mut(width).for_each(normalise);
            queries.par_chunks_exact_mut(width).for_each(normalise);
        }
        Similarity::L2 => return lift(dimensions, width, rows, queries),
    }
    true
}

/// A vector as a row: padded to [`width`], and of length 1, as the cosine wants it. It is finite
/// and not zero.
#[must_use]
pub fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    vector.resize(width(Similarity::Cosine, vector.len()), 0.0);
    normalise(&mut vector);
    vector
}

fn normalise(row: &mut [f32]) {
    let length = square(row).sqrt();
    row.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
}

fn lift(dimensions: usize, width: usize, rows: &mut [f32], queries: &mut [f32]) -> bool {
    let mean = mean(dimensions, width, rows);
    let centre = |row: &mut [f32]| {
        row.iter_mut()
            .zip(&mean)
            .for_each(|(value, mean)| *value = (f64::from(*value) - mean) as f32);
    };
    rows.par_chunks_exact_mut(width).for_each(centre);
    queries.par_chunks_exact_mut(width).for_each(centre);
    let squares: Vec<f64> = rows.par_chunks_exact(width).map(square).collect();
    let usual = squares.iter().sum::<f64>() / squares.len() as f64;
    if usual == 0.0 {
        return false;
    }
    let scale = usual.sqrt();
    for (row, square) in rows.chunks_exact_mut(width).zip(squares) {
        row[dimensions] = ((usual - square) / (2.0 * scale)) as f32;
    }
    queries.chunks_exact_mut(width).for_each(|query| query[dimensions] = scale as f32);
    true
}

fn mean(dimensions: usize, width: usize, rows: &[f32]) -> Vec<f64> {
    let mut sums = vec![0.0; dimensions];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let count = (rows.len() / width) as f64;
    sums.into_iter().map(|sum| sum / count).collect()
}

fn square(row: &[f32]) -> f64 {
    row.iter().map(|value| f64::from(*value).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::truth::{TIE, Truth};
    use super::super::vectors::Vectors;
    use super::*;
    use proptest::prelude::*;

    fn padded(metric: Similarity, rows: &[Vec<f32>]) -> Vec<f32> {
        let row = |row: &Vec<f32>| {
            let mut row = row.clone();
            row.resize(width(metric, row.len()), 0.0);
            row
        };
        rows.iter().flat_map(row).collect()
    }

    /// How near, in double precision on the numbers as they were given; higher is nearer.
    fn naive(metric: Similarity, query: &[f32], row: &[f32]) -> f64 {
        let pairs = || query.iter().zip(row).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let product: f64 = pairs().map(|(a, b)| a * b).sum();
        match metric {
            Similarity::Cosine => product / (square(query).sqrt() * square(row).sqrt()),
            Similarity::Dot => product,
            Similarity::L2 => -pairs().map(|(a, b)| (a - b).powi(2)).sum::<f64>(),
        }
    }

    /// The exact neighbours found are, place by place, as near as those of a plain loop; of rows
    /// that are the same, the first is named.
    fn agrees(metric: Similarity, rows: &[Vec<f32>], queries: &[Vec<f32>]) {
        let dimensions = rows[0].len();
        let (mut values, mut asked) = (padded(metric, rows), padded(metric, queries));
        if !align(metric, dimensions, &mut values, &mut asked) {
            return;
        }
        let width = width(metric, dimensions);
        let found = Vectors::new(width, values).unwrap();
        let truth = Truth::find(&found, &Vectors::new(width, asked).unwrap(), queries.len());
        let largest = rows.iter().chain(queries).map(|row| square(row)).fold(0.0, f64::max);
        let scale = if metric == Similarity::Cosine { 1.0 } else { largest };
        for (number, query) in queries.iter().enumerate() {
            let mut near: Vec<f64> = rows.iter().map(|row| naive(metric, query, row)).collect();
            let named: Vec<usize> =
                truth.of(number).unwrap().iter().map(|one| one.id as usize).collect();
            let got: Vec<f64> = named.iter().map(|id| near[*id]).collect();
            for pair in named.windows(2).filter(|pair| rows[pair[0]] == rows[pair[1]]) {
                assert!(pair[0] < pair[1], "{metric:?}: {pair:?} are the same row");
            }
            near.sort_by(|a, b| b.total_cmp(a));
            for (got, best) in got.iter().zip(&near) {
                let off = (got - best).abs() / scale;
                assert!(off < 4.0 * f64::from(TIE), "{metric:?}, query {number}: off by {off}");
            }
        }
    }

    fn vectors(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<f32>>> {
        let row = proptest::collection::vec((-40i8..40).prop_map(|n| f32::from(n) / 4.0), 5);
        let row = row.prop_filter("no zero vector", |row| row.iter().any(|value| *value != 0.0));
        proptest::collection::vec(row, count)
    }

    proptest! {
        #[test]
        fn exact_neighbours_are_those_of_a_plain_loop_by_every_metric(
            mut rows in vectors(2..150),
            queries in vectors(1..5),
            offset in prop_oneof![Just(0.0f32), Just(100.0)],
        ) {
            // Ties: rows that are there twice.
            rows.extend_from_within(..rows.len() / 2);
            for metric in [Similarity::Cosine, Similarity::Dot, Similarity::L2] {
                agrees(metric, &rows, &queries);
            }
            let moved = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
                rows.iter().map(|row| row.iter().map(|value| value + offset).collect()).collect()
            };
            agrees(Similarity::L2, &moved(&rows), &moved(&queries));
        }
    }

    #[test]
    fn metrics_that_disagree_have_other_nearest_rows() {
        // Beside the query (1, 0): the same direction, a long row aslant, and a near one.
        let rows = [vec![0.1, 0.0], vec![9.0, 9.0], vec![0.9, 0.2]];
        let nearest = |metric| {
            let query = [vec![1.0, 0.0]];
            let (mut values, mut asked) = (padded(metric, &rows), padded(metric, &query));
            assert!(align(metric, 2, &mut values, &mut asked));
            let rows = Vectors::new(8, values).unwrap();
            Truth::find(&rows, &Vectors::new(8, asked).unwrap(), 1).of(0).unwrap()[0].id
        };
        let all = [Similarity::Cosine, Similarity::Dot, Similarity::L2].map(nearest);
        assert_eq!(all, [0, 1, 2]);
    }

    #[test]
    fn rows_that_are_all_the_same_have_no_neighbours() {
        let mut rows = padded(Similarity::L2, &[vec![1.0, 2.0], vec![1.0, 2.0]]);
        assert!(!align(Similarity::L2, 2, &mut rows, &mut [0.0; 8]));
    }
}
