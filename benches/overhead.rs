//! What we ourselves cost: per recorded event, per summarised event, per parsed server-sent event,
//! and per event of a whole reply over HTTP.
//!
//! Each figure stands beside a floor measured in the same minute, because absolute times are the
//! machine's: a bare clock read for the recorder, a bare scan of the bytes for the parser. One long
//! line stands beside shorter ones: bytes per second that do not fall are linear time.

mod clients;

use clients::{Load, Ours};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tokgate_core::record::{Counted, Event, EventKind, Outcome, Phase, Record, Usage};
use tokgate_core::run::{Arm, Ending, Head, Preparation, Run, TargetIdentity};
use tokgate_core::scenario::{Facts, Scenario, Surroundings, plan};
use tokgate_core::time::Offset;
use tokgate_harness::clock::Clock;
use tokgate_harness::recorder::Reply;
use tokgate_harness::wire::{ndjson, openai, sse};

/// Events of one streamed answer: more than most, so that per-request costs do not show.
const EVENTS: u64 = 1_000;

fn recording(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record_event");
    group.throughput(Throughput::Elements(EVENTS));
    let clock = Clock::start();
    group.bench_function("bare clock read", |bencher| {
        bencher.iter(|| {
            (0..EVENTS).for_each(|_| {
                black_box(clock.now());
            })
        });
    });
    group.bench_function("recorder", |bencher| {
        bencher.iter(|| {
            let reply = Reply::new(clock);
            reply.sent();
            for _ in 0..EVENTS {
                reply.arrived();
                reply.event(EventKind::Content, None);
            }
            reply.take()
        });
    });
    group.finish();
}

fn parsing(criterion: &mut Criterion) {
    let stream = stream();
    let mut group = criterion.benchmark_group("parse_sse_event");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("bare scan for line ends", |bencher| {
        bencher.iter(|| black_box(&stream).iter().filter(|byte| **byte == b'\n').count());
    });
    group.bench_function("framing", |bencher| {
        bencher.iter(|| {
            let mut decoder = sse::Decoder::default();
            let mut events = 0;
            let framed = decoder.push(black_box(&stream), &mut |event| {
                black_box(event.data);
                events += 1;
            });
            (framed.is_ok(), events)
        });
    });
    group.bench_function("framing and reading", |bencher| {
        bencher.iter(|| {
            let mut decoder = sse::Decoder::default();
            let mut read = 0;
            let framed = decoder.push(black_box(&stream), &mut |event| {
                read += usize::from(openai::read(event.data).is_ok());
            });
            (framed.is_ok(), read)
        });
    });
    group.finish();
}

/// A thousand content events as vLLM writes them.
fn stream() -> Vec<u8> {
    let event = concat!(
        r#"data: {"id":"chatcmpl-854e31f4a212d67b","object":"chat.completion.chunk","#,
        r#""created":1795313326,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"#,
        r#""logprobs":null,"finish_reason":null,"token_ids":null}]}"#,
        "\n\n"
    );
    event.repeat(EVENTS as usize).into_bytes()
}

/// One line of some megabytes, as log-probabilities come, in chunks as sockets and proxies give them.
/// The decoders are kept, so that the page faults of growing buffers are not counted with each line.
fn framing_one_line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame_one_line");
    group.sample_size(10);
    for mebibytes in [1, 2, 4, 8] {
        let line = line_of((mebibytes << 20) - 1);
        group.throughput(Throughput::Bytes(line.len() as u64));
        for chunk in [1024, 64] {
            let size = format!("{mebibytes} MiB in {chunk}");
            group.bench_function(BenchmarkId::new("bare copy", &size), |bencher| {
                let mut kept = Vec::with_capacity(line.len());
                bencher.iter(|| {
                    kept.clear();
                    line.chunks(chunk).for_each(|part| kept.extend_from_slice(black_box(part)));
                });
            });
            group.bench_function(BenchmarkId::new("sse", &size), |bencher| {
                let mut decoder = sse::Decoder::new();
                bencher.iter(|| events_in(black_box(&line), chunk, &mut decoder));
            });
            group.bench_function(BenchmarkId::new("ndjson", &size), |bencher| {
                let mut decoder = ndjson::Decoder::new();
                bencher.iter(|| lines_in(black_box(&line), chunk, &mut decoder));
            });
        }
    }
    group.finish();
}

