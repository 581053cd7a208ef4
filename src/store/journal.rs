//! The raw lines of one epoch, written as they come.
//!
//! Each line goes to the operating system in one call before the next request is looked at, so
//! that a killed process loses at most the line it was in. Only a loss of power asks for more:
//! [`Journal::sync`], which its caller calls about once a second, and [`Journal::finish`].
//! Reading lives in [`stored`](super::stored).

use crate::store::EpochEnd;
use crate::store::atomic::{FileError, doing, sync_folder};
use crate::store::ids::is_plain;
use crate::store::line::{self, End, Kind, LONGEST, Place};
use crate::store::verdict::StoredVerdict;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tokgate_core::record::Record;
use tokgate_core::run::{Head, TelemetrySample};

/// Why a line was not kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system would not.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is an epoch of this name.
    #[error("{} is there already: an epoch is never written twice", .0.display())]
    Exists(PathBuf),
    /// Not a name for a file.
    #[error("`{0}` cannot name an epoch: letters, digits, `.`, `_` and `-` only")]
    Name(String),
    /// A value that JSON cannot carry.
    #[error("cannot write a line of {}: {source}", path.display())]
    Json {
        /// The journal.
        path: PathBuf,
        /// What could not be written.
        source: serde_json::Error,
    },
    /// Longer than a line may be.
    #[error("a line of {} bytes is longer than {} may hold: {LONGEST}", length, path.display())]
    TooLong {
        /// The journal.
        path: PathBuf,
        /// Bytes.
        length: usize,
    },
    /// An earlier line was not written whole.
    #[error("{} takes no more lines: an earlier write failed", .0.display())]
    Broken(PathBuf),
}

/// The open journal of one epoch.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    place: Place,
    requests: u64,
    telemetry: u64,
    // After a failed write nobody knows what the file ends in; nothing may follow.
    broken: bool,
}

impl Journal {
    /// Opens `folder/<test_id>.jsonl`, which must not be there, and writes its first line. When
    /// this returns, the file's name and its head are on the disk.
    pub fn create(folder: &Path, head: &Head) -> Result<Self, JournalError> {
        if !is_plain(&head.test_id) {
            return Err(JournalError::Name(head.test_id.clone()));
        }
        let path = folder.join(format!("{}.jsonl", head.test_id));
        let file = private().create_new(true).open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Exists(path.clone()),
            _ => doing("create", &path)(error).into(),
        })?;
        let mut journal = Self::over(file, path, Place::of(head));
        let bytes = line::first(head).map_err(journal.json())?;
        journal.put(&bytes)?;
        journal.sync()?;
        sync_folder(folder).map_err(doing("sync", folder))?;
        Ok(journal)
    }

    /// Opens the ended journal at `path` again, to append verdicts. A torn last line, left by
    /// a process that was killed here before, is cut off.
    pub(super) fn reopen(path: &Path, head: &Head) -> Result<Self, JournalError> {
        let bytes = std::fs::read(path).map_err(doing("read", path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let file = private().open(path).map_err(doing("open", path))?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(doing("repair", path))?;
        }
        Ok(Self::over(file, path.to_owned(), Place::of(head)))
    }

    fn over(file: File, path: PathBuf, place: Place) -> Self {
        Self { file, path, place, requests: 0, telemetry: 0, broken: false }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps one request.
    pub fn append_request(&mut self, record: &Record) -> Result<(), JournalError> {
        self.append(Kind::Request, record)?;
        self.requests += 1;
        Ok(())
    }

    /// Keeps one look at the machine.
    pub fn append_telemetry(&mut self, sample: &TelemetrySample) -> Result<(), JournalError> {
        self.append(Kind::Telemetry, sample)?;
        self.telemetry += 1;
        Ok(())
    }

    /// Keeps what the judge said; after [`Journal::finish`], see [`Journal::reopen`].
    pub(super) fn append_verdicts(
        &mut self,
        verdicts: &[StoredVerdict],
    ) -> Result<(), JournalError> {
        verdicts.iter().try_for_each(|verdict| self.append(Kind::Verdict, verdict))?;
        self.sync()
    }

    /// Writes the last line and waits until everything is on the disk.
    pub fn finish(mut self, epoch: &EpochEnd) -> Result<PathBuf, JournalError> {
        let end = End {
            requests: self.requests,
            telemetry: self.telemetry,
            ending: epoch.ending.clone(),
            after: epoch.after.clone(),
            client: epoch.client,
            validity: epoch.validity.clone(),
        };
        self.append(Kind::End, &end)?;
        self.sync()?;
        Ok(self.path)
    }

    /// Waits until everything so far is on the disk.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        // A failed sync may have dropped pages that a second one would call clean.
        self.file.sync_data().map_err(|error| self.fail("sync", error))
    }

    fn append<T: Serialize>(&mut self, kind: Kind, body: &T) -> Result<(), JournalError> {
        let bytes = line::further(kind, &self.place, body).map_err(self.json())?;
        self.put(&bytes)
    }

    fn put(&mut self, line: &[u8]) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken(self.path.clone()));
        }
        if line.len() > LONGEST {
            return Err(JournalError::TooLong { path: self.path.clone(), length: line.len() });
        }
        self.file.write_all(line).map_err(|error| self.fail("append to", error))
    }

    fn fail(&mut self, what: &'static str, error: io::Error) -> JournalError {
        self.broken = true;
        doing(what, &self.path)(error).into()
    }

    fn json(&self) -> impl FnOnce(serde_json::Error) -> JournalError + use<> {
        let path = self.path.clone();
        move |source| JournalError::Json { path, source }
    }
}

/// Appending, readable by its owner alone: the lines hold prompts' answers.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::run::Ending;
    use tokgate_core::validity::Validity;

    #[test]
    fn nothing_follows_a_line_that_was_not_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("epoch.jsonl");
        std::fs::write(&path, "").unwrap();
        // A file that takes no writes stands for a full disk.
        let file = File::open(&path).unwrap();
        let place: Place =
            serde_json::from_str(r#"{"epoch":0,"booking":"b","arm":"head"}"#).unwrap();
        let mut journal = Journal::over(file, path, place);
        let sample = TelemetrySample::default();
        let first = journal.append_telemetry(&sample).unwrap_err().to_string();
        assert!(first.starts_with("cannot append to ") && first.contains("epoch.jsonl"), "{first}");
        assert!(matches!(journal.append_telemetry(&sample), Err(JournalError::Broken(_))));
        let end = EpochEnd {
            ending: Ending::Completed,
            validity: Validity::Valid,
            after: None,
            client: None,
        };
        assert!(matches!(journal.finish(&end), Err(JournalError::Broken(_))));
    }
}
