//! What is measured is delivered: once, whole, by however many at a time.

use super::Base;
use crate::faces::with_scenario;
use crate::kill::few;
use crate::store::database::{many_are_kept, many_write};
use crate::store::fixture::{head, keep, keep_case, open, run};
use crate::support::calls::{ends, measures};
use std::path::Path;
use tokgate::store::outbox::{Receipt, Told, waiting};
use tokgate::store::team::{Copied, Delivering, End, copy, deliver};
use tokgate::store::{FileStore, Layout, Store};

fn delivering(root: &Path, base: &Base) -> (Delivering, Receipt) {
    Delivering::start(open(root), base.team()).unwrap()
}

fn asked(base: &Base) -> FileStore {
    FileStore::open(Layout::new("nowhere").of_team(base.team())).unwrap()
}

/// Every cell of every table of a folder is in the team's store.
pub(super) fn is_all_there(root: &Path, base: &Base) -> Copied {
    let layout = Layout::new(root);
    let copied = copy(&End::Folder(layout.clone()), &End::Team(base.team())).unwrap();
    assert_eq!((copied.cases, copied.rows, copied.files), (0, 0, 0), "{copied:?}");
    assert_eq!(waiting(&layout).unwrap(), []);
    copied
}

#[test]
fn a_run_is_in_the_team_store_cell_by_cell_when_it_has_ended() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut store, receipt) = delivering(folder.path(), &base);
    keep_case(&mut store, 0, "one");
    keep_case(&mut store, 0, "two");
    assert_eq!(waiting(&Layout::new(folder.path())).unwrap().len(), 1);
    store.finish_run(&|_| String::new()).unwrap();
    assert_eq!(receipt.told(), Some(Told::Delivered(base.team().place())));
    assert_eq!(is_all_there(folder.path(), &base).there, 2);
    assert_eq!(base.number("SELECT count(*) FROM tokgate.raw_files"), 4);
}

#[test]
fn the_same_twice_changes_nothing() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(folder.path()), 0, "one");
    let layout = Layout::new(folder.path());
    let first = deliver(&layout, &base.team(), Some("run-0")).unwrap();
    assert_eq!((first.runs, first.epochs, first.cases, first.files), (1, 2, 1, 2));
    let transactions = "SELECT max(xmin::text::bigint) FROM tokgate.benchmark_results";
    let before = base.number(transactions);
    let again = deliver(&layout, &base.team(), Some("run-0")).unwrap();
    assert_eq!((again.runs, again.epochs, again.cases, again.files), (1, 0, 0, 0));
    assert_eq!(base.number(transactions), before);
}

#[test]
fn many_writers_of_one_folder_deliver_everything_once() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let finish = |store: &mut Delivering| store.finish_run(&|_| String::new()).unwrap();
    many_write(|_| delivering(folder.path(), &base).0, finish);
    many_are_kept(&open(folder.path()));
    many_are_kept(&asked(&base));
    is_all_there(folder.path(), &base);
}

#[test]
fn many_writers_of_folders_of_their_own_deliver_into_one_store() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    let own = |writer: u32| delivering(&folder.path().join(writer.to_string()), &base).0;
    let finish = |store: &mut Delivering| store.finish_run(&|_| String::new()).unwrap();
    many_write(own, finish);
    many_are_kept(&asked(&base));
    for writer in 0..8 {
        is_all_there(&folder.path().join(writer.to_string()), &base);
    }
    // All of one machine: its row is one, and of all of them.
    assert_eq!(base.number("SELECT count(*) FROM tokgate.machines"), 1);
}

