//! OpenAI's way to say an answer: server-sent events for chat and text completions.

use super::fault::Framing;
use super::truth::Endpoint;
use super::voice::{Ending, ErrorShape, Identity, Piece, Setting, Voice};
use serde_json::{Value, json};
use std::io::Write;

/// The voice of `/v1/chat/completions` and `/v1/completions`. What all events of a reply have in
/// common is written once.
pub(super) struct OpenAi {
    setting: Setting,
    /// From the id to the fingerprint.
    common: String,
    is_chat: bool,
}

impl OpenAi {
    pub(super) fn new(setting: Setting) -> Self {
        let is_chat = setting.question.endpoint == Endpoint::Chat;
        let kind = match (is_chat, setting.question.stream) {
            (true, true) => "chat.completion.chunk",
            (true, false) => "chat.completion",
            (false, _) => "text_completion",
        };
        let common = format!(
            r#"{{"id":"mock-{}","object":"{kind}","created":{},"model":{},"system_fingerprint":"{}""#,
            setting.ordinal,
            jiff::Timestamp::now().as_second(),
            setting.identity.quoted(),
            setting.identity.fingerprint,
        );
        Self { setting, common, is_chat }
    }

    /// The usage, where it is said.
    fn usage(&self, ending: &Ending<'_>) -> Value {
        let prompt_tokens = self.setting.question.prompt_tokens;
        let reasoning = u64::from(ending.answer.reasoning);
        json!({
            "prompt_tokens": prompt_tokens,
            "completion_tokens": ending.counted,
            "total_tokens": prompt_tokens + ending.counted,
            "prompt_tokens_details": { "cached_tokens": ending.cached },
            "completion_tokens_details": { "reasoning_tokens": reasoning },
        })
    }

    /// Appends an event made of what is common and `rest`, which closes the object.
    fn event(&self, out: &mut Vec<u8>, rest: &str) {
        put(out, format_args!("data: {}{rest}\n\n", self.common));
    }

    fn finish(&self, ending: &Ending<'_>, index: u32, out: &mut Vec<u8>) {
        let empty = if self.is_chat { r#""delta":{}"# } else { r#""text":"""# };
        let finish = ending.answer.finish;
        let choice =
            format!(r#","choices":[{{"index":{index},{empty},"finish_reason":"{finish}"}}]}}"#);
        self.event(out, &choice);
    }

    /// The words of one choice of a whole answer: reasoning, then the answer.
    fn texts(ending: &Ending<'_>, index: u32) -> [String; 2] {
        let mut texts = [Vec::new(), Vec::new()];
        for portion in ending.answer.portions() {
            ending.answer.write(&portion, index, &mut texts[usize::from(!portion.is_reasoning)]);
        }
        texts.map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    fn choice(&self, ending: &Ending<'_>, index: u32) -> Value {
        let [reasoning, text] = Self::texts(ending, index);
        let finish_reason = ending.answer.finish;
        if !self.is_chat {
            return json!({ "index": index, "text": text, "finish_reason": finish_reason });
        }
        let mut message = json!({ "role": "assistant", "content": text });
        if !reasoning.is_empty() {
            message["reasoning_content"] = reasoning.into();
        }
        json!({ "index": index, "message": message, "finish_reason": finish_reason })
    }
}

impl Voice for OpenAi {
    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn opening(&self, out: &mut Vec<u8>) {
        if self.is_chat {
            self.event(
                out,
                r#","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            );
        }
    }

    fn piece(&self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let (open, close) = match (self.is_chat, piece.portion.is_reasoning) {
            (true, true) => (r#""delta":{"reasoning_content":""#, r#""}"#),
            (true, false) => (r#""delta":{"content":""#, r#""}"#),
            (false, _) => (r#""text":""#, r#"""#),
        };
        let (common, index) = (&self.common, piece.index);
        put(out, format_args!(r#"data: {common},"choices":[{{"index":{index},{open}"#));
        piece.answer.write(piece.portion, index, out);
        put(out, format_args!(r#"{close},"finish_reason":null}}]"#));
        if self.setting.says_usage_so_far {
            let (prompt, sent) = (self.setting.question.prompt_tokens, piece.tokens_so_far);
            let total = prompt + sent;
            put(
                out,
                format_args!(
                    r#","usage":{{"prompt_tokens":{prompt},"completion_tokens":{sent},"total_tokens":{total}}}"#
                ),
            );
        }
        out.extend_from_slice(b"}\n\n");
    }

    fn ending(&self, ending: &Ending<'_>, out: &mut Vec<u8>) {
        for index in 0..self.setting.question.prompts {
            self.finish(ending, index, out);
        }
        if self.setting.says_usage {
            let usage = self.usage(ending);
            self.event(out, &format!(r#","choices":[],"usage":{usage}}}"#));
        }
        if ending.is_announced {
            out.extend_from_slice(b"data: [DONE]\n\n");
        }
    }

    fn frame(&self, json: &str, out: &mut Vec<u8>) {
        put(out, format_args!("data: {json}\n\n"));
    }

    fn error(&self, shape: ErrorShape, message: &str) -> String {
        error(shape, message, 500).to_string()
    }

    fn whole(&self, ending: &Ending<'_>) -> Vec<u8> {
        let choices: Vec<Value> =
            (0..self.setting.question.prompts).map(|index| self.choice(ending, index)).collect();
        let usage = if self.setting.says_usage { self.usage(ending) } else { Value::Null };
        let rest = json!({ "choices": choices, "usage": usage }).to_string();
        format!("{},{}", self.common, &rest[1..]).into_bytes()
    }
}

/// An error as OpenAI-compatible servers write it.
pub(super) fn error(shape: ErrorShape, message: &str, code: u16) -> Value {
    match shape {
        ErrorShape::Own => json!({
            "error": { "message": message, "type": kind(code), "param": null, "code": code },
        }),
        ErrorShape::Object => json!({
            "object": "error", "message": message, "type": kind(code), "param": null, "code": code,
        }),
    }
}

fn kind(code: u16) -> &'static str {
    if code < 500 { "invalid_request_error" } else { "server_error" }
}

/// The list of models.
pub(super) fn models(all: &[Identity]) -> Value {
    let listed = |it: &Identity| json!({ "id": it.model, "object": "model", "created": 0, "owned_by": "tokgate-mock" });
    json!({ "object": "list", "data": all.iter().map(listed).collect::<Vec<_>>() })
}

/// Appends text.
pub(super) fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // A vector takes everything.
    let _ = out.write_fmt(text);
}
