//! A throw-away git repository.

use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The repository, in a folder of its own, on the branch `main`.
pub(crate) struct Repository(TempDir);

impl Repository {
    pub(crate) fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Everything that is not ignored, as a commit.
    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", message]);
    }

    /// The full hash of a commit.
    pub(crate) fn hash(&self, name: &str) -> String {
        let output =
            Command::new("git").arg("-C").arg(self.path()).args(["rev-parse", name]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn git(&self, arguments: &[&str]) {
        let who = ["-c", "user.name=me", "-c", "user.email=me@localhost", "-C"];
        let done = Command::new("git").args(who).arg(self.path()).args(arguments).status().unwrap();
        assert!(done.success(), "git {arguments:?}");
    }
}