#[test]
fn what_was_kept_while_the_store_was_away_is_delivered_by_the_next_run() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    base.client().batch("ALTER SCHEMA tokgate RENAME TO away").unwrap();
    let (mut store, receipt) = delivering(folder.path(), &base);
    keep_case(&mut store, 0, "one");
    store.finish_run(&|_| String::new()).unwrap();
    let Some(Told::Waits(told)) = receipt.told() else { panic!("{receipt:?}") };
    assert!(told.contains("not delivered") && told.contains("migrate"), "{told}");
    drop(store);
    base.client().batch("ALTER SCHEMA away RENAME TO tokgate").unwrap();
    let (mut store, _) = delivering(folder.path(), &base);
    keep(&mut store, &run(head(1, "two", 0)));
    store.finish_run(&|_| String::new()).unwrap();
    assert_eq!(is_all_there(folder.path(), &base).there, 2);
}

#[test]
fn a_row_that_the_store_refuses_keeps_no_other_from_it() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "one");
    keep_case(&mut store, 0, "two");
    let refusal = "ALTER TABLE tokgate.cases ADD CONSTRAINT odd CHECK (case_id <> 'quick/one')";
    base.client().batch(refusal).unwrap();
    let layout = Layout::new(folder.path());
    let delivered = deliver(&layout, &base.team(), Some("run-0")).unwrap();
    assert_eq!((delivered.cases, delivered.left.len(), delivered.runs), (1, 1, 0));
    assert!(delivered.left[0].contains("quick/one"), "{:?}", delivered.left);
    assert_eq!(waiting(&layout).unwrap().len(), 1);
    base.client().batch("ALTER TABLE tokgate.cases DROP CONSTRAINT odd").unwrap();
    assert_eq!(deliver(&layout, &base.team(), None).unwrap().runs, 1);
    is_all_there(folder.path(), &base);
}

#[test]
fn raw_lines_that_somebody_else_sends_at_the_moment_are_waited_for() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(folder.path()), 0, "one");
    let (layout, team) = (Layout::new(folder.path()), base.team());
    let other = base.client();
    let test_id = head(0, "one", 0).test_id;
    let sends =
        format!("BEGIN; INSERT INTO tokgate.raw_files VALUES ('{test_id}', 1, 'x', '{{}}')");
    other.batch(&sends).unwrap();
    let waits = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let delivered = std::thread::scope(|scope| {
        let delivering = scope.spawn(|| deliver(&layout, &team, Some("run-0")).unwrap());
        while base.number(waits) == 0 {}
        other.batch("COMMIT").unwrap();
        delivering.join().unwrap()
    });
    assert_eq!((delivered.left.as_slice(), delivered.files), (&[] as &[_], 2));
    is_all_there(folder.path(), &base);
}

#[test]
fn answers_that_are_taken_out_here_are_taken_out_there_also_of_a_run_that_was_interrupted() {
    let Some(base) = Base::made() else { return };
    let folder = crate::purge::kept();
    let layout = Layout::new(folder.path());
    let mut store = open(folder.path());
    crate::purge::keep_unfinished(&mut store, 1);
    drop(store);
    let bring = |run| deliver(&layout, &base.team(), Some(run)).unwrap().left;
    let holding = format!(
        "SELECT (SELECT count(*) FROM tokgate.raw_parts WHERE position('{0}'::bytea IN content) > 0)
              + (SELECT count(*) FROM tokgate.benchmark_results b WHERE position('{0}' IN b::text) > 0)",
        crate::purge::SECRET
    );
    for run in ["run-0", "run-1"] {
        assert_eq!(bring(run), [""; 0]);
    }
    assert_eq!(base.number(&holding), 4);
    for run in ["run-0", "run-1"] {
        assert!(tokgate::store::purge(&layout, run).unwrap().answers > 0);
        assert_eq!(bring(run), [""; 0]);
    }
    assert_eq!(base.number(&holding), 0);
    is_all_there(folder.path(), &base);
}

