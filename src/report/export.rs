//! Stored results as one file for another tokgate: JSON, and CSV with the same columns.

use anyhow::{Context, Result};
use csv::{Terminator, WriterBuilder};
use serde_json::{Map, Value, json};
use tokgate_core::diagnostic::{spelled, spelled_json};

/// Version of the shape.
const SCHEMA_VERSION: u32 = 1;
/// What such a file says that it is.
const KIND: &str = "tokgate-export";
/// A cell that begins with one of these runs as a formula where a spreadsheet opens it; `'` is among
/// them so that it can be told from the one before them.
const GUARDED: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

type Row = Map<String, Value>;

fn tool() -> String {
    format!("tokgate {}", env!("CARGO_PKG_VERSION"))
}

/// As one JSON object.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "tool": tool(),
        "kind": KIND,
        "results": rows,
    });
    format!("{document:#}\n")
}

/// As CSV by RFC 4180, a line a row. What is a list or an object there is JSON in a cell here.
///
/// # Errors
/// When a cell cannot be written.
pub fn csv(columns: &[String], rows: &[Row]) -> Result<String> {
    let first = ["schema_version", "tool"].map(str::to_owned);
    let header = first.into_iter().chain(columns.iter().cloned()).collect();
    let rows = rows.iter().map(|row| {
        let about = [SCHEMA_VERSION.to_string(), tool()];
        let cells = columns.iter().map(|column| cell(row.get(column).unwrap_or(&Value::Null)));
        about.into_iter().chain(cells).collect()
    });
    lines(std::iter::once(header).chain(rows))
}

/// Lines of cells as CSV by RFC 4180.
///
/// # Errors
/// When a cell cannot be written.
pub(super) fn lines(lines: impl Iterator<Item = Vec<String>>) -> Result<String> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for line in lines {
        writer.write_record(line)?;
    }
    let bytes = writer.into_inner().context("a line of CSV cannot be written")?;
    String::from_utf8(bytes).context("a line of CSV is no UTF-8")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => guarded(text),
        other => spelled_json(&other.to_string()),
    }
}

/// A text that no spreadsheet takes for a formula and no terminal for an order.
pub(super) fn guarded(text: &str) -> String {
    let text = spelled(text);
    match text.starts_with(GUARDED) {
        true => format!("'{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula_and_no_number_is_a_text() {
        for text in ["=1+1", "+1", "-1", "@a", "\ta", "'a"] {
            assert_eq!(cell(&text.into()), format!("'{text}"));
        }
        assert_eq!(cell(&"\ra\u{1b}[31m".into()), "\\u{d}a\\u{1b}[31m");
        assert_eq!(cell(&json!(["\u{9b}"])), "[\"\\u009b\"]");
        assert_eq!(cell(&json!(-1.5)), "-1.5");
        assert_eq!((cell(&json!("a=b")), cell(&Value::Null)), ("a=b".to_owned(), String::new()));
    }

    #[test]
    fn a_cell_with_a_comma_a_quote_or_a_line_end_is_quoted() {
        let row = Map::from_iter([("notes".to_owned(), json!("a,\"b\"\r\nc"))]);
        let text = csv(&["notes".to_owned()], &[row]).unwrap();
        let expected =
            format!("schema_version,tool,notes\r\n1,{},\"a,\"\"b\"\"\\u{{d}}\nc\"\r\n", tool());
        assert_eq!(text, expected);
    }
}
