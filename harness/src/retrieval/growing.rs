//! An index that grows while it is searched: rows are held back when it is built, and come in one
//! after the other.
//!
//! What does not live here: when they come, which is [`super::inserter`]'s.

use super::best::Neighbour;
use super::index::{SearchError, VectorIndex};
use super::vectors::Vectors;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

/// An index over the first rows of a data set, to which the others are added in their order.
pub struct Growing {
    /// Every search holds it for reading, and every insert for writing: no search sees half a row.
    /// The system's lock lets a writer that waits go before readers that come later.
    index: RwLock<Box<dyn VectorIndex>>,
    /// All rows, those that are still held back included.
    rows: Arc<Vectors>,
    /// How many of them were inserted whole.
    inserted: AtomicUsize,
    /// Why an insert failed: from then on the index is not what it should be.
    fault: OnceLock<String>,
}

impl Growing {
    /// Takes an index over the first `built` of `rows`.
    #[must_use]
    pub fn new(index: Box<dyn VectorIndex>, rows: Arc<Vectors>, built: usize) -> Self {
        let (index, inserted) = (RwLock::new(index), AtomicUsize::new(built));
        Self { index, rows, inserted, fault: OnceLock::new() }
    }

    /// How many rows are in it, from the first on: a search that begins now sees them all.
    #[must_use]
    pub fn inserted(&self) -> usize {
        // Pairs with the store of an insert: who reads the number finds the rows.
        self.inserted.load(Ordering::Acquire)
    }

    /// How many rows are still held back.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.rows.len() - self.inserted()
    }

    /// The `k` nearest of the rows that are in it.
    ///
    /// # Errors
    /// When the query is refused, or an insert has failed before.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        match (self.index.read(), self.fault.get()) {
            (Ok(index), None) => index.search(query, k, found),
            (Ok(index), Some(fault)) => Err(broken(index.name(), fault)),
            (Err(poisoned), _) => Err(broken(poisoned.get_ref().name(), "it panicked")),
        }
    }

    /// Adds the next row, and says whether there was one. One thread at a time calls it.
    ///
    /// # Errors
    /// When the engine refuses the row, or an insert has failed before. No search is answered then.
    pub fn insert(&self) -> Result<bool, SearchError> {
        let count = self.inserted() + 1;
        if count > self.rows.len() {
            return Ok(false);
        }
        let rows = Arc::new(self.rows.first(count));
        let mut index = match self.index.write() {
            Ok(index) => index,
            Err(poisoned) => return Err(broken(poisoned.get_ref().name(), "it panicked")),
        };
        if let Err(error) = index.grow(rows) {
            let fault = self.fault.get_or_init(|| error.to_string());
            return Err(broken(index.name(), fault));
        }
        drop(index);
        self.inserted.store(count, Ordering::Release);
        Ok(true)
    }
}

