//! What was merged before, was interrupted, or is of another run.

use super::fleet::{Fleet, RUN, closed, whole};
use crate::faces::{code, command, text};
use crate::store::fixture::{keep_case, open};
use std::fs;

#[test]
fn a_run_that_was_merged_is_told_and_not_kept_twice() {
    let fleet = Fleet::usual(3);
    fleet.put().merged(0);
    let before = fleet.layout().raw_files().unwrap();
    let told = fleet.ends(&[], 0);
    assert!(told.contains("run run-1 was merged already, from the same files"), "{told}");
    assert_eq!(fleet.layout().raw_files().unwrap(), before);
    let told = fleet.ends(&["--baseline", "any"], 2);
    assert!(told.contains("tokgate verdict run-1 --baseline NAME"), "{told}");
}

#[test]
fn a_spoilt_run_that_was_merged_ends_as_it_did_and_says_why_again() {
    let mut fleet = Fleet::usual(3);
    fleet.workers.remove(1);
    let first = fleet.put().merged(3);
    let again = fleet.merged(3);
    assert_eq!(again["cases"][0]["epochs"], first["cases"][0]["epochs"]);
    assert_eq!(again["exit"], first["exit"]);
    assert_eq!(fleet.kept().len(), 1);
}

#[test]
fn a_run_that_was_merged_and_is_invalid_ends_so_again() {
    let mut fleet = Fleet::usual(3);
    fleet.workers.remove(1);
    fleet.put().merged(3);
    let told = fleet.ends(&[], 3);
    assert!(told.contains("was merged already") && told.contains("INVALID"), "{told}");
}

#[test]
fn a_run_of_that_name_from_other_files_is_refused() {
    let mut fleet = Fleet::usual(3);
    fleet.put().merged(0);
    fleet.workers[1].epochs[0].late_s = Some(0.003);
    let told = fleet.put().ends(&[], 2);
    assert!(
        told.contains("merged from other files") && told.contains("tokgate rm run-1"),
        "{told}"
    );
}

#[test]
fn a_run_that_was_taken_out_is_merged_again() {
    let fleet = Fleet::usual(3);
    fleet.put().merged(0);
    let removed =
        command(fleet.folder.path(), &["rm", RUN, "--results-dir", "r"]).output().unwrap();
    assert_eq!(code(&removed), Some(0), "{}", text(&removed.stderr));
    fleet.merged(0);
    assert_eq!(fleet.kept().len(), 1);
}

#[test]
fn a_run_that_was_measured_here_is_not_merged_into() {
    let fleet = Fleet::usual(2);
    keep_case(&mut open(fleet.layout().root()), 1, "c");
    let told = fleet.put().ends(&[], 2);
    assert!(told.contains("was measured there"), "{told}");
    assert_eq!(fleet.kept().len(), 2);
}

#[test]
fn merging_that_was_interrupted_goes_on_and_leaves_no_half_of_it() {
    let fleet = Fleet::of(&[whole(closed(), 0), whole(closed(), 1)], 3);
    fleet.put().merged(0);
    let layout = fleet.layout();
    let [first, second] = <[_; 2]>::try_from(fleet.kept()).unwrap();
    // As if it had been killed in the second epoch: no end, and half of a line.
    fs::remove_file(layout.run_end_file(RUN)).unwrap();
    let path = layout.raw_file(&second.run.head.test_id);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() / 2]).unwrap();
    let told = fleet.ends(&[], 0);
    assert!(told.contains("was interrupted, and goes on"), "{told}");
    let kept = fleet.kept();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].run.head.test_id, first.run.head.test_id, "what is whole is taken as it is");
    assert_ne!(kept[1].run.head.test_id, second.run.head.test_id);
    assert_eq!(kept[1].run.records, second.run.records);
    assert!(kept.iter().all(|stored| stored.validity.is_valid()));
}

#[test]
fn of_several_runs_one_is_to_be_named() {
    let mut fleet = Fleet::usual(2);
    fleet.put();
    for worker in &mut fleet.workers {
        worker.begun.run = "run-2".to_owned();
        worker.epochs[0].run.head.run_id = "run-2".to_owned();
    }
    fleet.put();
    let told = fleet.ends(&[], 2);
    assert!(told.contains("run-1\nrun-2\n") && told.contains("--run"), "{told}");
    fleet.ends(&["--run", "run-1"], 0);
    let told = fleet.ends(&["--run", "run-3"], 2);
    assert!(told.contains("no run `run-3` at") && told.contains("run-1, run-2"), "{told}");
    let told = fleet.ends(&["--run", "../run-1"], 2);
    assert!(told.contains("no name of a run"), "{told}");
}

#[test]
fn a_place_where_nobody_put_anything_is_told() {
    let fleet = Fleet::usual(2);
    fs::create_dir_all(fleet.out()).unwrap();
    let told = fleet.ends(&[], 2);
    assert!(told.contains("no worker has put anything to"), "{told}");
}
