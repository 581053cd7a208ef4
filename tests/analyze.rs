//! From the answers of a batch to a comparison, by the program.

use crate::faces::{code, command, text};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const CONFIG: &str = r#"{"max_model_len": 4096, "gpu_memory_utilization": 0.90}"#;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// What vLLM's batch runner writes of one request.
fn batch_line(number: u64, prompt: u64, completion: u64) -> String {
    json!({"id": format!("vllm-{number}"), "custom_id": format!("request-{number}"), "error": null,
        "response": {"status_code": 200, "request_id": format!("q-{number}"), "body": {
            "id": "c", "object": "chat.completion", "created": 1_730_101_092 + number, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": format!("answer {number}")}}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion,
                "total_tokens": prompt + completion}}}})
    .to_string()
}

fn ollama_line(number: u64) -> String {
    json!({"model": "gemma3:12b", "created_at": format!("2024-10-28T09:00:{number:02}.5Z"),
        "message": {"role": "assistant", "content": "yes"}, "done": true, "done_reason": "stop",
        "total_duration": 2_000_000_000_u64, "load_duration": 1, "prompt_eval_count": 600,
        "prompt_eval_duration": 1, "eval_count": 150, "eval_duration": 1})
    .to_string()
}

fn write(folder: &Path, name: &str, lines: impl Iterator<Item = String>) {
    let text = lines.fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    });
    std::fs::write(folder.join(name), text).unwrap();
}

fn analyze(folder: &Path, arguments: &[&str]) -> Output {
    let all = [&["analyze"], arguments, &["--results-dir", "r"]].concat();
    command(folder, &all).output().unwrap()
}

fn object(folder: &Path, arguments: &[&str]) -> Value {
    let output = analyze(folder, &[arguments, &["--json"]].concat());
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn vllm(folder: &Path) -> Vec<&'static str> {
    write(folder, "batch_5k.jsonl", (0..5000).map(|number| batch_line(number, 850, 450)));
    vec![
        "--platform",
        "vllm-offline",
        "--model",
        "gemma3-4b",
        "--input",
        "batch_5k.jsonl",
        "--config",
        CONFIG,
        "--total-time",
        "2400",
        "--model-load-time",
        "25.8",
    ]
}

fn ollama(folder: &Path) -> Vec<&'static str> {
    write(folder, "ollama.jsonl", (0..40).map(ollama_line));
    vec![
        "--platform",
        "ollama",
        "--model",
        "gemma3-12b",
        "--input",
        "ollama.jsonl",
        "--config",
        "{}",
        "--total-time",
        "80",
        "--workers",
        "1",
    ]
}

