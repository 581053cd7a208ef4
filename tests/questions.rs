//! Questions to the store: which rows say something about a model, by which filter, at which price.

use crate::store::fixture::{STARTED_US, head, keep, keep_invalid, open, run};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;
use tokgate::choice::{
    Category, Filter, Measured, Price, Prices, Provenance, Quantity, Rate, Warning, compare,
    configurations, estimate,
};
use tokgate::store::{FileStore, Store};
use tokgate_core::case::{DriverKind, RunsOn};
use tokgate_core::imported::{Figure, Imported, ImportedHardware, ImportedModel, Source};
use tokgate_core::metric::{self, Kind, MetricRef, Stat};
use tokgate_core::run::{Head, Requests, Run};

fn store() -> (TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    (folder, store)
}

/// An epoch of a run of this number, by another name where one is given.
fn epoch(number: u32, change: impl FnOnce(&mut Head)) -> Run {
    let mut head = head(number, "one", 0);
    change(&mut head);
    run(head)
}

fn of_model(number: u32, model: &str) -> Run {
    epoch(number, |head| head.target.model = model.to_owned())
}

fn rows(store: &FileStore, change: impl FnOnce(&mut Filter)) -> Vec<Measured> {
    let mut filter = Filter::default();
    change(&mut filter);
    store.measured(&filter, &Prices::default()).unwrap()
}

fn models(rows: &[Measured]) -> Vec<&str> {
    rows.iter().map(|row| row.model.as_str()).collect()
}

