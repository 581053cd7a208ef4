//! Whether a change may pass: throw-away repositories, judged by the shipped program.

use crate::faces::{code, command, text};
use crate::support::repository::Repository;
use crate::support::undisturbed;
use serde_json::Value;
use std::process::Output;

/// A server whose time to the first token stands in a file of the repository.
const SCENARIO: &str = r#"
schema = 1
[target]
driver = "openai"
model = "mock"
[target.launch]
ready = "/health"
command = ["sh", "-c", "exec PROGRAM mock-server --port {port} --itl-ms 2 --ttft-ms $(cat {dir}/built)"]
[dataset]
prompt_tokens = 8
output_tokens = 3
[run]
epochs = 6
[[case]]
name = "served"
kind = "generation"
workload = { concurrency = 4, requests = 24, warmup = 2 }
gate = { "ttft.p50" = "10 %" }
"#;

const SETTINGS: &str = "[gate]\nscenarios = [\"served\"]\nbuild = \"cp pace built\"\n";
const RECORDED: &str = "baseline/recorded/test-x1/served.json";

fn tokgate(repository: &Repository, arguments: &[&str]) -> Output {
    undisturbed(|| {
        let mut command = command(repository.path(), arguments);
        command.env("TOKGATE_MACHINE", "test-x1").output().unwrap()
    })
}

/// A repository with a recorded baseline on its branch `main`, and a branch `change` checked out.
fn recorded() -> Repository {
    let repository = Repository::new();
    repository.write("tokgate.toml", SETTINGS);
    repository.write(".gitignore", "results/\nbuilt\n");
    let scenario = SCENARIO.replace("PROGRAM", env!("CARGO_BIN_EXE_tokgate"));
    repository.write("scenarios/served.toml", &scenario);
    repository.write("pace", "20");
    repository.write("built", "20");
    repository.commit("a server");
    let measured = tokgate(&repository, &["run", "served", "--format", "json"]);
    assert_eq!(code(&measured), Some(0), "{}", text(&measured.stderr));
    let report: Value = serde_json::from_slice(&measured.stdout).unwrap();
    let run = report["run_id"].as_str().unwrap();
    let done = tokgate(&repository, &["baseline", "record", run]);
    assert_eq!(code(&done), Some(0), "{}", text(&done.stderr));
    repository.commit("its baseline");
    repository.git(&["switch", "--quiet", "-c", "change"]);
    repository
}

fn gate(repository: &Repository, more: &[&str]) -> Output {
    tokgate(repository, &[&["gate", "--base", "main", "--no-control"], more].concat())
}

