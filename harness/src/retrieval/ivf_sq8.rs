//! An inverted file of 8-bit codes, ours: rows are divided among the cells of a spherical k-means,
//! a query scans the cells nearest to it, and the best candidates are compared again in f32.
//!
//! It shares no code with the scan of [`super::flat_q4`], so that one checks the other, and it
//! touches a few percent of the rows where that one touches all.

use super::best::{Best, Neighbour};
use super::cache::{Bytes, Unfit, write_f32s, write_i8s, write_u32s, write_u64s};
use super::exact::nearest;
use super::filter::Matching;
use super::index::{
    BuildError, Knobs, Recipe, SearchError, VectorIndex, check_filtered, check_query, check_rows,
};
use super::mixture::normalise;
use super::vectors::{Vectors, dot};
use rayon::prelude::*;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows for each cell that the cells are learnt from: faiss takes 39 to 256.
const LEARNT_FROM: usize = 64;
/// Rounds of k-means; later ones move little.
const ROUNDS: usize = 6;
/// Most cells; a query is compared with the centre of each.
const MOST_CELLS: usize = 4096;
/// Rows assigned to cells at a time by one thread.
const STRETCH: usize = 8192;
/// The largest code.
const LEVELS: f32 = 127.0;
const NAME: &str = "ivf-sq8";
const KERNEL: &str = "16-bit products, 32-bit sums";
/// What is kept on disk. Another number with every change of what is built, or of how it is written.
const KEPT: u32 = 1;

/// Cells of codes, and the rows that they stand for.
#[derive(Clone)]
pub struct IvfSq8 {
    rows: Arc<Vectors>,
    cells: Arc<Cells>,
    probes: usize,
    rescore: usize,
}

/// What was built, and what was added.
#[derive(Clone)]
struct Cells {
    centres: Vectors,
    /// Where each cell begins in `ids`, and where the last one ends.
    starts: Vec<usize>,
    /// Row numbers, cell after cell.
    ids: Vec<u32>,
    /// The codes of the rows in this order.
    codes: Codes,
    /// For each cell, the rows that came after it was built; no list at all before the first.
    added: Vec<Added>,
}

/// Rows that came to a cell after it was built.
#[derive(Clone, Default)]
struct Added {
    ids: Vec<u32>,
    codes: Codes,
}

/// Rows as whole numbers from -127 to 127, and what one of a row's numbers stands for.
#[derive(Clone, Default)]
struct Codes {
    values: Vec<i8>,
    scales: Vec<f32>,
}

impl VectorIndex for IvfSq8 {
    fn build(rows: Arc<Vectors>, knobs: Knobs) -> Result<Self, BuildError> {
        check_rows(&rows)?;
        let cells = Arc::new(Cells::of(&rows));
        let Knobs { probes, rescore, .. } = knobs;
        Ok(Self { rows, cells, probes, rescore })
    }

    fn recipe(_knobs: Knobs) -> Option<Recipe> {
        let built_by = format!(
            "kept {KEPT}, learnt from {LEARNT_FROM}, rounds {ROUNDS}, cells {MOST_CELLS}, levels {LEVELS}"
        );
        Some(Recipe { engine: engine(), kernel: KERNEL, built_by })
    }

    fn save(&self, into: &mut dyn Write) -> io::Result<()> {
        self.cells.save(into)
    }

    fn load(rows: Arc<Vectors>, knobs: Knobs, payload: &[u8]) -> Result<Self, Unfit> {
        let cells = Arc::new(Cells::load(&rows, payload)?);
        let Knobs { probes, rescore, .. } = knobs;
        Ok(Self { rows, cells, probes, rescore })
    }

    fn search(
        &self,
        query: &[f32],
        k: usize,
        found: &mut Vec<Neighbour>,
    ) -> Result<(), SearchError> {
        check_query(query, k, &self.rows)?;
        let candidates = self.candidates(query, self.rescore.max(k), |_| true);
        *found = self.rescored(query, k, candidates);
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
        let count = self.rescore.max(k).min(among.rows().len());
        let candidates = self.candidates(query, count, |id| among.has(id));
        *found = self.rescored(query, k, candidates);
        Ok(())
    }

    /// Each row goes to the nearest cell; the centres stay where they are.
    fn grow(&mut self, rows: Arc<Vectors>) -> Result<(), BuildError> {
        check_rows(&rows)?;
        let cells = Arc::make_mut(&mut self.cells);
        let added = rows.since(&self.rows).chunks_exact(rows.dimensions());
        (self.rows.len() as u32..).zip(added).for_each(|(id, row)| cells.add(id, row));
        self.rows = rows;
        Ok(())
    }

