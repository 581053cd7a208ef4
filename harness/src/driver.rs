//! What it takes to speak to a target.

use crate::recorder::Reply;
pub use futures_util::future::BoxFuture;
use tokgate_core::dataset::Message;
use tokgate_core::failure::Failure;
use tokgate_core::quality::Likelihood;
use tokgate_core::record::{Embedded, Neighbours, Usage};
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};

/// Queries from this number on only warm up. They come from a stream of their own, so that they
/// leave nothing of a measured query in a cache.
pub const WARMUP_QUERIES: u32 = 1 << 31;

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A prompt for a language model.
    Prompt {
        /// What was said so far, the question last.
        messages: Vec<Message>,
        /// Output tokens asked for.
        max_tokens: u32,
        /// Sampling temperature; 0 is greedy.
        temperature: f64,
    },
    /// Texts for an embedding model.
    Texts {
        /// One or several; each gets a vector.
        inputs: Vec<String>,
    },
    /// A query for a vector index, by its number in the data set's query stream.
    Query {
        /// Which query; from [`WARMUP_QUERIES`] on, one of the warm-up's.
        index: u32,
    },
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its number within the epoch.
    pub ordinal: u64,
    /// Seed for whatever the target draws, where the target takes one.
    pub seed: u64,
    /// What is sent.
    pub payload: Payload,
}

/// What a target answered, apart from when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Token counts, the target's own where it gives them.
    pub usage: Option<Usage>,
    /// Why it stopped, in its own word.
    pub finish_reason: Option<String>,
    /// The answer's text.
    pub text: Option<String>,
    /// The probabilities that the target gave its tokens, where it was asked and told them.
    pub likelihood: Option<Likelihood>,
    /// The neighbours found.
    pub neighbours: Option<Neighbours>,
    /// The vectors that came; they themselves are not kept.
    pub embedded: Option<Embedded>,
}

/// Speaks to one target. It reports to the [`Reply`] and never reads a clock.
pub trait Driver: Send + Sync {
    /// What the target says of itself.
    fn identity(&self) -> TargetIdentity;

    /// What had to happen before the first request.
    fn preparation(&self) -> Preparation {
        Preparation::default()
    }

    /// The target once a load has ended: as it was seen first and last, so that a change shows.
    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        Box::pin(std::future::ready(TargetAfter::unchanged(self.identity())))
    }

    /// Sends one request and waits for its end. Dropping the future abandons the request and
    /// frees what the target holds for it.
    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>>;
}

/// Why a target cannot be measured at all. Each message ends in what to do next.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The case asks for something this build or machine does not have.
    #[error("{0}")]
    Unavailable(String),
    /// The case's settings do not fit the target.
    #[error("{0}")]
    Invalid(String),
    /// The target does not answer as it should.
    #[error("{failure}; {advice}")]
    Unreachable {
        /// What happened.
        failure: Failure,
        /// One line of advice.
        advice: String,
    },
}
