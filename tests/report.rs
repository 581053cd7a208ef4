//! Stored runs as other programs read them.

use crate::faces::{code, command, text, with_scenario};
use crate::store::fixture::{head, keep, metric, open, run};
use crate::support::undisturbed;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use tokgate::store::{CaseEnd, EpochEnd, FileStore, Store, Stored, summary};
use tokgate_core::case::{Gate, Quarantine, Tolerance};
use tokgate_core::goal::Bound;
use tokgate_core::run::{Arm, Head, Run};
use tokgate_core::validity::{Reason, Validity};
use tokgate_core::verdict::{Judged, Verdict};

/// A reason that no XML document can hold as it is.
const HOSTILE: &str = "a\u{0}b\u{1b}[31mc\u{ffff}d]]><e & \"f\"\u{202e}";

const EVERY: [(&str, Verdict); 12] = [
    ("ttft.p50", Verdict::Unchanged),
    ("ttft.p90", Verdict::Improved),
    ("ttft.p95", Verdict::Cleared),
    ("ttft.p99", Verdict::New),
    ("itl.p50", Verdict::Inconclusive),
    ("itl.p90", Verdict::Underpowered),
    ("itl.p95", Verdict::InsufficientSamples),
    ("itl.p99", Verdict::RegressedUnpaired),
    ("e2e.p50", Verdict::Regressed),
    ("e2e.p90", Verdict::Missing),
    ("e2e.p95", Verdict::Incomparable),
    ("e2e.p99", Verdict::Invalid),
];

fn judged() -> Vec<Judged> {
    let one = |(name, verdict): (&str, Verdict)| Judged {
        metric: metric(name),
        comparison: None,
        verdict,
        why: HOSTILE.to_owned(),
    };
    EVERY.into_iter().map(one).collect()
}

/// Keeps a case of one epoch, and what was said of it.
fn keep_judged(store: &mut FileStore, head: Head, verdicts: &[Judged]) {
    let stored = keep(store, &run(head));
    commit(store, stored, verdicts);
}

fn commit(store: &mut FileStore, stored: Stored, verdicts: &[Judged]) {
    let Stored { run, validity, .. } = stored;
    let epochs = [run];
    let summary = summary(&epochs).unwrap();
    let end = CaseEnd { epochs: &epochs, validity: &[validity], summary: &summary, verdicts };
    store.commit_case(end).unwrap();
}

fn keep_invalid(store: &mut FileStore, run: &Run) {
    let journal = store.begin(&run.head).unwrap();
    let why = HOSTILE.to_owned();
    let end = EpochEnd {
        ending: run.ending.clone(),
        validity: Validity::Invalid(vec![Reason::Stopped { why }]),
        after: None,
        client: None,
    };
    let stored = store.commit_epoch(journal, &end).unwrap();
    commit(store, stored, &[]);
}

/// A case whose first goal nobody reaches.
fn demanding(name: &str) -> Head {
    let mut head = head(1, name, 0);
    head.case.goals[0].bound = Bound::AtLeast { value: 1e6 };
    head
}

/// A folder with a run of three cases: every verdict, none, and one that is INVALID.
fn kept() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    let mut all = demanding("all");
    let until = "2027-01-31".parse().unwrap();
    let quarantine =
        Quarantine { until, why: HOSTILE.to_owned(), tolerance: Tolerance::Relative(0.02) };
    all.case.gate = Gate {
        required: vec![metric("tok_s")],
        quarantine: [(metric("req_s"), quarantine)].into(),
        ..Gate::default()
    };
    keep_judged(&mut store, all.clone(), &judged());
    let mut base = all;
    (base.arm, base.test_id) = (Arm::Base, "base".to_owned());
    keep_judged(&mut store, base, &[]);
    keep_judged(&mut store, demanding("none"), &[]);
    keep_invalid(&mut store, &run(head(1, "hot", 0)));
    folder
}

fn report(folder: &Path, further: &[&str]) -> Output {
    let arguments = ["report", "run-1", "--results-dir", "r"];
    command(folder, &[&arguments[..], further].concat()).output().unwrap()
}

