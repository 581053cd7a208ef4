//! Where the files that a scenario names lie, and whether it may name them.
//!
//! The text of a path was judged when the scenario was planned; here it is followed to its end,
//! links included. Nothing is opened: reading is the harness's business, when its case's turn comes.

use anyhow::{Result, anyhow, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokgate_core::case::{
    Case, Dataset, Passages, PromptSet, PromptSource, QuerySource, Rag, Target, VectorFile,
    VectorKind,
};
use tokgate_core::scenario::{Override, Roots};

/// The key that names a preset.
const PRESET: &str = "preset";

/// What the paths of a scenario are relative to, and how far they may lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The project of the scenario's file; `None` for a scenario that comes with tokgate, which
    /// names no files.
    folder: Option<PathBuf>,
    /// Further folders that the user allows.
    roots: Roots,
    /// Keys whose paths the user gave, who may name any file.
    own: BTreeSet<&'static str>,
}

impl Home {
    /// The home of a scenario whose project is `folder`, under these options.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, roots: &Roots, overrides: &[Override]) -> Self {
        let given = |key: &&'static str| {
            let names = |path: &str| path.rsplit('.').next() == Some(key);
            overrides.iter().any(|one| names(&one.path))
        };
        let own = ["path", "queries", "tokenizer", "passage_file", PRESET]
            .into_iter()
            .filter(given)
            .collect();
        Self { folder, roots: roots.clone(), own }
    }

    /// Follows the paths of a case to their ends; the case then has them as they are opened.
    ///
    /// # Errors
    /// When a file is not there, is no regular file, or lies where a scenario may not read.
    pub fn locate(&self, case: &mut Case) -> Result<()> {
        let Case { id, dataset, rag, target, .. } = case;
        let named = paths(dataset).into_iter().chain(passages(rag.as_mut())).chain(preset(target));
        for (key, path) in named {
            *path = self.found(key, path).map_err(|error| anyhow!("{id}: `{key}` {error}"))?;
        }
        Ok(())
    }

    fn found(&self, key: &'static str, path: &str) -> Result<String> {
        if self.own.contains(key) {
            return regular(Path::new(path)).map(|()| path.to_owned());
        }
        let folder = self.folder.clone().unwrap_or_default();
        let real = real(&folder.join(expanded(path)))?;
        let allowed = self.roots.0.iter().map(|root| expanded(root)).chain([folder]);
        if !allowed.filter_map(|root| root.canonicalize().ok()).any(|root| real.starts_with(root)) {
            bail!(
                "\"{path}\" leads to {}, out of the project; move the file into it, or list its folder in `allow_paths` of `tokgate.toml`",
                real.display()
            );
        }
        regular(&real)?;
        Ok(shown(&real))
    }
}

/// The file that a target names as its preset, by the key of a scenario that names it.
fn preset(target: &mut Target) -> Option<(&'static str, &mut String)> {
    let file = target.preset.as_mut().filter(|preset| preset.ends_with(".toml"));
    file.map(|path| (PRESET, path))
}

/// The files that a data set names, by the keys of a scenario that name them.
fn paths(dataset: &mut Dataset) -> Vec<(&'static str, &mut String)> {
    match dataset {
        Dataset::Prompts(PromptSet { source, tokenizer, .. }) => {
            let file = match source {
                PromptSource::File(file) => Some(("path", &mut file.path)),
                PromptSource::Synthetic(_)
                | PromptSource::Text { .. }
                | PromptSource::Prompts { .. }
                | PromptSource::Tasks { .. } => None,
            };
            file.into_iter().chain(tokenizer.as_mut().map(|path| ("tokenizer", path))).collect()
        }
        Dataset::Vectors(set) => match &mut set.kind {
            VectorKind::File(VectorFile {
                path, queries: QuerySource::Queries(queries), ..
            }) => {
                vec![("path", path), ("queries", queries)]
            }
            VectorKind::File(VectorFile { path, queries: QuerySource::HeldOut(_), .. }) => {
                vec![("path", path)]
            }
            VectorKind::Mixture | VectorKind::Iid => Vec::new(),
        },
    }
}

/// The file of passages that a case names.
fn passages(rag: Option<&mut Rag>) -> Option<(&'static str, &mut String)> {
    match &mut rag?.passages {
        Passages::File { path, .. } => Some(("passage_file", path)),
        Passages::Seeded { .. } => None,
    }
}

/// Follows the paths of several cases; all that is wrong is said at once.
///
/// # Errors
/// When a file cannot be used.
pub fn locate<'a>(cases: impl Iterator<Item = (&'a Home, &'a mut Case)>) -> Result<()> {
    let faults: Vec<String> = cases
        .filter_map(|(home, case)| home.locate(case).err())
        .map(|error| error.to_string())
        .collect();
    if faults.is_empty() { Ok(()) } else { bail!(faults.join("\n")) }
}

/// Said in words alone: the file is the user's, and what is wrong with it is no fault of ours.
fn real(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| anyhow!("{}: {error}", path.display()))
}

fn regular(path: &Path) -> Result<()> {
    let about = path.metadata().map_err(|error| anyhow!("{}: {error}", path.display()))?;
    match about.is_file() {
        true => Ok(()),
        false => bail!("{} is not a regular file", path.display()),
    }
}

/// `~/` is the user's home folder, as shells have it.
fn expanded(path: &str) -> PathBuf {
    use etcetera::BaseStrategy;
    let home = etcetera::choose_base_strategy().ok();
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.home_dir().join(rest),
        (Some(_) | None, _) => PathBuf::from(path),
    }
}

/// The path relative to where we are, when it lies below: a stored case names no folders of ours.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests;
