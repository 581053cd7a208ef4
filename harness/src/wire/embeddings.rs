//! What the reply of an OpenAI-compatible `/embeddings` carries: vectors as lists of numbers or as
//! little-endian f32 in base64, whichever the server wrote.
//!
//! A vector is checked before anybody sees it, so that nothing behind this file need ask whether
//! there are as many as inputs, in which order they are, and whether they are usable. What does
//! not live here, on purpose: connections, and whether later replies are like the first one.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use tokgate_core::case::Encoding;

/// Most components of a vector; the largest models have some thousands. A hostile server shall not
/// make us reserve more.
const MOST_DIMENSIONS: usize = 1 << 20;
/// Longest usage object that is kept; real ones have some tens of bytes.
const USAGE_BYTES: usize = 16 << 10;
/// Bytes of a component in base64.
const FLOAT_BYTES: usize = size_of::<f32>();
/// Base64 with or without its padding, which servers leave out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The vectors of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One for each input, in the order of the inputs; all of one length, finite, none zero.
    pub vectors: Vec<Vec<f32>>,
    /// How they were written.
    pub encoding: Encoding,
    /// Tokens of all inputs, where the server says so.
    pub prompt_tokens: Option<u64>,
    /// The usage object as the server wrote it.
    pub usage: Option<Value>,
    /// The model as the server names it.
    pub model: Option<String>,
}

impl Embeddings {
    /// Components of a vector.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.vectors.first().map_or(0, Vec::len)
    }
}

/// Why a reply is no answer. Inputs and components count from 0.
#[derive(Debug, thiserror::Error)]
pub enum NoEmbeddings {
    /// The server says that it failed; its words.
    #[error("{0}")]
    Refused(String),
    /// It is no such reply at all.
    #[error("not a list of embeddings ({error}{hint})")]
    Unreadable {
        /// What JSON says.
        error: serde_json::Error,
        /// What is probably the matter.
        hint: &'static str,
    },
    /// More or fewer than were asked for.
    #[error("{got} vectors came for {expected} inputs")]
    Count {
        /// Inputs that were sent.
        expected: usize,
        /// Vectors that came.
        got: usize,
    },
    /// An `index` that is no input's.
    #[error("a vector has index {index}, and there are {inputs} inputs")]
    NoSuchInput {
        /// As it was written.
        index: u64,
        /// Inputs that were sent.
        inputs: usize,
    },
    /// Two vectors for one input, and so none for another.
    #[error("two vectors have index {0}")]
    Twice(usize),
    /// Not all of one length.
    #[error("input {input}: the vector has {got} components, and that of input 0 has {expected}")]
    Length {
        /// Of which input.
        input: usize,
        /// Components of the first.
        expected: usize,
        /// Its own.
        got: usize,
    },
    /// No components at all.
    #[error("input {0}: the vector is empty")]
    Empty(usize),
    /// A component that is no finite number.
    #[error("input {input}: component {component} is {value}; is the model's precision enough?")]
    NotFinite {
        /// Of which input.
        input: usize,
        /// Which component.
        component: usize,
        /// What it is as f32; `null`, which servers write for NaN, is NaN.
        value: f32,
    },
    /// A vector without a direction.
    #[error("input {0}: all components are 0")]
    Zero(usize),
}

/// The body of a reply, borrowed from its text.
#[derive(Debug, serde::Deserialize)]
struct Body<'a> {
    #[serde(default)]
    data: Option<Vec<Item>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object: Option<Cow<'a, str>>,
}

#[derive(Debug, serde::Deserialize)]
struct Item {
    #[serde(default)]
    index: Option<u64>,
    embedding: Written,
}

