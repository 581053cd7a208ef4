//! What tells a file from every other one without its bytes.

use crate::hex;
use crate::store::atomic::{FileError, doing};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::Path;

/// How long a file is, and its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Its length, bytes.
    pub bytes: u64,
    /// Its SHA-256, in 64 small hexadecimal digits.
    pub sha256: String,
}

impl Fingerprint {
    /// That of the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of_file(path: &Path) -> Result<Self, FileError> {
        let mut file = File::open(path).map_err(doing("read", path))?;
        let mut hash = Sha256::new();
        let bytes = std::io::copy(&mut file, &mut hash).map_err(doing("read", path))?;
        Ok(Self { bytes, sha256: hex::digits(&hash.finalize()) })
    }

    /// Whether it is written as one is.
    #[must_use]
    pub fn is_written_well(&self) -> bool {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        self.sha256.len() == 64 && self.sha256.bytes().all(is_digit)
    }
}
