//! Filtered search: every row has an attribute beside its vector, and a query finds those rows alone
//! whose attribute is below a bound.
//!
//! The attribute is a hash of the seed and the row's number: it has nothing to do with where the
//! vector lies, which is the hard case for an index, and a row keeps it however many rows there are.

use serde::Serialize;
use tokgate_core::share::{PARTS, Share};

/// Which rows every query of a case may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Seed of the rows' attributes.
    pub seed: u64,
    /// Which share of the rows passes.
    pub share: Share,
}

/// The rows that pass a filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    /// For each row, whether it passes.
    mask: Vec<bool>,
    /// The numbers of those that do, ascending.
    rows: Vec<u32>,
}

impl Filter {
    /// A row's attribute: from 0 to below [`PARTS`], each as likely as every other.
    #[must_use]
    pub fn bucket(&self, row: u32) -> u16 {
        let hash = mixed(mixed(self.seed) ^ u64::from(row));
        ((u128::from(hash) * u128::from(PARTS)) >> u64::BITS) as u16
    }

    /// What the attribute of a row that passes is below.
    #[must_use]
    pub fn below(&self) -> u16 {
        self.share.parts()
    }

    /// Whether a row passes.
    #[must_use]
    pub fn passes(&self, row: u32) -> bool {
        self.bucket(row) < self.below()
    }

    /// How many of the first `count` rows pass.
    #[must_use]
    pub fn passing(&self, count: u32) -> u32 {
        (0..count).filter(|row| self.passes(*row)).count() as u32
    }
}

impl Matching {
    /// The rows that pass among the first `count`.
    #[must_use]
    pub fn of(filter: Filter, count: u32) -> Self {
        let mask: Vec<bool> = (0..count).map(|row| filter.passes(row)).collect();
        let rows = (0..count).filter(|row| mask[*row as usize]).collect();
        Self { mask, rows }
    }

    /// Whether a row passes; one that there is not does not.
    #[must_use]
    pub fn has(&self, row: u32) -> bool {
        self.mask.get(row as usize).copied().unwrap_or_default()
    }

    /// For each row, whether it passes.
    #[must_use]
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// The numbers of the rows that pass, ascending.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): one step and its finaliser.
fn mixed(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(share: f64) -> Filter {
        Filter { seed: 42, share: Share::of(share).unwrap() }
    }

    #[test]
    fn about_the_share_of_the_rows_passes() {
        for (share, tolerance) in [(0.5, 0.02), (0.1, 0.05), (0.01, 0.15)] {
            let found = f64::from(filter(share).passing(100_000)) / 1e5;
            assert!((found / share - 1.0).abs() < tolerance, "{share}: {found}");
        }
        assert_eq!(filter(1.0).passing(1000), 1000);
    }

    #[test]
    fn more_rows_change_no_row_and_a_narrower_filter_lets_through_no_other() {
        let (few, many) = (Matching::of(filter(0.1), 5000), Matching::of(filter(0.1), 9000));
        assert!(many.rows().starts_with(few.rows()) && many.mask().starts_with(few.mask()));
        let narrow = Matching::of(filter(0.01), 9000);
        assert!(narrow.rows().iter().all(|row| many.has(*row)) && !narrow.has(9000));
    }

    #[test]
    fn attributes_are_the_seeds_and_stay_what_they_are() {
        // Kept results and databases that are compared hang on these numbers.
        let buckets =
            |seed| [0, 1, 2, 1_000_000].map(|row| Filter { seed, ..filter(1.0) }.bucket(row));
        assert_eq!(buckets(42), [3432, 9504, 4465, 3616]);
        assert_ne!(buckets(42), buckets(43));
    }
}
