use super::super::filter::Filter;
use super::super::fixture::{self, Data};
use super::super::growing::Growing;
use super::super::space::{align, width};
use super::super::truth::{Asked, Truth};
use super::super::vectors::VectorFault;
use super::*;
use tokgate_core::case::Similarity;
use tokgate_core::share::Share;

const ROWS: usize = 10_000;
const QUERIES: usize = 100;
const K: usize = 10;

fn knobs(ef_search: u32) -> Knobs {
    Knobs { rescore: 30, probes: 0, graph: shaped(16, 64, ef_search) }
}

fn shaped(m: u32, ef_construction: u32, ef_search: u32) -> Option<Graph> {
    Some(Graph { shape: Shape { m, ef_construction, ef_search }, euclidean: None })
}

fn data() -> Data {
    fixture::data(ROWS, QUERIES, 64)
}

fn build(rows: &Arc<Vectors>, ef_search: u32) -> Hnsw {
    Hnsw::build(Arc::clone(rows), knobs(ef_search)).unwrap()
}

/// The same rows, from one to so many times as long.
fn uneven(rows: &Vectors, most: f32) -> Arc<Vectors> {
    let length = |row: usize| most.powf((row * 7919 % 1000) as f32 / 1000.0);
    let rows = rows.rows().enumerate();
    let values = rows.flat_map(|(number, row)| row.iter().map(move |it| it * length(number)));
    Arc::new(Vectors::new(64, values.collect()).unwrap())
}

fn search(index: &dyn VectorIndex, query: &[f32], k: usize) -> Vec<Neighbour> {
    let mut found = Vec::new();
    index.search(query, k, &mut found).unwrap();
    assert!(found.is_sorted());
    found
}

/// Numbers of rows, and the bits of their scores.
fn all_found(index: &dyn VectorIndex, queries: &Vectors) -> Vec<(u32, u32)> {
    let found = queries.rows().flat_map(|query| search(index, query, K));
    found.map(|row| (row.id, row.score.to_bits())).collect()
}

/// Share of the exact ten found, over all queries.
fn recall(index: &dyn VectorIndex, rows: &Vectors, queries: &Vectors) -> f64 {
    let truth = Truth::find(rows, queries, QUERIES);
    let hits = queries.rows().enumerate().map(|(number, vector)| {
        let found = search(index, vector, K);
        truth.hits(rows, Asked { number, vector }, &found)[1].found
    });
    f64::from(hits.sum::<u32>()) / (QUERIES * K) as f64
}

#[test]
fn nearly_all_neighbours_are_found_and_more_candidates_find_more() {
    let data = data();
    let built = build(&data.rows, 10);
    let reached = [10, 30, 100, 300]
        .map(|ef_search| recall(&*built.tuned(knobs(ef_search)), &data.rows, &data.queries));
    assert!(reached.is_sorted(), "{reached:?}");
    assert!(reached[0] < 0.9 && reached[2] >= 0.97 && reached[3] >= 0.99, "{reached:?}");
}

/// Built by 64 threads from the start on, it would be 0.98, and 0.95 at the worst.
#[test]
fn many_threads_link_rows_as_well_as_one() {
    let data = data();
    let by = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        recall(&pool.install(|| build(&data.rows, 300)), &data.rows, &data.queries)
    };
    let (alone, together) = (by(1), (0..3).map(|_| by(64)));
    for reached in together {
        assert!((reached - alone).abs() <= 0.005, "recall@10 {reached} for {alone}");
    }
}

#[test]
fn rows_of_unequal_lengths_are_found_as_well() {
    let Data { rows, queries } = data();
    let rows = uneven(&rows, 16.0);
    let reached = recall(&build(&rows, 100), &rows, &queries);
    // Linked by angles or by distances, it would be 0.71 or less.
    assert!(reached >= 0.97, "recall@10 {reached}");
}

/// Rows and queries whose products have the order of their distances.
fn by_distances() -> (Arc<Vectors>, Vectors) {
    let Data { rows, queries } = data();
    let wide = width(Similarity::L2, 64);
    let padded = |rows: &Vectors| -> Vec<f32> {
        rows.rows().flat_map(|row| [row, &vec![0.0; wide - 64]].concat()).collect()
    };
    let mut values = padded(&uneven(&rows, 2.0));
    let mut asked = padded(&uneven(&queries, 2.0));
    assert!(align(Similarity::L2, 64, &mut values, &mut asked));
    (Arc::new(Vectors::new(wide, values).unwrap()), Vectors::new(wide, asked).unwrap())
}

