//! Ollama's way to say an answer: a JSON object a line (github.com/ollama/ollama, docs/api.md),
//! and its pages about models.

use super::fault::Framing;
use super::luck::mix;
use super::openai::put;
use super::truth::Endpoint;
use super::voice::{Ending, ErrorShape, Identity, Piece, Setting, Voice};
use serde_json::{Value, json};
use std::time::Duration;

/// What a model that is there anyway takes to load.
const LOAD: Duration = Duration::from_millis(1);
/// The size that the model says it has.
const BYTES: u64 = 2_147_483_648;

/// The voice of `/api/chat` and `/api/generate`.
pub(super) struct Ollama {
    setting: Setting,
    /// The model and the time of the request.
    common: String,
    is_chat: bool,
}

impl Ollama {
    pub(super) fn new(setting: Setting) -> Self {
        let model = setting.identity.quoted();
        let created_at = jiff::Timestamp::now();
        let common = format!(r#"{{"model":{model},"created_at":"{created_at}""#);
        let is_chat = setting.question.endpoint == Endpoint::OllamaChat;
        Self { setting, common, is_chat }
    }

    /// Where the words stand: what comes before and after them.
    fn around(&self, is_reasoning: bool) -> [&'static str; 2] {
        match (self.is_chat, is_reasoning) {
            (true, true) => [r#""message":{"role":"assistant","content":"","thinking":""#, r#""}"#],
            (true, false) => [r#""message":{"role":"assistant","content":""#, r#""}"#],
            (false, _) => [r#""response":""#, r#"""#],
        }
    }

    /// The fields of the last line.
    fn last(&self, ending: &Ending<'_>) -> String {
        let eval = ending.total.saturating_sub(ending.prompt_eval);
        let mut fields = json!({
            "done_reason": ending.answer.finish,
            "total_duration": ending.total.as_nanos() as u64,
            "load_duration": LOAD.as_nanos() as u64,
            "prompt_eval_duration": ending.prompt_eval.as_nanos() as u64,
            "eval_duration": eval.as_nanos() as u64,
        });
        if self.setting.says_usage {
            fields["prompt_eval_count"] = self.setting.question.prompt_tokens.into();
            fields["eval_count"] = ending.counted.into();
        }
        let fields = fields.to_string();
        format!(r#","done":true,{}"#, &fields[1..])
    }
}

impl Voice for Ollama {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn opening(&self, _: &mut Vec<u8>) {}

    fn piece(&self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        let [open, close] = self.around(piece.portion.is_reasoning);
        put(out, format_args!("{},{open}", self.common));
        piece.answer.write(piece.portion, piece.index, out);
        put(out, format_args!("{close},\"done\":false}}\n"));
    }

    fn ending(&self, ending: &Ending<'_>, out: &mut Vec<u8>) {
        if ending.is_announced {
            let [open, close] = self.around(false);
            put(out, format_args!("{},{open}{close}{}\n", self.common, self.last(ending)));
        }
    }

    fn frame(&self, json: &str, out: &mut Vec<u8>) {
        put(out, format_args!("{json}\n"));
    }

    fn error(&self, _: ErrorShape, message: &str) -> String {
        error(message).to_string()
    }

    fn whole(&self, ending: &Ending<'_>) -> Vec<u8> {
        let [open, close] = self.around(false);
        let mut out = format!("{},{open}", self.common).into_bytes();
        let answered = ending.answer.portions().filter(|portion| !portion.is_reasoning);
        answered.for_each(|portion| ending.answer.write(&portion, 0, &mut out));
        if self.is_chat && ending.answer.reasoning > 0 {
            out.extend_from_slice(br#"","thinking":""#);
            let reasoned = ending.answer.portions().filter(|portion| portion.is_reasoning);
            reasoned.for_each(|portion| ending.answer.write(&portion, 0, &mut out));
        }
        put(&mut out, format_args!("{close}{}", self.last(ending)));
        out
    }
}

/// An error as Ollama writes it.
pub(super) fn error(message: &str) -> Value {
    json!({ "error": message })
}

/// Its version, which names us.
pub(super) fn version() -> Value {
    json!({ "version": concat!(env!("CARGO_PKG_VERSION"), "-tokgate-mock") })
}

/// What is said when a model is asked for and no prompt is given.
pub(super) fn is_loaded(identity: &Identity) -> Value {
    json!({
        "model": identity.model, "created_at": jiff::Timestamp::now().to_string(),
        "response": "", "done": true, "done_reason": "load",
    })
}

/// The models that are there.
pub(super) fn tags(all: &[Identity]) -> Value {
    let tag = |identity: &Identity| {
        let mut model = listed(identity);
        model["modified_at"] = "2025-01-01T00:00:00Z".into();
        model
    };
    json!({ "models": all.iter().map(tag).collect::<Vec<_>>() })
}

/// The models that are loaded.
pub(super) fn loaded(all: &[Identity]) -> Value {
    let loaded = |identity: &Identity| {
        let mut model = listed(identity);
        model["expires_at"] = "2318-01-01T00:00:00Z".into();
        model["size_vram"] = 0.into();
        model["context_length"] = 4096.into();
        model
    };
    json!({ "models": all.iter().map(loaded).collect::<Vec<_>>() })
}

/// What is known of the model.
pub(super) fn shown() -> Value {
    json!({
        "modelfile": "", "parameters": "", "template": "{{ .Prompt }}",
        "details": details(),
        "model_info": {
            "general.architecture": "llama",
            "general.parameter_count": 1_000_000_000_u64,
            "llama.context_length": 131_072,
        },
        "capabilities": ["completion"],
    })
}

fn listed(identity: &Identity) -> Value {
    json!({
        "name": identity.model, "model": identity.model, "size": BYTES,
        "digest": digest(identity), "details": details(),
    })
}

/// As long as a SHA-256, and another for another model.
fn digest(identity: &Identity) -> String {
    let bytes = identity.model.bytes().chain(identity.fingerprint.bytes());
    format!("{:064x}", bytes.fold(0, |digest, byte| mix(digest ^ u64::from(byte))))
}

fn details() -> Value {
    json!({
        "parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"],
        "parameter_size": "1.0B", "quantization_level": "Q4_K_M",
    })
}