    fn tuned(&self, knobs: Knobs) -> Box<dyn VectorIndex> {
        let Knobs { probes, rescore, .. } = knobs;
        Box::new(Self { probes, rescore, ..self.clone() })
    }

    fn bytes(&self) -> u64 {
        let Cells { centres, ids, codes, added, .. } = &*self.cells;
        let bytes = |ids: &[u32], codes: &Codes| {
            codes.values.len() + size_of_val(&codes.scales[..]) + size_of_val(ids)
        };
        let added: usize = added.iter().map(|added| bytes(&added.ids, &added.codes)).sum();
        (bytes(ids, codes) + added) as u64 + centres.bytes()
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn precision(&self) -> &'static str {
        match self.rescore {
            0 => "8-bit codes",
            _ => "8-bit codes, rescored in f32",
        }
    }

    fn engine(&self) -> String {
        engine()
    }

    fn kernel(&self) -> &'static str {
        KERNEL
    }
}

fn engine() -> String {
    format!("tokgate {NAME} {}", env!("CARGO_PKG_VERSION"))
}

impl IvfSq8 {
    /// The best `count` rows of the nearest cells by their codes, of those that `may` be found; of
    /// more cells where those have fewer of them than `count`.
    fn candidates(&self, query: &[f32], count: usize, may: impl Fn(u32) -> bool) -> Vec<Neighbour> {
        let Cells { starts, ids, codes, added, .. } = &*self.cells;
        let (asked, scale) = encoded(query);
        let mut best = Best::new(count);
        let mut seen = 0;
        let mut compare = |ids: &[u32], codes: &Codes, first: usize| {
            for (place, id) in (first..).zip(ids).filter(|(_, id)| may(**id)) {
                best.offer(Neighbour { id: *id, score: codes.dot(place, &asked) * scale });
                seen += 1;
            }
            seen
        };
        let mut compared = 0;
        for (probed, cell) in self.cells.nearest(query).into_iter().enumerate() {
            if probed >= self.probes && compared >= count {
                break;
            }
            let first = starts[cell];
            compared = compare(&ids[first..starts[cell + 1]], codes, first);
            if let Some(added) = added.get(cell) {
                compared = compare(&added.ids, &added.codes, 0);
            }
        }
        best.into_sorted()
    }

    /// The best `k` candidates, compared in full precision where that is asked for.
    fn rescored(&self, query: &[f32], k: usize, candidates: Vec<Neighbour>) -> Vec<Neighbour> {
        if self.rescore == 0 {
            return candidates;
        }
        let mut best = Best::new(k);
        for Neighbour { id, .. } in candidates {
            best.offer(Neighbour { id, score: dot(query, self.rows.row(id as usize)) });
        }
        best.into_sorted()
    }
}

impl Cells {
    /// Divides rows among cells.
    fn of(rows: &Vectors) -> Self {
        let centres = learn(rows, how_many(rows.len()));
        let (starts, ids) = listed(&assign(rows, &centres), centres.len());
        let codes = Codes::of(rows, &ids);
        Self { centres, starts, ids, codes, added: Vec::new() }
    }

    /// Adds a row to the nearest cell.
    fn add(&mut self, id: u32, row: &[f32]) {
        let cell = self.nearest(row).first().copied().unwrap_or_default();
        self.added.resize(self.centres.len(), Added::default());
        self.added[cell].add(id, row);
    }

    /// The number of cells, their centres and starts, then the rows' numbers, codes and scales.
    fn save(&self, into: &mut dyn Write) -> io::Result<()> {
        let Self { centres, starts, ids, codes, added } = self;
        if !added.is_empty() {
            let grown = format!("{NAME} has grown; only what was built is kept");
            return Err(io::Error::new(io::ErrorKind::Unsupported, grown));
        }
        write_u64s(into, &[centres.len() as u64])?;
        write_f32s(into, centres.values())?;
        let starts: Vec<u64> = starts.iter().map(|start| *start as u64).collect();
        write_u64s(into, &starts)?;
        write_u32s(into, ids)?;
        write_i8s(into, &codes.values)?;
        write_f32s(into, &codes.scales)
    }

