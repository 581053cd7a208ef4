//! The REST API as it is asked: what it answers, by hand and by the printed shapes, and that it is described
//! as it is.

use crate::live::told_run;
use crate::references::{same_as_file, same_between_marks};
use crate::store::fixture::{head, keep, keep_case, keep_invalid, metric, open, run};
use crate::store::imported::result;
use crate::support::served::Served;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokgate::store::FileStore;
use tokgate_core::case::DriverKind;
use tokgate_core::dataset::tasks::Category;
use tokgate_core::imported::{Figure, Imported, ImportedHardware, ImportedModel};
use tokgate_core::metric::Kind;
use tokgate_core::run::{Head, Requests};

/// When the printed examples were measured, seconds since 1970.
const PRINTED: i64 = 1_761_594_486;

/// The printed answers, key by key.
pub(crate) const MODELS: &str = r#"{"models": [{"model": "gemma3:1b", "rate_req_per_sec": 0.92,
    "success_rate_pct": 100.0, "workers": 4, "last_benchmarked": 1761594486}], "total": 2}"#;
pub(crate) const MODEL: &str = r#"{"model": "gemma3:4b", "benchmarks": [{"model": "gemma3:4b",
    "model_size_params": "4b", "num_requests": 100, "num_workers": 4, "rate_req_per_sec": 0.52,
    "time_per_request_sec": 1.91, "success_rate_pct": 100.0, "avg_prompt_tokens": null,
    "avg_completion_tokens": null, "benchmark_type": "model_comparison", "created_at": 1761594486}],
    "total": 1}"#;
pub(crate) const ESTIMATE: &str = r#"{"model": "gemma3:4b", "num_requests": 50000, "estimate": {
    "total_time_seconds": 96153.8, "total_time_hours": 26.7, "total_time_days": 1.11,
    "rate_req_per_sec": 0.52, "time_per_request_sec": 1.91}, "based_on_benchmark": {"test_size": 100,
    "workers": 4, "success_rate_pct": 100.0, "date": 1761594486}}"#;
pub(crate) const COMPARE: &str = r#"{"num_requests": 200000, "models": [{"model": "gemma3:1b",
    "model_size_params": "1b", "rate_req_per_sec": 0.92, "estimated_time_hours": 60.4,
    "estimated_time_days": 2.52, "success_rate_pct": 100.0, "workers": 4, "speedup_vs_slowest": 4.07,
    "time_saved_hours": 185.2}], "total_models": 3}"#;

/// 100 requests of 4 workers at so many a second, as another tool measured them.
fn imported(model: &str, size: &str, req_s: f64, number: u64) -> Imported {
    Imported {
        measured_us: Some(PRINTED * 1_000_000),
        model: ImportedModel {
            name: model.to_owned(),
            size_params: Some(size.to_owned()),
            context_window: Some(131_072),
            ..ImportedModel::default()
        },
        hardware: ImportedHardware {
            instance: Some("g2-gpu-rtx4000a2-s".to_owned()),
            gpu: Some("RTX 4000 Ada".to_owned()),
            gpus: Some(2),
            vram_bytes: Some(20 << 30),
            hourly_usd: Some(1.04),
            ..ImportedHardware::default()
        },
        task_category: Some(Category::Coding),
        workers: Some(4),
        requests: Requests { attempted: 100, succeeded: 100, failed: 0, incomplete: 0 },
        window_s: Some(100.0 / req_s),
        figures: vec![Figure { metric: metric("tok_s"), value: 38.1, n: 100, interval: None }],
        ..result(&format!("{:016x}", 0x1234_5678_9abc * number))
    }
}

fn keep_models(store: &mut FileStore) {
    let models =
        [("gemma3:12b", "12b", 0.23), ("gemma3:1b", "1b", 0.92), ("gemma3:4b", "4b", 0.52)];
    for (number, (model, size, req_s)) in (1..).zip(models) {
        store.keep_imported(&imported(model, size, req_s, number)).unwrap();
    }
}

fn models() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    keep_models(&mut open(&folder.path().join("r")));
    folder
}

/// Models of another tool, and runs of ours.
pub(crate) fn filled(runs: u32) -> TempDir {
    let folder = models();
    let mut store = open(&folder.path().join("r"));
    (0..runs).for_each(|run| keep_case(&mut store, run, "token_throughput"));
    told_run(&folder.path().join("r"), "run-0", 3, true);
    std::fs::write(folder.path().join("r/reports/run-0.html"), "<!doctype html><p>report</p>")
        .unwrap();
    folder
}

