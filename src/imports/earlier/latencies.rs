//! The result files of the old latency scripts: of which is documented what they measure, and not how
//! they write it. So names are taken in several usual forms, and what has none of them stays in the
//! entry.
//!
//! Documented are: latency (end to end) by min, max, mean, median, p90, p95 and p99; tokens a second while
//! decoding; time to first token; tokens generated in all. Times without a unit are seconds.

use super::draft::{Origin, figure, json, nothing, said, without_nulls};
use super::entries::one_of;
use super::moment::moment;
use crate::imports::fields::Fields;
use crate::imports::{BadEntry, File, Format, Found};
use serde_json::{Value, json};
use tokgate_core::imported::Imported;
use tokgate_core::metric::{self, Metric, Stat};
use tokgate_core::run::Requests;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };
const NAME: &str = "latency-json";
const TOOL: &str = "basic_benchmark.py";

const LATENCY: Named =
    Named { metric: &metric::E2E, names: &["latency", "e2e_latency", "end_to_end_latency", "e2e"] };
const TTFT: Named = Named { metric: &metric::TTFT, names: &["ttft", "time_to_first_token"] };
const DECODE: Named =
    Named { metric: &metric::DECODE_RATE, names: &["tps", "tokens_per_second", "tokens_per_sec"] };
const STATS: [(&str, Stat); 12] = [
    ("min", Stat::Min),
    ("max", Stat::Max),
    ("mean", Stat::Mean),
    ("avg", Stat::Mean),
    ("average", Stat::Mean),
    ("median", Stat::P50),
    ("p50", Stat::P50),
    ("p75", Stat::P75),
    ("p90", Stat::P90),
    ("p95", Stat::P95),
    ("p99", Stat::P99),
    ("p999", Stat::P999),
];
/// Endings that name a unit, with what a second has of it.
const UNITS: [(&str, f64); 5] =
    [("", 1.0), ("_s", 1.0), ("_sec", 1.0), ("_seconds", 1.0), ("_ms", 1000.0)];
const REQUESTS: &[&str] = &["num_requests", "total_requests", "requests", "count"];
const SUCCEEDED: &[&str] = &["successful_requests", "successful", "success_count", "succeeded"];
const FAILED: &[&str] = &["failed_requests", "failed", "failure_count", "errors"];
const TOTAL_TIME: &[&str] = &[
    "total_time",
    "total_time_s",
    "total_time_seconds",
    "total_duration",
    "duration_s",
    "duration_seconds",
];
const TOTAL_TOKENS: &[&str] = &["total_tokens", "total_tokens_generated", "tokens_generated"];
const WORKERS: &[&str] = &["num_workers", "workers", "concurrent_workers", "concurrency"];
const MODEL: &[&str] = &["model", "model_name"];
const WHEN: &[&str] = &["timestamp", "date", "created_at"];
/// How deep entries lie at most: file, experiment, group, entry.
const DEEPEST: usize = 4;
/// What an experiment varies, by a word of its name.
const VARIED: [(&str, &str); 4] = [
    ("prompt", "prompt_length"),
    ("temperature", "temperature"),
    ("concurren", "worker_optimization"),
    ("resource", "resource_monitoring"),
];

/// A metric, and what it is called.
struct Named {
    metric: &'static Metric,
    names: &'static [&'static str],
}

impl Named {
    /// A statistic of it: `{"latency": {"p95": 1}}`, `latency_p95`, `p95_latency`; names and statistics
    /// may end in a unit.
    fn read(&self, entry: &Fields<'_>, stat: &str) -> Result<Option<f64>, String> {
        for name in self.names {
            for (unit, per_second) in UNITS {
                if let Some(group) = grouped(entry, &format!("{name}{unit}")) {
                    for (own, own_per_second) in UNITS {
                        let scale = if own.is_empty() { per_second } else { own_per_second };
                        if let Some(value) = group.number(&format!("{stat}{own}"))? {
                            return Ok(Some(value / scale));
                        }
                    }
                }
                for flat in [format!("{name}_{stat}{unit}"), format!("{stat}_{name}{unit}")] {
                    if let Some(value) = entry.number(&flat)? {
                        return Ok(Some(value / per_second));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The one number that there is, which is taken for the mean.
    fn alone(&self, entry: &Fields<'_>) -> Option<f64> {
        let mut all = self
            .names
            .iter()
            .flat_map(|name| UNITS.map(|(unit, scale)| (format!("{name}{unit}"), scale)));
        all.find_map(|(name, scale)| Some(entry.get(&name)?.as_f64()? / scale))
    }
}

fn grouped<'a>(entry: &Fields<'a>, name: &str) -> Option<Fields<'a>> {
    entry.get(name).and_then(|value| Fields::of(value).ok())
}

/// Whether it tells how a latency was spread; one number alone may be one request.
fn is_entry(value: &Value) -> bool {
    let Ok(entry) = Fields::of(value) else { return false };
    STATS.iter().any(|(stat, _)| !matches!(LATENCY.read(&entry, stat), Ok(None)))
}

/// An entry, where it stands, and what stands around it.
struct Placed<'a> {
    place: String,
    entry: &'a Value,
}

fn placed<'a>(value: &'a Value, place: &str, depth: usize, found: &mut Vec<Placed<'a>>) {
    if is_entry(value) {
        let place = if place.is_empty() { "the file" } else { place };
        return found.push(Placed { place: place.to_owned(), entry: value });
    }
    if depth == DEEPEST {
        return;
    }
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                placed(item, &format!("{place}[{at}]"), depth + 1, found);
            }
        }
        Value::Object(fields) => {
            let dot = if place.is_empty() { "" } else { "." };
            for (name, inner) in fields {
                placed(inner, &format!("{place}{dot}{name}"), depth + 1, found);
            }
        }
        _ => {}
    }
}

