//! Seeded luck, and cases and epochs made of it, for the tests of the judge.

use crate::arms::Gated;
use crate::file::{Baseline, Provenance};
use crate::history::{Commit, History};
use crate::recorded::Recorded;
use crate::scale::{Point, Sign};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;
use tokgate_core::case::{Case, Tolerance};
use tokgate_core::metric::{Better, Metric, MetricRef};
use tokgate_core::record::{Event, EventKind, Record};
use tokgate_core::run::{Ending, Head, Run};
use tokgate_core::summary::Series;
use tokgate_core::time::Offset;
use tokgate_core::validity::Validity;

/// Seeded draws.
pub(crate) struct Luck(ChaCha8Rng);

impl Luck {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in (0, 1].
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Log-normal around `median`.
    pub(crate) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// A stationary AR(1) series with unit variance.
    pub(crate) fn autoregressive(&mut self, phi: f64, n: usize) -> Vec<f64> {
        let mut state = self.normal();
        let fresh = (1.0 - phi * phi).sqrt();
        (0..n)
            .map(|_| {
                state = phi * state + fresh * self.normal();
                state
            })
            .collect()
    }
}

/// `metric` with a tolerance of 2 % and samples enough for any statistic.
pub(crate) fn gated(metric: &'static Metric) -> Gated {
    let (metric, tolerance) = (MetricRef::value(metric), Tolerance::Relative(0.02));
    Gated { metric, tolerance, samples: 100_000 }
}

/// A history of `metric` with a tolerance of 2 %: around 100, as far from it as the logarithms say.
pub(crate) fn history(metric: &'static Metric, key: u64, logarithms: &[f64]) -> History {
    let commit = |(at, theta): (usize, &f64)| Commit {
        id: at.to_string(),
        epochs: vec![100.0 * theta.exp()],
        environment: "one".to_owned(),
    };
    let Gated { metric, tolerance, .. } = gated(metric);
    let commits = logarithms.iter().enumerate().map(commit).collect();
    History { key: format!("history {key}"), metric, tolerance, commits }
}

/// Epochs with these values and no error of their own.
pub(crate) fn arm(values: &[f64]) -> Vec<Point> {
    values.iter().map(|value| Point { value: *value, se: None }).collect()
}

/// The sign of a metric of which less is better.
pub(crate) fn lower() -> Sign {
    Sign::of(Better::Lower).expect("lower is a direction")
}

/// The sign of a metric of which more is better.
pub(crate) fn higher() -> Sign {
    Sign::of(Better::Higher).expect("higher is a direction")
}

/// A series with one sample a request.
pub(crate) fn series(values: Vec<f64>) -> Series {
    let requests = (0..values.len() as u32).collect();
    Series { values, requests }
}

/// Requests of an epoch of [`run`].
const REQUESTS: u64 = 60;
/// Queries of an epoch of [`searches`].
const SEARCHES: u64 = 200;
/// Tokens of each answer, one event each.
const TOKENS: u64 = 8;

/// What [`run`] gives in the long run at factor 1: a log-normal variable's mean is its median
/// times exp(σ² / 2).
pub(crate) fn true_tok_s() -> f64 {
    TOKENS as f64 / (0.1 * 0.02_f64.exp() + (TOKENS - 1) as f64 * 0.02 * 0.005_f64.exp())
}

/// A case that gates on the median time to first token, the mean gap, the throughput and the 99th
/// percentile of the whole, each at 2 %.
pub(crate) fn case(id: &str) -> Case {
    serde_json::from_value(json!({
        "id": id, "kind": "generation",
        "target": { "driver": "simulated", "endpoint": "chat", "body": {}, "threads": 1 },
        "dataset": {
            "of": "prompts", "kind": "synthetic", "prompt_tokens": 8, "output_tokens": TOKENS,
            "temperature": 0.0
        },
        "workload": {
            "kind": "closed", "concurrency": 1, "batch": 1, "requests": REQUESTS, "warmup": 0
        },
        "run": {
            "epochs": 1, "timeout_s": 60.0, "seed": 1, "salt": true,
            "telemetry_interval_s": 0.1, "spike_of": "itl"
        },
        "requires": {}, "goals": [],
        "gate": {
            "tolerances": {
                "ttft.p50": { "kind": "relative", "of": 0.02 },
                "itl.mean": { "kind": "relative", "of": 0.02 },
                "tok_s": { "kind": "relative", "of": 0.02 },
                "e2e.p99": { "kind": "relative", "of": 0.02 }
            },
            "required": []
        },
        "benchmark_type": "single", "notes": ""
    }))
    .expect("the fixture is a case")
}

