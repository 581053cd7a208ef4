//! Runs that are still to be delivered to a team's store or a server that keeps them: a small file each in the
//! results folder, there before the first row is, and gone only when everything was delivered. Who measures a
//! run holds its file.

use crate::store::atomic::{self, FileError, doing};
use crate::store::file_store::Lock;
use crate::store::ids::is_plain;
use crate::store::journal::private;
use crate::store::layout::{Layout, make_folder};
use crate::{hex, store::file_store::StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::TryLockError;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Version of the file.
const VERSION: u32 = 1;
/// Characters of a digest that tell stores apart.
const DIGITS: usize = 12;

/// A run that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    version: u32,
    /// The run.
    pub run_id: String,
    /// Where it is to go: a store's host, port and database, or a server's address.
    pub store: String,
}

/// An entry that is held: by nobody else while this is there.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    // Let go of with this.
    _lock: Lock,
}

impl Held {
    /// Notes that a run is for a store, and holds the note. None where somebody else holds it.
    ///
    /// # Errors
    /// When the outbox cannot be written.
    pub fn note(layout: &Layout, store: &str, run_id: &str) -> Result<Option<Self>, FileError> {
        let (run_id, store) = (run_id.to_owned(), store.to_owned());
        let waiting = Waiting { version: VERSION, run_id, store };
        make_folder(&layout.outbox())?;
        let path = path(layout, &waiting);
        if !path.exists() {
            let text = serde_json::to_vec(&waiting).expect("two names are JSON");
            match atomic::write_new(&path, &text) {
                Err(taken) if path.exists() => drop(taken),
                written => written?,
            }
        }
        Self::hold(path)
    }

    /// Holds a note; none where it is gone, or somebody else holds it.
    fn hold(path: PathBuf) -> Result<Option<Self>, FileError> {
        let file = match private().read(true).create(false).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => Lock(file.map_err(doing("open", &path))?),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, _lock: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(doing("lock", &path)(error)),
        }
    }

    /// Takes the note away: everything is delivered.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn done(self) -> Result<(), FileError> {
        atomic::remove(&self.path)
    }
}

fn path(layout: &Layout, waiting: &Waiting) -> PathBuf {
    let digest = hex::digits(&Sha256::digest(&waiting.store));
    layout.outbox().join(format!("{}.{}.json", waiting.run_id, &digest[..DIGITS]))
}

/// The runs that wait, for whatever store, by name.
///
/// # Errors
/// When the folder or a file of it cannot be read.
pub fn waiting(layout: &Layout) -> Result<Vec<Waiting>, StoreError> {
    let folder = layout.outbox();
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(doing("list", &folder))?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.map_err(doing("list", &folder))?.path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let text = match std::fs::read(&path) {
            // Delivered by another process at this moment.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            text => text.map_err(doing("read", &path))?,
        };
        let read: Waiting = serde_json::from_slice(&text)
            .map_err(|error| doing("read", &path)(std::io::Error::other(error)))?;
        // The folder may have come from elsewhere: no path is made of what is no plain name.
        if read.version <= VERSION && is_plain(&read.run_id) {
            all.push(read);
        }
    }
    all.sort_by(|a, b| (&a.run_id, &a.store).cmp(&(&b.run_id, &b.store)));
    Ok(all)
}

/// The runs that wait for this store, by name.
///
/// # Errors
/// As [`waiting`].
pub fn waiting_for(layout: &Layout, store: &str) -> Result<Vec<String>, StoreError> {
    let mine = |waiting: &Waiting| waiting.store == store;
    Ok(waiting(layout)?.into_iter().filter(mine).map(|waiting| waiting.run_id).collect())
}

/// What became of the deliveries, for who tells the end of a run.
#[derive(Debug, Clone, Default)]
pub struct Receipt(Arc<Mutex<Option<Told>>>);

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Everything is there; where.
    Delivered(String),
    /// Something waits; why, and what brings it.
    Waits(String),
}

impl Receipt {
    /// What there is to say; nothing before anything ended.
    #[must_use]
    pub fn told(&self) -> Option<Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says what became of them.
    pub fn say(&self, told: Told) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str = "127.0.0.1:1/b";

    #[test]
    fn a_run_waits_from_its_note_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        assert_eq!(waiting(&layout).unwrap(), []);
        let held = Held::note(&layout, STORE, "run-1").unwrap().unwrap();
        let all = waiting(&layout).unwrap();
        assert_eq!((all.len(), all[0].store.as_str()), (1, STORE));
        assert_eq!(waiting_for(&layout, STORE).unwrap(), ["run-1"]);
        assert_eq!(waiting_for(&layout, "elsewhere").unwrap(), [""; 0]);
        held.done().unwrap();
        assert_eq!(waiting(&layout).unwrap(), []);
        assert!(Held::hold(path(&layout, &all[0])).unwrap().is_none());
    }

    #[test]
    fn a_run_is_delivered_by_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let held = Held::note(&layout, STORE, "run-1").unwrap();
        assert!(held.is_some());
        assert!(Held::note(&layout, STORE, "run-1").unwrap().is_none());
        drop(held);
        assert!(Held::note(&layout, STORE, "run-1").unwrap().is_some());
    }
}
