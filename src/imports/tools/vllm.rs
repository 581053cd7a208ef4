//! `vllm bench serve --save-result`: one object a run, several one after the other with
//! `--append-result`. The same code was `benchmarks/benchmark_serving.py` before.

use super::draft::{self, NO_ZONE, Origin, figure, found, note, without_lists};
use super::values::{Placed, head, names_all, values};
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found, UNKNOWN};
use serde_json::Value;
use tokgate_core::imported::Imported;
use tokgate_core::metric::Kind;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };

const NAME: &str = "vllm-bench-serve";
/// What stands in every such object.
const MARKS: [&str; 4] = ["model_id", "completed", "total_input_tokens", "request_throughput"];
/// What lists every request.
const LISTS: [&str; 9] = [
    "input_lens",
    "output_lens",
    "ttfts",
    "itls",
    "latencies",
    "start_times",
    "queue_times",
    "generated_texts",
    "errors",
];
/// As many answers are kept as examples.
const SAMPLES: usize = 3;
/// Back ends whose first chunk with choices is what `ttfr` counts.
const STREAMED: [&str; 4] = ["openai", "openai-chat", "openai-audio", "vllm"];
/// What is to be known of the figures.
const DEFINITIONS: &str = "TTFT is to the first chunk of any kind, our ttfr; TPOT and ITL are \
     between chunks, a role's and a closing one's included, and stay in the entry; a closing chunk \
     without content also ends e2e";

fn fits(file: &File<'_>) -> bool {
    match &file.json {
        Some(value) => MARKS.iter().all(|mark| value.get(mark).is_some()),
        None => names_all(&head(file), &MARKS),
    }
}

fn read(file: &File<'_>) -> Found {
    let origin = Origin::of(NAME, file);
    found(values(file).into_iter().map(|Placed { line, value }| {
        (format!("line {line}"), value.and_then(|entry| one(origin, &entry)))
    }))
}

fn one(origin: Origin<'_>, entry: &Value) -> Result<Imported, String> {
    let fields = Fields::of(entry)?;
    let kept = without_lists(entry, &LISTS);
    let mut result = origin.draft("vllm bench serve".to_owned(), entry, kept);
    result.model.name = fields.required("model_id", Fields::text)?.to_owned();
    let completed = fields.required("completed", Fields::count)?;
    let sent = ("num_prompts", fields.count("num_prompts")?);
    result.requests = match fields.count("failed")? {
        Some(failed) => {
            let checked = draft::requests(("completed", completed), [failed, 0], sent)?;
            // A data set may hold fewer prompts than were asked for.
            let attempted = completed.saturating_add(failed);
            tokgate_core::run::Requests { attempted, ..checked }
        }
        // Older versions say only how many succeeded.
        None => {
            let mut all = draft::requests(("completed", completed), [0, 0], sent)?;
            all.failed = all.attempted - completed;
            all
        }
    };
    result.window_s = fields.number("duration")?.filter(|duration_s| *duration_s > 0.0);
    result.workers = fields.count("max_concurrency")?;
    let backend = backend(&fields)?;
    result.platform = platform(backend).to_owned();
    measured(&fields, &mut result)?;
    if let Some(label) = draft::said(fields.text("label")?) {
        note(&mut result, label);
    }
    if fields.get("input_sequence_throughput").is_some() {
        embeddings(&fields, backend, &mut result)?;
    } else {
        answers(&fields, backend, &mut result)?;
    }
    Ok(result)
}

/// `endpoint_type` is its older name.
fn backend<'a>(fields: &Fields<'a>) -> Result<&'a str, String> {
    let backend = fields.text("backend")?;
    Ok(backend.or(fields.text("endpoint_type")?).unwrap_or_default())
}

/// The back end says which protocol was spoken, and seldom what served it.
fn platform(backend: &str) -> &'static str {
    match backend {
        "tgi" => "tgi",
        "sglang" => "sglang",
        "llama.cpp" => "llama-cpp",
        "vllm" => "openai",
        other if other.starts_with("openai") => "openai",
        _ => UNKNOWN,
    }
}

fn measured(fields: &Fields<'_>, result: &mut Imported) -> Result<(), String> {
    let Some(date) = fields.text("date")? else { return Ok(()) };
    let us = draft::civil_us(date, Some("%Y%m%d-%H%M%S"));
    result.measured_us =
        Some(us.ok_or_else(|| {
            format!("`date` is {date:?}, expected a time such as 20261129-203533")
        })?);
    note(result, NO_ZONE);
    Ok(())
}

fn answers(fields: &Fields<'_>, backend: &str, result: &mut Imported) -> Result<(), String> {
    let n = result.requests.succeeded;
    for (field, metric) in [
        ("total_input_tokens", "prompt_tokens.mean"),
        ("total_output_tokens", "output_tokens.mean"),
    ] {
        let total = fields.count(field)?;
        figure(result, metric, total.map(|total| total as f64 / n as f64), n);
    }
    for (field, metric) in [
        ("output_throughput", "tok_s"),
        ("total_token_throughput", "total_tok_s"),
        ("request_throughput", "req_s"),
    ] {
        figure(result, metric, fields.number(field)?, n);
    }
    if STREAMED.contains(&backend) {
        statistics(fields, "ttft", "ttfr", result)?;
    }
    statistics(fields, "e2el", "e2e", result)?;
    note(result, DEFINITIONS);
    for text in fields.list("generated_texts")?.unwrap_or_default() {
        let answer = text.as_str().filter(|text| !text.is_empty());
        if result.samples.len() < SAMPLES {
            result.samples.extend(answer.map(str::to_owned));
        }
    }
    Ok(())
}

fn embeddings(fields: &Fields<'_>, backend: &str, result: &mut Imported) -> Result<(), String> {
    result.kind = Kind::Embedding;
    let n = result.requests.succeeded;
    figure(result, "req_s", fields.number("request_throughput")?, n);
    let total = fields.count("total_input_tokens")?;
    figure(result, "prompt_tokens.mean", total.map(|total| total as f64 / n as f64), n);
    figure(result, "prompt_tok_s", fields.number("total_token_throughput")?, n);
    let inputs_s = fields.number("input_sequence_throughput")?;
    if backend == "vllm-rerank" {
        note(result, "these are of reranking: how long it took stays in the entry");
    } else {
        figure(result, "inputs_s", inputs_s, n);
        statistics(fields, "e2el", "embed", result)?;
    }
    Ok(())
}

/// `mean_ttft_ms`, `median_ttft_ms`, `p99_ttft_ms`: milliseconds, over successes.
fn statistics(
    fields: &Fields<'_>,
    theirs: &str,
    ours: &str,
    result: &mut Imported,
) -> Result<(), String> {
    let n = result.requests.succeeded;
    for (word, stat) in [
        ("mean", "mean"),
        ("median", "p50"),
        ("p50", "p50"),
        ("p75", "p75"),
        ("p90", "p90"),
        ("p95", "p95"),
        ("p99", "p99"),
        ("p99.9", "p99.9"),
    ] {
        let ms = fields.number(&format!("{word}_{theirs}_ms"))?;
        figure(result, &format!("{ours}.{stat}"), ms.map(|ms| ms / 1e3), n);
    }
    Ok(())
}
