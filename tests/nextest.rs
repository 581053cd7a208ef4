//! The bench target under cargo-nextest: what it asks, what it is told, and a run where it is installed.

use crate::faces::{code, text};
use crate::support::targets::{bench_target, cargo, root, without_ours};
use std::collections::BTreeSet;
use std::process::{Command, Output};

/// A case that is planned everywhere, and measured only when it is asked for.
const CASE: &str = "simulated::steady";

/// The bench target, called as nextest calls it.
fn asked(arguments: &[&str]) -> Output {
    let mut command = Command::new(bench_target(""));
    without_ours(&mut command);
    command.current_dir(root()).args(arguments).output().unwrap()
}

/// What is listed. nextest reads each line to its end, and one that it does not know fails them all.
fn listed(arguments: &[&str]) -> Vec<String> {
    let output = asked(arguments);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let name = |line: &str| match line.strip_suffix(": benchmark") {
        Some(name) if !name.is_empty() && name.is_ascii() && !name.contains(' ') => name.to_owned(),
        Some(_) | None => panic!("nextest does not read `{line}`"),
    };
    text(&output.stdout).lines().map(name).collect()
}

#[test]
fn every_case_is_listed_once_by_a_line_that_nextest_reads() {
    let all = listed(&["--list", "--format", "terse"]);
    let names: BTreeSet<&String> = all.iter().collect();
    assert_eq!(names.len(), all.len());
    assert!(
        all.iter().any(|name| name == CASE) && all.iter().any(|name| name.starts_with("quick"))
    );
}

#[test]
fn the_ignored_ones_are_those_that_do_not_run_unasked() {
    let all = listed(&["--list", "--format", "terse"]);
    let ignored = listed(&["--list", "--format", "terse", "--ignored"]);
    assert!(ignored.iter().all(|name| all.contains(name)));
    assert!(ignored.iter().any(|name| name == CASE), "a scenario that is no default one");
    assert!(!ignored.iter().any(|name| name.starts_with("quick::token_throughput")));
}

#[test]
fn a_process_for_one_case_runs_that_case_alone() {
    let output = asked(&[CASE, "--exact", "--nocapture"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.contains("running 1 test") && told.contains(CASE), "{told}");
    let nothing = asked(&["simulated::stead", "--exact", "--nocapture"]);
    assert!(text(&nothing.stdout).contains("running 0 tests"), "{}", text(&nothing.stdout));
}

#[test]
fn a_measurement_that_nextest_tries_again_is_refused() {
    let mut command = Command::new(bench_target(""));
    without_ours(&mut command);
    command.args([CASE, "--exact", "--bench", "--no-store"]).env("NEXTEST_ATTEMPT", "2");
    let output = command.current_dir(root()).output().unwrap();
    assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("retries = 0"), "{}", text(&output.stderr));
}

/// Whether cargo-nextest is there; where it is not, the test says so and is over.
fn has_nextest() -> bool {
    let there = Command::new("cargo-nextest").args(["nextest", "--version"]).output();
    let there = there.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: cargo-nextest is not installed");
    }
    there
}

fn nextest(arguments: &[&str]) -> Output {
    let output = cargo(&[&["nextest"], arguments].concat()).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    output
}

#[test]
fn nextest_lists_the_cases_of_every_bench_target_here() {
    if !has_nextest() {
        return;
    }
    let told =
        text(&nextest(&["list", "--message-format", "oneline", "--run-ignored", "all"]).stdout);
    assert!(told.contains(CASE) && told.contains("own::count_words"), "{told}");
}

#[test]
fn nextest_runs_a_case_in_test_mode() {
    if !has_nextest() {
        return;
    }
    let filter = format!("test(={CASE})");
    let told = text(&nextest(&["run", "--run-ignored", "all", "-E", &filter]).stderr);
    assert!(told.contains("1 test run: 1 passed"), "{told}");
}
