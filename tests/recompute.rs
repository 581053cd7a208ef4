//! `tokgate recompute`: stored runs in the terms of other tools, through the program.

use crate::store::fixture;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use tokgate_core::case::Case;
use tokgate_core::metric::Kind;
use tokgate_core::record::{Event, EventKind, Phase, Record};
use tokgate_core::run::{Ending, Run};
use tokgate_core::time::Offset;

/// The worked example of the metric reference, with a role at 60 ms: one token at 100 ms, three in
/// one event at 140 ms, one at 180 ms.
fn example(tokens: [Option<u32>; 3]) -> Record {
    let ms = |ms: u64| Offset(ms * 1_000_000);
    let event = |at, kind, tokens| Event { at: ms(at), kind, tokens };
    let mut record = Record { phase: Phase::Measured, ..fixture::answered(0) };
    (record.due, record.sent, record.done) = (ms(0), ms(0), ms(180));
    record.events = vec![
        event(60, EventKind::Other, None),
        event(100, EventKind::Content, tokens[0]),
        event(140, EventKind::Content, tokens[1]),
        event(180, EventKind::Content, tokens[2]),
    ];
    let usage = record.usage.as_mut().unwrap();
    usage.completion_tokens = 5;
    record
}

fn case(records: Vec<Record>, change: impl Fn(&mut Case)) -> Run {
    let mut head = fixture::head(1, "example", 0);
    change(&mut head.case);
    Run {
        head,
        records,
        telemetry: Vec::new(),
        ending: Ending::Completed,
        after: None,
        client: None,
    }
}

fn stored(run: &Run) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fixture::open(&folder.path().join("r"));
    fixture::keep(&mut store, run);
    folder
}

fn recompute(folder: &Path, further: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokgate"));
    command.current_dir(folder).env_remove("TOKGATE_RESULTS").env("NO_COLOR", "1");
    command.args(["recompute", "--results-dir", "r"]).args(further).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn quantity<'a>(told: &'a Value, tool: &str, name: &str) -> &'a Value {
    let of = |list: &'a Value, key: &str, value: &str| {
        list.as_array().unwrap().iter().find(|it| it[key] == value).unwrap()
    };
    of(&of(&told["tools"], "tool", tool)["quantities"], "name", name)
}

#[test]
fn a_stored_run_is_told_in_everybodys_terms() {
    let folder = stored(&case(vec![example([Some(1), Some(3), Some(1)])], |_| {}));
    let output = recompute(folder.path(), &["run-1", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["tokens_by_event"]["assumed"], 0);
    let mean =
        |tool, name| (quantity(&told, tool, name)["mean"].as_f64().unwrap() * 1e4).round() / 1e4;
    assert_eq!(mean("tokgate", "itl"), 40.0);
    assert_eq!(mean("vllm", "TTFT (ms)"), 60.0);
    assert_eq!(mean("guidellm", "inter_token_latency_ms"), 20.0);
    assert_eq!(mean("aiperf", "Time to First Token (ms)"), 100.0);
    assert_eq!(mean("inference-perf", "inter_token_latency"), 0.02);
    assert_eq!(mean("genai-perf", "chunked_inter_token_latencies (ms)"), 26.6667);
    assert_eq!(mean("llmperf", "inter_token_latency_s"), 0.06);
    let printed = &quantity(&told, "vllm", "TTFT (ms)")["printed_as"];
    assert_eq!(
        (&printed["mean"], &printed["p99"]),
        (&"Mean TTFT (ms)".into(), &"P99 TTFT (ms)".into())
    );
}

#[test]
fn tables_are_narrow_name_what_differs_and_say_what_was_assumed() {
    let run = case(vec![example([None; 3])], |_| {});
    let folder = stored(&run);
    let side_by_side = recompute(folder.path(), &["run-1"]);
    let chosen = recompute(folder.path(), &[&run.head.test_id, "--as", "vllm", "--as", "llmperf"]);
    for output in [&side_by_side, &chosen] {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        for line in text(&output.stdout).lines() {
            assert!(line.chars().count() <= 100 && line == line.trim_end(), "{line}");
        }
    }
    let side_by_side = text(&side_by_side.stdout);
    assert!(side_by_side.contains("in 1 of 1 answers"), "{side_by_side}");
    let chosen = text(&chosen.stdout);
    assert!(chosen.contains("Median") && chosen.contains("our `ttfr`"), "{chosen}");
    assert!(chosen.contains("inter_token_latency_s") && !chosen.contains("guidellm"), "{chosen}");
}

#[test]
fn what_cannot_be_told_exits_2_with_advice() {
    let whole = Event { at: Offset(9), kind: EventKind::Whole, tokens: None };
    let unstreamed = case(vec![Record { events: vec![whole], ..example([None; 3]) }], |_| {});
    let retrieval = case(vec![example([None; 3])], |case| case.kind = Kind::Retrieval);
    for (run, says) in [(unstreamed, "stream = true"), (retrieval, "retrieval")] {
        let folder = stored(&run);
        let output = recompute(folder.path(), &["run-1"]);
        assert_eq!(output.status.code(), Some(2));
        let told = text(&output.stderr);
        assert!(told.contains(says) && told.contains("`run-1`"), "{told}");
        for wrong in [&["absent"][..], &["run-1", "--as", "wrk"]] {
            assert_eq!(recompute(folder.path(), wrong).status.code(), Some(2), "{wrong:?}");
        }
    }
}
