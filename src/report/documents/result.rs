//! `reports/<test_id>.json`: one invocation and how it stands against its goals, for other tools.

use super::{GIB, MIB, number, rounded};
use crate::report::alerts;
use serde_json::{Map, Value, json};
use tokgate_core::case::{Case, DriverKind};
use tokgate_core::environment::Environment;
use tokgate_core::goal::{Bound, GoalResult};
use tokgate_core::metric::{self, Kind, Metric, MetricRef, Stat};
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::stress::{Stress, Tried};
use tokgate_core::summary::Summary;

/// Version of the keys that are ours.
const SCHEMA_VERSION: u32 = 1;

/// The document of one invocation.
///
/// `benchmarks` is keyed by the case's name, with its cell after a `/` where a matrix has more
/// than one. Their latencies `p50_ms`, `p95_ms` and `p99_ms` are those of `ttft` for a language
/// model and of `query` for retrieval: the document stands them beside a goal for the first
/// token, and its 4 ms at 32 tokens a second can be no whole answer. `e2e_*_ms` stand beside
/// them. `meets_targets` is `null` without goals, and false for a case that may not be judged.
///
/// `stress_test` tells of the first search for a breaking point, and of the first case that was
/// measured under several numbers of workers; its keys are `null` where there is neither.
#[must_use]
pub fn result_document(report: &Report) -> Value {
    let benchmarks: Map<String, Value> =
        report.cases.iter().map(|case| (key(&case.case), benchmark(case))).collect();
    json!({
        "timestamp": report.started_us as f64 / 1e6,
        "config": config(report),
        "system_info": system_info(&report.environment),
        "benchmarks": benchmarks,
        "stress_test": stress_test(report),
        "overall_assessment": assessment(report),
        "alerts": report.alerts().collect::<Vec<_>>(),
        "alert_levels": alerts::standings(report),
        "schema_version": SCHEMA_VERSION,
        "run_id": report.run_id,
        "scenario": report.scenario,
        "machine": report.machine,
    })
}

/// What was asked: the first goal of each kind, and the requests of the first case.
fn config(report: &Report) -> Value {
    let target = |metric: &Metric| {
        let mut goals = report.cases.iter().flat_map(|case| &case.case.goals);
        goals.find(|goal| goal.metric.metric == metric).map(|goal| line(goal.bound))
    };
    json!({
        "target_tok_s": number(target(&metric::TOK_S)),
        "target_ttft_ms": milliseconds(target(&metric::TTFT)),
        "iterations": report.cases.first().map(|case| case.requests().attempted),
    })
}

/// The line of a goal; of a band the end that must not be passed.
fn line(bound: Bound) -> f64 {
    match bound {
        Bound::AtLeast { value }
        | Bound::Above { value }
        | Bound::AtMost { value }
        | Bound::Below { value } => value,
        Bound::Within { high, .. } => high,
    }
}

/// What the target sustains. Stable levels are those that were asked for, where there are such.
fn stress_test(report: &Report) -> Value {
    let (found, swept) = (report.stress(), report.swept());
    let levels = swept.as_ref().or(found.as_ref());
    let curve = found.as_ref().map(|found| found.levels.iter().map(load_level).collect::<Vec<_>>());
    let recovery = |case: &CaseReport| estimate(&case.summary, &metric::RECOVERY_S, Stat::Value);
    json!({
        "max_sustainable_load": found.as_ref().map(|found| found.max_sustainable),
        "stable_concurrency_levels": levels.map(Stress::stable_levels),
        "breaking_point": found.as_ref().and_then(|found| found.breaks_at),
        "stability": found.as_ref().map(|found| found.stability.as_str()),
        "latency_degradation": curve,
        "error_rates_percent": found.as_ref().map(error_rates),
        "recovery_seconds": rounded(report.cases.iter().find_map(recovery), 3),
    })
}

fn load_level(tried: &Tried) -> Value {
    let level = &tried.level;
    json!({
        "concurrency": level.concurrency,
        "throughput": rounded(Some(level.throughput), 3),
        "ttft_p50_ms": milliseconds(level.ttft.map(|ttft| ttft.p50)),
        "ttft_p95_ms": milliseconds(level.ttft.map(|ttft| ttft.p95)),
        "e2e_p50_ms": milliseconds(level.e2e.map(|e2e| e2e.p50)),
        "e2e_p95_ms": milliseconds(level.e2e.map(|e2e| e2e.p95)),
        "attainment_percent": rounded(level.attainment.map(|share| share * 100.0), 3),
        "stable": tried.holds,
    })
}

