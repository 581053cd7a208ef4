//! Places: a folder here, and an object store that fails.

use super::{Written, epoch};
use crate::store::fixture::answered;
use std::fs;
use std::io::Read;
use tokgate::rows::{FileFacts, Place, PlaceError, Put};

fn facts(path: &str, bytes: &[u8]) -> FileFacts {
    let bytes_long = bytes.len() as u64;
    FileFacts { path: path.to_owned(), bytes: bytes_long, rows: 0, crc32: crc32fast::hash(bytes) }
}

#[test]
fn what_is_put_is_there_once_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::make(&format!("file://{}/a/b", folder.path().display())).unwrap();
    assert_eq!(place.put_new("x/one.json", b"one".to_vec()).unwrap(), Put::New);
    assert_eq!(place.put_new("x/one.json", b"one".to_vec()).unwrap(), Put::There);
    let error = place.put_new("x/one.json", b"two".to_vec()).unwrap_err();
    assert!(matches!(error, PlaceError::Taken(_)), "{error}");
    assert_eq!(place.get("x/one.json", 3).unwrap(), b"one");
    assert!(place.get("x/one.json", 2).unwrap_err().to_string().contains("3 bytes"));
    assert!(matches!(place.get("x/two.json", 3), Err(PlaceError::Missing(_))));
    assert_eq!(fs::read(folder.path().join("a/b/x/one.json")).unwrap(), b"one");
}

#[test]
fn where_no_file_lies_none_is_read_and_none_is_put() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::make(folder.path().join("to").to_str().unwrap()).unwrap();
    fs::create_dir_all(folder.path().join("to/rows/a")).unwrap();
    fs::write(folder.path().join("from"), b"one").unwrap();
    let facts = facts("rows/a", b"one");
    for error in [place.verify(&facts), place.get("rows/a", 3).map(drop)].map(Result::unwrap_err) {
        assert!(error.to_string().contains("it is no regular file"), "{error}");
    }
    let error = place.put_file(&facts, &folder.path().join("from")).unwrap_err();
    assert!(matches!(error, PlaceError::Taken(_)), "{error}");
}

#[test]
fn a_place_lists_what_is_beneath_it_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::make(folder.path().to_str().unwrap()).unwrap();
    assert_eq!(place.list("rows").unwrap(), []);
    for path in ["rows/run=a%2Fb/2", "rows/run=a%2Fb/1", "workers/w"] {
        place.put_new(path, b"x".to_vec()).unwrap();
    }
    let names = |folder: &str| -> Vec<String> {
        place.list(folder).unwrap().into_iter().map(|listed| listed.path).collect()
    };
    assert_eq!(names("rows"), ["rows/run=a%2Fb/1", "rows/run=a%2Fb/2"]);
    assert_eq!(names("").len(), 3);
    assert!(folder.path().join("rows/run=a%2Fb/1").exists());
    let found = place.find("workers/w").unwrap().unwrap();
    assert!(found.modified_us > 1_600_000_000_000_000 && found.bytes == 1, "{found:?}");
    place.remove("workers/w").unwrap();
    place.remove("workers/w").unwrap();
    assert_eq!(place.find("workers/w").unwrap(), None);
}

#[test]
fn a_file_of_many_parts_arrives_whole_and_a_changed_one_is_not_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::make(folder.path().join("to").to_str().unwrap()).unwrap();
    let bytes: Vec<u8> =
        (0..40_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (from, into) = (folder.path().join("from"), folder.path().join("into"));
    fs::write(&from, &bytes).unwrap();
    fs::create_dir(&into).unwrap();
    let facts = facts("rows/large", &bytes);
    assert_eq!(place.put_file(&facts, &from).unwrap(), Put::New);
    assert_eq!(place.put_file(&facts, &from).unwrap(), Put::There);
    let mut back = Vec::new();
    place.copied(&facts, &into).unwrap().read_to_end(&mut back).unwrap();
    assert!(back == bytes);
    let at = folder.path().join("to/rows/large");
    let mut changed = bytes.clone();
    changed[20_000_000] ^= 1;
    fs::write(&at, &changed).unwrap();
    let error = place.copied(&facts, &into).unwrap_err().to_string();
    assert!(error.contains("its checksum is another"), "{error}");
    let error = place.put_file(&facts, &from).unwrap_err();
    assert!(matches!(error, PlaceError::Taken(_)), "{error}");
    fs::write(&at, &changed[..100]).unwrap();
    let error = place.copied(&facts, &into).unwrap_err().to_string();
    assert!(error.contains("it has 100 bytes, and had 40000000"), "{error}");
    assert!(place.verify(&facts).is_err());
    assert_eq!(into.read_dir().unwrap().count(), 0, "what is copied has no name");
}

#[test]
fn a_file_that_was_changed_since_it_was_written_is_not_put() {
    let written = Written::of(&epoch(vec![answered(0)]), 0).unwrap();
    let file = written.root().join(&written.files.requests.path);
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, bytes).unwrap();
    let to = tempfile::tempdir().unwrap();
    let place = Place::make(to.path().to_str().unwrap()).unwrap();
    let error = place.put_file(&written.files.requests, &file).unwrap_err().to_string();
    assert!(error.contains("changed since it was written"), "{error}");
    assert_eq!(place.list("").unwrap(), []);
}

#[test]
fn a_folder_that_is_not_there_is_told_and_not_made_for_reading() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let error = Place::open(absent.to_str().unwrap()).map(drop).unwrap_err();
    assert!(matches!(error, PlaceError::Missing(_)), "{error}");
    assert!(!absent.exists());
}

#[cfg(unix)]
#[test]
fn a_file_that_no_object_can_be_called_like_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a\nb"), "").unwrap();
    let place = Place::open(folder.path().to_str().unwrap()).unwrap();
    let error = place.list("").unwrap_err().to_string();
    assert!(error.contains("take it away") && !error.contains('\n'), "{error}");
}
