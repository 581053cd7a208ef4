//! guidellm's JSON: a list of `benchmarks`, one a rate or a number of streams. Its shape until 0.3
//! is another than from 0.4 on.

use super::draft::{self, Origin, figure, found, note, versioned, within, without_lists};
use super::values::{Placed, head, names_all, values};
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found, UNKNOWN};
use serde_json::Value;
use std::collections::BTreeSet;
use tokgate_core::imported::Imported;
use tokgate_core::run::Requests;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };

const NAME: &str = "guidellm";
/// What stands beside the list, and is kept with each of its entries.
const BESIDE: [&str; 3] = ["metadata", "args", "config"];
/// What lists every request.
const LISTS: [&str; 2] = ["requests", "request_samples"];
/// What is to be known of the figures.
const DEFINITIONS: &str = "percentiles are samples, not interpolated between two; request_latency \
     is to the end of the stream, and inter_token_latency_ms weights each request by its tokens: \
     these stay in the entry";

fn fits(file: &File<'_>) -> bool {
    let Some(value) = &file.json else { return is_torn(&head(file)) };
    let Some(benchmarks) = value.get("benchmarks").and_then(Value::as_array) else { return false };
    value.pointer("/metadata/guidellm_version").is_some() || benchmarks.iter().any(is_benchmark)
}

fn is_torn(head: &str) -> bool {
    names_all(head, &["benchmarks"])
        && ["guidellm_version", "generative_benchmark"].iter().any(|mark| names_all(head, &[mark]))
}

fn is_benchmark(entry: &Value) -> bool {
    entry.get("type_").and_then(Value::as_str) == Some("generative_benchmark")
}

fn read(file: &File<'_>) -> Found {
    let origin = Origin::of(NAME, file);
    found(values(file).into_iter().flat_map(|Placed { line, value }| match value {
        Ok(report) => benchmarks(origin, &report),
        Err(why) => vec![(format!("line {line}"), Err(why))],
    }))
}

/// Each entry of the list, with its place.
fn benchmarks(origin: Origin<'_>, report: &Value) -> Vec<(String, Result<Imported, String>)> {
    let list = report.get("benchmarks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let streams: BTreeSet<u64> = list.iter().filter_map(streams).collect();
    let varied = if streams.len() > 1 { "worker_optimization" } else { "single" };
    let read = |(index, entry)| {
        let read = one(origin, report, entry)
            .map(|result| Imported { benchmark_type: varied.to_owned(), ..result });
        (format!("benchmarks[{index}]"), read)
    };
    list.iter().enumerate().map(read).collect()
}

fn one(origin: Origin<'_>, report: &Value, entry: &Value) -> Result<Imported, String> {
    let fields = Fields::of(entry)?;
    let beside = |name: &&str| report.get(*name).map(|value| ((*name).to_owned(), value.clone()));
    let mut kept: serde_json::Map<String, Value> = BESIDE.iter().filter_map(beside).collect();
    kept.insert("benchmark".to_owned(), without_lists(entry, &LISTS));
    let version = report.pointer("/metadata/guidellm_version").and_then(Value::as_str);
    let mut result = origin.draft(versioned(NAME, version), entry, Value::Object(kept));
    served(report, entry, &mut result);
    result.workers = streams(entry);
    result.measured_us = fields.number("start_time")?.and_then(draft::since_1970_us);
    result.window_s = fields.number("duration")?.filter(|duration_s| *duration_s > 0.0);
    result.requests = requests(entry)?;
    let metrics = fields.required("metrics", Fields::object)?;
    within("metrics", figures(metrics, &mut result))?;
    note(&mut result, DEFINITIONS);
    for (field, what) in [("warmup_duration", "warm-up"), ("cooldown_duration", "cool-down")] {
        if fields.number(field)?.is_some_and(|seconds| seconds > 0.0) {
            note(&mut result, &format!("without its {what}"));
        }
    }
    Ok(result)
}

/// The first text at one of these places.
fn text<'a>(places: &[(&'a Value, &str)]) -> Option<&'a str> {
    places.iter().find_map(|(value, place)| draft::said(value.pointer(place)?.as_str()))
}

/// Who was asked, and through what.
fn served(report: &Value, entry: &Value, result: &mut Imported) {
    let model = text(&[
        (entry, "/config/backend/model"),
        (entry, "/worker/backend_model"),
        (report, "/config/spec/backend/model"),
        (report, "/args/model"),
    ]);
    if let Some(model) = model {
        result.model.name = model.to_owned();
    }
    let target = text(&[
        (entry, "/config/backend/target"),
        (entry, "/worker/backend_target"),
        (report, "/config/spec/backend/target"),
        (report, "/args/target"),
    ]);
    result.endpoint = target.map(str::to_owned);
    let backend = text(&[
        (entry, "/config/backend/kind"),
        (entry, "/worker/backend_type"),
        (report, "/config/spec/backend/kind"),
        (report, "/args/backend"),
    ]);
    result.platform = match backend.unwrap_or_default() {
        backend if backend.starts_with("openai") => "openai",
        backend if backend.starts_with("vllm_python") => "vllm-offline",
        _ => UNKNOWN,
    }
    .to_owned();
}

/// How many streams ran side by side, where that is what the strategy sets.
fn streams(entry: &Value) -> Option<u64> {
    let strategy =
        ["/config/strategy", "/args/strategy"].iter().find_map(|at| entry.pointer(at))?;
    match strategy.get("type_").and_then(Value::as_str) {
        Some("synchronous") => Some(1),
        Some("concurrent") => strategy.get("streams").and_then(Value::as_u64),
        _ => None,
    }
}

fn requests(entry: &Value) -> Result<Requests, String> {
    let places = [
        "/metrics/request_totals",
        "/request_totals",
        "/scheduler_metrics/requests_made",
        "/run_stats/requests_made",
    ];
    let told = places.iter().find_map(|place| Some((*place, entry.pointer(place)?)));
    let (place, told) = told.ok_or("there is no `request_totals`")?;
    let name = place.rsplit('/').next().unwrap_or_default();
    within(name, totals(told))
}

fn totals(told: &Value) -> Result<Requests, String> {
    let fields = Fields::of(told)?;
    let succeeded = fields.required("successful", Fields::count)?;
    let count = |name| Ok::<u64, String>(fields.count(name)?.unwrap_or_default());
    let others = [count("errored")?, count("incomplete")?];
    draft::requests(("successful", succeeded), others, ("total", fields.count("total")?))
}

fn figures(metrics: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    for (theirs, ours, scale, stats) in [
        ("prompt_token_count", "prompt_tokens", 1.0, &["mean"][..]),
        ("output_token_count", "output_tokens", 1.0, &["mean"][..]),
        ("time_to_first_token_ms", "ttft", 1e-3, &["mean", "min", "max"][..]),
    ] {
        let Some(by_outcome) = metrics.object(theirs)? else { continue };
        let Some(told) = within(theirs, by_outcome.object("successful"))? else { continue };
        within(theirs, statistics(told, (ours, scale), stats, result))?;
    }
    Ok(())
}

/// What is unknown of a request counts as 0 there: then there is no figure.
fn statistics(
    told: Fields<'_>,
    (ours, scale): (&str, f64),
    stats: &[&str],
    result: &mut Imported,
) -> Result<(), String> {
    let n = told.count("count")?.unwrap_or(result.requests.succeeded);
    let known = told.number("min")?.is_some_and(|least| least > 0.0);
    for stat in stats {
        let value = told.number(stat)?.filter(|_| known);
        figure(result, &format!("{ours}.{stat}"), value.map(|value| value * scale), n);
    }
    Ok(())
}
