//! The body of a request.

use crate::driver::{OpenError, Payload, Request};
use serde_json::{Map, Value, json};
use tokgate_core::case::{Endpoint, Target};
use tokgate_core::dataset::joined;
use tokgate_core::failure::{Failure, FailureClass};

/// Servers take seeds of different widths; 31 bits fit all of them.
const SEED_BITS: u64 = 0x7FFF_FFFF;

/// What every request of a case has in common.
pub(crate) struct Template {
    endpoint: Endpoint,
    fixed: Map<String, Value>,
    /// The scenario's own fields, which win.
    own: Map<String, Value>,
}

impl Template {
    /// # Errors
    /// When the scenario's own fields say whether to stream: the target does, since its replies
    /// are read accordingly.
    pub(crate) fn new(target: &Target, model: &str) -> Result<Self, OpenError> {
        if target.body.contains_key("stream") {
            return Err(OpenError::Invalid(
                "`body` in [target] sets `stream`; write `stream = false` beside it instead".into(),
            ));
        }
        let mut fixed = Map::from_iter([
            ("model".to_owned(), json!(model)),
            ("stream".to_owned(), json!(target.stream)),
        ]);
        if target.stream {
            fixed.insert("stream_options".to_owned(), json!({ "include_usage": true }));
        }
        Ok(Self { endpoint: target.endpoint, fixed, own: target.body.clone() })
    }

    /// For a file of requests, which nobody streams.
    pub(crate) fn offline(target: &Target, model: &str) -> Self {
        let fixed = Map::from_iter([("model".to_owned(), json!(model))]);
        Self { endpoint: target.endpoint, fixed, own: target.body.clone() }
    }

    /// The path below the base URL.
    pub(crate) fn path(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Chat => "chat/completions",
            Endpoint::Completions => "completions",
        }
    }

    /// The body of `request`.
    ///
    /// # Errors
    /// When the request is none for a language model.
    pub(crate) fn body(&self, request: &Request) -> Result<Map<String, Value>, Failure> {
        let Payload::Prompt { messages, max_tokens, temperature } = &request.payload else {
            let message = "a query for a vector index was sent to a language model";
            return Err(Failure::new(FailureClass::Engine, message));
        };
        let mut body = self.fixed.clone();
        match self.endpoint {
            Endpoint::Chat => body.insert("messages".into(), json!(messages)),
            Endpoint::Completions => body.insert("prompt".into(), json!(joined(messages))),
        };
        body.insert("max_tokens".into(), json!(max_tokens));
        body.insert("temperature".into(), json!(temperature));
        body.insert("seed".into(), json!(request.seed & SEED_BITS));
        body.extend(self.own.clone());
        Ok(body)
    }
}
