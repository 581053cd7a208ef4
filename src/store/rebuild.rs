//! The index made anew from the raw lines.

use crate::store::atomic::{TEMPORARY, doing, sync_folder};
use crate::store::database::{Database, DatabaseError};
use crate::store::file_store::{FileStore, StoreError, lock_file, try_lock};
use crate::store::layout::Layout;
use crate::store::standing::standing;
use crate::store::stored::{self, First, ReadError, Stored};
use crate::store::{CaseEnd, case, cell, epoch, imported, listing};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokgate_core::case::CaseId;
use tokgate_core::run::Head;

/// What became of a rebuild.
#[derive(Debug, Default)]
pub struct RebuildReport {
    /// Epochs indexed.
    pub epochs: usize,
    /// Cases indexed.
    pub cases: usize,
    /// Results of other tools indexed.
    pub imported: usize,
    /// Files that could not be read; they are left as they are.
    pub skipped: Vec<Skipped>,
    /// What was odd about files that could.
    pub notes: Vec<String>,
    /// Where the old index is now.
    pub backup: Option<PathBuf>,
}

/// A raw file that is not in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// An epoch's file, by its head.
struct Source {
    path: PathBuf,
    head: Head,
    // Its row's number; none where it keeps the one that it has.
    number: Option<i64>,
}

impl Source {
    fn start(&self) -> (i64, String) {
        (self.head.started_us, self.head.test_id.clone())
    }
}

/// A file of `raw/`, by its first line.
struct Raw {
    path: PathBuf,
    first: First,
    // Its place among all by their start, from 1.
    number: i64,
}

/// An epoch with its place among all.
struct Numbered {
    number: Option<i64>,
    stored: Stored,
}

/// What the epochs of one case have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct CaseKey {
    run_id: String,
    case: CaseId,
    arm: &'static str,
}

impl CaseKey {
    fn of(head: &Head) -> Self {
        Self { run_id: head.run_id.clone(), case: head.case.id.clone(), arm: cell::arm(head.arm) }
    }
}

/// Makes the index of `layout` anew from all of `raw/`, in the order in which the epochs
/// started, and puts it in the place of the old one, which is kept beside it. Refused while
/// anyone else has the store open.
pub fn rebuild(layout: &Layout) -> Result<RebuildReport, StoreError> {
    layout.create()?;
    let alone = lock_file(layout)?;
    try_lock(alone.try_lock(), layout, "by another tokgate")?;
    examine(&layout.database())?;
    clear_leftovers(layout)?;
    let Fresh { scratch: _scratch, path, mut report } = fresh(layout)?;
    report.backup = replace(layout, &path)?;
    Ok(report)
}

/// An index that was just made from the raw lines.
pub(super) struct Fresh {
    // The folder that goes with it.
    pub(super) scratch: TempDir,
    pub(super) path: PathBuf,
    pub(super) report: RebuildReport,
}

/// Makes an index of all of `raw/` in a folder of its own beside the one that is there.
pub(super) fn fresh(layout: &Layout) -> Result<Fresh, StoreError> {
    let scratch = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(layout.root())
        .map_err(doing("write in", layout.root()))?;
    let path = scratch.path().join("rebuilt.sqlite");
    let mut fresh = Database::open_or_create(&path)?;
    let report = index(&mut fresh, layout)?;
    fresh.check()?;
    fresh.fold()?;
    fresh.close()?;
    Ok(Fresh { scratch, path, report })
}

/// Indexes every epoch and every case that can be read.
fn index(fresh: &mut Database, layout: &Layout) -> Result<RebuildReport, StoreError> {
    let mut report = RebuildReport::default();
    let (mut epochs, mut imported) = (Vec::new(), Vec::new());
    for Raw { path, first, number } in raw(layout, &mut report)? {
        match first {
            First::Epoch(head, _) => {
                epochs.push(Source { path, head: *head, number: Some(number) })
            }
            First::Imported(kept) => imported.push((number, kept)),
        }
    }
    let cases = cases(epochs);
    report.imported = imported.len();
    let put_all = |database: &Connection| {
        for (number, kept) in &imported {
            imported::put(database, kept, Some(*number))?;
        }
        for case in cases {
            let epochs: Vec<Numbered> =
                case.into_iter().filter_map(|source| read(source, &mut report)).collect();
            report.epochs += epochs.len();
            report.cases += usize::from(!epochs.is_empty());
            put(database, epochs)?;
        }
        Ok(report)
    };
    Ok(fresh.write(put_all)?)
}

