//! Cases from their opening to the answers of their searchers.

use super::*;
use crate::clock::Clock;
use crate::driver::{Payload, WARMUP_QUERIES};
use crate::retrieval::cache::Place;
use crate::retrieval::fixture::{case, search};
use futures_util::FutureExt;
use tokgate_core::case::{Retrieval, Workload};
use tokgate_core::dataset::Message;
use tokgate_core::failure::FailureClass;
use tokgate_core::record::{EventKind, Hits, Neighbours};
use tokgate_core::run::CacheUse;
use tokgate_core::share::Share;

fn query(index: u32) -> Request {
    Request { ordinal: 0, seed: 0, payload: Payload::Query { index } }
}

/// What was found; how long it took differs each time.
async fn ask(searcher: &Searcher, index: u32) -> Neighbours {
    let reply = Reply::new(Clock::start());
    let answer = searcher.send(&query(index), &reply).await.unwrap();
    Neighbours { cpu_ns: None, ..answer.neighbours.unwrap() }
}

#[tokio::test]
async fn a_query_leaves_one_content_event_its_end_and_its_hits() {
    let searcher = Corpora::default().open(&case(2000, 64)).unwrap();
    let reply = Reply::new(Clock::start());
    reply.sent();
    let answer = searcher.send(&query(0), &reply).await.unwrap();
    let stamps = reply.take();
    assert_eq!(stamps.events.len(), 1);
    assert_eq!(stamps.events[0].kind, EventKind::Content);
    assert!(stamps.events[0].at > stamps.sent && stamps.done == Some(stamps.events[0].at));
    let neighbours = answer.neighbours.unwrap();
    assert_eq!(neighbours.ids.len(), 10);
    assert_eq!(neighbours.cpu_ns.is_some(), cfg!(target_os = "linux"));
    assert_eq!(neighbours.hits, [Hits { k: 1, found: 1 }, Hits { k: 10, found: 10 }]);
}

#[tokio::test]
async fn a_filtered_case_finds_rows_that_pass_and_says_so_and_shares_the_index() {
    let mut corpora = Corpora::default();
    drop(corpora.open(&case(2000, 64)).unwrap());
    for share in [0.1, 0.02] {
        let mut case = case(2000, 64);
        case.id = CaseId::new("retrieval", &format!("filtered {share}"), &[]);
        case.retrieval.as_mut().unwrap().filter_share = Share::of(share);
        let searcher = corpora.open(&case).unwrap();
        let filter = Demand::of(&case).unwrap().wanted.filter.unwrap();
        let neighbours = ask(&searcher, 0).await;
        assert!(neighbours.ids.iter().all(|row| filter.passes(*row)));
        assert_eq!(neighbours.hits, [Hits { k: 1, found: 1 }, Hits { k: 10, found: 10 }]);
        let config = searcher.identity().config;
        assert_eq!((&config["filter_share"], &config["filter_seed"]), (&json!(share), &json!(42)));
        assert!(searcher.preparation().index_kept);
    }
}

#[tokio::test]
async fn rows_come_in_while_queries_run_and_the_index_is_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { folder: folder.path().to_owned(), max_bytes: 1 << 30 };
    let mut corpora = Corpora::with_cache(Cache::at(place));
    for driver in [DriverKind::Flat, DriverKind::FlatQ4, DriverKind::IvfSq8] {
        let mut case = case(3000, 64);
        case.target.driver = driver;
        let search = case.retrieval.as_mut().unwrap();
        search.nprobe = Some(64);
        search.inserts = Some(Inserts { rate: 1_000_000, share: Share::of(0.2).unwrap() });
        let searcher = corpora.open(&case).unwrap();
        assert_eq!(searcher.preparation().cache, None);
        // Warming up inserts nothing, and what is held back is not found.
        let first = ask(&searcher, WARMUP_QUERIES).await;
        assert!(
            first.ids.iter().all(|row| *row < 2400) && searcher.after().await.inserted.is_none()
        );
        let (mut all, mut right, mut asked) = (Vec::new(), 0, 0);
        while !all.iter().any(|row| *row >= 2400) {
            for query in 0..50 {
                let found = ask(&searcher, query).await;
                right += found.hits.iter().map(|hits| hits.found).sum::<u32>();
                asked += found.hits.iter().map(|hits| hits.k).sum::<u32>();
                all.extend(found.ids);
            }
        }
        assert!(f64::from(right) >= 0.98 * f64::from(asked), "{driver:?}: {right} of {asked}");
        let inserted = searcher.after().await.inserted.unwrap();
        assert!((1..=600).contains(&inserted.rows) && inserted.seconds > 0.0);
        assert_eq!(searcher.identity().config["insert_rate"], json!(1_000_000));
    }
    let still = corpora.open(&case(3000, 64)).unwrap();
    assert!(!still.preparation().index_kept);
    assert_eq!(still.preparation().cache, Some(CacheUse::Miss));
}

