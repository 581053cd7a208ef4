//! Models beside each other: `tokgate run --models A,B,C --compare`, against a server that has several, each at
//! a pace of its own.

use crate::faces::{code, command, text};
use crate::support::calls::{RESULTS, ends, told};
use crate::support::undisturbed;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use tokgate::mock::{Options, Server};

/// What keeps a busy host from making anything INVALID: these tests are about nothing that it changes.
pub(crate) const CALM: [&str; 8] = [
    "--set",
    "validity.steal=1",
    "--set",
    "validity.others_cpu=1",
    "--set",
    "validity.gap_s=60",
    "--set",
    "validity.send_lag_s=10",
];

/// A model, one that is four times as slow, and one that is four times as slow as that: by so much that a busy
/// host does not put them in another order.
pub(crate) fn three() -> Server {
    let words = "--ttft-ms 10 --itl-ms 0.1 --model hf.co/org/fast:1b --beside gemma3:4b=4 --beside gemma3:12b=16";
    Server::start(Options::from_arguments(words).unwrap()).unwrap()
}

/// Measures with these words, few tokens and no warm-up.
pub(crate) fn measured(folder: &Path, server: &Server, words: &[&str]) -> Output {
    let url = server.base_url();
    let few = ["--prompt-tokens", "8", "--output-tokens", "4", "--set", "workload.warmup=0"];
    let whole = [
        &["run", "--target", "openai", "--base-url", &url, "--results-dir", RESULTS][..],
        &few,
        &CALM,
        words,
    ]
    .concat();
    undisturbed(|| command(folder, &whole).output().unwrap())
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)))
}

/// The names of a load's models, in their order.
fn names(load: &Value) -> Vec<&str> {
    load["models"].as_array().unwrap().iter().map(|it| it["model"].as_str().unwrap()).collect()
}

#[test]
fn models_are_compared_at_each_number_of_workers_for_every_number_of_requests() {
    let (folder, server) = (tempfile::tempdir().unwrap(), three());
    let words = [
        "--models",
        "gemma3:12b,hf.co/org/fast:1b,gemma3:4b",
        "--requests",
        "6,12",
        "--workers",
        "1,2",
        "--compare",
        "--format",
        "json",
    ];
    let output = measured(folder.path(), &server, &words);
    let report = report(&output);
    assert_eq!(code(&output), Some(0), "{}", told(&output));
    assert_eq!(report["cases"].as_array().unwrap().len(), 3 * 2 * 2);
    assert_eq!(report["scenario"], "model_comparison", "where none is named");
    let compared = &report["comparison"];
    assert_eq!(compared["num_requests"], json!([6, 12]));
    let loads = compared["loads"].as_array().unwrap();
    let named: Vec<&Value> = loads.iter().map(|load| &load["load"]).collect();
    let expected =
        ["model_comparison/models/concurrency=1", "model_comparison/models/concurrency=2"];
    assert_eq!(json!(named), json!(expected));
    for load in loads {
        assert_eq!(names(load), ["hf.co/org/fast:1b", "gemma3:4b", "gemma3:12b"]);
        assert_eq!(load["left_out"], json!([]));
        let rate = |at: usize| load["models"][at]["req_s"].as_f64().unwrap();
        for (at, model) in load["models"].as_array().unwrap().iter().enumerate() {
            // Speed-up by the slowest one's rate; time by its own; saved is the difference.
            close(&model["speedup"], rate(at) / rate(2));
            for (count, of) in [(6.0, 0), (12.0, 1)] {
                let of = &model["for_counts"][of];
                close(&of["estimate"]["time_s"], count / rate(at));
                close(&of["saved_s"], count / rate(2) - count / rate(at));
            }
        }
    }
}

fn close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found}, not {expected}");
}

#[test]
fn a_model_that_the_server_lacks_is_told_by_name_and_the_others_are_kept_and_compared() {
    let (folder, server) = (tempfile::tempdir().unwrap(), three());
    let words =
        ["--models", "gemma3:4b,gemma3:27b,hf.co/org/fast:1b", "--requests", "6", "--compare"];
    let output = measured(folder.path(), &server, &words);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), Some(3), "{out}{err}");
    let refused = "could not measure model_comparison::models::model=gemma3:27b: ";
    assert!(err.contains(refused) && err.contains("has no model `gemma3:27b`"), "{err}");
    let (_, table) = out.split_once("models at model_comparison::models\n").unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert!(rows[0].contains("6 requests") && rows[0].contains("speed-up"), "{table}");
    assert!(
        rows[1].starts_with(" hf.co/org/fast:1b") && rows[2].starts_with(" gemma3:4b"),
        "{table}"
    );
    assert!(rows[2].trim_end().ends_with("1.00"), "{table}");
    assert!(table.contains("nothing VALID was measured of gemma3:27b"), "{table}");
    let listed = ends(folder.path(), &["query"], 0);
    assert!(listed.contains("hf.co/org/fast:1b") && listed.contains("gemma3:4b"), "{listed}");
    assert!(!listed.contains("gemma3:27b"), "{listed}");
}

#[test]
fn what_is_not_kept_is_compared_all_the_same_and_of_this_run_alone() {
    let (folder, server) = (tempfile::tempdir().unwrap(), three());
    let kept = measured(folder.path(), &server, &["--models", "gemma3:12b", "--requests", "4"]);
    assert_eq!(code(&kept), Some(0), "{}", told(&kept));
    assert!(!text(&kept.stdout).contains("models at "), "it is told where it is asked for");
    let words = ["--models", "gemma3:4b", "--requests", "4", "--compare", "--format", "jsonl"];
    for more in [&[][..], &["--no-store"]] {
        let output = measured(folder.path(), &server, &[&words[..], more].concat());
        let last = text(&output.stdout).lines().last().unwrap().to_owned();
        let last: Value = serde_json::from_str(&last).unwrap();
        let loads = &last["run"]["comparison"]["loads"];
        assert_eq!(names(&loads[0]), ["gemma3:4b"], "{last}");
    }
}

#[test]
fn a_target_that_takes_no_model_is_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    for (scenario, why) in [
        ("retrieval", "belongs to a case with a language model"),
        (
            "simulated",
            "belongs to driver `openai`, `ollama`, `batch`, `embedded`, `custom` or `auto`",
        ),
    ] {
        let told = ends(folder.path(), &["run", scenario, "--models", "a,b", "--compare"], 2);
        assert!(told.contains("`model`") && told.contains(why), "{scenario}: {told}");
    }
    let told = ends(folder.path(), &["run", "--no-store"], 2);
    assert!(told.contains("SCENARIO") && !folder.path().join(RESULTS).exists(), "{told}");
}

#[test]
fn the_axes_of_another_scenario_come_from_the_command_line_too() {
    let (folder, server) = (tempfile::tempdir().unwrap(), three());
    let words = ["concurrency", "--models", "gemma3:4b,hf.co/org/fast:1b", "--requests", "4"];
    let words = [&words[..], &["--workers", "2", "--compare", "--format", "json"]].concat();
    let output = measured(folder.path(), &server, &words);
    let report = report(&output);
    let loads = report["comparison"]["loads"].as_array().unwrap();
    assert_eq!((loads.len(), names(&loads[0])), (1, vec!["hf.co/org/fast:1b", "gemma3:4b"]));
    assert_eq!(loads[0]["load"], "concurrency/concurrency");
}