/// Fills in what a newer schema has and an index of an older one had not, from the raw lines of those
/// epochs that have a row. Lines that cannot be read leave their row as it is, for `check` to tell.
pub(super) fn fill_in(database: &mut Database, layout: &Layout) -> Result<(), StoreError> {
    let mut report = RebuildReport::default();
    let there = database.read(listing::all_test_ids)?;
    let epochs = raw(layout, &mut report)?.into_iter().filter_map(|raw| match raw.first {
        First::Epoch(head, _) if there.contains(&head.test_id) => {
            Some(Source { path: raw.path, head: *head, number: None })
        }
        First::Epoch(..) | First::Imported(_) => None,
    });
    let cases = cases(epochs.collect());
    Ok(database.write(|database| put_again(database, cases))?)
}

/// Puts down the rows of the cases that these files are epochs of, and says how many cases there are. Lines
/// that cannot be read leave their row as it is.
pub(super) fn cases_of(store: &mut FileStore, files: Vec<PathBuf>) -> Result<usize, StoreError> {
    let epoch = |path: PathBuf| match first_of(&path) {
        Ok(First::Epoch(head, _)) => Some(Source { path, head: *head, number: None }),
        Ok(First::Imported(_)) | Err(_) => None,
    };
    let mut epochs: Vec<Source> = files.into_iter().filter_map(epoch).collect();
    epochs.sort_by_key(Source::start);
    let cases = cases(epochs);
    let count = cases.len();
    store.write(|database| put_again(database, cases))?;
    Ok(count)
}

/// Puts cases down again whose epochs have their rows' numbers.
fn put_again(database: &Connection, cases: Vec<Vec<Source>>) -> rusqlite::Result<()> {
    let mut report = RebuildReport::default();
    cases.into_iter().try_for_each(|case| {
        let read = |source| read(source, &mut report);
        put(database, case.into_iter().filter_map(read).collect())
    })
}

/// Every raw file with its first line, by start; those without are skipped.
fn raw(layout: &Layout, report: &mut RebuildReport) -> Result<Vec<Raw>, StoreError> {
    let mut sources = Vec::new();
    for path in layout.raw_files()? {
        match first_of(&path) {
            Ok(first) => sources.push(Raw { path, first, number: 0 }),
            Err(_) if is_unborn(&path) => report.notes.push(format!(
                "{}: cut off before its first line was whole: nothing was measured into it",
                path.display()
            )),
            Err(why) => report.skipped.push(Skipped { path, why }),
        }
    }
    sources.sort_by(|a, b| {
        let key = |raw: &Raw| (raw.first.started_us(), raw.first.name().test_id.to_owned());
        key(a).cmp(&key(b))
    });
    for (number, source) in (1..).zip(&mut sources) {
        source.number = number;
    }
    Ok(sources)
}

/// Whether a process was killed, or the disk was full, while a file was made.
fn is_unborn(path: &Path) -> bool {
    matches!(stored::read_first(path), Err(ReadError::Headless(_)))
}

/// The first line of a file, which has the name that it says.
pub(super) fn first_of(path: &Path) -> Result<First, String> {
    let first = stored::read_first(path).map_err(|error| error.to_string())?;
    let test_id = first.name().test_id;
    match path.file_stem().is_some_and(|stem| stem == test_id) {
        true => Ok(first),
        false => Err(format!("it says that it is `{test_id}`: give it that name")),
    }
}

