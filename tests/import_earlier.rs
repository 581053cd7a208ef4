//! The files of the scripts that people had before: what each becomes, and what is told of the broken
//! ones. By the library; the program is in `imported.rs`.

use rusqlite::Connection;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokgate::imports::{Found, read_as};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::imported::Imported;
use tokgate_core::metric::{Kind, MetricRef};

const SAMPLES: [(&str, &str); 10] = [
    ("rows.json", "old-json"),
    ("rest_models.json", "old-json"),
    ("rest_model.json", "old-json"),
    ("rest_estimate.json", "old-json"),
    ("rest_compare.json", "old-json"),
    ("metadata.json", "metadata"),
    ("result.json", "result-document"),
    ("instances.json", "instance-json"),
    ("instances.csv", "instance-csv"),
    ("latencies.json", "latency-json"),
];

pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports/earlier").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(sample(name)).unwrap()
}

fn found(name: &str) -> Found {
    of_bytes(name, &bytes(name)).unwrap()
}

fn of_bytes(name: &str, bytes: &[u8]) -> Option<Found> {
    read_as(name, bytes, None).map(|read| read.found)
}

fn good(name: &str) -> Vec<Imported> {
    let Found { results, bad } = found(name);
    assert_eq!(bad, [], "{name}");
    results
}

fn value(result: &Imported, name: &str) -> Option<f64> {
    let wanted: MetricRef = name.parse().unwrap();
    let figure = result.figures.iter().find(|figure| figure.metric == wanted);
    figure.map(|figure| (figure.value * 1e9).round() / 1e9)
}

/// Where a file's bad entries are, and the first word or two of what is wrong.
fn bad(found: &Found) -> Vec<(&str, &str)> {
    found.bad.iter().map(|entry| (entry.place.as_str(), entry.why.as_str())).collect()
}

fn digests(results: &[Imported]) -> Vec<&str> {
    results.iter().map(|result| result.source.digest.as_str()).collect()
}

/// The old database as it was made, with these rows of JSON in it.
pub(crate) fn old_database(path: &Path, rows: &Value, more: &str) {
    let database = Connection::open(path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE benchmark_results (id INTEGER PRIMARY KEY, model_name TEXT NOT NULL,
             model_size_params TEXT, model_size_bytes INTEGER, num_workers INTEGER NOT NULL,
             context_window INTEGER, num_requests INTEGER NOT NULL, avg_prompt_tokens INTEGER,
             avg_completion_tokens INTEGER, total_time_seconds REAL NOT NULL,
             requests_per_second REAL NOT NULL, time_per_request_seconds REAL NOT NULL,
             successful_requests INTEGER NOT NULL, failed_requests INTEGER NOT NULL,
             success_rate REAL NOT NULL, sample_responses TEXT, created_at INTEGER NOT NULL,
             benchmark_type TEXT NOT NULL, notes TEXT, hardware_info TEXT)",
        )
        .unwrap();
    for row in rows.as_array().unwrap() {
        let row = row.as_object().unwrap();
        let names: Vec<&str> = row.keys().map(String::as_str).collect();
        let cells: Vec<String> = row.values().map(literal).collect();
        let insert = format!(
            "INSERT INTO benchmark_results ({}) VALUES ({})",
            names.join(", "),
            cells.join(", ")
        );
        database.execute_batch(&insert).unwrap();
    }
    database.execute_batch(more).unwrap();
}

fn literal(cell: &Value) -> String {
    match cell {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        number => number.to_string(),
    }
}

fn rows() -> Value {
    serde_json::from_slice(&bytes("rows.json")).unwrap()
}

/// The bytes of the old database, and what lies in its folder after it was read.
fn database(more: &str) -> (Vec<u8>, Found) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("benchmarks.db");
    old_database(&path, &rows(), more);
    let bytes = std::fs::read(path).unwrap();
    let found = of_bytes("benchmarks.db", &bytes).unwrap();
    (bytes, found)
}

