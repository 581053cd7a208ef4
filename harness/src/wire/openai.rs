//! What one event of an OpenAI-compatible stream carries.
//!
//! Servers add fields, leave fields out and write `null` for absent, so everything is optional and
//! what is not named here is skipped without being read. What does not live here, on purpose: what
//! the events of one reply mean together (the driver's business).

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use tokgate_core::record::{Counted, EventKind, Usage};

/// The data of the event that ends a stream.
pub const END: &str = "[DONE]";

/// What an event carries.
#[derive(Debug)]
pub enum Carried<'a> {
    /// The announced end.
    End,
    /// An error object in the middle of a successful response; its message.
    Error(String),
    /// A chunk of the answer.
    Chunk(Chunk<'a>),
}

/// A chunk of a chat or text completion, borrowed from the event.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Chunk<'a> {
    /// The model as the server names it.
    #[serde(borrow, default)]
    pub model: Option<Text<'a>>,
    /// The server's word for its own state.
    #[serde(borrow, default)]
    pub system_fingerprint: Option<Text<'a>>,
    /// Token counts so far, as the server wrote them; read them with [`usage`].
    #[serde(borrow, default)]
    pub usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object: Option<Text<'a>>,
}

#[derive(Debug, serde::Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    text: Option<Text<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Debug, serde::Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    reasoning: Option<Text<'a>>,
    #[serde(borrow, default)]
    refusal: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Debug, serde::Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Debug, serde::Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arguments: Option<Text<'a>>,
}

/// Reads the data of one event.
///
/// # Errors
/// When it is neither [`END`] nor an object whose known fields have their types: duplicate keys,
/// numbers out of range and nesting beyond serde_json's limit are errors too.
pub fn read(data: &str) -> Result<Carried<'_>, serde_json::Error> {
    if data == END {
        return Ok(Carried::End);
    }
    let chunk: Chunk<'_> = serde_json::from_str(data)?;
    let failed = chunk.error.is_some() || filled(chunk.object.as_ref()) == Some("error");
    match failed {
        true => Ok(Carried::Error(error_message(data))),
        false => Ok(Carried::Chunk(chunk)),
    }
}

/// The server's own words in an error reply: `{"error": {"message": ..}}`, `{"error": ".."}`,
/// vLLM's `{"object": "error", "message": ..}` or FastAPI's `{"detail": ..}`; the whole text where
/// it is none of them.
#[must_use]
pub fn error_message(body: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let places = ["/error/message", "/error", "/message", "/detail"];
    let message = places.iter().find_map(|place| value.pointer(place)?.as_str());
    message.unwrap_or(body.trim()).to_owned()
}

/// Token counts from a `usage` object; `None` where it does not give both of them.
///
/// # Errors
/// When a count is not a whole number.
pub fn usage(raw: &str) -> Result<Option<Usage>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Counts {
        prompt_tokens: Option<u64>,
        completion_tokens: Option<u64>,
        prompt_tokens_details: Option<Details>,
    }
    #[derive(serde::Deserialize)]
    struct Details {
        cached_tokens: Option<u64>,
    }
    let counts: Counts = serde_json::from_str(raw)?;
    let (Some(prompt_tokens), Some(completion_tokens)) =
        (counts.prompt_tokens, counts.completion_tokens)
    else {
        return Ok(None);
    };
    Ok(Some(Usage {
        prompt_tokens,
        completion_tokens,
        cached_tokens: counts.prompt_tokens_details.and_then(|details| details.cached_tokens),
        counted: Counted::Server,
        raw: Some(serde_json::from_str(raw)?),
    }))
}

impl Chunk<'_> {
    /// What the chunk carries. Several kinds in one event are still one event: the answer's text
    /// goes before reasoning, that before a tool call, that before a refusal.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        const FIRST_TO_LAST: [EventKind; 4] =
            [EventKind::Content, EventKind::Reasoning, EventKind::ToolCall, EventKind::Refusal];
        FIRST_TO_LAST
            .into_iter()
            .find(|kind| self.choices().any(|choice| choice.carries(*kind)))
            .unwrap_or(EventKind::Other)
    }

    /// The pieces of the answer's text, reasoning left out.
    pub fn text(&self) -> impl Iterator<Item = &str> {
        self.choices().filter_map(Choice::content)
    }

    /// Why the answer ended, in the server's word; `None` while it goes on.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&str> {
        self.choices().find_map(|choice| filled(choice.finish_reason.as_ref()))
    }

    fn choices(&self) -> impl Iterator<Item = &Choice<'_>> {
        self.choices.iter().flatten()
    }
}

impl Choice<'_> {
    fn content(&self) -> Option<&str> {
        let delta = self.delta.as_ref();
        filled(self.text.as_ref()).or_else(|| filled(delta?.content.as_ref()))
    }

    fn carries(&self, kind: EventKind) -> bool {
        let delta = self.delta.as_ref();
        match kind {
            EventKind::Content => self.content().is_some(),
            EventKind::Reasoning => delta.is_some_and(Delta::reasons),
            EventKind::ToolCall => delta.is_some_and(Delta::calls_a_tool),
            EventKind::Refusal => delta.is_some_and(|it| filled(it.refusal.as_ref()).is_some()),
            EventKind::Other => true,
        }
    }
}

impl Delta<'_> {
    fn reasons(&self) -> bool {
        filled(self.reasoning_content.as_ref()).or(filled(self.reasoning.as_ref())).is_some()
    }

    fn calls_a_tool(&self) -> bool {
        let functions = self.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
        functions
            .flat_map(|function| [function.name.as_ref(), function.arguments.as_ref()])
            .any(|text| filled(text).is_some())
    }
}

/// The text, unless it is absent or empty.
fn filled<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(Text::as_str).filter(|text| !text.is_empty())
}

/// A JSON string, borrowed where it has no escapes. A lone surrogate, which some servers write
/// when they cut a character, becomes U+FFFD instead of failing the reply.
#[derive(Debug)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for bytes, serde_json hands lone surrogates over instead of refusing them.
        deserializer.deserialize_bytes(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(String::from_utf8_lossy(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
#[path = "openai_tests.rs"]
mod tests;
