use super::*;
use crate::record::{EventKind, Record};
use crate::summary::fixture::{run, success, with_events};
use EventKind::{Content, Other, Whole};

type Piece = (u64, EventKind, Option<u32>);

/// One token at 100 ms, three in one event at 140 ms, one at 180 ms.
const EXAMPLE: [Piece; 3] =
    [(100, Content, Some(1)), (140, Content, Some(3)), (180, Content, Some(1))];

/// Every sample of the quantity that `tool` prints as `name`, milliseconds.
fn samples(records: Vec<Record>, tool: Tool, name: &str) -> Vec<f64> {
    let epochs = [run(records)];
    let events = Events::of(&epochs).unwrap();
    let quantity = tool.quantities().iter().find(|it| it.name == name).unwrap();
    let (Rule::Requests(of) | Rule::Tokens(of)) = quantity.rule else { panic!("{name} is a rate") };
    let in_ms = |seconds: f64| (seconds * 1e4).round() / 10.0;
    events.streams.iter().flatten().flat_map(of).map(in_ms).collect()
}

fn example(tool: Tool, name: &str) -> Vec<f64> {
    samples(vec![with_events(5, &EXAMPLE)], tool, name)
}

fn mean_ms(recomputed: &Recomputed, beside: Beside) -> f64 {
    let row = recomputed.rows.iter().find(|row| row.beside == beside).unwrap();
    (row.told.mean.unwrap() * 1e4).round() / 10.0
}

#[test]
fn the_worked_example_of_the_metric_reference_has_everybodys_itl() {
    assert_eq!(example(Tool::Vllm, "ITL (ms)"), [40.0, 40.0]);
    assert_eq!(example(Tool::Aiperf, "Inter Chunk Latency (ms)"), [40.0, 40.0]);
    assert_eq!(example(Tool::GenaiPerf, "chunked_inter_token_latencies (ms)"), [13.3, 40.0]);
    assert_eq!(example(Tool::InferencePerf, "inter_token_latency"), [40.0, 0.0, 0.0, 40.0]);
    assert_eq!(example(Tool::Guidellm, "inter_token_latency_ms"), [20.0]);
    assert_eq!(example(Tool::Aiperf, "Inter Token Latency (ms)"), [20.0]);
    assert_eq!(example(Tool::Llmperf, "inter_token_latency_s"), [60.0]);
}

#[test]
fn the_worked_examples_means_are_those_of_the_metric_reference() {
    let epochs = [run(vec![with_events(5, &EXAMPLE)])];
    let events = Events::of(&epochs).unwrap();
    let mean = |tool, beside| mean_ms(&events.told_by(tool), beside);
    assert_eq!(mean(Tool::Tokgate, Beside::Itl), 40.0);
    assert_eq!(mean(Tool::Vllm, Beside::Itl), 40.0);
    assert_eq!(mean(Tool::GenaiPerf, Beside::Gaps), 26.7);
    assert_eq!(mean(Tool::InferencePerf, Beside::Itl), 20.0);
    for tool in [Tool::Tokgate].into_iter().chain(Tool::OTHERS) {
        assert_eq!(mean(tool, Beside::Ttft), 100.0, "{tool:?}");
    }
}

#[test]
fn a_role_is_the_first_token_of_vllms_bench_alone() {
    let with_role = [&[(60, Other, None)], &EXAMPLE[..]].concat();
    let epochs = [run(vec![with_events(5, &with_role)])];
    let events = Events::of(&epochs).unwrap();
    for tool in [Tool::Tokgate].into_iter().chain(Tool::OTHERS) {
        let expected = if tool == Tool::Vllm { 60.0 } else { 100.0 };
        assert_eq!(mean_ms(&events.told_by(tool), Beside::Ttft), expected, "{tool:?}");
    }
    let record = || vec![with_events(5, &with_role)];
    assert_eq!(samples(record(), Tool::Vllm, "ITL (ms)"), [40.0, 40.0, 40.0]);
    assert_eq!(samples(record(), Tool::Vllm, "TPOT (ms)"), [30.0]);
}

