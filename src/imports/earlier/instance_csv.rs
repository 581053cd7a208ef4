//! The same database of rented machines as CSV.

use super::draft::nothing;
use super::instances;
use crate::imports::{BadEntry, File, Format, Found};
use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::{Map, Value};

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };
const NAME: &str = "instance-csv";
/// Longest first line: a file without line ends is not read whole to say that it is none.
const LONGEST_HEADER: usize = 64 << 10;
/// What the table that people are shown calls its columns, by the names that files have.
const SHOWN: [(&str, &str); 7] = [
    ("gpu type", "gpu_type"),
    ("gpus", "gpus"),
    ("vram", "vram"),
    ("tokens/sec", "tokens_per_sec"),
    ("cost/1k", "cost_per_1k_tokens"),
    ("$/hour", "hourly_cost"),
    ("efficiency", "cost_efficiency"),
];

fn fits(file: &File<'_>) -> bool {
    let line = file.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.len() > LONGEST_HEADER {
        return false;
    }
    let header = header(&mut reader(line)).unwrap_or_default();
    let has = |names: &[&str]| header.iter().any(|column| names.contains(&column.as_str()));
    has(&["gpu_type"]) && has(&["tokens_per_sec", "tokens_per_second"])
}

fn reader(bytes: &[u8]) -> Reader<&[u8]> {
    // Rows of another length are told rather than ending it all.
    ReaderBuilder::new().flexible(true).from_reader(bytes)
}

fn header(reader: &mut Reader<&[u8]>) -> Result<Vec<String>, String> {
    let header = reader.headers().map_err(|why| format!("its first line is no header: {why}"))?;
    Ok(header.iter().map(column).collect())
}

fn column(written: &str) -> String {
    let name = written.trim().to_lowercase();
    let shown = SHOWN.iter().find(|(shown, _)| *shown == name);
    shown.map_or_else(|| name.clone(), |(_, known)| (*known).to_owned())
}

fn read(file: &File<'_>) -> Found {
    let mut reader = reader(file.bytes);
    let header = match header(&mut reader) {
        Ok(header) => header,
        Err(why) => return nothing("line 1", why),
    };
    let mut found = Found::default();
    for record in reader.byte_records() {
        let place =
            |line: Option<u64>| line.map_or("a line".to_owned(), |line| format!("line {line}"));
        let (place, row) = match record {
            Ok(record) => {
                (place(record.position().map(csv::Position::line)), object(&header, &record))
            }
            Err(why) => (place(why.position().map(csv::Position::line)), Err(why.to_string())),
        };
        match row.and_then(|row| instances::one(&row, NAME, file.name)) {
            Ok(result) => found.results.push(result),
            Err(why) => found.bad.push(BadEntry { place, why }),
        }
    }
    found
}

fn object(header: &[String], record: &ByteRecord) -> Result<Value, String> {
    if record.len() != header.len() {
        return Err(format!("it has {} cells, and the header {}", record.len(), header.len()));
    }
    let mut row = Map::new();
    for (name, cell) in header.iter().zip(record) {
        let cell = std::str::from_utf8(cell).map_err(|_| format!("its `{name}` is no UTF-8"))?;
        row.insert(name.clone(), cell.into());
    }
    Ok(Value::Object(row))
}
