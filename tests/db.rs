//! `tokgate db`: damage is reported or harmless, copies are whole, and nothing is changed on the side.

use crate::faces::{code, command, text};
use crate::store::fixture::{head, keep, keep_case, open, run};
use crate::store::rebuild::{assert_same, rows};
use crate::support::lab::{Lab, SOUND, Taken};
use rusqlite::Connection;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokgate::store::{Depth, Fault, Layout, Store, check};

/// Two runs of one case each, and nobody who has them open.
fn kept() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "token_throughput");
    keep_case(&mut store, 1, "long_prompts");
    folder
}

fn called(root: &Path, arguments: &[&str]) -> Output {
    let folder = root.display().to_string();
    command(root, &[arguments, &["--results-dir", &folder]].concat()).output().unwrap()
}

/// What it says on both streams, after it ended with this code.
fn ends(root: &Path, arguments: &[&str], exit: i32) -> String {
    let output = called(root, arguments);
    let told = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    told
}

fn index(root: &Path) -> PathBuf {
    Layout::new(root).database()
}

/// Changes the index, whatever refers to what is changed.
fn change(root: &Path, sql: &str) {
    let sql = format!("PRAGMA foreign_keys = off; {sql}");
    Connection::open(index(root)).unwrap().execute_batch(&sql).unwrap();
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| text(entry.unwrap().file_name().as_encoded_bytes())).collect();
    names.sort();
    names
}

#[test]
fn a_sound_index_passes_and_stays_as_it_is() {
    let folder = kept();
    let before = (names(folder.path()), std::fs::read(index(folder.path())).unwrap());
    let told = ends(folder.path(), &["db", "check"], 0);
    assert!(told.contains("is sound: all rows are what the lines of 4 epochs say"), "{told}");
    let quick = ends(folder.path(), &["db", "check", "--quick"], 0);
    assert!(quick.contains("its rows were not compared"), "{quick}");
    let json = called(folder.path(), &["db", "check", "--json"]);
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["sound"], &json["epochs"]), (&Value::from(true), &Value::from(4)));
    assert_eq!((names(folder.path()), std::fs::read(index(folder.path())).unwrap()), before);
}

#[test]
fn what_the_program_measured_is_sound() {
    let lab = Lab::new();
    for run in ["first", "second"] {
        lab.measure(Taken { run, ..SOUND });
    }
    let told = ends(&lab.path().join("results"), &["db", "check"], 0);
    assert!(told.contains("12 epochs"), "{told}");
}

/// Numbers that differ and are the same every time (Numerical Recipes' generator).
struct Luck(u32);

impl Luck {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % end
    }
}

/// Every figure that is told of the runs.
fn figures(root: &Path) -> String {
    let lists = [&["list", "--json", "--epochs"][..], &["list", "--json"]];
    let shows = ["run-0", "run-1"].map(|run| ["show", run, "--json"]);
    let all = lists.into_iter().chain(shows.iter().map(|show| &show[..]));
    all.map(|arguments| ends(root, arguments, 0)).collect()
}

/// Flips one byte after the other; how many of the flips were reported.
fn reported(flips: &[(usize, u8)]) -> usize {
    let folder = kept();
    let root = folder.path();
    let sound = std::fs::read(index(root)).unwrap();
    let expected = figures(root);
    let is_reported = |(at, mask): &(usize, u8)| {
        let mut flipped = sound.clone();
        flipped[*at] ^= mask;
        std::fs::write(index(root), &flipped).unwrap();
        let output = called(root, &["db", "check"]);
        let told = text(&output.stdout) + &text(&output.stderr);
        match code(&output) {
            Some(0) => {
                assert_eq!(figures(root), expected, "byte {at} by {mask:#x} told another number");
                false
            }
            Some(2 | 5) => {
                assert!(told.contains("tokgate"), "byte {at} by {mask:#x}: {told}");
                assert_eq!(std::fs::read(index(root)).unwrap(), flipped, "byte {at}");
                true
            }
            other => panic!("byte {at} by {mask:#x} ended with {other:?}: {told}"),
        }
    };
    flips.iter().filter(|flip| is_reported(flip)).count()
}

#[test]
fn a_flipped_byte_is_reported_or_changes_no_number() {
    const FLIPS: usize = 300;
    let size = std::fs::metadata(index(kept().path())).unwrap().len() as usize;
    let mut luck = Luck(7);
    // The file's head, of which every byte means something, and the rest spread.
    let places = (0..FLIPS).map(|n| if n < 100 { n } else { luck.below(size) });
    let places: Vec<usize> = places.collect();
    let flips: Vec<(usize, u8)> =
        places.into_iter().map(|at| (at, 1 + luck.below(255) as u8)).collect();
    let (first, second) = flips.split_at(FLIPS / 2);
    let found = std::thread::scope(|scope| {
        let other = scope.spawn(|| reported(second));
        reported(first) + other.join().unwrap()
    });
    // Free room takes some; what was written takes the others.
    assert!(found > FLIPS / 10 && found < FLIPS, "{found} of {FLIPS}");
}

