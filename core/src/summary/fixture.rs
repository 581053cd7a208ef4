//! Epochs for the tests of the formulas.

use crate::record::{Counted, Event, EventKind, Outcome, Phase, Record, Usage};
use crate::run::{Ending, GpuSample, Head, Run, TelemetrySample};
use crate::time::Offset;

/// Milliseconds in seconds, as an [`Offset`] would give them.
pub(super) fn ms(milliseconds: u64) -> f64 {
    offset(milliseconds).seconds()
}

fn offset(milliseconds: u64) -> Offset {
    Offset(milliseconds * 1_000_000)
}

/// A success sent at 0 with these events (milliseconds, kind, tokens) and `tokens` in all.
pub(crate) fn with_events(tokens: u64, events: &[(u64, EventKind, Option<u32>)]) -> Record {
    let event = |(at, kind, tokens): &(u64, EventKind, Option<u32>)| Event {
        at: offset(*at),
        kind: *kind,
        tokens: *tokens,
    };
    let events: Vec<Event> = events.iter().map(event).collect();
    Record {
        ordinal: 0,
        worker: 0,
        phase: Phase::Measured,
        trial: None,
        due: Offset::ZERO,
        sent: Offset::ZERO,
        head: None,
        done: events.last().map_or(Offset::ZERO, |event| event.at),
        events,
        outcome: Outcome::Success,
        usage: Some(Usage {
            prompt_tokens: 8,
            completion_tokens: tokens,
            cached_tokens: None,
            counted: Counted::Server,
            raw: None,
        }),
        recount: None,
        requested_tokens: None,
        finish_reason: None,
        sample: None,
        quality: None,
        neighbours: None,
        embedded: None,
        parts: None,
    }
}

/// A success of five tokens, sent at `sent` ms: tokens at 100 and 200 ms after.
pub(crate) fn success(sent: u64) -> Record {
    let content = |at| (sent + at, EventKind::Content, None);
    Record {
        due: offset(sent),
        sent: offset(sent),
        ..with_events(5, &[content(100), content(200)])
    }
}

/// An epoch of a generation case with these requests.
pub(crate) fn run(records: Vec<Record>) -> Run {
    let (telemetry, ending) = (Vec::new(), Ending::Completed);
    Run { head: head(), records, telemetry, ending, after: None, client: None }
}

/// A window from 1 s to 2 s, and a sample every second from 0 s on.
pub(crate) fn sampled(samples: Vec<TelemetrySample>) -> Run {
    let mut run = run(vec![success(0)]);
    (run.records[0].sent, run.records[0].done) = (offset(1000), offset(2000));
    let at =
        |(n, sample): (u64, TelemetrySample)| TelemetrySample { at: offset(n * 1000), ..sample };
    run.telemetry = (0..).zip(samples).map(at).collect();
    run
}

/// The same of GPUs alone.
pub(crate) fn with_gpus(samples: Vec<Vec<GpuSample>>) -> Run {
    let of = |gpus| TelemetrySample { gpus, ..TelemetrySample::default() };
    sampled(samples.into_iter().map(of).collect())
}

fn head() -> Head {
    serde_json::from_value(serde_json::json!({
        "test_id": "t", "run_id": "r", "booking_id": "b", "epoch": 0, "arm": "head",
        "started_us": 0, "machine": "cpu-2c-test",
        "environment": {
            "cpu_model": "test", "cpu_count": 2, "memory_bytes": 1 << 30,
            "memory_available_bytes": 1 << 29, "gpus": [], "os": "Linux", "kernel": "6",
            "tool_version": "0"
        },
        "target": { "platform": "simulated", "model": "m", "engine": "e" },
        "case": {
            "id": "quick/one", "kind": "generation",
            "target": { "driver": "simulated", "endpoint": "chat", "body": {}, "threads": 1 },
            "dataset": {
                "of": "prompts", "kind": "synthetic", "prompt_tokens": 8, "output_tokens": 5,
                "temperature": 0.0
            },
            "workload": {
                "kind": "closed", "concurrency": 1, "batch": 1, "requests": 2, "warmup": 0
            },
            "run": {
                "epochs": 1, "timeout_s": 60.0, "seed": 1, "salt": true,
                "telemetry_interval_s": 0.1, "spike_of": "itl"
            },
            "requires": {}, "goals": [], "gate": { "tolerances": {}, "required": [] },
            "benchmark_type": "single", "notes": ""
        },
        "preparation": {}
    }))
    .expect("the fixture is a head")
}