fn broken(engine: &'static str, fault: &str) -> SearchError {
    SearchError::Engine { engine, reason: format!("an insert failed: {fault}") }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{self, Data};
    use super::super::flat::Flat;
    use super::super::flat_q4::FlatQ4;
    use super::super::index::Knobs;
    use super::super::ivf_sq8::IvfSq8;
    use super::*;

    const ROWS: usize = 6000;
    const BUILT: usize = 5000;
    const K: usize = 10;

    fn data() -> Data {
        fixture::data(ROWS, 30, 64)
    }

    fn growing<Index: VectorIndex + 'static>(rows: &Arc<Vectors>) -> Growing {
        let knobs = Knobs { rescore: 30, probes: 256, graph: None };
        let index = Index::build(Arc::new(rows.first(BUILT)), knobs).unwrap();
        Growing::new(Box::new(index), Arc::clone(rows), BUILT)
    }

    fn each(rows: &Arc<Vectors>) -> [Growing; 3] {
        [growing::<Flat>(rows), growing::<FlatQ4>(rows), growing::<IvfSq8>(rows)]
    }

    fn grow(index: &Growing, to: usize) {
        while index.inserted() < to {
            assert!(index.insert().unwrap());
        }
    }

    /// Share of the ten rows that a plain loop finds among the first `count`, by score.
    fn recall(index: &Growing, data: &Data, count: usize) -> f64 {
        let hits = data.queries.rows().map(|query| {
            let product = |row: &[f32]| -> f64 {
                row.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
            };
            let mut naive: Vec<f64> = data.rows.rows().take(count).map(product).collect();
            naive.sort_by(|a, b| b.total_cmp(a));
            let mut found = Vec::new();
            index.search(query, K, &mut found).unwrap();
            assert!(found.iter().all(|row| (row.id as usize) < count));
            let score = |row: &Neighbour| product(data.rows.row(row.id as usize));
            found.iter().filter(|row| score(row) >= naive[K - 1] - 1e-6).count()
        });
        hits.sum::<usize>() as f64 / (data.queries.len() * K) as f64
    }

    #[test]
    fn what_was_inserted_is_found_and_what_is_held_back_is_not() {
        let data = data();
        for index in each(&data.rows) {
            for count in [BUILT, BUILT + 500, ROWS] {
                grow(&index, count);
                let reached = recall(&index, &data, count);
                assert!(reached >= 0.99, "{count} rows: recall@10 {reached}");
            }
            assert_eq!((index.held_back(), index.insert()), (0, Ok(false)));
        }
    }

    #[test]
    fn every_inserted_row_is_its_own_nearest() {
        let data = data();
        for index in each(&data.rows) {
            grow(&index, ROWS);
            for row in (BUILT..ROWS).step_by(97) {
                let mut found = Vec::new();
                index.search(data.rows.row(row), 1, &mut found).unwrap();
                assert_eq!(found[0].id as usize, row);
            }
        }
    }

    #[test]
    fn an_index_that_others_search_is_not_grown_under_them() {
        let data = data();
        let first = Arc::new(data.rows.first(BUILT));
        let built =
            IvfSq8::build(Arc::clone(&first), Knobs { rescore: 30, probes: 256, graph: None })
                .unwrap();
        let shared = built.tuned(Knobs { rescore: 30, probes: 256, graph: None });
        let index = Growing::new(Box::new(built), Arc::clone(&data.rows), BUILT);
        grow(&index, ROWS);
        let mut found = Vec::new();
        shared.search(data.rows.row(ROWS - 1), 10, &mut found).unwrap();
        assert!(found.iter().all(|row| (row.id as usize) < BUILT));
    }

    #[test]
    fn an_index_that_was_shared_refuses_and_answers_nothing_more() {
        let data = data();
        let knobs = Knobs { rescore: 30, probes: 0, graph: None };
        let built = FlatQ4::build(Arc::new(data.rows.first(BUILT)), knobs).unwrap();
        let shared = built.tuned(knobs);
        let index = Growing::new(Box::new(built), Arc::clone(&data.rows), BUILT);
        let refused = index.insert().unwrap_err().to_string();
        assert!(refused.contains("an insert failed") && index.inserted() == BUILT, "{refused}");
        let mut found = Vec::new();
        assert_eq!(
            index.search(data.queries.row(0), 1, &mut found).unwrap_err().to_string(),
            refused
        );
        shared.search(data.queries.row(0), 1, &mut found).unwrap();
    }

    #[test]
    fn searches_beside_inserts_see_every_row_that_was_inserted_before_them() {
        let data = data();
        for index in each(&data.rows) {
            std::thread::scope(|scope| {
                scope.spawn(|| while index.insert().unwrap() {});
                while index.held_back() > 0 {
                    let last = index.inserted() - 1;
                    let mut found = Vec::new();
                    index.search(data.rows.row(last), 1, &mut found).unwrap();
                    assert_eq!(found[0].id as usize, last);
                }
            });
        }
    }
}
