//! A result of which nothing is known yet but its model, and what fills it.

use crate::imports::blank::blank;
use crate::imports::digest::digest;
use crate::imports::{BadEntry, File, Found};
use serde_json::Value;
use tokgate_core::imported::{Figure, Imported, Source};
use tokgate_core::metric::{Metric, MetricRef, Stat};

/// Bytes in the GB of the files: a card of 24 GB has 2³⁰ times that.
const GIB: f64 = 1_073_741_824.0;

/// Who wrote an entry, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) tool: &'a str,
    pub(super) format: &'a str,
    /// What entries are told apart by: two formats of one tool may share it.
    pub(super) family: &'a str,
    pub(super) file: &'a str,
}

impl Origin<'_> {
    /// A generation of which nothing is known; `identity` is what names the entry.
    pub(super) fn draft(&self, identity: &Value, entry: Value) -> Imported {
        let source = Source {
            tool: self.tool.to_owned(),
            format: self.format.to_owned(),
            file: self.file.to_owned(),
            digest: digest(self.family, identity),
        };
        blank(source, entry)
    }
}

/// Adds a figure, where there is one.
pub(super) fn figure(
    result: &mut Imported,
    metric: &'static Metric,
    stat: Stat,
    value: Option<f64>,
) {
    let n = result.requests.succeeded;
    if let Some(value) = value.filter(|value| value.is_finite()) {
        let metric = MetricRef { metric, stat };
        result.figures.push(Figure { metric, value, n, interval: None });
    }
}

/// Adds a sentence to the notes.
pub(super) fn note(result: &mut Imported, text: &str) {
    if !result.notes.is_empty() {
        result.notes.push_str("; ");
    }
    result.notes.push_str(text);
}

/// Bytes of as many GB.
pub(super) fn bytes(gb: f64) -> u64 {
    (gb * GIB).round() as u64
}

/// A text that says something.
pub(super) fn said(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A copy without what says nothing: `null`, in any depth of objects.
pub(super) fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        other => other.clone(),
    }
}

/// Reads each entry, and tells those that are none.
pub(super) fn each<'a>(
    entries: impl IntoIterator<Item = (String, &'a Value)>,
    read: impl Fn(&'a Value) -> Result<Imported, String>,
) -> Found {
    let mut found = Found::default();
    for (place, entry) in entries {
        match read(entry) {
            Ok(result) => found.results.push(result),
            Err(why) => found.bad.push(BadEntry { place, why }),
        }
    }
    found
}

/// The file's JSON, or what keeps it from being any.
pub(super) fn json<'a>(file: &'a File<'_>) -> Result<&'a Value, Found> {
    file.json.as_ref().ok_or_else(|| nothing("the file", "it is no JSON".to_owned()))
}

/// A file of which nothing can be read.
pub(super) fn nothing(place: &str, why: String) -> Found {
    Found { results: Vec::new(), bad: vec![BadEntry { place: place.to_owned(), why }] }
}
