//! The exact nearest rows of some queries, and how many of them an answer found.
//!
//! How they are found is `exact`'s business: never by an index.

use super::best::Neighbour;
use super::cache::{
    Bytes, Craft, Data, Spec, Unfit, What, fingerprint, write_f32s, write_u32s, write_u64s,
};
use super::corpus::Wanted;
use super::exact::{nearest, nearest_among};
use super::filter::{Filter, Matching};
use super::vectors::{Vectors, dot};
use serde::Serialize;
use std::convert::Infallible;
use std::io::{self, Write};
use tokgate_core::record::Hits;

/// Exact neighbours kept for each query.
pub const DEPTH: usize = 100;
/// The k for which hits are counted.
pub const CUTS: [usize; 3] = [1, 10, 100];
/// A row as good as the k-th exact neighbour is a hit, whichever of them was listed: scores of unit
/// vectors this near are equal but for the order of summation in f32. Others may be as much further
/// apart as the vectors are longer.
pub const TIE: f32 = 1e-6;

/// The exact neighbours of the first queries of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Best first, up to [`DEPTH`] for each query.
    neighbours: Vec<Vec<Neighbour>>,
}

impl Truth {
    /// Finds the neighbours of the first `count` queries, on the threads of the current pool.
    #[must_use]
    pub fn find(rows: &Vectors, queries: &Vectors, count: usize) -> Self {
        let queries = &queries.values()[..count * rows.dimensions()];
        Self { neighbours: nearest(rows, queries, DEPTH) }
    }

    /// The same among the rows that pass a filter alone.
    #[must_use]
    pub fn find_among(rows: &Vectors, queries: &Vectors, count: usize, among: &Matching) -> Self {
        let queries = &queries.values()[..count * rows.dimensions()];
        Self { neighbours: nearest_among(rows, among.rows(), queries, DEPTH) }
    }

    /// Queries whose exact neighbours are known: the first ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.neighbours.len()
    }

    /// Whether no query's neighbours are known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.neighbours.is_empty()
    }

    /// The exact neighbours of a query, best first; `None` where they are not known.
    #[must_use]
    pub fn of(&self, query: usize) -> Option<&[Neighbour]> {
        self.neighbours.get(query).map(Vec::as_slice)
    }

    /// For each k of [`CUTS`] that the answer reaches: how many of its first k rows have an exact
    /// score of at least that of the k-th exact neighbour (− [`TIE`], by the lengths of both). A row named twice counts
    /// once. Empty where the exact neighbours are not known.
    #[must_use]
    pub fn hits(&self, rows: &Vectors, query: Asked<'_>, found: &[Neighbour]) -> Vec<Hits> {
        self.hits_of_first(rows.len(), rows, query, found)
    }

    /// The same for a search that could find the first `count` rows alone, as far as enough exact
    /// neighbours are among them.
    #[must_use]
    pub fn hits_of_first(
        &self,
        count: usize,
        rows: &Vectors,
        query: Asked<'_>,
        found: &[Neighbour],
    ) -> Vec<Hits> {
        let Some(exact) = self.of(query.number) else { return Vec::new() };
        let was_there = |neighbour: &&Neighbour| (neighbour.id as usize) < count;
        let exact: Vec<Neighbour> = exact.iter().filter(was_there).copied().collect();
        let scores: Vec<f32> = found
            .iter()
            .enumerate()
            .map(|(place, neighbour)| {
                match found[..place].iter().any(|earlier| earlier.id == neighbour.id) {
                    true => f32::NEG_INFINITY,
                    false => dot(query.vector, rows.row(neighbour.id as usize)),
                }
            })
            .collect();
        let reached = CUTS.into_iter().filter(|k| *k <= found.len().min(exact.len()));
        let needed = |last: Neighbour| {
            let row = rows.row(last.id as usize);
            last.score - TIE * (dot(query.vector, query.vector) * dot(row, row)).sqrt()
        };
        reached.map(|k| hits(&scores[..k], needed(exact[k - 1]))).collect()
    }
}

