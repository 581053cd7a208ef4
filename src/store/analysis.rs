//! `analysis/summary.json`: every benchmark of the index in one document.

use crate::store::atomic::{self, FileError};
use crate::store::layout::Layout;
use crate::store::sql::Sql;
use rusqlite::Connection;
use rusqlite::types;
use serde_json::{Map, Value, json};

/// Version of the document's shape.
const SCHEMA_VERSION: u32 = 1;
/// Columns whose text is JSON.
const DOCUMENTS: [&str; 3] = ["hardware_info", "invalid_reasons", "sample_responses"];
/// Answers of a model may be long and private; they stay in the index.
const LEFT_OUT: &str = "sample_responses";

/// `{schema_version, total, benchmarks: [{column: value, ..}]}`, a row of `benchmark_results`
/// each, in the order of their commit.
pub(super) fn analysis(database: &Sql<'_>) -> rusqlite::Result<Value> {
    let table = database.table("SELECT * FROM benchmark_results ORDER BY id", &[])?;
    let benchmarks: Vec<Value> =
        table.rows.iter().map(|row| benchmark(&table.columns, row)).collect();
    Ok(json!({
        "schema_version": SCHEMA_VERSION,
        "total": benchmarks.len(),
        "benchmarks": benchmarks,
    }))
}

/// Writes the document. Whoever calls holds the write lock, so that of two runs that end
/// together the later one writes last, with both in it.
pub(super) fn write(
    database: &Connection,
    layout: &Layout,
) -> rusqlite::Result<Result<(), FileError>> {
    let text = format!("{:#}\n", analysis(&Sql::from(database))?);
    Ok(atomic::write(&layout.analysis_file(), text.as_bytes()))
}

fn benchmark(columns: &[String], row: &[types::Value]) -> Value {
    let mut benchmark = Map::new();
    for (name, value) in columns.iter().zip(row).filter(|(name, _)| *name != LEFT_OUT) {
        benchmark.insert(name.clone(), cell(name, value));
    }
    Value::Object(benchmark)
}

/// A cell as JSON.
pub(super) fn cell(name: &str, value: &types::Value) -> Value {
    match value {
        types::Value::Null | types::Value::Blob(_) => Value::Null,
        types::Value::Integer(n) => (*n).into(),
        types::Value::Real(x) => (*x).into(),
        types::Value::Text(text) => {
            let text = text.clone();
            match DOCUMENTS.contains(&name) {
                true => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                false => Value::String(text),
            }
        }
    }
}