#[tokio::test]
async fn only_queries_with_a_truth_have_hits() {
    let searcher = Corpora::default().open(&case(500, 64)).unwrap();
    assert_eq!(ask(&searcher, 49).await.hits.len(), 2);
    assert!(ask(&searcher, 50).await.hits.is_empty());
    assert!(ask(&searcher, WARMUP_QUERIES).await.hits.is_empty());
}

#[tokio::test]
async fn queries_come_again_after_the_last_and_warm_up_is_apart() {
    let searcher = Corpora::default().open(&case(500, 64)).unwrap();
    assert_eq!(ask(&searcher, 3).await, ask(&searcher, 103).await);
    assert_eq!(ask(&searcher, WARMUP_QUERIES + 3).await, ask(&searcher, WARMUP_QUERIES + 13).await);
    assert_ne!(ask(&searcher, 3).await.ids, ask(&searcher, WARMUP_QUERIES + 3).await.ids);
}

#[tokio::test]
async fn many_queries_at_once_are_all_answered() {
    let mut case = case(500, 64);
    case.workload = Workload::closed(3, 2, 40, 0);
    let searcher = Corpora::default().open(&case).unwrap();
    let answers = futures_util::future::join_all((0..40).map(|i| ask(&searcher, i))).await;
    assert!(answers.iter().all(|answer| answer.ids.len() == 10));
}

#[tokio::test]
async fn an_abandoned_query_that_still_waits_is_not_searched() {
    let searcher = Corpora::default().open(&case(500, 64)).unwrap();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    searcher.crew.submit(move || {
        let _ = blocked.recv();
    });
    let (abandoned, reply) = (query(0), Reply::new(Clock::start()));
    assert!(searcher.send(&abandoned, &reply).now_or_never().is_none());
    drop(release);
    // Queued after it, so that its turn has passed when this one is answered.
    ask(&searcher, 1).await;
    assert!(reply.take().events.is_empty());
}

#[tokio::test]
async fn a_prompt_is_refused() {
    let searcher = Corpora::default().open(&case(500, 64)).unwrap();
    let payload =
        Payload::Prompt { messages: vec![Message::user("hello")], max_tokens: 1, temperature: 0.0 };
    let reply = Reply::new(Clock::start());
    let request = Request { payload, ..query(0) };
    let failure = searcher.send(&request, &reply).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Engine);
    assert!(reply.take().events.is_empty());
}

#[test]
fn cases_over_the_same_data_share_it_and_others_do_not() {
    let mut corpora = Corpora::default();
    let mut data = |change: fn(&mut Case)| {
        let mut case = case(500, 64);
        change(&mut case);
        Arc::clone(&corpora.open(&case).unwrap().desk.exam.corpus)
    };
    let first = data(|_| ());
    assert!(Arc::ptr_eq(&first, &data(|case| case.target.driver = DriverKind::Flat)));
    let more = data(|case| {
        case.retrieval = Some(Retrieval { truth_queries: 90, ..search() });
    });
    assert_eq!((first.truth.value.len(), more.truth.value.len()), (50, 90));
    assert!(Arc::ptr_eq(&first.rows.vectors, &more.rows.vectors));
    let other = data(|case| case.run.seed = 43);
    assert!(!Arc::ptr_eq(&first.rows.vectors, &other.rows.vectors));
}

#[test]
fn cases_that_search_an_index_otherwise_share_it_and_epochs_build_their_own() {
    let mut corpora = Corpora::default();
    let mut prepared = |name: &str, change: fn(&mut Case)| {
        let mut case = case(500, 64);
        case.id = CaseId::new("retrieval", name, &[]);
        change(&mut case);
        corpora.open(&case).unwrap().preparation()
    };
    let rescore_20 = |case: &mut Case| {
        case.retrieval = Some(Retrieval { rescore: 20, ..search() });
    };
    let first = prepared("first", |_| ());
    let other = prepared("second", rescore_20);
    assert_eq!((first.index_kept, other.index_kept), (false, true));
    assert_eq!(first.build_s, other.build_s, "the time that building took");
    assert!(!prepared("first", |case| case.target.driver = DriverKind::IvfSq8).index_kept);
    assert!(!prepared("first", |case| case.target.driver = DriverKind::IvfSq8).index_kept);
    assert!(prepared("third", |case| case.target.driver = DriverKind::IvfSq8).index_kept);
    let other_rows = |case: &mut Case| {
        case.target.driver = DriverKind::IvfSq8;
        case.run.seed = 43;
    };
    assert!(!prepared("fourth", other_rows).index_kept);
}