#[test]
fn a_change_that_is_slower_is_regressed_by_the_rules_that_it_did_not_write() {
    let repository = recorded();
    repository.write("pace", "26");
    // It also says that slower is usual, that nothing matters, and measures something else.
    let usual = repository.read(RECORDED).replace("\"value\": 0.02", "\"value\": 0.03");
    repository.write(RECORDED, &usual);
    let scenario = repository.read("scenarios/served.toml");
    repository.write("scenarios/served.toml", &scenario.replace("10 %", "90 %"));
    repository.write("tokgate.toml", "");
    repository.commit("faster, surely");
    let output = gate(&repository, &["--format", "json", "--out", "out"]);
    let told = text(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"));
    assert_eq!(code(&output), Some(1), "{told}{report:#}");
    let against = report["compared_with"].as_str().unwrap();
    assert!(against.starts_with(RECORDED), "no folder of this machine: {against}");
    let case = &report["cases"][0];
    assert_eq!(case["verdicts"][0]["verdict"], "regressed", "{case:#}");
    assert!(case["pairs"]["counted"].as_u64().unwrap() >= 8, "{case:#}");
    for edited in [RECORDED, "scenarios/served.toml", "tokgate.toml"] {
        assert!(told.contains(&format!("not taken from the change: {edited} (changed)")), "{told}");
    }
    let left: Value = serde_json::from_str(&repository.read("out/gate.json")).unwrap();
    assert_eq!(left["edited"].as_array().unwrap().len(), 3);
    let epochs = left["epochs"].as_array().unwrap();
    assert!(epochs.len() >= 6 + 16, "the screen's and the pairs': {left:#}");
    for epoch in epochs {
        let raw = format!("out/raw/{}.jsonl", epoch.as_str().unwrap());
        assert!(repository.path().join(raw).exists());
    }
    assert!(repository.read("out/junit.xml").contains("<failure"));
}

#[test]
fn a_change_that_changes_nothing_passes_without_pairs() {
    let repository = recorded();
    repository.write("README", "about it");
    repository.commit("a text");
    let output = gate(&repository, &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(code(&output), Some(0), "{}{report:#}", text(&output.stderr));
    // How much may be said of it is the machine's: what is certain is that nothing is suspected.
    let word = report["cases"][0]["verdicts"][0]["verdict"].as_str().unwrap();
    assert!(["unchanged", "improved", "underpowered"].contains(&word), "{report:#}");
    assert!(report["cases"][0]["pairs"].is_null());
}

#[test]
fn without_a_baseline_everything_is_measured_in_pairs() {
    let repository = recorded();
    repository.git(&["switch", "--quiet", "main"]);
    repository.git(&["rm", "--quiet", RECORDED]);
    repository.commit("no baseline any more");
    repository.git(&["switch", "--quiet", "-c", "slower"]);
    repository.write("pace", "40");
    repository.commit("slower");
    let output = gate(&repository, &["--pairs", "5"]);
    assert_eq!(code(&output), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    let warned = gate(&repository, &["--pairs", "5", "--warn-only"]);
    assert_eq!(code(&warned), Some(0), "{}", text(&warned.stderr));
    assert!(text(&warned.stderr).contains("--warn-only lets it pass"));
}

/// What a job left that measured a change which is twice as slow.
fn left_by_a_slow_change() -> Repository {
    let repository = recorded();
    repository.write("pace", "40");
    repository.commit("slower");
    let output = gate(&repository, &["--pairs", "5", "--out", "out"]);
    assert_eq!(code(&output), Some(1), "{}", text(&output.stderr));
    repository.git(&["switch", "--quiet", "--force", "main"]);
    repository
}

fn again(repository: &Repository, more: &[&str]) -> Output {
    tokgate(repository, &[&["gate", "--artifact", "out", "--base", "main"], more].concat())
}

#[test]
fn who_trusts_numbers_alone_comes_to_the_same_verdict() {
    let repository = left_by_a_slow_change();
    let output = again(&repository, &["--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(code(&output), Some(1), "{report:#}");
    assert_eq!(report["cases"][0]["verdicts"][0]["verdict"], "regressed");
}

#[test]
fn an_artifact_that_hides_something_passes_nothing() {
    let repository = left_by_a_slow_change();
    let list = repository.read("out/gate.json");
    let spoil = |spoilt: &dyn Fn(&mut Value), exit: i32, words: &str| {
        let mut left: Value = serde_json::from_str(&list).unwrap();
        spoilt(&mut left);
        repository.write("out/gate.json", &left.to_string());
        let output = again(&repository, &[]);
        let told = text(&output.stderr) + &text(&output.stdout);
        assert_eq!(code(&output), Some(exit), "{words}: {told}");
        assert!(told.contains(words), "{words}: {told}");
    };
    let pairs = |left: &mut Value| {
        left["pairs"] = Value::Null;
        let run = left["run"].as_str().unwrap().to_owned();
        let epochs = left["epochs"].as_array().unwrap().clone();
        let kept = epochs.into_iter().filter(|epoch| {
            let raw = repository.read(&format!("out/raw/{}.jsonl", epoch.as_str().unwrap()));
            raw.contains(&format!("\"run_id\":\"{run}\""))
        });
        left["epochs"] = kept.collect();
    };
    spoil(&pairs, 3, "no pairs of it");
    spoil(&|left| left["epochs"] = Value::Array(Vec::new()), 2, "no epoch");
    spoil(&|left| left["epochs"][0] = "../../../etc/passwd".into(), 2, "no name of an epoch");
    spoil(&|left| left["epochs"][0] = "nowhere".into(), 2, "lacks");
    spoil(&|left| left["more"] = 1.into(), 2, "no list of a gate");
    spoil(&|left| left["run"] = "another".into(), 2, "neither of the gate's runs");
    // Nothing to compare with is no reason to pass.
    repository.write("out/gate.json", &list);
    repository.git(&["rm", "--quiet", RECORDED]);
    repository.write("tokgate.toml", "[gate]\nscenarios = [\"served\"]\n");
    repository.commit("nothing to judge by");
    spoil(&pairs, 3, "nothing was judged");
    std::fs::remove_file(repository.path().join("out/gate.json")).unwrap();
    assert_eq!(code(&again(&repository, &[])), Some(2));
}