#[test]
fn a_run_is_taken_out_by_the_sql_of_the_page_and_others_stay() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "one");
    keep_case(&mut store, 1, "one");
    drop(store);
    let layout = Layout::new(folder.path());
    for run in ["run-0", "run-1"] {
        deliver(&layout, &base.team(), Some(run)).unwrap();
    }
    let sql = super::guarded::shown("Taking out").replace("'RUN'", "'run-0'");
    base.client().batch(&sql).unwrap();
    let runs: Vec<String> =
        asked(&base).runs(10).unwrap().into_iter().map(|run| run.run_id).collect();
    assert_eq!(runs, ["run-1"]);
    assert_eq!(base.number("SELECT count(*) FROM tokgate.raw_files"), 2);
    assert_eq!(base.number("SELECT count(DISTINCT test_id) FROM tokgate.raw_parts"), 2);
    // It is still here, and so can be brought again.
    assert_eq!(deliver(&layout, &base.team(), Some("run-0")).unwrap().cases, 1);
    is_all_there(folder.path(), &base);
}

/// An answer of a batch.
const ANSWER: &str = r#"{"custom_id": "1", "response": {"status_code": 200, "body": {"choices": [{"message": {"content": "yes"}}], "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}}}}"#;

#[test]
fn what_is_imported_or_analysed_is_delivered_and_waits_where_the_store_is_away() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("answers.jsonl"), ANSWER).unwrap();
    let named = |model| {
        [
            "analyze",
            "--platform",
            "vllm",
            "--total-time",
            "3",
            "--input",
            "answers.jsonl",
            "--model",
            model,
        ]
    };
    let url = base.url();
    let told = ends(folder.path(), &[&named("a") as &[_], &["--store", &url]].concat(), 0);
    assert!(told.contains("delivered to"), "{told}");
    let away = "postgres://postgres@127.0.0.1:1/away";
    let told = ends(folder.path(), &[&named("b") as &[_], &["--store", away]].concat(), 0);
    assert!(told.contains("not delivered") && told.contains("store deliver"), "{told}");
    let layout = Layout::new(folder.path().join("r"));
    assert_eq!(waiting(&layout).unwrap()[0].store, "127.0.0.1:1/away");
    let sample =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/imports/vllm-bench-serve/vllm-0.32.0.json");
    let told = ends(folder.path(), &["import", sample, "--store", &url], 0);
    assert!(told.contains("delivered to"), "{told}");
    assert_eq!(base.number("SELECT count(*) FROM tokgate.benchmark_results"), 2);
}

#[test]
fn a_name_with_a_nul_is_delivered_and_comes_back_as_it_was() {
    let Some(base) = Base::made() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut odd = crate::store::imported::result(&"0".repeat(32));
    odd.model.name = "a\0b\u{fdd0}1'\"; --é".to_owned();
    store.keep_imported(&odd).unwrap();
    drop(store);
    let layout = Layout::new(folder.path());
    let run = tokgate::store::imported_run(&odd.source.digest);
    assert_eq!(deliver(&layout, &base.team(), Some(&run)).unwrap().runs, 1);
    is_all_there(folder.path(), &base);
    let epochs = asked(&base).epochs(10).unwrap();
    assert_eq!(epochs, open(folder.path()).epochs(10).unwrap());
    assert_eq!(epochs[0].model, odd.model.name);
}

#[test]
fn a_measurement_by_the_program_is_delivered_and_listed() {
    let Some(base) = Base::made() else { return };
    let folder = with_scenario(&few());
    let told = measures(folder.path(), &["run", "case.toml", "--store", &base.url()], 0);
    assert!(told.contains(&format!("store  {}", base.team().place())), "{told}");
    is_all_there(&folder.path().join("r"), &base);
    let local = ends(folder.path(), &["list", "--json"], 0);
    assert_eq!(ends(folder.path(), &["list", "--json", "--store", &base.url()], 0), local);
    assert!(local.contains("case"), "{local}");
    let waits = ends(folder.path(), &["store", "deliver", "--store", &base.url()], 0);
    assert!(waits.contains("nothing waits"), "{waits}");
}
