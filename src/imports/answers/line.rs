//! One line of a file of answers: whose form it has, and what it says.

use serde_json::Value;

/// Longest reason that is quoted, characters.
const LONGEST_WHY: usize = 200;

/// Whose form a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// An answer of an OpenAI-compatible server on one line: `choices`, `usage`.
    Flat,
    /// OpenAI's batch output, and that of vLLM's `run-batch`: `custom_id`, `response.body`.
    Batch,
    /// An answer of Ollama: `done`, `eval_count`.
    Ollama,
}

impl Form {
    /// How it is told.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "answers on lines of their own",
            Self::Batch => "batch output",
            Self::Ollama => "Ollama's answers",
        }
    }
}

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    /// The answer of one request.
    Answer(Form, Answer),
    /// A piece of an answer of Ollama's that goes on.
    Piece(String),
    /// A request that failed, or nothing that can be read.
    Failed(Option<Form>, String),
}

/// What an answer says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) text: String,
    /// When it was made, microseconds since 1970.
    pub(super) created_us: Option<i64>,
}

/// Reads a line.
pub(super) fn read(bytes: &[u8]) -> Line {
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(why) => return Line::Failed(None, format!("no JSON: {why}")),
    };
    if !value.is_object() {
        return Line::Failed(None, "no JSON object".to_owned());
    }
    if there(&value, "custom_id") || value.get("response").is_some_and(Value::is_object) {
        batch(&value)
    } else if there(&value, "choices") {
        flat(&value)
    } else if there(&value, "done") {
        ollama(&value)
    } else if let Some(why) = error(&value) {
        Line::Failed(None, why)
    } else {
        Line::Failed(
            None,
            "no answer: neither `choices`, `response.body`, `done` nor `error`".to_owned(),
        )
    }
}

fn there(value: &Value, name: &str) -> bool {
    value.get(name).is_some_and(|found| !found.is_null())
}

/// What an error says, where there is one.
fn error(value: &Value) -> Option<String> {
    let error = value.get("error").filter(|error| !error.is_null())?;
    let message = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    let text = message.map_or_else(|| error.to_string(), str::to_owned);
    Some(text.chars().take(LONGEST_WHY).collect())
}

fn batch(value: &Value) -> Line {
    let failed = |why| Line::Failed(Some(Form::Batch), why);
    if let Some(why) = error(value) {
        return failed(why);
    }
    let Some(response) = value.get("response").filter(|response| response.is_object()) else {
        return failed("there is no `response`".to_owned());
    };
    let body = response.get("body").unwrap_or(&Value::Null);
    let status = response.get("status_code").filter(|status| !status.is_null());
    match status {
        Some(status) if !status.as_u64().is_some_and(|status| (200..300).contains(&status)) => {
            let said = error(body).map_or_else(String::new, |why| format!(": {why}"));
            failed(format!("status {status}{said}"))
        }
        _ => match flat(body) {
            Line::Answer(_, answer) => Line::Answer(Form::Batch, answer),
            Line::Failed(_, why) => failed(why),
            Line::Piece(_) => failed("`response.body` is no answer".to_owned()),
        },
    }
}

fn flat(value: &Value) -> Line {
    let failed = |why| Line::Failed(Some(Form::Flat), why);
    if let Some(why) = error(value) {
        return failed(why);
    }
    let Some(first) = value.get("choices").and_then(Value::as_array).and_then(|all| all.first())
    else {
        return failed("there are no `choices`".to_owned());
    };
    let usage = value.get("usage");
    let tokens = |name: &str| usage.and_then(|usage| usage.get(name)).and_then(Value::as_u64);
    let text = first.pointer("/message/content").or_else(|| first.get("text"));
    let created = value.get("created").and_then(Value::as_i64);
    Line::Answer(
        Form::Flat,
        Answer {
            prompt_tokens: tokens("prompt_tokens"),
            completion_tokens: tokens("completion_tokens"),
            text: text.and_then(Value::as_str).unwrap_or_default().to_owned(),
            created_us: created.and_then(|seconds| seconds.checked_mul(1_000_000)),
        },
    )
}

