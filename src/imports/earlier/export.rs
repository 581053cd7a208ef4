//! What `tokgate export` wrote: JSON, and CSV with the same columns.

use super::draft::{each, json, nothing};
use super::ours;
use crate::imports::{BadEntry, File, Format, Found};
use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};
use tokgate_core::diagnostic::unspelled;

pub(super) const JSON: Format = Format { name: NAME, fits: fits_json, read: read_json };
pub(super) const CSV: Format = Format { name: CSV_NAME, fits: fits_csv, read: read_csv };
const NAME: &str = "tokgate-export";
const CSV_NAME: &str = "tokgate-export-csv";
/// The newest version of it that is known.
const SCHEMA_VERSION: u64 = 1;
/// How such a CSV begins.
const FIRST: &[u8] = b"schema_version,tool,";
/// Columns whose cells are texts, also where they look like a number.
const TEXTS: &[&str] = &[
    "tool",
    "model_name",
    "model_size_params",
    "benchmark_type",
    "notes",
    "test_id",
    "run_id",
    "case_id",
    "kind",
    "booking_id",
    "arm",
    "ending",
    "validity",
    "platform",
    "engine",
    "quantization",
    "driver",
    "endpoint",
    "machine",
    "gpu_name",
    "gpu_driver",
    "provenance",
    "imported_from",
    "task_category",
    "instance",
];
/// Characters that stand behind a `'` at the beginning of a cell.
const GUARDED: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

fn fits_json(file: &File<'_>) -> bool {
    file.json.as_ref().is_some_and(|json| json["kind"] == NAME && json["results"].is_array())
}

fn read_json(file: &File<'_>) -> Found {
    let document = match json(file) {
        Ok(document) => document,
        Err(found) => return found,
    };
    if let Err(why) = known(&document["schema_version"]) {
        return nothing("the file", why);
    }
    let Some(rows) = document["results"].as_array() else {
        return nothing("the file", "it has no list `results`".to_owned());
    };
    let tool = document["tool"].as_str().unwrap_or("tokgate");
    let placed = rows.iter().enumerate().map(|(at, row)| (format!("results[{at}]"), row));
    each(placed, |row| ours::read(row, tool, NAME, file.name))
}

fn known(version: &Value) -> Result<(), String> {
    match version.as_u64() {
        Some(version) if version <= SCHEMA_VERSION => Ok(()),
        _ => Err(format!(
            "its `schema_version` is {version}, and this tokgate knows {SCHEMA_VERSION}: use the tokgate that wrote it, or a newer one"
        )),
    }
}

fn fits_csv(file: &File<'_>) -> bool {
    file.bytes.starts_with(FIRST)
}

fn read_csv(file: &File<'_>) -> Found {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(file.bytes);
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(why) => return nothing("line 1", format!("it is no header: {why}")),
    };
    let mut found = Found::default();
    for record in reader.byte_records() {
        let at = |position: Option<&csv::Position>| {
            position.map_or("a line".to_owned(), |position| format!("line {}", position.line()))
        };
        let (place, row) = match record {
            Ok(record) => (at(record.position()), object(&header, &record)),
            Err(why) => (at(why.position()), Err(why.to_string())),
        };
        match row.and_then(|row| one(row, file.name)) {
            Ok(result) => found.results.push(result),
            Err(why) => found.bad.push(BadEntry { place, why }),
        }
    }
    found
}

/// A row, after what stands in it about the file is taken out.
fn one(
    mut row: Map<String, Value>,
    file: &str,
) -> Result<tokgate_core::imported::Imported, String> {
    known(&row.remove("schema_version").unwrap_or_default())?;
    let tool = row.remove("tool").unwrap_or_default();
    ours::read(&Value::Object(row), tool.as_str().unwrap_or("tokgate"), CSV_NAME, file)
}

fn object(header: &[String], record: &ByteRecord) -> Result<Map<String, Value>, String> {
    if record.len() != header.len() {
        return Err(format!("it has {} cells, and the header {}", record.len(), header.len()));
    }
    let mut row = Map::new();
    for (name, cell) in header.iter().zip(record) {
        let cell = std::str::from_utf8(cell).map_err(|_| format!("its `{name}` is no UTF-8"))?;
        row.insert(name.clone(), value(name, cell));
    }
    Ok(row)
}

/// A cell as the JSON has it: nothing, a text, or a number, list or object.
fn value(name: &str, cell: &str) -> Value {
    let text = || match cell.strip_prefix('\'').filter(|rest| rest.starts_with(GUARDED)) {
        Some(rest) => Value::from(unspelled(rest)),
        None => Value::from(unspelled(cell)),
    };
    match cell {
        "" => Value::Null,
        _ if TEXTS.contains(&name) => text(),
        _ => serde_json::from_str(cell).unwrap_or_else(|_| text()),
    }
}
