//! A copy of the index, whole, taken while others write.

use crate::store::atomic::{TEMPORARY, doing, sync_folder};
use crate::store::database::{DatabaseError, PATIENCE, at, whole};
use crate::store::file_store::{StoreError, lock_file, try_lock};
use crate::store::layout::{Layout, folders};
use crate::store::{ids, reader};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ffi};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two tries while somebody else holds the file.
const PAUSE: Duration = Duration::from_millis(100);

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Where it is.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
}

/// Copies the index of `layout` to `to`, else to a file of `backups/` that is called by `now_us`
/// (microseconds since 1970). The copy gets its name once it is checked and on the disk, and takes
/// nobody else's.
///
/// # Errors
/// When the name is taken, when there is no index, when it is damaged or not ours, and when the copy
/// cannot be written.
pub fn backup(layout: &Layout, to: Option<&Path>, now_us: i64) -> Result<BackedUp, StoreError> {
    let path = match to {
        Some(path) => path.to_owned(),
        None => layout.backups().join(format!("{}.sqlite", ids::stamp(now_us))),
    };
    // A link to nowhere is a name that is taken, too.
    if path.symlink_metadata().is_ok() {
        return Err(StoreError::Taken(path));
    }
    let source = reader::open(layout)?;
    // Nobody puts another file in its place meanwhile.
    let shared = lock_file(layout)?;
    try_lock(shared.try_lock_shared(), layout, "by `tokgate rebuild` or `tokgate db`")?;
    if to.is_none() {
        folders().create(layout.backups()).map_err(doing("create", &layout.backups()))?;
    }
    let bytes = keep(&source, &layout.database(), &path)?;
    Ok(BackedUp { path, bytes })
}

/// Makes the copy in a folder of its own beside `to`, and gives it the name.
fn keep(source: &Connection, from: &Path, to: &Path) -> Result<u64, StoreError> {
    let folder = match to.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let scratch = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(folder)
        .map_err(doing("write a backup in", folder))?;
    let copy = scratch.path().join("copy.sqlite");
    copy_to(source, &copy, from)?;
    // No connection to the copy is open any more, so that opening it drops nobody's locks.
    let written = File::open(&copy).map_err(doing("read", &copy))?;
    private(&written).and_then(|()| written.sync_all()).map_err(doing("sync", &copy))?;
    let bytes = written.metadata().map_err(doing("read", &copy))?.len();
    drop(written);
    let named = tempfile::TempPath::try_from_path(&copy).map_err(doing("name", to))?;
    match named.persist_noclobber(to) {
        Err(_) if to.symlink_metadata().is_ok() => return Err(StoreError::Taken(to.to_owned())),
        result => result.map_err(|refused| doing("write", to)(refused.error))?,
    }
    sync_folder(folder).map_err(doing("sync", folder))?;
    Ok(bytes)
}

/// One step of SQLite's backup: all pages as they are at one moment, whoever writes meanwhile.
fn copy_to(source: &Connection, copy: &Path, from: &Path) -> Result<(), DatabaseError> {
    let mut target = Connection::open(copy).map_err(at(copy))?;
    all_pages(source, &mut target).map_err(at(from))?;
    // What is wrong with the copy is wrong with the original.
    whole(&target, from)?;
    target.close().map_err(|(_, error)| at(copy)(error))
}

fn all_pages(source: &Connection, target: &mut Connection) -> rusqlite::Result<()> {
    let backup = Backup::new(source, target)?;
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(PAUSE),
        }
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))
}

/// For its owner alone: answers of a model may be private.
#[cfg(unix)]
fn private(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_file: &File) -> std::io::Result<()> {
    Ok(())
}
