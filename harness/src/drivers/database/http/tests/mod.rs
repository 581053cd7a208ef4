//! The life of a collection behind HTTP, told by servers that play the six APIs strictly.

mod chroma;
mod elastic;
mod milvus;
mod qdrant;
mod server;
mod store;
mod weaviate;

use super::super::opened;
use super::preset::BUILT_IN;
use super::*;
use crate::clock::Clock;
use crate::driver::{Driver, Payload, Request};
use crate::drivers::retrieval::Corpora;
use crate::http::Deadlines;
use crate::recorder::Reply as Stamps;
use crate::retrieval::demand::Demand;
use crate::retrieval::fixture::case;
use crate::retrieval::vectorfile::surveyed;
use crate::stop::Stop;
use server::{Fault, KEY_FROM, Server};
use std::sync::Arc;
use tokgate_core::case::{
    Case, Dataset, DriverKind, Hnsw, QuerySource, Similarity, VectorFile, VectorKind, VectorSet,
    Workload,
};
use tokgate_core::record::Hits;
use tokgate_core::share::Share;

/// Components of the vectors that are played with: no multiple of what the engines want.
const DIMENSIONS: usize = 10;
const ROWS: usize = 300;
const GRAPH: Hnsw = Hnsw { m: 24, ef_construction: 80, ef_search: 100 };

/// Rows that are nearer or farther by each metric, written once.
fn file() -> String {
    static FOLDER: std::sync::OnceLock<tempfile::TempDir> = std::sync::OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        let mut state = 1_u64;
        for row in 0..ROWS + 50 {
            bytes.extend((DIMENSIONS as u32).to_le_bytes());
            for _ in 0..DIMENSIONS {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let value = (state >> 40) as f32 / (1 << 23) as f32 - 0.7;
                bytes.extend((value * (1.0 + row as f32 / 100.0)).to_le_bytes());
            }
        }
        std::fs::write(folder.path().join("rows.fvecs"), bytes).unwrap();
        folder
    });
    folder.path().join("rows.fvecs").to_str().unwrap().to_owned()
}

fn asked_of(preset: &str, port: u16, metric: Similarity, hnsw: Option<Hnsw>) -> Case {
    let mut case = case(ROWS as u32, 64);
    let queries = QuerySource::HeldOut(50);
    let kind = VectorKind::File(VectorFile {
        path: file(),
        queries,
        metric,
        column: None,
        contents: None,
    });
    let set = VectorSet::new(kind, ROWS as u32, 0);
    case.dataset = Dataset::Vectors(surveyed(&set).unwrap());
    case.target.driver = DriverKind::VectorHttp;
    case.target.preset = Some(preset.to_owned());
    case.target.base_url = Some(format!("http://127.0.0.1:{port}"));
    case.retrieval.as_mut().unwrap().hnsw = hnsw;
    case.workload = Workload::closed(2, 1, 50, 10);
    case
}

async fn open(case: &Case) -> Result<Arc<dyn Driver>, OpenError> {
    let asked = Asked { case, demand: Demand::of(case)?, deadlines: Deadlines::of(case) };
    opened(Http::of(&asked)?, asked, &mut Corpora::default(), &Stop::default()).await
}

async fn ask(driver: &Arc<dyn Driver>, index: u32) -> Result<Vec<Hits>, Failure> {
    let request = Request { ordinal: 0, seed: 0, payload: Payload::Query { index } };
    let reply = Stamps::new(Clock::start());
    let answer = driver.send(&request, &reply).await?;
    assert_eq!(reply.take().events.len(), 1);
    Ok(answer.neighbours.unwrap().hits)
}

async fn is_exact(driver: &Arc<dyn Driver>) -> bool {
    let mut all = true;
    for index in 0..20 {
        let hits = ask(driver, index).await.unwrap();
        all &= hits == [Hits { k: 1, found: 1 }, Hits { k: 10, found: 10 }];
    }
    all
}

#[tokio::test]
async fn every_preset_finds_what_is_near_by_every_metric_and_leaves_nothing() {
    for (preset, _) in BUILT_IN {
        for metric in [Similarity::Cosine, Similarity::Dot, Similarity::L2] {
            let server = Server::start(preset, Fault::None);
            let case = asked_of(preset, server.port, metric, Some(GRAPH));
            let driver = open(&case).await.unwrap_or_else(|error| panic!("{preset}: {error}"));
            assert!(is_exact(&driver).await, "{preset}, {metric:?}");
            let name = server.collections().pop().unwrap();
            let held = server.store.lock().unwrap().collections[&name].graph;
            assert_eq!(held, Some((24, 80)), "{preset}");
            drop(driver);
            assert!(server.collections().is_empty(), "{preset}");
        }
    }
}

