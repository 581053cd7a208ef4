//! The result documents of the old suite, and `reports/*.json` of tokgate: some benchmarks, each
//! against its targets. They say no window, so that a result of them is kept and never compared.

use super::draft::{Origin, bytes, each, figure, json, nothing, said, without_nulls};
use super::entries::has_each;
use super::moment::moment;
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found};
use serde_json::{Value, json};
use tokgate_core::imported::Imported;
use tokgate_core::metric::{self, Kind, Metric, Stat};

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };
const NAME: &str = "result-document";
/// Bytes in its MB.
const MIB: f64 = 1_048_576.0;
const PERCENTILES: [(&str, Stat); 3] =
    [("p50_ms", Stat::P50), ("p95_ms", Stat::P95), ("p99_ms", Stat::P99)];

fn fits(file: &File<'_>) -> bool {
    const ABOUT: &[&str] = &["system_info", "overall_assessment", "stress_test"];
    let is_one = |json: &Value| has_each(json, &[&["benchmarks"], &["timestamp"], ABOUT]);
    file.json.as_ref().is_some_and(|json| is_one(json) && json["benchmarks"].is_object())
}

fn read(file: &File<'_>) -> Found {
    let document = match json(file) {
        Ok(document) => document,
        Err(found) => return found,
    };
    let Some(benchmarks) = document.get("benchmarks").and_then(Value::as_object) else {
        return nothing("the file", "it has no `benchmarks`".to_owned());
    };
    let placed = benchmarks.iter().map(|(name, entry)| (format!("benchmarks.{name}"), name, entry));
    let alone: Vec<_> =
        placed.map(|(place, name, entry)| (place, alone(document, name, entry))).collect();
    let entries = alone.iter().map(|(place, document)| (place.clone(), document));
    each(entries, |document| one(document, file.name))
}

/// The document with one benchmark alone.
fn alone(document: &Value, name: &str, entry: &Value) -> Value {
    let mut alone = document.clone();
    alone["benchmarks"] = json!({ name: entry });
    alone
}

fn one(document: &Value, file: &str) -> Result<Imported, String> {
    let fields = Fields::of(document)?;
    let benchmarks = document["benchmarks"].as_object().into_iter().flatten();
    let (name, entry) = benchmarks.last().ok_or("there is no benchmark")?;
    let benchmark = Fields::of(entry)?;
    let ours = fields.get("schema_version").is_some() && fields.get("run_id").is_some();
    let tool = if ours { "tokgate" } else { "comprehensive_benchmark_suite.py" };
    let origin = Origin { tool, format: NAME, family: NAME, file };
    let mut result = origin.draft(&without_nulls(document), document.clone());
    let when = fields.get("timestamp").map(moment).transpose()?;
    result.measured_us = when.map(|when| when.us);
    result.kind = kind(name, &benchmark);
    result.benchmark_type = name.clone();
    machine(&mut result, &fields)?;
    if let Some(config) = fields.object("config")? {
        let model = said(config.text("model")?).or(said(config.text("model_name")?));
        result.model.name = model.unwrap_or(result.model.name);
    }
    measured(&mut result, &benchmark, ours)?;
    if result.figures.is_empty() {
        return Err("it says nothing that is measured here, too".to_owned());
    }
    Ok(result)
}

/// What was measured: said by the name, else by what only one kind has.
fn kind(name: &str, benchmark: &Fields<'_>) -> Kind {
    let has = |field: &str| benchmark.get(field).is_some();
    if has("inputs_per_second") {
        Kind::Embedding
    } else if has("generate_p50_ms") {
        Kind::Rag
    } else if has("recall_at_10") || (name.contains("retrieval") && !has("tokens_per_second")) {
        Kind::Retrieval
    } else {
        Kind::Generation
    }
}

fn machine(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    let Some(system) = fields.object("system_info")? else { return Ok(()) };
    let hardware = &mut result.hardware;
    hardware.gpu = said(system.text("gpu_name")?);
    hardware.vram_bytes = system.number("gpu_memory_gb")?.map(bytes);
    let gpus = system.count("gpu_count")?.filter(|gpus| *gpus > 0);
    hardware.gpus = gpus.and_then(|gpus| u32::try_from(gpus).ok());
    hardware.cpu = said(system.text("cpu_model")?);
    Ok(())
}

/// The latencies of a language model are those to the first token: they stand beside its target.
fn measured(result: &mut Imported, benchmark: &Fields<'_>, ours: bool) -> Result<(), String> {
    let latency: &'static Metric = match result.kind {
        Kind::Generation | Kind::Rag => &metric::TTFT,
        Kind::Retrieval => &metric::QUERY,
        Kind::Embedding => &metric::EMBED,
    };
    let rate: &'static Metric = match result.kind {
        Kind::Retrieval => &metric::QPS,
        Kind::Generation | Kind::Rag | Kind::Embedding => &metric::REQ_S,
    };
    for (name, stat) in PERCENTILES {
        let ms = benchmark.number(name)?;
        figure(result, latency, stat, ms.map(|ms| ms / 1e3));
    }
    let mut put = |name: &str, metric, scale: f64| -> Result<(), String> {
        let value = benchmark.number(name)?;
        figure(result, metric, Stat::Value, value.map(|value| value * scale));
        Ok(())
    };
    put("tokens_per_second", &metric::TOK_S, 1.0)?;
    put("throughput_rps", rate, 1.0)?;
    // The old one counts beyond three standard deviations, ours beyond three robust ones.
    let spikes = if ours { &metric::SPIKE_RATE } else { &metric::SPIKE_RATE_SIGMA };
    put("spike_rate_percent", spikes, 0.01)?;
    if ours {
        put("energy_consumption_joules", &metric::ENERGY, 1.0)?;
        put("memory_peak_mb", &metric::PEAK_RSS, MIB)?;
        put("inputs_per_second", &metric::INPUTS_S, 1.0)?;
        put("recall_at_10", &metric::RECALL_AT_10, 1.0)?;
        if matches!(result.kind, Kind::Generation | Kind::Rag) {
            put_e2e(result, benchmark)?;
        }
    }
    Ok(())
}

fn put_e2e(result: &mut Imported, benchmark: &Fields<'_>) -> Result<(), String> {
    for (name, stat) in [("e2e_p50_ms", Stat::P50), ("e2e_p99_ms", Stat::P99)] {
        let ms = benchmark.number(name)?;
        figure(result, &metric::E2E, stat, ms.map(|ms| ms / 1e3));
    }
    Ok(())
}
