//! criterion's `estimates.json`, and the lines of `cargo criterion --message-format json`: the time
//! of an iteration of some code. There is no model and there are no requests: it is kept, and compared
//! with nothing.

use super::draft::{Origin, found, note, within, without_lists};
use super::values::{Placed, head, names_all, values};
use crate::imports::fields::Fields;
use crate::imports::{File, Format, Found, UNKNOWN};
use serde_json::Value;
use tokgate_core::imported::Imported;
use tokgate_core::metric::Kind;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };

const NAME: &str = "criterion";
/// What every file of estimates has.
const ESTIMATES: [&str; 4] = ["mean", "median", "median_abs_dev", "std_dev"];
/// The kind of line that has a result.
const COMPLETE: &str = "benchmark-complete";
/// What lists every sample of a line.
const LISTS: [&str; 2] = ["iteration_count", "measured_values"];
/// The file beside one of estimates that says what they are of.
const BESIDE: &str = "benchmark.json";
const FILE: &str = "estimates.json";

/// What may stand in front of a file of this name.
pub(in crate::imports) fn beside(name: &str) -> Option<&'static str> {
    (name == FILE).then_some(BESIDE)
}

fn fits(file: &File<'_>) -> bool {
    match &file.json {
        Some(value) => is_estimates(value) || is_line(value),
        None => {
            let head = head(file);
            names_all(&head, &["reason", COMPLETE])
                || names_all(&head, &["median_abs_dev", "point_estimate"])
        }
    }
}

fn is_estimates(value: &Value) -> bool {
    value.get("reason").is_none() && ESTIMATES.iter().all(|name| value.get(name).is_some())
}

fn is_line(value: &Value) -> bool {
    value.get("reason").and_then(Value::as_str) == Some(COMPLETE)
}

fn read(file: &File<'_>) -> Found {
    let origin = Origin::of(NAME, file);
    let mut of: Option<String> = None;
    let mut entries = Vec::new();
    for Placed { line, value } in values(file) {
        let read = match value.as_deref() {
            Err(why) => Some(Err(why.clone())),
            Ok(value) if is_line(value) => Some(of_line(origin, value)),
            Ok(value) if value.get("reason").is_some() => None,
            Ok(value) => match value.get("full_id").and_then(Value::as_str) {
                // `benchmark.json`, in front of its estimates.
                Some(id) => {
                    of = Some(id.to_owned());
                    None
                }
                None => Some(estimates(origin, value, of.take())),
            },
        };
        entries.extend(read.map(|read| (format!("line {line}"), read)));
    }
    found(entries)
}

fn draft(origin: Origin<'_>, tool: &str, name: &str, identity: &Value, entry: Value) -> Imported {
    let mut result = origin.draft(tool.to_owned(), identity, entry);
    result.model.name = format!("{NAME}:{name}");
    result.benchmark_type = NAME.to_owned();
    // Not of a model's answers; nothing that compares models looks at this kind.
    result.kind = Kind::Retrieval;
    note(&mut result, "the time of an iteration of some code, of no model and no search");
    result
}

fn estimates(origin: Origin<'_>, entry: &Value, of: Option<String>) -> Result<Imported, String> {
    let fields = Fields::of(entry)?;
    for name in ESTIMATES {
        let estimate = fields.required(name, Fields::object)?;
        within(name, estimate.required("point_estimate", Fields::number))?;
    }
    let named = of.unwrap_or_else(|| named_by(origin.file));
    let identity = serde_json::json!({ "of": named, "estimates": entry });
    Ok(draft(origin, "criterion", &named, &identity, entry.clone()))
}

/// A file alone says what it is of only by its own name.
fn named_by(file: &str) -> String {
    let stem = file.strip_suffix(".json").unwrap_or(file);
    if file == FILE || stem.is_empty() { UNKNOWN } else { stem }.to_owned()
}

fn of_line(origin: Origin<'_>, entry: &Value) -> Result<Imported, String> {
    let fields = Fields::of(entry)?;
    let name = fields.required("id", Fields::text)?;
    for estimate in ["typical", "mean", "median"] {
        let told = fields.required(estimate, Fields::object)?;
        within(estimate, told.required("estimate", Fields::number))?;
        within(estimate, told.text("unit"))?;
    }
    for list in LISTS {
        fields.list(list)?;
    }
    let kept = without_lists(entry, &LISTS);
    Ok(draft(origin, "cargo-criterion", name, entry, kept))
}