    fn load(rows: &Vectors, payload: &[u8]) -> Result<Self, Unfit> {
        let (count, dimensions) = (rows.len(), rows.dimensions());
        let mut bytes = Bytes::new(payload);
        let cells = bytes.count(MOST_CELLS.min(count))?;
        let centres = Vectors::new(dimensions, bytes.f32s(cells * dimensions)?)
            .map_err(|error| Unfit(format!("a centre: {error}")))?;
        let starts = starts_of(&bytes.u64s(cells + 1)?, count)?;
        let ids = once_each(bytes.rows(count, count)?)?;
        let codes = Codes { values: bytes.i8s(count * dimensions)?, scales: bytes.f32s(count)? };
        bytes.end()?;
        Ok(Self { centres, starts, ids, codes, added: Vec::new() })
    }

    /// All of them, the nearest first.
    fn nearest(&self, query: &[f32]) -> Vec<usize> {
        let cells = (0..).zip(self.centres.rows());
        let mut cells: Vec<Neighbour> =
            cells.map(|(id, centre)| Neighbour { id, score: dot(query, centre) }).collect();
        cells.sort_unstable();
        cells.into_iter().map(|cell| cell.id as usize).collect()
    }
}

impl Added {
    fn add(&mut self, id: u32, row: &[f32]) {
        let mut codes = vec![0; row.len()];
        self.codes.scales.push(encode(row, &mut codes));
        self.codes.values.extend(codes);
        self.ids.push(id);
    }
}

impl Codes {
    /// The codes of the rows `ids`, in this order.
    fn of(rows: &Vectors, ids: &[u32]) -> Self {
        let mut values = vec![0; rows.values().len()];
        let codes = values.par_chunks_mut(rows.dimensions()).zip(ids);
        let scales = codes.map(|(codes, id)| encode(rows.row(*id as usize), codes)).collect();
        Self { values, scales }
    }

    fn dot(&self, place: usize, query: &[i16]) -> f32 {
        let codes = &self.values[place * query.len()..][..query.len()];
        let products = codes.iter().zip(query).map(|(a, b)| i32::from(*a) * i32::from(*b));
        products.sum::<i32>() as f32 * self.scales[place]
    }
}

/// Writes the codes of a vector, and says what one of its numbers stands for.
fn encode(vector: &[f32], codes: &mut [i8]) -> f32 {
    let largest = vector.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = largest / LEVELS;
    for (code, value) in codes.iter_mut().zip(vector) {
        *code = (value / scale).round() as i8;
    }
    scale
}

/// A query's codes, as wide as the products want them.
fn encoded(query: &[f32]) -> (Vec<i16>, f32) {
    let mut codes = vec![0; query.len()];
    let scale = encode(query, &mut codes);
    (codes.into_iter().map(i16::from).collect(), scale)
}

/// Starts of cells that divide `rows` rows among them.
fn starts_of(starts: &[u64], rows: usize) -> Result<Vec<usize>, Unfit> {
    let divide = starts.is_sorted() && starts.first() == Some(&0);
    match divide && starts.last() == Some(&(rows as u64)) {
        true => Ok(starts.iter().map(|start| *start as usize).collect()),
        false => Err(Unfit(format!("its cells do not divide {rows} rows"))),
    }
}

/// Row numbers, when each row is there once.
fn once_each(ids: Vec<u32>) -> Result<Vec<u32>, Unfit> {
    let mut seen = vec![false; ids.len()];
    for id in &ids {
        if std::mem::replace(&mut seen[*id as usize], true) {
            return Err(Unfit(format!("it names row {id} twice")));
        }
    }
    Ok(ids)
}

/// About as many cells as the rows have neighbours in one: the power of two near the root.
fn how_many(rows: usize) -> usize {
    rows.isqrt().next_power_of_two().clamp(1, MOST_CELLS).min(rows)
}

/// The centres of the cells: spherical k-means (Dhillon and Modha, 2001) on rows evenly taken from
/// all of them. The same on any number of threads, since sums are added up in the rows' order.
fn learn(rows: &Vectors, cells: usize) -> Vectors {
    let sample = evenly(rows, cells * LEARNT_FROM);
    let mut centres = evenly(&sample, cells);
    for _ in 0..ROUNDS {
        centres = means(&sample, &assign(&sample, &centres), centres);
    }
    centres
}

/// At most `count` rows, evenly taken from all of them.
fn evenly(rows: &Vectors, count: usize) -> Vectors {
    let count = count.min(rows.len());
    let number = |place: usize| place * rows.len() / count;
    let values = (0..count).flat_map(|place| rows.row(number(place)).iter().copied()).collect();
    Vectors::checked(rows.dimensions(), values)
}

