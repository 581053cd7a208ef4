//! AIPerf's `profile_export_aiperf.json`: one object a run, each metric with its unit. The first
//! versions keep the metrics in `records`.

use super::draft::{self, NO_ZONE, Origin, figure, found, note, versioned, within};
use super::values::{Placed, head, names_all, values};
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found};
use serde_json::Value;
use tokgate_core::imported::Imported;
use tokgate_core::metric::Kind;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };

const NAME: &str = "aiperf";
/// Metrics that every run has.
const MARKS: [&str; 2] = ["request_count", "request_latency"];
/// Theirs and ours, where they are the same.
const DISTRIBUTIONS: [(&str, &str); 7] = [
    ("time_to_first_token", "ttft"),
    ("ttft", "ttft"),
    ("inter_token_latency", "tpot"),
    ("inter_chunk_latency", "itl"),
    ("request_latency", "e2e"),
    ("input_sequence_length", "prompt_tokens"),
    ("output_sequence_length", "output_tokens"),
];
/// One value a run.
const RATES: [(&str, &str); 3] = [
    ("output_token_throughput", "tok_s"),
    ("total_token_throughput", "total_tok_s"),
    ("request_throughput", "req_s"),
];
/// Statistics, theirs and ours; percentiles are interpolated as ours are.
const STATISTICS: [(&str, &str); 8] = [
    ("avg", "mean"),
    ("min", "min"),
    ("p50", "p50"),
    ("p75", "p75"),
    ("p90", "p90"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("max", "max"),
];
/// What is to be known of the window.
const WINDOW: &str = "its duration ends with the last content of a success, not with the last end \
     of any request";
/// And of tokens, where AIPerf counted them.
const COUNTED: &str = "tokens are counted by AIPerf's tokenizer, not by the target";

fn fits(file: &File<'_>) -> bool {
    let Some(value) = &file.json else {
        let head = head(file);
        return names_all(&head, &MARKS)
            && (names_all(&head, &["aiperf_version"]) || names_all(&head, &["input_config"]));
    };
    let metrics = value.get("records").unwrap_or(value);
    value.get("input_config").is_some() && MARKS.iter().any(|mark| metrics.get(mark).is_some())
}

fn read(file: &File<'_>) -> Found {
    let origin = Origin::of(NAME, file);
    found(values(file).into_iter().map(|Placed { line, value }| {
        (format!("line {line}"), value.and_then(|entry| one(origin, &entry)))
    }))
}

fn one(origin: Origin<'_>, entry: &Value) -> Result<Imported, String> {
    let fields = Fields::of(entry)?;
    let metrics = fields.object("records")?.unwrap_or(fields);
    let version = fields.text("aiperf_version")?;
    let mut result = origin.draft(versioned("AIPerf", version), entry, entry.clone());
    let config = entry.get("input_config").unwrap_or(&Value::Null);
    asked(config, &mut result);
    measured(fields, metrics, &mut result)?;
    counted(metrics, &mut result)?;
    window(metrics, &mut result)?;
    if result.kind == Kind::Embedding {
        embeddings(metrics, &mut result)?;
    } else {
        answers(metrics, &mut result)?;
    }
    if !counts_of_the_server(config) {
        note(&mut result, COUNTED);
    }
    if fields.get("was_cancelled") == Some(&Value::Bool(true)) {
        note(&mut result, "it was cancelled");
    }
    Ok(result)
}

fn counts_of_the_server(config: &Value) -> bool {
    let said = config.pointer("/endpoint/use_server_token_count");
    said.and_then(Value::as_bool).unwrap_or_default()
}

/// Who was asked, and how.
fn asked(config: &Value, result: &mut Imported) {
    let names = |at: &str| config.pointer(at).and_then(Value::as_array);
    let items = names("/models/items").into_iter().flatten().filter_map(|item| item.get("name"));
    let earlier = names("/endpoint/model_names").into_iter().flatten();
    let models: Vec<&str> = items.chain(earlier).filter_map(Value::as_str).collect();
    if !models.is_empty() {
        result.model.name = models.join(", ");
    }
    let url = ["/endpoint/urls/0", "/endpoint/url"].iter().find_map(|at| config.pointer(at));
    result.endpoint = url.and_then(Value::as_str).map(str::to_owned);
    let endpoint = config.pointer("/endpoint/type").and_then(Value::as_str).unwrap_or_default();
    match endpoint {
        "chat" | "completions" | "responses" => result.platform = "openai".to_owned(),
        "embeddings" => {
            result.platform = "openai".to_owned();
            result.kind = Kind::Embedding;
        }
        _ => {}
    }
    result.workers = workers(config);
}

fn workers(config: &Value) -> Option<u64> {
    let earlier = config.pointer("/loadgen/concurrency");
    let measured = |phase: &&Value| phase.get("kind").is_none_or(|kind| kind == "profiling");
    let phases = config.get("phases").and_then(Value::as_array).into_iter().flatten();
    let phase = phases.filter(measured).find_map(|phase| phase.get("concurrency"));
    phase.or(earlier).and_then(Value::as_u64)
}

fn measured(fields: Fields<'_>, metrics: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    if let Some(ns) = average(metrics, "min_request_timestamp")? {
        result.measured_us = draft::since_1970_us(ns / 1e9);
        return Ok(());
    }
    let Some(text) = fields.text("start_time")? else { return Ok(()) };
    let (civil, zoned) = (draft::civil_us(text, None), draft::zoned_us(text));
    if zoned.is_none() && civil.is_some() {
        note(result, NO_ZONE);
    }
    let us = zoned.or(civil).ok_or_else(|| format!("`start_time` is {text:?}, which is no time"));
    result.measured_us = Some(us?);
    Ok(())
}

