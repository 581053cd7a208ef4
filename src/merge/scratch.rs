//! A folder for the copies of workers' files, which goes with its owner: at its end, or, where that was killed,
//! by whoever merges there next.

use crate::store::atomic::{FileError, doing};
use std::fs::File;
use std::path::Path;
use tempfile::TempDir;

/// What it is called first.
const PREFIX: &str = ".tokgate-merge-";
/// The file in it that its owner holds: a lock, which the operating system lets go of however a process ends.
const OWNED: &str = "owned";

/// The folder.
pub(super) struct Scratch {
    // Windows removes no file that is open: this one is closed first.
    _owned: File,
    folder: TempDir,
}

impl Scratch {
    /// A new one in `folder`; those whose owners are gone are removed.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(super) fn new(folder: &Path) -> Result<Self, FileError> {
        sweep(folder);
        let scratch = tempfile::Builder::new().prefix(PREFIX).tempdir_in(folder);
        let scratch = scratch.map_err(doing("write in", folder))?;
        let path = scratch.path().join(OWNED);
        let owned = File::create(&path).map_err(doing("write", &path))?;
        owned.lock().map_err(doing("lock", &path))?;
        Ok(Self { _owned: owned, folder: scratch })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes what processes have left that were killed. What cannot be looked at is in nobody's way.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let owned = File::open(entry.path().join(OWNED)).ok().filter(|_| is_ours);
        if owned.is_some_and(|owned| owned.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_owner_left_is_removed_and_what_a_living_one_has_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let living = Scratch::new(folder.path()).unwrap();
        let killed = folder.path().join(format!("{PREFIX}killed"));
        let other = folder.path().join("another");
        for left in [&killed, &other] {
            std::fs::create_dir(left).unwrap();
            std::fs::write(left.join(OWNED), "").unwrap();
        }
        let next = Scratch::new(folder.path()).unwrap();
        assert!(living.path().is_dir() && next.path().is_dir() && other.is_dir());
        assert!(!killed.exists());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
