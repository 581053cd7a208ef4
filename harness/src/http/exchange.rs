//! Requests and their replies: asked, read under deadlines, understood.

use super::address::Address;
use super::connection::Connection;
use super::deadlines::{Deadlines, Watch};
use super::refusal;
use super::sightings::{Named, Sightings};
use super::stream::Stream;
use super::template::Template;
use crate::driver::{Answer, Request};
use crate::recorder::Reply;
use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;
use serde_json::{Map, Value};
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;
use tokio::task::JoinHandle;

/// How a reply is framed, which its content type must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON object a line.
    Lines,
    /// One JSON object as the whole body: the target was asked not to stream.
    Whole,
}

impl Framing {
    /// The content types that servers give it, the right one first.
    pub(crate) fn content_types(self) -> &'static [&'static str] {
        match self {
            Self::Events => &["text/event-stream"],
            Self::Lines => &["application/x-ndjson", "application/json"],
            Self::Whole => &["application/json"],
        }
    }
}

/// How a target is asked and how it answers.
pub(crate) struct Exchange {
    /// Where it listens.
    pub(crate) address: Address,
    /// How its replies are framed.
    pub(super) framing: Framing,
    /// How long each stage may take.
    deadlines: Deadlines,
    /// What all requests have in common.
    template: Template,
    sightings: Sightings,
}

/// What a target said: the answer, and what it gave away of itself.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) answer: Answer,
    pub(crate) named: Named,
}

impl Exchange {
    /// Requests made of `template` to a target, whose replies are framed in this way.
    pub(crate) fn new(
        address: Address,
        deadlines: Deadlines,
        framing: Framing,
        template: Template,
    ) -> Arc<Self> {
        let sightings = Sightings::default();
        Arc::new(Self { address, framing, deadlines, template, sightings })
    }

    /// Sends one request and reads the reply to its end.
    ///
    /// It runs as a task of its own. The load is one future of many requests: if that one read the
    /// replies, each event would wake it through the operating system.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        request: &Request,
        reply: &Reply,
    ) -> Result<Answer, Failure> {
        let body = bytes(&self.template.body(request)?)?;
        let (this, reply) = (Arc::clone(self), reply.clone());
        let said = Task(tokio::spawn(async move { this.post(body, &reply).await })).end().await?;
        self.sightings.note(said.named);
        Ok(said.answer)
    }

    /// What replies named first, and what they named otherwise later.
    pub(crate) fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    /// Adds whose clock stamped the replies, where there were any.
    pub(crate) fn put_stamps_into(&self, identity: &mut TargetIdentity) {
        self.address.put_stamps_into(identity);
    }

    /// Posts `body` and reads the reply to its end.
    async fn post(&self, body: Bytes, reply: &Reply) -> Result<Said, Failure> {
        let mut watch = Watch::start();
        let send = send(&self.address, self.template.path(), body, reply);
        let (mut response, connection) =
            watch.within(self.deadlines.head, FailureClass::TimeoutHead, send).await?;
        reply.head();
        let accept = refusal::accept(&mut response, self.framing, &self.address);
        let accepted = watch.within(self.deadlines.gap, FailureClass::TimeoutGap, accept).await;
        let mut stream = Stream::new(response.into_body(), connection, reply, self);
        if let Err(refused) = accepted {
            stream.release().await;
            return Err(refused);
        }
        let first = stream.read_to_content();
        watch.within(self.deadlines.first_token, FailureClass::TimeoutFirstToken, first).await?;
        while stream.is_open() {
            watch.within(self.deadlines.gap, FailureClass::TimeoutGap, stream.read()).await?;
        }
        stream.said().await
    }
}

/// Posts `body` to `path` below the base URL and waits for the response's head.
pub(super) async fn send(
    address: &Address,
    path: &str,
    body: Bytes,
    reply: &Reply,
) -> Result<(Response<Incoming>, Connection), Failure> {
    let post = address.measured_post(path, body)?;
    let mut connection = address.connection().await?;
    let response = connection.send(post).await;
    if let Some(asked) = connection.times.asked() {
        reply.sent_at(asked);
    }
    let response = response.map_err(|error| address.failure(&error))?;
    reply.arrived_at(connection.times.received());
    Ok((response, connection))
}

pub(super) fn bytes(body: &Map<String, Value>) -> Result<Bytes, Failure> {
    let body = serde_json::to_vec(body);
    let failed = |error: serde_json::Error| Failure::new(FailureClass::Engine, error.to_string());
    body.map(Bytes::from).map_err(failed)
}

/// A task that ends with whoever waits for it.
pub(super) struct Task<T>(pub(super) JoinHandle<T>);

impl<T> Task<T> {
    pub(super) async fn end(mut self) -> T {
        match (&mut self.0).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // Only a runtime that ends stops it before us, and us with it.
                Err(_) => pending().await,
            },
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
