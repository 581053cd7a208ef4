//! The JSON documents that other tools read: their keys and types are given from outside and
//! hold, also where our own names would differ. Keys of ours stand beside them.
//!
//! What was not measured is `null`; a key is never left out.

mod benchmarks;
mod imported;
mod metadata;
mod result;

pub use benchmarks::{benchmarked_models, benchmarks_of, compared, estimated};
pub use imported::{ImportedAs, imported_metadata};
pub use metadata::metadata;
pub use result::result_document;

use serde_json::Value;

/// Bytes in the GB of these documents, which a card of "24 GB" fills exactly: 2³⁰.
const GIB: f64 = 1_073_741_824.0;
/// Bytes in their MB: 2²⁰.
const MIB: f64 = 1_048_576.0;

/// A number, or `null` for what is absent or not finite.
fn number(value: Option<f64>) -> Value {
    value.and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}

/// A number to `digits` decimal places: sizes and percentages gain nothing from more.
fn rounded(value: Option<f64>, digits: i32) -> Value {
    let scale = 10_f64.powi(digits);
    number(value.map(|value| (value * scale).round() / scale))
}
