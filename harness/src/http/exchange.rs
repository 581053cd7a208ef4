//! Requests and their replies: asked, read under deadlines, understood.

use super::address::Address;
use super::deadlines::{Deadlines, within};
use super::refusal;
use super::sightings::{Named, Sightings};
use super::stream::Stream;
use super::template::Template;
use crate::driver::{Answer, Request};
use crate::recorder::Reply;
use serde_json::{Map, Value};
use tokgate_core::failure::{Failure, FailureClass};

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
    ) -> Self {
        Self { address, framing, deadlines, template, sightings: Sightings::default() }
    }

    /// Sends one request and reads the reply to its end.
    pub(crate) async fn ask(&self, request: &Request, reply: &Reply) -> Result<Answer, Failure> {
        let body = self.template.body(request)?;
        let said = self.post(self.template.path(), &body, reply).await?;
        self.sightings.note(said.named);
        Ok(said.answer)
    }

    /// What replies named first, and what they named otherwise later.
    pub(crate) fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    /// Posts `body` to `path` below the base URL and reads the reply to its end.
    async fn post(
        &self,
        path: &str,
        body: &Map<String, Value>,
        reply: &Reply,
    ) -> Result<Said, Failure> {
        let post = self.address.post(path).json(body);
        let send = async { post.send().await.map_err(|error| self.address.failure(error)) };
        let response = within(self.deadlines.head, FailureClass::TimeoutHead, send).await?;
        reply.arrived();
        reply.head();
        let accept = refusal::reply_or_failure(response, self.framing, &self.address);
        let response = within(self.deadlines.gap, FailureClass::TimeoutGap, accept).await?;
        let mut stream = Stream::new(response, reply, self);
        let first = stream.read_to_content();
        within(self.deadlines.first_token, FailureClass::TimeoutFirstToken, first).await?;
        while stream.is_open() {
            within(self.deadlines.gap, FailureClass::TimeoutGap, stream.read()).await?;
        }
        stream.said().await
    }
}
