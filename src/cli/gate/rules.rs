//! By whose rules: the base's project, which of its scenarios, and what it says of them.

use super::referee::Referee;
use crate::cli::face::Face;
use crate::cli::options::Options;
use crate::cli::plan::{self, Planned};
use crate::cli::tree::Tree;
use crate::project::Project;
use crate::store::Layout;
use anyhow::{Context, Result};
use std::path::PathBuf;
use tokgate_core::environment::Environment;

/// Measured where neither an argument nor the base's settings name a scenario.
const USUAL: &str = "regression";

/// The rules of the base commit.
pub(super) struct Rules {
    /// The base's project: its scenarios, baselines and settings.
    pub(super) project: Project,
    /// The base's files.
    pub(super) tree: Tree,
    /// The options of the command line, with what the base's settings add.
    pub(super) options: Options,
    pub(super) layout: Layout,
    pub(super) environment: Environment,
    /// The scenarios that were named.
    named: Vec<String>,
}

/// The folder of the project.
///
/// # Errors
/// When we are called in none.
pub(super) fn root(project: &Project) -> Result<PathBuf> {
    let root = project.root.clone();
    root.context("no project here: call it in a folder with `scenarios/` or `tokgate.toml`")
}

impl Rules {
    /// The rules of the referee's base, which is checked out among the results.
    ///
    /// # Errors
    /// When it cannot be checked out, or its settings are wrong.
    pub(super) fn of(
        referee: &Referee,
        project: &Project,
        options: &Options,
        named: &[String],
    ) -> Result<Self> {
        let mut options = options.clone();
        let results = options.results_dir.clone().map_or_else(|| project.results(), Ok)?;
        let layout = Layout::new(results.clone());
        options.results_dir = Some(results);
        let tree = Tree::of(Some(&referee.base), project, &layout)?;
        let rules = tree.project();
        let options = options.settle(&rules)?;
        let environment = tokgate_harness::machine::detect();
        Ok(Self { project: rules, tree, options, layout, environment, named: named.to_vec() })
    }

    /// Every case of the scenarios.
    ///
    /// # Errors
    /// When there is no such scenario, or it cannot be run.
    pub(super) fn plan(&self, face: &Face) -> Result<Vec<Planned>> {
        self.scenarios().iter().map(|name| self.plan_one(name, face)).collect()
    }

    /// Whether the settings say where the base of a pair comes from.
    pub(super) fn has_base(&self) -> bool {
        let gate = &self.options.settled.gate;
        gate.build.is_some() || gate.base_url.is_some()
    }

    fn scenarios(&self) -> Vec<String> {
        let settled = &self.options.settled.gate.scenarios;
        match (self.named.is_empty(), settled.is_empty()) {
            (false, _) => self.named.clone(),
            (true, false) => settled.clone(),
            (true, true) => vec![USUAL.to_owned()],
        }
    }

    fn plan_one(&self, name: &str, face: &Face) -> Result<Planned> {
        let source = self.project.scenario(name)?;
        let mut planned = plan::read(&source, &self.options, &self.environment, &|_, _| true)?;
        planned.locate()?;
        plan::check_built_in(planned.cases.iter())?;
        plan::decide_auto(planned.cases.iter_mut(), |found| face.tell(found));
        Ok(planned)
    }
}
