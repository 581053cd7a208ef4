//! Where snapshots lie, and how it is known whether who writes them still lives: a lock that the operating
//! system lets go of, however a process ends.

use super::snapshot::{SCHEMA_VERSION, Snapshot, State};
use crate::store::Layout;
use crate::store::atomic::{self, FileError, doing};
use crate::store::ids::is_plain;
use serde::Deserialize;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest file that is read, bytes; ours have some hundred thousand.
const LARGEST: u64 = 8 << 20;
/// Snapshots of runs that are over which are kept, the newest.
const KEPT: usize = 16;
/// How often a lock is tried that a reader may be looking at, and how long it is waited between.
const TRIES: u32 = 40;
const BETWEEN: Duration = Duration::from_millis(5);

/// Why a snapshot cannot be seen.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The file system would not.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is none of ours, or a newer tokgate's.
    #[error("{} is no snapshot that this tokgate can read ({why})", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// That a run's process lives.
#[derive(Debug)]
pub(super) struct Alive {
    lock: File,
    path: PathBuf,
}

impl Alive {
    /// Says that it is over; what is to be read then has been written.
    pub(super) fn end(&self) {
        // Where either fails, the end of the process does it.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.lock.unlock();
    }
}

/// Begins to tell of a run, and gives what an earlier process told of it.
///
/// # Errors
/// When nothing can be written there, or somebody else tells of it.
pub(super) fn begin(layout: &Layout, run: &str) -> Result<(Alive, Option<Snapshot>), FileError> {
    let path = layout.live_lock(run);
    prune(layout);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let lock = options.open(&path).map_err(doing("open", &path))?;
    // A reader may be looking whether somebody lives, and is gone the next moment.
    for _ in 1..TRIES {
        match lock.try_lock() {
            Ok(()) => {
                let earlier = read(&layout.live_file(run)).ok().flatten();
                return Ok((Alive { lock, path }, earlier));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN),
            Err(TryLockError::Error(error)) => return Err(doing("lock", &path)(error)),
        }
    }
    Err(doing("lock", &path)(io::Error::from(ErrorKind::WouldBlock)))
}

/// Puts a snapshot in the place of the one before.
///
/// # Errors
/// When it cannot be written.
pub(super) fn publish(layout: &Layout, snapshot: &Snapshot) -> Result<(), FileError> {
    let path = layout.live_file(&snapshot.run_id);
    let bytes = serde_json::to_vec(snapshot).map_err(io::Error::from);
    atomic::publish(&path, &bytes.map_err(doing("write", &path))?)
}

/// The run of this name as it is seen now; `None` where nobody tells of it.
///
/// # Errors
/// When its file cannot be read, or is none of ours.
pub fn look(layout: &Layout, run: &str) -> Result<Option<Snapshot>, LookError> {
    // No path is made of what is no plain name.
    if !is_plain(run) {
        return Ok(None);
    }
    let path = layout.live_file(run);
    let Some(seen) = read(&path)? else { return Ok(None) };
    if seen.state != State::Running || is_alive(&layout.live_lock(run)) {
        return Ok(Some(seen));
    }
    // It may have ended between the two looks: its last word is there by now.
    Ok(read(&path)?.map(|last| match last.state {
        State::Running => Snapshot { state: State::Interrupted, ..last },
        State::Ended | State::Interrupted => last,
    }))
}

/// All runs that somebody tells or told of, the newest first. What cannot be read is left out.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list(layout: &Layout) -> Result<Vec<Snapshot>, FileError> {
    let mut runs = names(layout)?;
    runs.reverse();
    Ok(runs.iter().filter_map(|run| look(layout, run).ok().flatten()).collect())
}

/// The names of runs, the newest last: they begin with their start.
fn names(layout: &Layout) -> Result<Vec<String>, FileError> {
    let folder = layout.live();
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(doing("list", &folder))?,
    };
    let mut runs: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
        .filter(|run| is_plain(run))
        .collect();
    runs.sort_unstable();
    Ok(runs)
}

