//! `metadata/*.json`: what describes one test, by the script of the time and by tokgate.

use super::draft::{Origin, bytes, each, figure, json, note, nothing, said, without_nulls};
use super::entries::{Placed, entries, has_each, one_of};
use super::moment::{NO_ZONE, moment};
use super::ours::digest_of_row;
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found};
use serde_json::Value;
use tokgate_core::imported::Imported;
use tokgate_core::metric::{self, Stat};
use tokgate_core::run::Requests;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };
const NAME: &str = "metadata";
/// By how much a throughput may differ from its tokens and its time: the averages are rounded.
const ROUNDING: f64 = 0.01;

fn fits(file: &File<'_>) -> bool {
    file.json.as_ref().is_some_and(|json| !found(json).is_empty())
}

fn found(json: &Value) -> Vec<Placed<'_>> {
    entries(json, is_metadata)
}

fn is_metadata(value: &Value) -> bool {
    has_each(value, &[&["test_id"], &["platform"], &["model"], &["results"]])
        && value["results"].is_object()
}

fn read(file: &File<'_>) -> Found {
    match json(file).map(found) {
        Ok(entries) if entries.is_empty() => {
            nothing("the file", "it has no `test_id`, `platform`, `model` and `results`".to_owned())
        }
        Ok(entries) => each(entries, |entry| one(entry, file.name)),
        Err(found) => found,
    }
}

fn one(entry: &Value, file: &str) -> Result<Imported, String> {
    let fields = Fields::of(entry)?;
    // Ours says which version of its keys it has.
    let ours = fields.get("schema_version").is_some();
    let tool = if ours { "tokgate" } else { "analyze_benchmark.py" };
    let origin = Origin { tool, format: NAME, family: NAME, file };
    let mut result = origin.draft(&without_nulls(entry), entry.clone());
    let text = |name| fields.required(name, Fields::text);
    let test_id = text("test_id")?;
    if ours {
        result.source.digest = digest_of_row(test_id, fields.text("run_id")?);
    }
    result.platform = said(Some(text("platform")?)).ok_or("its `platform` is empty")?;
    result.model.name = said(Some(text("model")?)).ok_or("its `model` is empty")?;
    result.engine = said(fields.text("engine")?).unwrap_or_default();
    result.workers = fields.count(one_of(&fields, &["concurrency", "workers"]))?;
    when(&mut result, &fields)?;
    gpu(&mut result, &fields)?;
    config(&mut result, &fields)?;
    let results = fields.object("results")?.ok_or("there is no `results`")?;
    result.requests = requests(&fields, &results)?;
    measured(&mut result, &results, ours)?;
    disagreement(&mut result, &results)?;
    status(&mut result, fields.text("status")?);
    if let Some(notes) = said(fields.text("notes")?) {
        note(&mut result, &notes);
    }
    Ok(result)
}

fn when(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    if let Some(moment) = fields.get("timestamp").map(moment).transpose()? {
        result.measured_us = Some(moment.us);
        if !moment.zoned {
            note(result, NO_ZONE);
        }
    }
    Ok(())
}

fn gpu(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    if let Some(gpu) = fields.object("gpu")? {
        result.hardware.gpu = said(gpu.text("name")?);
        result.hardware.vram_bytes = gpu.number("vram_total_gb")?.map(bytes);
    }
    Ok(())
}

fn config(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    if let Some(config) = fields.object("config")? {
        result.model.context_window = config.count("max_model_len")?;
        result.model.quantization = said(config.text("quantization")?);
    }
    Ok(())
}

fn requests(fields: &Fields<'_>, results: &Fields<'_>) -> Result<Requests, String> {
    let succeeded = results.required("success_count", Fields::count)?;
    let failed = results.count("failure_count")?.unwrap_or_default();
    let incomplete = results.count("incomplete_count")?.unwrap_or_default();
    let sum = succeeded.saturating_add(failed).saturating_add(incomplete);
    let written = fields.object("test")?.map(|test| test.count("num_requests")).transpose()?;
    match written.flatten() {
        Some(all) if all < sum => Err(format!("{sum} of {all} requests ended")),
        all => Ok(Requests { attempted: all.unwrap_or(sum), succeeded, failed, incomplete }),
    }
}

fn measured(result: &mut Imported, results: &Fields<'_>, ours: bool) -> Result<(), String> {
    let above_0 = |value: &f64| *value > 0.0;
    result.window_s = results.number("total_time_seconds")?.filter(above_0);
    let mut put = |name: &str, metric, stat, scale: f64| -> Result<(), String> {
        let value = results.number(name)?;
        figure(result, metric, stat, value.map(|value| value * scale));
        Ok(())
    };
    put("throughput_tokens_per_sec", &metric::TOTAL_TOK_S, Stat::Value, 1.0)?;
    put("output_tokens_per_sec", &metric::TOK_S, Stat::Value, 1.0)?;
    put("throughput_requests_per_sec", &metric::REQ_S, Stat::Value, 1.0)?;
    put("avg_prompt_tokens", &metric::PROMPT_TOKENS, Stat::Mean, 1.0)?;
    put("avg_completion_tokens", &metric::OUTPUT_TOKENS, Stat::Mean, 1.0)?;
    if ours {
        put("gpu_utilization_percent", &metric::GPU_UTIL_MEAN, Stat::Value, 0.01)?;
    }
    // Nobody waits no time for a model: 0 is the script's word for "not said".
    let load_s = results.number("model_load_time_seconds")?.filter(above_0);
    figure(result, &metric::MODEL_LOAD_S, Stat::Value, load_s);
    Ok(())
}

/// A throughput that its own tokens and time do not give is noted; it stays as it is written.
fn disagreement(result: &mut Imported, results: &Fields<'_>) -> Result<(), String> {
    let stated = results.number("throughput_tokens_per_sec")?;
    let each = results.number("avg_prompt_tokens")?.zip(results.number("avg_completion_tokens")?);
    let (Some(stated), Some((prompt, completion)), Some(window_s)) =
        (stated, each, result.window_s)
    else {
        return Ok(());
    };
    let computed = (prompt + completion) * result.requests.succeeded as f64 / window_s;
    if (computed - stated).abs() > ROUNDING * computed.max(stated) + 1.0 {
        let told = format!(
            "its throughput is written as {stated} tok/s, while its tokens and its time give {computed:.0}"
        );
        note(result, &told);
    }
    Ok(())
}

/// A test that did not come to its end has no window that could be compared.
fn status(result: &mut Imported, status: Option<&str>) {
    match status {
        None | Some("completed" | "partial") => {}
        Some(other) => {
            result.window_s = None;
            note(result, &format!("its status is `{other}`: it is not compared"));
        }
    }
}