#[tokio::test]
async fn every_preset_that_can_reads_every_row_where_that_is_asked() {
    for (preset, _) in BUILT_IN.iter().filter(|(preset, _)| *preset != "chroma") {
        for metric in [Similarity::Cosine, Similarity::Dot, Similarity::L2] {
            let server = Server::start(preset, Fault::None);
            let case = asked_of(preset, server.port, metric, None);
            let driver = open(&case).await.unwrap_or_else(|error| panic!("{preset}: {error}"));
            assert!(is_exact(&driver).await, "{preset}, {metric:?}");
            assert!(server.store.lock().unwrap().collections.values().all(|it| it.is_exact));
        }
    }
}

#[tokio::test]
async fn a_filter_goes_to_the_database_with_every_rows_attribute_or_is_refused() {
    for (preset, _) in BUILT_IN {
        for hnsw in [Some(GRAPH), None].into_iter().filter(|it| preset != "chroma" || it.is_some())
        {
            let server = Server::start(preset, Fault::None);
            let mut case = asked_of(preset, server.port, Similarity::Cosine, hnsw);
            case.retrieval.as_mut().unwrap().filter_share = Share::of(0.2);
            let opened = open(&case).await;
            if preset != "qdrant" {
                let error = opened.err().unwrap().to_string();
                assert!(error.contains("does not say how"), "{error}");
                assert_eq!(server.store.lock().unwrap().parts, 0);
                continue;
            }
            let driver = opened.unwrap();
            assert!(is_exact(&driver).await, "{hnsw:?}");
            assert_eq!(driver.identity().config["filter_share"], json!(0.2));
        }
    }
}

#[tokio::test]
async fn it_says_who_it_is_and_what_preparing_took() {
    for (preset, engine) in [
        ("qdrant", "Qdrant 1.15.1"),
        ("milvus", "Milvus of unknown version"),
        ("weaviate", "Weaviate 1.30.0"),
        ("chroma", "Chroma 1.0.0"),
        ("elasticsearch", "Elasticsearch 8.18.0"),
        ("opensearch", "OpenSearch 2.19.1"),
    ] {
        let server = Server::start(preset, Fault::None);
        let case = asked_of(preset, server.port, Similarity::Cosine, Some(GRAPH));
        let driver = open(&case).await.unwrap();
        let identity = driver.identity();
        assert_eq!(
            (identity.engine.as_str(), &identity.config["preset"]),
            (engine, &json!(preset))
        );
        assert_eq!(identity.platform, "retrieval-vector-http");
        let prepared = driver.preparation();
        assert!(prepared.ingest_s > Some(0.0));
        assert_eq!(prepared.build_s.is_some(), !matches!(preset, "weaviate" | "chroma"));
        let has_size = matches!(preset, "elasticsearch" | "opensearch");
        assert_eq!(prepared.index_bytes, has_size.then_some(4096));
        ask(&driver, 0).await.unwrap();
        assert!(driver.after().await.last.config.contains_key("receive_stamps"));
    }
}