/// Takes away what is told of runs that are long over.
fn prune(layout: &Layout) {
    let Ok(mut runs) = names(layout) else { return };
    runs.truncate(runs.len().saturating_sub(KEPT));
    for run in runs.iter().filter(|run| !is_alive(&layout.live_lock(run))) {
        // What stays is in nobody's way.
        let _ = std::fs::remove_file(layout.live_file(run));
        let _ = std::fs::remove_file(layout.live_lock(run));
    }
}

/// Whether somebody holds a lock.
fn is_alive(path: &Path) -> bool {
    let Ok(lock) = File::open(path) else { return false };
    match lock.try_lock_shared() {
        Ok(()) => {
            let _ = lock.unlock();
            false
        }
        Err(TryLockError::WouldBlock) => true,
        // Where locks cannot be asked for, nobody is declared dead.
        Err(TryLockError::Error(_)) => true,
    }
}

/// The version, before anything else is looked at.
#[derive(Deserialize)]
struct Tag {
    schema_version: u32,
}

fn read(path: &Path) -> Result<Option<Snapshot>, LookError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(doing("open", path))?,
    };
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(doing("read", path))?;
    let wrong = |why: String| LookError::Shape { path: path.to_owned(), why };
    let tag: Tag = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if tag.schema_version > SCHEMA_VERSION {
        return Err(wrong(format!("format {} of a newer version", tag.schema_version)));
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        layout.create().unwrap();
        (folder, layout)
    }

    fn snapshot(run: &str, state: State) -> Snapshot {
        Snapshot {
            schema_version: SCHEMA_VERSION,
            run_id: run.to_owned(),
            state,
            ..Snapshot::default()
        }
    }

    fn state(layout: &Layout, run: &str) -> State {
        look(layout, run).unwrap().unwrap().state
    }

    #[test]
    fn a_run_whose_process_is_gone_without_a_word_is_interrupted() {
        let (_folder, layout) = layout();
        let (alive, _) = begin(&layout, "a").unwrap();
        publish(&layout, &snapshot("a", State::Running)).unwrap();
        assert_eq!(state(&layout, "a"), State::Running);
        // As the operating system lets go of the lock of a process that is killed.
        drop(alive);
        assert_eq!(state(&layout, "a"), State::Interrupted);
        let (_alive, earlier) = begin(&layout, "a").unwrap();
        assert_eq!(state(&layout, "a"), State::Running, "somebody goes on with it");
        assert_eq!(earlier.unwrap().run_id, "a");
    }

    #[test]
    fn a_run_that_ended_stays_ended_whoever_lives() {
        let (_folder, layout) = layout();
        let (alive, _) = begin(&layout, "a").unwrap();
        publish(&layout, &snapshot("a", State::Ended)).unwrap();
        alive.end();
        assert_eq!(state(&layout, "a"), State::Ended);
    }

    #[test]
    fn the_newest_come_first_and_what_is_long_over_goes() {
        let (_folder, layout) = layout();
        for number in 0..30 {
            publish(&layout, &snapshot(&format!("run-{number:02}"), State::Ended)).unwrap();
        }
        let (_alive, _) = begin(&layout, "run-99").unwrap();
        let seen = list(&layout).unwrap();
        assert_eq!((seen.len(), seen[0].run_id.as_str()), (KEPT, "run-29"));
    }

    #[test]
    fn what_is_no_snapshot_is_said_by_name_and_leads_nowhere_else() {
        let (_folder, layout) = layout();
        for text in ["", "{", "[]", "{\"schema_version\": 99}", "{\"schema_version\": 1}"] {
            std::fs::write(layout.live_file("a"), text).unwrap();
            let told = look(&layout, "a").unwrap_err().to_string();
            assert!(told.contains("a.json"), "{text}: {told}");
        }
        assert!(list(&layout).unwrap().is_empty());
        for name in ["../a", "", "a/b", ".a"] {
            assert_eq!(look(&layout, name).unwrap(), None);
        }
    }
}
