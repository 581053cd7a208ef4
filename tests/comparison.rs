//! All measured models side by side, by the program over stored runs.

use crate::faces::{code, command, text};
use crate::store::fixture::{head, keep, keep_invalid, open, run};
use crate::support::undisturbed;
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use tokgate::store::{FileStore, Store};
use tokgate_core::case::DriverKind;
use tokgate_core::metric::Kind;
use tokgate_core::run::{Head, Run};

const HEADER: &str =
    "| Platform | Model | Requests | Success % | Throughput (tok/s) | Time (s) | Date |";

fn store() -> (TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("r"));
    (folder, store)
}

/// An epoch of a run of this number, by another name where one is given.
fn epoch(number: u32, change: impl FnOnce(&mut Head)) -> Run {
    let mut head = head(number, "one", 0);
    change(&mut head);
    run(head)
}

fn report(folder: &Path, arguments: &[&str]) -> Output {
    let all = [&["report"], arguments, &["--results-dir", "r"]].concat();
    command(folder, &all).output().unwrap()
}

fn told(folder: &Path, arguments: &[&str]) -> String {
    let output = report(folder, arguments);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn object(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&told(folder, arguments)).unwrap()
}

fn rows(markdown: &str) -> Vec<&str> {
    let table = markdown.lines().skip_while(|line| *line != HEADER).skip(2);
    table.take_while(|line| line.starts_with('|')).collect()
}

fn file(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("r/reports/COMPARISON.md")).unwrap()
}

#[test]
fn each_epoch_is_a_row_in_the_order_in_which_they_began() {
    let (folder, mut store) = store();
    let later = epoch(1440, |head| head.target.platform = "ollama".to_owned());
    let first = epoch(0, |_| {});
    keep(&mut store, &later);
    keep(&mut store, &first);
    let markdown = told(folder.path(), &["comparison", "--markdown"]);
    let window_s = first.window_s().unwrap();
    let tok_s = 19.0 * (128.0 + 4.0) / window_s;
    let one = |platform: &str, date: &str| {
        format!(
            "| `{platform}` | `google/gemma-3-4b-it` | 20 | 95.0% | {tok_s:.0} | {window_s:.1} | {date} |"
        )
    };
    assert_eq!(rows(&markdown), [one("vllm-serve", "2025-11-22"), one("ollama", "2025-11-23")]);
    let written = told(folder.path(), &["comparison"]);
    assert!(written.contains("COMPARISON.md: 2 epochs"), "{written}");
    assert_eq!(file(folder.path()), markdown);
}

