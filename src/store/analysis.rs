//! `analysis/summary.json`: every benchmark of the index in one document.

use crate::store::atomic::{self, FileError};
use crate::store::layout::Layout;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value, json};

/// Version of the document's shape.
const SCHEMA_VERSION: u32 = 1;
/// Columns whose text is JSON.
const DOCUMENTS: [&str; 3] = ["hardware_info", "invalid_reasons", "sample_responses"];
/// Answers of a model may be long and private; they stay in the index.
const LEFT_OUT: &str = "sample_responses";

/// `{schema_version, total, benchmarks: [{column: value, ..}]}`, a row of `benchmark_results`
/// each, in the order of their commit.
pub(super) fn analysis(database: &Connection) -> rusqlite::Result<Value> {
    let mut query = database.prepare("SELECT * FROM benchmark_results ORDER BY id")?;
    let names: Vec<String> = query.column_names().into_iter().map(str::to_owned).collect();
    let benchmarks: Vec<Value> =
        query.query_map([], |row| benchmark(row, &names))?.collect::<rusqlite::Result<_>>()?;
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
    let text = format!("{:#}\n", analysis(database)?);
    Ok(atomic::write(&layout.analysis_file(), text.as_bytes()))
}

fn benchmark(row: &Row<'_>, names: &[String]) -> rusqlite::Result<Value> {
    let mut benchmark = Map::new();
    for name in names.iter().filter(|name| *name != LEFT_OUT) {
        benchmark.insert(name.clone(), cell(name, row.get_ref(name.as_str())?)?);
    }
    Ok(Value::Object(benchmark))
}

/// A cell as JSON.
pub(super) fn cell(name: &str, value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Null | ValueRef::Blob(_) => Value::Null,
        ValueRef::Integer(n) => n.into(),
        ValueRef::Real(x) => x.into(),
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            match DOCUMENTS.contains(&name) {
                true => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                false => Value::String(text),
            }
        }
    })
}
