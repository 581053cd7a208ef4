//! The body of a request to Ollama.

use crate::driver::{OpenError, Payload, Request};
use serde_json::{Map, Value, json};
use tokgate_core::case::{Endpoint, Target};
use tokgate_core::dataset::joined;
use tokgate_core::failure::{Failure, FailureClass};

/// Ollama reads seeds as 32-bit integers; 31 bits stay positive.
const SEED_BITS: u64 = 0x7FFF_FFFF;

/// What every request of a case has in common.
pub(super) struct Template {
    endpoint: Endpoint,
    fixed: Map<String, Value>,
    /// The scenario's own fields, which win; its `options` are merged with ours.
    own: Map<String, Value>,
}

impl Template {
    /// # Errors
    /// When the scenario's own fields say whether to stream.
    pub(super) fn new(target: &Target, model: &str) -> Result<Self, OpenError> {
        if target.body.contains_key("stream") {
            return Err(OpenError::Invalid(
                "`body` in [target] sets `stream`; write `stream = false` beside it instead".into(),
            ));
        }
        let fixed = Map::from_iter([
            ("model".to_owned(), json!(model)),
            ("stream".to_owned(), json!(target.stream)),
        ]);
        Ok(Self { endpoint: target.endpoint, fixed, own: target.body.clone() })
    }

    /// The path below the base URL.
    pub(super) fn path(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Chat => "api/chat",
            Endpoint::Completions => "api/generate",
        }
    }

    /// The body of `request`.
    ///
    /// # Errors
    /// When the request is none for a language model.
    pub(super) fn body(&self, request: &Request) -> Result<Map<String, Value>, Failure> {
        let Payload::Prompt { messages, max_tokens, temperature } = &request.payload else {
            let message = "a query for a vector index was sent to a language model";
            return Err(Failure::new(FailureClass::Engine, message));
        };
        let mut options = Map::from_iter([
            ("num_predict".to_owned(), json!(max_tokens)),
            ("temperature".to_owned(), json!(temperature)),
            ("seed".to_owned(), json!(request.seed & SEED_BITS)),
        ]);
        let mut body = self.fixed.clone();
        match self.endpoint {
            Endpoint::Chat => body.insert("messages".to_owned(), json!(messages)),
            Endpoint::Completions => body.insert("prompt".to_owned(), json!(joined(messages))),
        };
        for (key, value) in &self.own {
            match (key.as_str(), value) {
                ("options", Value::Object(own)) => options.extend(own.clone()),
                _ => drop(body.insert(key.clone(), value.clone())),
            }
        }
        body.insert("options".to_owned(), Value::Object(options));
        Ok(body)
    }
}
