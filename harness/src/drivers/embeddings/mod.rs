//! Embeddings of OpenAI-compatible servers: texts go, vectors come.
//!
//! A request is timed from its first byte to the last byte of the vectors, and its tokens are those
//! that the server's `usage` counts. What does not live here, on purpose: reading and checking
//! vectors ([`crate::wire::embeddings`]), searching them, retries (there are none).

mod service;
#[cfg(test)]
mod tests;

use super::openai::identity_now;
use crate::driver::{Answer, Driver, OpenError, Payload, Request};
use crate::http::Deadlines;
use crate::recorder::Reply;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
pub(crate) use service::{Asked, Service};
use tokgate_core::case::Case;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::{Embedded, EventKind};
use tokgate_core::run::{TargetAfter, TargetIdentity};

/// A server with an embedding model.
pub struct Embeddings {
    service: Service,
    /// The model as the scenario names it.
    chosen: Option<String>,
    inputs_per_request: u32,
}

impl Embeddings {
    /// Discovers the server's model and identity, and has it embed a word: what that says of the
    /// vectors stands in the identity.
    ///
    /// # Errors
    /// When the settings do not fit, the key is not set, or the server does not answer as it
    /// should; the message says what to do.
    pub async fn open(case: &Case) -> Result<Self, OpenError> {
        let asked = case.embedding.ok_or_else(|| {
            OpenError::Invalid(format!(
                "{} does not say what is embedded; write `kind = \"embedding\"`",
                case.id
            ))
        })?;
        let target = &case.target;
        let more = Asked { encoding: asked.encoding, own: target.body.clone() };
        let service = Service::open(target, more, Deadlines::of(case)).await?;
        let inputs_per_request = asked.inputs_per_request;
        Ok(Self { service, chosen: target.model.clone(), inputs_per_request })
    }

    /// An identity of the server, with what is asked of it.
    fn told(&self, server: TargetIdentity) -> TargetIdentity {
        let mut identity = self.service.told(server);
        identity.platform = format!("embedding-{}", identity.platform);
        identity.config.insert("inputs_per_request".to_owned(), json!(self.inputs_per_request));
        identity
    }
}

impl Driver for Embeddings {
    fn identity(&self) -> TargetIdentity {
        let mut identity = self.told(self.service.identity.clone());
        self.service.sightings.first().put_into(&mut identity);
        identity
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        async {
            let address = self.service.address();
            let now = identity_now(address, self.chosen.as_deref(), &self.service.identity).await;
            let (mut first, mut last) = (self.identity(), self.told(now));
            self.service.sightings.last().put_into(&mut last);
            address.put_stamps_into(&mut first);
            address.put_stamps_into(&mut last);
            TargetAfter { first, last, preparation: None, inserted: None }
        }
        .boxed()
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        async {
            let Payload::Texts { inputs } = &request.payload else {
                let message = "an embedding model was sent something that is no list of texts";
                return Err(Failure::new(FailureClass::Engine, message));
            };
            let came = self.service.embed(inputs, reply).await?;
            reply.event(EventKind::Whole, None);
            reply.done();
            let embedded = Embedded {
                inputs: inputs.len() as u32,
                dimensions: came.dimensions() as u32,
                prompt_tokens: came.prompt_tokens,
                usage: came.usage,
            };
            Ok(Answer { embedded: Some(embedded), ..Answer::default() })
        }
        .boxed()
    }
}