fn all(json: &Value) -> Vec<Placed<'_>> {
    let mut found = Vec::new();
    placed(json, "", 0, &mut found);
    found
}

fn fits(file: &File<'_>) -> bool {
    file.json.as_ref().is_some_and(|json| !all(json).is_empty())
}

fn read(file: &File<'_>) -> Found {
    let document = match json(file) {
        Ok(document) => document,
        Err(found) => return found,
    };
    let entries = all(document);
    if entries.is_empty() {
        return nothing("the file", "no entry of it says how a latency was spread".to_owned());
    }
    let mut found = Found::default();
    for Placed { place, entry } in entries {
        match one(document, &place, entry, file.name) {
            Ok(result) => found.results.push(result),
            Err(why) => found.bad.push(BadEntry { place, why }),
        }
    }
    found
}

fn one(document: &Value, place: &str, entry: &Value, file: &str) -> Result<Imported, String> {
    let (around, fields) = (Fields::of(document).ok(), Fields::of(entry)?);
    let text = |names: &[&'static str]| -> Result<Option<String>, String> {
        let own = said(fields.text(one_of(&fields, names))?);
        let outer = around.as_ref().and_then(|around| around.get(one_of(around, names)));
        Ok(own.or_else(|| said(outer.and_then(Value::as_str))))
    };
    let when = fields
        .get(one_of(&fields, WHEN))
        .or_else(|| around.and_then(|around| around.get(one_of(&around, WHEN))));
    let model = text(MODEL)?;
    // The same numbers may be of another place, model or time.
    let identity =
        json!({ "place": place, "model": model, "when": when, "entry": without_nulls(entry) });
    let origin = Origin { tool: TOOL, format: NAME, family: NAME, file };
    let mut result = origin
        .draft(&identity, json!({ "place": place, "entry": entry, "model": model, "when": when }));
    result.model.name = model.unwrap_or(result.model.name);
    // A file's name may stand there, too: what is no time is none.
    result.measured_us = when.and_then(|when| moment(when).ok()).map(|moment| moment.us);
    result.workers = fields.count(one_of(&fields, WORKERS))?.filter(|workers| *workers > 0);
    result.requests = requests(&fields)?;
    result.window_s = fields.number(one_of(&fields, TOTAL_TIME))?.filter(|seconds| *seconds > 0.0);
    if let Some((_, varied)) = VARIED.iter().find(|(word, _)| place.contains(word)) {
        result.benchmark_type = (*varied).to_owned();
    }
    measured(&mut result, &fields)?;
    Ok(result)
}

fn requests(fields: &Fields<'_>) -> Result<Requests, String> {
    let count = |names: &[&'static str]| match fields.get(one_of(fields, names)) {
        // `requests` and `errors` may also list them.
        Some(Value::Array(items)) => Ok(Some(items.len() as u64)),
        _ => fields.count(one_of(fields, names)),
    };
    let (all, succeeded, failed) = (count(REQUESTS)?, count(SUCCEEDED)?, count(FAILED)?);
    let failed = failed.unwrap_or_default();
    let succeeded = succeeded.or(all.map(|all| all.saturating_sub(failed))).unwrap_or_default();
    let sum = succeeded.saturating_add(failed);
    let attempted = all.unwrap_or(sum);
    match sum > attempted {
        true => Err(format!("{succeeded} requests succeeded and {failed} failed, of {attempted}")),
        false => Ok(Requests { attempted, succeeded, failed, incomplete: attempted - sum }),
    }
}

fn measured(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    for named in [&LATENCY, &TTFT, &DECODE] {
        for (name, stat) in STATS {
            let told = result
                .figures
                .iter()
                .any(|told| told.metric.metric == named.metric && told.metric.stat == stat);
            let value = named.read(fields, name)?.filter(|_| !told);
            figure(result, named.metric, stat, value);
        }
        let none = !result.figures.iter().any(|told| told.metric.metric == named.metric);
        let alone = named.alone(fields).filter(|value| none && *value >= 0.0);
        figure(result, named.metric, Stat::Mean, alone);
    }
    let tokens = fields.number(one_of(fields, TOTAL_TOKENS))?;
    let tok_s = tokens.zip(result.window_s).map(|(tokens, window_s)| tokens / window_s);
    figure(result, &metric::TOK_S, Stat::Value, tok_s);
    Ok(())
}
