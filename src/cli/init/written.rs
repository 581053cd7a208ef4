//! What becomes of each file: written where there is none, kept where there is one, added to where lines are
//! missing. All is read before anything is written, and a file is the old one or the new one.

use super::Args;
use super::files::{File, IGNORED};
use super::manifest;
use super::wanted::Wanted;
use crate::project::text_of;
use crate::store::atomic;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// A file, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Its path below the project's folder.
    pub(super) path: &'static str,
    pub(super) fate: Fate,
}

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has this text from now on.
    Written(String),
    /// It is there already.
    Kept,
    /// It has what it had, and more: this text.
    AddedTo(String),
}

impl Fate {
    /// What is said of it.
    fn word(&self) -> &'static str {
        match self {
            Self::Written(_) => "wrote",
            Self::Kept => "kept",
            Self::AddedTo(_) => "added to",
        }
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<9} {}", self.fate.word(), self.path)
    }
}

/// What becomes of every file of the project at `root`; nothing is written yet.
///
/// # Errors
/// When something that is no file stands in a file's place, one cannot be read, or the crate's manifest
/// cannot be added to.
pub(super) fn changes(
    root: &Path,
    files: &[File],
    wanted: &Wanted,
    args: &Args,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for File { path, text } in files {
        let there = text_of(&root.join(path))?;
        let fate = match there {
            Some(there) if !args.force || there == *text => Fate::Kept,
            _ => Fate::Written(text.clone()),
        };
        changes.push(Change { path, fate });
    }
    changes.push(Change { path: ".gitignore", fate: ignoring(text_of(&root.join(".gitignore"))?) });
    if wanted.bench {
        let Some(manifest) = text_of(&root.join("Cargo.toml"))? else {
            bail!(
                "`--bench` is for a Rust crate, and there is no Cargo.toml in {}",
                root.display()
            );
        };
        let added = manifest::added(&manifest, &wanted.origin)?;
        changes.push(Change { path: "Cargo.toml", fate: added.map_or(Fate::Kept, Fate::AddedTo) });
    }
    Ok(changes)
}

/// Results are kept for good, and not committed.
fn ignoring(there: Option<String>) -> Fate {
    let Some(text) = there else { return Fate::Written(format!("{IGNORED}\n")) };
    let name = IGNORED.trim_end_matches('/');
    let is_it = |line: &str| line.trim().trim_matches('/') == name;
    if text.lines().any(is_it) {
        return Fate::Kept;
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let between = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    Fate::AddedTo(format!("{text}{between}{IGNORED}{end}"))
}

impl Change {
    /// Writes it below `root`, whole or not at all.
    ///
    /// # Errors
    /// When its folder cannot be made, or it cannot be written.
    pub(super) fn write(&self, root: &Path) -> Result<()> {
        let (Fate::Written(text) | Fate::AddedTo(text)) = &self.fate else { return Ok(()) };
        let path = target(&root.join(self.path));
        let folder = path.parent().unwrap_or(root);
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let old = std::fs::metadata(&path).ok().map(|metadata| metadata.permissions());
        atomic::write(&path, text.as_bytes())?;
        let permissions = old.or_else(shared);
        let set = permissions.map_or(Ok(()), |it| std::fs::set_permissions(&path, it));
        set.with_context(|| format!("cannot make {} readable", path.display()))
    }
}

/// The file that a link leads to, so that the link stays one.
fn target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What files of a project are for: everybody reads them.
#[cfg(unix)]
fn shared() -> Option<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::Permissions::from_mode(0o644))
}

/// Elsewhere they are so by themselves.
#[cfg(not(unix))]
fn shared() -> Option<std::fs::Permissions> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_added_once_in_the_files_own_line_ends() {
        assert_eq!(ignoring(None), Fate::Written("results/\n".to_owned()));
        for there in ["results", "a\n/results/\n", "results/\r\n"] {
            assert_eq!(ignoring(Some(there.to_owned())), Fate::Kept, "{there:?}");
        }
        let added = |there: &str| ignoring(Some(there.to_owned()));
        assert_eq!(added("target"), Fate::AddedTo("target\nresults/\n".to_owned()));
        assert_eq!(added("a\r\n"), Fate::AddedTo("a\r\nresults/\r\n".to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_added_to_stays_what_it_was_and_a_new_one_is_for_everybody() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Cargo.toml");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let change = |path, fate| Change { path, fate }.write(folder.path()).unwrap();
        change("Cargo.toml", Fate::AddedTo("new".to_owned()));
        change("a/b.toml", Fate::Written("new".to_owned()));
        assert_eq!((mode(&path), mode(&folder.path().join("a/b.toml"))), (0o600, 0o644));
    }
}
