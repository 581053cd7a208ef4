//! `tokgate export RUN --format parquet -o URL`: what was measured, put in the open and read back.

use crate::faces::{code, command, text};
use crate::support::lab::{Lab, SOUND, Taken};
use std::fs;
use tokgate::rows::{Begun, Manifest, Place, Rows, workers};
use tokgate::store::{FileStore, Layout, Store};
use tokgate_core::run::Arm;

pub(crate) fn lab() -> Lab {
    let lab = Lab::new();
    for run in ["one", "two"] {
        lab.measure(Taken { run, requests: 20, epochs: 2, ..SOUND });
    }
    lab
}

fn ends(lab: &Lab, arguments: &[&str], exit: i32) -> String {
    let output = command(lab.path(), &[&["export"], arguments].concat()).output().unwrap();
    let told = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    told
}

/// Every file beneath the folder, with what it has.
fn everything(place: &Place) -> Vec<(String, Vec<u8>)> {
    let listed = place.list("").unwrap();
    listed.into_iter().map(|it| (it.path.clone(), place.get(&it.path, 1 << 30).unwrap())).collect()
}

#[test]
fn a_stored_run_is_put_whole_and_had_back_record_by_record() {
    let lab = lab();
    let told = ends(&lab, &["one", "--format", "parquet", "-o", "out"], 0);
    assert!(told.starts_with("one: 8 objects at "), "{told}");
    let place = Place::open(lab.path().join("out").to_str().unwrap()).unwrap();
    let names: Vec<String> =
        place.list(&workers("one")).unwrap().into_iter().map(|listed| listed.path).collect();
    let [begun, manifest] = &names[..] else { panic!("{names:?}") };
    let read = |path: &str| place.get(path, 1 << 30).unwrap();
    let manifest = Manifest::read(&read(manifest), manifest).unwrap();
    assert_eq!(Begun::read(&read(begun), begun).unwrap(), manifest.begun);
    assert_eq!((manifest.begun.worker, manifest.begun.of), (0, 1));
    let store = FileStore::open(Layout::new(lab.path().join("results"))).unwrap();
    let stored = store.show("one").unwrap();
    assert_eq!(stored.len(), manifest.epochs.len());
    for (stored, epoch) in stored.iter().zip(&manifest.epochs) {
        assert_eq!((&stored.run.head, &stored.run.telemetry), (&epoch.head, &epoch.telemetry));
        let [requests, events, _] =
            epoch.files.all().map(|facts| place.copied(facts, lab.path()).unwrap());
        let rows = Rows::opened(requests, events, &manifest.slice(epoch), 0).unwrap();
        let mut had: Vec<_> = rows.map(Result::unwrap).collect();
        assert_eq!(epoch.requests.all(), had.len() as u64);
        let mut records = stored.run.records.clone();
        let key = |it: &tokgate_core::record::Record| (it.phase as u8, it.trial, it.ordinal);
        records.sort_by_key(key);
        had.sort_by_key(key);
        assert_eq!(had, records);
    }
}

#[test]
fn a_run_that_is_put_again_changes_nothing_and_other_bytes_are_refused_by_name() {
    let lab = lab();
    let put = |exit| ends(&lab, &["one", "--format", "parquet", "-o", "out"], exit);
    put(0);
    let place = Place::open(lab.path().join("out").to_str().unwrap()).unwrap();
    let before = everything(&place);
    assert!(put(0).contains("one: 0 objects at"), "all were there");
    assert!(everything(&place) == before);
    let rows = before.iter().find(|(path, _)| path.starts_with("rows/events/")).unwrap();
    fs::write(lab.path().join("out").join(&rows.0), b"PAR1").unwrap();
    let told = put(2);
    assert!(told.contains(&rows.0) && told.contains("never overwritten"), "{told}");
    fs::remove_file(lab.path().join("out").join(&rows.0)).unwrap();
    assert!(put(0).contains("one: 1 objects at"));
    assert!(everything(&place) == before);
}

#[test]
fn filters_choose_among_runs_and_both_sides_of_pairs_have_their_own_rows() {
    let lab = lab();
    let told = ends(&lab, &["--format", "parquet", "-o", "all", "--since", "2026-01-01"], 0);
    assert!(told.contains("one: 8 objects") && told.contains("two: 8 objects"), "{told}");
    ends(&lab, &["--format", "parquet", "-o", "none", "--model", "absent"], 4);
    assert!(!lab.path().join("none").exists());
    let store = FileStore::open(Layout::new(lab.path().join("results"))).unwrap();
    let head = store.show("one").unwrap().remove(0).run.head;
    let slice = tokgate::rows::Slice::of(&head, 0, "a");
    let base = tokgate::rows::Slice { arm: Arm::Base, ..slice.clone() };
    let table = &tokgate::rows::schema::REQUESTS;
    assert_ne!(base.path(table), slice.path(table));
    let test = &head.test_id;
    let told = ends(&lab, &[test, "--format", "parquet", "-o", "x"], 2);
    assert!(told.contains("is one test") && told.contains("its run is one"), "{told}");
}

#[test]
fn what_is_missing_or_no_place_is_told_before_anything_is_put() {
    let lab = lab();
    let told = ends(&lab, &["one", "--format", "parquet"], 2);
    assert!(told.contains("-o file:///the/folder"), "{told}");
    let told = ends(&lab, &["one", "--format", "parquet", "-o", "ftp://x/y"], 2);
    assert!(told.contains("none of file://"), "{told}");
    let told = ends(&lab, &["absent", "--format", "parquet", "-o", "out"], 2);
    assert!(told.contains("absent"), "{told}");
    let told = ends(&lab, &["x.json", "-o", "out"], 2);
    assert!(told.contains("--format parquet"), "{told}");
    assert!(!lab.path().join("out").exists() && !lab.path().join("x.json").exists());
}
