//! Questions by the program: query, estimate, compare, recommend, status.

use crate::faces::{code, command, text};
use crate::store::fixture::{STARTED_US, open};
use crate::support::choices;
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;
use tokgate_core::dataset::tasks::Category;
use tokgate_core::imported::{Figure, Imported, ImportedHardware, ImportedModel, Source};
use tokgate_core::metric::{self, Kind, MetricRef, Stat};
use tokgate_core::run::Requests;

/// A model as another tool measured it: 100 requests of 4 workers at so many a second.
struct Given {
    model: &'static str,
    req_s: f64,
    instance: &'static str,
    usd: f64,
    tok_s: f64,
    window: Option<u64>,
    task: Category,
}

const GEMMA: Given = Given {
    model: "gemma3:4b",
    req_s: 0.52,
    instance: "g2-gpu-rtx4000a2-s",
    usd: 1.04,
    tok_s: 38.1,
    window: Some(131_072),
    task: Category::Coding,
};

fn imported(given: &Given, number: usize) -> Imported {
    let tok_s = Figure {
        metric: MetricRef { metric: &metric::TOK_S, stat: Stat::Value },
        value: given.tok_s,
        n: 100,
        interval: None,
    };
    Imported {
        source: Source {
            tool: "a tool".to_owned(),
            format: "a-tool".to_owned(),
            file: "a.json".to_owned(),
            digest: format!("{:016x}{:048x}", number + 1, 0),
        },
        measured_us: Some(STARTED_US + number as i64),
        platform: "ollama".to_owned(),
        engine: String::new(),
        endpoint: None,
        model: ImportedModel {
            name: given.model.to_owned(),
            context_window: given.window,
            ..ImportedModel::default()
        },
        hardware: ImportedHardware {
            instance: Some(given.instance.to_owned()),
            gpus: Some(2),
            vram_bytes: Some(20 << 30),
            hourly_usd: Some(given.usd),
            ..ImportedHardware::default()
        },
        kind: Kind::Generation,
        benchmark_type: "model_comparison".to_owned(),
        task_category: Some(given.task),
        workers: Some(4),
        requests: Requests { attempted: 100, succeeded: 100, failed: 0, incomplete: 0 },
        window_s: Some(100.0 / given.req_s),
        figures: vec![tok_s],
        invalid: Vec::new(),
        samples: Vec::new(),
        notes: String::new(),
        entry: Value::Null,
    }
}

fn results(all: &[Given]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    for (number, given) in all.iter().enumerate() {
        store.keep_imported(&imported(given, number)).unwrap();
    }
    folder
}

fn three() -> TempDir {
    results(&[
        GEMMA,
        Given {
            model: "gemma3:1b",
            req_s: 0.92,
            window: Some(32_768),
            instance: "g2-gpu-rtx4000a1-s",
            usd: 0.52,
            ..GEMMA
        },
        Given {
            model: "gemma3:12b",
            req_s: 0.23,
            instance: "g1-gpu-rtx6000-2",
            usd: 3.0,
            tok_s: 45.3,
            ..GEMMA
        },
    ])
}

fn ask(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, &[arguments, &["--results-dir", "r"]].concat()).output().unwrap()
}

