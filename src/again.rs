//! What is stored, judged again without measuring: against a baseline, in two bookings, by its pairs;
//! and the baselines that it makes.

use crate::baselines;
use crate::decided::{Decided, evidence, missing, report_case};
use crate::paired::{Comparison, Known, Pairs};
use crate::session::{Identity, MeasuredCase};
use jiff::Timestamp;
use tokgate_baseline::{
    Admission, Baseline, BaselineError, Evidence, Provenance, Recorded, Rules, TwoBookings, judge,
    judge_bookings,
};
use tokgate_core::case::CaseId;
use tokgate_core::report::{CaseReport, ComparedWith, Dropped, Report, Unmeasured};
use tokgate_core::run::{Arm, Head, Run};
use tokgate_core::verdict::Judged;

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
    compared_report(measured, judge(&evidence), against, name, strict)
}

/// A run in two bookings: the same cases, measured on another occasion.
#[derive(Debug, Clone, Copy)]
pub struct Twice<'a> {
    /// The first, which is reported.
    pub first: &'a [MeasuredCase],
    /// The second.
    pub again: &'a [MeasuredCase],
}

impl Twice<'_> {
    fn evidence(&self, first: &MeasuredCase, against: &Baseline) -> Evidence {
        let head = first.head();
        let same = |case: &&MeasuredCase| case.head().case.id == head.case.id;
        let again = self.again.iter().find(same);
        let mut invalid = evidence(first).reasons();
        match again {
            Some(again) => invalid.extend(evidence(again).reasons()),
            None => invalid.push("the second booking has no such case".to_owned()),
        }
        let one: Vec<&Run> = first.epochs.iter().collect();
        let other: Vec<&Run> = again.into_iter().flat_map(|case| &case.epochs).collect();
        let both = TwoBookings { first: &one, second: &other, invalid: &invalid };
        both.evidence(&head.case, &head.machine, against)
    }
}

/// Judges a run in two bookings against those of a baseline, where no base can be measured.
#[must_use]
pub fn judge_twice(twice: &Twice<'_>, against: &Baseline, name: &str, strict: bool) -> Report {
    let evidence: Vec<Evidence> =
        twice.first.iter().map(|case| twice.evidence(case, against)).collect();
    let judged = judge_bookings(&evidence, Rules::default());
    compared_report(twice.first, judged, against, name, strict)
}

/// What was judged of stored cases, and what a baseline has that they have not.
fn compared_report(
    measured: &[MeasuredCase],
    judged: Vec<Vec<Judged>>,
    against: &Baseline,
    name: &str,
    strict: bool,
) -> Report {
    let judged = measured.iter().zip(judged);
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
pub fn report_stored(cases: &[(MeasuredCase, Vec<Judged>)], strict: bool) -> Report {
    let head = cases.first().expect("a stored run has a case").0.head().clone();
    let judged = cases.iter().any(|(_, verdicts)| !verdicts.is_empty());
    let compared_with = match judged {
        true => ComparedWith::Baseline("the baseline of its day".to_owned()),
        false => ComparedWith::Nothing("no verdict was kept with the run".to_owned()),
    };
    let cases = cases.iter().map(|(case, verdicts)| report_case(case, verdicts.clone())).collect();
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
