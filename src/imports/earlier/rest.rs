//! `--export` of the old benchmark database, and what its REST interface answered: JSON.

use super::draft::{each, json, nothing};
use super::entries::{Placed, entries, has_each};
use super::rows;
use crate::imports::{File, Format, Found};
use serde_json::{Value, json};
use std::borrow::Cow;

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };
const NAME: &str = "old-json";

fn fits(file: &File<'_>) -> bool {
    file.json.as_ref().is_some_and(|json| is_estimate(json) || !found(json).is_empty())
}

fn read(file: &File<'_>) -> Found {
    let json = match json(file) {
        Ok(json) => json,
        Err(found) => return found,
    };
    let row = flat(json);
    let entries = found(&row);
    match entries.is_empty() {
        true => nothing("the file", "no row of benchmarks is in it".to_owned()),
        false => each(entries, |row| rows::read(row, NAME, file.name)),
    }
}

fn found(json: &Value) -> Vec<Placed<'_>> {
    entries(json, rows::is_row)
}

/// Whether it answers how long a batch would take: it names the measurement that it is based on.
fn is_estimate(json: &Value) -> bool {
    has_each(json, &[&["model"], &["estimate"], &["based_on_benchmark"]])
}

/// The measurement behind an estimate as a row; anything else as it is.
fn flat(json: &Value) -> Cow<'_, Value> {
    if !is_estimate(json) {
        return Cow::Borrowed(json);
    }
    let (estimate, basis) = (&json["estimate"], &json["based_on_benchmark"]);
    Cow::Owned(json!({
        "model": json["model"],
        "rate_req_per_sec": estimate["rate_req_per_sec"],
        "time_per_request_sec": estimate["time_per_request_sec"],
        "num_requests": basis["test_size"],
        "workers": basis["workers"],
        "success_rate_pct": basis["success_rate_pct"],
        "created_at": basis["date"],
    }))
}
