//! The ways to say an answer, OpenAI's and Ollama's, and what all of them are told.

use super::answer::{Answer, Portion};
use super::embeddings::{Embeddings, Space};
use super::fault::Framing;
use super::ollama::Ollama;
use super::openai::OpenAi;
use super::options::{Options, UsagePolicy};
use super::question::Question;
use super::truth::Endpoint;
use serde_json::Value;
use std::time::Duration;

/// Who answers: what a reply says of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// The model's name.
    pub(super) model: String,
    /// The state of the server, which changes with the model.
    pub(super) fingerprint: &'static str,
}

impl Identity {
    /// The model's name as JSON.
    pub(super) fn quoted(&self) -> String {
        Value::from(self.model.as_str()).to_string()
    }
}

/// A piece of an answer.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    /// Which prompt it answers.
    pub(super) index: u32,
    /// What it carries.
    pub(super) portion: &'a Portion,
    /// The answer that it is a part of.
    pub(super) answer: &'a Answer,
    /// Output tokens of the request with this piece.
    pub(super) tokens_so_far: u64,
}

/// The end of an answer.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    /// The answer that ends.
    pub(super) answer: &'a Answer,
    /// Output tokens as the usage says them; those of the inputs where these are embedded.
    pub(super) counted: u64,
    /// Prompt tokens that the usage says came from a cache.
    pub(super) cached: u64,
    /// From the request to the end.
    pub(super) total: Duration,
    /// From the request to the first token.
    pub(super) prompt_eval: Duration,
    /// Whether the end is announced.
    pub(super) is_announced: bool,
}

/// How an error object is shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorShape {
    /// The API's own.
    Own,
    /// vLLM's `{"object":"error"}`.
    Object,
}

/// A way to say an answer. What is written is whole frames, not yet in HTTP chunks.
pub(super) trait Voice: Send + Sync {
    /// How a stream is framed.
    fn framing(&self) -> Framing;
    /// What comes with the head of a stream.
    fn opening(&self, out: &mut Vec<u8>);
    /// A piece of a stream.
    fn piece(&self, piece: &Piece<'_>, out: &mut Vec<u8>);
    /// The end of a stream.
    fn ending(&self, ending: &Ending<'_>, out: &mut Vec<u8>);
    /// A frame with this text where JSON should be, whole or not.
    fn frame(&self, json: &str, out: &mut Vec<u8>);
    /// The JSON of an error.
    fn error(&self, shape: ErrorShape, message: &str) -> String;
    /// A whole answer.
    fn whole(&self, ending: &Ending<'_>) -> Vec<u8>;
}

/// What a voice knows of its request.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// Number of the request.
    pub(super) ordinal: u64,
    /// What is asked.
    pub(super) question: Question,
    /// Who answers.
    pub(super) identity: Identity,
    /// Whether the end says the usage.
    pub(super) says_usage: bool,
    /// Whether every piece says it.
    pub(super) says_usage_so_far: bool,
    /// Where texts lie, should they be embedded.
    pub(super) space: Space,
}

impl Setting {
    pub(super) fn new(
        ordinal: u64,
        question: Question,
        identity: Identity,
        options: &Options,
    ) -> Self {
        let asked = !question.stream || question.endpoint.is_ollama() || question.wants_usage;
        let says_usage = match options.usage {
            UsagePolicy::Always => true,
            UsagePolicy::Asked => asked,
            UsagePolicy::Never => false,
        };
        let says_usage_so_far = says_usage && question.wants_continuous_usage;
        let dimensions = question.dimensions.unwrap_or(options.embed_dimensions);
        let space = Space::new(options.seed, &identity.model, dimensions);
        Self { ordinal, question, identity, says_usage, says_usage_so_far, space }
    }

    /// The voice of the API that was asked.
    pub(super) fn voice(self) -> Box<dyn Voice> {
        match self.question.endpoint {
            Endpoint::Embeddings => Box::new(Embeddings(self)),
            Endpoint::Chat | Endpoint::Completions => Box::new(OpenAi::new(self)),
            Endpoint::OllamaChat | Endpoint::OllamaGenerate => Box::new(Ollama::new(self)),
        }
    }
}
