//! A run as JUnit XML, for the many programs that show such files: a suite a scenario, a test a
//! verdict. It decides nothing: the words are those of the verdicts.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};
use std::collections::BTreeMap;
use tokgate_core::case::{CaseId, Quarantine};
use tokgate_core::diagnostic::escape;
use tokgate_core::goal::GoalResult;
use tokgate_core::metric::MetricRef;
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Comparison, Judged, Verdict};

/// The whole report as an XML document.
#[must_use]
pub fn report(report: &Report) -> String {
    let mut suites: BTreeMap<&str, Vec<TestCase>> = BTreeMap::new();
    for case in &report.cases {
        suites.entry(case.case.id.scenario()).or_default().extend(self::case(case));
    }
    for dropped in &report.dropped {
        let tests = dropped.verdicts.iter().map(|judged| verdict(&dropped.case, judged));
        suites.entry(dropped.case.scenario()).or_default().extend(tests);
    }
    for one in &report.unmeasured {
        let status = said(NonSuccessKind::Error, "not measured", &one.why);
        suites.entry(one.case.scenario()).or_default().push(test(&one.case, "measured", status));
    }
    let mut document = Document::new(plain(&format!("tokgate {}", report.run_id)));
    document.add_test_suites(suites.into_iter().map(|(scenario, tests)| {
        let mut suite = TestSuite::new(plain(scenario));
        suite.add_test_cases(tests);
        suite
    }));
    document.to_string().expect("text of plain characters can be written as XML")
}

/// The tests of a case: its validity where nothing else is said of it, its verdicts, what is not
/// judged for now, its goals.
fn case(case: &CaseReport) -> Vec<TestCase> {
    let id = &case.case.id;
    let unjudged = case.verdicts.is_empty().then(|| test(id, "validity", validity(case)));
    let verdicts = case.verdicts.iter().map(|judged| verdict(id, judged));
    let quarantine = case.case.gate.quarantine.iter().map(|(metric, it)| kept_out(id, *metric, it));
    let required = &case.case.gate.required;
    let goals = case.goals.iter().map(|goal| {
        let status = self::goal(goal, required.contains(&goal.goal.metric));
        test(id, &format!("goal {}", goal.goal.metric), status)
    });
    unjudged.into_iter().chain(verdicts).chain(quarantine).chain(goals).collect()
}

/// `case::axis=value::ttft.p50`, of the class that the case's id is.
fn test(case: &CaseId, what: &str, status: TestCaseStatus) -> TestCase {
    let listed = case.listed();
    let own = listed.split_once("::").map_or(listed.as_str(), |(_, own)| own);
    let mut test = TestCase::new(plain(&format!("{own}::{what}")), status);
    test.set_classname(plain(&case.0));
    test
}

fn verdict(case: &CaseId, judged: &Judged) -> TestCase {
    let word = judged.verdict.as_str();
    let status = match judged.verdict {
        Verdict::Unchanged | Verdict::Improved | Verdict::Cleared | Verdict::New => {
            TestCaseStatus::success()
        }
        Verdict::Inconclusive
        | Verdict::Underpowered
        | Verdict::InsufficientSamples
        | Verdict::RegressedUnpaired => skipped(word, &told(judged)),
        Verdict::Regressed | Verdict::Missing => said(NonSuccessKind::Failure, word, &told(judged)),
        Verdict::Incomparable | Verdict::Invalid => {
            said(NonSuccessKind::Error, word, &told(judged))
        }
    };
    test(case, &judged.metric.to_string(), status)
}

/// `worse than the tolerance: 31.2 ms → 62.9 ms; finds 3.5 %`
fn told(judged: &Judged) -> String {
    let numbers = judged.comparison.as_ref().map_or_else(String::new, |comparison| {
        let unit = comparison.metric.metric.unit;
        let (base, head) = (comparison.base.value, comparison.head.value);
        let finds = Comparison::shown_mde(comparison);
        let finds = finds.map_or_else(String::new, |mde| format!("; finds {mde}"));
        format!(": {} → {}{finds}", unit.show(base), unit.show(head))
    });
    format!("{}{numbers}", judged.why)
}

fn kept_out(case: &CaseId, metric: MetricRef, quarantine: &Quarantine) -> TestCase {
    let Quarantine { until, why, .. } = quarantine;
    test(case, &metric.to_string(), skipped("quarantine", &format!("until {until}: {why}")))
}

fn validity(case: &CaseReport) -> TestCaseStatus {
    let invalid = case.epochs.iter().map(|epoch| &epoch.validity).find(|it| !it.is_valid());
    let Some(invalid) = invalid else { return TestCaseStatus::success() };
    let mut reasons: Vec<String> = case
        .epochs
        .iter()
        .flat_map(|epoch| epoch.validity.reasons())
        .map(ToString::to_string)
        .collect();
    reasons.dedup();
    said(NonSuccessKind::Error, Validity::as_str(invalid), &reasons.join("; "))
}

/// A goal that is missed fails where it is required, and else is only told.
fn goal(result: &GoalResult, required: bool) -> TestCaseStatus {
    if result.is_met() {
        return TestCaseStatus::success();
    }
    let unit = result.goal.metric.metric.unit;
    let value =
        result.estimate.map_or_else(|| "not measured".to_owned(), |one| unit.show(one.value));
    let note = if result.note.is_empty() { String::new() } else { format!(" ({})", result.note) };
    let missed = format!("{value}, and the goal is {}{note}", result.goal.bound.show(unit));
    match required {
        true => said(NonSuccessKind::Failure, "goal missed", &missed),
        false => skipped("goal missed", &format!("{missed}; it is not required")),
    }
}

fn said(kind: NonSuccessKind, word: &str, why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word).set_message(plain(&format!("{word}: {why}")));
    status
}

fn skipped(word: &str, why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_type(word).set_message(plain(&format!("{word}: {why}")));
    status
}

/// `text` in characters that XML has; others are spelled out.
fn plain(text: &str) -> String {
    // Two characters that are in no XML document, and that nobody minds elsewhere.
    let none = |c: &char| matches!(c, '\u{fffe}' | '\u{ffff}');
    escape(text).chars().fold(String::new(), |mut out, c| {
        match none(&c) {
            true => out.extend(c.escape_unicode()),
            false => out.push(c),
        }
        out
    })
}
