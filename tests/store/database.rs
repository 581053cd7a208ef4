//! The index: its columns, its writers, and what it refuses.

use super::fixture::*;
use rusqlite::Connection;
use std::path::Path;
use tokgate::store::{DatabaseError, FileStore, Layout, Store, StoreError};
use tokgate_core::run::{Ending, Run};

/// The columns that other tools know, with their types.
const GIVEN: &[(&str, &str)] = &[
    ("id", "INTEGER"),
    ("model_name", "TEXT NOT NULL"),
    ("model_size_params", "TEXT"),
    ("model_size_bytes", "INTEGER"),
    ("num_workers", "INTEGER NOT NULL"),
    ("context_window", "INTEGER"),
    ("num_requests", "INTEGER NOT NULL"),
    ("avg_prompt_tokens", "INTEGER"),
    ("avg_completion_tokens", "INTEGER"),
    ("total_time_seconds", "REAL NOT NULL"),
    ("requests_per_second", "REAL NOT NULL"),
    ("time_per_request_seconds", "REAL NOT NULL"),
    ("successful_requests", "INTEGER NOT NULL"),
    ("failed_requests", "INTEGER NOT NULL"),
    ("success_rate", "REAL NOT NULL"),
    ("sample_responses", "TEXT"),
    ("created_at", "INTEGER NOT NULL"),
    ("benchmark_type", "TEXT NOT NULL"),
    ("notes", "TEXT"),
    ("hardware_info", "TEXT"),
];

fn kept() -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(folder.path()), 0, "token_throughput");
    let layout = Layout::new(folder.path());
    (folder, layout)
}

fn refusal(layout: &Layout) -> DatabaseError {
    match FileStore::open(layout.clone()) {
        Err(StoreError::Database(error)) => error,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn one<T: rusqlite::types::FromSql>(path: &Path, column: &str) -> T {
    let sql = format!("SELECT {column} FROM benchmark_results ORDER BY id LIMIT 1");
    Connection::open(path).unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn the_table_has_every_column_that_other_tools_know() {
    let (_folder, layout) = kept();
    let connection = Connection::open(layout.database()).unwrap();
    let mut query = connection.prepare("PRAGMA table_info(benchmark_results)").unwrap();
    let columns: Vec<(String, String)> = query
        .query_map([], |row| {
            let kind: String = row.get("type")?;
            let null = if row.get("notnull")? { " NOT NULL" } else { "" };
            Ok((row.get("name")?, kind + null))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let given: Vec<(String, String)> =
        GIVEN.iter().map(|(name, kind)| (name.to_string(), kind.to_string())).collect();
    assert_eq!(columns[..given.len()], given);
}

#[test]
fn a_row_says_what_was_measured_in_the_columns_units() {
    let (_folder, layout) = kept();
    let path = layout.database();
    assert_eq!(one::<f64>(&path, "success_rate"), 95.0);
    assert_eq!(one::<i64>(&path, "created_at"), STARTED_US / 1_000_000);
    assert_eq!(one::<i64>(&path, "num_requests"), 20);
    assert_eq!(one::<i64>(&path, "num_workers"), 2);
    assert_eq!(one::<i64>(&path, "avg_prompt_tokens"), 128);
    let window: f64 = one(&path, "total_time_seconds");
    assert_eq!(one::<f64>(&path, "time_per_request_seconds"), window / 19.0);
    assert_eq!(one::<f64>(&path, "ttft_p50_s"), 0.004);
    assert_eq!(one::<Option<f64>>(&path, "query_p95_s"), None);
    let answers: Vec<String> =
        serde_json::from_str(&one::<String>(&path, "sample_responses")).unwrap();
    assert_eq!(answers, [answered(1).sample.unwrap(), answered(2).sample.unwrap()]);
}

#[test]
fn an_open_load_has_as_many_workers_as_were_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut run = run(head(0, "token_throughput", 0));
    let workload = serde_json::json!({
        "kind": "open", "warmup": 0, "arrivals": {
            "by": "rate", "spacing": "even",
            "shape": [{ "duration_s": 1.0, "from": 20.0, "to": 20.0 }]
        }
    });
    run.head.case.workload = serde_json::from_value(workload).unwrap();
    keep(&mut store, &run);
    assert_eq!(one::<i64>(&store.layout().database(), "num_workers"), 1);
}

#[test]
fn an_epoch_without_a_success_has_a_row_without_inventions() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let head = head(0, "token_throughput", 0);
    let nothing = Run {
        head,
        records: (1..4).map(failed).collect(),
        telemetry: Vec::new(),
        ending: Ending::Interrupted,
        after: None,
        client: None,
    };
    keep(&mut store, &nothing);
    let path = store.layout().database();
    assert_eq!(one::<f64>(&path, "requests_per_second"), 0.0);
    assert_eq!(one::<f64>(&path, "success_rate"), 0.0);
    let window = nothing.window_s().unwrap();
    assert_eq!(one::<f64>(&path, "time_per_request_seconds"), window);
    assert_eq!(one::<Option<f64>>(&path, "req_s"), None);
    assert_eq!(one::<Option<f64>>(&path, "ttft_p50_s"), None);
    assert_eq!(one::<Option<i64>>(&path, "avg_completion_tokens"), None);
}

#[test]
fn many_writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    many_write(|_| open(folder.path()), |_| {});
    let store = open(folder.path());
    many_are_kept(&store);
    store.look_through().unwrap();
}

const WRITERS: u32 = 8;
const EPOCHS: u32 = 6;

/// Threads that write at once, each into a store that it opens for itself and does something with at its end.
pub(crate) fn many_write<S: Store>(open: impl Fn(u32) -> S + Sync, end: impl Fn(&mut S) + Sync) {
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (open, end) = (&open, &end);
            scope.spawn(move || {
                let mut store = open(writer);
                for epoch in 0..EPOCHS {
                    keep(&mut store, &run(head(writer, "c", epoch)));
                }
                end(&mut store);
            });
        }
    });
}

