//! OpenAI-compatible servers over HTTP: chat and completions, streamed or whole.
//!
//! A request is timed from what its stream brings, and its tokens are those that the server's
//! `usage` counts. What does not live here, on purpose: framing and reading of events
//! ([`crate::wire`]), the total deadline of a request (`measure`), retries (there are none).

mod identity;
mod models;
mod vllm;

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::http::{Address, Deadlines, Exchange, Framing, Template, suffice};
use crate::recorder::Reply;
use crate::wire::piece::Dialect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
pub(crate) use identity::size_in_words;
use models::Listing;
use std::sync::Arc;
use tokgate_core::case::Case;
use tokgate_core::failure::Failure;
use tokgate_core::run::{TargetAfter, TargetIdentity};

/// Why and how a base URL must be given.
const NO_BASE_URL: &str = "driver `openai` needs a base URL; give it with `--base-url`, \
     `TOKGATE_BASE_URL` or `base_url` in [target], `/v1` included: http://127.0.0.1:8000/v1";

/// An OpenAI-compatible server.
pub struct OpenAi {
    exchange: Arc<Exchange>,
    /// The model as the scenario names it.
    chosen: Option<String>,
    identity: TargetIdentity,
}

impl OpenAi {
    /// Discovers the server's model and identity.
    ///
    /// # Errors
    /// When the settings do not fit, the key is not set, or the server does not answer as it
    /// should; the message says what to do.
    pub async fn open(case: &Case) -> Result<Self, OpenError> {
        let target = &case.target;
        let base = target.base_url.as_deref();
        let base = base.ok_or_else(|| OpenError::Invalid(NO_BASE_URL.to_owned()))?;
        suffice(case)?;
        let deadlines = Deadlines::of(case);
        let address = Address::new(base, Dialect::OpenAi, target, deadlines.connect)?;
        let chosen = target.model.clone();
        let listing = Listing::fetch(&address, chosen.as_deref()).await?;
        let model = listing.choose(chosen.as_deref(), &address)?;
        let template = Template::online(target, &model.id, Dialect::OpenAi)?;
        if identity::hangs_up_after_streams(&listing, &model) {
            address.end_connections();
        }
        let identity = identity::identify(&address, &listing, &model).await;
        let framing = if target.stream { Framing::Events } else { Framing::Whole };
        let exchange = Exchange::new(address, deadlines, framing, template);
        Ok(Self { exchange, chosen, identity })
    }

    /// Who the server is now; who it was, where it no longer says.
    async fn identity_now(&self) -> TargetIdentity {
        let address = &self.exchange.address;
        let chosen = self.chosen.as_deref();
        let Ok(listing) = Listing::fetch(address, chosen).await else {
            return self.identity.clone();
        };
        match listing.choose(chosen, address) {
            Ok(model) => identity::identify(address, &listing, &model).await,
            // The model is gone: the first that is left has its place.
            Err(_) => match listing.choose(None, address) {
                Ok(model) => identity::identify(address, &listing, &model).await,
                Err(_) => self.identity.clone(),
            },
        }
    }
}

impl Driver for OpenAi {
    /// What the server said when it was opened, and since then: the `system_fingerprint` is known
    /// after the first reply.
    fn identity(&self) -> TargetIdentity {
        identity::with(self.identity.clone(), self.exchange.sightings().first())
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        async {
            let last = self.exchange.sightings().last();
            let (mut first, mut last) =
                (self.identity(), identity::with(self.identity_now().await, last));
            self.exchange.put_stamps_into(&mut first);
            self.exchange.put_stamps_into(&mut last);
            TargetAfter { first, last, preparation: None }
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
