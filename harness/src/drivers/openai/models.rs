//! The models that a server lists, and the choice of one.

use crate::driver::OpenError;
use crate::http::{Address, Fetched, Unanswered, fetch, not_listed};
use reqwest::StatusCode;
use serde::Deserialize;
use tokgate_core::failure::{Failure, FailureClass};

/// What a server says of its models. Fields that only some servers have are optional.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Listing {
    #[serde(default)]
    data: Vec<Model>,
    /// The `Server` header.
    #[serde(skip)]
    pub(crate) server: String,
    /// The HTTP version that was spoken, and over which IP.
    #[serde(skip)]
    pub(crate) transport: String,
}

/// One listed model.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Model {
    /// The name that requests use.
    pub(crate) id: String,
    /// The engine, with most of those that people run themselves.
    pub(crate) owned_by: Option<String>,
    /// llama.cpp: other names.
    #[serde(default)]
    aliases: Vec<String>,
    /// vLLM: the weights behind the name.
    pub(crate) root: Option<String>,
    /// vLLM, SGLang: longest prompt and answer together.
    pub(crate) max_model_len: Option<u64>,
    /// llama.cpp: what its file says.
    pub(crate) meta: Option<Meta>,
}

/// llama.cpp's facts about a model.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Meta {
    /// Context of one slot, tokens.
    pub(crate) n_ctx: Option<u64>,
    /// Context that the model was trained with, tokens.
    pub(crate) n_ctx_train: Option<u64>,
    /// Parameters.
    pub(crate) n_params: Option<u64>,
    /// Bytes of the weights.
    pub(crate) size: Option<u64>,
    /// Quantisation.
    pub(crate) ftype: Option<String>,
}

impl Listing {
    /// Asks the server. One that has no list is fine where the model was `chosen` and the base URL
    /// has a path; without a path it is more likely that `/v1` was forgotten.
    ///
    /// # Errors
    /// When the server does not answer, or not with a list.
    pub(crate) async fn fetch(address: &Address, chosen: Option<&str>) -> Result<Self, OpenError> {
        let may_lack = chosen.is_some() && address.base().path() != "/";
        match fetch(address.get("models"), address).await {
            Ok(fetched) => Self::read(fetched, address).map_err(|it| it.advise(address)),
            Err(it) if may_lack && it.status == Some(StatusCode::NOT_FOUND) => Ok(Self::default()),
            Err(unanswered) => Err(unanswered.advise(address)),
        }
    }

    fn read(fetched: Fetched, address: &Address) -> Result<Self, Unanswered> {
        let listing: Self = serde_json::from_str(&fetched.body).map_err(|error| {
            let message = format!("no list of models ({error}): {}", fetched.body);
            Failure::new(FailureClass::Malformed, address.quote(&message))
        })?;
        Ok(Self { server: fetched.server, transport: fetched.transport, ..listing })
    }

    /// The model to measure: the chosen one if it is listed, else the first.
    ///
    /// # Errors
    /// When the chosen one is not listed, or none is chosen and none is listed.
    pub(crate) fn choose(
        &self,
        chosen: Option<&str>,
        address: &Address,
    ) -> Result<Model, OpenError> {
        let unlisted = |name: &str| Model { id: name.to_owned(), ..Model::default() };
        match (chosen, self.data.first()) {
            (Some(name), Some(_)) => {
                let found = self.data.iter().find(|model| model.is_called(name));
                let found = found.map(|model| Model { id: name.to_owned(), ..model.clone() });
                let ids = self.data.iter().map(|model| model.id.as_str());
                found.ok_or_else(|| not_listed(name, ids, address))
            }
            (Some(name), None) => Ok(unlisted(name)),
            (None, Some(first)) => Ok(first.clone()),
            (None, None) => Err(OpenError::Invalid(format!(
                "{} lists no model; name one with `--model`",
                address.base()
            ))),
        }
    }
}

impl Model {
    /// Ollama answers to a name without its tag, llama.cpp to aliases.
    fn is_called(&self, name: &str) -> bool {
        self.id == name
            || self.id.strip_suffix(":latest") == Some(name)
            || self.aliases.iter().any(|alias| alias == name)
    }
}