#[test]
fn a_usage_report_ends_no_latency_but_the_end_of_the_stream_does() {
    let with_usage = [&EXAMPLE[..], &[(250, Other, None)]].concat();
    let record = || vec![with_events(5, &with_usage)];
    assert_eq!(samples(record(), Tool::Vllm, "E2EL (ms)"), [180.0]);
    assert_eq!(samples(record(), Tool::Aiperf, "Request Latency (ms)"), [180.0]);
    assert_eq!(samples(record(), Tool::InferencePerf, "request_latency"), [250.0]);
    assert_eq!(samples(record(), Tool::Guidellm, "time_per_output_token_ms"), [36.0]);
    assert_eq!(samples(record(), Tool::Llmperf, "end_to_end_latency_s"), [250.0]);
}

#[test]
fn only_llmperf_and_genai_perf_overlook_reasoning() {
    let reasoning = [(50, EventKind::Reasoning, None), (90, Content, None), (120, Content, None)];
    let epochs = [run(vec![with_events(3, &reasoning)])];
    let events = Events::of(&epochs).unwrap();
    for (tool, expected) in [(Tool::Aiperf, 50.0), (Tool::GenaiPerf, 90.0), (Tool::Llmperf, 90.0)] {
        assert_eq!(mean_ms(&events.told_by(tool), Beside::Ttft), expected, "{tool:?}");
    }
}

#[test]
fn unknown_tokens_of_an_event_are_assumed_and_said_to_be() {
    let bare = EXAMPLE.map(|(at, kind, _)| (at, kind, None));
    let split = |records| Events::of(&[run(records)]).unwrap().split();
    assert_eq!(split(vec![with_events(5, &bare)]), Split { answers: 1, assumed: 1 });
    assert_eq!(split(vec![with_events(3, &bare)]), Split { answers: 1, assumed: 0 });
    assert_eq!(split(vec![with_events(5, &EXAMPLE)]), Split { answers: 1, assumed: 0 });
    let uncounted = Record { usage: None, ..with_events(0, &bare) };
    assert_eq!(split(vec![uncounted.clone()]), Split { answers: 1, assumed: 1 });
    assert!(samples(vec![uncounted], Tool::Vllm, "TPOT (ms)").is_empty());
    let one_each = samples(vec![with_events(5, &bare)], Tool::InferencePerf, "inter_token_latency");
    assert_eq!(one_each, [40.0, 40.0]);
}

#[test]
fn guidellms_percentiles_are_samples_and_the_others_lie_between_two() {
    let records =
        vec![with_events(2, &[(100, Content, None)]), with_events(2, &[(200, Content, None)])];
    let epochs = [run(records)];
    let events = Events::of(&epochs).unwrap();
    let median = |tool| events.told_by(tool).rows[0].told.median.unwrap();
    assert_eq!((median(Tool::Guidellm), median(Tool::Vllm)), (0.1, 0.15000000000000002));
}

#[test]
fn rates_are_means_over_epochs_and_rates_without_counts_are_absent() {
    let epochs = [run(vec![success(0)]), run(vec![success(0), success(800)])];
    let events = Events::of(&epochs).unwrap();
    let rate = |tool| {
        let rows = events.told_by(tool).rows;
        rows.into_iter().find(|row| row.beside == Beside::RequestRate).unwrap().told.mean
    };
    assert_eq!((rate(Tool::Vllm), rate(Tool::Tokgate)), (Some(3.5), Some(3.5)));
    let uncounted = [run(vec![Record { usage: None, ..success(0) }])];
    let told = Events::of(&uncounted).unwrap().told_by(Tool::Vllm);
    let output = told.rows.iter().find(|row| row.beside == Beside::OutputRate).unwrap();
    assert_eq!((output.told.n, output.told.mean), (0, None));
}

#[test]
fn what_has_no_events_is_refused_with_the_reason() {
    let whole = run(vec![with_events(5, &[(100, Whole, None)])]);
    assert_eq!(Events::of(&[whole]).unwrap_err(), NoEvents::NotStreamed);
    assert_eq!(Events::of(&[run(Vec::new())]).unwrap_err(), NoEvents::NoSuccess);
    let mut retrieval = run(vec![success(0)]);
    retrieval.head.case.kind = Kind::Retrieval;
    assert_eq!(Events::of(&[retrieval]).unwrap_err(), NoEvents::Retrieval);
}
