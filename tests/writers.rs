//! Many processes that write one index at once, beside one that reads it and one that folds its log:
//! every row is kept, and nobody is told that it is locked.
//!
//! Twenty rows each with the tests; `scripts/many_writers.sh` has five hundred each.
#![allow(clippy::print_stdout)]

use crate::store::fixture::{head, keep, open, run};
use rusqlite::Connection;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokgate::store::{Depth, Layout, Store, check};
use tokgate_core::run::{Head, Run};

const WRITERS: u32 = 16;
/// Rows of each where nobody says how many.
const ROWS: u32 = 20;
/// Says how many.
const HOW_MANY: &str = "TOKGATE_TEST_ROWS";
/// The folder of a process that is one of the writers; its number is the other's.
const FOLDER: &str = "TOKGATE_TEST_WRITES_INTO";
const NUMBER: &str = "TOKGATE_TEST_WRITER";

fn rows() -> u32 {
    std::env::var(HOW_MANY).map_or(ROWS, |rows| rows.parse().unwrap())
}

/// An epoch of few lines: what is shared is the index, not the raw lines.
fn epoch(writer: u32, number: u32) -> Run {
    let mut run = run(Head { epoch: 0, ..head(writer, "c", 0) });
    run.head.test_id = format!("writer-{writer}-{number}");
    run.head.epoch = number;
    run.records.truncate(3);
    run.telemetry.truncate(1);
    run
}

/// Is one of the writers when it is told to; else it has nothing to do.
#[test]
#[ignore = "a part of another test, which starts it"]
fn one_of_many_writers() {
    let (Ok(folder), Ok(number)) = (std::env::var(FOLDER), std::env::var(NUMBER)) else { return };
    let number: u32 = number.parse().unwrap();
    let mut store = open(Path::new(&folder));
    let mut longest = Duration::ZERO;
    for row in 0..rows() {
        let run = epoch(number, row);
        let began = Instant::now();
        keep(&mut store, &run);
        longest = longest.max(began.elapsed());
    }
    println!("longest {}", longest.as_micros());
}

fn writer(folder: &Path, number: u32) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "writers::one_of_many_writers", "--ignored", "--nocapture"]);
    command.env(FOLDER, folder).env(NUMBER, number.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Reads and folds until it is told that nobody writes any more; how often each was done.
fn beside(folder: &Path, is_over: &AtomicBool) -> (u32, u32) {
    let store = open(folder);
    let folding = Connection::open(store.layout().database()).unwrap();
    folding.busy_timeout(Duration::from_secs(30)).unwrap();
    let (mut reads, mut folds, mut seen) = (0, 0, 0);
    while !is_over.load(Ordering::Relaxed) {
        let epochs = store.epochs(usize::MAX).unwrap().len();
        assert!(epochs >= seen, "{epochs} epochs, and {seen} before");
        seen = epochs;
        reads += 1;
        let busy: i64 =
            folding.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(0)).unwrap();
        folds += u32::from(busy == 0);
        std::thread::yield_now();
    }
    (reads, folds)
}

#[test]
fn sixteen_processes_that_write_at_once_lose_nothing_and_are_told_of_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let began = Instant::now();
    let is_over = AtomicBool::new(false);
    let (longest, (reads, folds)) = std::thread::scope(|scope| {
        let beside = scope.spawn(|| beside(folder.path(), &is_over));
        let writers: Vec<Child> =
            (0..WRITERS).map(|number| writer(folder.path(), number)).collect();
        let waits: Vec<u64> = writers.into_iter().map(longest_wait).collect();
        is_over.store(true, Ordering::Relaxed);
        (waits.into_iter().max().unwrap(), beside.join().unwrap())
    });
    let took = began.elapsed().as_secs_f64();
    let expected = (WRITERS * rows()) as usize;
    assert_eq!(open(folder.path()).epochs(usize::MAX).unwrap().len(), expected);
    let checked = check(&Layout::new(folder.path()), Depth::Structure).unwrap();
    assert!(checked.is_sound(), "{checked:?}");
    assert!(reads > 0 && folds > 0, "{reads} reads and {folds} folds beside the writers");
    println!(
        "{expected} rows by {WRITERS} processes in {took:.1} s, the longest {:.3} s; {reads} reads and \
         {folds} folds beside them",
        longest as f64 / 1e6
    );
}

/// What a writer waited longest for one epoch, microseconds.
fn longest_wait(writer: Child) -> u64 {
    let output = writer.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let all = stdout.clone() + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !all.contains("locked"), "{all}");
    let longest = stdout.lines().find_map(|line| line.split_once("longest ")).unwrap();
    longest.1.parse().unwrap()
}
