//! OpenAI-compatible servers over HTTP: streamed chat and completions.
//!
//! A request is timed from what its stream brings, and its tokens are those that the server's
//! `usage` counts. What does not live here, on purpose: framing and reading of events
//! ([`crate::wire`]), the total deadline of a request (`measure`), retries (there are none).

mod address;
mod body;
mod deadlines;
mod identity;
mod models;
mod preflight;
mod refusal;
mod secret;
mod stream;
mod transcript;

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::http;
use crate::recorder::Reply;
use address::Address;
use body::Template;
use deadlines::{Deadlines, within};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use models::Listing;
use std::sync::OnceLock;
use stream::Stream;
use tokgate_core::case::Case;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::metric::Kind;
use tokgate_core::run::TargetIdentity;

/// An OpenAI-compatible server.
pub struct OpenAi {
    address: Address,
    template: Template,
    deadlines: Deadlines,
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
        Ok(Self { address, template, deadlines, identity, fingerprint: OnceLock::new() })
    }

    async fn exchange(&self, request: &Request, reply: &Reply) -> Result<Answer, Failure> {
        let body = self.template.body(request)?;
        let post = self.address.post(self.template.path()).json(&body);
        let send = async { post.send().await.map_err(http::failure) };
        let response = within(self.deadlines.head, FailureClass::TimeoutHead, send).await?;
        reply.arrived();
        reply.head();
        let accept = refusal::stream_or_failure(response, &self.address);
        let response = within(self.deadlines.gap, FailureClass::TimeoutGap, accept).await?;
        let mut stream = Stream::new(response, reply, &self.address);
        let first = stream.read_to_content();
        within(self.deadlines.first_token, FailureClass::TimeoutFirstToken, first).await?;
        while stream.is_open() {
            within(self.deadlines.gap, FailureClass::TimeoutGap, stream.read()).await?;
        }
        if let Some(fingerprint) = stream.fingerprint() {
            self.fingerprint.get_or_init(|| fingerprint.to_owned());
        }
        stream.answer().await
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
        self.exchange(request, reply).boxed()
    }
}

#[cfg(test)]
mod tests;
