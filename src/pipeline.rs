//! The line, as it is drawn in ARCHITECTURE.md. Every step is one function of one package, and
//! only measuring has a clock and a socket: all others can be had again from what is stored.

use crate::decided::{Decided, evidence, missing, report_case};
use crate::session::{CaseError, Epochs, MeasuredCase, Session, Watch};
use crate::store::{self, CaseEnd, StoreError};
use std::collections::BTreeMap;
use tokgate_baseline::{Evidence, judge, screen};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::report::{CaseReport, Dropped, Report};
use tokgate_core::verdict::Judged;

/// Measures one case and keeps it. When this comes back, all of it is durable.
///
/// # Errors
/// When the target cannot be measured, or results cannot be kept.
pub fn measure_case(
    session: &mut Session,
    case: &Case,
    watch: Watch<'_>,
) -> Result<CaseReport, CaseError> {
    session.feed.case_begins(case);
    let (epochs, validity) = match session.whole(case)? {
        Some(epochs) => epochs,
        None => measure_epochs(session, case, watch)?,
    };
    let summary = store::summary(&epochs).expect("a case has at least one epoch");
    let measured = MeasuredCase { epochs, validity, summary };
    keep(session, &measured, &[])?;
    let report = report_case(&measured, Vec::new());
    session.feed.case_ended(&report);
    session.measured.push(measured);
    Ok(report)
}

/// Measures what of a case was not measured yet.
fn measure_epochs(
    session: &mut Session,
    case: &Case,
    watch: Watch<'_>,
) -> Result<Epochs, CaseError> {
    let case = &session.harness.prepare(case)?;
    let driver = session.harness.open(case, &session.stop)?;
    let window = driver.identity().context_window;
    if let Some(why) = window.and_then(|window| case.exceeds(window)) {
        return Err(CaseError::LeftOut(why));
    }
    session.refuse_another(case, driver.as_ref())?;
    session.epochs(case, driver.as_ref(), watch)
}

/// Compares and judges all measured cases together, keeps the verdicts, and concludes. `planned`
/// are the cases of the scenarios before any filter: what was not asked for is not missing.
///
/// # Errors
/// When the verdicts cannot be kept.
pub fn conclude_run(session: &mut Session, planned: &[CaseId]) -> Result<Report, StoreError> {
    let measured = std::mem::take(&mut session.measured);
    let mut verdicts = judge_cases(session, &measured);
    let mut cases = Vec::new();
    for (index, case) in measured.iter().enumerate() {
        let judged = verdicts.remove(&index).unwrap_or_default();
        if !judged.is_empty() {
            keep(session, case, &judged)?;
        }
        cases.push(report_case(case, judged));
    }
    session.measured = measured;
    Ok(report(session, cases, planned))
}

fn keep(session: &mut Session, case: &MeasuredCase, verdicts: &[Judged]) -> Result<(), StoreError> {
    let MeasuredCase { epochs, validity, summary } = case;
    session.store.commit_case(CaseEnd { epochs, validity, summary, verdicts })
}

/// The verdicts by the index of their case; none for a case whose scenario has no baseline. A
/// recorded one is of other days, and so names suspects alone; one that is asked for by its name is
/// taken at its word.
fn judge_cases(session: &Session, measured: &[MeasuredCase]) -> BTreeMap<usize, Vec<Judged>> {
    let (mut named, mut recorded) = (Compared::default(), Compared::default());
    for (index, case) in measured.iter().enumerate() {
        let Some((baseline, is_recorded)) = session.baseline_of(&case.head().case.id) else {
            continue;
        };
        match is_recorded {
            true => recorded.push(index, evidence(case).screened(baseline)),
            false => named.push(index, evidence(case).against(baseline)),
        }
    }
    let screened = screen(&recorded.evidence).into_iter();
    let screened = screened.map(|case| case.into_iter().map(|one| one.judged).collect());
    let judged = named.indices.into_iter().zip(judge(&named.evidence));
    judged.chain(recorded.indices.into_iter().zip(screened)).collect()
}

/// Cases that are judged together.
#[derive(Default)]
struct Compared {
    indices: Vec<usize>,
    evidence: Vec<Evidence>,
}

impl Compared {
    fn push(&mut self, index: usize, evidence: Evidence) {
        self.indices.push(index);
        self.evidence.push(evidence);
    }
}

fn report(session: &Session, cases: Vec<CaseReport>, planned: &[CaseId]) -> Report {
    let all = Decided {
        identity: &session.identity,
        scenario: session.scenarios(),
        cases,
        unmeasured: session.unmeasured.clone(),
        dropped: dropped(session, planned),
        control: Vec::new(),
        compared_with: session.compared_with(),
        strict: session.strict,
    };
    all.report()
}

fn dropped(session: &Session, planned: &[CaseId]) -> Vec<Dropped> {
    let found = session.baselines.values().filter_map(|found| found.baseline.as_ref());
    found.flat_map(|baseline| missing(baseline, planned)).collect()
}
