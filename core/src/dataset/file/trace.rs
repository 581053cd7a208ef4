//! `trace`: when requests came and how long they were, as JSON lines (Mooncake's
//! `{"timestamp", "input_length", "output_length"}`, milliseconds) or as CSV with a header
//! (the same names, or Azure's `TIMESTAMP,ContextTokens,GeneratedTokens`, times of day).
//!
//! Which blocks of a prompt were shared (`hash_ids`) is not read: prompts are made by their lengths.

use super::conversation;
use super::lines::Lines;
use super::moment::Moment;
use super::{FileError, Traced, add};
use crate::dataset::length::MOST_TOKENS;
use serde::Deserialize;

pub(super) fn read(lines: &mut Lines<'_>) -> Result<Vec<Traced>, FileError> {
    let mut entries = match lines.peek() {
        Some(b'{') => objects(lines)?,
        Some(_) | None => table(lines)?,
    };
    from_the_earliest(&mut entries);
    Ok(entries)
}

#[derive(Deserialize)]
struct Object {
    timestamp: Option<f64>,
    input_length: u64,
    output_length: u64,
}

fn objects(lines: &mut Lines<'_>) -> Result<Vec<Traced>, FileError> {
    let mut entries = Vec::new();
    while let Some(line) = lines.next() {
        match object(line.text) {
            Ok(entry) => add(&mut entries, entry)?,
            Err(what) => lines.refuse(line.number, what),
        }
    }
    Ok(entries)
}

fn object(line: &str) -> Result<Traced, String> {
    let read: Object = serde_json::from_str(line).map_err(|error| conversation::words(&error))?;
    Ok(Traced {
        at_s: read.timestamp.map(|ms| ms / 1e3),
        input_tokens: tokens("input_length", read.input_length)?,
        output_tokens: tokens("output_length", read.output_length)?,
    })
}

/// Where the columns of a table are.
struct Columns {
    time: Option<usize>,
    input: usize,
    output: usize,
}

impl Columns {
    fn of(header: &str) -> Option<Self> {
        let names: Vec<String> = cells(header).map(str::to_ascii_lowercase).collect();
        let find = |known: [&str; 2]| names.iter().position(|name| known.contains(&name.as_str()));
        Some(Self {
            time: find(["timestamp", "time"]),
            input: find(["input_length", "contexttokens"])?,
            output: find(["output_length", "generatedtokens"])?,
        })
    }

    fn entry(&self, row: &str) -> Result<Traced, String> {
        let cells: Vec<&str> = cells(row).collect();
        let cell = |index: usize| cells.get(index).copied().ok_or("too few columns".to_owned());
        let number = |name, index| {
            let text = cell(index)?;
            let number = text.parse().map_err(|_| format!("{name} is no whole number"))?;
            tokens(name, number)
        };
        let time = self.time.map(|index| cell(index)?.parse::<Moment>()).transpose()?;
        Ok(Traced {
            at_s: time.map(|time| time.0),
            input_tokens: number("the input length", self.input)?,
            output_tokens: number("the output length", self.output)?,
        })
    }
}

/// Whether a line is the header of a trace.
pub(super) fn is_header(line: &str) -> bool {
    Columns::of(line).is_some()
}

fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.split(',').map(|cell| cell.trim().trim_matches('"'))
}

fn table(lines: &mut Lines<'_>) -> Result<Vec<Traced>, FileError> {
    let mut entries = Vec::new();
    let Some(header) = lines.next() else { return Ok(entries) };
    let Some(columns) = Columns::of(header.text) else {
        let what = "no header of a trace, such as `timestamp,input_length,output_length`";
        lines.refuse(header.number, what);
        return Ok(entries);
    };
    while let Some(line) = lines.next() {
        match columns.entry(line.text) {
            Ok(entry) => add(&mut entries, entry)?,
            Err(what) => lines.refuse(line.number, what),
        }
    }
    Ok(entries)
}

fn tokens(what: &str, number: u64) -> Result<u32, String> {
    match u32::try_from(number).ok().filter(|number| (1..=MOST_TOKENS).contains(number)) {
        Some(number) => Ok(number),
        None => Err(format!("{what} is {number}, expected 1 to {MOST_TOKENS}")),
    }
}

/// Traces count from midnight, from 1970 or from nowhere: here the earliest request comes at 0.
fn from_the_earliest(entries: &mut [Traced]) {
    let earliest = entries.iter().filter_map(|entry| entry.at_s).reduce(f64::min);
    for entry in entries {
        entry.at_s = entry.at_s.zip(earliest).map(|(at, earliest)| at - earliest);
    }
}
