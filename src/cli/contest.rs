//! Sides that are measured in pairs: the first look, the second, the verdict.

use crate::again;
use crate::baselines::Found;
use crate::cli::invocation::Invocation;
use crate::cli::page;
use crate::cli::written;
use crate::paired::{self, Comparison, Control, Pairs, Sides};
use crate::report::comparison;
use crate::session::MeasuredCase;
use crate::store::CaseEnd;
use anyhow::Result;
use std::collections::BTreeMap;
use tokgate_baseline::file::CaseBaseline;
use tokgate_core::case::CaseId;
use tokgate_core::report::Report;
use tokgate_core::run::Arm;
use tokgate_core::verdict::Judged;

/// What is measured, and what came of it so far.
pub(super) struct Contest {
    sides: Vec<Sides>,
    /// By the place of their case.
    pairs: BTreeMap<usize, Pairs>,
    /// Whether a control is measured beside them.
    control: bool,
    /// The control's.
    beside: Pairs,
}

impl Contest {
    /// Nothing is measured yet; `control` says whether one is measured beside the pairs.
    pub(super) fn new(sides: Vec<Sides>, control: bool) -> Self {
        Self { sides, pairs: BTreeMap::new(), control, beside: Pairs::default() }
    }

    /// The first look at every case, and a second where that left something open.
    ///
    /// # Errors
    /// When the control's server cannot be started.
    pub(super) fn measure(&mut self, invocation: &mut Invocation) -> Result<()> {
        for at in 0..self.sides.len() {
            self.look(at, invocation)?;
        }
        let open = self.comparison().open(&|case| known(&invocation.session.baselines, case));
        let measured: Vec<usize> = self.pairs.keys().copied().collect();
        for at in open.into_iter().filter_map(|at| measured.get(at).copied()) {
            self.look(at, invocation)?;
        }
        Ok(())
    }

    /// As many pairs of a case as a look takes.
    fn look(&mut self, at: usize, invocation: &mut Invocation) -> Result<()> {
        let sides = &self.sides[at];
        let case = &sides.head.case;
        if let Some(why) = invocation.why_not(case) {
            invocation.skip(case, &why);
            return Ok(());
        }
        let wanted = case.run.epochs;
        let total = case.planned_requests().map(|requests| 2 * u64::from(wanted) * requests);
        let bar = invocation.face.bar(&case.id.listed(), total);
        let watch = |record: &tokgate_core::record::Record| {
            if record.phase != tokgate_core::record::Phase::Warmup {
                bar.inc(1);
            }
        };
        let pairs = self.pairs.entry(at).or_default();
        let control = self.control.then(Control::start).transpose()?;
        let beside = control.as_ref().map(|control| (control, &mut self.beside));
        let session = &mut invocation.session;
        let measured = paired::measure(session, sides, beside, pairs, wanted, &watch);
        bar.finish_and_clear();
        if let Err(error) = measured {
            invocation.failed(case, &error);
        }
        if pairs.base.is_empty() || pairs.head.is_empty() {
            self.pairs.remove(&at);
        }
        Ok(())
    }

    fn comparison(&self) -> Comparison {
        Comparison { cases: self.pairs.values().cloned().collect(), control: self.beside.clone() }
    }

    /// Judges, and keeps both sides with their verdicts.
    ///
    /// # Errors
    /// When they cannot be kept.
    pub(super) fn conclude(self, invocation: &mut Invocation) -> Result<(Report, Comparison)> {
        let comparison = self.comparison();
        let session = &invocation.session;
        let known = |case: &CaseId| known(&session.baselines, case);
        let unmeasured = session.unmeasured.clone();
        let mut report =
            again::judge_pairs(&session.identity, &comparison, &known, unmeasured, session.strict);
        report.exit = invocation.exit(&report);
        for (pairs, case) in comparison.cases.iter().zip(&report.cases) {
            keep(invocation, pairs, &case.verdicts)?;
        }
        if comparison.control.case().is_some() {
            keep(invocation, &comparison.control, &report.control)?;
        }
        invocation.session.feed.end(&report, invocation.is_complete());
        written::results(&invocation.layout, &report)?;
        invocation.session.store.finish_run(&comparison::markdown)?;
        let heads: Vec<_> = comparison.cases.iter().map(|pairs| pairs.side(Arm::Head)).collect();
        page::after_run(&invocation.layout, &report, &heads)?;
        Ok((report, comparison))
    }
}

/// Keeps both sides of a case, and what is said of the head.
fn keep(invocation: &mut Invocation, pairs: &Pairs, verdicts: &[Judged]) -> Result<()> {
    for (arm, verdicts) in [(Arm::Base, &[][..]), (Arm::Head, verdicts)] {
        let Some(side) = pairs.whole_side(arm) else { continue };
        written::metadata(&invocation.layout, &side)?;
        let MeasuredCase { epochs, validity, summary } = &side;
        let end = CaseEnd { epochs, validity, summary, verdicts };
        invocation.session.store.commit_case(end)?;
    }
    Ok(())
}

/// What the recorded baseline of a scenario knows of a case.
fn known<'a>(baselines: &'a BTreeMap<String, Found>, case: &CaseId) -> Option<&'a CaseBaseline> {
    baselines.get(case.scenario())?.baseline.as_ref()?.cases.get(case)
}
