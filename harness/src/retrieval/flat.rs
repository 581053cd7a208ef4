//! Exact f32 search: every row is compared with the query. The reference for the other engines.

use super::best::{Best, Neighbour};
use super::filter::Matching;
use super::index::{
    BuildError, Knobs, SearchError, VectorIndex, check_filtered, check_query, check_rows,
};
use super::vectors::{Vectors, dot};
use rayon::prelude::*;
use std::sync::Arc;

/// Rows that one thread compares before another may take over.
const STRETCH: usize = 1 << 15;

/// All rows, compared one by one.
#[derive(Clone)]
pub struct Flat {
    rows: Arc<Vectors>,
}

impl VectorIndex for Flat {
    fn build(rows: Arc<Vectors>, _: Knobs) -> Result<Self, BuildError> {
        check_rows(&rows)?;
        Ok(Self { rows })
    }

    fn search(
        &self,
        query: &[f32],
        k: usize,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        check_query(query, k, &self.rows)?;
        let best = self
            .rows
            .values()
            .par_chunks(STRETCH * query.len())
            .enumerate()
            .map(|(stretch, rows)| scan(query, k, (stretch * STRETCH) as u32, rows))
            .reduce(|| Best::new(k), Best::merged);
        *found = best.into_sorted();
        Ok(())
    }

    fn search_among(
        &self,
        query: &[f32],
        k: usize,
        among: &Matching,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        check_filtered(query, k, &self.rows, among)?;
        *found = nearest_of(query, k, &self.rows, among.rows());
        Ok(())
    }

    /// The rows are the index: a further one is there at once.
    fn grow(&mut self, rows: Arc<Vectors>) -> Result<(), BuildError> {
        check_rows(&rows)?;
        self.rows = rows;
        Ok(())
    }

    fn tuned(&self, _: Knobs) -> Box<dyn VectorIndex> {
        Box::new(self.clone())
    }

    fn bytes(&self) -> u64 {
        self.rows.bytes()
    }

    fn scanned(&self) -> Option<u64> {
        Some(self.rows.bytes())
    }

    fn name(&self) -> &'static str {
        "flat"
    }

    fn precision(&self) -> &'static str {
        "f32"
    }

    fn engine(&self) -> String {
        format!("tokgate flat {}", env!("CARGO_PKG_VERSION"))
    }

    fn kernel(&self) -> &'static str {
        "f32, 8 lanes"
    }
}

/// The exact best of the rows with these numbers, best first, on the threads of the current pool.
pub(super) fn nearest_of(query: &[f32], k: usize, rows: &Vectors, ids: &[u32]) -> Vec<Neighbour> {
    let scored = |ids: &[u32]| {
        let mut best = Best::new(k);
        for id in ids {
            best.offer(Neighbour { id: *id, score: dot(query, rows.row(*id as usize)) });
        }
        best
    };
    ids.par_chunks(STRETCH).map(scored).reduce(|| Best::new(k), Best::merged).into_sorted()
}

/// The best of some rows, the first of which is row `first`.
fn scan(query: &[f32], k: usize, first: u32, rows: &[f32]) -> Best {
    let mut best = Best::new(k);
    for (id, row) in (first..).zip(rows.chunks_exact(query.len())) {
        best.offer(Neighbour { id, score: dot(query, row) });
    }
    best
}
