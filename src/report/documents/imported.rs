//! `metadata/<test_id>.json` of a result of another tool: the document of an epoch, as far as its file
//! tells.

use super::metadata::{SCHEMA_VERSION, timestamp};
use super::{GIB, number, rounded};
use serde_json::{Value, json};
use tokgate_core::imported::{Imported, ImportedHardware};
use tokgate_core::metric::{self, Metric, Stat};

/// What names an imported result beside what it says.
#[derive(Debug, Clone, Copy)]
pub struct ImportedAs<'a> {
    /// Its row.
    pub test_id: &'a str,
    /// The run that it counts as.
    pub run_id: &'a str,
    /// When it was measured, else imported; microseconds since 1970.
    pub started_us: i64,
    /// Where its line lies.
    pub raw_path: &'a str,
}

/// The document of one result; the keys are those of an epoch's, with `imported_from` beside them.
#[must_use]
pub fn imported_metadata(result: &Imported, named: ImportedAs<'_>) -> Value {
    let source = &result.source;
    json!({
        "test_id": named.test_id,
        "timestamp": timestamp(named.started_us),
        "platform": result.platform,
        "model": result.model.name,
        "gpu": gpu(&result.hardware),
        "config": config(&result.entry),
        "test": {
            "num_requests": result.requests.attempted,
            "input_file": source.file,
            "output_file": named.raw_path,
        },
        "results": results(result),
        "status": status(result),
        "schema_version": SCHEMA_VERSION,
        "run_id": named.run_id,
        "engine": result.engine,
        "concurrency": result.workers,
        "imported_from": { "tool": source.tool, "format": source.format, "digest": source.digest },
    })
}

/// The first GPU, of which nobody says how much memory was used.
fn gpu(hardware: &ImportedHardware) -> Value {
    json!({
        "name": hardware.gpu,
        "vram_total_gb": rounded(hardware.vram_bytes.map(|bytes| bytes as f64 / GIB), 1),
        "vram_used_gb": null,
    })
}

/// What the server was started with, where the entry says it.
fn config(entry: &Value) -> Value {
    entry.get("config").filter(|config| config.is_object()).cloned().unwrap_or_else(|| json!({}))
}

fn results(result: &Imported) -> Value {
    let told = result.told();
    let value = |metric: &'static Metric| {
        let figure = told.iter().find(|figure| figure.metric.metric == metric);
        number(figure.map(|figure| figure.value))
    };
    let tokens = |metric| result.figure(metric, Stat::Mean).map(|mean| mean.round() as u64);
    let requests = result.requests;
    json!({
        "success_count": requests.succeeded,
        "failure_count": requests.failed,
        "total_time_seconds": result.window_s.unwrap_or(0.0),
        "model_load_time_seconds": value(&metric::MODEL_LOAD_S),
        "throughput_tokens_per_sec": value(&metric::TOTAL_TOK_S),
        "throughput_requests_per_sec": value(&metric::REQ_S),
        "avg_prompt_tokens": tokens(&metric::PROMPT_TOKENS),
        "avg_completion_tokens": tokens(&metric::OUTPUT_TOKENS),
        "gpu_utilization_percent": null,
        "incomplete_count": requests.incomplete,
        "output_tokens_per_sec": value(&metric::TOK_S),
    })
}

fn status(result: &Imported) -> &'static str {
    let requests = result.requests;
    match requests.succeeded > 0 && requests.succeeded == requests.attempted {
        true => "completed",
        false => "partial",
    }
}
