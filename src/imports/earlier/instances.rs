//! The database of rented machines: what a model did on which of them, and what that cost. JSON.

use super::draft::{Origin, bytes, each, figure, json, note, nothing, said, without_nulls};
use super::entries::{Placed, entries, has_each, one_of};
use super::moment::{NO_ZONE, moment};
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found};
use serde_json::{Map, Value};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::imported::Imported;
use tokgate_core::metric::{self, Stat};
use tokgate_core::run::Requests;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };
const NAME: &str = "instance-json";
/// Who wrote them.
const TOOL: &str = "maider";
/// Its JSON and its CSV tell of the same results.
const FAMILY: &str = "instances";

const INSTANCE: &[&str] = &["gpu_type"];
const TOKENS: &[&str] = &["tokens_per_sec", "tokens_per_second"];
const GPUS: &[&str] = &["gpus", "gpu_count", "num_gpus"];
const VRAM: &[&str] = &["vram_gb", "total_vram_gb", "vram_total_gb", "vram"];
const MODEL: &[&str] = &["model", "model_name", "model_id"];
const SIZE: &[&str] = &["model_category"];
const TASK: &[&str] = &["task_category"];
const HOURLY: &[&str] = &["hourly_cost", "hourly_cost_usd", "cost_per_hour"];
const COST: &[&str] = &["cost_per_1k_tokens", "cost_per_1k"];
const EFFICIENCY: &[&str] = &["cost_efficiency", "efficiency"];
const WHEN: &[&str] = &["timestamp", "created_at", "date"];
const TESTS: &[&str] = &["num_tests", "num_requests", "successful_tests"];
/// What is a number, also where it is written with its unit.
const NUMBERS: &[&[&str]] = &[TOKENS, GPUS, VRAM, HOURLY, COST, EFFICIENCY, TESTS];
/// Costs are written to four places, a rate to one.
const ROUNDING: f64 = 0.02;

fn fits(file: &File<'_>) -> bool {
    file.json.as_ref().is_some_and(|json| !found(json).is_empty())
}

fn found(json: &Value) -> Vec<Placed<'_>> {
    entries(json, |value| has_each(value, &[INSTANCE, TOKENS]))
}

fn read(file: &File<'_>) -> Found {
    match json(file).map(found) {
        Ok(entries) if entries.is_empty() => {
            nothing("the file", "no entry of it has a `gpu_type` and `tokens_per_sec`".to_owned())
        }
        Ok(entries) => each(entries, |entry| one(entry, NAME, file.name)),
        Err(found) => found,
    }
}

/// Reads an entry; `format` and `file` say where it stands.
///
/// # Errors
/// When it names no machine or no model, or its numbers are none.
pub(super) fn one(entry: &Value, format: &str, file: &str) -> Result<Imported, String> {
    let entry = Value::Object(numbered(entry)?);
    let fields = Fields::of(&entry)?;
    let origin = Origin { tool: TOOL, format, family: FAMILY, file };
    let mut result = origin.draft(&without_nulls(&entry), entry.clone());
    let instance = fields.required(one_of(&fields, INSTANCE), Fields::text)?;
    result.hardware.instance = Some(said(Some(instance)).ok_or("its `gpu_type` is empty")?);
    if let Some(model) = said(fields.text(one_of(&fields, MODEL))?) {
        result.model.name = model;
    }
    result.model.size_params = said(fields.text(one_of(&fields, SIZE))?);
    result.task_category = task(said(fields.text(one_of(&fields, TASK))?).as_deref())?;
    result.hardware.hourly_usd = fields.number(one_of(&fields, HOURLY))?;
    memory(&mut result, &fields)?;
    let tests = fields.count(one_of(&fields, TESTS))?.unwrap_or_default();
    result.requests = Requests { attempted: tests, succeeded: tests, ..Requests::default() };
    let tok_s = fields.required(one_of(&fields, TOKENS), Fields::number)?;
    figure(&mut result, &metric::TOK_S, Stat::Value, Some(tok_s));
    costs(&mut result, tok_s, &fields)?;
    if let Some(moment) = fields.get(one_of(&fields, WHEN)).map(moment).transpose()? {
        result.measured_us = Some(moment.us);
        if !moment.zoned {
            note(&mut result, NO_ZONE);
        }
    }
    Ok(result)
}