/// A score that was kept is that of its row but for the order of summation, in parts of the product
/// of the lengths: ten times what thousands of f32 components can differ by, and far less than what
/// other rows do.
const SAME_SCORE: f32 = 1e-4;

/// How the exact neighbours of the first queries are had.
pub(super) struct Finding<'a> {
    /// What is wanted.
    pub(super) wanted: &'a Wanted,
    /// What is searched.
    pub(super) rows: &'a Vectors,
    /// What is asked.
    pub(super) queries: &'a Vectors,
    /// The rows that may be found, where not all may.
    pub(super) among: Option<&'a Matching>,
}

/// Numbers of matching rows that stand in a spec for those of all: another way to give rows their
/// attributes gives others among so many.
const SAMPLED: usize = 1024;

/// What exact neighbours depend on.
#[derive(Serialize)]
struct Parts<'a> {
    data: Data,
    depth: usize,
    queries: usize,
    asked: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Filtered<'a>>,
}

/// Among which rows they are.
#[derive(Serialize)]
struct Filtered<'a> {
    filter: Option<Filter>,
    rows: usize,
    first: &'a [u32],
}

impl Finding<'_> {
    fn count(&self) -> usize {
        self.wanted.truth.min(self.queries.len())
    }

    fn depth(&self) -> usize {
        DEPTH.min(self.among.map_or(self.rows.len(), |among| among.rows().len()))
    }

    /// What the rows that may be found depend on.
    fn filtered(&self) -> Option<Filtered<'_>> {
        let rows = self.among?.rows();
        let first = &rows[..rows.len().min(SAMPLED)];
        Some(Filtered { filter: self.wanted.filter, rows: rows.len(), first })
    }

    fn asked(&self) -> &[f32] {
        &self.queries.values()[..self.count() * self.queries.dimensions()]
    }

    /// Neighbours that were kept, when they can be those of a query.
    fn checked(&self, query: usize, ids: &[u32], scores: &[f32]) -> Result<Vec<Neighbour>, Unfit> {
        let listed = ids.iter().zip(scores).map(|(id, score)| Neighbour { id: *id, score: *score });
        let listed: Vec<Neighbour> = listed.collect();
        let vector = self.queries.row(query);
        let is_right = |found: &Neighbour| {
            let row = self.rows.row(found.id as usize);
            let lengths = (dot(vector, vector) * dot(row, row)).sqrt();
            (dot(vector, row) - found.score).abs() <= SAME_SCORE * lengths
                && self.among.is_none_or(|among| among.has(found.id))
        };
        match listed.is_sorted() && listed.iter().all(is_right) {
            true => Ok(listed),
            false => {
                Err(Unfit(format!("its neighbours of query {query} are not those of the rows")))
            }
        }
    }
}

impl Craft for Finding<'_> {
    type Product = Truth;
    type Fault = Infallible;

    fn spec(&self) -> Option<Spec> {
        let parts = Parts {
            data: Data::of(self.wanted, self.rows),
            depth: self.depth(),
            queries: self.count(),
            asked: fingerprint(self.asked().iter()),
            filter: self.filtered(),
        };
        let words = self.count() * (self.depth() + 1) * 2;
        (self.count() > 0).then(|| Spec::new(What::Truth, parts, (words * 4) as u64))
    }

    fn make(&self) -> Result<Truth, Infallible> {
        let (rows, queries, count) = (self.rows, self.queries, self.count());
        Ok(match self.among {
            Some(among) => Truth::find_among(rows, queries, count, among),
            None => Truth::find(rows, queries, count),
        })
    }

    /// The number of queries, then rows and scores of each.
    fn save(&self, truth: &Truth, into: &mut dyn Write) -> io::Result<()> {
        write_u64s(into, &[truth.len() as u64])?;
        for found in &truth.neighbours {
            let ids: Vec<u32> = found.iter().map(|neighbour| neighbour.id).collect();
            let scores: Vec<f32> = found.iter().map(|neighbour| neighbour.score).collect();
            write_u32s(into, &ids)?;
            write_f32s(into, &scores)?;
        }
        Ok(())
    }

    fn load(&self, payload: &[u8]) -> Result<Truth, Unfit> {
        let mut bytes = Bytes::new(payload);
        let count = bytes.count(self.count())?;
        if count < self.count() {
            return Err(Unfit(format!("it has the neighbours of {count} queries alone")));
        }
        let mut of = |query| {
            let ids = bytes.rows(self.depth(), self.rows.len())?;
            self.checked(query, &ids, &bytes.f32s(self.depth())?)
        };
        let neighbours = (0..count).map(&mut of).collect::<Result<_, Unfit>>()?;
        bytes.end()?;
        Ok(Truth { neighbours })
    }
}

