//! A result of which nothing is known yet, and what fills it.

use crate::imports::blank::blank;
use crate::imports::digest::digest;
use crate::imports::{BadEntry, File, Found, UNKNOWN};
use jiff::{Timestamp, civil};
use serde_json::{Value, json};
use tokgate_core::imported::{Figure, Imported, Source};
use tokgate_core::metric::MetricRef;
use tokgate_core::run::Requests;

/// What is noted of a time without a zone.
pub(super) const NO_ZONE: &str = "its time is written without a zone, and is taken as UTC";

/// Whose file it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The kind of file.
    pub(super) format: &'static str,
    /// Its name.
    pub(super) file: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn of(format: &'static str, file: &File<'a>) -> Self {
        Self { format, file: file.name }
    }

    /// A result of which nothing is known; `identity` is what names it, `entry` what is kept of it.
    pub(super) fn draft(&self, tool: String, identity: &Value, entry: Value) -> Imported {
        let Self { format, file } = *self;
        let source = Source {
            tool,
            format: format.to_owned(),
            file: file.to_owned(),
            digest: digest(format, identity),
        };
        Imported { benchmark_type: "single".to_owned(), ..blank(source, entry) }
    }
}

/// A tool with its version, where it says one.
pub(super) fn versioned(tool: &str, version: Option<&str>) -> String {
    match said(version) {
        Some(version) => format!("{tool} {version}"),
        None => tool.to_owned(),
    }
}

/// A text that says something.
pub(super) fn said(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty() && *text != UNKNOWN)
}

/// Adds a figure of `n` samples; of none there is no figure, whatever is written. The first that is
/// said of a metric stands.
pub(super) fn figure(result: &mut Imported, metric: &str, value: Option<f64>, n: u64) {
    let value = value.filter(|value| value.is_finite() && n > 0);
    if let (Some(value), Ok(metric)) = (value, metric.parse::<MetricRef>())
        && result.figures.iter().all(|figure| figure.metric != metric)
    {
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

/// How requests ended, each count with the name of its field.
///
/// # Errors
/// When there are more of them than were sent.
pub(super) fn requests(
    succeeded: (&str, u64),
    others: [u64; 2],
    attempted: (&str, Option<u64>),
) -> Result<Requests, String> {
    let [failed, incomplete] = others;
    let ended = [failed, incomplete].into_iter().fold(succeeded.1, u64::saturating_add);
    match attempted.1 {
        Some(sent) if sent < ended => {
            let (name, count) = succeeded;
            let rest = ended - count;
            let more =
                if rest > 0 { format!(", beside {rest} that did not") } else { String::new() };
            Err(format!("`{name}` is {count}{more}: more than `{}`, which is {sent}", attempted.0))
        }
        sent => Ok(Requests {
            attempted: sent.unwrap_or(ended),
            succeeded: succeeded.1,
            failed,
            incomplete,
        }),
    }
}

/// A copy in which each list of these names, at the top or in an object of such a name, is told by
/// its length alone.
pub(super) fn without_lists(entry: &Value, names: &[&str]) -> Value {
    let Value::Object(fields) = entry else { return entry.clone() };
    let kept = fields.iter().map(|(name, value)| {
        let long = names.contains(&name.as_str());
        (name.clone(), if long { lengths(value) } else { value.clone() })
    });
    Value::Object(kept.collect())
}

fn lengths(value: &Value) -> Value {
    match value {
        Value::Array(items) => json!({ "left_out": items.len() }),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (name.clone(), lengths(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// A time without a zone as microseconds since 1970, taken as UTC; `format` is of `strftime`.
pub(super) fn civil_us(text: &str, format: Option<&str>) -> Option<i64> {
    let civil = match format {
        Some(format) => civil::DateTime::strptime(format, text).ok()?,
        None => text.parse().ok()?,
    };
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// A time with its zone as microseconds since 1970.
pub(super) fn zoned_us(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// Seconds since 1970 as microseconds, where they are a time.
pub(super) fn since_1970_us(seconds: f64) -> Option<i64> {
    let us = (seconds * 1e6).round();
    (us.abs() < 9e17).then_some(us as i64).filter(|us| Timestamp::from_microsecond(*us).is_ok())
}

/// What was read of each entry, and those that could not be. A file without any is one of these.
pub(super) fn found(
    entries: impl IntoIterator<Item = (String, Result<Imported, String>)>,
) -> Found {
    let mut found = Found::default();
    for (place, entry) in entries {
        match entry {
            Ok(result) => found.results.push(result),
            Err(why) => found.bad.push(BadEntry { place, why }),
        }
    }
    if found == Found::default() {
        let (place, why) = ("the file".to_owned(), "there is no result in it".to_owned());
        found.bad.push(BadEntry { place, why });
    }
    found
}

/// The error of a field within another.
pub(super) fn within<T>(outer: &str, read: Result<T, String>) -> Result<T, String> {
    read.map_err(|why| format!("in `{outer}`: {why}"))
}
