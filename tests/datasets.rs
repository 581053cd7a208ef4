//! Prompts from the command line and from files, as a user sends them.

use crate::support::undisturbed;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const SCENARIO: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.1 }
[workload]
requests = 4
warmup = 0
[[case]]
name = "one"
kind = "generation"
"#;

/// A project with this scenario and `data/a.jsonl`: two good lines and a bad one.
fn project(further: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("scenarios")).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("scenarios/own.toml"), format!("{SCENARIO}{further}\n"))
        .unwrap();
    let lines = "{\"prompt\": \"one two three\", \"max_tokens\": 3}\n{}\n{\"text\": \"four\"}\n";
    std::fs::write(folder.path().join("data/a.jsonl"), lines).unwrap();
    folder
}

fn tokgate(folder: &Path, arguments: &[&str]) -> Output {
    undisturbed(|| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokgate"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOKGATE_")) {
            command.env_remove(name);
        }
        command.env("TOKGATE_CACHE_DIR", folder.join("cache"));
        command.current_dir(folder).env("XDG_DATA_HOME", folder).args(arguments).output().unwrap()
    })
}

fn measured(folder: &Path, further: &[&str]) -> Value {
    measured_as("own", folder, further)
}

fn measured_as(scenario: &str, folder: &Path, further: &[&str]) -> Value {
    let run =
        ["run", scenario, "--results-dir", "r", "--set", "run.salt=false", "--format", "json"];
    let output = tokgate(folder, &[&run, further].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["cases"][0].clone()
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = tokgate(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

#[test]
fn a_file_of_the_scenario_is_sent_and_the_case_says_what_was_in_it() {
    let folder = project("dataset = { kind = \"file\", path = \"data/a.jsonl\" }");
    let case = measured(folder.path(), &[]);
    let dataset = &case["dataset"];
    assert_eq!(dataset["path"], "data/a.jsonl");
    assert_eq!(dataset["format"], "jsonl");
    assert_eq!(
        (&dataset["contents"]["entries"], &dataset["contents"]["bad_lines"]),
        (&2.into(), &1.into())
    );
    // Three words and one, in turn; three tokens and the default of 64.
    assert_eq!(case["metrics"]["prompt_tokens"]["mean"], 2.0);
    assert_eq!(case["metrics"]["output_tokens"]["mean"], 33.5);
}

#[test]
fn a_scenario_in_the_current_folder_may_name_the_files_beside_it() {
    let folder = project("dataset = { kind = \"file\", path = \"data/a.jsonl\" }");
    let here = folder.path();
    std::fs::rename(here.join("scenarios/own.toml"), here.join("own.toml")).unwrap();
    std::fs::remove_dir(here.join("scenarios")).unwrap();
    assert_eq!(measured_as("own.toml", here, &[])["dataset"]["path"], "data/a.jsonl");
}

#[test]
fn lines_that_cannot_be_read_are_told_by_number() {
    let folder =
        project("dataset = { kind = \"file\", path = \"data/a.jsonl\", output_tokens = 2 }");
    let output = tokgate(folder.path(), &["run", "own", "--results-dir", "r"]);
    let (out, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("data/a.jsonl:2: none of `prompt`, `text` and `messages`"), "{said}");
    assert!(out.contains("data/a.jsonl: 1 lines could not be read"), "{out}");
}

#[test]
fn prompts_and_files_from_the_command_line_replace_the_scenarios() {
    let folder = project("dataset = { prompt_tokens = 32, output_tokens = 2 }");
    let own =
        measured(folder.path(), &["--prompt", "one two", "--prompt", "-- three four five six"]);
    assert_eq!(own["dataset"]["kind"], "prompts");
    assert_eq!(own["metrics"]["prompt_tokens"]["mean"], 3.5);
    let outside = tempfile::tempdir().unwrap();
    let path = outside.path().join("own.txt");
    std::fs::write(&path, "one two three four\n").unwrap();
    let own = measured(folder.path(), &["--dataset", path.to_str().unwrap()]);
    assert_eq!(own["dataset"]["format"], "text");
    assert_eq!(own["metrics"]["prompt_tokens"]["mean"], 4.0);
}

#[test]
fn a_file_that_cannot_be_used_is_refused_before_anything_is_sent() {
    let folder = project("dataset = { kind = \"file\", path = \"data/b.jsonl\" }");
    let said = refused(folder.path(), &["run", "own", "--results-dir", "r"]);
    assert!(said.contains("own/one: `path`") && said.contains("data/b.jsonl"), "{said}");
    assert!(!folder.path().join("r").exists());
    assert!(refused(folder.path(), &["scenarios", "check", "own"]).contains("data/b.jsonl"));
    let folder_given = ["run", "own", "--results-dir", "r", "--dataset", "data"];
    assert!(refused(folder.path(), &folder_given).contains("not a regular file"));
}

#[test]
fn the_tasks_of_one_category_are_a_scenario_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let arguments =
        ["run", "tasks", "--category", "coding", "--target", "simulated", "--requests", "4"];
    let further = ["--no-store", "--format", "json", "--output-tokens", "2"];
    let output = tokgate(folder.path(), &[&arguments[..], &further].concat());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0]["case"], "tasks/coding");
    assert_eq!(cases[0]["dataset"]["category"], "coding");
}
