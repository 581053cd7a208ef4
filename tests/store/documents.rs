//! The documents that other tools read have the keys and types that those tools know.

use super::fixture::*;
use serde_json::Value;
use tokgate::report::documents::{metadata, result_document};
use tokgate::store::summary;
use tokgate_core::case::{CaseId, DriverKind};
use tokgate_core::goal::{Bound, Goal, Grade};
use tokgate_core::metric::Kind;
use tokgate_core::record::{Event, Hits, Neighbours, Record};
use tokgate_core::report::{CaseReport, ComparedWith, EpochReport, Report};
use tokgate_core::run::{Ending, Run};
use tokgate_core::validity::{Reason, Validity};
use tokgate_core::verdict::{Conclusion, Exit};

/// What no workload of ours measures.
const NOT_MEASURED: [&str; 2] =
    ["/stress_test/max_sustainable_load", "/stress_test/stable_concurrency_levels"];

fn given(name: &str) -> Value {
    let text = match name {
        "metadata" => include_str!("given/metadata.json"),
        _ => include_str!("given/result.json"),
    };
    serde_json::from_str(text).unwrap()
}

/// Every key of `given` is in `ours`, with a value of the same type.
fn compare(given: &Value, ours: &Value, at: &str) {
    if NOT_MEASURED.contains(&at) {
        assert!(ours.is_null(), "{at}");
        return;
    }
    assert_eq!(std::mem::discriminant(given), std::mem::discriminant(ours), "{at}: {ours}");
    let Value::Object(keys) = given else { return };
    for (key, value) in keys {
        let ours = ours.get(key).unwrap_or_else(|| panic!("{at}/{key} is missing"));
        compare(value, ours, &format!("{at}/{key}"));
    }
}

fn generated() -> Run {
    run(head(0, "token_throughput", 0))
}

/// A retrieval epoch of the same times.
fn retrieved() -> Run {
    let mut head = head(0, "retrieval_performance", 0);
    head.case.kind = Kind::Retrieval;
    head.case.target.driver = DriverKind::FlatQ4;
    let line = Bound::Below { value: 0.02 };
    head.case.goals = vec![Goal { metric: metric("query.p95"), bound: line }];
    let neighbours =
        Neighbours { ids: vec![1], hits: vec![Hits { k: 10, found: 9 }], cpu_ns: None };
    let found = |record: Record| Record {
        events: Vec::<Event>::new(),
        usage: None,
        neighbours: Some(neighbours.clone()),
        ..record
    };
    Run { records: (1..21).map(answered).map(found).collect(), ..run(head) }
}

fn reported(run: Run, validity: Validity) -> CaseReport {
    let summary = summary(std::slice::from_ref(&run)).unwrap();
    let goals = run.head.case.goals.iter().map(|goal| goal.check(&summary)).collect();
    CaseReport {
        stress: None,
        epochs: vec![EpochReport { test_id: run.head.test_id.clone(), validity }],
        case: run.head.case,
        target: run.head.target,
        preparation: run.head.preparation,
        summary,
        goals,
        verdicts: Vec::new(),
        failures: Vec::new(),
        samples: Vec::new(),
        stalls: None,
        alerts: Vec::new(),
        advice: Vec::new(),
        pairs: None,
    }
}

fn report(cases: Vec<CaseReport>) -> Report {
    Report {
        unmeasured: Vec::new(),
        dropped: Vec::new(),
        control: Vec::new(),
        run_id: "run".to_owned(),
        scenario: "quick".to_owned(),
        machine: environment().machine(),
        environment: environment(),
        started_us: STARTED_US,
        cases,
        compared_with: ComparedWith::Nothing("no baseline".to_owned()),
        grade: Grade::Acceptable,
        conclusion: Conclusion::Held,
        exit: Exit::Held,
    }
}

fn both() -> Value {
    result_document(&report(vec![
        reported(generated(), Validity::Valid),
        reported(retrieved(), Validity::Valid),
    ]))
}

#[test]
fn metadata_has_the_given_keys_and_types() {
    let summary = summary(&[generated()]).unwrap();
    let ours = metadata(&generated(), &summary, "results/raw/epoch.jsonl");
    compare(&given("metadata"), &ours, "");
    assert_eq!(ours["timestamp"], "2025-11-22T10:11:12Z");
    assert_eq!(ours["results"]["success_count"], 19);
    assert_eq!(ours["status"], "partial");
    assert_eq!(ours["gpu"]["vram_total_gb"], 24.0);
}

#[test]
fn throughput_in_metadata_counts_prompt_and_output() {
    let (run, summary) = (generated(), summary(&[generated()]).unwrap());
    let ours = metadata(&run, &summary, "");
    let tokens = ours["results"]["throughput_tokens_per_sec"].as_f64().unwrap();
    let expected = 19.0 * (128.0 + 4.0) / run.window_s().unwrap();
    assert!((tokens - expected).abs() < 1e-6, "{tokens} {expected}");
}