/// A vector, and how it was written.
#[derive(Debug)]
struct Written {
    vector: Vec<f32>,
    encoding: Encoding,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers, or f32 in base64")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Written, A::Error> {
        let mut vector = Vec::new();
        // C++ servers write `null` for a number that is none.
        while let Some(number) = numbers.next_element::<Option<f64>>()? {
            if vector.len() == MOST_DIMENSIONS {
                return Err(A::Error::custom(format_args!("more than {MOST_DIMENSIONS} numbers")));
            }
            vector.push(number.map_or(f32::NAN, |number| number as f32));
        }
        Ok(Written { vector, encoding: Encoding::Float })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
        let bytes =
            BASE64.decode(text).map_err(|error| E::custom(format_args!("base64: {error}")))?;
        let (floats, rest) = bytes.as_chunks::<FLOAT_BYTES>();
        if !rest.is_empty() || floats.len() > MOST_DIMENSIONS {
            return Err(E::custom(format_args!("{} bytes in base64 are no f32s", bytes.len())));
        }
        let vector = floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok(Written { vector, encoding: Encoding::Base64 })
    }
}

/// Reads the reply to a request with `inputs` texts.
///
/// # Errors
/// When it is no list of embeddings, or one whose vectors are not those of the inputs; the message
/// names the input.
pub fn read(body: &str, inputs: usize) -> Result<Embeddings, NoEmbeddings> {
    let body_of: Body<'_> = serde_json::from_str(body)
        .map_err(|error| NoEmbeddings::Unreadable { error, hint: hint(body) })?;
    let failed = body_of.error.is_some() || body_of.object.as_deref() == Some("error");
    if failed {
        return Err(NoEmbeddings::Refused(super::openai::error_message(body)));
    }
    let items = body_of.data.unwrap_or_default();
    if items.len() != inputs {
        return Err(NoEmbeddings::Count { expected: inputs, got: items.len() });
    }
    let encoding = items.first().map_or(Encoding::Float, |item| item.embedding.encoding);
    let vectors = in_order(items)?;
    let usage = body_of.usage.map(RawValue::get).filter(|usage| usage.len() <= USAGE_BYTES);
    let usage: Option<Value> = usage.and_then(|usage| serde_json::from_str(usage).ok());
    check(&vectors)?;
    Ok(Embeddings {
        vectors,
        encoding,
        prompt_tokens: usage.as_ref().and_then(|usage| usage["prompt_tokens"].as_u64()),
        usage,
        model: body_of.model.map(Cow::into_owned),
    })
}

/// Python's JSON has words that JSON has not.
fn hint(body: &str) -> &'static str {
    match body.contains("NaN") || body.contains("Infinity") {
        true => "; it holds NaN or Infinity, which are no JSON: is the model's precision enough?",
        false => "",
    }
}

/// The vectors in the order of their inputs: by `index`; where no vector has one, as they came.
fn in_order(items: Vec<Item>) -> Result<Vec<Vec<f32>>, NoEmbeddings> {
    let inputs = items.len();
    if items.iter().all(|item| item.index.is_none()) {
        return Ok(items.into_iter().map(|item| item.embedding.vector).collect());
    }
    let mut places: Vec<Option<Vec<f32>>> = vec![None; inputs];
    for (came, item) in items.into_iter().enumerate() {
        let index = item.index.unwrap_or(came as u64);
        let place = usize::try_from(index).ok().filter(|place| *place < inputs);
        let place = place.ok_or(NoEmbeddings::NoSuchInput { index, inputs })?;
        if places[place].replace(item.embedding.vector).is_some() {
            return Err(NoEmbeddings::Twice(place));
        }
    }
    // As many as there are places, none twice: all are filled.
    Ok(places.into_iter().flatten().collect())
}

fn check(vectors: &[Vec<f32>]) -> Result<(), NoEmbeddings> {
    let expected = vectors.first().map_or(0, Vec::len);
    for (input, vector) in vectors.iter().enumerate() {
        if vector.is_empty() {
            return Err(NoEmbeddings::Empty(input));
        }
        if vector.len() != expected {
            return Err(NoEmbeddings::Length { input, expected, got: vector.len() });
        }
        if let Some(component) = vector.iter().position(|value| !value.is_finite()) {
            let value = vector[component];
            return Err(NoEmbeddings::NotFinite { input, component, value });
        }
        if vector.iter().all(|value| *value == 0.0) {
            return Err(NoEmbeddings::Zero(input));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "embeddings_tests.rs"]
mod tests;