/// The nearest centre of each row.
fn assign(rows: &Vectors, centres: &Vectors) -> Vec<u32> {
    let stretches = rows.values().par_chunks(STRETCH * rows.dimensions());
    let nearest = stretches.flat_map_iter(|rows| nearest(centres, rows, 1));
    nearest.map(|best| best.first().map_or(0, |cell| cell.id)).collect()
}

/// The directions of the sums of each cell's rows. A cell without rows stays where it was.
fn means(rows: &Vectors, cells: &[u32], before: Vectors) -> Vectors {
    let dimensions = rows.dimensions();
    let mut sums = vec![0.0; before.values().len()];
    for (row, cell) in rows.rows().zip(cells) {
        let sum = &mut sums[*cell as usize * dimensions..][..dimensions];
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    for (sum, before) in sums.chunks_exact_mut(dimensions).zip(before.rows()) {
        match sum.iter().all(|value| *value == 0.0) {
            true => sum.copy_from_slice(before),
            false => normalise(sum),
        }
    }
    Vectors::checked(dimensions, sums)
}

/// Where each cell begins, and the row numbers, cell after cell and ascending in each.
fn listed(cell_of: &[u32], cells: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0; cells + 1];
    cell_of.iter().for_each(|cell| starts[*cell as usize + 1] += 1);
    (0..cells).for_each(|cell| starts[cell + 1] += starts[cell]);
    let mut next = starts.clone();
    let mut ids = vec![0; cell_of.len()];
    for (id, cell) in (0..).zip(cell_of) {
        let place = &mut next[*cell as usize];
        ids[*place] = id;
        *place += 1;
    }
    (starts, ids)
}

#[cfg(test)]
mod tests {
    use super::super::generator::{Generator, Side};
    use super::*;
    use tokgate_core::case::{VectorKind, VectorSet};

    fn mixture(rows: usize) -> Arc<Vectors> {
        let set = VectorSet::new(VectorKind::Mixture, 0, 64);
        Arc::new(Generator::new(&set, 42).rows(Side::Corpus, rows))
    }

    fn build(rows: &Arc<Vectors>, probes: usize, rescore: usize) -> IvfSq8 {
        IvfSq8::build(Arc::clone(rows), Knobs { rescore, probes, graph: None }).unwrap()
    }

    #[test]
    fn every_row_is_in_one_cell() {
        let Cells { centres, starts, mut ids, .. } = Cells::of(&mixture(5000));
        assert_eq!((starts.len(), starts[centres.len()]), (129, 5000));
        ids.sort_unstable();
        assert!(ids.iter().copied().eq(0..5000));
        assert!(starts.is_sorted());
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let rows = mixture(5000);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let Cells { centres, starts, ids, codes, .. } = pool.install(|| Cells::of(&rows));
            (centres, starts, ids, codes.values)
        };
        assert!(on(1) == on(3));
    }

    #[test]
    fn with_all_cells_probed_and_all_rows_rescored_nothing_is_missed() {
        let rows = mixture(3000);
        let index = build(&rows, usize::MAX, 3000);
        for row in [0, 17, 2999] {
            let query = rows.row(row);
            let mut found = Vec::new();
            index.search(query, 10, &mut found).unwrap();
            let ids = |found: &[Neighbour]| found.iter().map(|row| row.id).collect::<Vec<_>>();
            assert_eq!(ids(&found), ids(&nearest(&rows, query, 10)[0]));
        }
    }

    #[test]
    fn a_code_is_off_by_half_a_step_at_most() {
        let rows = mixture(10);
        let codes = Codes::of(&rows, &(0..10).collect::<Vec<_>>());
        for (place, row) in rows.rows().enumerate() {
            let (codes, scale) = (&codes.values[place * 64..][..64], codes.scales[place]);
            let off = row.iter().zip(codes).map(|(x, code)| (x - f32::from(*code) * scale).abs());
            assert!(off.fold(0.0, f32::max) <= scale * 0.5001);
        }
    }

    #[test]
    fn too_few_rows_in_the_nearest_cells_are_completed_from_further_ones() {
        let rows = mixture(200);
        let index = build(&rows, 1, 0);
        let mut found = Vec::new();
        index.search(rows.row(5), 200, &mut found).unwrap();
        assert_eq!(found.len(), 200);
    }
}
