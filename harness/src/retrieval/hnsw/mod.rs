//! A graph of near neighbours, by the crate `usearch`: each row is linked with rows near to it, a query
//! walks along the links towards what is nearest (HNSW: Malkov and Yashunin, 2016), and the best
//! candidates are compared again with the original rows in f32.
//!
//! Rows are linked by what they are asked by. Inner products make no distance, and yet a graph that is
//! linked by them serves queries by them (Morozov and Babenko, 2018): of rows whose lengths differ by a
//! factor of 16, it found 99 % of the nearest where one linked by angles found 71 %, and one linked by
//! distances with a component more that gives inner products their order, 67 %. The other way round, rows
//! for Euclidean distances have a component that makes products of them, and two rows that are near do
//! not have a high product: those are linked, and compared, by their own components.
//!
//! Rows are linked by several threads at once, as many as lose no rows, so that two graphs over the same
//! rows differ by a few links, and their recall by a little. One that was kept finds what it found when it
//! was built.

mod graph;
mod kept;
#[cfg(test)]
mod tests;

use super::best::{Best, Neighbour};
use super::cache::Unfit;
use super::filter::Matching;
use super::flat::nearest_of;
use super::index::{
    BuildError, Graph, Knobs, Recipe, SearchError, VectorIndex, check_filtered, check_query,
    check_rows,
};
use super::vectors::{Vectors, dot};
use graph::Linked;
use std::io::{self, Write};
use std::sync::Arc;
use tokgate_core::case::Hnsw as Shape;

const NAME: &str = "hnsw";
/// The exact version that the workspace pins (a test compares them).
const ENGINE: &str = "usearch 2.26.6";
/// What is kept on disk. Another number with every change of what is built, or of how it is written.
const KEPT: u32 = 2;

/// Linked rows.
#[derive(Clone)]
pub struct Hnsw {
    rows: Arc<Vectors>,
    graph: Arc<Linked>,
    /// Candidates kept while a query is searched.
    width: usize,
    rescore: usize,
}

impl Hnsw {
    fn of(rows: Arc<Vectors>, graph: Linked, knobs: Knobs) -> Self {
        let width = knobs.graph.map_or(0, |graph| graph.shape.ef_search as usize);
        Self { rows, graph: Arc::new(graph), width, rescore: knobs.rescore }
    }

    /// The nearest rows of those that the graph leads to, and of those that pass the filter. Where it
    /// leads to too few, as links can among rows that are all the same, every row is compared.
    fn walked(
        &self,
        query: &[f32],
        k: usize,
        among: Option<&Matching>,
    ) -> Result<Vec<Neighbour>, SearchError> {
        let there = among.map_or(self.rows.len(), |among| among.rows().len());
        let mut candidates = self
            .graph
            .nearest(query, self.width.max(k).min(there), among)
            .map_err(|reason| SearchError::Engine { engine: NAME, reason })?;
        if candidates.len() < k {
            return Ok(self.compared(query, k, among));
        }
        if self.rescore > 0 {
            candidates.truncate(self.rescore.max(k));
            candidates.iter_mut().for_each(|found| found.score = self.score(query, found.id));
        }
        Ok(best_of(k, candidates))
    }

    /// The nearest of all rows that may be found.
    fn compared(&self, query: &[f32], k: usize, among: Option<&Matching>) -> Vec<Neighbour> {
        match among {
            Some(among) => nearest_of(query, k, &self.rows, among.rows()),
            None => {
                let all: Vec<u32> = (0..self.rows.len() as u32).collect();
                nearest_of(query, k, &self.rows, &all)
            }
        }
    }

    fn score(&self, query: &[f32], id: u32) -> f32 {
        dot(query, self.rows.row(id as usize))
    }

    /// Whether comparing every row that passes a filter is less than walking: to find as many
    /// candidates as are kept, where only a share of what is met passes, a walk meets that many
    /// divided by the share. Not where nothing is to be compared whole.
    fn are_few(&self, among: &Matching) -> bool {
        let passing = among.rows().len() as u64;
        self.rescore > 0 && passing * passing <= self.width as u64 * self.rows.len() as u64
    }
}

impl VectorIndex for Hnsw {
    fn build(rows: Arc<Vectors>, knobs: Knobs) -> Result<Self, BuildError> {
        check_rows(&rows)?;
        let asked = asked(knobs, &rows).map_err(refused)?;
        let graph = Linked::of(&rows, asked).map_err(refused)?;
        Ok(Self::of(rows, graph, knobs))
    }

    fn recipe(knobs: Knobs) -> Option<Recipe> {
        let Shape { m, ef_construction, .. } = knobs.graph?.shape;
        let built_by = format!("kept {KEPT}, bfloat16, links {m}, candidates {ef_construction}");
        Some(Recipe { engine: ENGINE.to_owned(), kernel: graph::kernel(), built_by })
    }

    fn save(&self, into: &mut dyn Write) -> io::Result<()> {
        into.write_all(&self.graph.bytes()?)
    }

    fn load(rows: Arc<Vectors>, knobs: Knobs, payload: &[u8]) -> Result<Self, Unfit> {
        let graph = Linked::load(&rows, asked(knobs, &rows).map_err(Unfit)?, payload)?;
        Ok(Self::of(rows, graph, knobs))
    }

    fn search(
        &self,
        query: &[f32],
        k: usize,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        check_query(query, k, &self.rows)?;
        *found = self.walked(query, k, None)?;
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
        *found = match self.are_few(among) {
            true => self.compared(query, k, Some(among)),
            false => self.walked(query, k, Some(among))?,
        };
        Ok(())
    }

    /// Each row is linked as it would have been when the graph was built.
    fn grow(&mut self, rows: Arc<Vectors>) -> Result<(), BuildError> {
        check_rows(&rows)?;
        let shared = || refused("its graph is shared with another index".to_owned());
        let graph = Arc::get_mut(&mut self.graph).ok_or_else(shared)?;
        graph.extend(self.rows.len(), &rows).map_err(refused)?;
        self.rows = rows;
        Ok(())
    }

    fn tuned(&self, knobs: Knobs) -> Box<dyn VectorIndex> {
        let width = knobs.graph.map_or(self.width, |graph| graph.shape.ef_search as usize);
        Box::new(Self { width, rescore: knobs.rescore, ..self.clone() })
    }

    fn bytes(&self) -> u64 {
        self.graph.length() as u64
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn precision(&self) -> &'static str {
        match self.rescore {
            0 => "bfloat16",
            _ => "bfloat16, rescored in f32",
        }
    }

    fn engine(&self) -> String {
        ENGINE.to_owned()
    }

    fn kernel(&self) -> &'static str {
        graph::kernel()
    }
}

/// The graph that is asked for.
fn asked(knobs: Knobs, rows: &Vectors) -> Result<Graph, String> {
    let none =
        || "no graph is asked for; give it `m`, `ef_construction` and `ef_search`".to_owned();
    let graph = knobs.graph.ok_or_else(none)?;
    match graph.euclidean {
        Some(own) if !(1..rows.dimensions()).contains(&own) => {
            Err(format!("rows of {} components have none behind {own}", rows.dimensions()))
        }
        Some(_) | None => Ok(graph),
    }
}

fn best_of(k: usize, candidates: Vec<Neighbour>) -> Vec<Neighbour> {
    let mut best = Best::new(k);
    candidates.into_iter().for_each(|candidate| best.offer(candidate));
    best.into_sorted()
}

fn refused(reason: String) -> BuildError {
    BuildError::Refused { engine: NAME, reason }
}