#[test]
fn each_sample_is_told_from_the_others_by_what_stands_in_it() {
    for (name, format) in SAMPLES {
        let read = read_as("anything", &bytes(name), None).unwrap();
        assert_eq!(read.format, format, "{name}");
        assert_eq!(read.found.bad, [], "{name}");
        assert!(!read.found.results.is_empty(), "{name}");
    }
    assert!(of_bytes("x", b"{\"a\": [1, 2]}").is_none());
    assert!(of_bytes("x", b"model,tokens\n1,2\n").is_none());
}

#[test]
fn a_row_of_the_old_benchmarks_is_a_result_with_its_counts_and_its_window() {
    let rows = good("rows.json");
    let one = &rows[0];
    assert_eq!(
        (one.model.name.as_str(), one.model.size_params.as_deref()),
        ("gemma3:1b", Some("1b"))
    );
    assert_eq!((one.workers, one.model.context_window), (Some(4), Some(32_768)));
    assert_eq!((one.requests.attempted, one.requests.succeeded), (100, 100));
    assert_eq!((one.window_s, one.measured_us), (Some(108.7), Some(1_761_594_486_000_000)));
    assert_eq!(one.benchmark_type, "model_comparison");
    assert_eq!(one.samples, ["Yes.", "No."]);
    assert_eq!((one.platform.as_str(), one.kind), ("unknown", Kind::Generation));
    assert_eq!(rows[1].hardware.gpu.as_deref(), Some("RTX 4080"));
    assert_eq!(rows[1].notes, "first run");
}

#[test]
fn an_answer_of_the_old_interface_says_as_much_as_it_says() {
    let models = good("rest_models.json");
    assert_eq!((value(&models[1], "req_s"), models[1].window_s), (Some(0.52), None));
    let row = &good("rest_model.json")[0];
    assert_eq!((row.window_s, row.requests.succeeded), (Some(191.0), 100));
    assert!(row.notes.contains("as they are written"), "{}", row.notes);
    let basis = &good("rest_estimate.json")[0];
    assert_eq!(
        (basis.window_s, basis.requests.attempted, basis.workers),
        (Some(191.0), 100, Some(4))
    );
    let compared = good("rest_compare.json");
    assert_eq!(compared.len(), 3);
    assert_eq!(value(&compared[2], "req_s"), Some(0.23));
}

#[test]
fn the_old_database_gives_what_its_export_gives() {
    let (_, found) = database("");
    assert_eq!(found.bad, []);
    assert_eq!(digests(&found.results), digests(&good("rows.json")));
    let without = |result: &Imported| {
        let mut result = result.clone();
        (result.source.format, result.source.file) = (String::new(), String::new());
        result.entry = Value::Null;
        result
    };
    let (one, other): (Vec<_>, Vec<_>) = (
        found.results.iter().map(without).collect(),
        good("rows.json").iter().map(without).collect(),
    );
    assert_eq!(one, other);
}

#[test]
fn columns_of_the_old_database_may_be_missing_or_added() {
    let more = "ALTER TABLE benchmark_results ADD COLUMN temperature REAL;
                ALTER TABLE benchmark_results DROP COLUMN hardware_info;
                ALTER TABLE benchmark_results DROP COLUMN success_rate;";
    let (_, found) = database(more);
    assert_eq!((found.results.len(), found.bad), (2, Vec::new()));
    assert_eq!(found.results[0].requests.succeeded, 100);
}

#[test]
fn a_database_with_a_log_is_read_and_one_that_would_run_something_is_not() {
    let (_, found) = database("PRAGMA journal_mode = WAL;");
    assert_eq!(found.results.len(), 2);
    let trigger =
        "CREATE TRIGGER t AFTER INSERT ON benchmark_results BEGIN SELECT load_extension('x'); END;";
    assert_eq!(database(trigger).1.results.len(), 2);
    let view = "ALTER TABLE benchmark_results RENAME TO rows;
                CREATE VIEW benchmark_results AS SELECT * FROM rows;";
    let (_, found) = database(view);
    assert_eq!(bad(&found), [("the file", "its `benchmark_results` is no plain table")]);
    let (_, found) = database("DROP TABLE benchmark_results;");
    assert_eq!(bad(&found), [("the file", "it has no table `benchmark_results`")]);
    let (_, found) = database("PRAGMA application_id = 0x746f6b67;");
    assert!(found.bad[0].why.contains("tokgate export"), "{}", found.bad[0].why);
}

