//! The rows that questions are asked about, remembered between questions: never others than those that are in
//! the index.

use super::fixture::{head, keep, keep_case, keep_invalid, open, run, run_id};
use super::imported::result;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;
use tempfile::TempDir;
use tokgate::choice::{Filter, Measured, Prices};
use tokgate::report::comparison;
use tokgate::store::{FileStore, Layout, Reading, Remembered, rebuild, remove};
use tokgate_core::hardware::Catalogue;

const WITHIN: Duration = Duration::from_secs(60);

fn prices() -> Prices {
    Prices { catalogue: Catalogue::shipped(), hourly_usd: None }
}

fn reading(folder: &Path) -> Reading {
    Reading::open(&Layout::new(folder), WITHIN).unwrap()
}

fn anew(folder: &Path) -> Vec<Measured> {
    reading(folder).measured(&Filter::default(), &prices()).unwrap()
}

fn filled(runs: u32) -> (TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    (0..runs).for_each(|run| keep_case(&mut store, run, "chat"));
    (folder, store)
}

/// That what is remembered is what is read anew; how many rows that are.
fn same(remembered: &Remembered, folder: &Path) -> usize {
    let rows = remembered.rows(&reading(folder)).unwrap();
    assert_eq!(*rows, anew(folder));
    rows.len()
}

#[test]
fn every_write_is_seen_by_the_next_question() {
    let (folder, mut store) = filled(0);
    let remembered = Remembered::new(prices());
    let mut seen = vec![same(&remembered, folder.path())];
    keep_case(&mut store, 5, "chat");
    seen.push(same(&remembered, folder.path()));
    keep_invalid(&mut store, &run(head(6, "chat", 0)));
    seen.push(same(&remembered, folder.path()));
    // It began before the others: behind them in the index, and in front of them in the answer.
    keep(&mut store, &run(head(1, "chat", 0)));
    seen.push(same(&remembered, folder.path()));
    store.keep_imported(&result("0123456789abcdef")).unwrap();
    seen.push(same(&remembered, folder.path()));
    drop(store);
    remove(&Layout::new(folder.path()), &run_id(5), &comparison::markdown).unwrap();
    seen.push(same(&remembered, folder.path()));
    assert_eq!(seen, [0, 2, 2, 3, 4, 2]);
}

#[test]
fn what_is_taken_out_and_followed_by_as_much_is_not_taken_for_it() {
    let (folder, store) = filled(3);
    drop(store);
    let remembered = Remembered::new(prices());
    let layout = Layout::new(folder.path());
    // The last run, whose numbers are given again; then one in between.
    for (gone, next) in [(2, 7), (1, 8)] {
        let before = remembered.rows(&reading(folder.path())).unwrap();
        remove(&layout, &run_id(gone), &comparison::markdown).unwrap();
        keep_case(&mut open(folder.path()), next, "chat");
        assert_eq!(same(&remembered, folder.path()), before.len());
        assert_ne!(*remembered.rows(&reading(folder.path())).unwrap(), *before);
    }
}

#[test]
fn a_rebuilt_index_is_another_one() {
    let (folder, store) = filled(3);
    drop(store);
    let (remembered, layout) = (Remembered::new(prices()), Layout::new(folder.path()));
    assert_eq!(same(&remembered, folder.path()), 6);
    // The first run: the last epoch stays what it was.
    for epoch in 0..2 {
        let file = layout.raw_file(&head(0, "chat", epoch).test_id);
        std::fs::rename(&file, folder.path().join(format!("{epoch}.away"))).unwrap();
    }
    rebuild(&layout).unwrap();
    assert_eq!(same(&remembered, folder.path()), 4);
}

#[test]
fn nothing_is_read_twice_while_nothing_changes() {
    let (folder, mut store) = filled(2);
    let remembered = Remembered::new(prices());
    let first = remembered.rows(&reading(folder.path())).unwrap();
    assert!(Arc::ptr_eq(&first, &remembered.rows(&reading(folder.path())).unwrap()));
    // An epoch that says nothing about a model changes nothing, either.
    keep_invalid(&mut store, &run(head(6, "chat", 0)));
    assert!(Arc::ptr_eq(&first, &remembered.rows(&reading(folder.path())).unwrap()));
    keep_case(&mut store, 7, "chat");
    assert!(!Arc::ptr_eq(&first, &remembered.rows(&reading(folder.path())).unwrap()));
    assert_eq!(first.len(), 4, "who had an answer keeps it");
}

#[test]
fn all_who_ask_at_once_share_one_reading() {
    let (folder, _store) = filled(2);
    let (remembered, together) = (Remembered::new(prices()), Barrier::new(8));
    let ask = || {
        let reading = reading(folder.path());
        together.wait();
        remembered.rows(&reading).unwrap()
    };
    let answers: Vec<Arc<Vec<Measured>>> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| Arc::ptr_eq(answer, &answers[0])));
    assert_eq!(*answers[0], anew(folder.path()));
}

#[test]
fn more_epochs_than_there_is_room_for_are_answered_and_not_remembered() {
    let (folder, mut store) = filled(2);
    let remembered = Remembered::with_room_for(4, prices());
    let ask = || remembered.rows(&reading(folder.path())).unwrap();
    assert!(Arc::ptr_eq(&ask(), &ask()));
    keep_case(&mut store, 5, "chat");
    let (first, second) = (ask(), ask());
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!((&*first, &*second), (&anew(folder.path()), &anew(folder.path())));
    assert_eq!(Arc::strong_count(&second), 1, "nobody else holds it");
}
