//! Databases of earlier schemas are brought up to date, and kept as they were beside it.

use super::fixture::open;
use super::rebuild::{assert_same, rows};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokgate::store::{DatabaseError, Depth, FileStore, Layout, Store, StoreError, check, rebuild};

fn given() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/given/earlier")
}

/// The results as a version with this schema left them.
fn left_by(schema: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("raw")).unwrap();
    for file in fs::read_dir(given().join("raw")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join("raw").join(file.file_name())).unwrap();
    }
    let database = given().join(format!("schema-{schema}.sqlite"));
    fs::copy(database, folder.path().join("tokgate.sqlite")).unwrap();
    folder
}

/// Every figure of every epoch, as earlier schemas have it, too.
fn figures(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let mut query = connection
        .prepare(
            "SELECT b.test_id || ' ' || metric || ' ' || stat || ' ' || value
             FROM epoch_metrics e JOIN benchmark_results b ON b.id = e.result_id ORDER BY 1",
        )
        .unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_earlier_schema_is_brought_up_to_date_with_a_copy_beside_it() {
    for schema in 1..=3 {
        let folder = left_by(schema);
        let layout = Layout::new(folder.path());
        let before = figures(&layout.database());
        assert!(before.len() > 100);
        drop(open(folder.path()));
        assert_eq!(figures(&layout.database()), before, "schema {schema}");
        let copy = folder.path().join(format!("tokgate.sqlite.schema-{schema}.bak"));
        assert_eq!(figures(&copy), before, "schema {schema}");
        let checked = check(&layout, Depth::RawLines).unwrap();
        assert!(checked.is_sound() && checked.compared, "schema {schema}: {:?}", checked.findings);
    }
}

#[test]
fn what_is_new_is_filled_in_as_a_rebuild_would() {
    let folder = left_by(1);
    let store = open(folder.path());
    assert_eq!(store.runs(10).unwrap().len(), 3);
    let layout = store.layout().clone();
    drop(store);
    let filled = rows(&layout);
    assert!(filled.iter().any(|row| row.starts_with("histograms: ")));
    assert!(filled.iter().any(|row| row.starts_with("machines: ") && row.contains("golden-x1")));
    rebuild(&layout).unwrap();
    assert_same(&rows(&layout), &filled);
}

#[test]
fn an_epoch_whose_lines_are_lost_keeps_its_row() {
    let folder = left_by(3);
    let lost = fs::read_dir(folder.path().join("raw")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&lost).unwrap();
    let store = open(folder.path());
    assert_eq!(store.epochs(10).unwrap().len(), 6);
}

#[test]
fn a_newer_and_a_foreign_database_are_refused_with_their_bytes_unchanged() {
    for (pragma, newer) in [("user_version = 99", true), ("application_id = 7", false)] {
        let folder = left_by(3);
        let path = Layout::new(folder.path()).database();
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!("PRAGMA journal_mode = delete; PRAGMA {pragma}"))
            .unwrap();
        drop(connection);
        let before = fs::read(&path).unwrap();
        let error = FileStore::open(Layout::new(folder.path())).unwrap_err();
        let StoreError::Database(error) = error else { panic!("{error}") };
        assert_eq!(matches!(error, DatabaseError::Newer { found: 99, .. }), newer, "{error}");
        assert_eq!(matches!(error, DatabaseError::Foreign { .. }), !newer, "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
        let beside: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
        let copies = beside.iter().filter(|e| e.file_name().to_string_lossy().ends_with(".bak"));
        assert_eq!(copies.count(), 0);
    }
}
