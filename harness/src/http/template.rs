//! The body of a request for a language model, as each dialect spells it.

use crate::driver::{OpenError, Payload, Request};
use crate::wire::piece::Dialect;
use serde_json::{Map, Value, json};
use tokgate_core::case::{Case, Endpoint};
use tokgate_core::dataset::joined;
use tokgate_core::failure::{Failure, FailureClass};

/// Servers take seeds of different widths; 31 bits fit all of them.
const SEED_BITS: u64 = 0x7FFF_FFFF;

/// What every request of a case has in common.
pub(crate) struct Template {
    dialect: Dialect,
    endpoint: Endpoint,
    fixed: Map<String, Value>,
    /// The scenario's own fields, which win.
    own: Map<String, Value>,
}

impl Template {
    /// For the server of a case, which streams or does not as its target says, and is asked for
    /// probabilities where the case looks at them.
    ///
    /// # Errors
    /// When the scenario's own fields say whether to stream: the target does, since its replies
    /// are read accordingly.
    pub(crate) fn online(case: &Case, model: &str, dialect: Dialect) -> Result<Self, OpenError> {
        let target = &case.target;
        if target.body.contains_key("stream") {
            return Err(OpenError::Invalid(
                "`body` in [target] sets `stream`; write `stream = false` beside it instead".into(),
            ));
        }
        let mut template = Self::of(case, model, dialect);
        template.fixed.insert("stream".to_owned(), json!(target.stream));
        if target.stream && dialect == Dialect::OpenAi {
            let usage = json!({ "include_usage": true });
            template.fixed.insert("stream_options".to_owned(), usage);
        }
        Ok(template)
    }

    /// For a file of OpenAI's requests, which nobody streams.
    pub(crate) fn offline(case: &Case, model: &str) -> Self {
        Self::of(case, model, Dialect::OpenAi)
    }

    fn of(case: &Case, model: &str, dialect: Dialect) -> Self {
        let target = &case.target;
        let model = [("model".to_owned(), json!(model))];
        let logprobs = case.quality.logprobs.then(|| logprobs(dialect, target.endpoint));
        Self {
            dialect,
            endpoint: target.endpoint,
            fixed: model.into_iter().chain(logprobs).collect(),
            own: target.body.clone(),
        }
    }

    /// The path below the base URL.
    pub(crate) fn path(&self) -> &'static str {
        match (self.dialect, self.endpoint) {
            (Dialect::OpenAi, Endpoint::Chat) => "chat/completions",
            (Dialect::OpenAi, Endpoint::Completions) => "completions",
            (Dialect::Ollama, Endpoint::Chat) => "api/chat",
            (Dialect::Ollama, Endpoint::Completions) => "api/generate",
        }
    }

    /// The body of `request`.
    ///
    /// # Errors
    /// When the request is none for a language model.
    pub(crate) fn body(&self, request: &Request) -> Result<Map<String, Value>, Failure> {
        let Payload::Prompt { messages, max_tokens, temperature } = &request.payload else {
            let message = "a language model was sent something that is no prompt";
            return Err(Failure::new(FailureClass::Engine, message));
        };
        let mut body = self.fixed.clone();
        match self.endpoint {
            Endpoint::Chat => body.insert("messages".to_owned(), json!(messages)),
            Endpoint::Completions => body.insert("prompt".to_owned(), json!(joined(messages))),
        };
        let seed = request.seed & SEED_BITS;
        let sampling = match self.dialect {
            Dialect::OpenAi => {
                json!({ "max_tokens": max_tokens, "temperature": temperature, "seed": seed })
            }
            Dialect::Ollama => json!({ "options": {
                "num_predict": max_tokens, "temperature": temperature, "seed": seed,
            } }),
        };
        merge(&mut body, sampling.as_object().cloned().unwrap_or_default());
        merge(&mut body, self.own.clone());
        if body.contains_key("max_completion_tokens") {
            // Services that know the newer name refuse the older one beside it.
            body.remove("max_tokens");
        }
        Ok(body)
    }
}

/// What asks for the probability of each token, and of no others.
fn logprobs(dialect: Dialect, endpoint: Endpoint) -> (String, Value) {
    let asked = match (dialect, endpoint) {
        // The number of the likeliest tokens to tell beside; llama.cpp tells nothing at 0.
        (Dialect::OpenAi, Endpoint::Completions) => json!(1),
        (Dialect::OpenAi, Endpoint::Chat) | (Dialect::Ollama, _) => json!(true),
    };
    ("logprobs".to_owned(), asked)
}

/// Puts `own` over `body`; fields that are objects in both, such as `options`, field by field.
fn merge(body: &mut Map<String, Value>, own: Map<String, Value>) {
    for (key, value) in own {
        match (body.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(own)) => there.extend(own),
            (_, value) => drop(body.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::case::{DriverKind, Target};

    /// The body with a scenario's `own` fields.
    fn body(own: Value) -> Map<String, Value> {
        let body = own.as_object().cloned().unwrap();
        let target = Target { body, ..Target::of(DriverKind::Openai) };
        let case = Case { target, ..crate::test_case() };
        let template = Template::online(&case, "m", Dialect::OpenAi).unwrap();
        let payload = Payload::Prompt { messages: Vec::new(), max_tokens: 1, temperature: 0.0 };
        template.body(&Request { ordinal: 0, seed: 1, payload }).unwrap()
    }

    #[test]
    fn the_newer_name_of_a_field_takes_the_place_of_the_older() {
        let body = body(json!({ "max_completion_tokens": 9 }));
        assert_eq!((body.get("max_tokens"), &body["max_completion_tokens"]), (None, &json!(9)));
    }

    #[test]
    fn objects_are_merged_and_all_else_is_replaced() {
        let own = json!({ "stream_options": { "continuous_usage_stats": true }, "seed": 7 });
        let target =
            Target { body: own.as_object().cloned().unwrap(), ..Target::of(DriverKind::Openai) };
        let case = Case { target, ..crate::test_case() };
        let template = Template::online(&case, "m", Dialect::OpenAi).unwrap();
        let payload = Payload::Prompt { messages: Vec::new(), max_tokens: 1, temperature: 0.0 };
        let body = template.body(&Request { ordinal: 0, seed: 1, payload }).unwrap();
        let usage = json!({ "include_usage": true, "continuous_usage_stats": true });
        assert_eq!((&body["stream_options"], &body["seed"]), (&usage, &json!(7)));
    }

    #[test]
    fn probabilities_are_asked_for_as_each_endpoint_spells_it_and_only_where_wanted() {
        let asked = |endpoint, dialect, logprobs| {
            let target = Target { endpoint, ..Target::of(DriverKind::Openai) };
            let mut case = Case { target, ..crate::test_case() };
            case.quality.logprobs = logprobs;
            let template = Template::online(&case, "m", dialect).unwrap();
            let payload = Payload::Prompt { messages: Vec::new(), max_tokens: 1, temperature: 0.0 };
            let body = template.body(&Request { ordinal: 0, seed: 1, payload }).unwrap();
            body.get("logprobs").cloned()
        };
        use {Dialect::*, Endpoint::*};
        assert_eq!(asked(Chat, OpenAi, false), None);
        assert_eq!(asked(Chat, OpenAi, true), Some(json!(true)));
        assert_eq!(asked(Completions, OpenAi, true), Some(json!(1)));
        assert_eq!(asked(Completions, Ollama, true), Some(json!(true)));
    }
}
