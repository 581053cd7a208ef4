//! What one line of Ollama's own protocol carries: `/api/chat` and `/api/generate`, and their
//! bodies when they do not stream (github.com/ollama/ollama, docs/api.md).

use super::openai::error_message;
use super::piece::{Carried, Object, Piece, Text, filled, likelihood_of};
use serde_json::value::RawValue;
use tokgate_core::record::{Counted, EventKind, Usage};

/// A line, borrowed.
#[derive(Debug, serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    response: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(default)]
    done: Option<bool>,
    #[serde(borrow, default)]
    done_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
    #[serde(borrow, default)]
    thinking: Option<Text<'a>>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<&'a RawValue>>,
}

/// Reads one line.
///
/// # Errors
/// When it is no object whose known fields have their types.
pub fn read(line: &str) -> Result<Carried<'_>, serde_json::Error> {
    let Object(parsed): Object<Line<'_>> = serde_json::from_str(line)?;
    if parsed.error.is_some() {
        return Ok(Carried::Error(error_message(line)));
    }
    let (kind, is_last) = (parsed.kind(), parsed.done == Some(true));
    let content = parsed.message.and_then(|message| message.content);
    Ok(Carried::Piece(Piece {
        kind,
        usage: is_last.then_some(line),
        timings: None,
        likelihood: parsed.logprobs.and_then(likelihood_of),
        completion_tokens: None,
        is_last,
        text: content.filter(|text| !text.as_str().is_empty()).or(parsed.response),
        finish_reason: parsed.done_reason.filter(|_| is_last),
        model: parsed.model,
        fingerprint: None,
    }))
}

impl Line<'_> {
    fn kind(&self) -> EventKind {
        let message = self.message.as_ref();
        let content = filled(message.and_then(|it| it.content.as_ref()));
        let thinking = filled(message.and_then(|it| it.thinking.as_ref()));
        if content.or(filled(self.response.as_ref())).is_some() {
            EventKind::Content
        } else if thinking.or(filled(self.thinking.as_ref())).is_some() {
            EventKind::Reasoning
        } else if message.is_some_and(|it| it.tool_calls.iter().flatten().next().is_some()) {
            EventKind::ToolCall
        } else {
            EventKind::Other
        }
    }
}

/// Token counts and Ollama's own durations (nanoseconds) from the last line; `None` where it does
/// not give both counts: a count that is not there is unknown, since old versions left that of a
/// cached prompt out. The count of the prompt has the cached tokens in it.
///
/// # Errors
/// When a count is not a whole number.
pub fn usage(line: &str) -> Result<Option<Usage>, serde_json::Error> {
    #[derive(serde::Deserialize, serde::Serialize)]
    struct Counts {
        prompt_eval_count: Option<u64>,
        prompt_eval_cached_count: Option<u64>,
        eval_count: Option<u64>,
        total_duration: Option<u64>,
        load_duration: Option<u64>,
        prompt_eval_duration: Option<u64>,
        eval_duration: Option<u64>,
    }
    let Object(counts): Object<Counts> = serde_json::from_str(line)?;
    let (Some(prompt_tokens), Some(completion_tokens)) =
        (counts.prompt_eval_count, counts.eval_count)
    else {
        return Ok(None);
    };
    Ok(Some(Usage {
        prompt_tokens,
        completion_tokens,
        cached_tokens: counts.prompt_eval_cached_count,
        counted: Counted::Server,
        raw: Some(serde_json::to_value(counts)?),
    }))
}

#[cfg(test)]
#[path = "ollama_tests.rs"]
mod tests;
