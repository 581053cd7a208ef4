//! `jsonl`: an object a line, with a prompt and possibly the length of its answer. Other keys are
//! not looked at.

use super::conversation::{self, Said};
use super::lines::Lines;
use super::{FileError, Written, add};
use crate::dataset::Message;
use serde::Deserialize;

#[derive(Deserialize)]
struct Object {
    prompt: Option<String>,
    text: Option<String>,
    messages: Option<Vec<Said>>,
    max_tokens: Option<u64>,
    output_tokens: Option<u64>,
    expected: Option<String>,
}

pub(super) fn read(lines: &mut Lines<'_>) -> Result<Vec<Written>, FileError> {
    let mut entries = Vec::new();
    while let Some(line) = lines.next() {
        match entry(line.text) {
            Ok(entry) => add(&mut entries, entry)?,
            Err(what) => lines.refuse(line.number, what),
        }
    }
    Ok(entries)
}

fn entry(line: &str) -> Result<Written, String> {
    let object: Object = serde_json::from_str(line).map_err(|error| conversation::words(&error))?;
    let max_tokens = conversation::limit(object.max_tokens.or(object.output_tokens))?;
    let messages = match (object.messages, object.prompt, object.text) {
        (Some(said), None, None) => conversation::messages(said)?,
        (None, Some(text), None) | (None, None, Some(text)) => vec![Message::user(text)],
        (None, None, None) => return Err("none of `prompt`, `text` and `messages`".to_owned()),
        _ => return Err("more than one of `prompt`, `text` and `messages`".to_owned()),
    };
    Ok(Written { expected: object.expected, ..Written::whole(messages, max_tokens) })
}