fn by_distance(own: usize) -> Knobs {
    let graph = shaped(16, 64, 100).map(|graph| Graph { euclidean: Some(own), ..graph });
    Knobs { graph, ..knobs(100) }
}

#[test]
fn rows_by_their_distances_are_linked_by_them() {
    let (rows, queries) = by_distances();
    let index = Hnsw::build(Arc::clone(&rows), by_distance(64)).unwrap();
    let reached = recall(&index, &rows, &queries);
    // Linked by the products that have their order, it would be 0.92.
    assert!(reached >= 0.95, "recall@10 {reached}");
    let loaded = Hnsw::load(Arc::clone(&rows), by_distance(64), &kept(&index)).unwrap();
    assert_eq!(all_found(&loaded, &queries), all_found(&index, &queries));
    let none = Hnsw::build(rows, by_distance(72)).err().unwrap().to_string();
    assert!(none.contains("rows of 72 components have none behind 72"), "{none}");
}

#[test]
fn scores_are_products_whatever_rows_are_linked_by() {
    let ((rows, queries), plain) = (by_distances(), data());
    let index = Hnsw::build(Arc::clone(&rows), by_distance(64)).unwrap();
    let unit = build(&plain.rows, 100);
    for (index, queries) in [(index, &queries), (unit, &plain.queries)] {
        let coarse = index.tuned(Knobs { rescore: 0, ..knobs(100) });
        for query in queries.rows() {
            let allowed = 0.02 * dot(query, query);
            for found in search(&*coarse, query, K) {
                let exact = index.score(query, found.id);
                assert!((found.score - exact).abs() < allowed, "{} for {exact}", found.score);
            }
        }
    }
}

#[test]
fn a_rescore_corrects_what_16_bits_do_not_tell_apart() {
    let data = data();
    let built = build(&data.rows, 300);
    let reached = |rescore| {
        let tuned = built.tuned(Knobs { rescore, ..knobs(300) });
        recall(&*tuned, &data.rows, &data.queries)
    };
    assert!(reached(0) < reached(30), "{} of {}", reached(0), reached(30));
    assert_eq!(built.precision(), "bfloat16, rescored in f32");
    assert_eq!(built.tuned(Knobs { rescore: 0, ..knobs(300) }).precision(), "bfloat16");
}

#[test]
fn two_searches_of_one_graph_keep_their_own_numbers_of_candidates() {
    let data = data();
    let narrow = build(&data.rows, 10);
    let alone = all_found(&narrow, &data.queries);
    let wide = narrow.tuned(knobs(300));
    assert_ne!(all_found(&*wide, &data.queries), alone);
    assert_eq!(all_found(&narrow, &data.queries), alone);
}

fn kept(index: &Hnsw) -> Vec<u8> {
    let mut bytes = Vec::new();
    index.save(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, index.bytes());
    bytes
}

#[test]
fn one_that_was_kept_finds_bit_by_bit_what_it_found_when_it_was_built() {
    let Data { rows, queries } = data();
    for rows in [uneven(&rows, 16.0), rows] {
        let built = build(&rows, 50);
        let loaded = Hnsw::load(Arc::clone(&rows), knobs(50), &kept(&built)).unwrap();
        assert_eq!(all_found(&loaded, &queries), all_found(&built, &queries));
        assert_eq!(kept(&loaded), kept(&built));
    }
}

#[test]
fn what_is_kept_depends_on_how_it_was_built_and_not_on_how_it_is_searched() {
    let recipe = |m, ef_construction, ef_search| {
        Hnsw::recipe(Knobs { graph: shaped(m, ef_construction, ef_search), ..knobs(1) }).unwrap()
    };
    let usual = recipe(16, 64, 100);
    assert_eq!(usual, recipe(16, 64, 10));
    assert!(usual != recipe(24, 64, 100) && usual != recipe(16, 128, 100));
    assert_eq!(usual.engine, format!("usearch {}", usearch::version()));
    assert!(include_str!("../../../../Cargo.toml").contains("usearch = { version = \"=2.26.6\""));
}

/// Why bytes are refused.
fn refusal(rows: &Arc<Vectors>, bytes: &[u8]) -> String {
    Hnsw::load(Arc::clone(rows), knobs(50), bytes).err().expect("a refusal").to_string()
}