/// That `found` has the keys and types of what is printed; of lists, each row those of the first.
pub(crate) fn same_shape(found: &Value, printed: &Value, at: &str) {
    match (found, printed) {
        (Value::Object(found), Value::Object(printed)) => {
            assert_eq!(
                found.keys().collect::<Vec<_>>(),
                printed.keys().collect::<Vec<_>>(),
                "{at}"
            );
            found
                .iter()
                .for_each(|(key, value)| same_shape(value, &printed[key], &format!("{at}.{key}")));
        }
        (Value::Array(found), Value::Array(printed)) => {
            assert!(!found.is_empty(), "{at}");
            found.iter().for_each(|row| same_shape(row, &printed[0], at));
        }
        (Value::Number(found), Value::Number(printed)) => {
            assert_eq!(found.is_f64(), printed.is_f64(), "{at}: {found} is not as {printed}");
        }
        (Value::String(_), Value::String(_)) => {}
        (Value::Null, Value::Null) => {}
        _ => panic!("{at}: {found} is not as {printed}"),
    }
}

#[test]
fn the_four_routes_answer_with_the_printed_keys_and_types() {
    let folder = models();
    let served = Served::start(folder.path(), &[]);
    let bare = Imported { figures: Vec::new(), ..imported("gemma3:4b", "4b", 0.52, 9) };
    open(&folder.path().join("r")).keep_imported(&bare).unwrap();
    for (path, printed) in [
        ("/v1/benchmarks/models", MODELS),
        ("/v1/benchmarks/models/gemma3:4b?limit=10", MODEL),
        ("/v1/benchmarks/estimate?model=gemma3:4b&num_requests=50000", ESTIMATE),
        ("/v1/benchmarks/compare?num_requests=200000", COMPARE),
    ] {
        same_shape(&served.object(path), &serde_json::from_str(printed).unwrap(), path);
    }
}

