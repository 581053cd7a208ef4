//! Rows of unequal lengths, told to a graph.
//!
//! By inner product a row is not its own nearest, and what is near to one row need not be near to its
//! neighbours: links by inner product lead to a few long rows, and many others cannot be reached. So
//! rows are linked by the distance of rows with one component more,
//! `x' = (x, √(L² - |x|²))`, where `L` is the longest length, and a query is `q' = (q, 0)`. Then
//! `|q' - x'|² = |q|² + L² - 2 q·x`: what is nearest has the highest inner product (Bachrach et al.,
//! "Speeding up the Xbox recommender system", 2014). A query is compared by `q'·x' = q·x`, which has the
//! same order and does not lose the digits that a long `L` takes from a sum.

use super::super::vectors::{Vectors, dot};
use rayon::prelude::*;

/// Rows whose lengths differ by more than this share of the longest are of unequal lengths. Below,
/// the order by inner product and by distance are the same but for what 8 bits do not tell apart.
pub(super) const UNEQUAL: f64 = 1e-3;

/// The component that rows have beside their own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lift {
    /// The square of the longest length.
    square: f64,
}

impl Lift {
    /// What makes distances of inner products; `None` for rows that are all as long as one another,
    /// where they are it already.
    pub(super) fn of(rows: &Vectors) -> Option<Self> {
        let both =
            |(least, most): (f64, f64), (less, more): (f64, f64)| (least.min(less), most.max(more));
        let squares = rows.values().par_chunks_exact(rows.dimensions()).map(square);
        let (least, most) = squares.map(|it| (it, it)).reduce(|| (f64::INFINITY, 0.0), both);
        (least.sqrt() < most.sqrt() * (1.0 - UNEQUAL)).then_some(Self { square: most })
    }

    /// What a row has beside its components. One that is longer than those that were there when the
    /// index was built has nothing.
    pub(super) fn beside(self, row: &[f32]) -> f32 {
        (self.square - square(row)).max(0.0).sqrt() as f32
    }
}

fn square(row: &[f32]) -> f64 {
    f64::from(dot(row, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifted_rows_are_all_as_long_as_the_longest() {
        let mut values = vec![0.0; 24];
        (values[0], values[9], values[18]) = (3.0, -5.0, 4.0);
        let rows = Vectors::new(8, values).unwrap();
        let lift = Lift::of(&rows).unwrap();
        let beside: Vec<f32> = rows.rows().map(|row| lift.beside(row)).collect();
        assert_eq!(beside, [4.0, 0.0, 3.0]);
        assert_eq!(lift.beside(&[6.0; 8]), 0.0, "longer than the longest");
    }

    #[test]
    fn rows_as_long_as_one_another_are_left_as_they_are() {
        let of = |lengths: [f32; 2]| {
            let rows = lengths.map(|length| [length, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
            Lift::of(&Vectors::new(8, rows.concat()).unwrap())
        };
        assert_eq!(of([1.0, 1.000_5]), None);
        assert_eq!(of([1.0, -1.1]), Some(Lift { square: f64::from(1.1f32 * 1.1) }));
    }
}
