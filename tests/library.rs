//! tokgate as a library: the crate in `examples/own_driver` with scenarios, a function and a driver of
//! its own, through its own bench target.

use crate::faces::{code, command, text};
use crate::support::targets::{bench_target, root, without_ours};
use crate::support::undisturbed;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const CRATE: &str = "examples/own_driver";

/// The crate's bench target, in a folder that is not the crate's: which one it belongs to is known.
fn own(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(bench_target(CRATE));
    without_ours(&mut command);
    command.current_dir(folder).args(arguments).output().unwrap()
}

/// The stored epochs of a run.
fn epochs(results: &Path) -> Vec<Value> {
    let arguments = ["list", "--epochs", "--json", "--results-dir", "r"];
    let listed = command(results.parent().unwrap(), &arguments).output().unwrap();
    assert_eq!(code(&listed), Some(0), "{}", text(&listed.stderr));
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    listed["epochs"].as_array().unwrap().clone()
}

#[test]
fn a_crate_has_its_own_scenarios_and_only_those() {
    let folder = tempfile::tempdir().unwrap();
    let listed = text(&own(folder.path(), &["--list"]).stdout);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines, ["own::count_words: benchmark", "own::reverse: benchmark"]);
}

#[test]
fn under_cargo_test_a_crates_scenarios_are_planned_and_nothing_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let output = own(folder.path(), &[]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("2 passed"), "{}", text(&output.stdout));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_function_and_a_driver_of_a_crate_are_measured_kept_and_compared_like_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("r");
    let run = |further: &[&str]| {
        let fixed = ["--bench", "--requests", "20", "--results-dir", results.to_str().unwrap()];
        undisturbed(|| own(folder.path(), &[&fixed, further].concat()))
    };
    let saved = run(&["--save-baseline", "mine"]);
    assert_eq!(code(&saved), Some(0), "{}{}", text(&saved.stdout), text(&saved.stderr));
    let epochs = epochs(&results);
    for name in ["custom-count_words-20-", "reverser-words-20-"] {
        let is_it = |epoch: &Value| epoch["test_id"].as_str().unwrap().starts_with(name);
        assert!(epochs.iter().any(is_it), "{name}: {epochs:?}");
    }
    let compared = run(&["--baseline", "mine"]);
    assert_eq!(code(&compared), Some(0), "{}{}", text(&compared.stdout), text(&compared.stderr));
    assert!(results.join("baselines/mine.json").is_file());
}

#[test]
fn another_program_says_who_has_the_driver() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = root().join(CRATE).join("scenarios/own.toml");
    let output = command(folder.path(), &["run", scenario.to_str().unwrap()]).output().unwrap();
    assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("cargo bench --bench scenarios"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was begun");
}
