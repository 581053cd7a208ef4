//! The proposals that lie beside the results, checked before anybody is told of them. The texts beside them
//! are for people, and not read: what a pull request says is said of the files.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::baseline::renewal::Renewal;
use crate::git;
use crate::github::{Branch, File};
use crate::report::markdown::Link;
use crate::report::proposal::Proposal;
use crate::report::pull_request::{Proposals, body};
use crate::report::renewal::objections;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokgate_baseline::Baseline;
use tokgate_core::case::CaseId;

/// What is proposed for one machine.
pub(super) struct Draft {
    /// The machine's key.
    pub(super) machine: String,
    /// The branch that it goes to.
    pub(super) branch: Branch,
    parts: Vec<Part>,
}

/// What is proposed for one scenario.
struct Part {
    /// What would change. Its `new` is the proposed one.
    renewal: Renewal,
    /// The file as it shall lie in the repository.
    file: File,
}

impl Draft {
    /// Everything that is proposed, or only what is for one machine.
    ///
    /// # Errors
    /// When a file is no whole baseline, is of another machine or scenario than its place says, or was made
    /// to replace another recorded one than is here.
    pub(super) fn all(home: &Home, machine: Option<&str>) -> Result<Vec<Self>> {
        let mut proposed = baselines::proposed(&home.layout)?;
        proposed.retain(|found, _| machine.is_none_or(|wanted| wanted == found));
        let draft = |(machine, files): (String, Vec<PathBuf>)| Self::of(machine, &files, home);
        proposed.into_iter().map(draft).collect()
    }

    fn of(machine: String, files: &[PathBuf], home: &Home) -> Result<Self> {
        let branch = Branch::of(&machine)?;
        let parts = files.iter().map(|file| part(file, &machine, home)).collect::<Result<_>>()?;
        Ok(Self { machine, branch, parts })
    }

    /// The files, as they shall lie in the repository.
    pub(super) fn files(&self) -> Vec<File> {
        self.parts.iter().map(|part| part.file.clone()).collect()
    }

    /// What the pull request says.
    pub(super) fn told(&self, operator: Option<&str>, link: Option<&Link>) -> String {
        let parts: Vec<Proposal<'_>> = self.parts.iter().map(Part::told).collect();
        body(&Proposals { machine: &self.machine, parts: &parts, operator, link })
    }

    /// Why `tokgate baseline refresh` would refuse it.
    pub(super) fn objections(&self) -> Vec<String> {
        self.parts.iter().flat_map(|part| objections(&part.renewal.rows)).collect()
    }
}

impl Part {
    fn told(&self) -> Proposal<'_> {
        let Renewal { scenario, old, new, rows, .. } = &self.renewal;
        let tool_version = env!("CARGO_PKG_VERSION");
        Proposal { scenario, new, old: old.as_ref(), rows, runs: &[], tool_version }
    }
}

fn part(file: &Path, machine: &str, home: &Home) -> Result<Part> {
    let new = baselines::load(file)?;
    let scenario = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    refuse_misplaced(&new, machine, &scenario).with_context(|| unusable(file))?;
    let renewal = Renewal::of(scenario, new.clone(), home).with_context(|| unusable(file))?;
    let renewal = as_proposed(renewal, new).with_context(|| unusable(file))?;
    let file = committed(&renewal, home)?;
    Ok(Part { renewal, file })
}

/// The file as it shall lie in the repository, and what git calls it and the one that it replaces.
fn committed(renewal: &Renewal, home: &Home) -> Result<File> {
    let text = renewal.new.to_json();
    let replaces = match &renewal.old {
        Some(_) => {
            let recorded = std::fs::read_to_string(&renewal.path)
                .with_context(|| format!("cannot read {}", renewal.path.display()))?;
            // A checkout may have line ends of its own.
            Some(git::blob_of(&recorded.replace("\r\n", "\n"))?)
        }
        None => None,
    };
    let (path, blob) = (in_repository(&renewal.path, home)?, git::blob_of(&text)?);
    Ok(File { path, text, blob, replaces })
}

fn unusable(file: &Path) -> String {
    format!("{} cannot be proposed", file.display())
}

/// What is of another machine or scenario than its place says would become their baseline.
fn refuse_misplaced(new: &Baseline, machine: &str, scenario: &str) -> Result<()> {
    for of in [&new.provenance.machine, &new.compat_key.machine] {
        if of.0 != machine {
            bail!(
                "it is of the machine `{}`, and lies in the folder of `{}`",
                of.0.escape_debug(),
                machine.escape_debug()
            );
        }
    }
    match new.cases.keys().find(|case| case.scenario() != scenario) {
        Some(CaseId(case)) => bail!(
            "it has the case `{}`, and lies in the file of the scenario `{}`",
            case.escape_debug(),
            scenario.escape_debug()
        ),
        None => Ok(()),
    }
}

/// The renewal with the proposal as it lies here, which must be what replacing the recorded one makes: its
/// first recording is what creeping is measured from.
fn as_proposed(renewal: Renewal, new: Baseline) -> Result<Renewal> {
    let fits = match &renewal.old {
        Some(old) => *old == new || renewal.new == new,
        None => new.anchor.is_none(),
    };
    match fits {
        true => Ok(Renewal { new, ..renewal }),
        false => bail!(
            "it was made to replace another baseline than {}, or its `anchor` was edited: call `tokgate \
             baseline propose` again, or remove it",
            renewal.path.display()
        ),
    }
}

/// The place of a file of the project in the repository, as git writes it.
fn in_repository(file: &Path, home: &Home) -> Result<String> {
    let root = home.project.root.as_deref().context("no project here")?;
    let place = git::place_of(root).with_context(|| {
        format!("where {} lies in a repository is not known: call it in a checkout", root.display())
    })?;
    let whole = place.join(file.strip_prefix(root).unwrap_or(file));
    let parts: Option<Vec<&str>> = whole.iter().map(|part| part.to_str()).collect();
    Ok(parts.with_context(|| format!("{} is no text", whole.display()))?.join("/"))
}
