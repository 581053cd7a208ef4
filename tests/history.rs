//! What became of a metric over many commits, by the program over stores with planted shifts.

use crate::faces::{code, command, text};
use crate::store::fixture::{head, keep, open, run};
use crate::support::without_checksums;
use git2::{Repository, Signature};
use serde_json::Value;
use std::process::Output;
use tempfile::TempDir;
use tokgate::store::{FileStore, Stored};
use tokgate_core::day::Day;
use tokgate_core::metric::MetricRef;
use tokgate_core::record::Record;
use tokgate_core::run::{Arm, Head};
use tokgate_core::summary::summarize;
use tokgate_core::time::Offset;

/// A project with a repository and results, a commit and a run a day from 2026-01-01 on.
struct Lab {
    folder: TempDir,
    repository: Repository,
    store: FileStore,
    commits: Vec<String>,
    measured: u32,
}

/// How much longer the first token takes in each of `count` commits: a noise of half a percent,
/// the same in every run of the test.
fn noise(count: usize) -> Vec<f64> {
    let mut state = 12_345_u64;
    let mut one = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1.0 + 0.01 * ((state >> 33) as f64 / (1_u64 << 31) as f64 - 0.5)
    };
    (0..count).map(|_| one()).collect()
}

/// An answer whose tokens come later, so that the first takes `factor` times four milliseconds.
fn later(mut record: Record, factor: f64) -> Record {
    let extra = ((factor - 1.0) * 4e6) as i64;
    let moved = |at: Offset| Offset(at.0.saturating_add_signed(extra));
    record.events.iter_mut().for_each(|event| event.at = moved(event.at));
    record.done = moved(record.done);
    record
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Repository::init(folder.path()).unwrap();
        let store = open(&folder.path().join("r"));
        Self { folder, repository, store, commits: Vec::new(), measured: 0 }
    }

    /// A lab in which each of so many commits was measured once.
    fn of(factors: &[f64]) -> Self {
        let mut lab = Self::new();
        for factor in factors {
            let commit = lab.commit();
            lab.measure(Some(&commit), *factor, |_| ());
        }
        lab
    }

    fn commit(&mut self) -> String {
        let who = Signature::now("a", "a@example.org").unwrap();
        let tree = self.repository.treebuilder(None).unwrap().write().unwrap();
        let tree = self.repository.find_tree(tree).unwrap();
        let parent = self.repository.head().ok().map(|head| head.peel_to_commit().unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let message = format!("number {}", self.commits.len());
        let id = self.repository.commit(Some("HEAD"), &who, &who, &message, &tree, &parents);
        self.commits.push(id.unwrap().to_string());
        self.commits.last().unwrap().clone()
    }

    /// Measures once; runs begin a day apart.
    fn measure(&mut self, commit: Option<&str>, factor: f64, change: impl Fn(&mut Head)) -> Stored {
        let mut head = head(self.measured, "one", 0);
        let begin: Day = "2026-01-01".parse().unwrap();
        head.started_us = begin.after(i64::from(self.measured)).begin_us();
        head.environment.commit = commit.map(str::to_owned);
        head.case.gate.tolerances =
            [("ttft.p50".parse().unwrap(), tokgate_core::case::Tolerance::Relative(0.02))].into();
        change(&mut head);
        self.measured += 1;
        let mut run = run(head);
        run.records = run.records.into_iter().map(|record| later(record, factor)).collect();
        keep(&mut self.store, &run)
    }

    fn ask(&self, further: &[&str]) -> Output {
        let arguments = ["history", "ttft.p50", "--results-dir", "r"];
        command(self.folder.path(), &[&arguments[..], further].concat()).output().unwrap()
    }

    fn told(&self, further: &[&str]) -> String {
        let output = self.ask(further);
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    /// The only series, as JSON.
    fn series(&self, further: &[&str]) -> Value {
        let all: Value =
            serde_json::from_str(&self.told(&[&["--json"], further].concat())).unwrap();
        let [one] = all["series"].as_array().unwrap().as_slice() else { panic!("{all}") };
        one.clone()
    }

    fn number(&self, id: &Value) -> usize {
        self.commits.iter().position(|commit| Some(commit.as_str()) == id.as_str()).unwrap()
    }
}

fn stepped(count: usize, at: usize, factor: f64) -> Vec<f64> {
    let shift = |(number, noise)| if number >= at { factor * noise } else { noise };
    noise(count).into_iter().enumerate().map(shift).collect()
}

fn ids(series: &Value) -> Vec<&str> {
    let entries = series["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[test]
fn a_shift_of_ten_percent_is_found_at_its_commit() {
    let lab = Lab::of(&stepped(30, 18, 1.1));
    let series = lab.series(&[]);
    let [change] = series["changes"].as_array().unwrap().as_slice() else { panic!("{series}") };
    assert!(lab.number(&change["likeliest"]).abs_diff(18) <= 2, "{change}");
    let (first, last) = (lab.number(&change["first"]), lab.number(&change["last"]));
    assert!((first..=last).contains(&18) && last - first <= 4, "{change}");
    assert_eq!(lab.number(&change["after"]) + 1, first, "the last that is surely without it");
    let effect = change["effect"].as_f64().unwrap();
    assert!((effect - 0.1).abs() < 0.01, "{effect}");
    let told = lab.told(&[]);
    assert!(told.contains("30 entries") && told.contains(" % worse between "), "{told}");
    let after = &change["after"].as_str().unwrap()[..10];
    assert!(told.contains(&format!("between {after} and ")), "{told}");
    assert!(told.contains('▁') && told.contains('█'));
}

#[test]
fn a_shift_to_the_better_is_told_as_one() {
    let lab = Lab::of(&stepped(30, 12, 0.9));
    assert!(lab.told(&[]).contains(" % better between "), "{}", lab.told(&[]));
}

#[test]
fn a_level_series_has_no_change_and_no_drift() {
    let lab = Lab::of(&noise(40));
    let series = lab.series(&[]);
    assert_eq!(series["changes"], Value::Array(Vec::new()));
    assert_eq!(series["drift"]["beyond_budget"], false);
    assert!(lab.told(&[]).contains("no change was found"));
}

#[test]
fn a_creep_beyond_the_budget_is_told_against_an_anchor() {
    let creeping = |(at, noise): (usize, f64)| noise * (1.0 + 0.003 * at as f64);
    let lab = Lab::of(&noise(30).into_iter().enumerate().map(creeping).collect::<Vec<_>>());
    let anchor = lab.commits[0].as_str();
    lab.repository
        .tag_lightweight("v1", &lab.repository.revparse_single(anchor).unwrap(), false)
        .unwrap();
    for name in [anchor, "v1", &anchor[..12], "run-0"] {
        let drift = lab.series(&["--anchor", name])["drift"].clone();
        let since = drift["since_anchor"].as_f64().unwrap();
        assert!((since - 0.0735).abs() < 0.01, "{name}: {drift}");
        assert_eq!(drift["beyond_budget"], true);
        let wider = lab.series(&["--anchor", name, "--budget", "20 %"]);
        assert_eq!(wider["drift"]["beyond_budget"], false);
    }
    let told = lab.told(&["--anchor", "v1"]);
    assert!(told.contains(" % worse since v1; beyond the budget of 5.0 %"), "{told}");
    let unknown = lab.ask(&["--anchor", "v2"]);
    assert_eq!(code(&unknown), Some(2));
    assert!(text(&unknown.stderr).contains("--anchor v2"), "{}", text(&unknown.stderr));
}

#[test]
fn what_was_measured_in_another_environment_is_cut_off() {
    let mut lab = Lab::new();
    for (at, factor) in stepped(37, 25, 1.3).into_iter().enumerate() {
        let commit = lab.commit();
        let kernel = if at < 25 { "6.1" } else { "6.2" };
        lab.measure(Some(&commit), factor, |head| head.environment.kernel = kernel.to_owned());
    }
    let series = lab.series(&[]);
    assert_eq!(
        (series["comparable"].as_u64(), series["enough"].as_bool()),
        (Some(12), Some(false))
    );
    assert_eq!(series["changes"], Value::Array(Vec::new()));
    assert_eq!(lab.number(&series["cut"]["first_entry_after"]), 25);
    let told = lab.told(&[]);
    assert!(told.contains("\n  too short: 12 of 20"), "{told}");
    assert!(told.contains("25 entries before") && told.contains("kernel: 6.1 → 6.2"), "{told}");
    let elsewhere = lab.told(&["--anchor", "run-0"]);
    assert!(elsewhere.contains("another environment"), "{elsewhere}");
}

#[test]
fn another_question_under_the_same_name_cuts_too() {
    let mut lab = Lab::of(&noise(3));
    let commit = lab.commit();
    lab.measure(Some(&commit), 1.0, |head| {
        head.case.workload = tokgate_core::case::Workload::closed(4, 1, 20, 1);
    });
    assert_eq!(lab.series(&[])["comparable"], 1);
}

#[test]
fn another_protocol_cuts_and_lines_of_before_are_of_the_first() {
    let lab = Lab::of(&noise(4));
    let rewrite = |run: u32, protocol: &str| {
        let path = lab.folder.path().join(format!("r/raw/vllm-serve-gemma-20-{run}-one-0.jsonl"));
        let lines = without_checksums(&std::fs::read_to_string(&path).unwrap());
        assert!(lines.contains("\"protocol\":1,"), "{}", lines.lines().next().unwrap());
        std::fs::write(&path, lines.replacen("\"protocol\":1,", protocol, 1)).unwrap();
    };
    rewrite(3, "");
    assert_eq!(lab.series(&[])["comparable"], 4);
    rewrite(2, "\"protocol\":2,");
    assert_eq!(lab.series(&[])["comparable"], 1);
    assert!(lab.told(&[]).contains("protocol: 2 → 1"), "{}", lab.told(&[]));
}

#[test]
fn only_what_began_since_then_is_looked_at_but_an_anchor_may_be_older() {
    let lab = Lab::of(&stepped(40, 10, 1.1));
    assert_eq!(lab.series(&[])["entries"].as_array().unwrap().len(), 40);
    // The 21st day is the first of those that are left.
    let since = lab.series(&["--since", "2026-01-21", "--anchor", &lab.commits[0]]);
    assert_eq!(ids(&since)[0], lab.commits[20]);
    assert_eq!(since["changes"], Value::Array(Vec::new()), "the step was before");
    assert!((since["drift"]["since_anchor"].as_f64().unwrap() - 0.1).abs() < 0.02, "{since}");
    let wrong = lab.ask(&["--since", "yesterday"]);
    assert_eq!(code(&wrong), Some(2));
    assert!(text(&wrong.stderr).contains("30d"), "{}", text(&wrong.stderr));
    assert_eq!(code(&lab.ask(&["--since", "1d"])), Some(4), "all of it was long ago");
}

#[test]
fn commits_stand_in_their_own_order_and_not_in_that_of_their_measurement() {
    let mut lab = Lab::new();
    let commits: Vec<String> = (0..6).map(|_| lab.commit()).collect();
    for commit in commits.iter().rev() {
        lab.measure(Some(commit), 1.0, |_| ());
    }
    lab.measure(Some(&commits[2]), 1.5, |_| ());
    let series = lab.series(&[]);
    assert_eq!(ids(&series), commits);
    assert_eq!(series["entries"][2]["epochs"].as_array().unwrap().len(), 2, "one entry a commit");
    assert_eq!(series["entries"][2]["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn dirty_trees_foreign_commits_and_runs_without_any_are_entries_of_their_own() {
    let mut lab = Lab::new();
    let (first, second) = (lab.commit(), lab.commit());
    lab.measure(Some(&first), 1.0, |_| ());
    lab.measure(Some(&format!("{first}-dirty")), 1.0, |_| ());
    lab.measure(Some(&format!("{first}-dirty")), 1.0, |_| ());
    lab.measure(Some("0123abc"), 1.0, |_| ());
    lab.measure(None, 1.0, |_| ());
    lab.measure(Some(&second), 1.0, |_| ());
    let series = lab.series(&[]);
    let dirty = |run: u32| format!("{first}-dirty (run-{run})");
    let expected = [&first, &dirty(1), &dirty(2), "0123abc", "run-4", &second];
    assert_eq!(ids(&series), expected);
    let entries = series["entries"].as_array().unwrap();
    let is_dirty: Vec<bool> = entries.iter().map(|it| it["dirty"].as_bool().unwrap()).collect();
    assert_eq!(is_dirty, [false, true, true, false, false, false]);
    assert_eq!(entries[4]["commit"], Value::Null);
}

#[test]
fn machines_targets_and_cases_are_series_of_their_own() {
    let mut lab = Lab::of(&noise(2));
    let commit = lab.commits[0].clone();
    lab.measure(Some(&commit), 1.0, |head| head.machine.0 = "other-x1".to_owned());
    lab.measure(Some(&commit), 1.0, |head| head.target.model = "another".to_owned());
    lab.measure(Some(&commit), 1.0, |head| head.case.id.0 = "quick/two".to_owned());
    lab.measure(Some(&commit), 1.0, |head| head.arm = Arm::Base);
    let all: Value = serde_json::from_str(&lab.told(&["--json"])).unwrap();
    assert_eq!(all["series"].as_array().unwrap().len(), 4, "and the base's side is none");
    assert_eq!(lab.series(&["--machine", "other-x1"])["machine"], "other-x1");
    assert_eq!(lab.series(&["--case", "two"])["case"], "quick/two");
    assert_eq!(lab.series(&["--case", "quick::two"])["case"], "quick/two");
    assert_eq!(code(&lab.ask(&["--case", "three"])), Some(4));
}

#[test]
fn an_entry_says_what_its_epoch_said() {
    let mut lab = Lab::new();
    let commit = lab.commit();
    let stored = lab.measure(Some(&commit), 1.25, |_| ());
    let metric: MetricRef = "ttft.p50".parse().unwrap();
    let value = summarize(&[stored.run]).estimate(metric).unwrap().value;
    assert_eq!(lab.series(&[])["entries"][0]["value"], value);
}

#[test]
fn an_unknown_metric_is_answered_with_the_nearest_and_nothing_measured_with_4() {
    let lab = Lab::of(&[1.0]);
    let ask = |metric: &str| {
        command(lab.folder.path(), &["history", metric, "--results-dir", "r"]).output().unwrap()
    };
    let unknown = ask("ttfd.p50");
    assert_eq!(code(&unknown), Some(2));
    assert!(text(&unknown.stderr).contains("`ttft.p50`"), "{}", text(&unknown.stderr));
    assert_eq!(code(&ask("ttft")), Some(2));
    let none = ask("recall_at_10");
    assert_eq!((code(&none), text(&none.stdout).as_str()), (Some(4), ""));
    assert!(text(&none.stderr).contains("recall_at_10"), "{}", text(&none.stderr));
    assert_eq!(code(&lab.ask(&["--budget", "much"])), Some(2));
}

#[test]
fn epochs_whose_lines_are_lost_are_left_out_and_named() {
    let mut lab = Lab::of(&noise(3));
    let commit = lab.commit();
    let lost = lab.measure(Some(&commit), 1.0, |_| ()).run.head.test_id;
    std::fs::remove_file(lab.folder.path().join(format!("r/raw/{lost}.jsonl"))).unwrap();
    let output = lab.ask(&["--json"]);
    assert_eq!(code(&output), Some(0));
    assert!(text(&output.stderr).contains(&lost), "{}", text(&output.stderr));
    assert_eq!(lab.series(&[])["entries"].as_array().unwrap().len(), 3);
}