#[test]
fn a_graph_with_other_numbers_or_over_other_rows_is_refused() {
    let Data { rows, .. } = fixture::data(500, 1, 64);
    let bytes = kept(&build(&rows, 50));
    let fewer = Arc::new(rows.first(499));
    assert!(refusal(&fewer, &bytes).contains("it has 500 rows of 128 bytes, not 499 of 128"));
    let by_distance = Hnsw::load(Arc::clone(&rows), by_distance(63), &bytes).err().unwrap();
    assert!(by_distance.to_string().contains("not 500 of 126"), "{by_distance}");
    let fewer_links = Knobs { graph: shaped(8, 64, 50), ..knobs(50) };
    let other = Hnsw::load(Arc::clone(&rows), fewer_links, &bytes);
    assert!(other.err().unwrap().to_string().contains("16 and 32 links"));
    assert!(refusal(&rows, &[&bytes[..], b"x"].concat()).contains("1 bytes follow its end"));
    for length in (0..bytes.len()).step_by(997) {
        assert!(!refusal(&rows, &bytes[..length]).is_empty());
    }
}

#[test]
fn links_that_lead_nowhere_are_refused_before_they_are_followed() {
    let Data { rows, .. } = fixture::data(500, 1, 64);
    let good = kept(&build(&rows, 50));
    let graph_at = 8 + 500 * 128 + 64;
    let nodes_at = graph_at + 40 + 500 * 2;
    let refused = |place: usize, bytes: &[u8]| {
        let mut forged = good.clone();
        forged[place..][..bytes.len()].copy_from_slice(bytes);
        refusal(&rows, &forged)
    };
    assert!(refused(nodes_at + 14, &[0xff; 4]).contains("a link leads to place 4294967295"));
    assert!(refused(nodes_at + 10, &33u32.to_le_bytes()).contains("33 links where 32 have room"));
    assert!(refused(nodes_at, &500u64.to_le_bytes()).contains("500 of what 499 are possible"));
    assert!(refused(nodes_at + 8, &[9, 0]).contains("has two levels"));
    assert!(refused(graph_at + 40, &[0xff; 2]).contains("a row has level -1"));
    assert!(refused(graph_at + 32, &500u64.to_le_bytes()).contains("row 500 does not lead"));
    assert!(refused(graph_at + 24, &[99]).contains("into layer 99"));
    assert!(refused(graph_at - 64, b"U").contains("its head"));
    assert!(refused(8, &[0x80, 0x7f]).contains("no number"));
}

#[test]
fn queries_that_cannot_be_answered_are_refused() {
    let Data { rows, queries } = fixture::data(100, 1, 64);
    let index = build(&rows, 50);
    let refused = |query: &[f32], k| index.search(query, k, &mut Vec::new()).unwrap_err();
    let mut not_a_number = queries.row(0).to_vec();
    not_a_number[5] = f32::NAN;
    assert!(refused(&not_a_number, K).to_string().contains("component 5 is NaN"));
    assert_eq!(refused(&[0.0; 64], K), SearchError::Query(VectorFault::Zero));
    for k in [0, 101] {
        assert_eq!(refused(queries.row(0), k), SearchError::Neighbours { k, rows: 100 });
    }
    let none = Hnsw::build(rows, Knobs { graph: None, ..knobs(1) }).err().unwrap();
    assert!(none.to_string().contains("hnsw refuses the vectors: no graph is asked for"), "{none}");
}

#[test]
fn all_rows_can_be_asked_for_even_when_they_are_the_same() {
    let Data { rows, queries } = fixture::data(400, 1, 64);
    let same = Arc::new(Vectors::new(64, rows.row(0).repeat(400)).unwrap());
    let one = Arc::new(rows.first(1));
    for rows in [rows, same, one] {
        let found = search(&build(&rows, 1), queries.row(0), rows.len());
        let mut ids: Vec<u32> = found.iter().map(|row| row.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, (0..rows.len() as u32).collect::<Vec<_>>());
    }
}