#[test]
fn a_bad_row_of_the_old_database_is_named_by_its_id() {
    let more = "UPDATE benchmark_results SET model_name = '' WHERE id = 2;";
    let (_, found) = database(more);
    assert_eq!(bad(&found), [("row with id 2", "its model has no name")]);
    assert_eq!(found.results.len(), 1);
}

#[test]
fn metadata_says_prompt_and_answer_in_its_throughput() {
    let one = &good("metadata.json")[0];
    assert_eq!(
        (one.platform.as_str(), one.model.name.as_str()),
        ("vllm-offline", "google/gemma-3-4b-it")
    );
    assert_eq!((value(one, "total_tok_s"), value(one, "tok_s")), (Some(1809.0), None));
    assert_eq!((value(one, "req_s"), value(one, "model_load_s")), (Some(2.08), Some(25.8)));
    assert_eq!((one.window_s, one.measured_us), (Some(2400.0), Some(1_730_101_092_000_000)));
    assert_eq!((one.hardware.vram_bytes, one.model.context_window), (Some(16 << 30), Some(4096)));
    assert!(one.notes.contains("written as 1809 tok/s"), "{}", one.notes);
    assert_eq!(one.entry["config"]["gpu_memory_utilization"], 0.9);
}

#[test]
fn a_result_document_has_a_result_a_benchmark_and_no_window() {
    let results = good("result.json");
    let (search, tokens) = (&results[0], &results[1]);
    assert_eq!((search.kind, tokens.kind), (Kind::Retrieval, Kind::Generation));
    assert_eq!((value(search, "query.p95"), value(search, "qps")), (Some(0.0183), Some(125.4)));
    assert_eq!((value(tokens, "tok_s"), value(tokens, "ttft.p50")), (Some(32.5), Some(0.0042)));
    assert_eq!(
        (value(tokens, "spike_rate_sigma"), value(tokens, "spike_rate")),
        (Some(0.083), None)
    );
    assert_eq!(tokens.hardware.gpu.as_deref(), Some("NVIDIA GeForce RTX 4090"));
    assert!(results.iter().all(|result| result.window_s.is_none()));
    assert!(value(tokens, "energy").is_none(), "nobody says how it was counted");
}

#[test]
fn a_rented_machine_has_its_price_and_the_formula_wins() {
    let results = good("instances.json");
    let one = &results[0];
    assert_eq!(one.hardware.instance.as_deref(), Some("g1-gpu-rtx6000-2"));
    assert_eq!((one.hardware.gpus, one.hardware.vram_bytes), (Some(2), Some(48 << 30)));
    assert_eq!((one.task_category, one.hardware.hourly_usd), (Some(Category::Coding), Some(3.0)));
    assert_eq!((value(one, "tok_s"), value(one, "cost_per_1k")), (Some(45.3), Some(0.018395879)));
    assert!(
        one.notes.contains("1000 tokens cost 0.0242 as it is written, and 0.0184"),
        "{}",
        one.notes
    );
    assert!(!one.notes.contains("an hour are"), "15.1 is right: {}", one.notes);
    let shown = good("instances.csv");
    assert_eq!(value(&shown[1], "cost_efficiency"), value(&results[1], "cost_efficiency"));
    assert_eq!(shown[0].hardware.vram_bytes, Some(48 << 30));
}

