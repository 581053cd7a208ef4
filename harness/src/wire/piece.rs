//! What one frame of a reply carries, whoever sent it.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use tokgate_core::quality::Likelihood;
use tokgate_core::record::{EventKind, Usage};

/// Whose JSON it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's chat and text completions, as most servers speak them.
    OpenAi,
    /// Ollama's own `/api/chat` and `/api/generate`.
    Ollama,
}

impl Dialect {
    /// Reads one frame: the data of an event, a line, or a whole body.
    ///
    /// # Errors
    /// When it is no object whose known fields have their types.
    pub fn read(self, data: &str) -> Result<Carried<'_>, serde_json::Error> {
        match self {
            Self::OpenAi => super::openai::read(data),
            Self::Ollama => super::ollama::read(data),
        }
    }

    /// Token counts from [`Piece::usage`]; `None` where it does not give them.
    ///
    /// # Errors
    /// When a count is not a whole number.
    pub fn usage(self, raw: &str) -> Result<Option<Usage>, serde_json::Error> {
        match self {
            Self::OpenAi => super::openai::usage(raw),
            Self::Ollama => super::ollama::usage(raw),
        }
    }
}

/// What a frame carries.
#[derive(Debug)]
pub enum Carried<'a> {
    /// The announced end, and nothing else.
    End,
    /// An error object in the middle of a successful response; its message.
    Error(String),
    /// A piece of the answer.
    Piece(Piece<'a>),
}

/// A piece of the answer, borrowed from its frame.
#[derive(Debug, Default)]
pub struct Piece<'a> {
    /// What it carries. Several kinds in one frame are still one event: the answer's text goes
    /// before reasoning, that before a tool call, that before a refusal.
    pub kind: EventKind,
    /// The answer's text, reasoning left out; that of the first choice.
    pub text: Option<Text<'a>>,
    /// Why the answer ended, in the server's word; `None` while it goes on.
    pub finish_reason: Option<Text<'a>>,
    /// The model as the server names it.
    pub model: Option<Text<'a>>,
    /// The server's word for its own state.
    pub fingerprint: Option<Text<'a>>,
    /// Token counts as the server wrote them; read them with [`Dialect::usage`].
    pub usage: Option<&'a str>,
    /// The server's own times of the request, as it wrote them, where they stand beside its usage.
    pub timings: Option<&'a str>,
    /// Output tokens so far, where the server says so with every piece.
    pub completion_tokens: Option<u64>,
    /// The probabilities of the piece's tokens, where the server tells them.
    pub likelihood: Option<Likelihood>,
    /// Whether the server says that this is the last piece.
    pub is_last: bool,
}

/// A token with the natural logarithm of its probability; tokens that have none are left out.
#[derive(serde::Deserialize)]
struct Told {
    logprob: Option<f64>,
}

/// The probabilities of a list of tokens; `None` where it is no such list: what is said beside an
/// answer never fails it.
pub(super) fn likelihood_of(tokens: &RawValue) -> Option<Likelihood> {
    let tokens: Vec<Told> = serde_json::from_str(tokens.get()).ok()?;
    sum(tokens.into_iter().filter_map(|token| token.logprob))
}

/// The same of the numbers alone; the first token of a text has none.
pub(super) fn likelihood_of_numbers(numbers: &RawValue) -> Option<Likelihood> {
    let numbers: Vec<Option<f64>> = serde_json::from_str(numbers.get()).ok()?;
    sum(numbers.into_iter().flatten())
}

fn sum(logprobs: impl Iterator<Item = f64>) -> Option<Likelihood> {
    let mut likelihood = Likelihood::default();
    logprobs.for_each(|logprob| likelihood.add(logprob));
    (likelihood.tokens > 0).then_some(likelihood)
}

/// The text, unless it is absent or empty.
pub(super) fn filled<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(Text::as_str).filter(|text| !text.is_empty())
}

/// A JSON string, borrowed where it has no escapes. A lone surrogate, which some servers write
/// when they cut a character, becomes U+FFFD instead of failing the reply.
#[derive(Debug, Clone)]
pub struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// A string without escapes.
    pub(super) fn plain(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Where it stands in the frame that it was borrowed from; `None` where it has escapes.
    pub(super) fn place_in(&self, frame: &str) -> Option<Range<usize>> {
        let Cow::Borrowed(text) = self.0 else { return None };
        let start = text.as_ptr().addr().checked_sub(frame.as_ptr().addr())?;
        Some(start..start + text.len()).filter(|place| frame.get(place.clone()) == Some(text))
    }

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
        Ok(super::text(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(super::text(bytes).into_owned()))
    }
}

/// An object. Alone, serde takes an array for a struct as well, its elements for the fields in
/// their order; no server means that.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}
