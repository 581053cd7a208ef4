//! Opening and reading a file of prompts. What its lines mean is `core`'s business.

use crate::checksum::sha256;
use crate::driver::OpenError;
use std::fs::{File, metadata};
use std::io::Read;
use tokgate_core::case::{Contents, DataFile};
use tokgate_core::dataset::file::{BadLine, Entries, MAX_FILE_BYTES, parse};

/// A file of prompts in memory.
pub(crate) struct Loaded {
    /// The file, with what was found in it.
    pub(crate) file: DataFile,
    /// Its requests.
    pub(crate) entries: Entries,
}

impl Loaded {
    /// Reads a file, and says in the log which of its lines are left out.
    ///
    /// # Errors
    /// When it is missing, no regular file, too large, or no request is in it.
    pub(crate) fn read(file: &DataFile) -> Result<Self, OpenError> {
        let path = &file.path;
        let refused = |what: String| OpenError::Invalid(format!("data file {path}: {what}"));
        let bytes = bytes(path).map_err(refused)?;
        let parsed =
            parse(path, file.format, &bytes).map_err(|error| refused(error.to_string()))?;
        tell(path, parsed.bad_lines, &parsed.told);
        let contents = Contents {
            sha256: sha256(bytes.as_slice()).map_err(|error| refused(error.to_string()))?,
            entries: parsed.entries.len() as u64,
            bad_lines: parsed.bad_lines,
        };
        let file =
            DataFile { path: path.clone(), format: Some(parsed.format), contents: Some(contents) };
        Ok(Self { file, entries: parsed.entries })
    }
}

fn tell(path: &str, bad_lines: u64, told: &[BadLine]) {
    if bad_lines > 0 {
        tracing::warn!("{path}: {bad_lines} lines cannot be read and are left out");
    }
    for line in told {
        tracing::warn!("{line}");
    }
}

fn bytes(path: &str) -> Result<Vec<u8>, String> {
    let file = opened(path, MAX_FILE_BYTES)?;
    let mut bytes = Vec::new();
    // A file that grows while it is read is cut at the same limit.
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    match read.map_err(|error| format!("cannot be read: {error}"))? as u64 {
        length if length > MAX_FILE_BYTES => Err(too_large(length, MAX_FILE_BYTES)),
        _ => Ok(bytes),
    }
}

/// A regular file of at most `most` bytes. Looked at before it is opened, since opening a FIFO
/// waits for a writer; and again after, since another may lie there by then.
pub(crate) fn opened(path: &str, most: u64) -> Result<File, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    is_regular(&metadata(path).map_err(unreadable)?, most)?;
    let file = File::open(path).map_err(unreadable)?;
    is_regular(&file.metadata().map_err(unreadable)?, most)?;
    Ok(file)
}

fn is_regular(about: &std::fs::Metadata, most: u64) -> Result<(), String> {
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    match about.len() {
        length if length > most => Err(too_large(length, most)),
        _ => Ok(()),
    }
}

fn too_large(length: u64, most: u64) -> String {
    format!("{length} bytes, more than the {most} that are read; split it")
}
