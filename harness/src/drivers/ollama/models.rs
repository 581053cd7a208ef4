//! The models that an Ollama server has, and what it says of one.

use crate::driver::OpenError;
use crate::drivers::openai::size_in_words;
use crate::http::{Address, Unanswered, fetch, not_listed};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;

/// `/api/tags`: the models on the server's disk.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Catalogue {
    #[serde(default)]
    models: Vec<Listed>,
    /// The HTTP version that was spoken, and over which IP.
    #[serde(skip)]
    transport: String,
}

/// One of them. Fields that only some versions have are optional.
#[derive(Debug, Default, Deserialize)]
struct Listed {
    name: String,
    size: Option<u64>,
    digest: Option<String>,
    #[serde(default)]
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
struct Details {
    format: Option<String>,
    family: Option<String>,
    parameter_size: Option<String>,
    quantization_level: Option<String>,
}

/// `/api/show`: what the model's file says.
#[derive(Debug, Default, Deserialize)]
struct Shown {
    #[serde(default)]
    model_info: BTreeMap<String, Value>,
}

impl Catalogue {
    /// Asks the server.
    pub(super) async fn fetch(address: &Address) -> Result<Self, Unanswered> {
        let fetched = fetch(address.get("api/tags"), address).await?;
        let read: Self = serde_json::from_str(&fetched.body).map_err(|error| {
            let message = format!("no list of models ({error}): {}", fetched.body);
            Failure::new(FailureClass::Malformed, address.quote(&message))
        })?;
        Ok(Self { transport: fetched.transport, ..read })
    }

    /// The name of the model to measure: the chosen one if the server has it, else the first.
    ///
    /// # Errors
    /// When the chosen one is not there, or there is none at all.
    pub(super) fn choose(
        &self,
        chosen: Option<&str>,
        address: &Address,
    ) -> Result<String, OpenError> {
        match (chosen, self.models.first()) {
            (Some(name), _) if self.find(name).is_some() => Ok(name.to_owned()),
            (Some(name), _) => {
                let names = self.models.iter().map(|model| model.name.as_str());
                Err(not_listed(name, names, address))
            }
            (None, Some(first)) => Ok(first.name.clone()),
            (None, None) => Err(OpenError::Invalid(format!(
                "{} has no model; `ollama pull MODEL` fetches one",
                address.base()
            ))),
        }
    }

    /// Ollama answers to a name without its tag.
    fn find(&self, name: &str) -> Option<&Listed> {
        let is_called = |model: &&Listed| {
            model.name == name || model.name.strip_suffix(":latest") == Some(name)
        };
        self.models.iter().find(is_called)
    }

    /// The identity of the server at `address` and of the model. What it does not say is absent.
    pub(super) async fn identify(&self, name: &str, address: &Address) -> TargetIdentity {
        let listed = self.find(name);
        let details = listed.map(|model| &model.details);
        let shown = show(name, address).await.unwrap_or_default();
        let quote = |text: &Option<String>| text.as_deref().map(|text| address.quote(text));
        TargetIdentity {
            platform: "ollama".to_owned(),
            model: address.quote(name),
            engine: engine(address).await,
            size_params: shown
                .parameters()
                .or_else(|| quote(&details?.parameter_size).map(|size| size.to_lowercase())),
            size_bytes: listed.and_then(|model| model.size),
            quantization: details.and_then(|details| quote(&details.quantization_level)),
            context_window: shown.context_length(),
            config: self.config(listed, quote),
        }
    }
}

impl Catalogue {
    fn config(
        &self,
        listed: Option<&Listed>,
        quote: impl Fn(&Option<String>) -> Option<String>,
    ) -> BTreeMap<String, Value> {
        let of = |fact: fn(&Listed) -> &Option<String>| listed.and_then(|it| quote(fact(it)));
        let facts = [
            ("http", Some(self.transport.clone())),
            ("digest", of(|it| &it.digest)),
            ("format", of(|it| &it.details.format)),
            ("family", of(|it| &it.details.family)),
        ];
        facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), json!(fact?)))).collect()
    }
}

impl Shown {
    fn parameters(&self) -> Option<String> {
        self.model_info.get("general.parameter_count")?.as_u64().map(size_in_words)
    }

    fn context_length(&self) -> Option<u64> {
        let architecture = self.model_info.get("general.architecture")?.as_str()?;
        self.model_info.get(&format!("{architecture}.context_length"))?.as_u64()
    }
}

async fn engine(address: &Address) -> String {
    #[derive(Deserialize)]
    struct Said {
        version: String,
    }
    let page = fetch(address.get("api/version"), address).await.ok();
    match page.and_then(|page| serde_json::from_str::<Said>(&page.body).ok()) {
        Some(Said { version }) => format!("ollama {}", address.quote(&version)),
        None => "ollama".to_owned(),
    }
}

/// What the server shows of a model. It is a courtesy: any failure is silence.
async fn show(name: &str, address: &Address) -> Option<Shown> {
    let question = address.post("api/show").json(&json!({ "model": name }));
    serde_json::from_str(&fetch(question, address).await.ok()?.body).ok()
}
