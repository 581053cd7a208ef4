//! What one event of an OpenAI-compatible stream carries.
//!
//! Servers add fields, leave fields out and write `null` for absent, so everything is optional and
//! what is not named here is skipped without being read. What does not live here, on purpose: what
//! the events of one reply mean together (the driver's business).

use super::piece::{Carried, Object, Piece, Text, filled};
use serde_json::value::RawValue;
use tokgate_core::record::{Counted, EventKind, Usage};

/// The data of the event that ends a stream.
pub const END: &str = "[DONE]";

/// A chunk of a chat or text completion, or a whole one; borrowed from its frame.
#[derive(Debug, Default, serde::Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    system_fingerprint: Option<Text<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    /// llama.cpp's own times of the request.
    #[serde(borrow, default)]
    timings: Option<&'a RawValue>,
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
    /// What a whole answer has. Some servers repeat all of the answer so far beside each `delta`.
    #[serde(borrow, default)]
    message: Option<Delta<'a>>,
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
    let Object(chunk): Object<Chunk<'_>> = serde_json::from_str(data)?;
    let failed = chunk.error.is_some() || filled(chunk.object.as_ref()) == Some("error");
    match failed {
        true => Ok(Carried::Error(error_message(data))),
        false => Ok(Carried::Piece(chunk.piece())),
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
    let Object(counts): Object<Counts> = serde_json::from_str(raw)?;
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

impl<'a> Chunk<'a> {
    fn piece(self) -> Piece<'a> {
        let mut choices = self.choices.unwrap_or_default();
        Piece {
            kind: kind(&choices),
            finish_reason: choices.iter_mut().find_map(|choice| choice.finish_reason.take()),
            text: choices.iter_mut().find_map(Choice::take_content),
            model: self.model,
            fingerprint: self.system_fingerprint,
            completion_tokens: self.usage.and_then(completion_tokens),
            usage: self.usage.map(RawValue::get),
            timings: self.timings.map(RawValue::get),
            is_last: false,
        }
    }
}

fn kind(choices: &[Choice<'_>]) -> EventKind {
    const FIRST_TO_LAST: [EventKind; 4] =
        [EventKind::Content, EventKind::Reasoning, EventKind::ToolCall, EventKind::Refusal];
    FIRST_TO_LAST
        .into_iter()
        .find(|kind| choices.iter().any(|choice| choice.carries(*kind)))
        .unwrap_or(EventKind::Other)
}

/// Output tokens so far; what is wrong with them is told when the last object is read whole.
fn completion_tokens(usage: &RawValue) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct SoFar {
        completion_tokens: Option<u64>,
    }
    serde_json::from_str::<SoFar>(usage.get()).ok()?.completion_tokens
}

impl<'a> Choice<'a> {
    fn delta(&self) -> Option<&Delta<'a>> {
        self.delta.as_ref().or(self.message.as_ref())
    }

    fn content(&self) -> Option<&str> {
        filled(self.text.as_ref()).or_else(|| filled(self.delta()?.content.as_ref()))
    }

    fn take_content(&mut self) -> Option<Text<'a>> {
        let delta = self.delta.as_mut().or(self.message.as_mut());
        let content = delta.and_then(|it| it.content.take());
        [self.text.take(), content].into_iter().find(|it| filled(it.as_ref()).is_some())?
    }

    fn carries(&self, kind: EventKind) -> bool {
        let delta = self.delta();
        match kind {
            EventKind::Content => self.content().is_some(),
            EventKind::Reasoning => delta.is_some_and(Delta::reasons),
            EventKind::ToolCall => delta.is_some_and(Delta::calls_a_tool),
            EventKind::Refusal => delta.is_some_and(|it| filled(it.refusal.as_ref()).is_some()),
            EventKind::Whole | EventKind::Other => true,
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

#[cfg(test)]
#[path = "openai_tests.rs"]
mod tests;
