//! The four printed requests, to a store that runs of ours and an import filled: their paths as they are printed,
//! by the keys and types that are printed with them.

use crate::faces::{code, text};
use crate::models::{CALM, measured, three};
use crate::serve::{COMPARE, ESTIMATE, MODEL, MODELS, same_shape};
use crate::support::calls::{ends, told};
use crate::support::served::Served;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;
use tokgate::mock::{Options, Server};

/// Real runs of three models, an import of two, and a run each that says nothing about a model.
fn filled() -> (TempDir, Value) {
    let (folder, server) = (tempfile::tempdir().unwrap(), three());
    let rows = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports/earlier/rows.json");
    ends(folder.path(), &["import", rows.to_str().unwrap()], 0);
    let models = "gemma3:12b,hf.co/org/fast:1b,gemma3:4b";
    let words = ["--models", models, "--requests", "8", "--workers", "2", "--format", "json"];
    let output = measured(folder.path(), &server, &words);
    assert_eq!(code(&output), Some(0), "{}", told(&output));
    say_nothing(folder.path());
    (folder, serde_json::from_slice(&output.stdout).unwrap())
}

/// A run that is INVALID, a simulated one, and one that searches vectors.
fn say_nothing(folder: &Path) {
    let broken = "--ttft-ms 1 --itl-ms 0.1 --model broken:1b --fault status-500=0.5";
    let server = Server::start(Options::from_arguments(broken).unwrap()).unwrap();
    let output = measured(folder, &server, &["--models", "broken:1b", "--requests", "12"]);
    assert_eq!(code(&output), Some(3), "{}", told(&output));
    let few = "schema = 1\n[workload]\nrequests = 12\nwarmup = 0\n[[case]]\nname = \"c\"\n";
    let simulated = "kind = \"generation\"\ntarget = { driver = \"simulated\" }\n";
    let search = "kind = \"retrieval\"\ntarget = { driver = \"flat\" }\n\
                  dataset = { entries = 500, dimensions = 8 }\nretrieval = { truth_queries = 4 }\n";
    for (file, rest) in [("simulated.toml", simulated), ("search.toml", search)] {
        std::fs::write(folder.join(file), format!("{few}{rest}")).unwrap();
        ends(folder, &[&["run", file][..], &CALM].concat(), 0);
    }
}

