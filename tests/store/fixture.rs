//! Epochs made by hand, and a store to keep them in.

use serde_json::json;
use std::path::Path;
use tokgate::store::{CaseEnd, EpochEnd, FileStore, Layout, Store, Stored, summary};
use tokgate_core::case::*;
use tokgate_core::environment::{Environment, Gpu, GpuSettings, HostSettings};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::goal::{Bound, Goal};
use tokgate_core::metric::{Kind, MetricRef};
use tokgate_core::record::*;
use tokgate_core::run::*;
use tokgate_core::summary::{Estimate, Interval};
use tokgate_core::time::Offset;
use tokgate_core::validity::{Limits, Reason, Validity};
use tokgate_core::verdict::{Comparison, Judged, Verdict};

/// 2025-11-22T10:11:12.345678Z.
pub(crate) const STARTED_US: i64 = 1_763_806_272_345_678;

pub(crate) fn metric(text: &str) -> MetricRef {
    text.parse().unwrap()
}

pub(crate) fn case(name: &str) -> Case {
    Case {
        id: CaseId::new("quick", name, &[]),
        kind: Kind::Generation,
        target: Target {
            base_url: Some("http://127.0.0.1:8000/v1".to_owned()),
            model: Some("google/gemma-3-4b-it".to_owned()),
            threads: 2,
            ..Target::of(DriverKind::Openai)
        },
        dataset: Dataset::Prompts(PromptSet { temperature: 0.7, ..PromptSet::synthetic(128, 4) }),
        workload: Workload::closed(2, 1, 20, 1),
        retrieval: None,
        embedding: None,
        rag: None,
        run: RunSettings {
            epochs: 2,
            timeout_s: 60.0,
            seed: 7,
            salt: true,
            telemetry_interval_s: 0.1,
            energy_interval_s: 1.0,
            server_metrics: false,
            dcgm_url: None,
            spike_of: "itl".to_owned(),
            html_report: true,
        },
        requires: Requires::default(),
        pressure: None,
        slos: Vec::new(),
        goals: vec![
            Goal { metric: metric("tok_s"), bound: Bound::AtLeast { value: 30.0 } },
            Goal { metric: metric("ttft.p50"), bound: Bound::Below { value: 0.005 } },
            Goal { metric: metric("spike_rate"), bound: Bound::Within { low: 0.05, high: 0.15 } },
        ],
        gate: Gate::default(),
        validity: Limits::default(),
        quality: tokgate_core::quality::Settings::default(),
        alerts: tokgate_core::alert::Settings::default(),
        benchmark_type: "model_comparison".to_owned(),
        notes: String::new(),
    }
}

pub(crate) fn environment() -> Environment {
    Environment {
        cpu_model: "AMD Ryzen 9 7950X".to_owned(),
        cpu_count: 16,
        memory_bytes: 32 << 30,
        memory_available_bytes: 30 << 30,
        gpus: vec![Gpu {
            name: "NVIDIA GeForce RTX 4090".to_owned(),
            vram_bytes: 24 << 30,
            uuid: None,
            driver: Some("570.1".to_owned()),
            settings: GpuSettings::default(),
        }],
        os: "Linux 6.1".to_owned(),
        kernel: "6.1".to_owned(),
        tool_version: "0.1.0".to_owned(),
        commit: Some("0123abc".to_owned()),
        host: HostSettings::default(),
        workers: None,
    }
}

/// Epoch `epoch` of the case `name` in the run of this number; runs start a minute apart, their
/// epochs a second.
pub(crate) fn head(run: u32, name: &str, epoch: u32) -> Head {
    let config = json!({"max_model_len": 4096, "gpu_memory_utilization": 0.5,
        "enable_prefix_caching": true, "chunked_prefill_enabled": true});
    Head {
        test_id: format!("vllm-serve-gemma-20-{run}-{name}-{epoch}"),
        run_id: run_id(run),
        booking_id: "booking".to_owned(),
        epoch,
        arm: Arm::Head,
        started_us: STARTED_US + 1_000_000 * i64::from(60 * run + epoch),
        machine: environment().machine(),
        environment: environment(),
        target: TargetIdentity {
            platform: "vllm-serve".to_owned(),
            model: "google/gemma-3-4b-it".to_owned(),
            engine: "vllm 0.32.0".to_owned(),
            size_params: Some("4b".to_owned()),
            size_bytes: Some(8_600_000_000),
            quantization: None,
            context_window: Some(131_072),
            config: serde_json::from_value(config).unwrap(),
        },
        case: case(name),
        preparation: Preparation { model_load_s: Some(25.5), ..Preparation::default() },
    }
}

pub(crate) fn run_id(run: u32) -> String {
    format!("run-{run}")
}

fn ms(ms: u64) -> Offset {
    Offset(ms * 1_000_000)
}