/// The epochs of each case and side together, each in their order. The one that began first comes
/// first: a run is called by the scenario of its first epoch.
fn cases(sources: Vec<Source>) -> Vec<Vec<Source>> {
    let mut cases: BTreeMap<CaseKey, Vec<Source>> = BTreeMap::new();
    for source in sources {
        cases.entry(CaseKey::of(&source.head)).or_default().push(source);
    }
    let mut cases: Vec<Vec<Source>> = cases.into_values().collect();
    cases.sort_by_key(|case| case.first().map(Source::start));
    cases
}

fn read(source: Source, report: &mut RebuildReport) -> Option<Numbered> {
    match stored::read(&source.path) {
        Ok(stored) => {
            let named =
                stored.notes.iter().map(|note| format!("{}: {note}", source.path.display()));
            report.notes.extend(named);
            Some(Numbered { number: source.number, stored })
        }
        Err(error) => {
            report.skipped.push(Skipped { path: source.path, why: error.to_string() });
            None
        }
    }
}

fn put(database: &Connection, epochs: Vec<Numbered>) -> rusqlite::Result<()> {
    for Numbered { number, stored } in &epochs {
        epoch::put(database, stored, *number)?;
    }
    let (mut runs, mut validity, mut verdicts) = (Vec::new(), Vec::new(), Vec::new());
    for Numbered { stored, .. } in standing(epochs, |epoch| &epoch.stored.run) {
        runs.push(stored.run);
        validity.push(stored.validity);
        verdicts = stored.verdicts;
    }
    let Some(summary) = case::summary(&runs) else { return Ok(()) };
    let ended = CaseEnd { epochs: &runs, validity: &validity, summary: &summary, verdicts: &[] };
    case::put(database, ended, &verdicts)
}

/// Puts the fresh index in the place of the old one, which gets another name. A log that the
/// old one left behind goes with it: SQLite would play it into the new one.
fn replace(layout: &Layout, fresh: &Path) -> Result<Option<PathBuf>, StoreError> {
    let path = layout.database();
    let backup = backup_name(layout);
    for log in ["-wal", "-shm"] {
        move_if_there(&beside(&path, log), &beside(&backup, log))?;
    }
    let kept = link_if_there(&path, &backup)?;
    std::fs::rename(fresh, &path).map_err(doing("replace", &path))?;
    sync_folder(layout.root()).map_err(doing("sync", layout.root()))?;
    Ok(kept.then_some(backup))
}

/// Whether the index may be replaced: one that a newer version or another program wrote may not.
/// Opening and closing a sound one also plays its log into it.
fn examine(path: &Path) -> Result<(), DatabaseError> {
    if !path.exists() {
        return Ok(());
    }
    match Database::open(path) {
        Ok(sound) => sound.close(),
        Err(DatabaseError::Damaged { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The first name of its kind that is free.
fn backup_name(layout: &Layout) -> PathBuf {
    (1..)
        .map(|n| layout.root().join(format!("tokgate.sqlite.{n}.bak")))
        .find(|path| !path.exists())
        .expect("numbers do not end")
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn move_if_there(from: &Path, to: &Path) -> Result<bool, StoreError> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        result => Ok(result.map(|()| true).map_err(doing("move", from))?),
    }
}

/// A second name for the old file keeps the first one there until the new file takes it. Where
/// the file system has no second names, it is moved: until the new file is there, the store then
/// says that its index is missing.
fn link_if_there(from: &Path, to: &Path) -> Result<bool, StoreError> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(_) => move_if_there(from, to),
    }
}

/// Removes what a killed process left half made; nobody else is here now.
fn clear_leftovers(layout: &Layout) -> Result<(), StoreError> {
    let root = std::fs::read_dir(layout.root()).map_err(doing("list", layout.root()))?;
    // Where there are no backups, nothing was left among them.
    let backups = std::fs::read_dir(layout.backups()).into_iter().flatten();
    for entry in root.chain(backups).flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            std::fs::remove_dir_all(entry.path()).map_err(doing("remove", &entry.path()))?;
        }
    }
    Ok(())
}