/// The rate of a model, as its run told it.
fn rate(report: &Value, model: &str) -> f64 {
    let cases = report["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["target"]["model"] == model).unwrap();
    case["metrics"]["req_s"]["value"]["value"].as_f64().unwrap()
}

/// That a figure is this one to so many decimals.
fn rounds(found: &Value, exact: f64, decimals: i32) {
    let found = found.as_f64().unwrap();
    let half = 0.5 * 10_f64.powi(-decimals) + 1e-9;
    assert!((found - exact).abs() <= half, "{found} is not {exact} to {decimals} decimals");
}

/// A printed answer, with counts of tokens where a run of ours counted some.
fn counted(printed: &str) -> Value {
    let mut printed: Value = serde_json::from_str(printed).unwrap();
    let first = &mut printed["benchmarks"][0];
    for key in ["avg_prompt_tokens", "avg_completion_tokens"] {
        first[key] = json!(1);
    }
    // Servers that speak OpenAI's protocol do not say how large a model is.
    first["model_size_params"] = Value::Null;
    printed
}

#[test]
fn the_printed_requests_are_answered_by_what_was_measured_and_imported() {
    let (folder, report) = filled();
    let served = Served::start(folder.path(), &[]);
    let fast = rate(&report, "hf.co/org/fast:1b");
    let [four, twelve] = ["gemma3:4b", "gemma3:12b"].map(|model| rate(&report, model));

    let listed = served.object("/v1/benchmarks/models");
    same_shape(&listed, &serde_json::from_str(MODELS).unwrap(), "models");
    let rows = listed["models"].as_array().unwrap();
    let names: Vec<&Value> = rows.iter().map(|row| &row["model"]).collect();
    let expected = ["hf.co/org/fast:1b", "gemma3:4b", "gemma3:12b", "gemma3:1b"];
    assert_eq!((json!(names), &listed["total"]), (json!(expected), &json!(4)), "fastest first");
    rows.iter().zip([fast, four, twelve, 100.0 / 108.7]).for_each(|(row, rate)| {
        rounds(&row["rate_req_per_sec"], rate, 2);
    });

    let model = served.object("/v1/benchmarks/models/gemma3:4b");
    assert_eq!(model["total"], 2);
    let [newest, imported] = [0, 1]
        .map(|at| json!({ "benchmarks": [model["benchmarks"][at]], "model": "", "total": 1 }));
    same_shape(&newest, &counted(MODEL), "measured");
    same_shape(&imported, &serde_json::from_str(MODEL).unwrap(), "imported");
    assert_eq!(newest["benchmarks"][0]["num_workers"], 2);
    rounds(&imported["benchmarks"][0]["rate_req_per_sec"], 100.0 / 192.3, 2);

    let path = "/v1/benchmarks/estimate?model=gemma3:4b&num_requests=50000";
    let estimated = served.object(path);
    same_shape(&estimated, &serde_json::from_str(ESTIMATE).unwrap(), path);
    let told = &estimated["estimate"];
    rounds(&told["total_time_seconds"], 50_000.0 / four, 1);
    rounds(&told["total_time_hours"], 50_000.0 / four / 3600.0, 1);
    rounds(&told["total_time_days"], 50_000.0 / four / 86_400.0, 2);
    assert_eq!(estimated["based_on_benchmark"]["test_size"], 8);
}

#[test]
fn what_is_invalid_simulated_or_a_search_is_in_none_of_the_four_answers() {
    let (folder, report) = filled();
    let served = Served::start(folder.path(), &[]);
    let path = "/v1/benchmarks/compare?num_requests=200000";
    let compared = served.object(path);
    let mut printed: Value = serde_json::from_str(COMPARE).unwrap();
    let rows = compared["models"].as_array().unwrap();
    for row in rows {
        // Who imported said how large a model is; the server of the others does not.
        printed["models"][0]["model_size_params"] = match row["model"].as_str().unwrap() {
            "gemma3:1b" => json!("1b"),
            _ => Value::Null,
        };
        let alone = json!({ "num_requests": 1, "total_models": 1, "models": [row] });
        same_shape(&alone, &printed, path);
    }
    let (fast, slow) = (rate(&report, "hf.co/org/fast:1b"), 100.0 / 108.7);
    rounds(&rows[0]["speedup_vs_slowest"], fast / slow, 2);
    rounds(&rows[0]["time_saved_hours"], 200_000.0 * (1.0 / slow - 1.0 / fast) / 3600.0, 1);
    assert_eq!((rows.len(), &compared["total_models"]), (4, &json!(4)));
    let hidden = ["broken", "simulated", "flat", "search"];
    for path in [path, "/v1/benchmarks/models"] {
        let body = served.get(path).body;
        assert!(hidden.iter().all(|word| !body.contains(word)), "{body}");
    }
    let runs = served.object("/v1/runs");
    assert_eq!(runs["runs"].as_array().unwrap().len(), 4, "they are kept: {runs}");
    for model in ["broken:1b", "simulated", "flat"] {
        assert_eq!(served.get(&format!("/v1/benchmarks/models/{model}")).code, 404, "{model}");
        let path = format!("/v1/benchmarks/estimate?model={model}&num_requests=1");
        assert_eq!(served.get(&path).code, 404, "{model}");
    }
    let by_ask = ends(folder.path(), &["query", "--format", "csv"], 0);
    assert!(hidden.iter().all(|word| !by_ask.contains(word)), "{by_ask}");
}

#[test]
fn a_measured_name_with_slashes_and_colons_is_asked_for_as_it_is() {
    let (folder, server) = (tempfile::tempdir().unwrap(), three());
    let output = measured(
        folder.path(),
        &server,
        &["--models", "hf.co/org/fast:1b", "--requests", "4", "--set", "run.epochs=11"],
    );
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let served = Served::start(folder.path(), &[]);
    for (path, shown) in [
        ("hf.co/org/fast:1b", 10),
        ("hf.co%2Forg%2Ffast%3A1b", 10),
        ("hf.co/org/fast:1b?limit=10", 10),
        ("hf.co/org/fast:1b?limit=3", 3),
    ] {
        let told = served.object(&format!("/v1/benchmarks/models/{path}"));
        let benchmarks = told["benchmarks"].as_array().unwrap();
        assert_eq!((benchmarks.len(), &told["total"]), (shown, &json!(11)), "{path}");
        let newest_first =
            benchmarks.is_sorted_by_key(|row| std::cmp::Reverse(row["created_at"].as_i64()));
        assert!(newest_first && told["model"] == "hf.co/org/fast:1b", "{told}");
    }
}

#[test]
fn the_page_for_agents_has_the_script_that_the_check_with_a_real_client_runs() {
    let read = |name: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
    };
    let page = read("docs/AGENTS.md");
    let script = page.split_once("```python\n").and_then(|(_, rest)| rest.split_once("```"));
    assert_eq!(script.unwrap().0, read("tests/real/agent_httpx.py"));
}
