//! The index can be lost: all of it comes back from the raw lines.

use super::fixture::*;
use rusqlite::Connection;
use std::path::Path;
use tokgate::store::{FileStore, Layout, RebuildReport, Store, StoreError, rebuild};

pub(crate) const TABLES: [&str; 9] = [
    "runs",
    "benchmark_results",
    "cases",
    "metrics",
    "epoch_metrics",
    "histograms",
    "verdicts",
    "alerts",
    "machines",
];

/// Every row of every table, as text that tells each number apart.
pub(crate) fn rows(layout: &Layout) -> Vec<String> {
    let connection = Connection::open(layout.database()).unwrap();
    let mut rows = Vec::new();
    for table in TABLES {
        let mut query = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = query.column_count();
        let mut of_table: Vec<String> = query
            .query_map([], |row| {
                let cells: Result<Vec<_>, _> =
                    (0..width).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect();
                Ok(format!("{table}: {:?}", cells?))
            })
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        of_table.sort_unstable();
        rows.append(&mut of_table);
    }
    rows
}

/// Tells the first row that differs, not all of them.
pub(crate) fn assert_same(rows: &[String], expected: &[String]) {
    let differing = rows.iter().zip(expected).find(|(row, expected)| row != expected);
    assert_eq!((differing, rows.len()), (None, expected.len()));
}

/// Two runs of one case each.
fn kept(root: &Path) -> Layout {
    let mut store = open(root);
    keep_case(&mut store, 0, "token_throughput");
    keep_case(&mut store, 1, "long_prompts");
    store.layout().clone()
}

fn rebuilt(layout: &Layout) -> RebuildReport {
    let report = rebuild(layout).unwrap();
    open(layout.root()).look_through().unwrap();
    report
}

#[test]
fn a_rebuilt_index_equals_the_one_that_the_runs_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "token_throughput");
    let layout = store.layout().clone();
    drop(store);
    let before = rows(&layout);
    for table in ["verdicts: ", "alerts: "] {
        assert!(before.iter().any(|row| row.starts_with(table)), "no {table}");
    }
    let report = rebuilt(&layout);
    assert_eq!((report.epochs, report.cases, report.skipped.len()), (2, 1, 0));
    assert_same(&rows(&layout), &before);
    let backup = report.backup.unwrap();
    assert!(backup.exists() && backup != layout.database());
}

#[test]
fn a_run_of_several_scenarios_keeps_the_name_of_its_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    for (epoch, scenario) in (0..).zip(["z", "a"]) {
        let mut head = head(0, "c", epoch);
        head.case.id = tokgate_core::case::CaseId::new(scenario, "c", &[]);
        keep(&mut store, &run(head));
    }
    let layout = store.layout().clone();
    drop(store);
    rebuilt(&layout);
    assert_eq!(open(folder.path()).runs(1).unwrap()[0].scenario, "z");
}

#[test]
fn rebuilding_twice_changes_nothing_and_keeps_both_backups() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    let first = rebuilt(&layout).backup.unwrap();
    let before = rows(&layout);
    let second = rebuilt(&layout).backup.unwrap();
    assert_same(&rows(&layout), &before);
    assert!(first != second && first.exists() && second.exists());
}

#[test]
fn a_case_committed_again_after_a_kill_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    let before = rows(&layout);
    let mut store = open(folder.path());
    // A verdict that was torn when a process was killed while it committed before.
    let last = layout.raw_file(&head(0, "token_throughput", 1).test_id);
    let mut torn = std::fs::read(&last).unwrap();
    torn.extend(br#"{"v":1,"kind":"verdict","epo"#);
    std::fs::write(&last, torn).unwrap();
    let epochs = store.show("run-0").unwrap();
    assert_eq!(epochs[1].notes.len(), 1);
    let validity: Vec<_> = epochs.iter().map(|epoch| epoch.validity.clone()).collect();
    let runs: Vec<_> = epochs.into_iter().map(|epoch| epoch.run).collect();
    let summary = tokgate::store::summary(&runs).unwrap();
    let verdicts = judged();
    let case = tokgate::store::CaseEnd {
        epochs: &runs,
        validity: &validity,
        summary: &summary,
        verdicts: &verdicts,
    };
    store.commit_case(case).unwrap();
    assert_same(&rows(&layout), &before);
    assert!(store.show("run-0").unwrap()[1].notes.is_empty());
}

