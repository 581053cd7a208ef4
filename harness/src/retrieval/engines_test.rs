//! What every engine owes, checked against a plain loop and against one another.

use super::best::Neighbour;
use super::filter::{Filter, Matching};
use super::fixture::{self, Data};
use super::flat::Flat;
use super::flat_q4::FlatQ4;
use super::index::{Knobs, SearchError, VectorIndex};
use super::ivf_sq8::IvfSq8;
use super::truth::{Asked, Truth};
use super::vectors::{VectorFault, Vectors};
use std::sync::Arc;
use tokgate_core::share::Share;

const ROWS: usize = 20_000;
const QUERIES: usize = 50;
const K: usize = 10;

fn data(rows: usize, dimensions: u32) -> Data {
    fixture::data(rows, QUERIES, dimensions)
}

fn engines(rows: &Arc<Vectors>) -> [Box<dyn VectorIndex>; 3] {
    let knobs = Knobs { rescore: 30, probes: 64, graph: None };
    [
        Box::new(Flat::build(Arc::clone(rows), knobs).unwrap()),
        Box::new(FlatQ4::build(Arc::clone(rows), knobs).unwrap()),
        Box::new(IvfSq8::build(Arc::clone(rows), knobs).unwrap()),
    ]
}

fn search(index: &dyn VectorIndex, query: &[f32], k: usize) -> Result<Vec<Neighbour>, SearchError> {
    let mut found = Vec::new();
    index.search(query, k, &mut found).map(|()| found)
}

/// Share of the exact ten found, over all queries.
fn recall(index: &dyn VectorIndex, data: &Data, truth: &Truth) -> f64 {
    let hits = data.queries.rows().enumerate().map(|(number, vector)| {
        let found = search(index, vector, K).unwrap();
        truth.hits(&data.rows, Asked { number, vector }, &found)[1].found
    });
    f64::from(hits.sum::<u32>()) / (QUERIES * K) as f64
}

