//! Runs whose figures alone are kept: each of them that of the same rows in memory, to the bit.

use super::fleet::{Fleet, RUN, closed, files, whole};
use super::open;
use crate::faces::{code, command, text};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use tokgate::spool::{FileSpools, Sizes};
use tokgate::store::{Depth, FileStore, check, summary};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::metric::MetricRef;
use tokgate_core::record::Outcome;
use tokgate_core::run::Run;
use tokgate_core::summary::{Streamed, Streaming, summarize};
use tokgate_core::time::Offset;

/// Every figure of a case, with its bits and how many samples it is of.
pub(super) fn expected(epochs: &[Run]) -> Vec<(String, u64, u64)> {
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

/// The figures of epochs that pass by, with lists in files of such sizes.
fn passed(epochs: &[Run], sizes: Sizes) -> Vec<(String, u64, u64)> {
    let folder = tempfile::tempdir().unwrap();
    let spools = FileSpools::with(folder.path(), sizes);
    let pass = |run: &Run| {
        let mut streaming = Streaming::begin(&run.head.case, &spools).unwrap();
        run.records.iter().for_each(|record| streaming.add(record).unwrap());
        streaming.end(&Run { records: Vec::new(), ..run.clone() }).unwrap()
    };
    let mut passed: Vec<Streamed<FileSpools>> = epochs.iter().map(pass).collect();
    let figures = Streamed::figures(&mut passed).unwrap();
    figures.iter().map(|it| (it.metric.to_string(), it.value.to_bits(), it.n)).collect()
}

/// Some of the requests of the usual load: with ties, some that failed, some without an event.
fn some(steps: &[(u64, bool, bool)], epoch: u32) -> Run {
    let mut run = whole(closed(), epoch);
    run.records.truncate(steps.len());
    for (record, (step, is_failed, is_mute)) in run.records.iter_mut().zip(steps) {
        let mut at = record.sent.0;
        for event in &mut record.events {
            at += step * 1_000_000;
            event.at = Offset(at);
        }
        record.done = Offset(at);
        if *is_failed {
            record.outcome = Outcome::Failed(Failure::new(FailureClass::Status, "503"));
        }
        if *is_mute {
            record.events.clear();
        }
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn figures_do_not_depend_on_how_much_of_a_list_is_in_memory(
        epochs in prop::collection::vec(
            prop::collection::vec((0_u64..4, prop::bool::weighted(0.2), prop::bool::weighted(0.2)), 0..60), 1..4),
        buffer in 1_usize..3000,
        piece in 1_usize..3000,
    ) {
        let epochs: Vec<Run> = (0..).zip(&epochs).map(|(number, steps)| some(steps, number)).collect();
        prop_assert_eq!(passed(&epochs, Sizes { buffer, piece }), expected(&epochs));
    }
}

#[test]
fn figures_of_several_epochs_have_the_intervals_that_their_spread_gives_the_stored_run() {
    for count in [1, 2, 5] {
        let epochs: Vec<Run> = (0..count)
            .map(|epoch| {
                let steps: Vec<_> =
                    (0..125).map(|it| (u64::from(epoch) + it % 7, false, false)).collect();
                some(&steps, epoch)
            })
            .collect();
        let told = merged(Fleet::of(&epochs, 3).put(), 0);
        let stored = summary(&epochs).unwrap();
        let mut with = 0;
        for figure in told["figures"][0]["result"]["figures"].as_array().unwrap() {
            let metric: MetricRef = figure["metric"].as_str().unwrap().parse().unwrap();
            let end = |end: &str| figure["interval"][end].as_f64().map(f64::to_bits);
            let Some(low) = end("low") else { continue };
            let expected = stored.estimate(metric).unwrap().interval.unwrap();
            assert_eq!(
                (low, end("high")),
                (expected.low.to_bits(), Some(expected.high.to_bits())),
                "{metric}"
            );
            with += 1;
        }
        let all = stored.metrics.iter().flat_map(|metric| metric.stats.values());
        let all = all.filter(|estimate| estimate.interval.is_some()).count();
        match count {
            1 => assert_eq!(with, 0, "requests would have to be drawn"),
            2 => assert!((5..all).contains(&with), "{with} of {all}: what is one value an epoch"),
            _ => assert_eq!(with, all),
        }
    }
}

#[test]
fn a_load_that_its_manifests_say_is_too_large_for_memory_is_not_read_into_it() {
    let fleet = Fleet::usual(2);
    let manifest = fleet.put().workers[1].put(&fleet.out());
    let mut said: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    let epoch = &mut said["epochs"][0];
    // Queries have no events, and still take memory.
    epoch["requests"]["measured"] = 5_000_000.into();
    let warmup = epoch["requests"]["warmup"].as_u64().unwrap();
    epoch["files"]["requests"]["rows"] = (5_000_000 + warmup).into();
    fs::write(&manifest, said.to_string()).unwrap();
    let told = fleet.ends(&[], 3);
    assert!(told.contains("its requests stay at"), "{told}");
    assert!(told.contains("rows, and its manifest says 5000"), "{told}");
}
