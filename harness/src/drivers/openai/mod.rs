//! OpenAI-compatible servers over HTTP: who they are, and their chat and completions, streamed or
//! whole. Their embeddings have a driver of their own ([`super::embeddings`]).
//!
//! A request is timed from what its stream brings, and its tokens are those that the server's
//! `usage` counts. What does not live here, on purpose: framing and reading of events
//! ([`crate::wire`]), the total deadline of a request (`measure`), retries (there are none).

mod identity;
mod models;
mod vllm;

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::http::{Address, Deadlines, Exchange, Framing, Template};
use crate::recorder::Reply;
use crate::wire::piece::Dialect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
pub(crate) use identity::size_in_words;
use models::{Listing, Model};
use std::sync::Arc;
use std::time::Duration;
use tokgate_core::case::{Case, Target};
use tokgate_core::failure::Failure;
use tokgate_core::run::{TargetAfter, TargetIdentity};

/// Why and how a base URL must be given.
const NO_BASE_URL: &str = "driver `openai` needs a base URL; give it with `--base-url`, \
     `TOKGATE_BASE_URL` or `base_url` in [target], `/v1` included: http://127.0.0.1:8000/v1";

/// A server, and the one of its models that is measured.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) address: Address,
    /// The model.
    pub(crate) model: Model,
    /// Who it is.
    pub(crate) identity: TargetIdentity,
}

impl Server {
    /// Asks the server of a target who it is. A connection may take `connect` to be made.
    ///
    /// # Errors
    /// When the settings do not fit, the key is not set, or the server does not answer as it
    /// should; the message says what to do.
    pub(crate) async fn find(target: &Target, connect: Duration) -> Result<Self, OpenError> {
        let base = target.base_url.as_deref();
        let base = base.ok_or_else(|| OpenError::Invalid(NO_BASE_URL.to_owned()))?;
        let address = Address::new(base, Dialect::OpenAi, target, connect)?;
        let chosen = target.model.as_deref();
        let listing = Listing::fetch(&address, chosen).await?;
        let model = listing.choose(chosen, &address)?;
        if identity::hangs_up_after_streams(&listing, &model) {
            address.end_connections();
        }
        let identity = identity::identify(&address, &listing, &model).await;
        Ok(Self { address, model, identity })
    }
}

/// Who the server at `address` is now; who it `was`, where it no longer says.
pub(crate) async fn identity_now(
    address: &Address,
    chosen: Option<&str>,
    was: &TargetIdentity,
) -> TargetIdentity {
    let Ok(listing) = Listing::fetch(address, chosen).await else { return was.clone() };
    match listing.choose(chosen, address) {
        Ok(model) => identity::identify(address, &listing, &model).await,
        // The model is gone: the first that is left has its place.
        Err(_) => match listing.choose(None, address) {
            Ok(model) => identity::identify(address, &listing, &model).await,
            Err(_) => was.clone(),
        },
    }
}

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
        let deadlines = Deadlines::of(case);
        let Server { address, model, identity } = Server::find(target, deadlines.connect).await?;
        let template = Template::online(case, &model.id, Dialect::OpenAi)?;
        let framing = if target.stream { Framing::Events } else { Framing::Whole };
        let exchange = Exchange::new(address, deadlines, framing, template);
        Ok(Self { exchange, chosen: target.model.clone(), identity })
    }

    /// Who the server is now; who it was, where it no longer says.
    async fn identity_now(&self) -> TargetIdentity {
        identity_now(&self.exchange.address, self.chosen.as_deref(), &self.identity).await
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
