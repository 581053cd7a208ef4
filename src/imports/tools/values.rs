//! JSON values of a file, one after the other, each with its line.

use crate::imports::File;
use serde_json::{Deserializer, Value};
use std::borrow::Cow;

/// How much of a file that is not one JSON value is looked at to tell what it is.
const HEAD: usize = 256 << 10;
/// Numbers that Python and C write, and JSON does not have.
const NO_NUMBERS: [&str; 6] = ["NaN", "-Infinity", "Infinity", "-nan", "nan", "inf"];

/// A value, or what is wrong with it.
#[derive(Debug)]
pub(super) struct Placed<'a> {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    /// The value.
    pub(super) value: Result<Cow<'a, Value>, String>,
}

/// The beginning of a file that is not one JSON value, as text.
pub(super) fn head<'a>(file: &File<'a>) -> Cow<'a, str> {
    String::from_utf8_lossy(&file.bytes[..file.bytes.len().min(HEAD)])
}

/// Whether each of the names stands in the text as a field's.
pub(super) fn names_all(text: &str, names: &[&str]) -> bool {
    names.iter().all(|name| text.contains(&format!("\"{name}\"")))
}

/// The values of a file. After one that is torn, the next is looked for at the start of a line.
pub(super) fn values<'a>(file: &'a File<'_>) -> Vec<Placed<'a>> {
    match &file.json {
        Some(value) => vec![Placed { line: 1, value: Ok(Cow::Borrowed(value)) }],
        None => several(&String::from_utf8_lossy(file.bytes)),
    }
}

fn several(text: &str) -> Vec<Placed<'static>> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    loop {
        let blank = text[at..].len() - text[at..].trim_start().len();
        line += newlines(&text[at..at + blank]);
        at += blank;
        let rest = &text[at..];
        let mut stream = Deserializer::from_str(rest).into_iter::<Value>();
        let read = match stream.next() {
            None => return found,
            Some(Ok(value)) => {
                let value = Ok(Cow::Owned(value));
                (value, stream.byte_offset())
            }
            Some(Err(why)) => (Err(explained(rest, &why)), next_start(rest)),
        };
        found.push(Placed { line, value: read.0 });
        line += newlines(&rest[..read.1]);
        at += read.1;
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Where the next value may begin: at a line with an object.
fn next_start(rest: &str) -> usize {
    rest.find("\n{").map_or(rest.len(), |newline| newline + 1)
}

/// What is wrong, with the field where it is.
fn explained(text: &str, why: &serde_json::Error) -> String {
    if why.is_eof() {
        return "it ends within a value: the file is torn, or still being written".to_owned();
    }
    let at = position(text, why);
    let field = last_field(&text[..at]);
    let rest = text[at..].trim_start();
    let none = NO_NUMBERS.into_iter().find(|word| rest.starts_with(word));
    match (field, none) {
        (Some(field), Some(none)) => format!("`{field}` is {none}, expected a number"),
        (Some(field), None) => format!("near `{field}`: {}", bare(why)),
        (None, _) => bare(why),
    }
}

/// The message without the line and column, which count from the value's start.
fn bare(why: &serde_json::Error) -> String {
    let text = why.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The byte at which it went wrong: that of a word that should not be, or the one after it.
fn position(text: &str, why: &serde_json::Error) -> usize {
    let before: usize =
        text.split_inclusive('\n').take(why.line().saturating_sub(1)).map(str::len).sum();
    let mut at = (before + why.column().saturating_sub(1)).min(text.len());
    // `-Infinity` is told at what follows its sign, and columns may fall within a character.
    while !text.is_char_boundary(at) || (at > 0 && text[..at].ends_with('-')) {
        at -= 1;
    }
    at
}

/// The name of the last field that begins before the end of a text.
fn last_field(text: &str) -> Option<&str> {
    let mut end = text.len();
    loop {
        let colon = text[..end].rfind(':')?;
        let before = text[..colon].trim_end();
        if let Some(named) = before.strip_suffix('"') {
            return named.rfind('"').map(|start| &named[start + 1..]);
        }
        end = colon;
    }
}
