//! A run taken out: its files moved to `trash/<run>/`, its rows gone from the index. Nothing is
//! deleted: moved back, the raw lines make the rows again.
//!
//! Files move first, the raw lines last of them; then the rows go in one transaction. Whoever is
//! killed in between has an index that names files which are elsewhere: taking the run out again goes
//! on where it stopped, and a rebuild makes the index of what still lies in `raw/`.

use crate::store::atomic::{FileError, doing, sync_folder};
use crate::store::comparison::Rendered;
use crate::store::database::Database;
use crate::store::file_store::{StoreError, write_together};
use crate::store::ids::is_plain;
use crate::store::layout::{Layout, make_folder};
use crate::store::sql::Sql;
use crate::store::stored::First;
use crate::store::{alone, listing, machine, rebuild};
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every table with rows of a run, those before which others refer to.
const ROWS: [&str; 8] = [
    "DELETE FROM histograms WHERE run_id = ?1",
    "DELETE FROM alerts WHERE run_id = ?1",
    "DELETE FROM verdicts WHERE run_id = ?1",
    "DELETE FROM metrics WHERE run_id = ?1",
    "DELETE FROM cases WHERE run_id = ?1",
    "DELETE FROM epoch_metrics WHERE result_id IN
         (SELECT id FROM benchmark_results WHERE run_id = ?1)",
    "DELETE FROM benchmark_results WHERE run_id = ?1",
    "DELETE FROM runs WHERE run_id = ?1",
];

/// A run that is, or would be, taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trashed {
    /// Where its files are now.
    pub folder: PathBuf,
    /// How many epochs it has.
    pub epochs: usize,
    /// Its files, in the order in which they move.
    pub files: Vec<Move>,
}

/// A file that gets another place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Where it was.
    pub from: PathBuf,
    /// Where it is then.
    pub to: PathBuf,
}

/// What would be moved; nothing is.
///
/// # Errors
/// As [`remove`].
pub fn rehearse(layout: &Layout, run: &str) -> Result<Trashed, StoreError> {
    planned(&alone::open(layout, run)?.database, layout, run)
}

/// Takes the run out. Where a file cannot be moved, those before it are put back. `comparison` is
/// what is said of all tests that are left.
///
/// # Errors
/// When there is no such run, it is the name of one epoch, anyone else has the store open, a file
/// cannot be moved, or the index cannot be written.
pub fn remove(layout: &Layout, run: &str, comparison: Rendered<'_>) -> Result<Trashed, StoreError> {
    let mut alone = alone::open(layout, run)?;
    let trashed = planned(&alone.database, layout, run)?;
    move_all(&trashed.files)?;
    if let Err(error) = alone.database.write(|database| forget(database, run)) {
        put_back(&trashed.files);
        return Err(error.into());
    }
    write_together(&mut alone.database, layout, comparison)?;
    Ok(trashed)
}

fn planned(database: &Database, layout: &Layout, run: &str) -> Result<Trashed, StoreError> {
    let epochs = epochs(database, layout, run)?;
    let files = files(layout, run, &epochs)?;
    let folder = folders(layout, run)
        .find(|folder| moves(layout, &files, folder).iter().all(|one| !is_there(&one.to)))
        .expect("numbers do not end");
    let files = moves(layout, &files, &folder);
    Ok(Trashed { folder, epochs: epochs.len(), files })
}

/// The epochs of a run, at least one: those of the index, and those that a process was killed in
/// before they had a row.
fn epochs(database: &Database, layout: &Layout, run: &str) -> Result<BTreeSet<String>, StoreError> {
    let firsts: Vec<First> =
        layout.raw_files()?.iter().filter_map(|path| rebuild::first_of(path).ok()).collect();
    let indexed = database.read(|database| listing::named(database, run))?;
    if let Some(one) = indexed.iter().find(|epoch| epoch.run_id != run) {
        return Err(one_epoch(run, &one.run_id));
    }
    // The index may have come from elsewhere: no path is made of what is no plain name.
    if !indexed.iter().all(|epoch| is_plain(&epoch.test_id)) {
        return Err(StoreError::Unknown(run.to_owned()));
    }
    for epoch in &indexed {
        refuse_lost(layout, run, &epoch.test_id)?;
    }
    let names = || firsts.iter().map(First::name);
    let raw = names().filter(|name| name.run_id == run).map(|name| name.test_id.to_owned());
    let all: BTreeSet<String> = indexed.into_iter().map(|epoch| epoch.test_id).chain(raw).collect();
    if !all.is_empty() {
        return Ok(all);
    }
    Err(match names().find(|name| name.test_id == run) {
        Some(name) => one_epoch(run, name.run_id),
        None => StoreError::Unknown(run.to_owned()),
    })
}