fn ollama(value: &Value) -> Line {
    let failed = |why: &str| Line::Failed(Some(Form::Ollama), why.to_owned());
    if let Some(why) = error(value) {
        return failed(&why);
    }
    let text = value.get("response").or_else(|| value.pointer("/message/content"));
    let text = text.and_then(Value::as_str).unwrap_or_default().to_owned();
    let count = |name: &str| value.get(name).and_then(Value::as_u64);
    match value.get("done").and_then(Value::as_bool) {
        Some(true) => Line::Answer(
            Form::Ollama,
            Answer {
                prompt_tokens: count("prompt_eval_count"),
                completion_tokens: count("eval_count"),
                text,
                created_us: value
                    .get("created_at")
                    .and_then(Value::as_str)
                    .and_then(|at| at.parse::<jiff::Timestamp>().ok())
                    .map(jiff::Timestamp::as_microsecond),
            },
        ),
        Some(false) => Line::Piece(text),
        None => failed("`done` is neither true nor false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(value: &Value) -> Line {
        read(value.to_string().as_bytes())
    }

    fn answer(value: &Value) -> (Form, Answer) {
        match line(value) {
            Line::Answer(form, answer) => (form, answer),
            other => panic!("{other:?}"),
        }
    }

    fn why(value: &Value) -> String {
        match line(value) {
            Line::Failed(_, why) => why,
            other => panic!("{other:?}"),
        }
    }

    fn body() -> Value {
        json!({"id": "c", "object": "chat.completion", "created": 1_730_101_092, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}}],
            "usage": {"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 12}})
    }

    #[test]
    fn an_answer_says_its_tokens_text_and_time_in_every_form() {
        let expected = Answer {
            prompt_tokens: Some(8),
            completion_tokens: Some(4),
            text: "yes".to_owned(),
            created_us: Some(1_730_101_092_000_000),
        };
        assert_eq!(answer(&body()), (Form::Flat, expected.clone()));
        let batch = json!({"id": "b", "custom_id": "r-1", "error": null,
            "response": {"status_code": 200, "request_id": "q", "body": body()}});
        assert_eq!(answer(&batch), (Form::Batch, expected.clone()));
        let counts = json!({"model": "m", "created_at": "2024-10-28T07:38:12Z", "done": true,
            "total_duration": 5_000_000, "prompt_eval_count": 8, "eval_count": 4});
        for (name, text) in [
            ("response", json!("yes")),
            ("message", json!({"role": "assistant", "content": "yes"})),
        ] {
            let mut ollama = counts.clone();
            ollama[name] = text;
            assert_eq!(answer(&ollama), (Form::Ollama, expected.clone()));
        }
    }

    #[test]
    fn what_is_no_answer_says_why() {
        assert!(read(b"{\"choices\": [").is_failed_because("no JSON"));
        assert_eq!(why(&json!([1])), "no JSON object");
        assert_eq!(why(&json!({"error": {"message": "too long"}})), "too long");
        assert_eq!(why(&json!({"error": "out of memory", "choices": [1]})), "out of memory");
        assert_eq!(why(&json!({"choices": []})), "there are no `choices`");
        assert!(why(&json!({"id": 1})).starts_with("no answer"));
        let batch = |response: Value, error: Value| json!({"custom_id": "r", "response": response, "error": error});
        assert_eq!(why(&batch(json!(null), json!({"code": "expired", "message": "late"}))), "late");
        assert_eq!(why(&batch(json!(null), json!(null))), "there is no `response`");
        let body = json!({"error": {"message": "busy"}});
        assert_eq!(
            why(&batch(json!({"status_code": 503, "body": body}), json!(null))),
            "status 503: busy"
        );
        assert_eq!(
            why(&batch(json!({"status_code": 200, "body": {}}), json!(null))),
            "there are no `choices`"
        );
    }

    #[test]
    fn a_piece_of_an_answer_is_no_answer() {
        assert_eq!(line(&json!({"done": false, "response": "ye"})), Line::Piece("ye".to_owned()));
    }

    impl Line {
        fn is_failed_because(&self, part: &str) -> bool {
            matches!(self, Line::Failed(_, why) if why.contains(part))
        }
    }
}