#[test]
fn figures_are_those_of_a_calculation_by_hand() {
    let folder = models();
    let served = Served::start(folder.path(), &[]);
    // 50 000 / 0.52 = 96 153.85 s = 26.709 h = 1.1129 d; 100 / (100 / 0.52) = 1.923 s each.
    let estimate = served.object("/v1/benchmarks/estimate?model=gemma3:4b&num_requests=50000");
    let expected = json!({
        "total_time_seconds": 96_153.8,
        "total_time_hours": 26.7,
        "total_time_days": 1.11,
        "rate_req_per_sec": 0.52,
        "time_per_request_sec": 1.92,
    });
    assert_eq!(estimate["estimate"], expected);
    let based_on =
        json!({ "test_size": 100, "workers": 4, "success_rate_pct": 100.0, "date": PRINTED });
    assert_eq!(estimate["based_on_benchmark"], based_on);
    // 50 000 / 0.23 = 217 391 s = 60.386 h.
    let slow = served.object("/v1/benchmarks/estimate?model=gemma3:12b&num_requests=50000");
    assert_eq!(slow["estimate"]["total_time_hours"], 60.4);
    // 200 000 / 0.92 = 217 391 s, / 0.52 = 384 615 s, / 0.23 = 869 565 s.
    let compared = served.object("/v1/benchmarks/compare?num_requests=200000");
    let columns =
        ["estimated_time_hours", "estimated_time_days", "speedup_vs_slowest", "time_saved_hours"];
    let told: Vec<Value> = compared["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| json!([model["model"], columns.map(|column| model[column].clone())]))
        .collect();
    let expected = json!([
        ["gemma3:1b", [60.4, 2.52, 4.0, 181.2]],
        ["gemma3:4b", [106.8, 4.45, 2.26, 134.7]],
        ["gemma3:12b", [241.5, 10.06, 1.0, 0.0]],
    ]);
    assert_eq!((json!(told), &compared["total_models"]), (expected, &json!(3)));
    let listed = served.object("/v1/benchmarks/models");
    let rates: Vec<&Value> =
        listed["models"].as_array().unwrap().iter().map(|it| &it["rate_req_per_sec"]).collect();
    assert_eq!(json!(rates), json!([0.92, 0.52, 0.23]));
}

#[test]
fn what_says_nothing_about_a_model_never_shows_up() {
    let folder = models();
    let mut store = open(&folder.path().join("r"));
    let epoch = |number: u32, change: fn(&mut Head)| {
        let mut head = head(number, "one", 0);
        head.target.model = format!("hidden-{number}");
        change(&mut head);
        run(head)
    };
    keep_invalid(&mut store, &epoch(1, |_| {}));
    keep(&mut store, &epoch(2, |head| head.case.target.driver = DriverKind::Simulated));
    keep(&mut store, &epoch(3, |head| head.target.platform = "simulated".to_owned()));
    keep(&mut store, &epoch(4, |head| head.case.kind = Kind::Retrieval));
    let untimed = Imported { window_s: None, ..imported("hidden-5", "5b", 1.0, 5) };
    store.keep_imported(&untimed).unwrap();
    let served = Served::start(folder.path(), &[]);
    for path in ["/v1/benchmarks/models", "/v1/benchmarks/compare?num_requests=10", "/metrics"] {
        let answer = served.get(path);
        assert!(answer.code == 200 && !answer.body.contains("hidden"), "{path}: {answer:?}");
    }
    // A speed without a window says which hardware, and not how long.
    let status = served.object("/v1/status")["configurations"].to_string();
    assert_eq!(
        (status.matches("hidden-").count(), status.contains("hidden-5")),
        (1, true),
        "{status}"
    );
    for number in 1..=5 {
        assert_eq!(served.get(&format!("/v1/benchmarks/models/hidden-{number}")).code, 404);
        let estimate = format!("/v1/benchmarks/estimate?model=hidden-{number}&num_requests=1");
        assert_eq!(served.get(&estimate).code, 404);
    }
}

#[test]
fn a_models_name_has_slashes_and_colons_and_ten_epochs_are_told_unless_more_are_asked_for() {
    let folder = models();
    let mut store = open(&folder.path().join("r"));
    for number in 10..22 {
        let newer = Imported {
            measured_us: Some((PRINTED + number as i64) * 1_000_000),
            ..imported("hf.co/org/model:q4", "1b", 1.0, number)
        };
        store.keep_imported(&newer).unwrap();
    }
    let served = Served::start(folder.path(), &[]);
    for path in ["hf.co/org/model:q4", "hf.co%2Forg%2Fmodel%3Aq4"] {
        let told = served.object(&format!("/v1/benchmarks/models/{path}"));
        let benchmarks = told["benchmarks"].as_array().unwrap();
        assert_eq!((benchmarks.len(), &told["total"]), (10, &json!(12)));
        assert_eq!(benchmarks[0]["created_at"], PRINTED + 21);
    }
    let all = served.object("/v1/benchmarks/models/hf.co/org/model:q4?limit=1000");
    assert_eq!(all["benchmarks"].as_array().unwrap().len(), 12);
    let near = served.get("/v1/benchmarks/models/gemma3:4");
    let detail = near.json()["detail"].as_str().unwrap().to_owned();
    assert!(near.code == 404 && detail.contains("did you mean `gemma3:"), "{detail}");
}

#[test]
fn pages_follow_each_other_while_something_new_is_measured() {
    let folder = filled(3);
    let served = Served::start(folder.path(), &[]);
    let page = |cursor: &Value| {
        let cursor = cursor.as_str().map(|it| format!("&cursor={it}")).unwrap_or_default();
        served.object(&format!("/v1/runs?limit=1{cursor}"))
    };
    let first = page(&Value::Null);
    keep_case(&mut open(&folder.path().join("r")), 7, "token_throughput");
    let (second, third) = (page(&first["next"]), page(&page(&first["next"])["next"]));
    let names: Vec<&Value> =
        [&first, &second, &third].map(|page| &page["runs"][0]["run_id"]).into_iter().collect();
    assert_eq!(json!(names), json!(["run-2", "run-1", "run-0"]));
    assert_eq!(third["next"], Value::Null);
    assert_eq!(page(&Value::Null)["runs"][0]["run_id"], "run-7");
    for list in ["/v1/history?metric=ttft.p50&limit=3", "/v1/cases/quick/token_throughput?limit=1"]
    {
        let mut seen = Vec::new();
        let mut next = String::new();
        loop {
            let told = served.object(&format!("{list}{next}"));
            let rows = told["epochs"].as_array().or_else(|| told["runs"].as_array()).unwrap();
            seen.extend(rows.iter().map(Value::to_string));
            let Some(cursor) = told["next"].as_str() else { break };
            next = format!("&cursor={cursor}");
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((seen.len(), count), if list.contains("history") { (8, 8) } else { (4, 4) });
    }
}

#[test]
fn filters_narrow_and_what_is_listed_is_what_was_measured() {
    let folder = filled(2);
    let served = Served::start(folder.path(), &[]);
    let count = |path: &str, of: &str| served.object(path)[of].as_array().unwrap().len();
    assert_eq!(count("/v1/runs?scenario=quick&machine=rtx-4090-x1", "runs"), 2);
    assert_eq!(count("/v1/runs?machine=other", "runs"), 0);
    assert_eq!(count("/v1/runs?since=2025-11-22", "runs"), 2);
    assert_eq!(count("/v1/runs?since=2025-11-23", "runs"), 0);
    assert_eq!(count("/v1/history?metric=tok_s&case=quick/token_throughput", "epochs"), 4);
    assert_eq!(count("/v1/history?metric=tok_s&model=nobody", "epochs"), 0);
    let run = served.object("/v1/runs/run-0");
    assert_eq!((&run["run"]["epochs"], run["epochs"].as_array().unwrap().len()), (&json!(2), 2));
    assert_eq!(run["cases"][0]["verdicts"].as_array().unwrap().len(), 2);
    // The first token of answer n comes after 3 + n % 3 ms.
    let epochs = served.object("/v1/history?metric=ttft.p50&limit=1");
    assert_eq!((&epochs["epochs"][0]["value"], &epochs["unit"]), (&json!(0.004), &json!("s")));
    let case = served.object("/v1/cases/quick/token_throughput");
    let metrics = case["runs"][0]["metrics"].as_array().unwrap();
    let is_median = |it: &&Value| it["metric"] == "ttft" && it["stat"] == "p50";
    assert_eq!(metrics.iter().find(is_median).unwrap()["value"], 0.004);
    let wide = served.object("/v1/recommend?context=999999");
    assert!(wide["top"].as_array().unwrap().is_empty() && !wide["advice"][0].is_null(), "{wide}");
}

#[test]
fn who_has_the_answer_already_is_told_so_until_it_changes() {
    let folder = models();
    let served = Served::start(folder.path(), &[]);
    let path = "/v1/benchmarks/models";
    let first = served.get(path);
    let tag = format!("if-none-match: {}", first.header("etag").unwrap());
    let again = served.ask("GET", path, &[&tag]);
    assert_eq!((again.code, again.body.as_str()), (304, ""));
    assert_eq!(again.header("etag"), first.header("etag"));
    let head = served.ask("HEAD", path, &[]);
    assert_eq!(
        (head.code, head.body.as_str(), head.header("etag")),
        (200, "", first.header("etag"))
    );
    assert_eq!(head.header("content-length"), Some(first.body.len().to_string().as_str()));
    let newer = imported("gemma3:27b", "27b", 0.1, 8);
    open(&folder.path().join("r")).keep_imported(&newer).unwrap();
    let changed = served.ask("GET", path, &[&tag]);
    assert!(changed.code == 200 && changed.body.contains("27b"), "{changed:?}");
}

#[test]
fn prometheus_reads_how_much_there_is_and_what_each_model_did_last() {
    let folder = filled(1);
    let served = Served::start(folder.path(), &[]);
    served.get("/v1/nothing");
    let text = served.get("/metrics");
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "tokgate_runs{provenance=\"imported\",validity=\"VALID\"} 3",
        "tokgate_epochs{provenance=\"measured\",validity=\"VALID\"} 2",
        "tokgate_model_output_tokens_per_second{model=\"gemma3:4b\",platform=\"vllm-serve\"",
        "tokgate_model_ttft_p50_seconds{model=\"google/gemma-3-4b-it\"",
        "tokgate_http_responses_total{class=\"4xx\"} 1",
    ] {
        assert!(text.body.contains(line), "{line} is not in\n{}", text.body);
    }
}

#[test]
fn every_route_is_described_by_what_it_answers() {
    let folder = filled(1);
    let served = Served::start(folder.path(), &[]);
    let api = served.object("/openapi.json");
    assert_eq!(api["openapi"], "3.1.0");
    let paths = api["paths"].as_object().unwrap();
    let blessed = std::env::var_os("TOKGATE_BLESS").is_some();
    // What is pushed is described by what tests/push.rs is answered.
    for (path, operation) in paths.iter().filter(|(_, operation)| operation["get"].is_object()) {
        let get = &operation["get"];
        let answer = served.get(get["x-example-request"].as_str().unwrap());
        assert_eq!(answer.code, 200, "{path}: {answer:?}");
        let content = get["responses"]["200"]["content"].as_object().unwrap();
        let (media, told) = content.iter().next().unwrap();
        assert_eq!(answer.header("content-type"), Some(media.as_str()), "{path}");
        let Some((file, text)) = example(get["operationId"].as_str().unwrap(), &answer.body) else {
            continue;
        };
        same_as_file(&file, &text);
        let described = match told["example"].as_str() {
            Some(text) => text.to_owned(),
            None => pretty(&told["example"]),
        };
        assert!(blessed || described == text, "{path} is described by another answer");
    }
    let page = served.get("/docs");
    assert!(paths.keys().all(|path| page.body.contains(path.as_str())));
}

/// The file of an example, and what stands in it: the answer, of lists the first rows.
fn example(id: &str, body: &str) -> Option<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/examples");
    match id {
        "openapi" | "docs" | "report" => None,
        "prometheus" => Some((folder.join("prometheus.txt"), steady(body))),
        "live_events" => Some((folder.join("live_events.txt"), unchunked(body))),
        id => {
            let answer = shortened(serde_json::from_str(body).unwrap());
            Some((folder.join(format!("{id}.json")), pretty(&answer)))
        }
    }
}

