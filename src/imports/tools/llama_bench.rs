//! `llama-bench -o json` and `-o jsonl`: one object a test, which is a prompt, an answer, or both,
//! repeated. There is no server and there are no requests: each repetition is told as one.

use super::draft::{self, Origin, figure, found, note, versioned};
use super::values::{Placed, head, names_all, values};
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found};
use serde_json::Value;
use tokgate_core::imported::Imported;
use tokgate_core::run::Requests;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };

pub(super) const NAME: &str = "llama-bench";
/// What stands in every test.
pub(super) const MARKS: [&str; 4] = ["model_filename", "n_prompt", "n_gen", "avg_ns"];
/// Several GPUs are written one after the other.
const BETWEEN_GPUS: &str = ", ";

fn fits(file: &File<'_>) -> bool {
    match &file.json {
        Some(Value::Array(tests)) => tests.iter().any(is_test),
        Some(value) => is_test(value),
        None => names_all(&head(file), &MARKS),
    }
}

fn is_test(value: &Value) -> bool {
    MARKS.iter().all(|mark| value.get(mark).is_some())
}

fn read(file: &File<'_>) -> Found {
    let origin = Origin::of(NAME, file);
    let mut entries = Vec::new();
    for Placed { line, value } in values(file) {
        match value.as_deref() {
            Ok(Value::Array(tests)) => {
                let place = |index| format!("[{index}]");
                let tests = tests.iter().enumerate();
                entries.extend(tests.map(|(index, test)| (place(index), one(origin, test))));
            }
            Ok(test) => entries.push((format!("line {line}"), one(origin, test))),
            Err(why) => entries.push((format!("line {line}"), Err(why.clone()))),
        }
    }
    found(entries)
}

/// One test; the SQL form is made into the same object.
pub(super) fn one(origin: Origin<'_>, test: &Value) -> Result<Imported, String> {
    let fields = Fields::of(test)?;
    let commit = fields.text("build_commit")?;
    let mut result = origin.draft(versioned(NAME, commit), test, test.clone());
    result.platform = "llama-cpp".to_owned();
    let build = fields.count("build_number")?.filter(|build| *build > 0);
    result.engine = versioned("llama.cpp", build.map(|build| format!("b{build}")).as_deref());
    model(fields, &mut result)?;
    hardware(fields, &mut result)?;
    result.workers = Some(1);
    if let Some(text) = fields.text("test_time")? {
        let us = draft::zoned_us(text);
        let us = us.ok_or_else(|| format!("`test_time` is {text:?}, which is no time"));
        result.measured_us = Some(us?);
    }
    repeated(fields, &mut result)?;
    Ok(result)
}

fn model(fields: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    let path = fields.required("model_filename", Fields::text)?;
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = draft::said(Some(name.strip_suffix(".gguf").unwrap_or(name)));
    // `llama 7B Q4_K - Medium`: architecture, size, and how the weights are kept.
    let told = fields.text("model_type")?.unwrap_or_default();
    let mut words = told.splitn(3, ' ').skip(1);
    let size = words.next().filter(|size| !size.starts_with('?') && !size.is_empty());
    let params = fields.count("model_n_params")?.map(|count| count.to_string());
    result.model.name = name.unwrap_or(told).to_owned();
    result.model.size_params = size.map(str::to_owned).or(params);
    result.model.quantization = draft::said(words.next()).map(str::to_owned);
    result.model.size_bytes = fields.count("model_size")?;
    Ok(())
}

/// A GPU is what it ran on only where layers were given to it.
fn hardware(fields: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    result.hardware.cpu = draft::said(fields.text("cpu_info")?).map(str::to_owned);
    let on_the_cpu = fields.get("n_gpu_layers").and_then(Value::as_i64) == Some(0);
    let gpus = draft::said(fields.text("gpu_info")?).filter(|_| !on_the_cpu);
    let Some(gpus) = gpus else { return Ok(()) };
    let names: Vec<&str> = gpus.split(BETWEEN_GPUS).collect();
    let alike = names.iter().all(|name| *name == names[0]);
    result.hardware.gpu = Some(if alike { names[0] } else { gpus }.to_owned());
    result.hardware.gpus = u32::try_from(names.len()).ok();
    Ok(())
}

fn repetitions_ns(fields: Fields<'_>) -> Result<Vec<u64>, String> {
    let samples = fields.list("samples_ns")?.unwrap_or_default();
    let whole = |sample: &Value| {
        let wrong = || format!("`samples_ns` has {sample}, expected whole numbers of 0 or above");
        sample.as_u64().ok_or_else(wrong)
    };
    samples.iter().map(whole).collect()
}

fn repeated(fields: Fields<'_>, result: &mut Imported) -> Result<(), String> {
    let prompt = fields.required("n_prompt", Fields::count)?;
    let answer = fields.required("n_gen", Fields::count)?;
    let depth = fields.count("n_depth")?.unwrap_or_default();
    for name in ["avg_ns", "stddev_ns", "avg_ts", "stddev_ts"] {
        fields.number(name)?;
    }
    let samples = repetitions_ns(fields)?;
    let n = samples.len() as u64;
    result.requests = Requests { attempted: n, succeeded: n, ..Requests::default() };
    figure(result, "prompt_tokens.mean", Some(prompt as f64), n);
    figure(result, "output_tokens.mean", Some(answer as f64), n);
    note(result, &test_name(prompt, answer, depth));
    let took_s = samples.iter().map(|ns| *ns as f64 / 1e9).sum::<f64>();
    match (n, answer) {
        (0, _) => note(result, "it does not say how often it was repeated, so there is no rate"),
        (_, 0) => note(result, "without an answer there is no rate that compares with ours"),
        _ => {
            result.window_s = Some(took_s).filter(|took_s| *took_s > 0.0);
            note(
                result,
                "the window is the time of all repetitions, without what lies between them; tokens \
                 are neither chosen nor made into text",
            );
        }
    }
    Ok(())
}

/// As llama-bench's table calls it.
fn test_name(prompt: u64, answer: u64, depth: u64) -> String {
    let name = match (prompt, answer) {
        (prompt, 0) => format!("pp{prompt}"),
        (0, answer) => format!("tg{answer}"),
        (prompt, answer) => format!("pp{prompt}+tg{answer}"),
    };
    if depth > 0 { format!("{name} @ d{depth}") } else { name }
}
