//! A row of the `benchmark_results` that people had before, whether a database, an export or a REST
//! answer holds it.

use super::draft::{Origin, figure, note, said, without_nulls};
use super::entries::{has_each, one_of};
use super::moment::moment;
use crate::imports::fields::Fields;
use serde_json::{Map, Value};
use tokgate_core::imported::{Imported, ImportedHardware};
use tokgate_core::metric::{self, Stat};
use tokgate_core::run::Requests;

/// Who wrote such rows.
const TOOL: &str = "benchmark_models.py";
/// Rows of a database and of its export are the same rows.
const FAMILY: &str = "old-rows";

const MODEL: &[&str] = &["model_name", "model"];
const WORKERS: &[&str] = &["num_workers", "workers"];
const REQUESTS: &[&str] = &["num_requests", "test_size"];
const RATE: &[&str] = &["requests_per_second", "rate_req_per_sec"];
const EACH: &[&str] = &["time_per_request_seconds", "time_per_request_sec"];
const SUCCESS: &[&str] = &["success_rate", "success_rate_pct"];
const WHEN: &[&str] = &["created_at", "last_benchmarked", "date"];
/// Columns that hold JSON as text.
const DOCUMENTS: [&str; 2] = ["sample_responses", "hardware_info"];
/// What says where a row lies, or follows from what was asked: the same row without it is the same.
const NO_PART: [&str; 5] =
    ["id", "estimated_time_hours", "estimated_time_days", "speedup_vs_slowest", "time_saved_hours"];

/// Whether this may be such a row.
pub(super) fn is_row(value: &Value) -> bool {
    const MEASURED: &[&str] = &[
        "requests_per_second",
        "rate_req_per_sec",
        "total_time_seconds",
        "time_per_request_seconds",
    ];
    has_each(value, &[MODEL, MEASURED]) && !has_each(value, &[&["test_id"]])
}

/// Reads a row; `format` and `file` say where it stands.
///
/// # Errors
/// When it names no model, says nothing that was measured, or says what cannot be.
pub(super) fn read(row: &Value, format: &'static str, file: &str) -> Result<Imported, String> {
    let row = opened(Fields::of(row).map(|_| row)?);
    let fields = Fields::of(&row)?;
    let origin = Origin { tool: TOOL, format, family: FAMILY, file };
    let mut result = origin.draft(&identity(&row), row.clone());
    let name = fields.required(one_of(&fields, MODEL), Fields::text)?;
    result.model.name = said(Some(name)).ok_or("its model has no name")?;
    result.model.size_params = said(fields.text("model_size_params")?);
    result.model.size_bytes = fields.count("model_size_bytes")?;
    result.model.context_window = fields.count("context_window")?;
    result.workers = fields.count(one_of(&fields, WORKERS))?.filter(|workers| *workers > 0);
    result.requests = requests(&fields)?;
    measured(&mut result, &fields)?;
    let when = fields.get(one_of(&fields, WHEN)).map(moment).transpose()?;
    result.measured_us = when.map(|when| when.us);
    if let Some(varied) = said(fields.text("benchmark_type")?) {
        result.benchmark_type = varied;
    }
    result.samples = samples(&fields)?;
    result.hardware = hardware(&fields)?;
    if let Some(notes) = said(fields.text("notes")?) {
        note(&mut result, &notes);
    }
    Ok(result)
}

/// The window, the lengths, and a rate where there is no window to count it over.
fn measured(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    let above_0 = |seconds: &f64| *seconds > 0.0;
    let (total_s, each_s) =
        (fields.number("total_time_seconds")?, fields.number(one_of(fields, EACH))?);
    let rate = fields.number(one_of(fields, RATE))?;
    result.window_s = total_s.filter(above_0);
    let attempted = result.requests.attempted;
    if let (None, Some(each_s)) = (result.window_s, each_s.filter(above_0))
        && attempted > 0
    {
        result.window_s = Some(each_s * attempted as f64);
        note(result, "its window is its requests times the time of one, as they are written");
    }
    if result.window_s.is_none() {
        if rate.is_none() && attempted == 0 {
            return Err("it says neither requests nor a time nor a rate".to_owned());
        }
        figure(result, &metric::REQ_S, Stat::Value, rate);
    }
    for (name, metric) in [
        ("avg_prompt_tokens", &metric::PROMPT_TOKENS),
        ("avg_completion_tokens", &metric::OUTPUT_TOKENS),
    ] {
        let mean = fields.number(name)?;
        figure(result, metric, Stat::Mean, mean);
    }
    Ok(())
}

/// The counts; those that are not there follow from the others.
fn requests(fields: &Fields<'_>) -> Result<Requests, String> {
    let written = fields.count(one_of(fields, REQUESTS))?;
    let percent = fields.number(one_of(fields, SUCCESS))?;
    if let Some(percent) = percent.filter(|percent| *percent > 100.0) {
        return Err(format!("{percent} % of its requests succeeded"));
    }
    let failed = fields.count("failed_requests")?;
    let of_all = |percent: f64| Some((written? as f64 * percent / 100.0).round() as u64);
    let succeeded = fields.count("successful_requests")?.or_else(|| of_all(percent?));
    let succeeded =
        succeeded.or_else(|| written.zip(failed).map(|(all, failed)| all.saturating_sub(failed)));
    let succeeded = succeeded.unwrap_or_default();
    let sum = succeeded.saturating_add(failed.unwrap_or_default());
    let attempted = written.unwrap_or(sum);
    if sum > attempted {
        return Err(format!(
            "{succeeded} requests succeeded and {} failed, of {attempted}",
            failed.unwrap_or_default()
        ));
    }
    let failed = failed.unwrap_or(attempted - succeeded);
    Ok(Requests { attempted, succeeded, failed, incomplete: attempted - succeeded - failed })
}

/// The first answers; those that are no text as JSON.
fn samples(fields: &Fields<'_>) -> Result<Vec<String>, String> {
    let answers = match fields.get("sample_responses") {
        Some(Value::String(text)) => return Ok(said(Some(text)).into_iter().collect()),
        _ => fields.list("sample_responses")?.unwrap_or_default(),
    };
    let text = |answer: &Value| answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
    Ok(answers.iter().map(text).collect())
}

/// The GPU's name, where what is written of the hardware has it under a usual one.
fn hardware(fields: &Fields<'_>) -> Result<ImportedHardware, String> {
    let Some(Value::Object(_)) = fields.get("hardware_info") else {
        return Ok(ImportedHardware::default());
    };
    let Some(told) = fields.object("hardware_info")? else {
        return Ok(ImportedHardware::default());
    };
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| told.get(name).and_then(Value::as_str));
        said(found)
    };
    Ok(ImportedHardware {
        gpu: text(&["gpu_name", "gpu_model", "gpu"]),
        cpu: text(&["cpu_model", "cpu"]),
        ..ImportedHardware::default()
    })
}

/// The row with the JSON that its texts hold.
fn opened(row: &Value) -> Value {
    let mut row = row.clone();
    if let Value::Object(fields) = &mut row {
        for name in DOCUMENTS {
            let held = fields.get(name).and_then(Value::as_str).map(serde_json::from_str::<Value>);
            if let Some(Ok(held)) = held {
                fields.insert(name.to_owned(), held);
            }
        }
    }
    row
}

fn identity(row: &Value) -> Value {
    let mut row = without_nulls(row);
    if let Value::Object(fields) = &mut row {
        let kept: Map<String, Value> = std::mem::take(fields)
            .into_iter()
            .filter(|(name, _)| !NO_PART.contains(&name.as_str()))
            .collect();
        *fields = kept;
    }
    row
}
