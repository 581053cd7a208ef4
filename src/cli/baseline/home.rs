//! Where baselines, runs and proposals lie for whoever called.

use crate::baselines;
use crate::cli::team;
use crate::project::Project;
use crate::store::{FileStore, Layout};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use tokgate_baseline::Baseline;
use tokgate_core::environment::MachineId;

/// The project and its results.
pub(in crate::cli) struct Home {
    /// The project.
    pub(in crate::cli) project: Project,
    /// The results.
    pub(in crate::cli) layout: Layout,
}

impl Home {
    /// The nearest project, and the results that were named or are its own.
    ///
    /// # Errors
    /// When the named folder is not there.
    pub(in crate::cli) fn find(results_dir: Option<&Path>) -> Result<Self> {
        let project = Project::find(&std::env::current_dir()?);
        let layout = team::layout(&project, results_dir)?;
        Ok(Self { project, layout })
    }

    /// The stored runs.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub(super) fn store(&self) -> Result<FileStore> {
        Ok(FileStore::open(self.layout.clone())?)
    }

    /// The stored runs, where there are any: looking makes no folder.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub(super) fn store_if_any(&self) -> Result<Option<FileStore>> {
        let any = self.layout.has_index() || !self.layout.raw_files()?.is_empty();
        any.then(|| self.store()).transpose()
    }

    /// The file of a baseline as it is listed, or the file itself, if it is there.
    pub(super) fn find_file(&self, name: &str) -> Option<PathBuf> {
        let named = baselines::named(&self.layout, name);
        let recorded = || {
            let (machine, scenario) = name.split_once('/')?;
            let folder = baselines::recorded_folder(self.project.root.as_deref()?);
            baselines::place_in(&folder, &MachineId(machine.to_owned()), scenario).ok()
        };
        std::iter::once(named).chain(recorded()).find(|path| path.exists())
    }

    /// The same; it is there.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf> {
        self.find_file(name).with_context(|| {
            format!("there is no baseline `{name}`; `tokgate baseline list` names them")
        })
    }

    /// The file in which this project records the baseline of a scenario on the machine that a
    /// baseline is of.
    ///
    /// # Errors
    /// Without a project, and for names that cannot be files.
    pub(super) fn recorded(&self, scenario: &str, baseline: &Baseline) -> Result<PathBuf> {
        let root = self.project.root.as_deref().context(
            "no project here to record in: call it in a folder with `scenarios/` or `tokgate.toml`, or \
             name a file with `tokgate baseline record --to FILE`",
        )?;
        let folder = baselines::recorded_folder(root);
        baselines::place_in(&folder, &baseline.provenance.machine, scenario)
    }
}
