//! What is measured is delivered: once, whole, by however many at a time.

use super::Base;
use crate::faces::with_scenario;
use crate::store::database::{many_are_kept, many_write};
use crate::store::fixture::{head, keep, keep_case, open, run};
use crate::support::calls::{ends, measures};
use std::path::Path;
use tokgate::store::team::{Copied, Delivering, End, Receipt, Told, copy, deliver, waiting};
use tokgate::store::{FileStore, Layout, Store};

/// Two short epochs of two cases.
pub(super) const SHORT: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1 }
[run]
epochs = 2
[dataset]
prompt_tokens = 8
output_tokens = 4
[[case]]
name = "short"
kind = "generation"
workload = { requests = 6, warmup = 0 }
matrix = { concurrency = [1, 2] }
"#;

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
fn a_measurement_by_the_program_is_delivered_and_listed() {
    let Some(base) = Base::made() else { return };
    let folder = with_scenario(SHORT);
    let told = measures(folder.path(), &["run", "case.toml", "--store", &base.url()], 0);
    assert!(told.contains(&format!("store  {}", base.team().place())), "{told}");
    is_all_there(&folder.path().join("r"), &base);
    let local = ends(folder.path(), &["list", "--json"], 0);
    assert_eq!(ends(folder.path(), &["list", "--json", "--store", &base.url()], 0), local);
    assert!(local.contains("case"), "{local}");
    let waits = ends(folder.path(), &["store", "deliver", "--store", &base.url()], 0);
    assert!(waits.contains("nothing waits"), "{waits}");
}