/// The columns of a table that may be changed by themselves: neither its number nor what refers to one.
fn columns(root: &Path, table: &str) -> Vec<(String, String)> {
    let connection = Connection::open(index(root)).unwrap();
    let sql = "SELECT name, type FROM pragma_table_info(?1) WHERE name NOT IN ('id', 'result_id')";
    let mut query = connection.prepare(sql).unwrap();
    let columns = query.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    columns.collect::<Result<_, _>>().unwrap()
}

#[test]
fn another_value_in_any_column_of_any_table_is_found_with_its_table() {
    let folder = kept();
    let layout = Layout::new(folder.path());
    let sound = std::fs::read(index(folder.path())).unwrap();
    let mut changed = 0;
    for table in crate::store::rebuild::TABLES {
        for (column, kind) in columns(folder.path(), table) {
            std::fs::write(index(folder.path()), &sound).unwrap();
            let value = match kind.as_str() {
                "TEXT" => format!("ifnull({column}, '') || 'x'"),
                "BLOB" => "x'00'".to_owned(),
                _ => format!("ifnull({column}, 0) + 1"),
            };
            let (all, least) = ("SELECT max(rowid)", "LIMIT 1");
            let one = match table {
                "metrics" => format!(
                    "(case_id, metric, stat, run_id) = (SELECT case_id, metric, stat, run_id FROM metrics {least})"
                ),
                "epoch_metrics" => format!(
                    "(result_id, metric, stat) = (SELECT result_id, metric, stat FROM epoch_metrics {least})"
                ),
                "histograms" => format!(
                    "(case_id, metric, run_id) = (SELECT case_id, metric, run_id FROM histograms {least})"
                ),
                _ => format!("rowid = ({all} FROM {table})"),
            };
            change(folder.path(), &format!("UPDATE {table} SET {column} = {value} WHERE {one}"));
            let checked = check(&layout, Depth::RawLines).unwrap();
            let is_about = |table: &str| {
                checked.findings.iter().any(|finding| finding.table.as_deref() == Some(table))
            };
            assert!(is_about(table), "{table}.{column}: {checked:?}");
            changed += 1;
        }
    }
    assert!(changed > 90, "{changed}");
}

#[test]
fn a_number_that_is_another_one_is_told_beside_the_right_one() {
    let folder = kept();
    change(folder.path(), "UPDATE benchmark_results SET ttft_p50_s = 0.001 WHERE id = 1");
    let told = ends(folder.path(), &["db", "check"], 5);
    let expected = "table `benchmark_results`, row test_id \"vllm-serve-gemma-20-0-token_throughput-0\": \
                    `ttft_p50_s` is 0.001, and 0.004 by the raw lines: run `tokgate rebuild`";
    assert!(told.contains(expected), "{told}");
    let quick = ends(folder.path(), &["db", "check", "--quick"], 5);
    assert!(quick.contains("has other rows than those of its digest"), "{quick}");
    ends(folder.path(), &["rebuild"], 0);
    ends(folder.path(), &["db", "check"], 0);
}

#[test]
fn lines_without_a_row_and_a_row_without_lines_are_told() {
    let folder = kept();
    let layout = Layout::new(folder.path());
    drop(open(folder.path()).begin(&head(2, "killed", 0)).unwrap());
    let lost = layout.raw_file(&head(0, "token_throughput", 0).test_id);
    let bytes = std::fs::read(&lost).unwrap();
    std::fs::remove_file(&lost).unwrap();
    let told = ends(folder.path(), &["db", "check"], 5);
    assert!(told.contains("run_id \"run-2\": is not there, although raw lines give it"), "{told}");
    let missing = format!("{}: table `benchmark_results`", lost.display());
    assert!(told.contains(&missing) && told.contains("are missing: put the file back"), "{told}");
    std::fs::write(&lost, &bytes[1..]).unwrap();
    let checked = check(&layout, Depth::RawLines).unwrap();
    let unreadable = checked.findings.iter().find(|finding| finding.fault == Fault::RawLines);
    assert_eq!(unreadable.unwrap().file, lost);
}

#[test]
fn another_programs_file_and_a_newer_one_are_refused_and_stay_as_they_are() {
    for sql in ["PRAGMA application_id = 42", "PRAGMA user_version = 99"] {
        let folder = kept();
        let root = folder.path();
        change(root, sql);
        let before = (names(root), std::fs::read(index(root)).unwrap());
        for action in ["check", "backup", "vacuum"] {
            let told = ends(root, &["db", action], 2);
            assert!(told.contains("application id 0x2a") || told.contains("schema 99"), "{told}");
        }
        assert_eq!((names(root), std::fs::read(index(root)).unwrap()), before, "{sql}");
    }
}

