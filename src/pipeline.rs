//! The line, as it is drawn in ARCHITECTURE.md. Every step is one function of one package, and
//! only measuring has a clock and a socket: all others can be had again from what is stored.

use crate::baselines;
use crate::paired::{Comparison, Known, Pairs};
use crate::session::{CaseError, Identity, MeasuredCase, Session, Watch};
use crate::store::{self, CaseEnd, StoreError};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokgate_baseline::{
    Admission, Baseline, BaselineError, Evidence, Findings, Measured, Provenance, Recorded,
    conclude, judge, judge_dropped, screen,
};
use tokgate_core::advice::{Facts, advice};
use tokgate_core::alert::alerts;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::failure::{Failure, FailureCount};
use tokgate_core::goal::Grade;
use tokgate_core::record::Outcome;
use tokgate_core::report::{CaseReport, ComparedWith, Dropped, EpochReport, Report, Unmeasured};
use tokgate_core::run::{Arm, Head, Run};
use tokgate_core::stress::Trials;
use tokgate_core::summary::Stalls;
use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Conclusion, Exit, Judged};

/// Measures one case and keeps it. When this comes back, all of it is durable.
///
/// # Errors
/// When the target cannot be measured, or results cannot be kept.
pub fn measure_case(
    session: &mut Session,
    case: &Case,
    watch: Watch<'_>,
) -> Result<CaseReport, CaseError> {
    let case = &session.harness.prepare(case)?;
    let driver = session.harness.open(case, &session.stop)?;
    let window = driver.identity().context_window;
    if let Some(why) = window.and_then(|window| case.exceeds(window)) {
        return Err(CaseError::LeftOut(why));
    }
    let (epochs, validity) = session.epochs(case, driver.as_ref(), watch)?;
    let summary = store::summary(&epochs).expect("a case has at least one epoch");
    let measured = MeasuredCase { epochs, validity, summary };
    keep(session, &measured, &[])?;
    let report = report_case(&measured, Vec::new());
    session.measured.push(measured);
    Ok(report)
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

/// Everything decided about one case, from what is stored.
#[must_use]
pub fn report_case(measured: &MeasuredCase, verdicts: Vec<Judged>) -> CaseReport {
    let head = measured.head();
    let epochs = measured.epochs.iter().zip(&measured.validity);
    let stalls = Stalls::of(&measured.epochs);
    let facts =
        Facts { epochs: &measured.epochs, summary: &measured.summary, stalls: stalls.as_ref() };
    CaseReport {
        case: head.case.clone(),
        target: head.target.clone(),
        preparation: measured.first().preparation().clone(),
        epochs: epochs
            .map(|(run, validity)| EpochReport {
                test_id: run.head.test_id.clone(),
                validity: validity.clone(),
            })
            .collect(),
        goals: head.case.goals.iter().map(|goal| goal.check(&measured.summary)).collect(),
        summary: measured.summary.clone(),
        alerts: alerts(&measured.epochs, &measured.validity, &verdicts),
        advice: advice(&facts),
        stalls,
        verdicts,
        failures: failures(&measured.epochs),
        samples: samples(&measured.epochs),
        stress: measured.epochs.first().and_then(Trials::of).map(|trials| trials.found()),
        pairs: None,
    }
}

/// Why requests failed, the most frequent first.
fn failures(epochs: &[Run]) -> Vec<FailureCount> {
    let mut counts: BTreeMap<&Failure, u64> = BTreeMap::new();
    for record in epochs.iter().flat_map(Run::measured) {
        if let Outcome::Failed(failure) = &record.outcome {
            *counts.entry(failure).or_default() += 1;
        }
    }
    let counted =
        |(failure, count): (&Failure, u64)| FailureCount { failure: failure.clone(), count };
    let mut counts: Vec<FailureCount> = counts.into_iter().map(counted).collect();
    counts.sort_by_key(|counted| std::cmp::Reverse(counted.count));
    counts
}

fn samples(epochs: &[Run]) -> Vec<String> {
    let first = epochs.first().into_iter();
    first.flat_map(Run::successes).filter_map(|record| record.sample.clone()).collect()
}

/// Judges stored epochs again, without measuring. What the baseline has and they have not is missing.
#[must_use]
pub fn judge_stored(
    measured: &[MeasuredCase],
    against: &Baseline,
    name: &str,
    strict: bool,
) -> Report {
    let evidence: Vec<Evidence> =
        measured.iter().map(|case| evidence(case).against(against)).collect();
    let judged = measured.iter().zip(judge(&evidence));
    let cases: Vec<CaseReport> =
        judged.map(|(case, verdicts)| report_case(case, verdicts)).collect();
    let planned: Vec<CaseId> = cases.iter().map(|case| case.case.id.clone()).collect();
    let head = measured.first().expect("a stored run has a case").head();
    let against = Against {
        dropped: missing(against, &planned).collect(),
        compared_with: baselines::compared(name, against),
    };
    stored_report(head, cases, against, strict)
}

/// A stored run as it was reported, by the verdicts that were kept with its cases, from the moment on
/// at which its first epoch began. Which baseline they rest on, which of its cases the run had not,
/// and which could not be measured, is kept nowhere.
#[must_use]
pub fn report_stored(cases: Vec<(MeasuredCase, Vec<Judged>)>, strict: bool) -> Report {
    let head = cases.first().expect("a stored run has a case").0.head().clone();
    let judged = cases.iter().any(|(_, verdicts)| !verdicts.is_empty());
    let compared_with = match judged {
        true => ComparedWith::Baseline("the baseline of its day".to_owned()),
        false => ComparedWith::Nothing("no verdict was kept with the run".to_owned()),
    };
    let cases = cases.into_iter().map(|(case, verdicts)| report_case(&case, verdicts)).collect();
    stored_report(&head, cases, Against { dropped: Vec::new(), compared_with }, strict)
}

/// What stored cases are compared with, and what of it they lack.
struct Against {
    dropped: Vec<Dropped>,
    compared_with: ComparedWith,
}

fn stored_report(head: &Head, cases: Vec<CaseReport>, against: Against, strict: bool) -> Report {
    let identity = Identity::of(head);
    let Against { dropped, compared_with } = against;
    let all = Decided {
        identity: &identity,
        scenario: head.case.id.scenario().to_owned(),
        cases,
        unmeasured: Vec::new(),
        dropped,
        control: Vec::new(),
        compared_with,
        strict,
    };
    all.report()
}

/// Judges pairs, as they were measured or as they are stored.
#[must_use]
pub fn judge_pairs(
    identity: &Identity,
    comparison: &Comparison,
    known: Known<'_>,
    unmeasured: Vec<Unmeasured>,
    strict: bool,
) -> Report {
    let judged = comparison.cases.iter().zip(comparison.judged(known));
    let report = |(pairs, judged): (&Pairs, Vec<Judged>)| CaseReport {
        pairs: Some(pairs.told()),
        ..report_case(&pairs.side(Arm::Head), judged)
    };
    let cases: Vec<CaseReport> = judged.map(report).collect();
    let against = cases.first().and_then(|case| case.pairs.as_ref());
    let against = against.map(|pairs| format!("{}, in pairs", pairs.base));
    let all = Decided {
        identity,
        scenario: cases.first().map_or("", |case| case.case.id.scenario()).to_owned(),
        cases,
        unmeasured,
        dropped: Vec::new(),
        control: comparison.control_judged(),
        compared_with: against.map_or_else(
            || ComparedWith::Nothing("nothing was measured".to_owned()),
            ComparedWith::Baseline,
        ),
        strict,
    };
    all.report()
}

/// The baseline that measured cases make, by the moment that its date tells.
///
/// # Errors
/// When there is no case, or what was measured is not to be trusted as one.
pub fn baseline_of(measured: &[MeasuredCase], at: Timestamp) -> Result<Baseline, BaselineError> {
    baseline_admitted(measured, at, &Admission::SAVING)
}

/// The same, with what `admission` lets through.
///
/// # Errors
/// When there is no case, or what was measured is not let through.
pub fn baseline_admitted(
    measured: &[MeasuredCase],
    at: Timestamp,
    admission: &Admission<'_>,
) -> Result<Baseline, BaselineError> {
    let first = measured.first().ok_or(BaselineError::NothingMeasured)?;
    let recorded: Vec<Recorded<'_>> = measured
        .iter()
        .map(|case| Recorded { runs: &case.epochs, validity: &case.validity })
        .collect();
    let date = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Baseline::admitted(&recorded, Provenance::of(first.head(), &date), admission)
}

fn evidence(case: &MeasuredCase) -> Measured<'_> {
    let head = case.head();
    Measured {
        case: &head.case,
        machine: &head.machine,
        summary: &case.summary,
        validity: &case.validity,
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

/// All that was decided about the cases of one run.
struct Decided<'a> {
    identity: &'a Identity,
    scenario: String,
    cases: Vec<CaseReport>,
    unmeasured: Vec<Unmeasured>,
    dropped: Vec<Dropped>,
    control: Vec<Judged>,
    compared_with: ComparedWith,
    strict: bool,
}

impl Decided<'_> {
    /// Grades and concludes.
    fn report(self) -> Report {
        let Self { identity, scenario, cases, unmeasured, dropped, control, compared_with, strict } =
            self;
        let judged: Vec<&Judged> = cases
            .iter()
            .flat_map(|case| &case.verdicts)
            .chain(dropped.iter().flat_map(|dropped| &dropped.verdicts))
            .collect();
        let validity: Vec<&Validity> =
            cases.iter().flat_map(|case| &case.epochs).map(|epoch| &epoch.validity).collect();
        let valid = validity.iter().all(|validity| validity.is_valid());
        let findings = Findings {
            judged: &judged,
            required_missed: cases.iter().map(required_missed).sum(),
            validity: &validity,
            strict,
        };
        let (conclusion, exit) = complete(&unmeasured, cases.is_empty(), conclude(&findings));
        let is_gradable = valid && unmeasured.is_empty();
        let mut report = Report {
            run_id: identity.run_id.clone(),
            scenario,
            machine: identity.machine.clone(),
            environment: identity.environment.clone(),
            started_us: identity.started_us,
            cases,
            unmeasured,
            dropped,
            control,
            compared_with,
            grade: Grade::Ungraded,
            conclusion,
            exit,
        };
        if is_gradable {
            let (met, total) = report.targets();
            report.grade = Grade::of(met, total);
        }
        report
    }
}