fn error_rates(stress: &Stress) -> Vec<Value> {
    let rate = |tried: &Tried| {
        let percent = rounded(Some(tried.level.error_rate() * 100.0), 3);
        json!({ "concurrency": tried.level.concurrency, "error_rate_percent": percent })
    };
    stress.levels.iter().map(rate).collect()
}

fn system_info(environment: &Environment) -> Value {
    let gpu = environment.gpus.first();
    json!({
        "cpu_count": environment.cpu_count,
        "memory_total_gb": rounded(Some(environment.memory_bytes as f64 / GIB), 1),
        "gpu_name": gpu.map(|gpu| &gpu.name),
        "gpu_memory_gb": rounded(gpu.map(|gpu| gpu.vram_bytes as f64 / GIB), 1),
        "cpu_model": environment.cpu_model,
        "gpu_count": environment.gpus.len(),
    })
}

/// The case's name, and its cell where it has one.
fn key(case: &Case) -> String {
    case.id.0.split_once('/').map_or_else(|| case.id.0.clone(), |(_, rest)| rest.to_owned())
}

fn benchmark(case: &CaseReport) -> Value {
    let mut entry = match case.case.kind {
        Kind::Generation => generation(&case.summary, &case.case),
        Kind::Retrieval => retrieval(&case.summary),
        Kind::Embedding => embedding(&case.summary, &case.case),
        Kind::Rag => rag(&case.summary, &case.case),
    };
    let all_met = case.is_valid() && case.goals.iter().all(GoalResult::is_met);
    entry["target_scores"] = Value::Object(scores(&case.goals));
    entry["meets_targets"] = (!case.goals.is_empty()).then_some(all_met).into();
    entry["valid"] = case.is_valid().into();
    entry
}

/// Under an open load latencies count from when a request was due.
fn generation(summary: &Summary, case: &Case) -> Value {
    let (ttft, e2e) = match case.workload.is_open() {
        true => (&metric::TTFT_DUE, &metric::E2E_DUE),
        false => (&metric::TTFT, &metric::E2E),
    };
    let value = |metric| estimate(summary, metric, Stat::Value);
    json!({
        "tokens_per_second": number(value(&metric::TOK_S)),
        "p50_ms": milliseconds(estimate(summary, ttft, Stat::P50)),
        "p95_ms": milliseconds(estimate(summary, ttft, Stat::P95)),
        "p99_ms": milliseconds(estimate(summary, ttft, Stat::P99)),
        "e2e_p50_ms": milliseconds(estimate(summary, e2e, Stat::P50)),
        "e2e_p99_ms": milliseconds(estimate(summary, e2e, Stat::P99)),
        "goodput_rps": number(value(&metric::GOODPUT)),
        "slo_attainment_percent": rounded(value(&metric::ATTAINMENT).map(|share| share * 100.0), 3),
        "spike_rate_percent": rounded(value(&metric::SPIKE_RATE).map(|rate| rate * 100.0), 3),
        "memory_peak_mb": rounded(value(&metric::PEAK_RSS).map(|bytes| bytes / MIB), 1),
        "memory_peak_of": memory_of(case.target.driver),
        "energy_consumption_joules": number(value(&metric::ENERGY)),
    })
}

fn retrieval(summary: &Summary) -> Value {
    let value = |metric| estimate(summary, metric, Stat::Value);
    json!({
        "p95_ms": milliseconds(estimate(summary, &metric::QUERY, Stat::P95)),
        "p50_ms": milliseconds(estimate(summary, &metric::QUERY, Stat::P50)),
        "throughput_rps": number(value(&metric::QPS)),
        "recall_at_10": number(value(&metric::RECALL_AT_10)),
    })
}