fn told(folder: &Path, arguments: &[&str]) -> String {
    let output = ask(folder, arguments);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn object(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&told(folder, &[arguments, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn how_long_is_one_command_and_costs_what_its_hours_do() {
    let folder = three();
    let asked = ["estimate", "--model", "gemma3:4b", "--requests", "50000"];
    let estimate = &object(folder.path(), &asked)["estimates"][0];
    // 50 000 / 0.52 = 96 153.8 s = 26.7094 h, at 1.04 USD an hour 27.78 USD.
    assert!((estimate["time_s"].as_f64().unwrap() - 96_153.846).abs() < 1e-2, "{estimate}");
    assert!((estimate["cost"]["usd"].as_f64().unwrap() - 27.7778).abs() < 1e-3, "{estimate}");
    let table = told(folder.path(), &asked);
    assert!(table.contains("26.7 hours") && table.contains("27.78"), "{table}");
    // 1.04 / 3600 / 38.1 * 1000
    assert!((estimate["cost"]["cost_per_1k_usd"].as_f64().unwrap() - 0.007_582).abs() < 1e-6);
    assert!(table.contains("USD/h") && table.contains("1.04"), "{table}");
    assert!(table.contains("USD/1K") && table.contains("0.0076"), "{table}");
    let same = told(folder.path(), &["query", "--model", "gemma3:4b", "--requests", "50000"]);
    assert_eq!(same, table);
}

#[test]
fn models_are_compared_by_time_the_fastest_first() {
    let folder = three();
    let all = object(folder.path(), &["compare", "--requests", "50000,200000"]);
    let models: Vec<&str> =
        all["models"].as_array().unwrap().iter().map(|it| it["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["gemma3:1b", "gemma3:4b", "gemma3:12b"]);
    let markdown = told(folder.path(), &["compare", "-n", "200000", "-f", "markdown"]);
    let row =
        "| `gemma3:1b` | 32768 | 0.92 | 60.4 hours (2.5 days) | 181.2 hours (7.5 days) | 4.00 |";
    assert!(markdown.contains(row), "{markdown}");
    assert!(!markdown.contains("95 %"), "one epoch knows no interval: {markdown}");
}

#[test]
fn an_interval_stands_beside_each_time_of_a_model_with_two_epochs() {
    let folder = results(&[GEMMA, Given { model: "gemma3:1b", req_s: 0.92, ..GEMMA }]);
    let mut store = open(&folder.path().join("r"));
    let again = Given { req_s: 0.50, ..GEMMA };
    store.keep_imported(&imported(&again, 7)).unwrap();
    drop(store);
    let all = object(folder.path(), &["compare", "--requests", "1000"]);
    let of = |model: usize| &all["models"][model]["for_counts"][0]["estimate"];
    let interval = &of(1)["interval"];
    // ln 0.52, ln 0.50: mean -0.673537, s 0.027733; t(0.975, 1) = 12.7062; reach 0.431577; 1000 requests
    // take 1000 / e^(-0.673537 ± 0.431577) s.
    let low = interval["low_s"].as_f64().unwrap();
    let high = interval["high_s"].as_f64().unwrap();
    assert!((low - 1273.8).abs() < 0.2 && (high - 3019.6).abs() < 0.5, "{interval}");
    let csv = told(folder.path(), &["compare", "-n", "1000", "-f", "csv"]);
    let rows: Vec<&str> = csv.lines().collect();
    assert_eq!(rows[0], "model,context,req/s,1000 requests,95 % of 1000,saved of 1000,speed-up");
    assert!(rows[2].contains(",21.2 minutes to 50.3 minutes,"), "{csv}");
    assert_eq!(rows[1].split(',').nth(4), Some(""), "{csv}");
}

#[test]
fn configurations_are_compared_by_each_column_and_mixed_tasks_are_said_loudly() {
    let folder = three();
    let order = |column: &str| -> Vec<String> {
        let csv = told(folder.path(), &["compare", "--sort-by", column, "--format", "csv"]);
        csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    assert_eq!(order("tokens_per_sec")[0], "g1-gpu-rtx6000-2");
    // 38.1 tok/s at 0.52, at 1.04 and 45.3 at 3.00 USD an hour.
    let by_value = ["g2-gpu-rtx4000a1-s", "g2-gpu-rtx4000a2-s", "g1-gpu-rtx6000-2"];
    assert_eq!(
        (order("cost_efficiency"), order("cost_per_1k_tokens")),
        (by_value.map(Into::into).into(), by_value.map(Into::into).into())
    );
    let table = told(folder.path(), &["compare", "--now", "2025-11-23T00:00:00Z"]);
    assert!(!table.contains("MIXED TASKS") && !table.contains("stale"), "{table}");
    assert!(table.contains("! 3 of 3: low confidence"), "{table}");
    let later = told(folder.path(), &["compare", "--now", "2026-11-23T00:00:00Z"]);
    assert!(later.contains("! 3 of 3: stale") && later.contains("(stale)"), "{later}");
    let mixed = results(&[GEMMA, Given { task: Category::Reasoning, ..GEMMA }]);
    assert!(told(mixed.path(), &["compare"]).contains("MIXED TASKS"));
    assert!(!told(mixed.path(), &["compare", "-t", "coding"]).contains("MIXED TASKS"));
    let unknown = ask(folder.path(), &["compare", "--sort-by", "speed"]);
    assert_eq!(code(&unknown), Some(2));
    assert!(text(&unknown.stderr).contains("cost_efficiency"), "{}", text(&unknown.stderr));
}

#[test]
fn a_recommendation_names_no_model_whose_window_is_too_small() {
    let folder = three();
    let wide = object(folder.path(), &["recommend", "--context", "40000", "-t", "coding"]);
    let names: Vec<&str> = wide["top"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["configuration"]["model"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2);
    assert!(!names.contains(&"gemma3:1b"), "{names:?}");
    let cheap = ask(folder.path(), &["recommend", "--context", "40000", "--budget", "under-1"]);
    assert_eq!(code(&cheap), Some(4));
    let said = text(&cheap.stdout);
    // The 1b fits the budget and not the window, the 4b the window and is 4 % too dear.
    assert!(said.contains("nearest is gemma3:4b on g2-gpu-rtx4000a2-s"), "{said}");
    assert!(said.contains("1.04 USD/h") && said.contains("budget 1-3"), "{said}");
    let table = told(folder.path(), &["recommend"]);
    assert!(table.contains("a single run") && table.contains("imported"), "{table}");
}

#[test]
fn the_status_says_what_is_tested_and_missing() {
    let folder = three();
    let status = object(folder.path(), &["status"]);
    assert_eq!(status["gpu_types_tested"].as_array().unwrap().len(), 3);
    assert_eq!(status["confidence"], serde_json::json!({ "high": 0, "medium": 0, "low": 3 }));
    let table = told(folder.path(), &["status"]);
    assert!(table.contains("GPU types tested: 3 of"), "{table}");
    assert!(table.contains("missing: ") && table.contains("(stale)"), "{table}");
}

#[test]
fn details_are_every_epoch_and_a_file_is_written_where_one_is_named() {
    let folder = results(&[GEMMA, GEMMA]);
    let rows =
        |arguments: &[&str]| object(folder.path(), arguments)["rows"].as_array().unwrap().len();
    assert_eq!((rows(&["query"]), rows(&["query", "--details"])), (1, 2));
    told(folder.path(), &["query", "--details", "--format", "csv", "-o", "rows.csv"]);
    let csv = std::fs::read_to_string(folder.path().join("rows.csv")).unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");
}

#[test]
fn who_asks_for_nothing_that_is_there_is_told_what_is() {
    let folder = three();
    let near = ask(folder.path(), &["query", "--model", "gemma3:4"]);
    assert_eq!(code(&near), Some(2), "{}", text(&near.stderr));
    assert!(text(&near.stderr).contains("did you mean `gemma3:"), "{}", text(&near.stderr));
    let filtered = ask(folder.path(), &["compare", "--platform", "nobody's"]);
    assert_eq!(code(&filtered), Some(4));
    let since = ["compare", "--since", "2d", "--now"];
    let asked = |now: &str| code(&ask(folder.path(), &[&since[..], &[now]].concat()));
    // All began on 2025-11-22.
    assert_eq!(asked("2025-11-23T00:00:00Z"), Some(0));
    assert_eq!((asked("2025-11-26T00:00:00Z"), asked("noon")), (Some(4), Some(2)));
    let since = ask(folder.path(), &["status", "--since", "soon"]);
    assert_eq!(code(&since), Some(2), "{}", text(&since.stderr));
}

#[test]
fn what_is_listed_and_exported_takes_the_filters_of_every_question() {
    let folder = tempfile::tempdir().unwrap();
    choices::fill(&folder.path().join("r"));
    let count = |words: &[&str], of: &str| {
        let listed = told(folder.path(), &[&["list", "--json"], words].concat());
        serde_json::from_str::<Value>(&listed).unwrap()[of].as_array().unwrap().len()
    };
    assert_eq!((count(&[], "runs"), count(&["--epochs"], "epochs")), (3, 11));
    for (words, epochs) in [
        (&["--model", "gemma3:4b"][..], 1),
        (&["--gpu-type", "g2-gpu-rtx4000a2-s"], 3),
        (&["--model-category", "70b", "--task-category", "coding"], 1),
        (&["--task-category", "reasoning"], 1),
        (&["--platform", "ollama"], 5),
        (&["--platform", "vllm-serve", "--gpu-type", "RTX 4090", "-n", "4"], 4),
        (&["--since", "2999-01-01"], 0),
        (&["--type", "nothing", "--machine", "nowhere"], 0),
    ] {
        assert_eq!(count(&[&["--epochs"], words].concat(), "epochs"), epochs, "{words:?}");
    }
    // A run is taken for one of its epochs; results of other tools are no runs.
    assert_eq!(count(&["--platform", "vllm-serve", "-n", "2"], "runs"), 2);
    assert_eq!(count(&["--platform", "ollama"], "runs"), 0);
    let none = ask(folder.path(), &["list", "--platform", "nobody's"]);
    assert!(text(&none.stderr).contains("the filters leave nothing") && none.stdout.is_empty());

    let listed = ["list", "--epochs", "--model", "gemma3:1b", "--format", "csv"];
    let csv = told(folder.path(), &listed);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    told(folder.path(), &["list", "--format", "markdown", "-o", "list.md"]);
    let written = std::fs::read_to_string(folder.path().join("list.md")).unwrap();
    assert_eq!(written.lines().filter(|line| line.contains("`run-")).count(), 3, "{written}");
    let both = ask(folder.path(), &["list", "--json", "--format", "csv"]);
    assert_eq!(code(&both), Some(2), "one of them");

    let exported = |words: &[&str]| {
        let csv = told(folder.path(), &[&["export", "-", "--format", "csv"], words].concat());
        csv.lines().count() - 1
    };
    assert_eq!(exported(&[]), 11);
    assert_eq!(exported(&["--gpu-type", "g2-gpu-rtx4000a2-s", "--task-category", "coding"]), 2);
    assert_eq!(exported(&["--run", "run-1", "--platform", "vllm-serve"]), 2);
}
