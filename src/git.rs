//! Which commit is being measured. Read through libgit2: no git program, no hooks, no shell.

use std::collections::{BTreeMap, BTreeSet};
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

/// How many commits ago each of `wanted` was, by full hash: along the first parents of the commit
/// checked out at `folder`, which itself is 0. What is not among them is left out.
#[must_use]
pub fn ages(folder: &Path, wanted: &BTreeSet<String>) -> BTreeMap<String, usize> {
    walk(folder, wanted).unwrap_or_default()
}

fn walk(folder: &Path, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, usize>, git2::Error> {
    let repository = git2::Repository::discover(folder)?;
    let mut commits = repository.revwalk()?;
    commits.simplify_first_parent()?;
    commits.push_head()?;
    let mut found = BTreeMap::new();
    for (age, id) in commits.enumerate() {
        // Where a shallow clone ends, the rest is not known.
        let Ok(id) = id else { break };
        let id = id.to_string();
        if wanted.contains(&id) {
            found.insert(id, age);
        }
        if found.len() == wanted.len() {
            break;
        }
    }
    Ok(found)
}

/// The full hash of the commit that the repository at `folder` knows by a name: a tag, a branch,
/// the beginning of a hash.
#[must_use]
pub fn resolve(folder: &Path, name: &str) -> Option<String> {
    let repository = git2::Repository::discover(folder).ok()?;
    let commit = repository.revparse_single(name).ok()?.peel_to_commit().ok()?;
    Some(commit.id().to_string())
}
