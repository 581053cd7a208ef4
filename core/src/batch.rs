//! Answers of an offline batch: a line of JSON for each request (OpenAI, "Batch API"; vLLM's
//! `run-batch` writes the same).
//!
//! Results that were made elsewhere are read by the same function: also those whose lines are
//! whole completions, without the envelope.

use crate::failure::{Failure, FailureClass};
use crate::record::{Counted, Usage};
use serde_json::Value;

/// Longest line that is read: an answer of a hundred thousand tokens with its log-probabilities.
pub const LINE_BYTES: usize = 64 << 20;

/// One answer of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchAnswer {
    /// The name that its request was given.
    pub custom_id: Option<String>,
    /// What it brought.
    pub outcome: Result<Completion, Failure>,
}

/// A whole completion.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Completion {
    /// The model as the answer names it.
    pub model: Option<String>,
    /// The text of the first choice.
    pub text: Option<String>,
    /// Why it stopped.
    pub finish_reason: Option<String>,
    /// The target's own token counts, where it gives both.
    pub usage: Option<Usage>,
}

/// A line that is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// The answers in the lines of a file, and the lines that are none. A bad line costs itself alone.
#[must_use]
pub fn read<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> (Vec<BatchAnswer>, Vec<BadLine>) {
    let (mut answers, mut bad) = (Vec::new(), Vec::new());
    for (index, line) in lines.into_iter().enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match read_line(line) {
            Ok(answer) => answers.push(answer),
            Err(why) => bad.push(BadLine { line: index + 1, why }),
        }
    }
    (answers, bad)
}

/// The answer in one line.
fn read_line(line: &[u8]) -> Result<BatchAnswer, String> {
    if line.len() > LINE_BYTES {
        return Err(format!("longer than {LINE_BYTES} bytes"));
    }
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("no JSON: {error}"))?;
    if !value.is_object() {
        return Err("not an object".to_owned());
    }
    let custom_id = value["custom_id"].as_str().map(str::to_owned);
    let body = value.pointer("/response/body").unwrap_or(&value);
    let status = value.pointer("/response/status_code").and_then(Value::as_u64).unwrap_or(200);
    let outcome = match (refusal(&value), refusal(body)) {
        (Some(words), _) | (None, Some(words)) => Err(failure(status, &words)),
        (None, None) if status != 200 => Err(failure(status, "no words")),
        (None, None) if body["choices"].is_array() => Ok(completion(body)),
        (None, None) => return Err("neither `choices` nor an error".to_owned()),
    };
    Ok(BatchAnswer { custom_id, outcome })
}

/// The words of an error object.
fn refusal(value: &Value) -> Option<String> {
    let error = value.get("error").filter(|error| !error.is_null());
    let error = error.or_else(|| (value["object"] == "error").then_some(value))?;
    let words = error["message"].as_str().or_else(|| error.as_str());
    Some(words.map_or_else(|| error.to_string(), str::to_owned))
}

fn failure(status: u64, words: &str) -> Failure {
    let lower = words.to_ascii_lowercase();
    let class = match lower.contains("out of memory") || lower.contains("outofmemory") {
        true => FailureClass::TargetOom,
        false => FailureClass::Status,
    };
    Failure::new(class, format!("{status}: {words}"))
}

fn completion(body: &Value) -> Completion {
    let choice = &body["choices"][0];
    let text = choice.pointer("/message/content").or_else(|| choice.get("text"));
    let words = |value: &Value| value.as_str().map(str::to_owned);
    Completion {
        model: words(&body["model"]),
        text: text.and_then(words),
        finish_reason: words(&choice["finish_reason"]),
        usage: usage(&body["usage"]),
    }
}

fn usage(raw: &Value) -> Option<Usage> {
    Some(Usage {
        prompt_tokens: raw["prompt_tokens"].as_u64()?,
        completion_tokens: raw["completion_tokens"].as_u64()?,
        cached_tokens: raw.pointer("/prompt_tokens_details/cached_tokens").and_then(Value::as_u64),
        counted: Counted::Server,
        raw: Some(raw.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<BatchAnswer>, Vec<BadLine>) {
        read(text.split('\n').map(str::as_bytes))
    }

    #[test]
    fn answers_are_read_with_and_without_their_envelope() {
        let body = r#"{"model":"m","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
        let text = format!(
            "{{\"id\":\"x\",\"custom_id\":\"request-1\",\"response\":{{\"status_code\":200,\"body\":{body}}},\"error\":null}}\n{body}\n"
        );
        let (answers, bad) = lines(&text);
        assert!(bad.is_empty(), "{bad:?}");
        assert_eq!(answers[0].custom_id.as_deref(), Some("request-1"));
        assert_eq!(answers[1].custom_id, None);
        for answer in answers {
            let completion = answer.outcome.unwrap();
            assert_eq!(completion.text.as_deref(), Some("hi"));
            assert_eq!(completion.usage.unwrap().completion_tokens, 1);
        }
    }

    #[test]
    fn errors_are_failures_and_bad_lines_are_named_by_number() {
        let (answers, bad) = lines(
            "{\"custom_id\":\"a\",\"response\":{\"status_code\":400,\"body\":{\"object\":\"error\",\"message\":\"too long\"}}}\n\
             not json\n\n[1]\n{\"custom_id\":\"b\"}\n\
             {\"custom_id\":\"c\",\"error\":{\"message\":\"CUDA out of memory\"},\"response\":null}",
        );
        let numbers: Vec<usize> = bad.iter().map(|bad| bad.line).collect();
        assert_eq!(numbers, [2, 4, 5]);
        let failed = |index: usize| answers[index].outcome.clone().unwrap_err();
        assert_eq!(failed(0).to_string(), "status: 400: too long");
        assert_eq!(failed(1).class, FailureClass::TargetOom);
    }
}