#[test]
fn latencies_are_read_under_their_usual_names() {
    let results = good("latencies.json");
    let (long, short) = (&results[0], &results[1]);
    assert_eq!((value(short, "e2e.p50"), value(short, "e2e.p99")), (Some(3.0), Some(5.0)));
    assert_eq!(
        (value(short, "ttft.p95"), value(short, "decode_rate.mean")),
        (Some(0.5), Some(12.5))
    );
    assert_eq!((value(short, "tok_s"), short.window_s), (Some(10.0), Some(105.4)));
    assert_eq!((value(long, "e2e.p95"), value(long, "ttft.mean")), (Some(19.8), Some(1.1)));
    assert_eq!((value(long, "decode_rate.mean"), long.window_s), (Some(9.5), None));
    assert_eq!((short.model.name.as_str(), short.requests.succeeded), ("llama3.1:8b", 34));
}

#[test]
fn a_bad_entry_is_told_with_its_place_and_the_rest_is_kept() {
    for (name, good, expected) in [
        (
            "rows_broken.json",
            1,
            &[
                ("benchmarks[1]", "there is no `model_name`"),
                ("benchmarks[2]", "`total_time_seconds` is -1, expected a number of 0 or above"),
                ("benchmarks[3]", "\"no row\" is no object"),
                ("benchmarks[4]", "9 requests succeeded and 3 failed, of 10"),
            ][..],
        ),
        (
            "metadata_broken.json",
            2,
            &[
                ("[1]", "`success_count` is \"all\", expected a whole number of 0 or above"),
                ("[2]", "5000 of 4000 requests ended"),
            ],
        ),
        (
            "result_broken.json",
            1,
            &[
                ("benchmarks.energy", "it says nothing that is measured here, too"),
                ("benchmarks.nothing", "null is no object"),
                (
                    "benchmarks.token_throughput",
                    "`p50_ms` is \"fast\", expected a number of 0 or above",
                ),
            ],
        ),
        (
            "instances_broken.json",
            2,
            &[
                ("results[2]", "`tokens_per_sec` is \"fast\", expected a number of 0 or above"),
                (
                    "results[3]",
                    "`task_category` is `cooking`: expected coding, context_heavy, reasoning, mixed or all",
                ),
                ("results[4]", "there is no `gpu_type`"),
                ("results[5]", "7 is no object"),
            ],
        ),
        (
            "instances_broken.csv",
            2,
            &[
                ("line 3", "it has 7 cells, and the header 9"),
                ("line 4", "`tokens_per_sec` is \"none\", expected a number of 0 or above"),
                ("line 6", "there is no `gpu_type`"),
            ],
        ),
        (
            "latencies_broken.json",
            1,
            &[
                ("experiments[1]", "`p95` is \"slow\", expected a number of 0 or above"),
                ("experiments[2]", "9 requests succeeded and 4 failed, of 10"),
            ],
        ),
    ] {
        let found = found(name);
        assert_eq!(bad(&found), expected, "{name}");
        assert_eq!(found.results.len(), good, "{name}");
    }
}

#[test]
fn a_test_that_did_not_end_has_no_window() {
    let stopped = found("metadata_broken.json").results.pop().unwrap();
    assert_eq!(stopped.window_s, None);
    assert!(stopped.notes.contains("its status is `failed`"), "{}", stopped.notes);
}

#[test]
fn no_cut_of_any_sample_is_a_panic() {
    for (name, format) in SAMPLES {
        let bytes = bytes(name);
        for end in (0..bytes.len()).step_by(7) {
            drop(of_bytes(name, &bytes[..end]));
            drop(read_as(name, &bytes[..end], Some(format)));
        }
    }
    let (whole, _) = database("");
    for end in (0..whole.len()).step_by(97) {
        drop(of_bytes("x", &whole[..end]));
    }
}

#[test]
fn a_damaged_database_says_so() {
    let (mut bytes, _) = database("");
    bytes.truncate(bytes.len() - 4096);
    let found = of_bytes("x", &bytes).unwrap();
    assert!(found.results.is_empty() && found.bad[0].why.contains("damaged"), "{found:?}");
}