fn document(xml: &str) -> Report {
    let is_xml = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(is_xml), "{xml:?}");
    Report::deserialize_from_str(xml).unwrap()
}

/// What is said of a test, as the kind of its word and the word.
fn said(test: &TestCase) -> (&'static str, String) {
    match &test.status {
        TestCaseStatus::Success { .. } => ("pass", String::new()),
        TestCaseStatus::Skipped { ty, .. } => ("skipped", ty.as_ref().unwrap().as_str().to_owned()),
        TestCaseStatus::NonSuccess { kind, ty, .. } => {
            let kind = if *kind == NonSuccessKind::Failure { "failure" } else { "error" };
            (kind, ty.as_ref().unwrap().as_str().to_owned())
        }
    }
}

#[test]
fn every_verdict_is_a_test_with_its_own_word() {
    let folder = kept();
    let output = report(folder.path(), &["--junit"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let document = document(&text(&output.stdout));
    let [suite] = document.test_suites.as_slice() else { panic!("{document:?}") };
    assert_eq!(suite.name.as_str(), "quick");
    let found = |name: &str| {
        let mut found = suite.test_cases.iter().filter(|test| test.name.as_str() == name);
        let test = found.next().unwrap_or_else(|| panic!("no test {name}"));
        assert!(found.next().is_none(), "{name} twice");
        said(test)
    };
    for (metric, verdict) in EVERY {
        let kind = match verdict {
            Verdict::Unchanged | Verdict::Improved | Verdict::Cleared | Verdict::New => "pass",
            Verdict::Regressed | Verdict::Missing => "failure",
            Verdict::Incomparable | Verdict::Invalid => "error",
            Verdict::Inconclusive
            | Verdict::Underpowered
            | Verdict::InsufficientSamples
            | Verdict::RegressedUnpaired => "skipped",
        };
        let word = if kind == "pass" { "" } else { verdict.as_str() };
        assert_eq!(found(&format!("all::{metric}")), (kind, word.to_owned()));
    }
    assert_eq!(found("all::req_s"), ("skipped", "quarantine".to_owned()));
    assert_eq!(found("none::validity"), ("pass", String::new()));
    assert_eq!(found("hot::validity"), ("error", "INVALID".to_owned()));
    assert_eq!(found("all::goal tok_s"), ("failure", "goal missed".to_owned()));
    assert_eq!(found("none::goal tok_s"), ("skipped", "goal missed".to_owned()));
    assert_eq!(found("all::goal ttft.p50"), ("pass", String::new()));
    let class = suite.test_cases[0].classname.as_ref().unwrap();
    assert_eq!(class.as_str(), "quick/all");
}

#[test]
fn a_reason_is_told_with_its_strange_characters_spelled_out() {
    let folder = kept();
    let xml = text(&report(folder.path(), &["--junit", "-"]).stdout);
    let document = document(&xml);
    let messages =
        document.test_suites[0].test_cases.iter().filter_map(|test| match &test.status {
            TestCaseStatus::NonSuccess { message, .. }
            | TestCaseStatus::Skipped { message, .. } => {
                message.as_ref().map(|message| message.as_str().to_owned())
            }
            TestCaseStatus::Success { .. } => None,
        });
    let told: Vec<String> = messages.filter(|message| message.starts_with("regressed:")).collect();
    let expected = "regressed: a\\u{0}b\\u{1b}[31mc\\u{ffff}d]]><e & \"f\"\\u{202e}";
    assert_eq!(told, [expected]);
}

#[test]
fn a_file_is_written_and_json_is_that_of_the_run() {
    let folder = kept();
    let output = report(folder.path(), &["--junit", "out.xml"]);
    assert_eq!((code(&output), text(&output.stdout).as_str()), (Some(0), ""));
    document(&std::fs::read_to_string(folder.path().join("out.xml")).unwrap());
    let output = report(folder.path(), &["--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["run_id"], "run-1");
    assert_eq!(told["conclusion"], "invalid");
    let verdicts = told["cases"][0]["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), EVERY.len());
    assert_eq!(verdicts[8]["verdict"], "regressed");
    assert_eq!(told["cases"].as_array().unwrap().len(), 3, "the base is no case of its own");
    assert_eq!(told["cases"][0]["epochs"].as_array().unwrap().len(), 1);
}

#[test]
fn without_a_format_or_a_run_it_was_used_wrongly() {
    let folder = kept();
    assert_eq!(code(&report(folder.path(), &[])), Some(2));
    assert_eq!(code(&report(folder.path(), &["--json", "--junit"])), Some(2));
    let unknown = ["report", "run-9", "--json", "--results-dir", "r"];
    let output = command(folder.path(), &unknown).output().unwrap();
    assert_eq!(code(&output), Some(2));
    assert!(text(&output.stderr).contains("`run-9`"), "{}", text(&output.stderr));
    let nowhere = report(folder.path(), &["--junit", "no/such/folder/out.xml"]);
    assert_eq!(code(&nowhere), Some(5), "{}", text(&nowhere.stderr));
    assert!(text(&nowhere.stderr).contains("out.xml"));
}

#[test]
fn the_object_of_a_stored_run_is_the_one_that_the_run_printed() {
    let scenario = r#"
schema = 1
[target]
driver = "simulated"
[run]
epochs = 2
[dataset]
prompt_tokens = 8
output_tokens = 3
[[case]]
name = "one"
kind = "generation"
workload = { concurrency = 2, requests = 20, warmup = 2 }
goals = { tok_s = ">= 1" }
gate = { tok_s = "2 %" }
"#;
    let folder = with_scenario(scenario);
    let measured = |further: &[&str]| -> Value {
        let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "json"];
        let all = [&arguments[..], further].concat();
        let output = undisturbed(|| command(folder.path(), &all).output().unwrap());
        serde_json::from_slice(&output.stdout).unwrap()
    };
    measured(&["--save-baseline", "kept"]);
    let mut printed = measured(&["--baseline", "kept"]);
    assert_eq!(printed["cases"][0]["verdicts"].as_array().unwrap().len(), 1);
    let run = printed["run_id"].as_str().unwrap().to_owned();
    let arguments = ["report", &run, "--json", "--results-dir", "r"];
    let output = command(folder.path(), &arguments).output().unwrap();
    let mut told: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Which file it was compared with is not kept with a run, and not when it was called: only
    // when its first epoch began.
    for object in [&mut printed, &mut told] {
        assert!(object["compared_with"].take().is_string());
        assert!(object["started_us"].take().is_i64());
    }
    let (told, printed) = (told.as_object().unwrap(), printed.as_object().unwrap());
    assert_eq!(told.len(), printed.len());
    for (key, value) in printed {
        assert_eq!(told.get(key), Some(value), "{key}");
    }
}

#[test]
fn every_report_is_byte_for_byte_the_same_after_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_judged(&mut store, head(0, "chat", 0), &judged());
    keep_judged(&mut store, head(1, "chat", 0), &[]);
    drop(store);
    let ask = |arguments: &[&str]| {
        let root = folder.path().display().to_string();
        let output = command(folder.path(), &[arguments, &["--results-dir", &root]].concat());
        { output }.output().unwrap()
    };
    let told = || -> Vec<Vec<u8>> {
        let reports: [&[&str]; 9] = [
            &["list", "--json"],
            &["list", "--epochs", "--json"],
            &["show", "run-0"],
            &["show", "run-1", "--json"],
            &["report", "run-0", "--json"],
            &["report", "run-0", "--junit"],
            &["report", "comparison", "--markdown"],
            &["report", "comparison", "--json"],
            &["report", "summary", "--json"],
        ];
        let outputs = reports.map(&ask);
        outputs.map(|output| [output.stdout, output.stderr].concat()).into()
    };
    let before = told();
    assert!(before.iter().all(|report| report.len() > 100));
    std::fs::remove_file(folder.path().join("tokgate.sqlite")).unwrap();
    assert_eq!(code(&ask(&["rebuild"])), Some(0));
    let after = told();
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(text(after), text(before));
    }
    let document = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let documents = ["reports/COMPARISON.md", "analysis/summary.json"];
    let written = documents.map(&document);
    assert_eq!(code(&ask(&["rebuild"])), Some(0));
    assert_eq!(documents.map(&document), written);
}