/// A query by number and vector.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its number in the data set's query stream.
    pub number: usize,
    /// Its vector.
    pub vector: &'a [f32],
}

fn hits(scores: &[f32], needed: f32) -> Hits {
    let found = scores.iter().filter(|score| **score >= needed).count();
    Hits { k: scores.len() as u32, found: found as u32 }
}

#[cfg(test)]
mod tests {
    use super::super::generator::{Generator, Side};
    use super::*;
    use tokgate_core::case::{VectorKind, VectorSet};
    use tokgate_core::share::Share;

    const QUERIES: usize = 20;

    struct Data {
        rows: Vectors,
        queries: Vectors,
    }

    fn data(entries: usize) -> Data {
        let set = VectorSet::new(VectorKind::Mixture, 0, 64);
        let generator = Generator::new(&set, 7);
        let (rows, queries) =
            (generator.rows(Side::Corpus, entries), generator.rows(Side::Queries, QUERIES));
        Data { rows, queries }
    }

    /// Double precision, one row after the other, sorted whole: shares nothing with the above.
    fn naive(data: &Data, query: usize) -> Vec<(f64, u32)> {
        let query = data.queries.row(query);
        let cosine = |row: &[f32]| {
            row.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        let mut all: Vec<(f64, u32)> = data.rows.rows().map(cosine).zip(0..).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.truncate(DEPTH);
        all
    }

    /// Rows of 8 components that score so against the first axis.
    fn line(scores: &[f32]) -> Vectors {
        let row = |score: &f32| [*score, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        Vectors::new(8, scores.iter().flat_map(row).collect()).unwrap()
    }

    fn found(ids: &[u32]) -> Vec<Neighbour> {
        ids.iter().map(|id| Neighbour { id: *id, score: 0.0 }).collect()
    }

    #[test]
    fn the_neighbours_are_those_of_a_plain_loop_in_double_precision() {
        // Many blocks, and the last one incomplete.
        let data = data(20_555);
        let truth = Truth::find(&data.rows, &data.queries, QUERIES);
        for query in 0..QUERIES {
            let (exact, naive) = (truth.of(query).unwrap(), naive(&data, query));
            assert_eq!(exact.len(), DEPTH);
            for (place, (neighbour, (score, _))) in exact.iter().zip(&naive).enumerate() {
                let off = (f64::from(neighbour.score) - score).abs();
                assert!(off < f64::from(TIE), "query {query}, place {place}: off by {off}");
            }
            let differ = exact.iter().zip(&naive).filter(|(a, b)| a.id != b.1).count();
            assert!(differ <= 2, "query {query}: {differ} places differ by more than near ties");
        }
    }

    #[test]
    fn filtered_neighbours_are_those_of_a_plain_loop_over_the_rows_that_pass() {
        let data = data(20_555);
        for share in [0.5, 0.01] {
            let filter = Filter { seed: 3, share: Share::of(share).unwrap() };
            let among = Matching::of(filter, 20_555);
            let truth = Truth::find_among(&data.rows, &data.queries, QUERIES, &among);
            for query in 0..QUERIES {
                let vector = data.queries.row(query);
                let score = |row: &u32| (dot(vector, data.rows.row(*row as usize)), *row);
                let mut naive: Vec<(f32, u32)> =
                    (0..20_555).filter(|row| filter.passes(*row)).map(|row| score(&row)).collect();
                naive.sort_by(|a, b| b.0.total_cmp(&a.0));
                let exact = truth.of(query).unwrap();
                assert_eq!(exact.len(), DEPTH);
                for (neighbour, (score, _)) in exact.iter().zip(&naive) {
                    assert!((neighbour.score - score).abs() < TIE && filter.passes(neighbour.id));
                }
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let data = data(20_480);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Truth::find(&data.rows, &data.queries, QUERIES))
        };
        assert_eq!(on(1), on(3));
    }

    #[test]
    fn a_small_corpus_has_fewer_neighbours_and_later_queries_none() {
        let data = data(30);
        let truth = Truth::find(&data.rows, &data.queries, 5);
        assert_eq!((truth.len(), truth.of(4).map(<[_]>::len)), (5, Some(30)));
        assert_eq!(truth.of(5), None);
        let asked = Asked { number: 5, vector: data.queries.row(5) };
        assert!(truth.hits(&data.rows, asked, &found(&[1])).is_empty());
    }

    #[test]
    fn ties_count_by_score_and_a_row_named_twice_counts_once() {
        // Rows 1 to 12 are equally good: any ten of them are ten hits.
        let mut scores = vec![0.5; 20];
        scores[1..13].fill(0.9);
        let rows = line(&scores);
        let query = Vectors::new(8, vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        let truth = Truth::find(&rows, &query, 1);
        let asked = Asked { number: 0, vector: query.row(0) };
        let hits = |ids: &[u32]| truth.hits(&rows, asked, &found(ids));
        let ten = |found| vec![Hits { k: 1, found: 1 }, Hits { k: 10, found }];
        assert_eq!(hits(&[12, 11, 10, 9, 8, 7, 6, 5, 4, 3]), ten(10));
        assert_eq!(hits(&[12, 11, 10, 9, 8, 7, 6, 5, 4, 0]), ten(9));
        assert_eq!(hits(&[12, 12, 12, 9, 8, 7, 6, 5, 4, 3]), ten(8));
    }

    #[test]
    fn rows_that_were_not_there_yet_are_not_missed_and_do_not_hurt() {
        let scores: Vec<f32> = (0..40).map(|row| row as f32 / 100.0).collect();
        let rows = line(&scores);
        let query = Vectors::new(8, vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).unwrap();
        let truth = Truth::find(&rows, &query, 1);
        let asked = Asked { number: 0, vector: query.row(0) };
        let hits = |count, ids: std::ops::Range<u32>| {
            let ids: Vec<u32> = ids.rev().collect();
            truth.hits_of_first(count, &rows, asked, &found(&ids))
        };
        let ten = |first, found| vec![Hits { k: 1, found: first }, Hits { k: 10, found }];
        // The later a row, the better: of the first 30 the ten best are 20 to 29.
        assert_eq!(hits(30, 20..30), ten(1, 10));
        assert_eq!(hits(30, 19..29), ten(0, 9));
        assert_eq!(hits(30, 22..32), ten(1, 10), "two came while it was searched");
        assert_eq!(hits(9, 0..10), [Hits { k: 1, found: 1 }], "too few were there");
    }

    #[test]
    fn hits_are_counted_only_as_far_as_the_answer_reaches() {
        let data = data(500);
        let truth = Truth::find(&data.rows, &data.queries, 1);
        let asked = Asked { number: 0, vector: data.queries.row(0) };
        let cuts = |count: u32| {
            let found = found(&(0..count).collect::<Vec<_>>());
            truth.hits(&data.rows, asked, &found).iter().map(|hits| hits.k).collect::<Vec<_>>()
        };
        assert_eq!((cuts(1), cuts(50)), (vec![1], vec![1, 10]));
        assert_eq!(cuts(100), [1, 10, 100]);
    }
}