#[test]
fn the_reference_finds_the_ids_of_a_plain_loop_in_double_precision() {
    let data = data(3000, 64);
    let flat =
        Flat::build(Arc::clone(&data.rows), Knobs { rescore: 0, probes: 0, graph: None }).unwrap();
    for query in data.queries.rows() {
        let cosine = |row: &[f32]| {
            row.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        let mut naive: Vec<f64> = data.rows.rows().map(cosine).collect();
        let found = search(&flat, query, K).unwrap();
        let named: Vec<f64> = found.iter().map(|neighbour| naive[neighbour.id as usize]).collect();
        naive.sort_by(|a, b| b.total_cmp(a));
        assert!(named.iter().zip(&naive).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn the_reference_finds_all_and_the_others_nearly_all() {
    let data = data(ROWS, 128);
    let truth = Truth::find(&data.rows, &data.queries, QUERIES);
    let [flat, flat_q4, ivf_sq8] = engines(&data.rows);
    assert_eq!(recall(&*flat, &data, &truth), 1.0);
    // The mixture has more clusters than so few rows have cells.
    for (index, least) in [(flat_q4, 0.99), (ivf_sq8, 0.94)] {
        let reached = recall(&*index, &data, &truth);
        assert!(reached >= least, "{}: recall@10 {reached}", index.name());
    }
}

#[test]
fn many_rows_of_which_signs_leave_a_few_are_found_as_well() {
    let data = data(70_000, 128);
    let truth = Truth::find(&data.rows, &data.queries, QUERIES);
    let knobs = Knobs { rescore: 30, probes: 0, graph: None };
    let index = FlatQ4::build(Arc::clone(&data.rows), knobs).unwrap();
    let reached = recall(&index, &data, &truth);
    assert!(reached >= 0.99, "recall@10 {reached}");
}

#[test]
fn more_candidates_to_rescore_find_no_less() {
    let data = data(ROWS, 128);
    let truth = Truth::find(&data.rows, &data.queries, QUERIES);
    let reached: Vec<f64> = [0, 10, 20, 40, 200]
        .map(|rescore| {
            let index =
                FlatQ4::build(Arc::clone(&data.rows), Knobs { rescore, probes: 0, graph: None })
                    .unwrap();
            recall(&index, &data, &truth)
        })
        .to_vec();
    assert!(reached.is_sorted(), "{reached:?}");
    assert!(reached[0] < 0.99 && reached[4] > 0.999, "the knob does nothing: {reached:?}");
}

#[test]
fn more_cells_find_no_less() {
    let data = data(ROWS, 128);
    let truth = Truth::find(&data.rows, &data.queries, QUERIES);
    let reached = [1, 4, 16, 256].map(|probes| {
        let knobs = Knobs { rescore: 30, probes, graph: None };
        recall(&IvfSq8::build(Arc::clone(&data.rows), knobs).unwrap(), &data, &truth)
    });
    assert!(reached.is_sorted(), "{reached:?}");
    assert!(reached[0] < 0.8 && reached[3] > 0.99, "the knob does nothing: {reached:?}");
}

fn filter(share: f64) -> Filter {
    Filter { seed: 42, share: Share::of(share).unwrap() }
}

/// Share of the ten rows that a plain loop in double precision finds among those that pass, by
/// score. Nothing else may be found.
fn filtered_recall(index: &dyn VectorIndex, data: &Data, filter: Filter) -> f64 {
    let among = Matching::of(filter, data.rows.len() as u32);
    let passing = || (0..data.rows.len() as u32).filter(|row| filter.passes(*row));
    let hits = data.queries.rows().map(|query| {
        let product = |row: u32| -> f64 {
            let row = data.rows.row(row as usize);
            row.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let mut naive: Vec<f64> = passing().map(product).collect();
        naive.sort_by(|a, b| b.total_cmp(a));
        let mut found = Vec::new();
        index.search_among(query, K, &among, &mut found).unwrap();
        assert!(found.len() == K && found.iter().all(|row| filter.passes(row.id)));
        found.iter().filter(|row| product(row.id) >= naive[K - 1] - 1e-6).count()
    });
    hits.sum::<usize>() as f64 / (QUERIES * K) as f64
}

#[test]
fn filtered_the_reference_finds_all_of_a_plain_loop_and_the_others_nearly_all() {
    let data = data(ROWS, 128);
    let [flat, flat_q4, _] = engines(&data.rows);
    for share in [1.0, 0.1, 0.01] {
        let reached = |index: &dyn VectorIndex| filtered_recall(index, &data, filter(share));
        assert_eq!(reached(&*flat), 1.0, "{share}");
        assert!(reached(&*flat_q4) >= 0.99, "{share}");
    }
}

#[test]
fn a_filtered_inverted_file_needs_more_cells_and_finds_all_in_all_of_them() {
    let data = data(ROWS, 128);
    for share in [0.1, 0.01] {
        let reached = [1, 16, 64, 256].map(|probes| {
            let index =
                IvfSq8::build(Arc::clone(&data.rows), Knobs { rescore: 30, probes, graph: None })
                    .unwrap();
            filtered_recall(&index, &data, filter(share))
        });
        assert!(reached.is_sorted() && reached[3] > 0.99, "{share}: {reached:?}");
        assert!(reached[1] < 0.9, "{share}: {reached:?}");
    }
}

#[test]
fn filtered_signs_leave_enough_rows_that_pass() {
    let data = data(70_000, 128);
    let knobs = Knobs { rescore: 30, probes: 0, graph: None };
    let index = FlatQ4::build(Arc::clone(&data.rows), knobs).unwrap();
    for share in [0.5, 0.1, 0.01] {
        let reached = filtered_recall(&index, &data, filter(share));
        assert!(reached >= 0.99, "{share}: recall@10 {reached}");
    }
}

#[test]
fn a_filter_that_fewer_rows_pass_than_are_rescored_finds_all_of_them() {
    let data = data(ROWS, 128);
    let narrow = filter(0.0007);
    let passing = narrow.passing(ROWS as u32);
    assert!((K as u32..30).contains(&passing), "{passing}");
    for index in engines(&data.rows) {
        assert_eq!(filtered_recall(&*index, &data, narrow), 1.0, "{}", index.name());
        let among = Matching::of(narrow, ROWS as u32);
        let too_many = passing as usize + 1;
        let mut found = Vec::new();
        let refused = index.search_among(data.queries.row(0), too_many, &among, &mut found);
        let neighbours = SearchError::Neighbours { k: too_many, rows: passing as usize };
        assert_eq!(refused.unwrap_err(), neighbours);
    }
}

#[test]
fn a_filter_without_a_rescore_goes_by_the_codes_alone() {
    let data = data(ROWS, 128);
    let knobs = Knobs { rescore: 0, probes: 64, graph: None };
    let index = FlatQ4::build(Arc::clone(&data.rows), knobs).unwrap();
    let reached = filtered_recall(&index, &data, filter(0.01));
    assert!((0.5..1.0).contains(&reached), "rows were compared whole: {reached}");
}

#[test]
fn neighbours_come_best_first_and_a_row_is_its_own_nearest() {
    let data = data(2000, 64);
    for index in engines(&data.rows) {
        let found = search(&*index, data.rows.row(1234), K).unwrap();
        assert_eq!((found.len(), found[0].id), (K, 1234), "{}", index.name());
        assert!(found.is_sorted(), "{}", index.name());
    }
}

#[test]
fn queries_that_cannot_be_answered_are_refused() {
    let data = data(100, 64);
    let mut not_a_number = data.queries.row(0).to_vec();
    not_a_number[5] = f32::NAN;
    let mut infinite = data.queries.row(0).to_vec();
    infinite[0] = f32::NEG_INFINITY;
    for index in engines(&data.rows) {
        let refused = |query: &[f32], k: usize| search(&*index, query, k).unwrap_err();
        assert!(refused(&not_a_number, K).to_string().contains("component 5 is NaN"));
        assert!(refused(&infinite, K).to_string().contains("component 0 is -inf"));
        assert_eq!(refused(&[0.0; 64], K), SearchError::Query(VectorFault::Zero));
        let short = VectorFault::Length { expected: 64, got: 56 };
        assert_eq!(refused(&data.queries.row(0)[..56], K), SearchError::Query(short));
        for k in [0, 101] {
            assert_eq!(refused(data.queries.row(0), k), SearchError::Neighbours { k, rows: 100 });
        }
    }
}

#[test]
fn all_rows_can_be_asked_for() {
    let data = data(100, 64);
    for index in engines(&data.rows) {
        let mut ids: Vec<u32> =
            search(&*index, data.queries.row(0), 100).unwrap().iter().map(|n| n.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..100).collect::<Vec<_>>(), "{}", index.name());
    }
}

#[test]
fn the_size_is_that_of_what_is_scanned() {
    let data = data(1024, 64);
    let [flat, flat_q4, ivf_sq8] = engines(&data.rows);
    assert_eq!(flat.bytes(), 1024 * 64 * 4);
    assert_eq!(flat_q4.bytes(), 1024 * (64 / 2 + 4), "codes and a scale for each row");
    let cells = 32 * 64 * 4;
    assert_eq!(ivf_sq8.bytes(), 1024 * (64 + 4 + 4) + cells, "codes, a scale and a number");
}

#[test]
fn the_version_named_is_the_version_pinned() {
    let [_, flat_q4, _] = engines(&data(10, 64).rows);
    let pinned = flat_q4.engine().replace(' ', " = \"=") + "\"";
    assert!(include_str!("../../../Cargo.toml").contains(&pinned), "{pinned}");
}
