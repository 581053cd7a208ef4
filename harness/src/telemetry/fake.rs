//! A `/proc` or `/sys` in a temporary folder, for the tests of the samplers.

use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The tree.
pub(super) struct FakeProc(TempDir);

impl FakeProc {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Its root.
    pub(super) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// Writes a file, with the folders above it.
    pub(super) fn file(&self, path: &str, text: &str) {
        std::fs::write(self.place(path), text).unwrap();
    }

    /// A process with this CPU time, in ticks; two threads and 10 pages.
    pub(super) fn process(&self, pid: u32, parent: u32, ticks: u64) {
        let text =
            format!("{pid} (it) S {parent} 0 0 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 2 0 99 0 10 0");
        self.file(&format!("{pid}/stat"), &text);
    }

    /// A symbolic link.
    pub(super) fn link(&self, path: &str, to: &str) {
        std::os::unix::fs::symlink(to, self.place(path)).unwrap();
    }

    fn place(&self, path: &str) -> PathBuf {
        let file = self.0.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).unwrap();
        file
    }
}

/// A table of `/proc/net` in which one socket listens, and one of the same port is connected.
pub(super) fn listens(port: u16, inode: u32) -> String {
    format!(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
         0: 0100007F:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {inode} 1\n\
         1: 0100007F:{port:04X} 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 9{inode} 1\n"
    )
}
