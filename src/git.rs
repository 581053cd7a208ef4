//! Which commit is being measured. Read through libgit2: no git program, no hooks, no shell.

use std::path::Path;

/// Largest file that is read of a commit; the baseline files, which are all that is, are smaller.
const LARGEST_BLOB: usize = 64 << 20;

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

/// The text of a file in a commit, as git names it: `main:path/in/the/repository`. `None` where
/// `folder` is in no repository, or it has nothing of that name.
///
/// # Errors
/// In words, when what is there is no text of a file.
pub fn text_at(folder: &Path, spec: &str) -> Result<Option<String>, String> {
    let Ok(repository) = git2::Repository::discover(folder) else { return Ok(None) };
    let Ok(object) = repository.revparse_single(spec) else { return Ok(None) };
    let blob = object.as_blob().ok_or_else(|| format!("{spec} is no file"))?;
    if blob.size() > LARGEST_BLOB {
        return Err(format!("{spec} is larger than {LARGEST_BLOB} bytes"));
    }
    let text = std::str::from_utf8(blob.content()).map_err(|_| format!("{spec} is no text"))?;
    Ok(Some(text.to_owned()))
}