#[tokio::test]
async fn a_failed_ingest_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (preset, text) in BUILT_IN {
        let server = Server::start(preset, Fault::Ingest);
        // Parts of so few rows that there are several.
        let path = folder.path().join(format!("{preset}.toml"));
        std::fs::write(&path, format!("batch = {{ most_rows = 100 }}\n{text}")).unwrap();
        let path = path.to_str().unwrap();
        let case = asked_of(path, server.port, Similarity::Cosine, Some(GRAPH));
        let error = open(&case).await.err().unwrap().to_string();
        assert!(error.contains("500") && error.contains("disk is full"), "{preset}: {error}");
        assert_eq!(server.store.lock().unwrap().parts, 2);
        assert!(server.collections().is_empty(), "{preset}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_the_failure_of_that_query() {
    for (fault, class, words) in [
        (Fault::Torn, FailureClass::Truncated, ""),
        (Fault::NoJson, FailureClass::Malformed, "no JSON"),
        (Fault::TooFew, FailureClass::Malformed, "9 neighbours where 10"),
        (Fault::Stranger, FailureClass::Malformed, "row 1000000 of 300: it was never sent"),
        (Fault::Empty, FailureClass::Malformed, "nothing at /"),
    ] {
        for (preset, _) in BUILT_IN {
            let server = Server::start(preset, fault);
            let case = asked_of(preset, server.port, Similarity::Cosine, Some(GRAPH));
            let driver = open(&case).await.unwrap();
            let failure = ask(&driver, 0).await.unwrap_err();
            assert!(failure.message.contains(words), "{preset}, {fault:?}: {failure}");
            let said = fault == Fault::Empty && failure.class == FailureClass::Status;
            assert!(failure.class == class || said, "{preset}, {fault:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_search_that_hangs_ends_with_its_deadline() {
    let server = Server::start("qdrant", Fault::Hang);
    let mut case = asked_of("qdrant", server.port, Similarity::Cosine, Some(GRAPH));
    case.target.deadlines.head_s = Some(0.05);
    let driver = open(&case).await.unwrap();
    assert_eq!(ask(&driver, 0).await.unwrap_err().class, FailureClass::TimeoutHead);
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_made_anew() {
    let server = Server::start("qdrant", Fault::HangsUp);
    let case = asked_of("qdrant", server.port, Similarity::Cosine, Some(GRAPH));
    let driver = open(&case).await.unwrap();
    assert!(is_exact(&driver).await);
}

#[tokio::test]
async fn the_key_goes_into_the_header_that_the_preset_names() {
    for (preset, _) in BUILT_IN {
        let server = Server::start(preset, Fault::Locked);
        let mut case = asked_of(preset, server.port, Similarity::Cosine, Some(GRAPH));
        let error = open(&case).await.err().unwrap().to_string();
        assert!(error.contains("401"), "{preset}: {error}");
        case.target.api_key_env = Some(KEY_FROM.to_owned());
        assert!(is_exact(&open(&case).await.unwrap()).await, "{preset}");
        case.target.api_key_env = Some("CARGO_MANIFEST_DIR".to_owned());
        let key = std::env::var("CARGO_MANIFEST_DIR").unwrap();
        let error = open(&case).await.err().unwrap().to_string();
        assert!(error.contains("[key]") && !error.contains(&key), "{preset}: {error}");
    }
}

#[tokio::test]
async fn what_a_killed_run_has_left_is_removed_and_nothing_else() {
    for (preset, _) in BUILT_IN {
        let server = Server::start(preset, Fault::None);
        let capital = preset == "weaviate";
        let old = theirs(&name::dated(1_000_000_000), capital);
        let (alive, mine) = (Claim::fresh(), "tokgate_vectors_mine".to_owned());
        let kept = [theirs(&alive.name, capital), theirs(&mine, capital)];
        for name in kept.iter().chain([&old]) {
            let made = store::Collection::new(8, store::Metric::Dot, None);
            server.store.lock().unwrap().collections.insert(name.clone(), made);
        }
        let case = asked_of(preset, server.port, Similarity::Cosine, Some(GRAPH));
        drop(open(&case).await.unwrap());
        let mut left = server.collections();
        left.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(left, kept, "{preset}");
    }
}

#[tokio::test]
async fn where_nobody_listens_the_address_and_what_to_start_are_said() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let case = asked_of("chroma", free, Similarity::Cosine, Some(GRAPH));
    let error = open(&case).await.err().unwrap().to_string();
    let words = format!("start Chroma 1.0 or later at 127.0.0.1:{free} (`chroma run`)");
    assert!(error.contains(&words), "{error}");
}

#[tokio::test]
async fn another_database_than_the_presets_is_told_from_it() {
    let server = Server::start("elasticsearch", Fault::None);
    let case = asked_of("opensearch", server.port, Similarity::Cosine, Some(GRAPH));
    let error = open(&case).await.err().unwrap().to_string();
    assert!(error.contains("nothing at /version/distribution"), "{error}");
}

#[tokio::test]
async fn a_case_without_a_preset_or_a_user_in_the_address_is_refused() {
    let mut case = asked_of("qdrant", 1, Similarity::Cosine, Some(GRAPH));
    case.target.base_url = Some("http://me@127.0.0.1:1".to_owned());
    assert!(open(&case).await.err().unwrap().to_string().contains("holds a user"));
    case.target.preset = None;
    assert!(open(&case).await.err().unwrap().to_string().contains("preset = \"qdrant\""));
}
