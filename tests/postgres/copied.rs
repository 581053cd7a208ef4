//! A history is copied there and back, and is the same.

use super::Base;
use crate::faces::{code, command};
use crate::store::fixture::{keep_case, open};
use crate::support::calls::told;
use crate::support::choices;
use rusqlite::Connection;
use std::path::Path;
use tokgate::store::team::{End, copy};
use tokgate::store::{Depth, Layout, check};

fn folder(root: &Path) -> End {
    End::Folder(Layout::new(root))
}

#[test]
fn there_and_back_nothing_is_otherwise() {
    let Some(base) = Base::made() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let [here, back] = ["here", "back"].map(|name| scratch.path().join(name));
    choices::fill(&here);
    keep_case(&mut open(&here), 9, "judged");
    let there = copy(&folder(&here), &End::Team(base.team())).unwrap();
    assert_eq!((there.runs, there.cases, there.there, there.without_lines), (9, 9, 0, 0));
    let returned = copy(&End::Team(base.team()), &folder(&back)).unwrap();
    assert_eq!(returned, there);
    assert_eq!(open(&back).exported().unwrap(), open(&here).exported().unwrap());
    let checked = check(&Layout::new(&back), Depth::RawLines).unwrap();
    assert!(checked.is_sound(), "{checked:?}");
    let again = copy(&folder(&back), &End::Team(base.team())).unwrap();
    assert_eq!((again.cases, again.there, again.files), (0, 9, 0));
}

#[test]
fn a_folder_that_says_otherwise_is_refused_and_changes_nothing() {
    let Some(base) = Base::made() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let here = scratch.path().join("r");
    keep_case(&mut open(&here), 0, "one");
    copy(&folder(&here), &End::Team(base.team())).unwrap();
    keep_case(&mut open(&here), 1, "new");
    let index = Connection::open(Layout::new(&here).database()).unwrap();
    let changed =
        "UPDATE metrics SET value = value * 2 WHERE run_id = 'run-0' AND metric = 'tok_s'";
    assert!(index.execute(changed, []).unwrap() > 0);
    drop(index);
    let arguments = ["store", "copy", "r", &base.url()];
    let output = command(scratch.path(), &arguments).output().unwrap();
    let said = told(&output);
    assert_eq!(code(&output), Some(2), "{said}");
    assert!(said.contains("other rows") && said.contains("run-0, quick/one, head"), "{said}");
    assert_eq!(base.number("SELECT count(*) FROM tokgate.runs"), 1);
}

#[test]
fn raw_lines_that_were_changed_on_the_way_are_not_taken_for_the_truth() {
    let Some(base) = Base::made() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let [here, back] = ["here", "back"].map(|name| scratch.path().join(name));
    keep_case(&mut open(&here), 0, "one");
    copy(&folder(&here), &End::Team(base.team())).unwrap();
    let spoil = "UPDATE tokgate.raw_parts SET content = content || 'x'::bytea";
    base.client().batch(spoil).unwrap();
    let error = copy(&End::Team(base.team()), &folder(&back)).unwrap_err().to_string();
    assert!(error.contains("not those that were sent"), "{error}");
}
