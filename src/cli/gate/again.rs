//! The judgement of what another job measured: one, whoever tells it.

use super::artifact::Artifact;
use super::referee::Referee;
use super::rules::{Rules, root};
use crate::cli::face::Face;
use crate::cli::invocation::find_baselines;
use crate::cli::options::Options;
use crate::gating::{Gating, Measured, Suspects};
use crate::paired::Pairs;
use crate::project::Project;
use crate::session::Identity;
use anyhow::{Context, Result};
use std::path::Path;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::diagnostic::line;
use tokgate_core::report::{Report, Unmeasured};
use tokgate_core::verdict::Exit;

/// What is to be judged again.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Asked<'a> {
    /// What another job left by `--out`.
    pub(in crate::cli) folder: &'a Path,
    /// What the change is made to; as the CI says where it is not named.
    pub(in crate::cli) base: Option<&'a str>,
    /// The commit that was measured; what is checked out where it is not named.
    pub(in crate::cli) head: Option<&'a str>,
    /// Scenarios of the base; those of its settings where there are none.
    pub(in crate::cli) scenarios: &'a [String],
    pub(in crate::cli) options: &'a Options,
}

/// A judgement of what another job measured.
pub(in crate::cli) struct Rejudged {
    pub(in crate::cli) report: Report,
    /// Who judged it.
    pub(in crate::cli) referee: Referee,
}

/// Judges what another job measured, by the rules of the base.
///
/// # Errors
/// When nobody says what the change is made to, git lacks one of the commits, what is written at the
/// base cannot be run, or the artifact is none.
pub(in crate::cli) fn judge_again(asked: &Asked<'_>, face: &Face) -> Result<Rejudged> {
    let project = Project::find(&std::env::current_dir()?);
    let referee = Referee::of(&root(&project)?, asked.base, asked.head)?;
    referee.tell(face);
    let rules = Rules::of(&referee, &project, asked.options, asked.scenarios)?;
    let report = rules.judge(asked.folder, &referee, face)?;
    Ok(Rejudged { report, referee })
}

impl Rules {
    fn judge(&self, folder: &Path, referee: &Referee, face: &Face) -> Result<Report> {
        let planned = self.plan(face)?;
        let all: Vec<CaseId> = planned.iter().flat_map(|one| one.all.clone()).collect();
        let cases: Vec<Case> = planned.into_iter().flat_map(|one| one.cases).collect();
        let mut artifact = Artifact::read(folder, &cases)?;
        if artifact.base != referee.base {
            face.tell(&line(&format!(
                "warning: the artifact says that it was compared with {}: where a forge's merge of a change \
                 was measured, measure the change's own commit instead",
                artifact.base
            )));
        }
        let machine = &artifact.machine;
        let baselines = find_baselines(&self.project, &self.options, &self.layout, machine, &all)?;
        let gating = Gating { baselines: &baselines, strict: self.options.strict };
        let suspects = gating.suspects(&artifact.screen);
        artifact.pairs.iter_mut().for_each(|pairs| pairs.suspect(&suspects));
        let unmeasured = self.absent(&cases, &artifact, &suspects);
        let first = artifact.screen.first().context("the artifact has no epoch of the head")?;
        Ok(gating.report(&Measured {
            identity: &Identity::of(first.head()),
            screen: &artifact.screen,
            planned: &all,
            pairs: artifact.pairs.as_ref(),
            unmeasured: &unmeasured,
        }))
    }

    /// What the artifact should have had: every case that this plan has, and pairs of every suspect.
    fn absent(&self, cases: &[Case], artifact: &Artifact, suspects: &Suspects) -> Vec<Unmeasured> {
        let has = |case: &Case| artifact.screen.iter().any(|it| it.head().case.id == case.id);
        let paired = |case: &CaseId| {
            let pairs = artifact.pairs.iter().flat_map(|pairs| &pairs.cases);
            pairs.filter_map(Pairs::case).any(|it| it.id == *case)
        };
        let unmeasured = |case: &CaseId, why: &str| Unmeasured {
            case: case.clone(),
            why: why.to_owned(),
            exit: Exit::Invalid,
        };
        let missing = cases.iter().filter(|case| !has(case));
        let missing = missing.map(|case| unmeasured(&case.id, "the artifact has no epoch of it"));
        let undecided = suspects.keys().filter(|case| self.has_base() && !paired(case));
        let undecided = undecided
            .map(|case| unmeasured(case, "it seems worse, and the artifact has no pairs of it"));
        missing.chain(undecided).collect()
    }
}
