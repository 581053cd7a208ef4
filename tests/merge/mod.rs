//! Many workers' rows become one run: the same numbers, to the bit, and each way in which they do not make one.

mod figures;
mod fleet;
mod real;
mod spoilt;
mod twice;

use crate::faces::{code, command, text};
use crate::support::lab::{Lab, SOUND, Taken};
use figures::expected;
use fleet::{Fleet, REQUESTS, RUN, closed, files, whole};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;
use tokgate::store::{FileStore, Layout, Store};
use tokgate_core::case::Workload;
use tokgate_core::price::{Price, Rate};
use tokgate_core::run::Run;
use tokgate_core::summary::{Observed, observe};
use tokgate_core::workload::{Arrivals, Closed, Open, Shape, Spacing};

/// Every number that an epoch gives, with its bits.
fn bits(run: &Run) -> Vec<(&'static str, Vec<u64>)> {
    let numbers =
        |observed: &Observed| observed.values().iter().map(|value| value.to_bits()).collect();
    observe(run).iter().map(|(metric, observed)| (metric.id, numbers(observed))).collect()
}

fn open() -> Workload {
    let arrivals = Arrivals::Rate {
        shape: Shape::constant(200.0, 0.7),
        spacing: Spacing::Poisson,
        requests: None,
    };
    Workload::Open(Open { arrivals, warmup: 5, max_in_flight: None })
}

#[test]
fn any_number_of_workers_make_the_numbers_of_their_rows_in_one_file() {
    for workload in [closed(), open()] {
        let all = whole(workload, 0);
        for of in [1, 3, 8] {
            let fleet = Fleet::of(std::slice::from_ref(&all), of);
            let told = fleet.put().merged(0);
            let kept = fleet.kept();
            let [stored] = kept.as_slice() else { panic!("one epoch: {told}") };
            assert_eq!(stored.run.records, all.records, "{of} workers");
            assert_eq!(bits(&stored.run), bits(&all), "{of} workers");
            assert!(bits(&all).len() > 15);
            assert_eq!(told["cases"][0]["requests"]["attempted"], all.requests().attempted);
            assert_eq!(told["cases"][0]["requests"]["failed"], 1);
            assert_eq!(stored.run.head.environment.workers.as_ref().unwrap().count, of);
        }
    }
}

#[test]
fn a_closed_loop_that_goes_by_time_is_whole_without_a_count() {
    let timed = Workload::Closed(Closed { warmup: 5, ..Closed::timed(6, 0.8) });
    let fleet = Fleet::of(&[whole(timed, 0)], 4);
    let told = fleet.put().merged(0);
    assert_eq!(told["cases"][0]["requests"]["attempted"], REQUESTS);
}

#[test]
fn the_run_is_kept_with_all_that_a_run_has() {
    let fleet = Fleet::of(&[whole(closed(), 0), whole(closed(), 1)], 3);
    let told = fleet.put().ends(&[], 0);
    assert!(told.contains("epoch 1: 120 requests of 3 workers"), "{told}");
    let layout = fleet.layout();
    let kept = fleet.kept();
    assert_eq!(kept.len(), 2);
    for stored in &kept {
        let test_id = &stored.run.head.test_id;
        assert!(layout.metadata_file(test_id).exists() && layout.report_file(test_id).exists());
    }
    assert!(layout.page_file(fleet::RUN).exists() && layout.run_end_file(fleet::RUN).exists());
    assert!(fleet::files(layout.root(), ".parquet").is_empty(), "what was fetched is removed");
    let checked = tokgate::store::check(&layout, tokgate::store::Depth::RawLines).unwrap();
    assert!(checked.findings.is_empty(), "{checked:?}");
    // The busiest worker is the first.
    assert_eq!(kept[0].run.client.unwrap().cpu_s, 0.5);
}

#[test]
fn hosts_are_counted_in_the_machines_key_unless_it_was_given() {
    let mut fleet = Fleet::usual(3);
    for (worker, host) in fleet.workers.iter_mut().zip(["a", "b", "b"]) {
        worker.begun.host = host.to_owned();
    }
    let told: Value = fleet.put().merged(0);
    assert_eq!(told["machine"], "rtx-4090-x1-hosts-2");
    assert_eq!(told["environment"]["workers"]["hosts"], 2);
}

#[test]
fn a_baseline_that_is_asked_for_and_absent_is_told_before_anything_is_kept() {
    let fleet = Fleet::usual(2);
    let told = fleet.put().ends(&["--baseline", "nothing"], 2);
    assert!(told.contains("there is no baseline") && told.contains("baseline list"), "{told}");
    assert!(!told.contains("--baseline-lenient"), "merge has none: {told}");
    assert!(fleet.layout().raw_files().unwrap().is_empty());
}

#[test]
fn a_stored_run_that_was_put_in_the_open_is_had_back_elsewhere() {
    let lab = Lab::new();
    lab.measure(Taken { run: "base", ..SOUND });
    let call = |arguments: &[&str]| {
        let output = command(lab.path(), arguments).output().unwrap();
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    };
    call(&["export", "base", "--format", "parquet", "-o", "out"]);
    call(&["merge", "out", "--results-dir", "again"]);
    let epochs = |folder: &str| {
        let store = FileStore::open(Layout::new(lab.path().join(folder))).unwrap();
        store.show("base").unwrap()
    };
    let (then, again) = (epochs("results"), epochs("again"));
    assert_eq!((then.len(), again.len()), (6, 6));
    for (then, again) in then.iter().zip(&again) {
        let sorted = |run: &Run| {
            let mut records = run.records.clone();
            records.sort_by_key(|record| (record.phase as u8, record.ordinal));
            records
        };
        // In the order of the plan, where those that were stored are in that of their ends.
        assert_eq!(again.run.records, sorted(&then.run));
        assert_eq!(again.run.requests(), then.run.requests());
        let figures = |run: &Run| expected(std::slice::from_ref(run));
        assert_eq!(figures(&again.run), figures(&then.run));
    }
}

/// Every value of a column of the rows about epochs at a place.
fn of_epochs(out: &std::path::Path, column: &str) -> Vec<Field> {
    let value = |path: std::path::PathBuf| {
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        let cell = row.get_column_iter().find(|(name, _)| *name == column).unwrap();
        cell.1.clone()
    };
    files(&out.join("rows/epochs"), ".parquet").into_iter().map(value).collect()
}

#[test]
fn what_a_merged_run_cost_is_in_its_rows_wherever_they_are_put() {
    let mut fleet = Fleet::usual(2);
    for worker in &mut fleet.workers {
        let target = &mut worker.epochs[0].run.head.case.target;
        target.price = Some(Price { rate: Rate::Hour(2.5), source: "--hourly-cost".to_owned() });
    }
    fleet.put().merged(0);
    let export = ["export", RUN, "--results-dir", "r", "--format", "parquet", "-o", "again"];
    let output = command(fleet.folder.path(), &export).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let again = fleet.folder.path().join("again");
    assert_eq!(of_epochs(&again, "usd_per_hour"), [Field::Double(2.5)]);
}
