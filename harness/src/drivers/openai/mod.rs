//! OpenAI-compatible servers over HTTP: streamed chat and completions.
//!
//! A request is timed from what its stream brings, and its tokens are those that the server's
//! `usage` counts. What does not live here, on purpose: framing and reading of events
//! ([`crate::wire`]), the total deadline of a request (`measure`), retries (there are none).

mod body;
mod identity;
mod models;

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::http::{Address, Deadlines, Exchange, Framing};
use crate::recorder::Reply;
use crate::wire::piece::Dialect;
use body::Template;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use models::Listing;
use std::sync::OnceLock;
use tokgate_core::case::Case;
use tokgate_core::failure::Failure;
use tokgate_core::metric::Kind;
use tokgate_core::run::TargetIdentity;

/// An OpenAI-compatible server.
pub struct OpenAi {
    exchange: Exchange,
    template: Template,
    identity: TargetIdentity,
    /// The first `system_fingerprint` that a reply carried.
    fingerprint: OnceLock<String>,
}

impl OpenAi {
    /// Discovers the server's model and identity.
    ///
    /// # Errors
    /// When the settings do not fit, the key is not set, or the server does not answer as it
    /// should; the message says what to do.
    pub async fn open(case: &Case) -> Result<Self, OpenError> {
        if case.kind != Kind::Generation {
            return Err(OpenError::Invalid(format!(
                "driver `openai` answers prompts; case {} asks for something else",
                case.id
            )));
        }
        let deadlines = Deadlines::within(case.run.timeout_s);
        let mut address = Address::new(&case.target, deadlines.connect)?;
        let chosen = case.target.model.as_deref();
        let listing = Listing::fetch(&address, chosen).await?;
        let model = listing.choose(chosen, &address)?;
        let template = Template::new(&case.target, &model.id)?;
        if identity::hangs_up_after_streams(&listing, &model) {
            address.end_connections();
        }
        let identity = identity::identify(&address, &listing, &model).await;
        let framing = Framing::Events;
        let exchange = Exchange { address, deadlines, dialect: Dialect::OpenAi, framing };
        Ok(Self { exchange, template, identity, fingerprint: OnceLock::new() })
    }

    async fn ask(&self, request: &Request, reply: &Reply) -> Result<Answer, Failure> {
        let body = self.template.body(request)?;
        let said = self.exchange.post(self.template.path(), &body, reply).await?;
        if let Some(fingerprint) = said.fingerprint {
            self.fingerprint.get_or_init(|| fingerprint);
        }
        Ok(said.answer)
    }
}

impl Driver for OpenAi {
    /// What the server said when it was opened, and since then: the `system_fingerprint` is known
    /// after the first reply, so ask after the warm-up.
    fn identity(&self) -> TargetIdentity {
        let mut identity = self.identity.clone();
        if let Some(fingerprint) = self.fingerprint.get() {
            identity.config.insert("system_fingerprint".to_owned(), fingerprint.as_str().into());
            // llama.cpp's fingerprint is its build; its page about it can be switched off.
            if identity.engine == "llama.cpp" {
                identity.engine = identity::engine("llama.cpp", Some(fingerprint));
            }
        }
        identity
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.ask(request, reply).boxed()
    }
}

#[cfg(test)]
mod tests;
