//! What is decided of cases that were measured, wherever their epochs come from: goals, alerts and
//! advice of each, and the conclusion of all.

use crate::session::{Identity, MeasuredCase};
use std::collections::BTreeMap;
use tokgate_baseline::{Baseline, Findings, Measured, conclude, judge_dropped};
use tokgate_core::advice::{Facts, advice};
use tokgate_core::alert::alerts;
use tokgate_core::case::CaseId;
use tokgate_core::failure::{Failure, FailureCount};
use tokgate_core::goal::Grade;
use tokgate_core::record::Outcome;
use tokgate_core::report::{CaseReport, ComparedWith, Dropped, EpochReport, Report, Unmeasured};
use tokgate_core::run::Run;
use tokgate_core::stress::Trials;
use tokgate_core::summary::Stalls;
use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Conclusion, Exit, Judged};

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

pub(crate) fn evidence(case: &MeasuredCase) -> Measured<'_> {
    let head = case.head();
    Measured {
        case: &head.case,
        machine: &head.machine,
        summary: &case.summary,
        validity: &case.validity,
    }
}

/// All that was decided about the cases of one run.
pub(crate) struct Decided<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) scenario: String,
    pub(crate) cases: Vec<CaseReport>,
    pub(crate) unmeasured: Vec<Unmeasured>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) control: Vec<Judged>,
    pub(crate) compared_with: ComparedWith,
    pub(crate) strict: bool,
}

impl Decided<'_> {
    /// Grades and concludes.
    pub(crate) fn report(self) -> Report {
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
/// and ends as the worst of them does. Where others were measured, what was asked wrongly of one (a model
/// that the server does not have) is a case that could not be measured.
fn complete(
    unmeasured: &[Unmeasured],
    empty: bool,
    concluded: (Conclusion, Exit),
) -> (Conclusion, Exit) {
    let failed = unmeasured.iter().map(|unmeasured| unmeasured.exit).reduce(Exit::worst);
    match (failed, empty) {
        (Some(failed), true) => (Conclusion::Invalid, failed),
        (Some(Exit::Usage), false) => (Conclusion::Invalid, concluded.1.worst(Exit::Invalid)),
        (Some(failed), false) => (Conclusion::Invalid, concluded.1.worst(failed)),
        (None, true) => (Conclusion::Invalid, Exit::Nothing),
        (None, false) => concluded,
    }
}

/// The cases that a baseline has and a run should have had.
pub(crate) fn missing(baseline: &Baseline, planned: &[CaseId]) -> impl Iterator<Item = Dropped> {
    let dropped = judge_dropped(baseline, planned).into_iter();
    dropped.map(|(case, verdicts)| Dropped { case, verdicts })
}

fn required_missed(case: &CaseReport) -> usize {
    let required = &case.case.gate.required;
    case.goals.iter().filter(|goal| required.contains(&goal.goal.metric) && !goal.is_met()).count()
}