#[test]
fn filtered_only_rows_that_pass_are_found_and_nearly_all_of_them() {
    let data = data();
    let index = build(&data.rows, 100);
    let walks = index.tuned(Knobs { rescore: 0, ..knobs(100) });
    for share in [1.0, 0.5, 0.1, 0.01, 0.002] {
        let filter = Filter { seed: 42, share: Share::of(share).unwrap() };
        let among = Matching::of(filter, ROWS as u32);
        for (index, least) in [(&index as &dyn VectorIndex, 0.97), (&*walks, 0.9)] {
            let hits = data.queries.rows().map(|query| {
                let best = nearest_of(query, K, &data.rows, among.rows());
                let mut found = Vec::new();
                index.search_among(query, K, &among, &mut found).unwrap();
                assert!(found.len() == K && found.iter().all(|row| filter.passes(row.id)));
                found.iter().filter(|row| best.iter().any(|best| best.id == row.id)).count()
            });
            let reached = hits.sum::<usize>() as f64 / (QUERIES * K) as f64;
            assert!(reached >= least, "{share}: recall@10 {reached} of {least}");
        }
        let too_many = among.rows().len() + 1;
        let refused = index.search_among(data.queries.row(0), too_many, &among, &mut Vec::new());
        let neighbours = SearchError::Neighbours { k: too_many, rows: too_many - 1 };
        assert_eq!(refused.unwrap_err(), neighbours);
    }
}

#[test]
fn few_rows_that_pass_are_compared_and_many_are_walked_to() {
    let data = data();
    let index = build(&data.rows, 100);
    let few = |share, rescore| {
        let filter = Filter { seed: 42, share: Share::of(share).unwrap() };
        Hnsw { rescore, ..index.clone() }.are_few(&Matching::of(filter, ROWS as u32))
    };
    // The root of 100 candidates among 10 000 rows: 1000 rows pass one in ten.
    assert!(few(0.08, 30) && !few(0.12, 30) && !few(0.08, 0));
}

#[test]
fn many_threads_find_what_one_finds() {
    let data = data();
    let index = build(&data.rows, 50);
    let alone = all_found(&index, &data.queries);
    std::thread::scope(|scope| {
        let searches = || (0..3).all(|_| all_found(&index, &data.queries) == alone);
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(searches)).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}

#[test]
fn rows_that_come_later_are_found_and_those_held_back_are_not() {
    let Data { rows, queries } = data();
    for rows in [uneven(&rows, 16.0), rows] {
        let built = build(&Arc::new(rows.first(ROWS - 1000)), 100);
        let growing = Growing::new(Box::new(built), Arc::clone(&rows), ROWS - 1000);
        for count in [ROWS - 1000, ROWS - 500, ROWS] {
            while growing.inserted() < count {
                assert!(growing.insert().unwrap());
            }
            let all: Vec<u32> = (0..count as u32).collect();
            let hits = queries.rows().map(|query| {
                let (best, mut found) = (nearest_of(query, K, &rows, &all), Vec::new());
                growing.search(query, K, &mut found).unwrap();
                found.iter().filter(|row| best.iter().any(|best| best.id == row.id)).count()
            });
            let reached = hits.sum::<usize>() as f64 / (QUERIES * K) as f64;
            assert!(reached >= 0.97, "{count} rows: recall@10 {reached}");
        }
    }
}

#[test]
fn searches_beside_inserts_see_every_row_that_was_inserted_before_them() {
    let Data { rows, .. } = fixture::data(3000, 1, 64);
    let built = build(&Arc::new(rows.first(2500)), 100);
    let growing = Growing::new(Box::new(built), Arc::clone(&rows), 2500);
    std::thread::scope(|scope| {
        scope.spawn(|| while growing.insert().unwrap() {});
        while growing.held_back() > 0 {
            let (last, mut found) = (growing.inserted() - 1, Vec::new());
            growing.search(rows.row(last), 1, &mut found).unwrap();
            assert_eq!(found[0].id as usize, last);
        }
    });
}

#[test]
fn one_that_has_grown_is_not_kept_and_one_that_is_shared_does_not_grow() {
    let Data { rows, .. } = fixture::data(300, 1, 64);
    let mut index = build(&Arc::new(rows.first(200)), 50);
    let shared = index.tuned(knobs(10));
    let refused = index.grow(Arc::clone(&rows)).unwrap_err().to_string();
    assert!(refused.contains("its graph is shared with another index"), "{refused}");
    drop(shared);
    index.grow(rows).unwrap();
    let unkept = index.save(&mut Vec::new()).unwrap_err().to_string();
    assert_eq!(unkept, "hnsw has grown; only what was built is kept");
}