/// What the prompts were about; a mixture is no category.
fn task(written: Option<&str>) -> Result<Option<Category>, String> {
    match written.map(|text| text.to_lowercase().replace('-', "_")).as_deref() {
        None | Some("all" | "mixed") => Ok(None),
        Some("coding") => Ok(Some(Category::Coding)),
        Some("context_heavy") => Ok(Some(Category::ContextHeavy)),
        Some("reasoning") => Ok(Some(Category::Reasoning)),
        Some(other) => Err(format!(
            "`task_category` is `{other}`: expected coding, context_heavy, reasoning, mixed or all"
        )),
    }
}

/// The file says the memory of the whole machine, we that of one of its GPUs.
fn memory(result: &mut Imported, fields: &Fields<'_>) -> Result<(), String> {
    let gpus = fields.count(one_of(fields, GPUS))?.filter(|gpus| *gpus > 0);
    let total_gb = fields.number(one_of(fields, VRAM))?;
    result.hardware.gpus = gpus.and_then(|gpus| u32::try_from(gpus).ok());
    result.hardware.vram_bytes = gpus.zip(total_gb).map(|(gpus, gb)| bytes(gb / gpus as f64));
    Ok(())
}

/// Costs by our formulas: USD/h / 3600 / tok_s * 1000, and tok_s / (USD/h). A file that says something
/// else is told so.
fn costs(result: &mut Imported, tok_s: f64, fields: &Fields<'_>) -> Result<(), String> {
    let hourly = result.hardware.hourly_usd.filter(|usd| *usd > 0.0 && tok_s > 0.0);
    let (cost, efficiency) =
        (fields.number(one_of(fields, COST))?, fields.number(one_of(fields, EFFICIENCY))?);
    let Some(hourly) = hourly else { return Ok(()) };
    let by_formula = hourly / 3600.0 / tok_s * 1000.0;
    figure(result, &metric::COST_PER_1K, Stat::Value, Some(by_formula));
    figure(result, &metric::COST_EFFICIENCY, Stat::Value, Some(tok_s / hourly));
    disagreement(result, "1000 tokens cost", cost, by_formula);
    disagreement(result, "tokens a second per USD an hour are", efficiency, tok_s / hourly);
    Ok(())
}

fn disagreement(result: &mut Imported, what: &str, written: Option<f64>, by_formula: f64) {
    let Some(written) = written else { return };
    if (written - by_formula).abs() > ROUNDING * by_formula {
        note(
            result,
            &format!("{what} {written} as it is written, and {by_formula:.4} by the formula"),
        );
    }
}

/// The entry with numbers where they are written as `$3.00` or `96GB`, and without what is empty.
fn numbered(entry: &Value) -> Result<Map<String, Value>, String> {
    let is_number = |name: &str| NUMBERS.iter().any(|names| names.contains(&name));
    let fields = entry.as_object().ok_or_else(|| format!("{entry} is no object"))?;
    let mut all = Map::new();
    for (name, value) in fields {
        let value = match value {
            Value::String(text) if text.trim().is_empty() => continue,
            Value::String(text) if is_number(name) => number(text).unwrap_or_else(|| value.clone()),
            other => other.clone(),
        };
        all.insert(name.clone(), value);
    }
    Ok(all)
}

fn number(text: &str) -> Option<Value> {
    let text = text.trim().trim_start_matches('$');
    let text = text.strip_suffix("GB").unwrap_or(text).trim();
    let whole = text.parse::<u64>().ok().map(Value::from);
    whole.or_else(|| text.parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number))
}
