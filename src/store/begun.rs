//! What a run was asked, on the disk from its start, so that it can be gone on with:
//! `runs/<run_id>.json`, which is never written again. That it is complete says `runs/<run_id>.end.json`;
//! who measures it holds `runs/<run_id>.lock`.
//!
//! No key stands in it: keys are named by their variable, and a scenario with one in it is refused.

use crate::store::atomic::{self, FileError, doing};
use crate::store::file_store::{Lock, StoreError};
use crate::store::ids::is_plain;
use crate::store::layout::Layout;
use serde::{Deserialize, Serialize};
use std::fs::{OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use tokgate_core::case::Case;
use tokgate_core::environment::MachineId;

/// Version of the file. A change of its shape counts up and keeps the old one readable.
const VERSION: u32 = 1;
/// What the end's file ends in.
const ENDED: &str = ".end.json";

/// A run as it was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Version of the file.
    pub schema_version: u32,
    /// The run.
    pub run_id: String,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
    /// The machine's key.
    pub machine: MachineId,
    /// The project's commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The version of tokgate.
    pub tool_version: String,
    /// Memory that was free, bytes: what is measured may depend on it.
    pub memory_available_bytes: u64,
    /// What was asked.
    pub asked: Asked,
    /// What was planned, in order.
    pub cases: Vec<Case>,
}

/// What a run was asked, as the command line and the environment said it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// A scenario's name, or the path of its file.
    pub scenario: String,
    /// Values that are set over the scenario's, weakest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Setting>,
    /// Only the cases whose name contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The hardware preset instead of the detected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware: Option<String>,
    /// What an hour of the target costs, US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_cost: Option<f64>,
    /// The machine's key instead of the detected one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The platform to store results under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The baseline to be compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// The same, if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_lenient: Option<String>,
    /// The name to save the run under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_baseline: Option<String>,
    /// Whether what is merely not proven fails, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// One value that is set over the scenario's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The key.
    pub path: String,
    /// The value, as TOML.
    pub value: String,
    /// The option that set it.
    pub by: String,
}

/// What of a run that was begun cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BegunError {
    /// The file system would not.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not as it was written.
    #[error("{} cannot be read ({source}): the run cannot be gone on with; start it anew", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// From the future.
    #[error("{} was written by a newer tokgate (format {found}; this one reads up to {VERSION})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// The version, before anything else is looked at.
#[derive(Deserialize)]
struct Tag {
    schema_version: u32,
}

impl Begun {
    /// The version of what is written today.
    pub const VERSION: u32 = VERSION;

    /// Keeps it; when this comes back, it is durable.
    ///
    /// # Errors
    /// When there is such a run already, or the file cannot be written.
    pub fn keep(&self, layout: &Layout) -> Result<(), BegunError> {
        let path = layout.run_file(&self.run_id);
        let json = |source| BegunError::Json { path: path.clone(), source };
        let mut bytes = serde_json::to_vec_pretty(self).map_err(json)?;
        bytes.push(b'\n');
        Ok(atomic::write_new(&path, &bytes)?)
    }

    /// The run of this name; `None` where none was begun, or nobody wrote down what it was asked.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn read(layout: &Layout, run_id: &str) -> Result<Option<Self>, BegunError> {
        if !is_plain(run_id) {
            return Ok(None);
        }
        let path = layout.run_file(run_id);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            read => read.map_err(doing("read", &path))?,
        };
        let json = |source| BegunError::Json { path: path.clone(), source };
        let Tag { schema_version: found } = serde_json::from_slice(&bytes).map_err(json)?;
        match found > VERSION {
            true => Err(BegunError::Newer { path, found }),
            false => Ok(Some(serde_json::from_slice(&bytes).map_err(json)?)),
        }
    }
}

/// The runs that were begun and are not complete, the newest last. Their names begin with their start.
///
/// # Errors
/// When the folder cannot be read.
pub fn unended(layout: &Layout) -> Result<Vec<String>, FileError> {
    let folder = layout.runs();
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(doing("list", &folder))?,
    };
    let mut runs = Vec::new();
    for entry in entries {
        let name = entry.map_err(doing("list", &folder))?.file_name();
        let name = name.to_string_lossy();
        let run = name.strip_suffix(".json").filter(|_| !name.ends_with(ENDED));
        runs.extend(run.filter(|run| is_plain(run) && !is_ended(layout, run)).map(str::to_owned));
    }
    runs.sort_unstable();
    Ok(runs)
}

/// Whether a run is complete.
#[must_use]
pub fn is_ended(layout: &Layout, run_id: &str) -> bool {
    layout.run_end_file(run_id).exists()
}