#[test]
fn epochs_that_began_at_once_are_in_the_order_of_their_names() {
    let named = |name: &'static str| epoch(0, |head| head.test_id = name.to_owned());
    let of = |names: [&'static str; 3]| {
        let (folder, mut store) = store();
        names.iter().for_each(|name| drop(keep(&mut store, &named(name))));
        let tests = object(folder.path(), &["comparison", "--json"])["tests"].take();
        let ids = tests.as_array().unwrap().iter().map(|test| test["test_id"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(of(["b", "c", "a"]), ["a", "b", "c"]);
    assert_eq!(of(["c", "a", "b"]), ["a", "b", "c"]);
}

#[test]
fn what_says_nothing_about_a_model_is_counted_and_in_no_row() {
    let (folder, mut store) = store();
    keep(&mut store, &epoch(0, |_| {}));
    keep_invalid(&mut store, &epoch(1, |_| {}));
    keep(&mut store, &epoch(2, |head| head.target.platform = "simulated".to_owned()));
    keep(&mut store, &epoch(3, |head| head.case.target.driver = DriverKind::Simulated));
    keep(&mut store, &epoch(4, |head| head.case.kind = Kind::Retrieval));
    keep(&mut store, &Run { records: Vec::new(), ..epoch(5, |_| {}) });
    let compared = object(folder.path(), &["comparison", "--json"]);
    assert_eq!((&compared["total"], &compared["left_out"]), (&1.into(), &5.into()));
    assert_eq!(compared["tests"][0]["run_id"], "run-0");
    let output = report(folder.path(), &["comparison"]);
    let said = "5 more epochs are kept and not compared";
    assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    assert_eq!(rows(&file(folder.path())).len(), 1);
    assert!(file(folder.path()).contains(said));
}

#[test]
fn the_object_has_the_keys_and_numbers_of_the_metadata() {
    let (folder, mut store) = store();
    let run = epoch(0, |_| {});
    keep(&mut store, &run);
    let test = object(folder.path(), &["comparison", "--json"])["tests"][0].take();
    let summary = tokgate::store::summary(std::slice::from_ref(&run)).unwrap();
    let metadata = tokgate::report::documents::metadata(&run, &summary, "");
    let results = &metadata["results"];
    for key in ["success_count", "total_time_seconds", "throughput_tokens_per_sec"] {
        assert_eq!(test[key], results[key], "{key}");
    }
    assert_eq!(test["output_tokens_per_sec"], results["output_tokens_per_sec"]);
    assert_eq!(test["num_requests"], metadata["test"]["num_requests"]);
    for key in ["test_id", "run_id", "platform", "model", "machine"] {
        assert_eq!(test[key], metadata[key], "{key}");
    }
    assert_eq!((&test["workers"], &test["success_rate_percent"]), (&2.into(), &95.0.into()));
}

#[test]
fn a_name_that_a_server_gave_is_neither_markup_nor_a_cell() {
    let (folder, mut store) = store();
    let hostile = "a|b`c`\n| d |\n# e <img src=x> @f [g](http://h) \u{202e}";
    keep(&mut store, &epoch(0, |head| head.target.model = hostile.to_owned()));
    keep(&mut store, &epoch(1, |head| head.target.model = "x".repeat(10_000)));
    let markdown = told(folder.path(), &["comparison", "--markdown"]);
    let rows = rows(&markdown);
    let expected = "`a¦b'c' ¦ d ¦ # e ‹img src=x> ＠f [g](http://h) \\u{202e}`";
    assert!(rows[0].contains(expected), "{}", rows[0]);
    assert_eq!(rows.len(), 2, "{markdown}");
    assert!(rows.iter().all(|row| row.matches('|').count() == 8), "{markdown}");
    assert!(rows[1].chars().count() < 300, "{}", rows[1]);
}

#[test]
fn the_end_of_a_run_writes_it() {
    let (folder, mut store) = store();
    keep(&mut store, &epoch(0, |_| {}));
    drop(store);
    let scenario = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1 }
[[case]]
name = "one"
kind = "generation"
dataset = { prompt_tokens = 8, output_tokens = 3 }
workload = { concurrency = 1, requests = 3, warmup = 0 }
"#;
    std::fs::write(folder.path().join("case.toml"), scenario).unwrap();
    let arguments = ["run", "case.toml", "--results-dir", "r"];
    undisturbed(|| command(folder.path(), &arguments).output().unwrap());
    assert_eq!(rows(&file(folder.path())).len(), 1);
    assert!(file(folder.path()).contains("more epoch"), "{}", file(folder.path()));
}

#[test]
fn nothing_measured_is_a_sentence_and_no_table() {
    let (folder, _store) = store();
    let markdown = told(folder.path(), &["comparison", "--markdown"]);
    assert!(markdown.contains("No model was measured yet"), "{markdown}");
    assert!(rows(&markdown).is_empty());
}

#[test]
fn the_summary_is_the_document_of_the_analysis() {
    let (folder, mut store) = store();
    keep(&mut store, &epoch(0, |_| {}));
    store.finish_run(&|_| String::new()).unwrap();
    let path = folder.path().join("r/analysis/summary.json");
    let document = std::fs::read_to_string(path).unwrap();
    assert_eq!(told(folder.path(), &["summary"]), document);
    assert_eq!(told(folder.path(), &["summary", "--json"]), document);
}

#[test]
fn a_form_that_there_is_not_is_refused_before_anything_is_written() {
    let (folder, mut store) = store();
    keep(&mut store, &epoch(0, |_| {}));
    for (arguments, said) in [
        (&["comparison", "--junit"][..], "the comparison is no test"),
        (&["summary", "--junit", "out.xml"], "the summary is no test"),
        (&["summary", "--markdown"], "`tokgate report comparison --markdown`"),
        (&["run-0", "--markdown"], "`run-0` is told by `--json`, `--junit` or `--html`"),
        (&["comparison", "--json", "--markdown"], "cannot be used with"),
    ] {
        let output = report(folder.path(), arguments);
        assert_eq!(code(&output), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
    assert!(!folder.path().join("out.xml").exists());
    assert!(!folder.path().join("r/reports/COMPARISON.md").exists());
}
