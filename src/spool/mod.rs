//! Lists that are longer than memory holds, in temporary files: [`tokgate_core::spool`] over disks.
//!
//! A list is a file of its entries as they came. Asked for them in ascending order, it sorts them piece by piece
//! into a second file, and merges the pieces as they are read. Files have no name where the system allows that, and
//! are gone with the process however that ends. What is in memory is one piece while it is sorted, and a buffer for
//! each list and for each piece that is merged: it does not grow with the number of entries.
//!
//! What does not live here, on purpose: a formula.

mod file;
mod list;
mod read;

pub use list::FileSpool;

use std::io;
use std::path::{Path, PathBuf};
use tokgate_core::spool::Spools;

/// Bytes that a list keeps in memory until they are written: there are as many lists as an epoch has metrics.
const BUFFER: usize = 64 << 10;
/// Bytes that are sorted in memory at once: a hundred million numbers are a dozen pieces.
const PIECE: usize = 64 << 20;
/// Bytes of the buffers of all pieces that are merged at once.
const MERGING: usize = 32 << 20;
/// Bytes of one of those at least: below, each read of a disk brings too little.
const SMALLEST: usize = 4 << 10;
/// Bytes of one of those at most: above, each read brings no more.
const LARGEST: usize = 1 << 20;

/// Makes lists in files of a folder.
#[derive(Debug, Clone)]
pub struct FileSpools {
    folder: PathBuf,
    sizes: Sizes,
}

/// How much a list has in memory, bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Of what was not written yet.
    pub buffer: usize,
    /// Of what is sorted at once.
    pub piece: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { buffer: BUFFER, piece: PIECE }
    }
}

/// Why a list cannot be written or read again.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// There is no room left.
    #[error(
        "no room is left in {} for samples that are sorted there ({source}): make room, or name a folder elsewhere by \
         --results-dir", folder.display()
    )]
    Full {
        /// In which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file system would not.
    #[error("cannot {doing} a temporary file in {}: {source}", folder.display())]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// In which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what was written.
    #[error("a temporary file in {} is not what was written to it: {what}", folder.display())]
    Torn {
        /// In which folder.
        folder: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl FileSpools {
    /// In files of `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::with(folder, Sizes::default())
    }

    /// In files of `folder`, with so much in memory.
    #[must_use]
    pub fn with(folder: &Path, sizes: Sizes) -> Self {
        Self { folder: folder.to_owned(), sizes }
    }
}

impl Spools for FileSpools {
    type Error = SpoolError;
    type Of<const N: usize> = FileSpool<N>;

    fn spool<const N: usize>(&self) -> Result<FileSpool<N>, SpoolError> {
        Ok(FileSpool::new(&self.folder, self.sizes))
    }
}

/// Bytes that the reader of one of `pieces` has in memory while all of them are merged.
fn share(pieces: usize) -> usize {
    (MERGING / pieces.max(1)).clamp(SMALLEST, LARGEST)
}