/// An epoch of [`case`] whose every latency is `factor` times as long: one worker, log-normal
/// times to first token around 0.1 s and gaps around 0.02 s.
pub(crate) fn run(luck: &mut Luck, factor: f64) -> Run {
    let mut now = 0.0;
    let records = (0..REQUESTS).map(|ordinal| record(luck, factor, ordinal, &mut now)).collect();
    let (telemetry, ending) = (Vec::new(), Ending::Completed);
    Run { head: head(), records, telemetry, ending, after: None, client: None }
}

/// An epoch of a retrieval case that gates on the median latency at 2 % and on recall at half a
/// point: queries around 0.01 s and `factor` times as long, of whose ten neighbours each is found
/// with probability `recall`.
pub(crate) fn searches(luck: &mut Luck, factor: f64, recall: f64) -> Run {
    let mut now = 0.0;
    let records = (0..SEARCHES).map(|ordinal| {
        let sent = offset(now);
        now += factor * luck.lognormal(0.01, 0.1);
        let found = (0..10).filter(|_| luck.uniform() <= recall).count();
        serde_json::from_value(json!({
            "ordinal": ordinal, "worker": 0, "phase": "measured", "due": sent, "sent": sent,
            "done": offset(now), "outcome": { "is": "success" },
            "events": [Event { at: offset(now), kind: EventKind::Content, tokens: None }],
            "neighbours": { "ids": [], "hits": [{ "k": 10, "found": found }] }
        }))
        .expect("the fixture is a record")
    });
    let records = records.collect();
    let mut head = head();
    head.case = search_case();
    let (telemetry, ending) = (Vec::new(), Ending::Completed);
    Run { head, records, telemetry, ending, after: None, client: None }
}

fn search_case() -> Case {
    let mut case = serde_json::to_value(case("retrieval/one")).expect("a case is JSON");
    let retrieval = json!({
        "kind": "retrieval",
        "dataset": { "of": "vectors", "kind": "mixture", "entries": 1000, "dimensions": 64 },
        "retrieval": { "top_k": 10, "rescore": 30, "truth_queries": SEARCHES },
        "gate": { "required": [], "tolerances": {
            "query.p50": { "kind": "relative", "of": 0.02 },
            "recall_at_10": { "kind": "absolute", "of": 0.005 }
        } }
    });
    let changes = retrieval.as_object().expect("it is one").clone();
    case.as_object_mut().expect("a case is an object").extend(changes);
    serde_json::from_value(case).expect("the fixture is a case")
}

fn offset(seconds: f64) -> Offset {
    Offset((seconds * 1e9) as u64)
}

fn record(luck: &mut Luck, factor: f64, ordinal: u64, now: &mut f64) -> Record {
    let sent = offset(*now);
    let events: Vec<Event> = (0..TOKENS)
        .map(|token| {
            let (median, sigma) = if token == 0 { (0.1, 0.2) } else { (0.02, 0.1) };
            *now += factor * luck.lognormal(median, sigma);
            Event { at: offset(*now), kind: EventKind::Content, tokens: None }
        })
        .collect();
    serde_json::from_value(json!({
        "ordinal": ordinal, "worker": 0, "phase": "measured", "due": sent, "sent": sent,
        "done": offset(*now), "events": events, "outcome": { "is": "success" },
        "usage": { "prompt_tokens": 8, "completion_tokens": TOKENS, "counted": "server" }
    }))
    .expect("the fixture is a record")
}

fn head() -> Head {
    serde_json::from_value(json!({
        "test_id": "t", "run_id": "r", "booking_id": "b", "epoch": 0, "arm": "head",
        "started_us": 0, "machine": "cpu-2c-test",
        "environment": {
            "cpu_model": "test", "cpu_count": 2, "memory_bytes": 1 << 30,
            "memory_available_bytes": 1 << 29, "gpus": [], "os": "Linux", "kernel": "6",
            "tool_version": "0"
        },
        "target": { "platform": "simulated", "model": "m", "engine": "e" },
        "case": case("quick/one"), "preparation": {}
    }))
    .expect("the fixture is a head")
}

/// The baseline of six epochs of [`run`], `factor` times as long.
pub(crate) fn recorded(seed: u64, factor: f64) -> Baseline {
    let mut luck = Luck::new(seed);
    let runs: Vec<Run> = (0..6)
        .map(|epoch| {
            let mut run = run(&mut luck, factor);
            run.head.epoch = epoch;
            run
        })
        .collect();
    let validity = vec![Validity::Valid; runs.len()];
    let provenance = Provenance::of(&runs[0].head, "2026-11-22");
    Baseline::from_runs(&[Recorded { runs: &runs, validity: &validity }], provenance)
        .expect("the fixture is a baseline")
}
