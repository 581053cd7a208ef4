//! Which file a name stands for: a rebuild puts another one in the place of the index.

use std::io;
use std::path::Path;
use std::time::SystemTime;

/// A file, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    /// A number that is given again once its file is gone.
    #[cfg(unix)]
    node: (u64, u64),
    /// When it was made, where the file system says so.
    made: Option<SystemTime>,
}

impl Identity {
    /// The file at `path`. It is not opened.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let file = std::fs::metadata(path)?;
        Ok(Self {
            #[cfg(unix)]
            node: node(&file),
            made: file.created().ok(),
        })
    }
}

#[cfg(unix)]
fn node(file: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}
