//! A data set in memory: rows, queries, and the exact neighbours of the first queries, made from
//! a seed. Keeping it for the next case is the driver's business.

use super::generator::{Generator, Side};
use super::truth::Truth;
use super::vectors::Vectors;
use crate::clock::Clock;
use std::sync::Arc;
use tokgate_core::case::{VectorKind, VectorSet};

/// What a case needs of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The rows.
    pub set: VectorSet,
    /// Seed of all numbers.
    pub seed: u64,
    /// Distinct measured queries.
    pub queries: usize,
    /// Distinct queries to warm up with.
    pub warmup: usize,
    /// How many of the measured queries, from the first on, need their exact neighbours.
    pub truth: usize,
}

impl Wanted {
    /// The data set's name: `mixture-1000000x384-seed42`.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = match self.set.kind {
            VectorKind::Mixture => "mixture",
            VectorKind::Iid => "iid",
        };
        format!("{kind}-{}x{}-seed{}", self.set.entries, self.set.dimensions, self.seed)
    }
}

/// The rows, and how long they took.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The vectors.
    pub vectors: Arc<Vectors>,
    /// Seconds that generating took, when it was done.
    pub generate_s: f64,
}

/// A data set.
#[derive(Debug)]
pub struct Corpus {
    wanted: Wanted,
    /// What is searched.
    pub rows: Rows,
    /// What is asked and measured.
    pub queries: Vectors,
    /// What is asked to warm up.
    pub warmup: Vectors,
    /// Exact neighbours.
    pub truth: Truth,
    /// Seconds that finding them took.
    pub truth_s: f64,
}

impl Corpus {
    /// Makes the data set on the threads of the current pool; `kept` are rows of the same set and
    /// seed, if there are any.
    #[must_use]
    pub fn make(wanted: Wanted, kept: Option<Rows>) -> Self {
        let clock = Clock::start();
        let generator = Generator::new(&wanted.set, wanted.seed);
        let rows = kept.unwrap_or_else(|| generate(&generator, wanted.set.entries as usize));
        let queries = generator.rows(Side::Queries, wanted.queries);
        let warmup = generator.rows(Side::Warmup, wanted.warmup);
        let began = clock.now();
        let truth = Truth::find(&rows.vectors, &queries, wanted.truth);
        let truth_s = clock.now().seconds_since(began);
        Self { wanted, rows, queries, warmup, truth, truth_s }
    }

    /// Whether it has the rows that are wanted.
    #[must_use]
    pub fn has_rows(&self, wanted: &Wanted) -> bool {
        self.wanted.set == wanted.set && self.wanted.seed == wanted.seed
    }

    /// Whether it has all that is wanted.
    #[must_use]
    pub fn covers(&self, wanted: &Wanted) -> bool {
        self.has_rows(wanted)
            && self.wanted.queries >= wanted.queries
            && self.wanted.warmup >= wanted.warmup
            && self.wanted.truth >= wanted.truth
    }
}

fn generate(generator: &Generator, entries: usize) -> Rows {
    let clock = Clock::start();
    let vectors = Arc::new(generator.rows(Side::Corpus, entries));
    Rows { vectors, generate_s: clock.now().seconds() }
}
