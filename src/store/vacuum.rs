//! The index written anew, without the room that removed rows have left in it.

use crate::store::atomic::{FileError, doing};
use crate::store::database::Database;
use crate::store::file_store::{StoreError, lock_file, try_lock};
use crate::store::layout::Layout;
use crate::store::reader;
use std::path::Path;

/// Sizes of the file, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vacuumed {
    /// Before.
    pub before: u64,
    /// Afterwards.
    pub after: u64,
}

/// Compacts the index of `layout`, alone. SQLite does so in one transaction, which a crash undoes.
///
/// # Errors
/// When there is no index, when it is damaged or not ours, while another tokgate has the store open,
/// and where the disk has no room for a second one.
pub fn vacuum(layout: &Layout) -> Result<Vacuumed, StoreError> {
    let path = layout.database();
    // One that is not ours is refused before a lock is made beside it.
    drop(reader::open(layout)?);
    let alone = lock_file(layout)?;
    try_lock(alone.try_lock(), layout, "by another tokgate")?;
    // Opened and closed once, so that what a killed process left in the log counts.
    Database::open(&path)?.close()?;
    let before = size(&path)?;
    let mut database = Database::open(&path)?;
    // What is damaged would be copied as far as it can be read.
    database.check()?;
    database.vacuum()?;
    database.close()?;
    Ok(Vacuumed { before, after: size(&path)? })
}

fn size(path: &Path) -> Result<u64, FileError> {
    Ok(std::fs::metadata(path).map_err(doing("read", path))?.len())
}
