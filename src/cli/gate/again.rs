//! The judgement of what another job measured.

use super::artifact::Artifact;
use super::{Base, Bench};
use crate::cli::face::Face;
use crate::cli::invocation::find_baselines;
use crate::gating::{Gating, Measured, Suspects};
use crate::paired::Pairs;
use crate::session::Identity;
use anyhow::{Context, Result};
use std::path::Path;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::diagnostic::escape;
use tokgate_core::report::Unmeasured;
use tokgate_core::verdict::Exit;

impl Bench<'_> {
    /// Judges what another job measured.
    pub(super) fn decide_again(&self, folder: &Path, face: &Face) -> Result<Exit> {
        let planned = self.plan(face)?;
        let all: Vec<CaseId> = planned.iter().flat_map(|one| one.all.clone()).collect();
        let cases: Vec<Case> = planned.into_iter().flat_map(|one| one.cases).collect();
        let mut artifact = Artifact::read(folder, &cases)?;
        let (rules, machine) = (&self.rules, &artifact.machine);
        let baselines = find_baselines(rules, &self.options, &self.layout, machine, &all)?;
        let gating = Gating { baselines: &baselines, strict: self.options.strict };
        let suspects = gating.suspects(&artifact.screen);
        artifact.pairs.iter_mut().for_each(|pairs| pairs.suspect(&suspects));
        let unmeasured = self.absent(&cases, &artifact, &suspects);
        let first = artifact.screen.first().context("the artifact has no epoch of the head")?;
        let report = gating.report(&Measured {
            identity: &Identity::of(first.head()),
            screen: &artifact.screen,
            planned: &all,
            pairs: artifact.pairs.as_ref(),
            unmeasured: &unmeasured,
        });
        for Unmeasured { case, why, .. } in &unmeasured {
            face.tell(&escape(&format!("not judged: {case}: {why}")));
        }
        face.tell(
            "measured by somebody else: the numbers are theirs, the rules and the verdict are not",
        );
        self.say(&report, face);
        Ok(self.forgiven(report.exit, face))
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
        let needs_pairs = !matches!(self.base(), Base::Nowhere);
        let undecided = suspects.keys().filter(|case| needs_pairs && !paired(case));
        let undecided = undecided
            .map(|case| unmeasured(case, "it seems worse, and the artifact has no pairs of it"));
        missing.chain(undecided).collect()
    }
}