fn one_epoch(test_id: &str, run_id: &str) -> StoreError {
    StoreError::OneEpoch { test_id: test_id.to_owned(), run_id: run_id.to_owned() }
}

/// Rows whose raw lines are nowhere could never be had again.
fn refuse_lost(layout: &Layout, run: &str, test_id: &str) -> Result<(), StoreError> {
    let file = layout.raw_file(test_id);
    let earlier = folders(layout, run).take_while(|folder| folder.exists());
    let mut places = earlier.map(|folder| moved(layout, &file, &folder));
    match is_there(&file) || places.any(|place| is_there(&place)) {
        true => Ok(()),
        false => Err(StoreError::Lost(file)),
    }
}

/// The files of a run: what describes it, then its raw lines. Until the first of these has moved, a
/// rebuild finds the run whole.
fn files(
    layout: &Layout,
    run: &str,
    epochs: &BTreeSet<String>,
) -> Result<Vec<PathBuf>, StoreError> {
    let with_run = epochs.iter().cloned().chain([run.to_owned()]).collect();
    let metadata = called(&layout.metadata(), epochs)?;
    let reports = called(&layout.reports(), &with_run)?;
    let asked = called(&layout.runs(), &[run.to_owned(), format!("{run}.end")].into())?;
    let seen = called(&layout.live(), &[run.to_owned()].into())?;
    Ok([metadata, reports, asked, seen, called(&layout.raw(), epochs)?].concat())
}

/// The files of a folder that are called so, whatever they end in, by name.
fn called(folder: &Path, names: &BTreeSet<String>) -> Result<Vec<PathBuf>, FileError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(doing("list", folder))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(doing("list", folder))?;
        let path = entry.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && stem.is_some_and(|stem| names.contains(stem)) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// The folders for a run, of which the second is for one that was brought back by a copy, and so on.
fn folders(layout: &Layout, run: &str) -> impl Iterator<Item = PathBuf> {
    let trash = layout.trash();
    (1..).map(move |number| match number {
        1 => trash.join(run),
        number => trash.join(format!("{run}.{number}")),
    })
}

fn moves(layout: &Layout, files: &[PathBuf], folder: &Path) -> Vec<Move> {
    let to = |from: &PathBuf| Move { from: from.clone(), to: moved(layout, from, folder) };
    files.iter().map(to).collect()
}

/// The place of a file of the store in another folder.
fn moved(layout: &Layout, file: &Path, folder: &Path) -> PathBuf {
    folder.join(file.strip_prefix(layout.root()).expect("the store's files lie in its folder"))
}

/// Whether a name is taken, also by a link that leads nowhere.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Moves all files, or none.
fn move_all(files: &[Move]) -> Result<(), StoreError> {
    for (done, one) in files.iter().enumerate() {
        if let Err(error) = move_one(one) {
            put_back(&files[..done]);
            return Err(error);
        }
    }
    Ok(sync_all(files)?)
}

fn move_one(one: &Move) -> Result<(), StoreError> {
    if let Some(folder) = one.to.parent() {
        make_folder(folder)?;
    }
    match is_there(&one.to) {
        true => Err(StoreError::Taken(one.to.clone())),
        false => Ok(std::fs::rename(&one.from, &one.to).map_err(doing("move", &one.from))?),
    }
}

/// What cannot be put back stays where it is: that is told by the next listing of the folder, and the
/// error that brought us here is the one to tell.
fn put_back(files: &[Move]) {
    for Move { from, to } in files.iter().rev() {
        if !is_there(from) {
            std::fs::rename(to, from).ok();
        }
    }
}

/// Makes the new places survive a loss of power, before the rows go.
fn sync_all(files: &[Move]) -> Result<(), FileError> {
    let folders = files.iter().flat_map(|one| [one.to.parent(), one.from.parent()]);
    let folders: BTreeSet<&Path> = folders.flatten().collect();
    folders.into_iter().try_for_each(|path| sync_folder(path).map_err(doing("sync", path)))
}

fn forget(database: &Connection, run: &str) -> rusqlite::Result<()> {
    let machines = machines(database, run)?;
    ROWS.iter().try_for_each(|sql| database.execute(sql, params![run]).map(drop))?;
    machines.iter().try_for_each(|name| machine::refresh(&Sql::from(database), name))
}

/// The machines that a run was measured on.
fn machines(database: &Connection, run: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT DISTINCT machine FROM benchmark_results WHERE run_id = ?1";
    database.prepare(sql)?.query_map([run], |row| row.get(0))?.collect()
}
