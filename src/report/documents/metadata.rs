//! `metadata/<test_id>.json`: one epoch, described for other tools.

use super::{GIB, number, rounded};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokgate_core::case::{Case, Dataset, PromptSet, PromptSource};
use tokgate_core::environment::Gpu;
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::run::{Ending, Run};
use tokgate_core::summary::Summary;

/// Version of the keys that are ours.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The document of one epoch; `summary` is that of this epoch alone, `raw_path` where its raw
/// lines lie.
///
/// - `test.input_file` is the file of the requests; where they are generated, it names the case
///   that they come from.
/// - `results.throughput_tokens_per_sec` counts prompt and output tokens (`total_tok_s`).
/// - `results.total_time_seconds` is a number always, since its readers format it: 0 when no
///   request was sent.
#[must_use]
pub fn metadata(run: &Run, summary: &Summary, raw_path: &str) -> Value {
    let head = &run.head;
    json!({
        "test_id": head.test_id,
        "timestamp": timestamp(head.started_us),
        "platform": head.target.platform,
        "model": head.target.model,
        "gpu": gpu(head.gpu().as_ref(), summary),
        "config": head.target.config,
        "test": {
            "num_requests": run.requests().attempted,
            "input_file": input_file(&head.case),
            "output_file": raw_path,
        },
        "results": results(run, summary),
        "status": status(run),
        "schema_version": SCHEMA_VERSION,
        "run_id": head.run_id,
        "engine": head.target.engine,
        "machine": head.machine,
        "price": head.case.target.price,
        "concurrency": head.case.workload.concurrency(),
        "epoch": head.epoch,
        "arm": head.arm,
    })
}

fn input_file(case: &Case) -> &str {
    match &case.dataset {
        Dataset::Prompts(PromptSet { source: PromptSource::File(file), .. }) => &file.path,
        Dataset::Prompts(_) | Dataset::Vectors(_) => &case.id.0,
    }
}

fn results(run: &Run, summary: &Summary) -> Value {
    let requests = run.requests();
    let value = |metric| estimate(summary, metric, Stat::Value);
    let tokens = |metric| estimate(summary, metric, Stat::Mean).map(|mean| mean.round() as u64);
    let per_second = value(&metric::REQ_S).or(value(&metric::QPS));
    json!({
        "success_count": requests.succeeded,
        "failure_count": requests.failed,
        "total_time_seconds": run.window_s().unwrap_or(0.0),
        "model_load_time_seconds": number(run.preparation().model_load_s),
        "throughput_tokens_per_sec": number(value(&metric::TOTAL_TOK_S)),
        "throughput_requests_per_sec": number(per_second),
        "avg_prompt_tokens": tokens(&metric::PROMPT_TOKENS),
        "avg_completion_tokens": tokens(&metric::OUTPUT_TOKENS),
        "gpu_utilization_percent": rounded(value(&metric::GPU_UTIL_MEAN).map(|u| u * 100.0), 1),
        "incomplete_count": requests.incomplete,
        "output_tokens_per_sec": number(value(&metric::TOK_S)),
    })
}

/// The first GPU; the memory in use is the peak over all of them.
fn gpu(gpu: Option<&Gpu>, summary: &Summary) -> Value {
    let used = estimate(summary, &metric::GPU_MEM_PEAK, Stat::Value);
    json!({
        "name": gpu.map(|gpu| &gpu.name),
        "vram_total_gb": rounded(gpu.map(|gpu| gpu.vram_bytes as f64 / GIB), 1),
        "vram_used_gb": rounded(used.map(|bytes| bytes / GIB), 1),
    })
}

/// `completed` when every request was answered, `partial` when some were not; an epoch that did
/// not come to its end says how.
fn status(run: &Run) -> &'static str {
    let requests = run.requests();
    match run.ending {
        Ending::Interrupted => "interrupted",
        Ending::Aborted(_) => "aborted",
        Ending::Completed if requests.succeeded > 0 && requests.succeeded == requests.attempted => {
            "completed"
        }
        Ending::Completed => "partial",
    }
}

fn estimate(summary: &Summary, metric: &'static Metric, stat: Stat) -> Option<f64> {
    summary.estimate(MetricRef { metric, stat }).map(|estimate| estimate.value)
}

/// UTC to the second; `null` where the clock was out of all calendars.
pub(super) fn timestamp(started_us: i64) -> Option<String> {
    let at = Timestamp::from_microsecond(started_us).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