/// An answer of four tokens; the first after `3 + ordinal % 3` ms.
pub(crate) fn answered(ordinal: u64) -> Record {
    let sent = 100 * ordinal;
    let first = sent + 3 + ordinal % 3;
    let event =
        |n: u64| Event { at: ms(first + 10 * n), kind: EventKind::Content, tokens: Some(1) };
    Record {
        ordinal,
        worker: (ordinal % 2) as u32,
        phase: if ordinal == 0 { Phase::Warmup } else { Phase::Measured },
        trial: None,
        due: ms(sent),
        sent: ms(sent),
        head: Some(ms(sent + 1)),
        done: ms(first + 31),
        events: (0..4).map(event).collect(),
        outcome: Outcome::Success,
        usage: Some(Usage {
            prompt_tokens: 128,
            completion_tokens: 4,
            cached_tokens: None,
            counted: Counted::Server,
            raw: Some(json!({"prompt_tokens": 128, "completion_tokens": 4})),
        }),
        recount: None,
        requested_tokens: Some(4),
        finish_reason: Some("length".to_owned()),
        sample: (ordinal < 3)
            .then(|| format!("answer \"{ordinal}\"\n\u{0}'; DROP TABLE runs; 日本")),
        quality: None,
        neighbours: None,
        embedded: None,
        parts: None,
    }
}

pub(crate) fn failed(ordinal: u64) -> Record {
    let failure = Failure::new(FailureClass::Status, "503");
    Record {
        events: Vec::new(),
        usage: None,
        sample: None,
        outcome: Outcome::Failed(failure),
        ..answered(ordinal)
    }
}

pub(super) fn sample(at: u64) -> TelemetrySample {
    let gpu = GpuSample {
        utilization: Some(0.1 * at as f64),
        memory_bytes: Some((20 << 30) + at),
        temperature_c: Some(61.3),
        power_w: Some(312.7),
        energy_j: Some(1000.1 + 100.7 * at as f64),
        ..GpuSample::default()
    };
    TelemetrySample {
        at: ms(600 * at),
        cpu: Some(0.123_456_789),
        steal: None,
        memory_bytes: Some(10 << 30),
        rss_bytes: Some((1 << 30) + at),
        gpus: vec![gpu],
        ..TelemetrySample::default()
    }
}

/// One epoch: a warm-up, nineteen answers and one failure.
pub(crate) fn run(head: Head) -> Run {
    let records = (0..20).map(answered).chain([failed(20)]).collect();
    Run {
        head,
        records,
        telemetry: (0..5).map(sample).collect(),
        ending: Ending::Completed,
        after: None,
        client: None,
    }
}

pub(crate) fn open(root: &Path) -> FileStore {
    FileStore::open(Layout::new(root)).unwrap()
}

/// Keeps one epoch, as a pipeline would.
pub(crate) fn keep(store: &mut impl Store, run: &Run) -> Stored {
    let mut journal = store.begin(&run.head).unwrap();
    run.records.iter().for_each(|record| journal.append_request(record).unwrap());
    run.telemetry.iter().for_each(|sample| journal.append_telemetry(sample).unwrap());
    let end = EpochEnd {
        ending: run.ending.clone(),
        validity: Validity::Valid,
        after: run.after.clone(),
        client: run.client,
    };
    store.commit_epoch(journal, &end).unwrap()
}

/// Keeps one epoch that was stopped, and so may not be judged.
pub(crate) fn keep_invalid(store: &mut impl Store, run: &Run) {
    let mut journal = store.begin(&run.head).unwrap();
    run.records.iter().for_each(|record| journal.append_request(record).unwrap());
    let why = "stopped".to_owned();
    let end = EpochEnd {
        ending: run.ending.clone(),
        validity: Validity::Invalid(vec![Reason::Stopped { why }]),
        after: None,
        client: None,
    };
    store.commit_epoch(journal, &end).unwrap();
}

/// Keeps a case of two epochs, and what was said of it.
pub(crate) fn keep_case(store: &mut impl Store, number: u32, name: &str) {
    let kept: Vec<Stored> =
        (0..2).map(|epoch| keep(store, &run(head(number, name, epoch)))).collect();
    let validity: Vec<Validity> = kept.iter().map(|stored| stored.validity.clone()).collect();
    let runs: Vec<Run> = kept.into_iter().map(|stored| stored.run).collect();
    let summary = summary(&runs).unwrap();
    let case =
        CaseEnd { epochs: &runs, validity: &validity, summary: &summary, verdicts: &judged() };
    store.commit_case(case).unwrap();
}

/// A verdict with numbers, one of them not finite, and one without.
pub(super) fn judged() -> Vec<Judged> {
    let estimate = |value| Estimate { value, interval: None, n: 19 };
    let comparison = Comparison {
        metric: metric("ttft.p50"),
        base: estimate(0.1 + 0.2),
        head: estimate(0.004),
        effect: f64::INFINITY,
        interval: Some(Interval { low: -0.1, high: 0.7 }),
        epochs: (5, 2),
        tolerance: Tolerance::Relative(0.02),
        mde: Some(0.035),
    };
    vec![
        Judged {
            metric: metric("ttft.p50"),
            comparison: Some(comparison),
            verdict: Verdict::RegressedUnpaired,
            why: "slower".to_owned(),
        },
        Judged {
            metric: metric("tok_s"),
            comparison: None,
            verdict: Verdict::New,
            why: String::new(),
        },
    ]
}
