//! What one request left behind: when it was due, sent and answered, and how it ended.

use crate::failure::Failure;
use crate::quality::Quality;
use crate::time::Offset;
use serde::{Deserialize, Serialize};

/// What an event carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Text of the answer.
    Content,
    /// Text of a reasoning model before its answer.
    Reasoning,
    /// Part of a tool call.
    ToolCall,
    /// Text of a refusal.
    Refusal,
    /// The whole answer at once, from a target that was asked not to stream: it has an end, but no
    /// first token.
    Whole,
    /// Data without content: a role, a usage report, an empty delta.
    #[default]
    Other,
}

impl EventKind {
    /// Whether this event counts as generated content.
    #[must_use]
    pub fn is_content(self) -> bool {
        match self {
            Self::Content | Self::Reasoning | Self::ToolCall | Self::Refusal | Self::Whole => true,
            Self::Other => false,
        }
    }
}

/// One event of a response, stamped at the socket read that completed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When the read that completed the event returned.
    pub at: Offset,
    /// What it carried.
    pub kind: EventKind,
    /// Tokens in this event, where the target said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u32>,
}

/// Who counted the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// The target's own `usage`.
    Server,
    /// A tokenizer of ours over the whole text.
    Client,
}

/// Token counts of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Prompt tokens answered from the target's cache, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<u64>,
    /// Who counted.
    pub counted: Counted,
    /// The last usage object as the server wrote it; with the server's own times, where it gives
    /// them beside it (llama.cpp's `timings`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<serde_json::Value>,
}

/// Tokens of a request as a tokenizer of ours counts them over the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCount {
    /// Of the prompt, without what the target's chat template adds.
    pub prompt_tokens: u64,
    /// Of the answer.
    pub completion_tokens: u64,
}

/// What a retrieval query brought back, already compared with the exact answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbours {
    /// Row numbers, best first.
    pub ids: Vec<u32>,
    /// Exact neighbours among the first k found, for k = 1, 10, 100 as far as `top_k` reaches;
    /// empty when the query has no exact answer to compare with.
    pub hits: Vec<Hits>,
    /// CPU time of the thread that searched, nanoseconds; absent where several threads share a query,
    /// and where the index is not in process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ns: Option<u64>,
}

/// Hits among the first `k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hits {
    /// How many were looked at.
    pub k: u32,
    /// How many of them are exact neighbours.
    pub found: u32,
}

/// The vectors that an embedding model answered with, already checked: as many as inputs, in their
/// order, finite, none of them zero, all of one length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedded {
    /// Texts that were sent, and vectors that came back.
    pub inputs: u32,
    /// Components of a vector.
    pub dimensions: u32,
    /// Tokens of all inputs, where the target says how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// The usage object as the target wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<serde_json::Value>,
}

/// The parts of a question that is answered from retrieved passages, as far as it came. The
/// question's first byte is [`Record::sent`], its answer's events are [`Record::events`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// When the question's vector had arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded: Option<Offset>,
    /// When its search was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searching: Option<Offset>,
    /// When the passages were found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Offset>,
    /// When the first byte of the request for an answer was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Offset>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Outcome {
    /// Answered to the end.
    Success,
    /// Failed; its timings enter no distribution.
    Failed(Failure),
    /// Cut off by the end of the run; outside every distribution.
    Incomplete,
}

impl Outcome {
    /// Whether the request was answered to the end.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success)
    }
}

/// Whether a request counts. In the order in which they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sent to warm the target up; kept, never counted.
    Warmup,
    /// Sent to find out whether the target sustains a level of load; kept, and counted by the
    /// search alone.
    Probe,
    /// Counted.
    Measured,
}

/// One request from plan to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the request within its epoch, in the order of the plan; warm-up counts from 0 too.
    pub ordinal: u64,
    /// Which worker sent it.
    pub worker: u32,
    /// Warm-up or measured.
    pub phase: Phase,
    /// Which trial of a search it belongs to, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<u32>,
    /// When the workload planned it.
    pub due: Offset,
    /// When its first byte was written, after any wait on our side; where nothing was, or nothing
    /// is written, when it was first polled.
    pub sent: Offset,
    /// When the response head arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Offset>,
    /// When it ended: `[DONE]`, end of stream, the failure.
    pub done: Offset,
    /// The events in order of arrival.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// How it ended.
    pub outcome: Outcome,
    /// Token counts, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Our own count beside the target's, where a tokenizer is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recount: Option<TokenCount>,
    /// Output tokens asked for, where the request named a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_tokens: Option<u32>,
    /// Why the target stopped (`stop`, `length`, ...), in its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The answer's text, bounded, kept for as many of the first requests as the case says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// What the answer's text is like, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// The neighbours found, for a retrieval query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<Neighbours>,
    /// The vectors that came, for an embedding request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded: Option<Embedded>,
    /// The parts of a question that is answered from retrieved passages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Parts>,
}

impl Record {
    /// Whether this request enters distributions and throughput.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.phase == Phase::Measured && self.outcome.is_success()
    }

    /// The content events, in order.
    pub fn content(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(|event| event.kind.is_content())
    }
}
