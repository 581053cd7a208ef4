//! A data set in memory: rows, queries, and the exact neighbours of the first queries, made from
//! a seed or read from files. Keeping it for the next case is the driver's business.

use super::cache::{Cache, Kept};
use super::demand::MOST_QUERIES;
use super::filter::{Filter, Matching};
use super::generator::{Generator, Side};
use super::hardness::{Ground, hardness};
use super::space::{align, width};
use super::truth::{Finding, Truth};
use super::vectorfile::load;
use super::vectors::Vectors;
use crate::clock::Clock;
use crate::driver::OpenError;
use std::path::Path;
use std::sync::Arc;
use tokgate_core::case::{Similarity, VectorFile, VectorKind, VectorSet};
use tokgate_core::run::Hardness;

/// Digits of a checksum that stand in a data set's name.
const DIGITS: usize = 12;

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
    /// Which rows every query may find, where not all may.
    pub filter: Option<Filter>,
}

impl Wanted {
    /// The data set's name: `mixture-1000000x384-seed42`, or `glove-339479x100-cosine-` and the
    /// beginning of its checksum.
    #[must_use]
    pub fn name(&self) -> String {
        let size = format!("{}x{}", self.set.entries, self.set.dimensions);
        match &self.set.kind {
            VectorKind::Mixture => format!("mixture-{size}-seed{}", self.seed),
            VectorKind::Iid => format!("iid-{size}-seed{}", self.seed),
            VectorKind::File(file) => file_name(file, &size),
        }
    }

    /// How near two of its vectors are.
    #[must_use]
    pub fn metric(&self) -> Similarity {
        match &self.set.kind {
            VectorKind::Mixture | VectorKind::Iid => Similarity::Cosine,
            VectorKind::File(file) => file.metric,
        }
    }
}

/// Other bytes have another name, whether they are rows or queries, and so has another column.
fn file_name(file: &VectorFile, size: &str) -> String {
    let stem = Path::new(&file.path).file_stem().unwrap_or_default().to_string_lossy();
    let sums = file.contents.iter().flat_map(|found| {
        std::iter::once(&found.sha256).chain(&found.queries_sha256).map(|sum| sum.get(..DIGITS))
    });
    let sums: String = sums.flatten().map(|digits| format!("-{digits}")).collect();
    let column = file.column.iter().map(|column| format!("-{column}")).collect::<String>();
    format!("{stem}-{size}-{}{column}{sums}", file.metric.as_str())
}

/// The rows, and how long they took.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The vectors.
    pub vectors: Arc<Vectors>,
    /// Seconds that generating or reading took, when it was done.
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
    /// The rows that may be found, where not all may.
    pub matching: Option<Matching>,
    /// Exact neighbours, with how they were had.
    pub truth: Kept<Truth>,
    /// How hard it is to search; `None` where no exact neighbours are known.
    pub hardness: Option<Hardness>,
}

/// Rows and queries, however they came.
struct Data {
    rows: Rows,
    queries: Vectors,
    warmup: Vectors,
}

impl Corpus {
    /// Makes the data set on the threads of the current pool; `last` is one with the same rows,
    /// if there is any. Exact neighbours may have been kept.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn make(wanted: Wanted, last: Option<&Self>, cache: &Cache) -> Result<Self, OpenError> {
        let Data { rows, queries, warmup } = match &wanted.set.kind {
            VectorKind::Mixture | VectorKind::Iid => generated(&wanted, last),
            VectorKind::File(file) => from_file(&wanted, file, last)?,
        };
        let matching = wanted.filter.map(|filter| Matching::of(filter, wanted.set.entries));
        let among = matching.as_ref();
        let finding = Finding { wanted: &wanted, rows: &rows.vectors, queries: &queries, among };
        let Ok(truth) = cache.get(&finding);
        let ground = Ground {
            rows: &rows.vectors,
            queries: &queries,
            metric: wanted.metric(),
            dimensions: wanted.set.dimensions as usize,
        };
        let hardness = hardness(ground, &truth.value);
        Ok(Self { wanted, rows, queries, warmup, matching, truth, hardness })
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
            && self.wanted.filter == wanted.filter
    }
}

fn generated(wanted: &Wanted, last: Option<&Corpus>) -> Data {
    let generator = Generator::new(&wanted.set, wanted.seed);
    let kept = last.map(|last| last.rows.clone());
    Data {
        rows: kept.unwrap_or_else(|| generate(&generator, wanted.set.entries as usize)),
        queries: generator.rows(Side::Queries, wanted.queries),
        warmup: generator.rows(Side::Warmup, wanted.warmup),
    }
}

/// All queries that there are: a file has no more of them than it has.
fn from_file(wanted: &Wanted, file: &VectorFile, last: Option<&Corpus>) -> Result<Data, OpenError> {
    let (rows, queries) = match last {
        Some(last) => (last.rows.clone(), last.queries.clone()),
        None => read(&wanted.set, file)?,
    };
    let warmup = last_first(&queries, wanted.warmup);
    Ok(Data { rows, queries, warmup })
}

fn read(set: &VectorSet, file: &VectorFile) -> Result<(Rows, Vectors), OpenError> {
    let clock = Clock::start();
    let dimensions = set.dimensions as usize;
    let width = width(file.metric, dimensions);
    let mut numbers = load(set, file, width, MOST_QUERIES as u64)?;
    if !align(file.metric, dimensions, &mut numbers.rows, &mut numbers.queries) {
        let message = format!("vector file {}: all rows are the same", file.path);
        return Err(OpenError::Invalid(message));
    }
    let vectors = Arc::new(Vectors::checked(width, numbers.rows));
    let rows = Rows { vectors, generate_s: clock.now().seconds() };
    Ok((rows, Vectors::checked(width, numbers.queries)))
}

/// Queries to warm up with: from the last on, so that they meet the measured ones, which go from
/// the first on, only where there are too few.
fn last_first(queries: &Vectors, count: usize) -> Vectors {
    let numbers = (0..queries.len()).rev().take(count.max(1));
    let values = numbers.flat_map(|number| queries.row(number).iter().copied()).collect();
    Vectors::checked(queries.dimensions(), values)
}

fn generate(generator: &Generator, entries: usize) -> Rows {
    let clock = Clock::start();
    let vectors = Arc::new(generator.rows(Side::Corpus, entries));
    Rows { vectors, generate_s: clock.now().seconds() }
}
