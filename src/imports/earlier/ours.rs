//! A row of tokgate's own export: an epoch that another tokgate measured, or a result that it imported.

use super::draft::{Origin, note, said};
use crate::imports::digest::digest;
use crate::imports::fields::Fields;
use serde_json::{Map, Value, json};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::imported::{Figure, Imported};
use tokgate_core::metric::{Kind, MetricRef};
use tokgate_core::run::Requests;

/// What all that tells of our epochs is told apart by.
const FAMILY: &str = "tokgate";
/// How the run is called as which an imported result is kept, before the digits of its digest.
const IMPORTED_RUN: &str = "imported-";
const DIGITS: usize = 16;

/// What names one of our epochs wherever its export or its metadata goes: its `test_id`, which is
/// nobody else's.
pub(in crate::imports) fn digest_of(test_id: &str) -> String {
    digest(FAMILY, &json!({ "test_id": test_id }))
}

/// The same of a row; what was imported keeps the digest under which it was.
pub(super) fn digest_of_row(test_id: &str, run_id: Option<&str>) -> String {
    let digits = run_id.and_then(|run| run.strip_prefix(IMPORTED_RUN));
    let is_digest = |digits: &&str| {
        digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    digits.filter(is_digest).map_or_else(|| digest_of(test_id), str::to_owned)
}

/// Reads a row; `tool`, `format` and `file` say where it comes from.
///
/// # Errors
/// When what every row has is not there, or cannot be.
pub(super) fn read(row: &Value, tool: &str, format: &str, file: &str) -> Result<Imported, String> {
    let row = spoken(row)?;
    let fields = Fields::of(&row)?;
    let origin = Origin { tool, format, family: FAMILY, file };
    let mut result = origin.draft(&Value::Null, row.clone());
    let text = |name| fields.required(name, Fields::text).map(str::to_owned);
    result.source.digest = digest_of_row(&text("test_id")?, fields.text("run_id")?);
    result.platform = text("platform")?;
    result.model.name = text("model_name")?;
    result.benchmark_type = text("benchmark_type")?;
    result.kind = word::<Kind>(&fields, "kind")?.ok_or("there is no `kind`")?;
    result.task_category = word::<Category>(&fields, "task_category")?;
    let started =
        fields.get("started_us").map(|us| us.as_i64().ok_or("`started_us` is no whole number"));
    result.measured_us = started.transpose()?;
    result.engine = said(fields.text("engine")?).unwrap_or_default();
    result.endpoint = said(fields.text("endpoint")?);
    result.model.size_params = said(fields.text("model_size_params")?);
    result.model.size_bytes = fields.count("model_size_bytes")?;
    result.model.quantization = said(fields.text("quantization")?);
    result.model.context_window = fields.count("context_window")?;
    result.workers = fields.count("num_workers")?.filter(|workers| *workers > 0);
    result.requests = requests(&fields)?;
    result.window_s = fields.number("total_time_seconds")?.filter(|seconds| *seconds > 0.0);
    hardware(&mut result, &fields)?;
    figures(&mut result, &fields)?;
    for answer in fields.list("sample_responses")?.unwrap_or_default() {
        result.samples.push(answer.as_str().ok_or("an answer is no text")?.to_owned());
    }
    result.notes = fields.text("notes")?.unwrap_or_default().to_owned();
    standing(&mut result, &fields)?;
    Ok(result)
}

/// The row without what says nothing, so that it is the same from JSON and from CSV; its number is
/// that of another database.
fn spoken(row: &Value) -> Result<Value, String> {
    let fields = row.as_object().ok_or_else(|| "it is no object".to_owned())?;
    let says = |value: &Value| !value.is_null() && value.as_str() != Some("");
    let kept = fields.iter().filter(|(name, value)| *name != "id" && says(value));
    Ok(Value::Object(
        kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>(),
    ))
}

/// One of a closed set of words.
fn word<T: serde::de::DeserializeOwned>(
    fields: &Fields<'_>,
    name: &str,
) -> Result<Option<T>, String> {
    let word = fields.get(name).cloned().map(serde_json::from_value);
    word.transpose().map_err(|why| format!("`{name}`: {why}"))
}

fn requests(fields: &Fields<'_>) -> Result<Requests, String> {
    let count = |name| fields.required(name, Fields::count);
    let requests = Requests {
        attempted: count("num_requests")?,
        succeeded: count("successful_requests")?,
        failed: count("failed_requests")?,
        incomplete: fields.count("incomplete_requests")?.unwrap_or_default(),
    };
    let Requests { attempted, succeeded, failed, incomplete } = requests;
    match succeeded.saturating_add(failed).saturating_add(incomplete) <= attempted {
        true => Ok(requests),
        false => Err(format!("{succeeded} requests succeeded and {failed} failed, of {attempted}")),
    }
}

fn hardware(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    let hardware = &mut result.hardware;
    hardware.instance = said(fields.text("instance")?);
    hardware.gpu = said(fields.text("gpu_name")?);
    hardware.gpus = fields.count("gpu_count")?.and_then(|gpus| u32::try_from(gpus).ok());
    hardware.vram_bytes = fields.count("gpu_vram_bytes")?;
    hardware.hourly_usd = fields.number("hourly_usd")?;
    let whole = fields.get("hardware_info");
    let cpu = whole.and_then(|whole| whole.get("cpu_model").or_else(|| whole.get("cpu")));
    hardware.cpu = said(cpu.and_then(Value::as_str));
    Ok(())
}

/// A metric that this version does not know stays in the entry.
fn figures(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    let Some(metrics) = fields.get("metrics") else { return Ok(()) };
    let all = metrics.as_object().ok_or("`metrics` is no object")?;
    for (name, told) in all {
        let Ok(metric) = name.parse::<MetricRef>() else { continue };
        let told = Fields::of(told).map_err(|why| format!("`metrics.{name}`: {why}"))?;
        let value = told.get("value").and_then(Value::as_f64);
        let value = value.ok_or_else(|| format!("`metrics.{name}` has no value"))?;
        let n = told.count("n")?.unwrap_or_default();
        result.figures.push(Figure { metric, value, n, interval: None });
    }
    Ok(())
}

/// What was not to be compared where it was measured is not here, either.
fn standing(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    if fields.text("validity")?.is_some_and(|validity| validity != "VALID") {
        result.window_s = None;
        note(result, "it was INVALID where it was measured: it is not compared");
    }
    if fields.text("driver")? == Some("simulated") {
        result.platform = "simulated".to_owned();
    }
    if let Some(first) = said(fields.text("imported_from")?) {
        note(result, &format!("first imported from {first}"));
    }
    Ok(())
}