/// What was concluded, unless cases could not be measured: a run that is not complete is INVALID,
/// and ends as the worst of them does.
fn complete(
    unmeasured: &[Unmeasured],
    empty: bool,
    concluded: (Conclusion, Exit),
) -> (Conclusion, Exit) {
    let failed = unmeasured.iter().map(|unmeasured| unmeasured.exit).reduce(Exit::worst);
    match (failed, empty) {
        (Some(failed), true) => (Conclusion::Invalid, failed),
        (Some(failed), false) => (Conclusion::Invalid, concluded.1.worst(failed)),
        (None, true) => (Conclusion::Invalid, Exit::Nothing),
        (None, false) => concluded,
    }
}

fn dropped(session: &Session, planned: &[CaseId]) -> Vec<Dropped> {
    let found = session.baselines.values().filter_map(|found| found.baseline.as_ref());
    found.flat_map(|baseline| missing(baseline, planned)).collect()
}

/// The cases that a baseline has and a run should have had.
fn missing(baseline: &Baseline, planned: &[CaseId]) -> impl Iterator<Item = Dropped> {
    let dropped = judge_dropped(baseline, planned).into_iter();
    dropped.map(|(case, verdicts)| Dropped { case, verdicts })
}

fn required_missed(case: &CaseReport) -> usize {
    let required = &case.case.gate.required;
    case.goals.iter().filter(|goal| required.contains(&goal.goal.metric) && !goal.is_met()).count()
}
