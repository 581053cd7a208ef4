//! Where a side's files lie: the project as it is, or a commit of it, built by the user's command.

use crate::git;
use crate::project::Project;
use crate::store::Layout;
use anyhow::{Context, Result};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokgate_core::case::Case;
use tokgate_harness::launch::build;
use tokgate_harness::stop::Stop;

/// What stands for a side's folder in the words of its launch.
const FOLDER: &str = "{dir}";

/// The files of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    folder: PathBuf,
    /// Its commit, where it is a checkout.
    pub(super) commit: Option<String>,
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.commit {
            Some(commit) => write!(f, "commit {commit}"),
            None => write!(f, "{}", self.folder.display()),
        }
    }
}

impl Tree {
    /// The project as it is, or a checkout of `reference` among the results.
    ///
    /// # Errors
    /// When there is no repository, or no such commit.
    pub(super) fn of(reference: Option<&str>, project: &Project, layout: &Layout) -> Result<Self> {
        let Self { folder: here, .. } = Self::here(project)?;
        let Some(reference) = reference else { return Self::here(project) };
        let commit = git::resolve(&here, reference)?;
        let checkout = layout.checkout(&commit);
        git::checkout(&here, &commit, &checkout)
            .with_context(|| format!("cannot check out `{reference}`"))?;
        // The project may be a part of its repository.
        let folder = checkout.join(git::place_of(&here)?);
        Ok(Self { folder, commit: Some(commit) })
    }

    /// The project as it is.
    ///
    /// # Errors
    /// When there is no folder that we are called in.
    pub(super) fn here(project: &Project) -> Result<Self> {
        let folder = project.root.clone().map_or_else(std::env::current_dir, Ok)?;
        Ok(Self { folder, commit: None })
    }

    /// The project as its files have it.
    pub(super) fn project(&self) -> Project {
        Project::at(&self.folder)
    }

    /// Runs the user's build in it.
    ///
    /// # Errors
    /// When the build fails, takes too long, or is stopped.
    pub(super) fn build(
        &self,
        command: &str,
        logs: &Path,
        patience: Duration,
        stop: &Stop,
    ) -> Result<()> {
        Ok(build(command, &self.folder, logs, patience, stop)?)
    }

    /// Names the folder in the words of the case's launch, and keeps which one it was.
    pub(super) fn settle(&self, case: &mut Case) {
        let folder = self.folder.display().to_string();
        let Some(launch) = &mut case.target.launch else { return };
        let words = launch.command.iter_mut().chain(launch.env.values_mut());
        words.for_each(|word| *word = word.replace(FOLDER, &folder));
        launch.folder = Some(folder);
    }
}
