//! What one event of an OpenAI-compatible stream carries.
//!
//! Servers add fields, leave fields out and write `null` for absent, so everything is optional and
//! what is not named here is skipped without being read. What does not live here, on purpose: what
//! the events of one reply mean together (the driver's business).

use super::piece::{Carried, Object, Piece, Text, filled, likelihood_of, likelihood_of_numbers};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;
use tokgate_core::quality::Likelihood;
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
    choices: Option<Folded<Choices<'a>>>,
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
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
}

/// Probabilities as chat completions have them (`content`, `reasoning_content` beside it in some
/// servers is left out), and as text completions do.
#[derive(serde::Deserialize)]
struct Logprobs<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    token_logprobs: Option<&'a RawValue>,
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
    #[serde(default)]
    tool_calls: Option<Folded<ToolCalls>>,
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

/// What all choices of a chunk carry together.
#[derive(Debug)]
struct Choices<'a> {
    kind: EventKind,
    /// Of the first choice that has one.
    finish_reason: Option<Text<'a>>,
    /// Of the first choice that has any.
    text: Option<Text<'a>>,
    /// Of the first choice that tells them.
    likelihood: Option<Likelihood>,
}

/// Whether any tool is called by name or with arguments.
#[derive(Debug, Default)]
struct ToolCalls(bool);

/// What takes in the elements of an array, one after the other, and needs none of them any longer:
/// arrays of events have one element mostly, for which a vector would be allocated each time.
trait Fold<'de>: Default {
    type Element: Deserialize<'de>;
    fn take(&mut self, element: Self::Element);
}

/// An array, folded.
#[derive(Debug)]
struct Folded<T>(T);

impl<'de, T: Fold<'de>> Deserialize<'de> for Folded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FoldVisitor(PhantomData)).map(Self)
    }
}

struct FoldVisitor<T>(PhantomData<T>);

impl<'de, T: Fold<'de>> Visitor<'de> for FoldVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<T, A::Error> {
        let mut folded = T::default();
        while let Some(element) = elements.next_element()? {
            folded.take(element);
        }
        Ok(folded)
    }
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
        let choices = self.choices.map(|Folded(choices)| choices).unwrap_or_default();
        Piece {
            kind: choices.kind,
            finish_reason: choices.finish_reason,
            text: choices.text,
            likelihood: choices.likelihood,
            model: self.model,
            fingerprint: self.system_fingerprint,
            completion_tokens: self.usage.and_then(completion_tokens),
            usage: self.usage.map(RawValue::get),
            timings: self.timings.map(RawValue::get),
            is_last: false,
        }
    }
}

/// Several kinds in one chunk are still one event, which is of the first of them.
const FIRST_TO_LAST: [EventKind; 4] =
    [EventKind::Content, EventKind::Reasoning, EventKind::ToolCall, EventKind::Refusal];

impl Default for Choices<'_> {
    fn default() -> Self {
        Self { kind: EventKind::Other, finish_reason: None, text: None, likelihood: None }
    }
}

impl<'de: 'a, 'a> Fold<'de> for Choices<'a> {
    type Element = Choice<'a>;

    fn take(&mut self, mut choice: Choice<'a>) {
        let mut before = FIRST_TO_LAST.into_iter().take_while(|kind| *kind != self.kind);
        if let Some(kind) = before.find(|kind| choice.carries(*kind)) {
            self.kind = kind;
        }
        self.finish_reason = self.finish_reason.take().or(choice.finish_reason.take());
        self.text = self.text.take().or_else(|| choice.take_content());
        self.likelihood = self.likelihood.or_else(|| choice.logprobs.and_then(likelihood));
    }
}

impl<'de> Fold<'de> for ToolCalls {
    type Element = ToolCall<'de>;

    fn take(&mut self, call: ToolCall<'de>) {
        let function = call.function.as_ref();
        let mut said =
            function.into_iter().flat_map(|it| [it.name.as_ref(), it.arguments.as_ref()]);
        self.0 |= said.any(|text| filled(text).is_some());
    }
}

fn likelihood(logprobs: &RawValue) -> Option<Likelihood> {
    let told: Logprobs<'_> = serde_json::from_str(logprobs.get()).ok()?;
    let content = told.content.and_then(likelihood_of);
    content.or_else(|| told.token_logprobs.and_then(likelihood_of_numbers))
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
        self.tool_calls.as_ref().is_some_and(|Folded(calls)| calls.0)
    }
}

#[cfg(test)]
#[path = "openai_tests.rs"]
mod tests;
