//! The store without anybody else: whoever measures holds it for as long as its run lasts, and what
//! is being shown stays where it is.

use crate::store::database::{Database, DatabaseError};
use crate::store::file_store::{Lock, StoreError, lock_file, try_lock};
use crate::store::ids::is_plain;
use crate::store::layout::Layout;

/// The index, and the lock that keeps everybody else out.
pub(super) struct Alone {
    pub(super) database: Database,
    _lock: Lock,
}

/// Opens the store of a run that is to be changed.
///
/// # Errors
/// When the run's name is none, there is no index, or somebody has it open.
pub(super) fn open(layout: &Layout, run: &str) -> Result<Alone, StoreError> {
    // A folder is called after it.
    if !is_plain(run) || !layout.root().is_dir() {
        return Err(StoreError::Unknown(run.to_owned()));
    }
    let lock = lock_file(layout)?;
    try_lock(lock.try_lock(), layout, "by another tokgate, which may be measuring")?;
    let path = layout.database();
    match path.exists() {
        true => Ok(Alone { database: Database::open(&path)?, _lock: lock }),
        false if layout.raw_files()?.is_empty() => Err(StoreError::Unknown(run.to_owned())),
        false => Err(DatabaseError::Missing(path).into()),
    }
}
