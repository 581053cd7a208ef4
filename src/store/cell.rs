//! What stands in a cell of the index: words of closed sets, and numbers that are absent where
//! nothing was measured.

use rusqlite::types::Value;
use serde::Serialize;
use tokgate_core::run::{Arm, Ending};

/// Base or head, as the table writes it.
pub(super) fn arm(arm: Arm) -> &'static str {
    match arm {
        Arm::Base => "base",
        Arm::Head => "head",
    }
}

pub(super) fn ending(ending: &Ending) -> &'static str {
    match ending {
        Ending::Completed => "completed",
        Ending::Interrupted => "interrupted",
        Ending::Aborted(_) => "aborted",
    }
}

/// A closed set's word, as it is serialised elsewhere.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    json(value).trim_matches('"').to_owned()
}

pub(super) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what was read from JSON can be written as JSON")
}

pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub(super) fn maybe(text: Option<&str>) -> Value {
    or_null(text.map(|text| Value::Text(text.to_owned())))
}

/// A count. One that SQLite's integers cannot hold becomes text, which the STRICT table refuses:
/// better no row than another number.
pub(super) fn count(n: u64) -> Value {
    i64::try_from(n).map_or_else(|_| Value::Text(n.to_string()), Value::Integer)
}

/// A number; what is not finite is absent.
pub(super) fn real(value: Option<f64>) -> Value {
    or_null(value.filter(|value| value.is_finite()).map(Value::Real))
}

pub(super) fn or_null(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Null)
}
