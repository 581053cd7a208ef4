//! The answers of a model taken out of a run that is kept: its numbers stay, to the last bit.

use crate::store::alone::{self, Alone};
use crate::store::atomic::{self, doing};
use crate::store::case::Key;
use crate::store::file_store::StoreError;
use crate::store::ids::is_plain;
use crate::store::layout::Layout;
use crate::store::line::{self, Kind, Place, Tag};
use crate::store::stored::{self, First, LineError, ReadError, Stored};
use crate::store::{digest, imported, listing};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use tokgate_core::record::Record;

/// What was, or would be, taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Files that hold answers.
    pub files: usize,
    /// The answers in them.
    pub answers: usize,
}

/// What [`purge`] would take out; nothing is.
///
/// # Errors
/// As [`purge`].
pub fn rehearse_purge(layout: &Layout, run: &str) -> Result<Purged, StoreError> {
    let alone = alone::open(layout, run)?;
    let without = without_answers(&alone, layout, run)?;
    Ok(counted(&without))
}

/// Takes the texts of the answers out of a run's raw lines and rows, and its page away. A file is replaced whole or not at
/// all, and only by one that says the same of everything else. Whoever is killed in between calls it
/// again.
///
/// # Errors
/// When there is no such run, anyone else has the store open, a file cannot be read or written, or the
/// index cannot be.
pub fn purge(layout: &Layout, run: &str) -> Result<Purged, StoreError> {
    let mut alone = alone::open(layout, run)?;
    let without = without_answers(&alone, layout, run)?;
    // It quotes answers, and is made again from what is kept.
    atomic::remove(&layout.page_file(run))?;
    for Without { path, bytes, .. } in &without {
        atomic::write(path, bytes)?;
    }
    // What a deleted text leaves in a page is overwritten, too.
    alone.database.forget_deleted()?;
    alone.database.write(|database| clear(database, run))?;
    alone.database.close()?;
    Ok(counted(&without))
}

fn counted(without: &[Without]) -> Purged {
    Purged {
        files: without.iter().filter(|file| file.answers > 0).count(),
        answers: without.iter().map(|file| file.answers).sum(),
    }
}

/// A file that held answers, as it is without them.
struct Without {
    path: PathBuf,
    bytes: Vec<u8>,
    answers: usize,
}

fn without_answers(alone: &Alone, layout: &Layout, run: &str) -> Result<Vec<Without>, StoreError> {
    let named = alone.database.read(|database| listing::named(database, run))?;
    // The index may have come from elsewhere: no path is made of what is no plain name.
    if named.is_empty() || !named.iter().all(|epoch| is_plain(&epoch.test_id)) {
        return Err(StoreError::Unknown(run.to_owned()));
    }
    if let Some(one) = named.iter().find(|epoch| epoch.run_id != run) {
        let (test_id, run_id) = (one.test_id.clone(), one.run_id.clone());
        return Err(StoreError::OneEpoch { test_id, run_id });
    }
    let mut files = Vec::new();
    for epoch in named {
        files.extend(without(&layout.raw_file(&epoch.test_id))?);
    }
    Ok(files)
}

/// The file without its answers; `None` where there are none.
fn without(path: &Path) -> Result<Option<Without>, StoreError> {
    match stored::read_first(path)? {
        First::Imported(mut kept) => {
            let answers = std::mem::take(&mut kept.result.samples).len();
            let bytes = imported::bytes(path, &kept)?;
            let file = Without { path: path.to_owned(), bytes, answers };
            Ok(Some(file).filter(|file| file.answers > 0))
        }
        First::Epoch(..) => of_epoch(path),
    }
}

fn of_epoch(path: &Path) -> Result<Option<Without>, StoreError> {
    let old = std::fs::read(path).map_err(doing("read", path))?;
    let (mut bytes, mut answers) = (Vec::new(), 0);
    for (number, line) in (1..).zip(old.split_inclusive(|byte| *byte == b'\n')) {
        let at = |what| ReadError::Line { path: path.to_owned(), line: number, what };
        match silenced(line).map_err(at)? {
            Some(line) => {
                bytes.extend(line);
                answers += 1;
            }
            None => bytes.extend(line),
        }
    }
    let file = Without { path: path.to_owned(), bytes, answers };
    if file.answers > 0 {
        says_the_same(&old, &file)?;
    }
    Ok(Some(file).filter(|file| file.answers > 0))
}

/// The line of a request without its answer; `None` where it has none, or is no such line.
fn silenced(line: &[u8]) -> Result<Option<Vec<u8>>, LineError> {
    // The torn line that a killed process leaves is no request.
    if !line.ends_with(b"\n") || serde_json::from_slice::<Tag>(line)?.kind != Kind::Request {
        return Ok(None);
    }
    let record: Record = serde_json::from_slice(line)?;
    if record.sample.is_none() {
        return Ok(None);
    }
    let place: Place = serde_json::from_slice(line)?;
    Ok(Some(line::further(Kind::Request, &place, &Record { sample: None, ..record })?))
}

/// Refuses a file that says anything else than the old one without its answers.
fn says_the_same(old: &[u8], file: &Without) -> Result<(), StoreError> {
    let mut expected = stored::read_bytes(old, &file.path)?;
    expected.run.records.iter_mut().for_each(|record| record.sample = None);
    let found: Stored = stored::read_bytes(&file.bytes, &file.path)?;
    match found == expected {
        true => Ok(()),
        false => {
            let why = std::io::Error::other("it would not say the same as before");
            Err(doing("take the answers out of", &file.path)(why).into())
        }
    }
}

fn clear(database: &Connection, run: &str) -> rusqlite::Result<()> {
    let clear = "UPDATE benchmark_results SET sample_responses = NULL WHERE run_id = ?1";
    database.execute(clear, params![run])?;
    let mut query = database.prepare("SELECT case_id, arm FROM cases WHERE run_id = ?1")?;
    let cases: Vec<(String, String)> =
        query.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    cases
        .iter()
        .try_for_each(|(case_id, arm)| digest::put(database, Key { run_id: run, case_id, arm }))
}
