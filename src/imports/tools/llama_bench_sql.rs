//! `llama-bench -o sql`: a table and one `INSERT` a test, without the single repetitions. Each is
//! made into the object that `-o json` writes.

use super::draft::{Origin, found};
use super::llama_bench;
use super::values::head;
use crate::imports::{File, Format, Found};
use serde_json::{Map, Value};

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };

const NAME: &str = "llama-bench-sql";
const INSERT: &str = "INSERT INTO ";
/// Fields that are texts, whatever they look like.
const TEXTS: [&str; 12] = [
    "build_commit",
    "cpu_info",
    "gpu_info",
    "backends",
    "model_filename",
    "model_type",
    "cpu_mask",
    "type_k",
    "type_v",
    "split_mode",
    "tensor_split",
    "test_time",
];

fn fits(file: &File<'_>) -> bool {
    if file.json.is_some() {
        return false;
    }
    let head = head(file);
    let head = head.trim_start();
    (head.starts_with("CREATE TABLE ") || head.starts_with(INSERT))
        && llama_bench::MARKS.iter().all(|mark| head.contains(mark))
}

fn read(file: &File<'_>) -> Found {
    let origin = Origin::of(NAME, file);
    let text = String::from_utf8_lossy(file.bytes);
    let inserts = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, line.trim_start().strip_prefix(INSERT)?)));
    found(inserts.map(|(line, insert)| {
        let read = test(insert).and_then(|test| llama_bench::one(origin, &test));
        (format!("line {line}"), read)
    }))
}

/// `llama_bench (a, b) VALUES ('1', '2');`
fn test(insert: &str) -> Result<Value, String> {
    let torn = || "its INSERT is torn".to_owned();
    let (_, rest) = insert.split_once('(').ok_or_else(torn)?;
    let (columns, rest) = rest.split_once(')').ok_or_else(torn)?;
    let rest = rest.trim_start().strip_prefix("VALUES").ok_or_else(torn)?;
    let rest = rest.trim_start().strip_prefix('(').ok_or_else(torn)?;
    let columns: Vec<&str> = columns.split(',').map(str::trim).collect();
    let values = quoted(rest).ok_or_else(torn)?;
    if columns.len() != values.len() {
        return Err(format!("it has {} columns and {} values", columns.len(), values.len()));
    }
    let fields = columns.into_iter().zip(values);
    Ok(Value::Object(
        fields.map(|(name, text)| (name.to_owned(), typed(name, text))).collect::<Map<_, _>>(),
    ))
}

/// The quoted values up to the closing parenthesis. llama-bench escapes nothing: a quote ends a
/// value only before what may follow one.
fn quoted(mut rest: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    loop {
        rest = rest.trim_start().strip_prefix('\'')?;
        let ends = |(at, _): &(usize, &str)| {
            let after = rest[at + 1..].trim_start();
            after.starts_with(", '") || after.starts_with(",'") || after.starts_with(");")
        };
        let (end, _) = rest.match_indices('\'').find(ends)?;
        values.push(rest[..end].replace("''", "'"));
        rest = rest[end + 1..].trim_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Some(values),
        }
    }
}

/// A number where it is one, as `-o json` writes it.
fn typed(name: &str, text: String) -> Value {
    let number = || serde_json::from_str(&text).ok().filter(Value::is_number);
    match TEXTS.contains(&name) {
        true => Value::String(text),
        false => number().unwrap_or(Value::String(text)),
    }
}