#[test]
fn no_index_is_told_from_one_that_was_lost() {
    let empty = tempfile::tempdir().unwrap();
    let told = ends(empty.path(), &["db", "check"], 2);
    assert!(told.contains("`tokgate run` makes it"), "{told}");
    assert!(names(empty.path()).is_empty());
    let folder = kept();
    std::fs::remove_file(index(folder.path())).unwrap();
    assert!(ends(folder.path(), &["db", "check"], 5).contains("run `tokgate rebuild`"));
    assert!(!index(folder.path()).exists());
}

#[test]
fn what_is_in_use_is_looked_at_quickly_and_not_compacted() {
    let folder = kept();
    let store = open(folder.path());
    let told = ends(folder.path(), &["db", "check"], 5);
    assert!(told.contains("is in use") && told.contains("`--quick`"), "{told}");
    ends(folder.path(), &["db", "check", "--quick"], 0);
    assert!(ends(folder.path(), &["db", "vacuum"], 5).contains("is in use"));
    drop(store);
    ends(folder.path(), &["db", "vacuum"], 0);
}

/// A folder of results with this index, and the raw lines of another one.
fn restored(copy: &Path, from: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Layout::new(from), Layout::new(folder.path()));
    new.create().unwrap();
    std::fs::copy(copy, new.database()).unwrap();
    for file in old.raw_files().unwrap() {
        std::fs::copy(&file, new.raw().join(file.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn a_backup_beside_an_open_writer_has_every_row_and_opens() {
    let folder = kept();
    let mut store = open(folder.path());
    keep_case(&mut store, 2, "in_the_log");
    ends(folder.path(), &["db", "backup"], 0);
    let backups = Layout::new(folder.path()).backups();
    let [name] = &names(&backups)[..] else { panic!("{:?}", names(&backups)) };
    assert!(name.ends_with("Z.sqlite"), "{name}");
    let restored = restored(&backups.join(name), folder.path());
    ends(restored.path(), &["db", "check"], 0);
    assert_same(&rows(&Layout::new(restored.path())), &rows(store.layout()));
    keep_case(&mut open(restored.path()), 3, "goes_on");
}

#[test]
fn backups_taken_while_epochs_are_committed_are_whole() {
    const BACKUPS: usize = 6;
    let folder = kept();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let ordering = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut store = open(folder.path());
            for epoch in (0..).take_while(|_| !is_done.load(ordering)) {
                keep(&mut store, &run(head(9, "beside", epoch)));
            }
        });
        let copies = (0..BACKUPS).map(|n| folder.path().join(format!("copy-{n}.sqlite")));
        let copies: Vec<PathBuf> = copies.collect();
        for copy in &copies {
            let output = called(folder.path(), &["db", "backup", &copy.display().to_string()]);
            is_done.fetch_or(code(&output) != Some(0), ordering);
        }
        is_done.store(true, ordering);
        for copy in &copies {
            let found = tempfile::tempdir().unwrap();
            std::fs::copy(copy, index(found.path())).unwrap();
            ends(found.path(), &["db", "check", "--quick"], 0);
        }
    });
}

#[test]
fn a_backup_takes_nobodys_name() {
    let folder = kept();
    let mine = folder.path().join("mine.sqlite");
    std::fs::write(&mine, "mine").unwrap();
    let told = ends(folder.path(), &["db", "backup", &mine.display().to_string()], 2);
    assert!(told.contains("is there already, and nothing is overwritten"), "{told}");
    assert_eq!(std::fs::read(&mine).unwrap(), b"mine");
    let nowhere = folder.path().join("no/such/folder.sqlite");
    ends(folder.path(), &["db", "backup", &nowhere.display().to_string()], 5);
}

#[test]
fn a_damaged_index_is_neither_copied_nor_compacted() {
    let folder = kept();
    let root = folder.path();
    change(root, "DELETE FROM benchmark_results WHERE id = 1");
    let before = std::fs::read(index(root)).unwrap();
    for action in ["backup", "vacuum"] {
        let told = ends(root, &["db", action], 5);
        assert!(told.contains("is damaged") && told.contains("`tokgate rebuild`"), "{told}");
    }
    assert_eq!(std::fs::read(index(root)).unwrap(), before);
    assert!(names(&Layout::new(root).backups()).is_empty());
}

#[test]
fn a_compacted_index_is_smaller_and_has_every_row() {
    let folder = kept();
    let layout = Layout::new(folder.path());
    let before = rows(&layout);
    change(
        folder.path(),
        "CREATE TABLE junk (x); INSERT INTO junk VALUES (zeroblob(1000000)); DROP TABLE junk",
    );
    let size = || std::fs::metadata(layout.database()).unwrap().len();
    let grown = size();
    let told = ends(folder.path(), &["db", "vacuum"], 0);
    assert!(told.contains(" before, ") && told.contains(" now"), "{told}");
    assert!(size() < grown - 1_000_000, "{grown} before, {} now", size());
    assert_same(&rows(&layout), &before);
    ends(folder.path(), &["db", "check"], 0);
}