#[test]
fn whatever_line_a_process_was_killed_in_every_committed_row_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    // A machine is told by its latest epoch, which the killed one is.
    let of_others = |row: &String| !row.starts_with("machines: ");
    let before: Vec<String> = rows(&layout).into_iter().filter(of_others).collect();
    let mut journal = open(folder.path()).begin(&head(2, "c", 9)).unwrap();
    (0..4).for_each(|ordinal| journal.append_request(&answered(ordinal)).unwrap());
    let path = journal.path().to_owned();
    drop(journal);
    let bytes = std::fs::read(&path).unwrap();
    for cut in (0..bytes.len()).step_by(bytes.len() / 3) {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let report = rebuilt(&layout);
        let after = rows(&layout);
        assert!(before.iter().all(|row| after.contains(row)), "cut at {cut}");
        let told = report.skipped.len() + usize::from(!report.notes.is_empty());
        assert_eq!(told, 1, "cut at {cut}: {report:?}");
    }
}

#[test]
fn a_process_killed_between_line_and_row_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    let before = rows(&layout);
    // What a kill after the journal's end and before the commit leaves.
    let connection = Connection::open(layout.database()).unwrap();
    let last = head(1, "long_prompts", 1).test_id;
    for sql in [
        "DELETE FROM alerts WHERE run_id = 'run-1' AND ?1 <> ''",
        "DELETE FROM metrics WHERE run_id = 'run-1' AND ?1 <> ''",
        "DELETE FROM verdicts WHERE run_id = 'run-1' AND ?1 <> ''",
        "DELETE FROM cases WHERE run_id = 'run-1' AND ?1 <> ''",
        "DELETE FROM epoch_metrics WHERE result_id =
             (SELECT id FROM benchmark_results WHERE test_id = ?1)",
        "DELETE FROM benchmark_results WHERE test_id = ?1",
    ] {
        assert!(connection.execute(sql, [&last]).unwrap() > 0);
    }
    drop(connection);
    rebuilt(&layout);
    assert_same(&rows(&layout), &before);
}

#[test]
fn what_cannot_be_read_is_skipped_with_its_reason_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    let good = layout.raw_file(&head(0, "token_throughput", 0).test_id);
    std::fs::copy(&good, layout.raw_file("another-name")).unwrap();
    std::fs::write(layout.raw_file("garbage"), b"\x00\xffnot json\n").unwrap();
    std::fs::write(layout.raw().join("notes.txt"), "mine").unwrap();
    let report = rebuilt(&layout);
    let names: Vec<_> =
        report.skipped.iter().map(|skipped| skipped.path.file_stem().unwrap()).collect();
    assert_eq!(names, ["another-name", "garbage"]);
    assert!(report.skipped[0].why.contains("give it that name"), "{:?}", report.skipped);
    assert!(report.skipped[1].why.contains("garbage.jsonl:1: "), "{:?}", report.skipped);
    assert_eq!(report.epochs, 4);
    assert!(layout.raw_file("garbage").exists());
}

#[test]
fn a_damaged_index_is_kept_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    let before = rows(&layout);
    std::fs::write(layout.database(), b"no database").unwrap();
    let report = rebuilt(&layout);
    assert_same(&rows(&layout), &before);
    assert_eq!(std::fs::read(report.backup.unwrap()).unwrap(), b"no database");
}

#[test]
fn a_lost_index_comes_back_also_beside_a_log_that_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    let before = rows(&layout);
    std::fs::remove_file(layout.database()).unwrap();
    std::fs::write(folder.path().join("tokgate.sqlite-wal"), b"of another file").unwrap();
    assert_eq!(rebuilt(&layout).backup, None);
    assert_same(&rows(&layout), &before);
}

#[test]
fn nothing_is_replaced_under_those_who_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    let store = open(folder.path());
    assert!(matches!(rebuild(&layout), Err(StoreError::InUse { .. })));
    drop(store);
    rebuild(&layout).unwrap();
    FileStore::open(layout).unwrap();
}

#[test]
fn an_index_from_the_future_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let layout = kept(folder.path());
    Connection::open(layout.database()).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    let error = rebuild(&layout).unwrap_err();
    assert!(error.to_string().contains("has schema 9"), "{error}");
}