fn counted(metrics: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    let count = |name| -> Result<Option<u64>, String> {
        let Some(metric) = metrics.object(name)? else { return Ok(None) };
        within(name, metric.count("avg"))
    };
    // Of successes alone; a run without one says nothing of it.
    let succeeded = count("request_count")?.unwrap_or_default();
    let failed = count("error_request_count")?.unwrap_or_default();
    let all = ("completed_request_count", count("completed_request_count")?);
    result.requests = draft::requests(("request_count", succeeded), [failed, 0], all)?;
    Ok(())
}

/// The first versions do not say it: there it follows from the rate of requests, which is made of it.
fn window(metrics: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    let duration = match metrics.object("benchmark_duration")? {
        Some(told) => within("benchmark_duration", seconds(told, "avg"))?,
        None => {
            let rate = average(metrics, "request_throughput")?.filter(|rate| *rate > 0.0);
            rate.map(|rate| result.requests.succeeded as f64 / rate)
        }
    };
    result.window_s = duration.filter(|duration_s| *duration_s > 0.0);
    if result.window_s.is_some() {
        note(result, WINDOW);
    }
    Ok(())
}

fn average(metrics: Fields<'_>, name: &str) -> Result<Option<f64>, String> {
    let Some(metric) = metrics.object(name)? else { return Ok(None) };
    within(name, metric.number("avg"))
}

fn answers(metrics: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    rates(metrics, &RATES, result)?;
    for (theirs, ours) in DISTRIBUTIONS {
        if let Some(metric) = metrics.object(theirs)? {
            within(theirs, distribution(metric, ours, result))?;
        }
    }
    Ok(())
}

fn embeddings(metrics: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    rates(metrics, &RATES[2..], result)?;
    if let Some(lengths) = metrics.object("input_sequence_length")? {
        within("input_sequence_length", distribution(lengths, "prompt_tokens", result))?;
    }
    Ok(())
}

fn rates(metrics: Fields<'_>, rates: &[(&str, &str)], result: &mut Imported) -> Result<(), String> {
    for (theirs, ours) in rates {
        let n = result.requests.succeeded;
        figure(result, ours, average(metrics, theirs)?, n);
    }
    Ok(())
}

fn distribution(metric: Fields<'_>, ours: &str, result: &mut Imported) -> Result<(), String> {
    // Until the number of samples was written: one a request, but not of gaps between chunks.
    let otherwise = if ours == "itl" { None } else { Some(result.requests.succeeded) };
    let n = metric.count("count")?.or(otherwise).unwrap_or_default();
    for (theirs, stat) in STATISTICS {
        let value = if ours.ends_with("_tokens") {
            metric.number(theirs)?
        } else {
            seconds(metric, theirs)?
        };
        figure(result, &format!("{ours}.{stat}"), value, n);
    }
    Ok(())
}

/// A time in the metric's own unit, as seconds.
fn seconds(metric: Fields<'_>, name: &str) -> Result<Option<f64>, String> {
    let value = metric.number(name)?;
    let scale = match metric.required("unit", Fields::text)? {
        "sec" | "s" => 1.0,
        "ms" => 1e3,
        "us" => 1e6,
        "ns" => 1e9,
        other => return Err(format!("`unit` is {other:?}, expected sec, ms, us or ns")),
    };
    Ok(value.map(|value| value / scale))
}
