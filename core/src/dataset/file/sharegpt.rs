//! `sharegpt`: recorded conversations, as one JSON list or a conversation a line. Each turn of the
//! person is a request, whose messages are all that was said before it, recorded answers included.

use super::conversation::{self, Said, role};
use super::lines::{Lines, MAX_LINE_BYTES};
use super::{FileError, MAX_ENTRIES, Written, add};
use crate::dataset::{Message, Role};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

#[derive(serde::Deserialize)]
struct Conversation {
    #[serde(default, alias = "conversation")]
    conversations: Option<Vec<Turn>>,
    messages: Option<Vec<Said>>,
}

#[derive(serde::Deserialize)]
struct Turn {
    from: String,
    value: String,
}

pub(super) fn read(lines: &mut Lines<'_>) -> Result<Vec<Written>, FileError> {
    match lines.peek() {
        Some(b'[') => list(lines),
        Some(_) | None => each_line(lines),
    }
}

fn each_line(lines: &mut Lines<'_>) -> Result<Vec<Written>, FileError> {
    let mut entries = Vec::new();
    while let Some(line) = lines.next() {
        match read_one(line.text) {
            Ok(conversation) => turns(conversation, &mut entries)?,
            Err(what) => lines.refuse(line.number, what),
        }
    }
    Ok(entries)
}

/// A list is one JSON text: where its brackets do not close, nothing in it can be told apart.
fn list(lines: &mut Lines<'_>) -> Result<Vec<Written>, FileError> {
    let mut entries = Vec::new();
    let Some(text) = lines.rest() else { return Ok(entries) };
    let items: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(Items(items)) => items,
        Err(error) => {
            lines.refuse(error.line() as u64, conversation::words(&error));
            return Ok(entries);
        }
    };
    let mut place = Place { line: 1, rest: text };
    for item in items {
        let line = place.go_to(item.get());
        match read_one(item.get()) {
            Ok(conversation) => turns(conversation, &mut entries)?,
            Err(what) => lines.refuse(line, what),
        }
    }
    Ok(entries)
}

/// The items of a list, no more than there may be requests: a list of a thousand million zeros
/// must not take our memory.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == MAX_ENTRIES {
                return Err(A::Error::custom(format!("more than {MAX_ENTRIES} conversations")));
            }
            items.push(item);
        }
        Ok(Items(items))
    }
}

/// Where we are in a text: items come in its order, so that every line is counted once.
struct Place<'a> {
    line: u64,
    rest: &'a str,
}

impl Place<'_> {
    /// The line of `item`, which is a piece of the text at or after this place.
    fn go_to(&mut self, item: &str) -> u64 {
        let distance = item.as_ptr() as usize - self.rest.as_ptr() as usize;
        let (passed, rest) = self.rest.split_at(distance.min(self.rest.len()));
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.rest = rest;
        self.line
    }
}

fn read_one(text: &str) -> Result<Vec<Message>, String> {
    if text.len() > MAX_LINE_BYTES {
        return Err(format!("{} bytes, more than the {MAX_LINE_BYTES} of a line", text.len()));
    }
    let read: Conversation =
        serde_json::from_str(text).map_err(|error| conversation::words(&error))?;
    let messages = match (read.conversations, read.messages) {
        (Some(turns), None) => {
            conversation::within_limits(turns.len())?;
            turns.into_iter().map(Turn::message).collect::<Result<Vec<_>, _>>()?
        }
        (None, Some(said)) => conversation::messages(said)?,
        _ => return Err("expected either `conversations` or `messages`".to_owned()),
    };
    match messages.iter().any(|message| message.role == Role::User) {
        true => Ok(messages),
        false => Err("nobody asks anything in the conversation".to_owned()),
    }
}

impl Turn {
    fn message(self) -> Result<Message, String> {
        Ok(Message { role: role(&self.from)?, content: self.value })
    }
}

/// A request for each turn of the person.
fn turns(conversation: Vec<Message>, entries: &mut Vec<Written>) -> Result<(), FileError> {
    let conversation: Arc<[Message]> = conversation.into();
    for (index, message) in conversation.iter().enumerate() {
        if message.role == Role::User {
            let conversation = Arc::clone(&conversation);
            add(
                entries,
                Written { conversation, until: index + 1, max_tokens: None, expected: None },
            )?;
        }
    }
    Ok(())
}
