//! Results of other tools: kept once, found again by a rebuild, told beside ours, and judged never.

use super::fixture::{keep_case, metric, open, run_id};
use super::rebuild::{assert_same, rows};
use serde_json::json;
use std::fs;
use tokgate::report::comparison;
use tokgate::store::{
    Depth, FileStore, Kept, Layout, Store, StoreError, check, rebuild, rehearse, remove,
};
use tokgate_core::imported::*;
use tokgate_core::metric::Kind;
use tokgate_core::run::Requests;

/// A result of a known day, told apart from others by its digest.
pub(crate) fn result(digest: &str) -> Imported {
    let figure = |name: &str, value| Figure { metric: metric(name), value, n: 90, interval: None };
    Imported {
        source: Source {
            tool: "guidellm 0.3.0".to_owned(),
            format: "guidellm".to_owned(),
            file: "benchmarks.json".to_owned(),
            digest: digest.to_owned(),
        },
        measured_us: Some(1_763_806_272_000_000),
        platform: "vllm-serve".to_owned(),
        engine: "vllm 0.11.0".to_owned(),
        endpoint: None,
        model: ImportedModel {
            name: "google/gemma-3-4b-it".to_owned(),
            size_params: Some("4b".to_owned()),
            ..ImportedModel::default()
        },
        hardware: ImportedHardware {
            instance: Some("g1-gpu-rtx6000-2".to_owned()),
            gpu: Some("RTX 6000".to_owned()),
            gpus: Some(2),
            vram_bytes: Some(48 << 30),
            hourly_usd: Some(3.0),
            ..ImportedHardware::default()
        },
        kind: Kind::Generation,
        benchmark_type: "model_comparison".to_owned(),
        task_category: None,
        workers: Some(8),
        requests: Requests { attempted: 100, succeeded: 90, failed: 10, incomplete: 0 },
        window_s: Some(45.0),
        figures: vec![
            figure("prompt_tokens.mean", 850.4),
            figure("output_tokens.mean", 450.0),
            figure("ttft.p50", 0.125),
        ],
        invalid: Vec::new(),
        samples: vec!["an answer".to_owned()],
        notes: String::new(),
        entry: json!({"anything": [1, 2, 3]}),
    }
}

fn keep(store: &mut FileStore, result: &Imported) -> String {
    match store.keep_imported(result).unwrap() {
        Kept::New(test_id) => test_id,
        Kept::Known(test_id) => panic!("{test_id} was there"),
    }
}

#[test]
fn a_result_is_kept_once_however_often_it_is_handed_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let test_id = keep(&mut store, &result("0123456789abcdef"));
    assert!(test_id.starts_with("vllm-serve-google-gemma-3-4b-it-100-2025-11-22T101112.000Z-"));
    let before = (rows(store.layout()), fs::read(store.layout().raw_file(&test_id)).unwrap());
    let again = store.keep_imported(&result("0123456789abcdef")).unwrap();
    assert_eq!(again, Kept::Known(test_id.clone()));
    let after = (rows(store.layout()), fs::read(store.layout().raw_file(&test_id)).unwrap());
    assert_eq!(after, before);
    assert_eq!(store.imported(&test_id).unwrap().unwrap().result, result("0123456789abcdef"));
}

#[test]
fn its_row_says_what_its_file_says_and_what_follows_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep(&mut store, &result("0123456789abcdef"));
    let summary = store.analysis().unwrap();
    let row = &summary["benchmarks"][0];
    for (column, value) in [
        ("provenance", json!("imported")),
        ("imported_from", json!("guidellm 0.3.0, benchmarks.json")),
        ("num_workers", json!(8)),
        ("num_requests", json!(100)),
        ("successful_requests", json!(90)),
        ("failed_requests", json!(10)),
        ("success_rate", json!(90.0)),
        ("requests_per_second", json!(2.0)),
        ("time_per_request_seconds", json!(0.5)),
        ("avg_prompt_tokens", json!(850)),
        ("avg_completion_tokens", json!(450)),
        ("tok_s", json!(900.0)),
        ("ttft_p50_s", json!(0.125)),
        ("error_rate", json!(0.1)),
        ("machine", json!("rtx-6000-x2")),
        ("instance", json!("g1-gpu-rtx6000-2")),
        ("gpu_count", json!(2)),
        ("hourly_usd", json!(3.0)),
        ("validity", json!("VALID")),
    ] {
        assert_eq!(row[column], value, "{column}");
    }
}

