//! Runs whose figures alone are kept: each of them that of the same rows in memory, to the bit.

use super::fleet::{Fleet, RUN, closed, files, whole};
use super::open;
use crate::faces::{code, command, text};
use serde_json::Value;
use std::fs;
use tokgate::store::{Depth, FileStore, check};
use tokgate_core::metric::MetricRef;
use tokgate_core::run::Run;
use tokgate_core::summary::summarize;

/// Every figure of a case, with its bits and how many samples it is of.
fn expected(epochs: &[Run]) -> Vec<(String, u64, u64)> {
    let mut figures = Vec::new();
    for summary in summarize(epochs).metrics {
        for (stat, it) in &summary.stats {
            let name = MetricRef { metric: summary.metric, stat: *stat }.to_string();
            figures.push((name, it.value.to_bits(), it.n as u64));
        }
    }
    figures
}

/// Those of the one result in what `tokgate merge` told.
fn told_figures(told: &Value) -> Vec<(String, u64, u64)> {
    let [kept] = told["figures"].as_array().unwrap().as_slice() else { panic!("one case: {told}") };
    let figure = |it: &Value| {
        let value = it["value"].as_f64().unwrap();
        (it["metric"].as_str().unwrap().to_owned(), value.to_bits(), it["n"].as_u64().unwrap())
    };
    kept["result"]["figures"].as_array().unwrap().iter().map(figure).collect()
}

fn merged(fleet: &Fleet, exit: i32) -> Value {
    let output = fleet.call(&["--figures", "--format", "json"]);
    assert_eq!(code(&output), Some(exit), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn figures_of_any_number_of_workers_are_those_of_their_rows_in_memory() {
    for workload in [closed(), open()] {
        let epochs = [whole(workload.clone(), 0), whole(workload, 1)];
        for of in [1, 3, 8] {
            let told = merged(Fleet::of(&epochs, of).put(), 0);
            assert_eq!(told_figures(&told), expected(&epochs), "{of} workers");
            assert!(told_figures(&told).len() > 60);
            assert_eq!(told["figures"][0]["result"]["requests"]["failed"], 2);
        }
    }
}

#[test]
fn what_is_kept_is_shown_listed_and_sound_and_nothing_is_left_beside_it() {
    let fleet = Fleet::usual(3);
    let told = fleet.put().ends(&["--figures"], 0);
    assert!(told.contains("its requests stay at") && told.contains("ttft.p99"), "{told}");
    let layout = fleet.layout();
    assert!(files(layout.root(), ".parquet").is_empty());
    assert_eq!(layout.raw_files().unwrap().len(), 1);
    let checked = check(&layout, Depth::RawLines).unwrap();
    assert!(checked.findings.is_empty(), "{checked:?}");
    assert_eq!(FileStore::open(layout).unwrap().imported_count().unwrap(), 1);
    let listed =
        command(fleet.folder.path(), &["list", "--epochs", "--results-dir", "r"]).output().unwrap();
    assert!(text(&listed.stdout).contains("imported"), "{}", text(&listed.stdout));
    let again = fleet.ends(&["--figures"], 0);
    assert!(again.contains("are kept already, from the same files: `tokgate show "), "{again}");
}

#[test]
fn what_spoils_a_run_spoils_its_figures_by_name_and_they_are_kept() {
    let fleet = Fleet::usual(4);
    fleet.put();
    for path in files(&fleet.out().join("workers"), ".json") {
        if path.to_string_lossy().contains("worker=2.") {
            fs::remove_file(path).unwrap();
        }
    }
    let told = merged(&fleet, 3);
    let result = &told["figures"][0]["result"];
    let reasons = result["invalid"].as_array().unwrap();
    assert!(reasons.iter().any(|it| it.as_str().unwrap().starts_with("epoch 0: ")), "{reasons:?}");
    assert!(!told_figures(&told).is_empty());
    assert_eq!(result["entry"]["run"], RUN);
    let listed =
        command(fleet.folder.path(), &["list", "--epochs", "--results-dir", "r"]).output().unwrap();
    assert!(text(&listed.stdout).contains("INVALID"), "{}", text(&listed.stdout));
}

#[test]
fn a_baseline_is_not_compared_with_figures() {
    let told = Fleet::usual(2).put().ends(&["--figures", "--baseline", "b"], 2);
    assert!(told.contains("--baseline compares epochs"), "{told}");
}
