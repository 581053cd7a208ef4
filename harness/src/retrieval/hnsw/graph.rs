//! The crate's graph, as we use it: keys are row numbers, and numbers are bfloat16.

use super::super::best::Neighbour;
use super::super::cache::Unfit;
use super::super::filter::Matching;
use super::super::index::Graph;
use super::super::vectors::{Vectors, dot};
use super::kept;
use super::{NAME, Shape};
use rayon::prelude::*;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use usearch::ffi::{IndexOptions, Matches};
use usearch::{Index, MetricKind, ScalarKind};

/// Threads that can use a graph at the same time at least: twice as many as search one.
const USERS: usize = 128;
/// Rows that there is room for beyond those that are there, when there is no more: one in so many.
const HEADROOM: usize = 8;
/// Rows that have to be linked for each thread that links more at the same time. A row is found on its way
/// down the levels before it has neighbours on the lowest; another that is led there meanwhile gets that
/// one link, and may lose it (the crate's issue 735). That befalls about as many rows as there are threads
/// each time the rows double: of 10 000 rows, 64 threads from the start on cost 2 % of the neighbours that
/// 300 candidates find, and by this rule they cost none.
const ROWS_A_THREAD: usize = 2000;

/// Linked rows.
pub(super) struct Linked {
    index: Index,
    asked: Graph,
    /// Whether rows came after it was built.
    is_grown: bool,
}

impl Linked {
    /// Links rows, on the threads of the current pool.
    pub(super) fn of(rows: &Vectors, asked: Graph) -> Result<Self, String> {
        let index = empty(rows.dimensions(), asked)?;
        let linked = Self { index, asked, is_grown: false };
        linked.reserve(rows.len())?;
        linked.link(0, rows)?;
        Ok(linked)
    }

    /// One that was kept, over the same rows.
    pub(super) fn load(rows: &Vectors, asked: Graph, payload: &[u8]) -> Result<Self, Unfit> {
        let index = empty(rows.dimensions(), asked).map_err(Unfit)?;
        kept::check(payload, rows.len(), &written(&index).map_err(Unfit)?)?;
        index.load_from_buffer(payload).map_err(|error| Unfit(error.to_string()))?;
        let linked = Self { index, asked, is_grown: false };
        linked.reserve(rows.len()).map_err(Unfit)?;
        Ok(linked)
    }

    /// Links the rows from `first` on, too.
    pub(super) fn extend(&mut self, first: usize, rows: &Vectors) -> Result<(), String> {
        self.is_grown = true;
        if self.index.capacity() < rows.len() {
            self.reserve(rows.len() + rows.len() / HEADROOM)?;
        }
        self.link(first, rows)
    }

    /// As many rows as are asked for, where the links lead to as many, the nearest first, with their
    /// approximate products.
    pub(super) fn nearest(
        &self,
        query: &[f32],
        count: usize,
        among: Option<&Matching>,
    ) -> Result<Vec<Neighbour>, String> {
        let own = self.own(query);
        let Matches { keys, distances } = match among {
            // Keys are row numbers, which have 32 bits.
            Some(among) => self.index.filtered_search(own, count, |key| among.has(key as u32)),
            None => self.index.search(own, count),
        }
        .map_err(|error| error.to_string())?;
        let square = dot(query, query);
        let product = |distance: f32| match self.asked.euclidean {
            // What `space` says of the product, solved for it: `c` is a component of the query.
            Some(_) => (square - distance) / 2.0,
            None => 1.0 - distance,
        };
        let found = keys.into_iter().zip(distances);
        Ok(found.map(|(id, off)| Neighbour { id: id as u32, score: product(off) }).collect())
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

    /// Links the rows from `first` on, by as many threads as that many linked rows bear; before the rows
    /// have doubled, they are counted again.
    fn link(&self, first: usize, rows: &Vectors) -> Result<(), String> {
        let mut linked = first;
        while linked < rows.len() {
            let upto = (linked * 2).max(linked + ROWS_A_THREAD).min(rows.len());
            let threads = (linked / ROWS_A_THREAD).clamp(1, rayon::current_num_threads());
            let next = AtomicUsize::new(linked);
            (0..threads).into_par_iter().try_for_each(|_| self.link_from(&next, upto, rows))?;
            linked = upto;
        }
        Ok(())
    }

    /// Links the next row until there is none, as other threads do with the same `next`.
    fn link_from(&self, next: &AtomicUsize, upto: usize, rows: &Vectors) -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= upto {
                return Ok(());
            }
            let added = self.index.add(number as u64, self.own(rows.row(number)));
            added.map_err(|error| format!("row {number}: {error}"))?;
        }
    }

    /// What is compared of a row or a query.
    fn own<'a>(&self, vector: &'a [f32]) -> &'a [f32] {
        &vector[..self.asked.euclidean.unwrap_or(vector.len())]
    }
}

/// A graph without rows. A search keeps as many candidates as it is asked for neighbours, so that
/// each can have its own number of them.
fn empty(dimensions: usize, asked: Graph) -> Result<Index, String> {
    let options = IndexOptions {
        dimensions: asked.euclidean.unwrap_or(dimensions),
        metric: asked.euclidean.map_or(MetricKind::IP, |_| MetricKind::L2sq),
        quantization: ScalarKind::BF16,
        connectivity: asked.shape.m as usize,
        expansion_add: asked.shape.ef_construction as usize,
        expansion_search: 1,
        multi: false,
    };
    Index::new(&options).map_err(|error| error.to_string())
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
    let named = || empty(8, Graph { shape, euclidean: None }).map(|it| it.hardware_acceleration());
    KERNEL.get_or_init(|| named().unwrap_or_else(|_| "unknown".to_owned()))
}
