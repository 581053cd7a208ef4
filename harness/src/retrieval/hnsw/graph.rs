//! The crate's graph, as we use it: keys are row numbers, numbers are bfloat16, and all it is asked
//! goes by inner product.

use super::super::best::Neighbour;
use super::super::cache::Unfit;
use super::super::filter::Matching;
use super::super::vectors::Vectors;
use super::kept;
use super::lift::Lift;
use super::{NAME, Shape};
use rayon::prelude::*;
use std::io;
use std::sync::OnceLock;
use usearch::ffi::{IndexOptions, Matches};
use usearch::{Index, MetricKind, ScalarKind};

/// Threads that can use a graph at the same time at least: twice as many as search one.
const USERS: usize = 128;
/// Rows that there is room for beyond those that are there, when there is no more: one in so many.
const HEADROOM: usize = 8;

/// Linked rows.
pub(super) struct Graph {
    index: Index,
    /// For rows of unequal lengths.
    lift: Option<Lift>,
    /// Whether rows came after it was built.
    is_grown: bool,
}

impl Graph {
    /// Links rows, on the threads of the current pool.
    pub(super) fn of(rows: &Vectors, shape: Shape) -> Result<Self, String> {
        let lift = Lift::of(rows);
        let index = empty(rows.dimensions(), lift, shape)?;
        let graph = Self { index, lift, is_grown: false };
        graph.reserve(rows.len())?;
        graph.link(0, rows)?;
        Ok(graph)
    }

    /// One that was kept, over the same rows.
    pub(super) fn load(rows: &Vectors, shape: Shape, payload: &[u8]) -> Result<Self, Unfit> {
        let lift = Lift::of(rows);
        let index = empty(rows.dimensions(), lift, shape).map_err(Unfit)?;
        asked_by_product(&index).map_err(Unfit)?;
        kept::check(payload, rows.len(), &written(&index).map_err(Unfit)?)?;
        index.load_from_buffer(payload).map_err(|error| Unfit(error.to_string()))?;
        let graph = Self { index, lift, is_grown: false };
        graph.reserve(rows.len()).map_err(Unfit)?;
        Ok(graph)
    }

    /// Links the rows from `first` on, too.
    pub(super) fn extend(&mut self, first: usize, rows: &Vectors) -> Result<(), String> {
        self.is_grown = true;
        if self.index.capacity() < rows.len() {
            self.reserve(rows.len() + rows.len() / HEADROOM)?;
        }
        self.link(first, rows)
    }

    /// As many rows as are asked for, where the links lead to as many, the nearest first.
    pub(super) fn nearest(
        &self,
        query: &[f32],
        count: usize,
        among: Option<&Matching>,
    ) -> Result<Vec<Neighbour>, String> {
        let lifted = self.lift.map(|_| [query, &[0.0]].concat());
        let query = lifted.as_deref().unwrap_or(query);
        let Matches { keys, distances } = match among {
            // Keys are row numbers, which have 32 bits.
            Some(among) => self.index.filtered_search(query, count, |key| among.has(key as u32)),
            None => self.index.search(query, count),
        }
        .map_err(|error| error.to_string())?;
        let found = keys.into_iter().zip(distances);
        Ok(found.map(|(id, off)| Neighbour { id: id as u32, score: 1.0 - off }).collect())
    }

    /// Bytes of what is searched, and of what is kept.
    pub(super) fn length(&self) -> usize {
        self.index.serialized_length()
    }

    /// What is kept.
    pub(super) fn bytes(&self) -> io::Result<Vec<u8>> {
        if self.is_grown {
            let grown = format!("{NAME} has grown; only what was built is kept");
            return Err(io::Error::new(io::ErrorKind::Unsupported, grown));
        }
        written(&self.index).map_err(io::Error::other)
    }

    fn reserve(&self, rows: usize) -> Result<(), String> {
        let users = USERS.max(rayon::current_num_threads());
        self.index.reserve_capacity_and_threads(rows, users).map_err(|error| error.to_string())
    }

    fn link(&self, first: usize, rows: &Vectors) -> Result<(), String> {
        self.index.change_metric_kind(linked_by(self.lift)).map_err(|error| error.to_string())?;
        let add = |lifted: &mut Vec<f32>, number: usize| {
            let row = rows.row(number);
            let added = match self.lift {
                None => self.index.add(number as u64, row),
                Some(lift) => {
                    lifted.clear();
                    lifted.extend(row.iter().copied().chain([lift.beside(row)]));
                    self.index.add(number as u64, lifted)
                }
            };
            added.map_err(|error| format!("row {number}: {error}"))
        };
        (first..rows.len()).into_par_iter().try_for_each_init(Vec::new, add)?;
        asked_by_product(&self.index)
    }
}

/// A graph without rows. A search keeps as many candidates as it is asked for neighbours, so that
/// each can have its own number of them.
fn empty(dimensions: usize, lift: Option<Lift>, shape: Shape) -> Result<Index, String> {
    let options = IndexOptions {
        dimensions: dimensions + usize::from(lift.is_some()),
        metric: linked_by(lift),
        quantization: ScalarKind::BF16,
        connectivity: shape.m as usize,
        expansion_add: shape.ef_construction as usize,
        expansion_search: 1,
        multi: false,
    };
    Index::new(&options).map_err(|error| error.to_string())
}

/// What rows are near by, while they are linked.
fn linked_by(lift: Option<Lift>) -> MetricKind {
    match lift {
        Some(_) => MetricKind::L2sq,
        None => MetricKind::IP,
    }
}

fn asked_by_product(index: &Index) -> Result<(), String> {
    index.change_metric_kind(MetricKind::IP).map_err(|error| error.to_string())
}

fn written(index: &Index) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; index.serialized_length()];
    index.save_to_buffer(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Which code compares two rows on this machine, as the crate names it.
pub(super) fn kernel() -> &'static str {
    static KERNEL: OnceLock<String> = OnceLock::new();
    let shape = Shape { m: 2, ef_construction: 4, ef_search: 1 };
    let named = || empty(8, None, shape).map(|index| index.hardware_acceleration());
    KERNEL.get_or_init(|| named().unwrap_or_else(|_| "unknown".to_owned()))
}
