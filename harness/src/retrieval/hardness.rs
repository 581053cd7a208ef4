//! How hard vectors are to search, from distances to their exact neighbours.

use super::truth::Truth;
use super::vectors::Vectors;
use tokgate_core::case::Similarity;
use tokgate_core::quantile::{Sorted, mean};
use tokgate_core::run::Hardness;

/// Rows beside each query, evenly from all, whose mean distance stands for that of any row.
const OTHERS: usize = 100;
/// The neighbour whose distance the contrast is measured by.
const TENTH: usize = 9;

/// What distances are measured on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) rows: &'a Vectors,
    pub(super) queries: &'a Vectors,
    pub(super) metric: Similarity,
    /// Components that are the data's own; what follows serves comparison.
    pub(super) dimensions: usize,
}

/// The medians over the queries whose neighbours are known; `None` where there are none, or fewer
/// than ten rows, or no two rows that differ.
pub(super) fn hardness(ground: Ground<'_>, truth: &Truth) -> Option<Hardness> {
    let lift = Lift::of(ground);
    let (mut dimensions, mut contrasts) = (Vec::new(), Vec::new());
    for (query, neighbours) in ground.queries.rows().zip((0..).map_while(|one| truth.of(one))) {
        let near: Vec<f64> =
            neighbours.iter().map(|one| lift.distance(query, one.id as usize)).collect();
        dimensions.extend(intrinsic_dimension(&near));
        contrasts.extend(contrast(&lift, query, near.get(TENTH).copied()));
    }
    Some(Hardness {
        intrinsic_dimension: Sorted::new(dimensions).median()?,
        contrast: Sorted::new(contrasts).median()?,
    })
}

/// The maximum-likelihood estimate from distances `d` to the nearest `k` rows:
/// `((1 / (k - 1)) Σ ln(d_k / d_i))⁻¹` (Levina and Bickel, 2004; Amsaleg and others, 2015). Rows
/// at no distance say nothing and are left out.
fn intrinsic_dimension(distances: &[f64]) -> Option<f64> {
    let apart = Sorted::new(distances.iter().copied().filter(|distance| *distance > 0.0));
    let (last, nearer) = apart.as_slice().split_last()?;
    let sum: f64 = nearer.iter().map(|distance| (last / distance).ln()).sum();
    (sum > 0.0).then(|| nearer.len() as f64 / sum)
}

fn contrast(lift: &Lift<'_>, query: &[f32], tenth: Option<f64>) -> Option<f64> {
    let tenth = tenth.filter(|distance| *distance > 0.0)?;
    let rows = lift.ground.rows.len();
    let some = (0..rows).step_by(rows.div_ceil(OTHERS));
    let distances: Vec<f64> = some.map(|row| lift.distance(query, row)).collect();
    Some(mean(&distances)? / tenth)
}

/// Euclidean distances. Where inner products count, they are those of the equivalent problem in
/// one more dimension, whose component `√(M² - |x|²)` makes all rows as long as the longest, `M`.
struct Lift<'a> {
    ground: Ground<'a>,
    /// Squared lengths of the rows' further components are this less the rows' own.
    longest: Option<f64>,
}

impl<'a> Lift<'a> {
    fn of(ground: Ground<'a>) -> Self {
        let longest = || ground.rows.rows().map(square).fold(0.0, f64::max);
        Self { ground, longest: (ground.metric == Similarity::Dot).then(longest) }
    }

    fn distance(&self, query: &[f32], row: usize) -> f64 {
        let row = self.ground.rows.row(row);
        let pairs = query.iter().zip(row).take(self.ground.dimensions);
        let apart: f64 = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        (apart + self.longest.map_or(0.0, |longest| longest - square(row))).max(0.0).sqrt()
    }
}

fn square(row: &[f32]) -> f64 {
    row.iter().map(|value| f64::from(*value).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::generator::{Generator, Side};
    use super::*;
    use tokgate_core::case::{VectorKind, VectorSet};

    fn measured(kind: VectorKind, entries: usize, dimensions: u32) -> Hardness {
        let generator = Generator::new(&VectorSet::new(kind, 0, dimensions), 42);
        let rows = generator.rows(Side::Corpus, entries);
        let queries = generator.rows(Side::Queries, 50);
        let truth = Truth::find(&rows, &queries, 50);
        let metric = Similarity::Cosine;
        let dimensions = dimensions as usize;
        hardness(Ground { rows: &rows, queries: &queries, metric, dimensions }, &truth).unwrap()
    }

    #[test]
    fn distances_that_grow_as_in_a_ball_have_the_dimension_of_the_ball() {
        // The i-th of k neighbours in d dimensions is at (i / k)^(1 / d).
        for dimension in [2.0, 8.0, 30.0] {
            let ball: Vec<f64> =
                (1..=1000).map(|i| (f64::from(i) / 1000.0).powf(1.0 / dimension)).collect();
            let estimate = intrinsic_dimension(&ball).unwrap();
            assert!((estimate / dimension - 1.0).abs() < 0.02, "{estimate} for {dimension}");
        }
    }

    #[test]
    fn rows_at_no_distance_or_all_at_one_say_nothing() {
        assert_eq!(intrinsic_dimension(&[0.0, 0.0]), None);
        assert_eq!(intrinsic_dimension(&[1.0, 1.0]), None);
        assert_eq!(intrinsic_dimension(&[]), None);
        assert_eq!(intrinsic_dimension(&[0.0, 0.5, 1.0]), intrinsic_dimension(&[0.5, 1.0]));
    }

    #[test]
    fn data_without_neighbourhoods_are_harder_than_clusters() {
        let mixture = measured(VectorKind::Mixture, 20_000, 64);
        let iid = measured(VectorKind::Iid, 20_000, 64);
        assert!(iid.intrinsic_dimension > mixture.intrinsic_dimension, "{iid:?} {mixture:?}");
        assert!(mixture.contrast > iid.contrast && iid.contrast > 1.0, "{iid:?} {mixture:?}");
    }
}
