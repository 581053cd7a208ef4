//! Asking a server for vectors, whoever needs them: the same path for a measured request, for the
//! passages of an index and for a question.

use crate::clock::Clock;
use crate::driver::OpenError;
use crate::drivers::openai::Server;
use crate::http::{Address, Deadlines, Named, Sightings, Whole};
use crate::recorder::Reply;
use crate::wire::embeddings::{Embeddings, NoEmbeddings, read};
use serde_json::{Map, Value, json};
use std::sync::{Arc, OnceLock};
use tokgate_core::case::{Encoding, Target};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;

/// The path below the base URL.
const PATH: &str = "embeddings";
/// What is embedded to see that it works.
const PROBE: &str = "hello";
/// How often: a server that fails now and then can be measured, one that always does cannot.
const PROBES: usize = 3;
/// What to do where a server does not embed.
const ADVICE: &str = "does this server embed (vLLM: a pooling model; llama.cpp: `--embeddings`), \
     and is it an embedding model? name another with `--model`, for rag with `embedding_model`";

/// What requests have in common, besides the model.
pub(crate) struct Asked {
    /// How vectors are asked for.
    pub(crate) encoding: Encoding,
    /// The scenario's own fields, which win.
    pub(crate) own: Map<String, Value>,
}

/// A server that embeds.
pub(crate) struct Service {
    call: Arc<Whole>,
    /// The fields of every request.
    fixed: Map<String, Value>,
    /// Who it is, without what its vectors say.
    pub(crate) identity: TargetIdentity,
    /// What replies named.
    pub(crate) sightings: Sightings,
    /// What the first vectors were like; later ones must have the same length.
    seen: OnceLock<Shape>,
}

/// What vectors are like.
#[derive(Debug, Clone, Copy)]
struct Shape {
    dimensions: usize,
    encoding: Encoding,
}

impl Service {
    /// Finds the server of a target and its model, and has it embed a word.
    ///
    /// # Errors
    /// When the settings do not fit, the key is not set, or the server does not answer as it
    /// should; the message says what to do.
    pub(crate) async fn open(
        target: &Target,
        asked: Asked,
        deadlines: Deadlines,
    ) -> Result<Self, OpenError> {
        if asked.own.contains_key("encoding_format") {
            return Err(OpenError::Invalid(
                "`body` in [target] sets `encoding_format`; write `encoding_format = \"base64\"` \
                 beside it instead"
                    .to_owned(),
            ));
        }
        let Server { address, model, identity } = Server::find(target, deadlines.connect).await?;
        let mut fixed = Map::from_iter([
            ("model".to_owned(), json!(model.id)),
            ("encoding_format".to_owned(), json!(asked.encoding.as_str())),
        ]);
        fixed.extend(asked.own);
        let service = Self {
            call: Whole::new(address, deadlines),
            fixed,
            identity,
            sightings: Sightings::default(),
            seen: OnceLock::new(),
        };
        service.probe().await?;
        Ok(service)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &Address {
        &self.call.address
    }

    /// `server` with what its vectors were like.
    pub(crate) fn told(&self, mut server: TargetIdentity) -> TargetIdentity {
        if let Some(shape) = self.seen.get() {
            server.config.insert("dimensions".to_owned(), json!(shape.dimensions));
            server.config.insert("encoding".to_owned(), json!(shape.encoding.as_str()));
        }
        server
    }

    /// The vectors of `inputs`, checked. `reply` is stamped with the first byte sent and the last
    /// one received.
    ///
    /// # Errors
    /// As every request over HTTP; a reply whose vectors are not those of the inputs, or of another
    /// length than earlier ones, is malformed.
    pub(crate) async fn embed(
        &self,
        inputs: &[String],
        reply: &Reply,
    ) -> Result<Embeddings, Failure> {
        let mut body = self.fixed.clone();
        body.insert("input".to_owned(), json!(inputs));
        let bytes = self.call.ask(PATH, &body, reply).await?;
        let text = String::from_utf8_lossy(&bytes);
        let came = read(&text, inputs.len()).map_err(|error| self.failure(error))?;
        self.compare(&came)?;
        let model = came.model.as_deref().map(|model| self.address().quote(model));
        self.sightings.note(Named { model, fingerprint: None });
        Ok(came)
    }

    pub(super) fn compare(&self, came: &Embeddings) -> Result<(), Failure> {
        let (dimensions, encoding) = (came.dimensions(), came.encoding);
        let first = self.seen.get_or_init(|| Shape { dimensions, encoding }).dimensions;
        match first == dimensions {
            true => Ok(()),
            false => Err(Failure::new(
                FailureClass::Malformed,
                format!("vectors of {dimensions} components, and the first had {first}"),
            )),
        }
    }

    fn failure(&self, error: NoEmbeddings) -> Failure {
        let class = match &error {
            NoEmbeddings::Refused(words) => {
                return self.call.address.said(FailureClass::StreamError, words);
            }
            NoEmbeddings::Unreadable { .. }
            | NoEmbeddings::Count { .. }
            | NoEmbeddings::NoSuchInput { .. }
            | NoEmbeddings::Twice(_)
            | NoEmbeddings::Length { .. }
            | NoEmbeddings::Empty(_)
            | NoEmbeddings::NotFinite { .. }
            | NoEmbeddings::Zero(_) => FailureClass::Malformed,
        };
        Failure::new(class, self.address().quote(&error.to_string()))
    }

    /// Has a word embedded, before anything is measured.
    async fn probe(&self) -> Result<(), OpenError> {
        let inputs = [PROBE.to_owned()];
        let mut last = None;
        for _ in 0..PROBES {
            match self.embed(&inputs, &Reply::new(Clock::start())).await {
                Ok(_) => return Ok(()),
                Err(failure) => last = Some(failure),
            }
        }
        let failure =
            last.unwrap_or_else(|| Failure::new(FailureClass::Engine, "nothing was embedded"));
        Err(OpenError::Unreachable { failure, advice: ADVICE.to_owned() })
    }
}