#[test]
fn a_result_that_does_not_say_when_is_the_same_one_on_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let undated = Imported { measured_us: None, ..result("00000000000000aa") };
    let mut store = open(folder.path());
    let test_id = keep(&mut store, &undated);
    assert_eq!(store.keep_imported(&undated).unwrap(), Kept::Known(test_id.clone()));
    // Killed between its file and its row.
    let layout = store.layout().clone();
    drop(store);
    let connection = rusqlite::Connection::open(layout.database()).unwrap();
    let forget = "PRAGMA foreign_keys = off; DELETE FROM benchmark_results; DELETE FROM runs;
                  DELETE FROM cases; DELETE FROM metrics; DELETE FROM epoch_metrics;";
    connection.execute_batch(forget).unwrap();
    drop(connection);
    assert_eq!(keep(&mut open(folder.path()), &undated), test_id);
    assert_eq!(layout.raw_files().unwrap().len(), 1);
}

#[test]
fn a_rebuild_and_a_check_know_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep(&mut store, &result("0123456789abcdef"));
    keep_case(&mut store, 0, "token_throughput");
    keep(&mut store, &Imported { window_s: None, ..result("fedcba9876543210") });
    let layout = store.layout().clone();
    drop(store);
    let checked = check(&layout, Depth::RawLines).unwrap();
    assert!(checked.is_sound() && checked.compared, "{:?}", checked.findings);
    assert_eq!(rebuild(&layout).unwrap().imported, 2);
    let rebuilt = rows(&layout);
    rebuild(&layout).unwrap();
    assert_same(&rows(&layout), &rebuilt);
    assert!(check(&layout, Depth::RawLines).unwrap().is_sound());
}

#[test]
fn it_stands_beside_ours_and_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "token_throughput");
    let test_id = keep(&mut store, &result("0123456789abcdef"));
    let untimed = keep(&mut store, &Imported { window_s: None, ..result("fedcba9876543210") });
    let compared = store.compared().unwrap();
    let there = |id: &str| compared.tests.iter().any(|test| test.test_id == id);
    assert!(there(&test_id) && !there(&untimed));
    let table = comparison::markdown(&compared);
    assert!(table.contains("(imported)"), "{table}");
    // Neither a run, nor part of a history, nor to be judged.
    assert_eq!(store.runs(10).unwrap().len(), 1);
    assert_eq!(store.imported_count().unwrap(), 2);
    let past = store.past(metric("ttft.p50")).unwrap();
    assert!(past.notes.is_empty() && past.epochs.iter().all(|one| one.head.run_id == run_id(0)));
    let error = store.show(&test_id).unwrap_err();
    assert!(matches!(error, StoreError::Imported { .. }), "{error}");
}

#[test]
fn it_can_be_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let test_id = keep(&mut store, &result("0123456789abcdef"));
    let run = store.imported(&test_id).unwrap().unwrap().run_id;
    let layout = store.layout().clone();
    drop(store);
    assert_eq!(rehearse(&layout, &run).unwrap().epochs, 1);
    remove(&layout, &run, &comparison::markdown).unwrap();
    assert_eq!(open(folder.path()).imported_count().unwrap(), 0);
    assert_eq!(Layout::new(folder.path()).raw_files().unwrap().len(), 0);
}

#[test]
fn a_changed_cell_is_found_without_the_raw_lines() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "token_throughput");
    let layout = store.layout().clone();
    drop(store);
    for sql in [
        "UPDATE benchmark_results SET tok_s = tok_s + 1e-9 WHERE id = 1",
        "UPDATE metrics SET high = high * 2 WHERE metric = 'ttft' AND stat = 'p50'",
        "UPDATE epoch_metrics SET n = n + 1 WHERE metric = 'ttft' AND stat = 'p50'",
        "UPDATE histograms SET hdr = x'00' WHERE metric = 'ttft'",
        "UPDATE cases SET digest = 'x'",
    ] {
        assert!(check(&layout, Depth::Structure).unwrap().is_sound(), "before {sql}");
        let connection = rusqlite::Connection::open(layout.database()).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
        drop(connection);
        let checked = check(&layout, Depth::Structure).unwrap();
        assert!(!checked.is_sound() && !checked.compared, "{sql}");
        rebuild(&layout).unwrap();
    }
}