/// Under an open load latencies count from when a request was due.
fn embedding(summary: &Summary, case: &Case) -> Value {
    let latency = if case.workload.is_open() { &metric::E2E_DUE } else { &metric::EMBED };
    let value = |metric| estimate(summary, metric, Stat::Value);
    json!({
        "p50_ms": milliseconds(estimate(summary, latency, Stat::P50)),
        "p95_ms": milliseconds(estimate(summary, latency, Stat::P95)),
        "p99_ms": milliseconds(estimate(summary, latency, Stat::P99)),
        "throughput_rps": number(value(&metric::REQ_S)),
        "inputs_per_second": number(value(&metric::INPUTS_S)),
        "prompt_tokens_per_second": number(value(&metric::PROMPT_TOK_S)),
    })
}

/// The answer's numbers, from the question on, and those of its parts.
fn rag(summary: &Summary, case: &Case) -> Value {
    let mut entry = generation(summary, case);
    let median = |metric| milliseconds(estimate(summary, metric, Stat::P50));
    entry["embed_p50_ms"] = median(&metric::RAG_EMBED);
    entry["search_p50_ms"] = median(&metric::RAG_SEARCH);
    entry["generate_p50_ms"] = median(&metric::RAG_GENERATE);
    entry["recall_at_10"] = number(estimate(summary, &metric::RECALL_AT_10, Stat::Value));
    entry
}

/// Whose memory the peak is: an engine in process is part of tokgate's own.
fn memory_of(driver: DriverKind) -> &'static str {
    match driver {
        DriverKind::Embedded
        | DriverKind::Flat
        | DriverKind::FlatQ4
        | DriverKind::IvfSq8
        | DriverKind::Hnsw => "tokgate with the target",
        DriverKind::Auto
        | DriverKind::Openai
        | DriverKind::Ollama
        | DriverKind::Batch
        | DriverKind::Simulated
        | DriverKind::Pgvector
        | DriverKind::Redis
        | DriverKind::VectorHttp
        | DriverKind::Custom => "the target where it is local, else tokgate",
    }
}

/// Per metric, whether every goal on it is met.
fn scores(goals: &[GoalResult]) -> Map<String, Value> {
    let mut scores = Map::new();
    for goal in goals {
        let id = goal.goal.metric.metric.id;
        let so_far = scores.get(id).is_none_or(|score| score == true);
        scores.insert(id.to_owned(), (so_far && goal.is_met()).into());
    }
    scores
}

fn assessment(report: &Report) -> Value {
    let (met, total) = report.targets();
    let of_levels = report.advice_on_levels().map(|advice| advice.to_string());
    let recommendations: Vec<String> =
        report.cases.iter().flat_map(recommendations).chain(of_levels).collect();
    json!({
        "performance_grade": report.grade.as_str(),
        "targets_met": met,
        "total_targets": total,
        "recommendations": recommendations,
        "conclusion": report.conclusion,
    })
}

/// What keeps a case from its goals: first why it may not be judged, then what it missed, then what the
/// measured facts advise.
fn recommendations(case: &CaseReport) -> Vec<String> {
    let name = key(&case.case);
    let reasons = case.epochs.iter().flat_map(|epoch| epoch.validity.reasons());
    let invalid = reasons.map(|reason| format!("{name}: measure again, {reason}"));
    let missed = case.goals.iter().filter(|goal| !goal.is_met());
    let missed = missed.map(|goal| format!("{name}: {}", shortfall(goal)));
    let advised = case.advice.iter().map(|advice| format!("{name}: {advice}"));
    invalid.chain(missed).chain(advised).collect()
}

fn shortfall(result: &GoalResult) -> String {
    let MetricRef { metric, .. } = result.goal.metric;
    let goal = format!("{} should be {}", metric.name, result.goal.bound.show(metric.unit));
    match result.estimate {
        Some(estimate) => format!("{goal}, was {}", metric.unit.show(estimate.value)),
        None => format!("{goal}, was not measured"),
    }
}

fn milliseconds(seconds: Option<f64>) -> Value {
    // To the nanosecond, which is as fine as the clock.
    rounded(seconds.map(|seconds| seconds * 1e3), 6)
}

fn estimate(summary: &Summary, metric: &'static Metric, stat: Stat) -> Option<f64> {
    summary.estimate(MetricRef { metric, stat }).map(|estimate| estimate.value)
}