/// Every epoch of theirs is there once.
pub(crate) fn many_are_kept(store: &impl Store) {
    assert_eq!(store.epochs(1000).unwrap().len() as u32, WRITERS * EPOCHS);
    assert_eq!(store.runs(1000).unwrap().len() as u32, WRITERS);
}

#[test]
fn runs_and_epochs_are_listed_and_shown() {
    let (folder, _) = kept();
    let mut store = open(folder.path());
    keep_case(&mut store, 1, "token_throughput");
    let runs = store.runs(10).unwrap();
    assert_eq!((runs.len(), runs[0].epochs, runs[0].valid_epochs, runs[0].cases), (2, 2, 2, 1));
    assert_eq!((runs[0].targets_met, runs[0].total_targets), (3, 3));
    assert_eq!(store.epochs(3).unwrap()[0].run_id, "run-1");
    assert_eq!(store.show("run-0").unwrap().len(), 2);
    let id = head(0, "token_throughput", 1).test_id;
    assert_eq!(store.show(&id).unwrap()[0].run.head.epoch, 1);
    assert!(matches!(store.show("../../etc/passwd"), Err(StoreError::Unknown(_))));
}

#[test]
fn a_damaged_index_is_refused_with_the_way_out_and_left_as_it_is() {
    let (_folder, layout) = kept();
    let path = layout.database();
    let sound = std::fs::read(&path).unwrap();
    let mut flipped = sound.clone();
    let page = sound.len() / 4096 / 2 * 4096;
    flipped[page..page + 64].fill(0xa5);
    let damaged: [&[u8]; 5] =
        [b"", b"just some text\n", &[0x5a; 8192], &sound[..sound.len() / 2], &flipped];
    for bytes in damaged {
        std::fs::write(&path, bytes).unwrap();
        let error = refusal(&layout);
        assert!(matches!(error, DatabaseError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("tokgate rebuild"));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn what_could_have_been_found_is_a_number_of_its_own() {
    let (_folder, layout) = kept();
    let connection = Connection::open(layout.database()).unwrap();
    let mde = |metric: &str| -> Option<f64> {
        let one = "SELECT mde FROM verdicts WHERE metric = ?1 LIMIT 1";
        connection.query_row(one, [metric], |row| row.get(0)).unwrap()
    };
    assert_eq!((mde("ttft.p50"), mde("tok_s")), (Some(0.035), None));
}

#[test]
fn an_index_of_others_or_from_the_future_is_refused() {
    let (_folder, layout) = kept();
    let change = |sql| Connection::open(layout.database()).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 99");
    let error = refusal(&layout).to_string();
    assert!(error.contains("has schema 99, this tokgate knows up to 4"), "{error}");
    change("PRAGMA user_version = 4; PRAGMA application_id = 42");
    assert!(matches!(refusal(&layout), DatabaseError::Foreign { id: 42, .. }));
}

#[test]
fn an_index_that_would_run_foreign_sql_is_refused() {
    let (_folder, layout) = kept();
    let connection = Connection::open(layout.database()).unwrap();
    connection
        .execute_batch("CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM cases; END")
        .unwrap();
    drop(connection);
    assert!(refusal(&layout).to_string().contains("trigger t"));
}

#[test]
fn a_lost_index_is_not_made_anew_in_silence() {
    let (_folder, layout) = kept();
    std::fs::remove_file(layout.database()).unwrap();
    assert!(matches!(refusal(&layout), DatabaseError::Missing(_)));
    assert!(!layout.database().exists());
}

#[cfg(unix)]
#[test]
fn an_index_that_was_moved_away_is_written_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let journal = store.begin(&head(0, "c", 0)).unwrap();
    let path = store.layout().database();
    std::fs::rename(&path, path.with_extension("elsewhere")).unwrap();
    let end = tokgate::store::EpochEnd {
        ending: Ending::Completed,
        validity: tokgate_core::validity::Validity::Valid,
        after: None,
        client: None,
    };
    let error = store.commit_epoch(journal, &end).unwrap_err();
    assert!(matches!(error, StoreError::Database(DatabaseError::Moved(_))), "{error}");
}

#[test]
fn the_analysis_has_every_benchmark_and_no_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "token_throughput");
    store.finish_run(&|_| String::new()).unwrap();
    let text = std::fs::read_to_string(store.layout().analysis_file()).unwrap();
    let analysis: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(analysis["total"], 2);
    let first = &analysis["benchmarks"][0];
    assert_eq!(first["model_name"], "google/gemma-3-4b-it");
    assert_eq!(first["hardware_info"]["cpu_count"], 16);
    assert!(first["query_p95_s"].is_null());
    assert!(!text.contains("DROP TABLE"));
}