/// A line of data, `bytes` long, and the empty one that ends its event.
fn line_of(bytes: usize) -> Vec<u8> {
    let mut line = b"data: ".to_vec();
    line.resize(bytes, b'x');
    line.extend_from_slice(b"\n\n");
    line
}

fn events_in(stream: &[u8], chunk: usize, decoder: &mut sse::Decoder) -> usize {
    let mut bytes = 0;
    for part in stream.chunks(chunk) {
        decoder.push(part, &mut |event| bytes += event.data.len()).expect("it is within limits");
    }
    bytes
}

fn lines_in(stream: &[u8], chunk: usize, decoder: &mut ndjson::Decoder) -> usize {
    let mut bytes = 0;
    for part in stream.chunks(chunk) {
        decoder.push(part, &mut |line| bytes += line.len()).expect("it is within limits");
    }
    bytes
}

fn summarizing(criterion: &mut Criterion) {
    let run = run();
    let mut group = criterion.benchmark_group("summarize_event");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("all metrics", |bencher| {
        bencher.iter(|| tokgate_core::summary::summarize(black_box(std::slice::from_ref(&run))));
    });
    group.finish();
}

/// One epoch of the simulated target, a hundred answers of ten tokens.
fn run() -> Run {
    let text = r#"
        schema = 1
        [target]
        driver = "simulated"
        simulation = { ttft_ms = 20, itl_ms = 5 }
        [[case]]
        name = "overhead"
        kind = "generation"
        workload = { requests = 100, warmup = 0 }
    "#;
    let scenario = Scenario::parse("bench", "bench.toml", text, &Surroundings::closed(&|_| None))
        .expect("it is well-formed");
    let mut cases = plan(&scenario, &Facts::default()).expect("it can be planned");
    let environment = tokgate_harness::machine::detect();
    let head = Head {
        test_id: "overhead".to_owned(),
        run_id: "overhead".to_owned(),
        booking_id: "overhead".to_owned(),
        epoch: 0,
        arm: Arm::Head,
        started_us: 0,
        machine: environment.machine(),
        environment,
        target: TargetIdentity::default(),
        case: cases.remove(0),
        preparation: Preparation::default(),
    };
    let records = (0..EVENTS / 10).map(record).collect();
    Run {
        head,
        records,
        telemetry: Vec::new(),
        ending: Ending::Completed,
        after: None,
        client: None,
    }
}

fn record(ordinal: u64) -> Record {
    let sent = Offset(ordinal * 100_000_000);
    let event = |token: u64| Event {
        at: Offset(sent.0 + 20_000_000 + token * (5_000_000 + ordinal * 1_000)),
        kind: EventKind::Content,
        tokens: Some(1),
    };
    let events: Vec<Event> = (0..10).map(event).collect();
    Record {
        ordinal,
        worker: 0,
        phase: Phase::Measured,
        trial: None,
        due: sent,
        sent,
        head: None,
        done: events[9].at,
        events,
        outcome: Outcome::Success,
        usage: Some(Usage {
            prompt_tokens: 32,
            completion_tokens: 10,
            cached_tokens: None,
            counted: Counted::Server,
            raw: None,
        }),
        recount: None,
        requested_tokens: Some(10),
        finish_reason: None,
        sample: None,
        quality: None,
        neighbours: None,
        embedded: None,
        parts: None,
    }
}

/// Whole replies of a server that answers at once. Its own work is in all three, so that the ratio
/// is a little kinder than what the clients cost alone: `tests/real/client_cost.sh` has that.
fn reading_replies(criterion: &mut Criterion) {
    const REQUESTS: usize = 20;
    let mut group = criterion.benchmark_group("read_reply_event");
    group.sample_size(20);
    group.throughput(Throughput::Elements(EVENTS * REQUESTS as u64));
    let tokens = EVENTS as usize;
    let server = clients::null_server(tokens).expect("a port is free");
    let load = Load { server, streams: 1, requests: REQUESTS, tokens };
    let runtime = clients::runtime();
    group.bench_function("bare hyper", |bencher| {
        bencher.iter(|| clients::hyper(&runtime, load));
    });
    group.bench_function("bare reqwest", |bencher| {
        bencher.iter(|| clients::reqwest(&runtime, load));
    });
    let ours = Ours::open(load);
    assert_eq!(ours.measure(), REQUESTS * tokens, "every event is recorded");
    group.bench_function("ours", |bencher| bencher.iter(|| ours.measure()));
    group.finish();
}

criterion_group!(overhead, recording, parsing, framing_one_line, summarizing, reading_replies);
criterion_main!(overhead);