/// A case of the engine that is a graph.
#[cfg(feature = "hnsw")]
fn graph_case(name: &str, m: u32, ef_search: u32) -> Case {
    let mut case = case(2000, 64);
    case.id = CaseId::new("retrieval", name, &[]);
    case.target.driver = DriverKind::Hnsw;
    let graph = Hnsw { m, ef_construction: 64, ef_search };
    case.retrieval = Some(Retrieval { hnsw: Some(graph), ..search() });
    case
}

#[cfg(feature = "hnsw")]
#[tokio::test]
async fn an_hnsw_graph_is_shared_by_cases_that_search_it_otherwise_and_kept_for_later_runs() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { folder: folder.path().to_owned(), max_bytes: 1 << 30 };
    let mut corpora = Corpora::with_cache(Cache::at(place.clone()));
    let first = corpora.open(&graph_case("first", 16, 100)).unwrap();
    let right = ask(&first, 0).await.hits;
    assert_eq!(right, [Hits { k: 1, found: 1 }, Hits { k: 10, found: 10 }]);
    let config = first.identity().config;
    let said = ["m", "ef_construction", "ef_search", "rescore"].map(|key| config[key].clone());
    assert_eq!(said, [json!(16), json!(64), json!(100), json!(30)]);
    let other = corpora.open(&graph_case("second", 16, 20)).unwrap().preparation();
    assert!(other.index_kept);
    let wider = corpora.open(&graph_case("third", 24, 20)).unwrap().preparation();
    assert_eq!((wider.index_kept, wider.cache), (false, Some(CacheUse::Miss)));
    let mut later = Corpora::with_cache(Cache::at(place));
    let later = later.open(&graph_case("first", 16, 50)).unwrap().preparation();
    assert_eq!(later.cache, Some(CacheUse::Hit));
    assert_eq!(later.build_s, first.preparation().build_s, "the time that building took");
}

#[cfg(feature = "hnsw")]
#[tokio::test]
async fn an_hnsw_graph_takes_rows_while_queries_run() {
    let mut case = graph_case("growing", 16, 100);
    let search = case.retrieval.as_mut().unwrap();
    search.inserts = Some(Inserts { rate: 1_000_000, share: Share::of(0.2).unwrap() });
    let searcher = Corpora::default().open(&case).unwrap();
    ask(&searcher, 0).await;
    let Index::Growing { growing, .. } = &searcher.desk.index else { panic!("it does not grow") };
    while growing.held_back() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(ask(&searcher, 1).await.hits.last(), Some(&Hits { k: 10, found: 10 }));
    assert_eq!(searcher.after().await.inserted.map(|it| it.rows), Some(400));
}

#[cfg(not(feature = "hnsw"))]
#[test]
fn a_build_without_hnsw_says_how_to_have_it_before_anything_is_generated() {
    let mut case = case(2000, 64);
    case.target.driver = DriverKind::Hnsw;
    let mut corpora = Corpora::default();
    let Err(OpenError::Unavailable(said)) = corpora.open(&case) else { panic!("it was opened") };
    assert!(said.contains("no `hnsw` index; build with `--features hnsw`"), "{said}");
    assert!(corpora.last.is_none());
}

#[test]
fn a_later_run_reads_the_index_and_says_how_long_building_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { folder: folder.path().to_owned(), max_bytes: 1 << 30 };
    let mut corpora = Corpora::with_cache(Cache::at(place.clone()));
    let first = corpora.open(&case(500, 64)).unwrap().preparation();
    assert_eq!((first.cache, first.truth_cache), (Some(CacheUse::Miss), Some(CacheUse::Miss)));
    // The same case again has its own index, which was kept by now.
    let again = corpora.open(&case(500, 64)).unwrap().preparation();
    assert_eq!((again.cache, again.index_kept), (Some(CacheUse::Hit), false));
    let mut later = Corpora::with_cache(Cache::at(place));
    let later = later.open(&case(500, 64)).unwrap().preparation();
    assert_eq!((later.cache, later.truth_cache), (Some(CacheUse::Hit), Some(CacheUse::Hit)));
    assert_eq!((later.build_s, later.truth_s), (first.build_s, first.truth_s));
    assert!(first.load_s.is_none() && later.load_s > Some(0.0));
}

#[test]
fn it_says_who_it_is_and_what_was_prepared() {
    let searcher = Corpora::default().open(&case(500, 64)).unwrap();
    let identity = searcher.identity();
    assert_eq!(identity.platform, "retrieval-flat-q4");
    assert_eq!(identity.model, "mixture-500x64-seed42");
    assert_eq!(identity.engine, "turbovec 1.1.2");
    assert_eq!(identity.config["rescore"], json!(30));
    let preparation = searcher.preparation();
    assert!(preparation.build_s > Some(0.0) && preparation.generate_s > Some(0.0));
    assert!(preparation.index_bytes > Some(500 * 32) && preparation.truth_s > Some(0.0));
    assert_eq!((preparation.cache, preparation.load_s), (Some(CacheUse::Off), None));
    assert_eq!(preparation.model_load_s, None);
}
