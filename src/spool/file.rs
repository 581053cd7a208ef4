//! One temporary file: written from its beginning to its end, and then read anywhere.

use super::SpoolError;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file without a name.
#[derive(Debug)]
pub(super) struct Unnamed {
    file: File,
    folder: PathBuf,
    written: u64,
}

impl Unnamed {
    pub(super) fn create(folder: &Path) -> Result<Self, SpoolError> {
        let file =
            tempfile::tempfile_in(folder).map_err(|source| failed("make", folder, source))?;
        Ok(Self { file, folder: folder.to_owned(), written: 0 })
    }

    /// Adds `bytes` at its end.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        let at = SeekFrom::Start(self.written);
        let put = (&self.file).seek(at).and_then(|_| (&self.file).write_all(bytes));
        put.map_err(|source| failed("write", &self.folder, source))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Fills `bytes` with what was written from `at` on.
    pub(super) fn read(&self, at: u64, bytes: &mut [u8]) -> Result<(), SpoolError> {
        let seek = (&self.file).seek(SeekFrom::Start(at));
        seek.and_then(|_| (&self.file).read_exact(bytes)).map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => self.torn(format!(
                "it ends before byte {}, and {} were written",
                at + bytes.len() as u64,
                self.written
            )),
            _ => failed("read", &self.folder, source),
        })
    }

    pub(super) fn torn(&self, what: String) -> SpoolError {
        SpoolError::Torn { folder: self.folder.clone(), what }
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Cuts it off, as a failing disk would.
    #[cfg(test)]
    pub(super) fn cut(&self, bytes: u64) {
        self.file.set_len(bytes).unwrap();
    }

    /// Puts something else in the place of what was written.
    #[cfg(test)]
    pub(super) fn overwrite(&self, at: u64, bytes: &[u8]) {
        (&self.file).seek(SeekFrom::Start(at)).unwrap();
        (&self.file).write_all(bytes).unwrap();
    }
}

pub(super) fn failed(doing: &'static str, folder: &Path, source: io::Error) -> SpoolError {
    use ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let folder = folder.to_owned();
    match source.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => SpoolError::Full { folder, source },
        _ => SpoolError::Refused { doing, folder, source },
    }
}
