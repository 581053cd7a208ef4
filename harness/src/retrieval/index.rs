//! What an index engine is: built once from rows, searched often, from many threads.
//!
//! The engines stand beside: [`super::flat`] (exact, the reference), [`super::flat_q4`],
//! [`super::ivf_sq8`] and, where it is built in, `hnsw`.

use super::best::Neighbour;
use super::cache::Unfit;
use super::filter::Matching;
use super::vectors::{VectorFault, Vectors, check};
use serde::Serialize;
use std::io::{self, Write};
use std::sync::Arc;
use tokgate_core::case::Hnsw;

/// What an engine may be told of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knobs {
    /// Candidates that an approximate engine compares again in full precision; 0 for none.
    pub rescore: usize,
    /// Cells that an inverted file scans.
    pub probes: usize,
    /// The graph that is built and searched, for the engine that is one.
    pub graph: Option<Graph>,
}

/// A graph of near neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Graph {
    /// Its numbers.
    pub shape: Hnsw,
    /// The rows' own components, where what is near goes by Euclidean distance: the one behind them
    /// makes a product of it ([`super::space`]). `None` where it goes by the product itself.
    pub euclidean: Option<usize>,
}

impl Knobs {
    /// Whether an index that was built by these is also the one that would be built by others.
    #[must_use]
    pub fn build_the_same(&self, others: &Self) -> bool {
        let built_by = |knobs: &Self| {
            let Graph { shape, euclidean } = knobs.graph?;
            Some((shape.m, shape.ef_construction, euclidean))
        };
        built_by(self) == built_by(others)
    }
}

/// Why an index cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The engine does not take these rows.
    #[error("{engine} refuses the vectors: {reason}")]
    Refused {
        /// The engine's name.
        engine: &'static str,
        /// Its reason.
        reason: String,
    },
    /// More rows than row numbers.
    #[error("{0} rows do not fit into 32-bit row numbers; lower `entries`")]
    TooManyRows(usize),
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// The vector is unusable.
    #[error("query refused: {0}")]
    Query(#[from] VectorFault),
    /// No or too many neighbours asked for.
    #[error("{k} neighbours asked of {rows} rows; ask for 1 to {rows}")]
    Neighbours {
        /// Neighbours asked for.
        k: usize,
        /// Rows of the index.
        rows: usize,
    },
    /// The engine itself refused.
    #[error("{engine}: {reason}")]
    Engine {
        /// The engine's name.
        engine: &'static str,
        /// Its reason.
        reason: String,
    },
}

/// What an index depends on beside the rows: two of one recipe over the same rows are the same. How
/// it is searched is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// The code that builds it, with its exact version.
    pub engine: String,
    /// Which of its kernels this machine runs.
    pub kernel: &'static str,
    /// The numbers that it is built by.
    pub built_by: String,
}

/// An index over the rows of one corpus, by inner product.
pub trait VectorIndex: Send + Sync {
    /// Builds it, on the threads of the current rayon pool.
    ///
    /// # Errors
    /// When the engine does not take the rows.
    fn build(rows: Arc<Vectors>, knobs: Knobs) -> Result<Self, BuildError>
    where
        Self: Sized;

    /// What it depends on when it is built by such knobs; `None` for an engine that has nothing worth
    /// keeping on disk, because building is no work.
    #[must_use]
    fn recipe(_knobs: Knobs) -> Option<Recipe>
    where
        Self: Sized,
    {
        None
    }

    /// Writes what was built, without the rows.
    ///
    /// # Errors
    /// When it cannot be written, or the engine has nothing to keep.
    fn save(&self, _into: &mut dyn Write) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("{} is not cacheable", self.name())))
    }

    /// Has it again from what [`VectorIndex::save`] wrote, over the same rows, ready to be searched.
    /// Nothing of the bytes is believed: a size, a row number or a float that cannot be is refused.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn load(_rows: Arc<Vectors>, _knobs: Knobs, _payload: &[u8]) -> Result<Self, Unfit>
    where
        Self: Sized,
    {
        Err(Unfit("an index of this engine is never kept".to_owned()))
    }

    /// Replaces `found` by the `k` nearest rows, best first.
    ///
    /// # Errors
    /// When the query or `k` does not fit the index.
    fn search(
        &self,
        query: &[f32],
        k: usize,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError>;

    /// The same among the rows that pass a filter alone.
    ///
    /// # Errors
    /// When the query or `k` does not fit them, or the engine knows no filter.
    fn search_among(
        &self,
        _query: &[f32],
        _k: usize,
        _among: &Matching,
        _found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        let reason = "it has no filtered search; leave `filter_share` out".to_owned();
        Err(SearchError::Engine { engine: self.name(), reason })
    }

    /// Adds the rows that `rows` has beyond those of the index, in their order; the first ones are the
    /// same. It is not shared with another that searches it otherwise.
    ///
    /// # Errors
    /// When the engine takes no rows after it was built, or not these.
    fn grow(&mut self, _rows: Arc<Vectors>) -> Result<(), BuildError> {
        let reason = "it takes no rows once it is built; leave `insert_rate` out".to_owned();
        Err(BuildError::Refused { engine: self.name(), reason })
    }

    /// The same index, searched as `knobs` say; it is not built again.
    fn tuned(&self, knobs: Knobs) -> Box<dyn VectorIndex>;

    /// Bytes of what is scanned. An engine that rescores also reads the corpus, not counted here.
    fn bytes(&self) -> u64;

    /// Bytes that each query scans, whatever it asks for; `None` where that depends on the query.
    #[must_use]
    fn scanned(&self) -> Option<u64> {
        None
    }

    /// The name as scenario files write it.
    fn name(&self) -> &'static str;

    /// How rows are held and compared.
    fn precision(&self) -> &'static str;

    /// The code that does the work, with its version.
    fn engine(&self) -> String;

    /// Which of its kernels this machine runs: a slower one is another measurement.
    fn kernel(&self) -> &'static str;
}

/// Checks a query against an index of `rows`.
///
/// # Errors
/// What does not fit.
pub fn check_query(query: &[f32], k: usize, rows: &Vectors) -> Result<(), SearchError> {
    check(query, rows.dimensions())?;
    match (1..=rows.len()).contains(&k) {
        true => Ok(()),
        false => Err(SearchError::Neighbours { k, rows: rows.len() }),
    }
}

/// Checks a query against those of an index' rows that pass a filter.
///
/// # Errors
/// What does not fit.
pub fn check_filtered(
    query: &[f32],
    k: usize,
    rows: &Vectors,
    among: &Matching,
) -> Result<(), SearchError> {
    check(query, rows.dimensions())?;
    let passing = among.rows().len();
    match (1..=passing).contains(&k) {
        true => Ok(()),
        false => Err(SearchError::Neighbours { k, rows: passing }),
    }
}

/// Checks that every row has a row number.
///
/// # Errors
/// When there are too many.
pub fn check_rows(rows: &Vectors) -> Result<(), BuildError> {
    match u32::try_from(rows.len()) {
        Ok(_) => Ok(()),
        Err(_) => Err(BuildError::TooManyRows(rows.len())),
    }
}
