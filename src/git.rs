//! Which commit is being measured. Read through libgit2: no git program, no hooks, no shell.

use std::path::Path;

/// A commit and whether the tree differs from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hash.
    pub id: String,
    /// Whether tracked files were changed.
    pub dirty: bool,
}

impl Commit {
    /// The commit checked out at `folder`; `None` outside a repository or before its first commit.
    #[must_use]
    pub fn at(folder: &Path) -> Option<Self> {
        let repository = git2::Repository::discover(folder).ok()?;
        let id = repository.head().ok()?.peel_to_commit().ok()?.id().to_string();
        let mut options = git2::StatusOptions::new();
        options.include_untracked(false).exclude_submodules(true);
        // A tree that cannot be read is not known to be clean.
        let dirty = repository.statuses(Some(&mut options)).map_or(true, |all| !all.is_empty());
        Some(Self { id, dirty })
    }
}

impl std::fmt::Display for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.id, if self.dirty { "-dirty" } else { "" })
    }
}