#[test]
fn a_batch_and_ollama_stand_side_by_side() {
    let folder = folder();
    let here = folder.path();
    let output = analyze(here, &vllm(here));
    let told = text(&output.stdout);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    for part in [
        "Platform    vllm-offline",
        "Model       gemma3-4b",
        "Requests    5000/5000 (batch output)",
        "Throughput  2708",
        "Time        2400.0 s",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let analysed = object(here, &ollama(here));
    let metadata = std::fs::read_to_string(analysed["metadata"].as_str().unwrap_or_default());
    let metadata = metadata
        .or_else(|_| std::fs::read_to_string(here.join(analysed["metadata"].as_str().unwrap())));
    let metadata: Value = serde_json::from_str(&metadata.unwrap()).unwrap();
    for key in
        ["test_id", "timestamp", "platform", "model", "gpu", "config", "test", "results", "status"]
    {
        assert!(!metadata[key].is_null(), "{key}");
    }
    let results = &metadata["results"];
    assert_eq!(results["success_count"], 40);
    assert_eq!(results["total_time_seconds"], 80.0);
    assert_eq!(results["throughput_tokens_per_sec"], 375.0);
    assert_eq!(
        (&results["avg_prompt_tokens"], &results["avg_completion_tokens"]),
        (&600.into(), &150.into())
    );
    assert_eq!(metadata["timestamp"], "2024-10-28T09:00:00Z");
    assert_eq!(metadata["status"], "completed");
    let output = command(here, &["report", "comparison", "--markdown", "--results-dir", "r"])
        .output()
        .unwrap();
    let table = text(&output.stdout);
    let row =
        |words: [&str; 6]| table.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(row(["vllm-offline", "gemma3-4b", "5000", "100.0%", "2708", "2024-10-28"]), "{table}");
    assert!(row(["ollama", "gemma3-12b", "40", "100.0%", "375", "80.0"]), "{table}");
    let written = std::fs::read_to_string(here.join("r/reports/COMPARISON.md")).unwrap();
    assert_eq!(written, table);
}

#[test]
fn the_configuration_and_the_pattern_of_the_name_are_kept() {
    let folder = folder();
    let analysed = object(folder.path(), &vllm(folder.path()));
    let test_id = analysed["test_id"].as_str().unwrap();
    assert!(
        test_id.starts_with("vllm-offline-gemma3-4b-5000-2024-10-28T073812.000Z-"),
        "{test_id}"
    );
    let path = folder.path().join("r/metadata").join(format!("{test_id}.json"));
    let metadata: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(metadata["config"], serde_json::from_str::<Value>(CONFIG).unwrap());
    assert_eq!(metadata["results"]["model_load_time_seconds"], 25.8);
    assert!(folder.path().join("r/raw").join(format!("{test_id}.jsonl")).exists());
}

#[test]
fn analysing_twice_changes_nothing() {
    let folder = folder();
    let here = folder.path();
    let arguments = ollama(here);
    assert_eq!(object(here, &arguments)["new"], true);
    let read = |name: &str| std::fs::read(here.join("r").join(name)).unwrap();
    let before = (read("reports/COMPARISON.md"), read("analysis/summary.json"));
    let count = || std::fs::read_dir(here.join("r/raw")).unwrap().count();
    assert_eq!(object(here, &arguments)["new"], false);
    assert_eq!((read("reports/COMPARISON.md"), read("analysis/summary.json")), before);
    assert_eq!(count(), 1);
    let other = [&arguments[..], &["--notes", "again"]].concat();
    assert_eq!(object(here, &other)["new"], true);
    assert_eq!(count(), 2);
}

#[test]
fn a_line_that_failed_is_told_by_its_number_and_counted() {
    let folder = folder();
    let failed = json!({"id": "b", "custom_id": "r-2", "response": {"status_code": 400, "body": {}},
        "error": {"message": "the prompt is too long"}});
    let lines = [
        batch_line(0, 30, 10),
        "{\"torn\": ".to_owned(),
        failed.to_string(),
        batch_line(1, 30, 10),
    ];
    write(folder.path(), "a.jsonl", lines.into_iter());
    let arguments =
        ["--platform", "vllm-offline", "--model", "m", "--input", "a.jsonl", "--total-time", "4"];
    let output = analyze(folder.path(), &arguments);
    let told = text(&output.stderr);
    assert_eq!(code(&output), Some(0), "{told}");
    assert!(told.contains("line 2: no JSON"), "{told}");
    assert!(told.contains("line 3: the prompt is too long"), "{told}");
    assert!(told.contains("2 of 4 requests failed"), "{told}");
    assert!(text(&output.stdout).contains("Requests    2/4"), "{}", text(&output.stdout));
    let analysed = object(folder.path(), &arguments);
    assert_eq!(
        (&analysed["status"], &analysed["throughput_tokens_per_sec"]),
        (&"partial".into(), &20.0.into())
    );
}

#[test]
fn what_cannot_be_read_is_refused_and_nothing_is_kept() {
    let folder = folder();
    std::fs::write(folder.path().join("empty.jsonl"), "\n\n").unwrap();
    write(folder.path(), "a.jsonl", [ollama_line(0)].into_iter());
    let base = ["--platform", "ollama", "--model", "m"];
    for (arguments, said) in [
        (&["--input", "empty.jsonl", "--total-time", "1"][..], "no line is in it"),
        (&["--input", "none.jsonl", "--total-time", "1"], "it cannot be read"),
        (&["--input", "a.jsonl", "--total-time", "0"], "expected seconds above 0"),
        (&["--input", "a.jsonl", "--total-time", "1", "--config", "[1]"], "expected a JSON object"),
        (
            &["--input", "a.jsonl", "--total-time", "1", "--date", "soon"],
            "--date soon: expected a day",
        ),
    ] {
        let output = analyze(folder.path(), &[&base, arguments].concat());
        assert_eq!(code(&output), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
    assert!(!folder.path().join("r").exists());
}
