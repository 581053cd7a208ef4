//! `tokgate purge`: the texts of answers go, and not a number with them.

use crate::faces::{code, command, text};
use crate::store::fixture::{answered, head, keep, open, run};
use crate::store::imported::result;
use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;
use tokgate::store::{Depth, FileStore, Kept, Layout, Store, Stored, check, summary};
use tokgate_core::record::Record;
use tokgate_core::run::Run;

pub(crate) const SECRET: &str = "what nobody else should read";

/// An epoch whose first answers were kept, of a run whose case has not ended.
pub(crate) fn keep_unfinished(store: &mut FileStore, number: u32) -> Stored {
    let with_answer = |ordinal| Record { sample: Some(SECRET.to_owned()), ..answered(ordinal) };
    let records = (0..3).map(with_answer).chain((3..8).map(answered)).collect();
    keep(store, &Run { records, ..run(head(number, "chat", 0)) })
}

/// A run of one epoch whose first answers were kept.
pub(crate) fn kept() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let epoch = keep_unfinished(&mut store, 0);
    let (epochs, validity) = ([epoch.run], [epoch.validity]);
    let summary = summary(&epochs).unwrap();
    let end = tokgate::store::CaseEnd {
        epochs: &epochs,
        validity: &validity,
        summary: &summary,
        verdicts: &[],
    };
    store.commit_case(end).unwrap();
    folder
}

fn ends(root: &Path, arguments: &[&str], exit: i32) -> String {
    let folder = root.display().to_string();
    let output =
        command(root, &[arguments, &["--results-dir", &folder]].concat()).output().unwrap();
    let told = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    told
}

/// Every file under a folder that holds the secret.
fn holding(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap().flatten() {
        match entry.path().is_dir() {
            true => found.extend(holding(&entry.path())),
            false => {
                let bytes = std::fs::read(entry.path()).unwrap();
                if bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()) {
                    found.push(entry.path().display().to_string());
                }
            }
        }
    }
    found
}

fn figures(root: &Path) -> Vec<String> {
    let connection = Connection::open(Layout::new(root).database()).unwrap();
    let sql = "SELECT metric || stat || value || n FROM metrics ORDER BY 1";
    connection.prepare(sql).unwrap().query_map([], |row| row.get(0)).unwrap().flatten().collect()
}

#[test]
fn answers_are_gone_from_every_file_and_all_numbers_are_as_they_were() {
    let folder = kept();
    assert_eq!(holding(folder.path()).len(), 2);
    let before = figures(folder.path());
    assert!(!before.is_empty());
    let told = ends(folder.path(), &["purge", "run-0", "--yes"], 0);
    assert!(told.contains("took the texts of 3 answers in 1 file out of run-0"), "{told}");
    assert_eq!(holding(folder.path()), Vec::<String>::new());
    assert_eq!(figures(folder.path()), before);
    let checked = check(&Layout::new(folder.path()), Depth::RawLines).unwrap();
    assert!(checked.is_sound() && checked.compared, "{:?}", checked.findings);
    let again = ends(folder.path(), &["purge", "run-0", "--yes"], 0);
    assert!(again.contains("0 answers in 0 files"), "{again}");
}

#[test]
fn nothing_goes_before_it_is_asked_for() {
    let folder = kept();
    let told = ends(folder.path(), &["purge", "run-0"], 0);
    assert!(told.contains("3 answers in 1 file; nothing was changed"), "{told}");
    assert_eq!(holding(folder.path()).len(), 2);
}

#[test]
fn whoever_was_killed_between_files_and_rows_calls_it_again() {
    let folder = kept();
    ends(folder.path(), &["purge", "run-0", "--yes"], 0);
    let connection = Connection::open(Layout::new(folder.path()).database()).unwrap();
    let back = "UPDATE benchmark_results SET sample_responses = ?1";
    connection.execute(back, [SECRET]).unwrap();
    drop(connection);
    ends(folder.path(), &["purge", "run-0", "--yes"], 0);
    assert_eq!(holding(folder.path()), Vec::<String>::new());
}

#[test]
fn an_imported_result_loses_its_answers_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut imported = result("0123456789abcdef");
    imported.samples = vec![SECRET.to_owned()];
    let Kept::New(test_id) = store.keep_imported(&imported).unwrap() else { panic!() };
    let run = store.imported(&test_id).unwrap().unwrap().run_id;
    drop(store);
    ends(folder.path(), &["purge", &run, "--yes"], 0);
    assert_eq!(holding(folder.path()), Vec::<String>::new());
    assert!(check(&Layout::new(folder.path()), Depth::RawLines).unwrap().is_sound());
}

#[test]
fn a_run_that_is_not_there_and_one_epoch_are_refused() {
    let folder = kept();
    assert!(ends(folder.path(), &["purge", "run-9", "--yes"], 2).contains("run-9"));
    let epoch = head(0, "chat", 0).test_id;
    assert!(ends(folder.path(), &["purge", &epoch, "--yes"], 2).contains("name the run"));
}
