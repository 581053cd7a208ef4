//! A worker's part as it lies on this host: the raw lines of its epochs, and beside them who measured them
//! and when their loads began, so that they can be put again when their place was not there.

use crate::rows::Begun;
use crate::store::atomic::{self, FileError, doing};
use crate::store::ids::is_plain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Number of the file's shape.
const VERSION: u32 = 1;
/// The file.
const NAME: &str = "part.json";
/// What the name of raw lines ends in.
const LINES: &str = "jsonl";

/// Who measured a part, and what there is of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Number of the shape.
    pub version: u32,
    /// Where it is put, as it was asked.
    pub place: String,
    /// Who measured.
    pub begun: Begun,
    /// The epochs, in the order in which they ended.
    pub epochs: Vec<KeptEpoch>,
}

/// One epoch of a part: its raw lines are `<test_id>.jsonl` beside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptEpoch {
    /// Its name.
    pub test_id: String,
    /// When its load began, nanoseconds of its own clock.
    pub origin_ns: u64,
    /// How late that was, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_s: Option<f64>,
}

/// Why a kept part cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file system would not.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not as it was written.
    #[error("{} is not what a worker keeps: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl Kept {
    /// A part of which nothing is measured yet.
    #[must_use]
    pub fn new(place: &str, begun: Begun) -> Self {
        Self { version: VERSION, place: place.to_owned(), begun, epochs: Vec::new() }
    }

    /// Keeps it in its folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        let path = folder.join(NAME);
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(std::io::Error::other)
            .map_err(doing("write", &path))?;
        bytes.push(b'\n');
        atomic::write(&path, &bytes)
    }

    /// Whether a part lies in `folder`.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(NAME).is_file()
    }

    /// The part that lies in `folder`.
    ///
    /// # Errors
    /// When there is none, or it is not as it was written.
    pub fn read(folder: &Path) -> Result<Self, KeptError> {
        let path = folder.join(NAME);
        let content = |what: String| KeptError::Content { path: path.clone(), what };
        let bytes = std::fs::read(&path).map_err(doing("read", &path))?;
        let kept: Self =
            serde_json::from_slice(&bytes).map_err(|error| content(error.to_string()))?;
        if kept.version != VERSION {
            return Err(content(format!("its version is {}, not {VERSION}", kept.version)));
        }
        // No path is made of what is no plain name.
        match kept.epochs.iter().find(|epoch| !is_plain(&epoch.test_id)) {
            Some(epoch) => Err(content(format!("{:?} is no name of an epoch", epoch.test_id))),
            None => Ok(kept),
        }
    }

    /// The raw lines in `folder` of epochs that have no end: of a worker that was killed, and of one that still
    /// measures.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn without_end(&self, folder: &Path) -> Result<Vec<PathBuf>, FileError> {
        let ended: BTreeSet<PathBuf> =
            self.epochs.iter().map(|it| Self::lines(folder, it)).collect();
        let listed = std::fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let paths = listed.map_err(doing("list", folder))?.into_iter().map(|entry| entry.path());
        let is_lines = |path: &PathBuf| path.extension().is_some_and(|ending| ending == LINES);
        let mut left: Vec<PathBuf> =
            paths.filter(|path| is_lines(path) && !ended.contains(path)).collect();
        left.sort_unstable();
        Ok(left)
    }

    /// Where the raw lines of an epoch lie.
    #[must_use]
    pub fn lines(folder: &Path, epoch: &KeptEpoch) -> PathBuf {
        folder.join(format!("{}.{LINES}", epoch.test_id))
    }
}