#[test]
fn metadata_of_nothing_has_every_key_and_null_for_what_is_absent() {
    let mut nothing = generated();
    nothing.records.clear();
    nothing.telemetry.clear();
    nothing.head.environment.gpus.clear();
    nothing.ending = Ending::Aborted("no target".to_owned());
    let ours = metadata(&nothing, &summary(&[nothing.clone()]).unwrap(), "");
    assert!(ours["gpu"]["name"].is_null() && ours["gpu"]["vram_used_gb"].is_null());
    assert!(ours["results"]["throughput_tokens_per_sec"].is_null());
    assert_eq!(ours["results"]["total_time_seconds"], 0.0);
    assert_eq!(ours["status"], "aborted");
    for key in given("metadata")["results"].as_object().unwrap().keys() {
        assert!(ours["results"].get(key).is_some(), "{key}");
    }
}

#[test]
fn the_result_has_the_given_keys_and_types() {
    compare(&given("result"), &both(), "");
}

#[test]
fn what_scripts_print_of_a_result_is_there() {
    let data = both();
    let assessment = &data["overall_assessment"];
    let printed = format!(
        "Grade: {}, Targets: {}/{}",
        assessment["performance_grade"].as_str().unwrap(),
        assessment["targets_met"].as_u64().unwrap(),
        assessment["total_targets"].as_u64().unwrap(),
    );
    assert_eq!(printed, "Grade: ACCEPTABLE, Targets: 3/4");
    assert!(result_document(&report(Vec::new()))["overall_assessment"]["targets_met"].is_u64());
}

#[test]
fn latencies_are_those_of_the_first_token_and_of_the_query() {
    let data = both();
    assert_eq!(data["benchmarks"]["token_throughput"]["p50_ms"], 4.0);
    assert_eq!(data["config"]["target_ttft_ms"], 5.0);
    let query = &data["benchmarks"]["retrieval_performance"];
    assert_eq!(query["p50_ms"], 35.0);
    assert_eq!(query["meets_targets"], false);
}

#[test]
fn a_missed_goal_is_told_with_both_numbers() {
    let data = both();
    let told = data["overall_assessment"]["recommendations"].as_array().unwrap();
    let told: Vec<&str> = told.iter().map(|text| text.as_str().unwrap()).collect();
    let missed = "retrieval_performance: query latency should be < 20 ms, was 36 ms";
    assert!(told.contains(&missed), "{told:?}");
}

#[test]
fn a_case_that_may_not_be_judged_meets_no_targets() {
    let mut case = reported(generated(), Validity::Invalid(vec![Reason::NothingMeasured]));
    case.goals.clear();
    let data = result_document(&report(vec![case.clone()]));
    assert!(data["benchmarks"]["token_throughput"]["meets_targets"].is_null());
    case.goals = reported(generated(), Validity::Valid).goals[1..2].to_vec();
    assert!(case.goals[0].is_met());
    let data = result_document(&report(vec![case]));
    assert_eq!(data["benchmarks"]["token_throughput"]["meets_targets"], false);
}

#[test]
fn cells_of_a_matrix_have_their_own_entries() {
    let cell = |value: &str| {
        let mut case = reported(generated(), Validity::Valid);
        let axis = ("concurrency".to_owned(), value.to_owned());
        case.case.id = CaseId::new("quick", "token_throughput", &[axis]);
        case
    };
    let data = result_document(&report(vec![cell("1"), cell("4")]));
    let keys: Vec<&String> = data["benchmarks"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["token_throughput/concurrency=1", "token_throughput/concurrency=4"]);
}

#[test]
fn what_is_written_for_others_can_be_imported() {
    let run = generated();
    let summary = summary(std::slice::from_ref(&run)).unwrap();
    let document = metadata(&run, &summary, "");
    let read = |document: &Value| {
        let found = tokgate::imports::read("x.json", document.to_string().as_bytes()).unwrap();
        assert_eq!(found.bad, []);
        found.results
    };
    let results = read(&document);
    let result = &results[0];
    assert_eq!(result.source.digest, tokgate::imports::digest_of_epoch(&run.head.test_id));
    assert_eq!((result.requests, result.window_s), (run.requests(), run.window_s()));
    let tok_s = metric("tok_s");
    let told = result.figures.iter().find(|figure| figure.metric == tok_s).unwrap();
    assert_eq!(told.value, summary.estimate(tok_s).unwrap().value);
    let results = read(&both());
    let kinds: Vec<Kind> = results.iter().map(|result| result.kind).collect();
    assert_eq!(kinds, [Kind::Retrieval, Kind::Generation]);
    assert!(results.iter().all(|result| result.window_s.is_none() && !result.figures.is_empty()));
}