/// The body of an answer that came in chunks: each behind its length.
fn unchunked(body: &str) -> String {
    body.split("\r\n").skip(1).step_by(2).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn shortened(value: Value) -> Value {
    const ROWS: usize = 3;
    match value {
        Value::Array(rows) => rows.into_iter().take(ROWS).map(shortened).collect(),
        Value::Object(object) => {
            object.into_iter().map(|(key, value)| (key, shortened(value))).collect()
        }
        other => other,
    }
}

/// The same without what is otherwise each time.
fn steady(text: &str) -> String {
    let steady = |line: &str| match line {
        line if line.starts_with("tokgate_build_info") => {
            "tokgate_build_info{version=\"0.1.0\"} 1".into()
        }
        line if line.starts_with("tokgate_newest_epoch_age_seconds ") => {
            "tokgate_newest_epoch_age_seconds 3600".into()
        }
        line if line.starts_with("tokgate_http_responses_total") => {
            format!("{} 1", line.rsplit_once(' ').unwrap().0)
        }
        line => line.to_owned(),
    };
    text.lines().map(|line| steady(line) + "\n").collect()
}

#[test]
fn the_page_about_it_has_every_route_with_its_example() {
    let folder = filled(1);
    let served = Served::start(folder.path(), &[]);
    let api = served.object("/openapi.json");
    let text: String = api["paths"].as_object().unwrap().iter().map(section).collect();
    same_between_marks(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/REST.md"), &text);
}

fn section((path, operations): (&String, &Value)) -> String {
    let (method, get) = operations.as_object().unwrap().iter().next().unwrap();
    let sentence = |text: &Value| text.as_str().unwrap().to_owned();
    let about = [sentence(&get["summary"]) + ".", sentence(&get["description"])].join(" ");
    let rows: String = get["parameters"].as_array().unwrap().iter().map(row).collect();
    let table = match rows.is_empty() {
        true => String::new(),
        false => format!("| parameter | | meaning |\n|---|---|---|\n{rows}\n"),
    };
    let request = sentence(&get["x-example-request"]);
    let content = get["responses"]["200"]["content"].as_object().unwrap();
    let told = &content.values().next().unwrap()["example"];
    let answer = match told {
        Value::Null => String::new(),
        Value::String(text) => format!("```text\n{text}```\n\n"),
        object => format!("```json\n{}```\n\n", pretty(object)),
    };
    let (first, rest) = about.trim_end().split_at(1);
    let about = first.to_uppercase() + rest;
    let (method, how) = (method.to_uppercase(), how(method));
    format!(
        "## `{method} {path}`\n\n{about}\n\n{table}```bash\ncurl {how}\"http://localhost:4080{request}\"\n```\n\n{answer}"
    )
}

/// What curl is told besides the address.
fn how(method: &str) -> &'static str {
    match method {
        "put" => {
            "-X PUT -H \"Authorization: Bearer $TOKGATE_PUSH_TOKEN\" --data-binary @epoch.jsonl \\\n  "
        }
        "post" => "-X POST -H \"Authorization: Bearer $TOKGATE_PUSH_TOKEN\" \\\n  ",
        _ => "",
    }
}

fn row(parameter: &Value) -> String {
    let schema = &parameter["schema"];
    let words =
        |key: &str| schema[key].as_array().map(|words| words.iter().filter_map(Value::as_str));
    let kind = match (parameter["required"].as_bool(), words("enum"), schema["default"].as_u64()) {
        (Some(true), ..) => "needed".to_owned(),
        (_, Some(words), _) => words.collect::<Vec<_>>().join(", "),
        (_, _, Some(usual)) => format!("{usual}, at most {}", schema["maximum"]),
        _ => String::new(),
    };
    let text = |key: &str| parameter[key].as_str().unwrap().to_owned();
    format!("| `{}` | {kind} | {} |\n", text("name"), text("description"))
}
