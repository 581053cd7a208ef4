//! Ollama over its own protocol: `/api/chat` and `/api/generate`, streamed or whole
//! (github.com/ollama/ollama, docs/api.md).
//!
//! Its OpenAI-compatible half is the `openai` driver's. This one also has what Ollama says of a
//! model (digest, quantisation, context) and its own durations, kept beside ours.

mod host;
mod models;

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::http::{Address, Deadlines, Exchange, Framing, Template};
use crate::recorder::Reply;
use crate::wire::piece::Dialect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use models::Catalogue;
use std::sync::Arc;
use tokgate_core::case::Case;
use tokgate_core::failure::Failure;
use tokgate_core::run::{TargetAfter, TargetIdentity};

/// An Ollama server.
pub struct Ollama {
    exchange: Arc<Exchange>,
    model: String,
    identity: TargetIdentity,
}

impl Ollama {
    /// Discovers the server's model and identity.
    ///
    /// # Errors
    /// When the settings do not fit, or the server does not answer as it should; the message says
    /// what to do.
    pub async fn open(case: &Case) -> Result<Self, OpenError> {
        let target = &case.target;
        let base = host::base_url(target.base_url.as_deref())?;
        let deadlines = Deadlines::of(case);
        let address = Address::new(&base, Dialect::Ollama, target, deadlines.connect)?;
        let catalogue = Catalogue::fetch(&address).await.map_err(|it| it.advise(&address))?;
        let model = catalogue.choose(target.model.as_deref(), &address)?;
        let template = Template::online(case, &model, Dialect::Ollama)?;
        let identity = catalogue.identify(&model, &address).await;
        let framing = if target.stream { Framing::Lines } else { Framing::Whole };
        let exchange = Exchange::new(address, deadlines, framing, template);
        Ok(Self { exchange, model, identity })
    }

    /// Who the server is now; who it was, where it no longer says.
    async fn identity_now(&self) -> TargetIdentity {
        match Catalogue::fetch(&self.exchange.address).await {
            Ok(catalogue) => catalogue.identify(&self.model, &self.exchange.address).await,
            Err(_) => self.identity.clone(),
        }
    }
}

impl Driver for Ollama {
    fn identity(&self) -> TargetIdentity {
        self.identity.clone()
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        async {
            let (mut first, mut last) = (self.identity(), self.identity_now().await);
            self.exchange.sightings().first().put_into(&mut first);
            self.exchange.sightings().last().put_into(&mut last);
            self.exchange.put_stamps_into(&mut first);
            self.exchange.put_stamps_into(&mut last);
            TargetAfter { first, last, preparation: None, inserted: None }
        }
        .boxed()
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.exchange.ask(request, reply).boxed()
    }
}

#[cfg(test)]
mod tests;