/// Says of an epoch what only a later schema's writer, or an import, would.
fn say(folder: &Path, sql: &str) {
    let database = rusqlite::Connection::open(folder.join("tokgate.sqlite")).unwrap();
    assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn a_row_says_what_was_measured_and_nothing_that_was_not() {
    let (_folder, mut store) = store();
    keep(&mut store, &epoch(1, |_| {}));
    let found = rows(&store, |_| {});
    let [row] = found.as_slice() else { panic!("one epoch was kept: {found:?}") };
    assert_eq!((row.model.as_str(), row.run_id.as_str()), ("google/gemma-3-4b-it", "run-1"));
    // 4b is a model of the catalogue's smallest category.
    assert_eq!(row.model_category.as_deref(), Some("7b"));
    assert_eq!((row.requests, row.workers, row.success_percent), (20, 2, 95.0));
    assert_eq!((row.prompt_tokens, row.output_tokens), (Some(128), Some(4)));
    assert_eq!((row.price.as_ref(), row.provenance), (None, Provenance::Measured));
    // 19 answers by the time per request are the window, of which there are so many a second.
    assert!((row.req_s * row.time_per_request_s - 1.0).abs() < 1e-12);
    let found = estimate(&found, &row.model, 50_000).unwrap();
    assert!((found.time.seconds() - 50_000.0 / row.req_s).abs() < 1e-6);
}

#[test]
fn what_says_nothing_about_a_model_is_in_no_answer() {
    let (folder, mut store) = store();
    keep(&mut store, &of_model(1, "real"));
    keep_invalid(&mut store, &of_model(2, "invalid"));
    for (number, change) in [
        (3, (|head| head.case.target.driver = DriverKind::Simulated) as fn(&mut Head)),
        (4, |head| head.target.platform = "simulated".to_owned()),
        (5, |head| head.case.kind = Kind::Retrieval),
    ] {
        keep(&mut store, &epoch(number, change));
    }
    keep(&mut store, &of_model(6, "untimed"));
    say(
        folder.path(),
        "UPDATE benchmark_results SET total_time_seconds = 0 WHERE model_name = 'untimed'",
    );
    assert_eq!(models(&rows(&store, |_| {})), ["real"]);
    let best = store.best_by(Quantity::ReqS, &Filter::default(), &Prices::default(), 9).unwrap();
    assert_eq!(models(&best), ["real"]);
    assert_eq!(store.coverage(&Prices::default(), STARTED_US).unwrap().epochs, 1);
}

#[test]
fn each_filter_is_bound_and_narrows() {
    let (folder, mut store) = store();
    let hostile = "m'; DROP TABLE runs; --";
    keep(&mut store, &of_model(1, hostile));
    keep(&mut store, &of_model(2, "qwen2.5-72b"));
    say(
        folder.path(),
        "UPDATE benchmark_results SET instance = 'g6.xlarge', gpu_count = 2, task_category = 'coding',
         provenance = 'imported', model_size_params = NULL WHERE run_id = 'run-2'",
    );
    let word = |text: &str| Some(text.to_owned());
    assert_eq!(models(&rows(&store, |it| it.model = word(hostile))), [hostile]);
    let second = ["qwen2.5-72b"];
    assert_eq!(models(&rows(&store, |it| it.model_category = word("70b"))), second);
    assert_eq!(models(&rows(&store, |it| it.gpu_type = word("g6.xlarge"))), second);
    assert_eq!(models(&rows(&store, |it| it.gpu_type = word("rtx 4090 x2"))), second);
    assert_eq!(rows(&store, |it| it.gpu_type = word("RTX 4090")).len(), 2);
    assert_eq!(models(&rows(&store, |it| it.provenance = Some(Provenance::Imported))), second);
    assert_eq!(models(&rows(&store, |it| it.task = Some(Category::Coding))), second);
    assert_eq!(models(&rows(&store, |it| it.since_us = Some(STARTED_US + 120_000_000))), second);
    assert_eq!(rows(&store, |it| it.platform = word("vllm-serve")).len(), 2);
    for none in ["platform", "machine", "benchmark_type"] {
        let found = rows(&store, |it| match none {
            "platform" => it.platform = word("ollama"),
            "machine" => it.machine = word("nobody's"),
            _ => it.benchmark_type = word("nothing"),
        });
        assert!(found.is_empty(), "{none}");
    }
    assert!(!store.runs(9).unwrap().is_empty(), "no name was taken for a command");
}

#[test]
fn a_price_is_the_users_else_that_of_the_measurement_else_the_catalogues() {
    let (folder, mut store) = store();
    let declared = RunsOn { instance: Some("g1-gpu-rtx6000-2".to_owned()), ..RunsOn::default() };
    let paid = Price { rate: Rate::Hour(2.5), source: "runs_on".to_owned() };
    keep(
        &mut store,
        &epoch(1, |head| {
            head.case.target.runs_on = Some(declared);
            head.case.target.price = Some(paid);
        }),
    );
    let usd =
        |prices: &Prices| store.measured(&Filter::default(), prices).unwrap()[0].usd_per_hour();
    assert_eq!(usd(&Prices { hourly_usd: Some(9.0), ..Prices::default() }), Some(9.0));
    assert_eq!(usd(&Prices::default()), Some(2.5));
    say(folder.path(), "UPDATE benchmark_results SET hourly_usd = NULL");
    assert_eq!(usd(&Prices::default()), Some(3.0));
    say(folder.path(), "UPDATE benchmark_results SET instance = NULL");
    assert_eq!(usd(&Prices::default()), None);
}

#[test]
fn a_hosted_model_is_paid_by_the_token() {
    let (_folder, mut store) = store();
    keep(
        &mut store,
        &epoch(1, |head| {
            head.target.model = "gpt-4o-mini".to_owned();
            head.case.target.base_url = Some("https://api.openai.com/v1".to_owned());
        }),
    );
    let found = rows(&store, |_| {});
    // 1000 requests of 128 prompt tokens at 0.15 and 4 output tokens at 0.60 USD per million.
    let cost = estimate(&found, "gpt-4o-mini", 1000).unwrap().cost.unwrap();
    assert!((cost.usd - (128.0 * 0.15 + 4.0 * 0.60) / 1000.0).abs() < 1e-12, "{cost:?}");
}

#[test]
fn answers_are_of_the_newest_row_and_of_all_runs() {
    let (_folder, mut store) = store();
    for number in [1, 2, 3] {
        keep(&mut store, &of_model(number, "a"));
    }
    keep(&mut store, &of_model(4, "b"));
    let found = rows(&store, |_| {});
    assert_eq!(models(&found), ["a", "a", "a", "b"]);
    let estimated = estimate(&found, "a", 100).unwrap();
    assert_eq!(estimated.based_on.run_id, "run-3");
    let interval = estimated.interval.unwrap();
    assert_eq!((interval.epochs, interval.runs), (3, 3));
    assert_eq!(compare(&found, &[1000]).len(), 2);
    let all = configurations(&found, STARTED_US).all;
    let runs: Vec<(&str, u64)> = all.iter().map(|it| (it.model.as_str(), it.runs)).collect();
    assert_eq!(runs, [("a", 3), ("b", 1)]);
}

#[test]
fn declared_hardware_is_a_row_s_own() {
    let (_folder, mut store) = store();
    let declared = RunsOn { gpu: Some("L4".to_owned()), gpus: Some(1), ..RunsOn::default() };
    keep(&mut store, &epoch(1, |head| head.case.target.runs_on = Some(declared)));
    assert_eq!(rows(&store, |it| it.gpu_type = Some("NVIDIA L4".to_owned())).len(), 1);
    assert!(rows(&store, |it| it.gpu_type = Some("RTX 4090".to_owned())).is_empty());
}

/// A result of another tool: 100 requests, 52 of them a hundred seconds.
fn imported(digest: &str, window_s: Option<f64>) -> Imported {
    let mean = |metric, value| Figure {
        metric: MetricRef { metric, stat: Stat::Mean },
        value,
        n: 100,
        interval: None,
    };
    Imported {
        source: Source {
            tool: "a tool".to_owned(),
            format: "a-tool".to_owned(),
            file: "a.json".to_owned(),
            digest: digest.to_owned(),
        },
        measured_us: Some(STARTED_US),
        platform: "ollama".to_owned(),
        engine: String::new(),
        endpoint: None,
        model: ImportedModel { name: "gemma3:4b".to_owned(), ..ImportedModel::default() },
        hardware: ImportedHardware {
            instance: Some("g2-gpu-rtx4000a2-s".to_owned()),
            hourly_usd: Some(1.04),
            ..ImportedHardware::default()
        },
        kind: Kind::Generation,
        benchmark_type: "model_comparison".to_owned(),
        task_category: Some(Category::Coding),
        workers: Some(4),
        requests: Requests { attempted: 100, succeeded: 100, failed: 0, incomplete: 0 },
        window_s,
        figures: vec![mean(&metric::OUTPUT_TOKENS, 50.0)],
        invalid: Vec::new(),
        samples: Vec::new(),
        notes: String::new(),
        entry: Value::Null,
    }
}

#[test]
fn an_imported_result_counts_where_it_has_times_and_is_said_to_be_one() {
    let (_folder, mut store) = store();
    store.keep_imported(&imported("00000000000000000000aa", Some(100.0 / 0.52))).unwrap();
    store.keep_imported(&imported("11111111111111111111bb", None)).unwrap();
    let found = rows(&store, |it| it.task = Some(Category::Coding));
    let [row] = found.as_slice() else { panic!("one of them has times: {found:?}") };
    assert_eq!(
        (row.provenance, row.workers, row.usd_per_hour()),
        (Provenance::Imported, 4, Some(1.04))
    );
    // 100 requests in 100 / 0.52 s are 0.52 a second, with 50 tokens each 26 tokens a second.
    let time = estimate(&found, "gemma3:4b", 50_000).unwrap().time;
    assert!((time.seconds() - 96_153.846).abs() < 1e-3, "{time:?}");
    let one = &configurations(&found, STARTED_US).all[0];
    assert!((one.efficiency.unwrap() - 25.0).abs() < 1e-9, "26 / 1.04");
    assert_eq!(one.warnings(), [Warning::SingleRun, Warning::ImportedOnly]);
}

#[test]
fn an_imported_speed_without_a_window_is_a_configuration_and_no_estimate() {
    let (_folder, mut store) = store();
    let mut rented = imported("22222222222222222222cc", None);
    rented.requests = Requests::default();
    let tok_s = MetricRef { metric: &metric::TOK_S, stat: Stat::Value };
    rented.figures = vec![Figure { metric: tok_s, value: 38.1, n: 0, interval: None }];
    store.keep_imported(&rented).unwrap();
    let found = rows(&store, |_| {});
    let one = &configurations(&found, STARTED_US).all[0];
    // 1.04 / 3600 / 38.1 * 1000 = 0.007582 USD; 38.1 / 1.04 = 36.63.
    assert!((one.cost_per_1k.unwrap() - 0.007_582).abs() < 1e-6);
    assert!((one.efficiency.unwrap() - 36.635).abs() < 1e-3);
    assert!(estimate(&found, "gemma3:4b", 50_000).is_none());
}