/// Who measures a run; nobody else does, for as long as this is there.
#[derive(Debug)]
pub struct Measuring {
    run_id: String,
    _lock: Lock,
}

impl Measuring {
    /// Measures the run from now on.
    ///
    /// # Errors
    /// When somebody else does, who is named, or the lock cannot be had.
    pub fn start(layout: &Layout, run_id: &str) -> Result<Self, StoreError> {
        let path = layout.run_lock(run_id);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let lock = options.open(&path).map(Lock).map_err(doing("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Measured { run_id: run_id.to_owned(), by: holder(&path) });
            }
            Err(TryLockError::Error(error)) => return Err(doing("lock", &path)(error).into()),
        }
        sign(&lock).map_err(doing("write", &path))?;
        Ok(Self { run_id: run_id.to_owned(), _lock: lock })
    }

    /// The run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Says that the run is complete.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn end(&self, layout: &Layout, ended_us: i64) -> Result<(), FileError> {
        let end = serde_json::json!({
            "schema_version": VERSION, "run_id": self.run_id, "ended_us": ended_us,
        });
        atomic::write(&layout.run_end_file(&self.run_id), format!("{end}\n").as_bytes())?;
        // Whoever finds another lock now finds the end, too. One that stays is in nobody's way.
        std::fs::remove_file(layout.run_lock(&self.run_id)).ok();
        Ok(())
    }
}

/// Names us to whoever finds the lock held.
fn sign(lock: &Lock) -> std::io::Result<()> {
    lock.set_len(0)?;
    (&**lock).write_all(format!("process {}", std::process::id()).as_bytes())
}

/// Who holds a lock, as far as they have signed it.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(100).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        Ok(_) | Err(_) => "another tokgate".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(run_id: &str) -> Begun {
        let setting = |path: &str, value: &str, by: &str| Setting {
            path: path.to_owned(),
            value: value.to_owned(),
            by: by.to_owned(),
        };
        Begun {
            schema_version: Begun::VERSION,
            run_id: run_id.to_owned(),
            started_us: 1,
            machine: MachineId("x1".to_owned()),
            commit: None,
            tool_version: "0".to_owned(),
            memory_available_bytes: 1 << 30,
            asked: Asked {
                scenario: "quick".to_owned(),
                set: vec![setting("requests", "30", "--requests")],
                hourly_cost: Some(0.1),
                ..Asked::default()
            },
            cases: Vec::new(),
        }
    }

    fn layout() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        layout.create().unwrap();
        (folder, layout)
    }

    #[test]
    fn what_was_asked_is_kept_once_and_read_as_it_was() {
        let (_folder, layout) = layout();
        let run = begun("2026-a");
        run.keep(&layout).unwrap();
        assert!(run.keep(&layout).is_err(), "nothing is written over");
        assert_eq!(Begun::read(&layout, "2026-a").unwrap(), Some(run));
        assert_eq!(Begun::read(&layout, "2026-b").unwrap(), None);
        assert_eq!(Begun::read(&layout, "../2026-a").unwrap(), None);
    }

    #[test]
    fn what_a_newer_version_wrote_is_refused() {
        let (_folder, layout) = layout();
        Begun { schema_version: 99, ..begun("a") }.keep(&layout).unwrap();
        assert!(matches!(Begun::read(&layout, "a"), Err(BegunError::Newer { found: 99, .. })));
        std::fs::write(layout.run_file("b"), "{\"schema_version\": 1").unwrap();
        let told = Begun::read(&layout, "b").unwrap_err().to_string();
        assert!(told.contains("b.json") && told.contains("start it anew"), "{told}");
    }

    #[test]
    fn a_run_that_has_no_end_is_not_ended_and_the_newest_comes_last() {
        let (_folder, layout) = layout();
        for run in ["2026-01", "2026-03", "2026-02"] {
            begun(run).keep(&layout).unwrap();
        }
        Measuring::start(&layout, "2026-02").unwrap().end(&layout, 2).unwrap();
        assert_eq!(unended(&layout).unwrap(), ["2026-01", "2026-03"]);
        assert!(is_ended(&layout, "2026-02"));
    }

    #[test]
    fn of_two_who_measure_a_run_the_second_is_told_who_does() {
        let (_folder, layout) = layout();
        let first = Measuring::start(&layout, "a").unwrap();
        let told = Measuring::start(&layout, "a").unwrap_err().to_string();
        let expected = format!("process {}", std::process::id());
        assert!(told.contains("run a") && told.contains(&expected), "{told}");
        assert!(Measuring::start(&layout, "b").is_ok());
        drop(first);
        assert!(Measuring::start(&layout, "a").is_ok());
    }
}
