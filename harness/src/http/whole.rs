//! A request whose reply is one body, read to its end before it is understood. What the body means
//! is the caller's business; its last byte is what the reply is stamped with.

use super::address::Address;
use super::connection::Connection;
use super::deadlines::{Deadlines, Watch};
use super::exchange::{Framing, Task, bytes, send};
use super::failure::{Stage, failure_at};
use super::refusal;
use super::stream::{RESPONSE_BYTES, release};
use crate::recorder::Reply;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Map, Value};
use std::sync::Arc;
use tokgate_core::failure::{Failure, FailureClass};

/// How a server is asked for whole replies.
pub(crate) struct Whole {
    /// Where it listens.
    pub(crate) address: Address,
    deadlines: Deadlines,
}

impl Whole {
    /// Requests to the server at `address`.
    pub(crate) fn new(address: Address, deadlines: Deadlines) -> Arc<Self> {
        Arc::new(Self { address, deadlines })
    }

    /// Posts `body` to `path` below the base URL, and reads the reply to its end.
    ///
    /// It runs as a task of its own, as those of [`super::Exchange`] do.
    ///
    /// # Errors
    /// As the exchange of a language model has them; a reply that does not come to its end in time
    /// has no first token before that.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        path: &'static str,
        body: &Map<String, Value>,
        reply: &Reply,
    ) -> Result<Vec<u8>, Failure> {
        let body = bytes(body)?;
        let (this, reply) = (Arc::clone(self), reply.clone());
        Task(tokio::spawn(async move { this.post(path, body, &reply).await })).end().await
    }

    async fn post(&self, path: &str, body: Bytes, reply: &Reply) -> Result<Vec<u8>, Failure> {
        let mut watch = Watch::start();
        let send = send(&self.address, path, body, reply);
        let (mut response, connection) =
            watch.within(self.deadlines.head, FailureClass::TimeoutHead, send).await?;
        reply.head();
        let accept = refusal::accept(&mut response, Framing::Whole, &self.address);
        let accepted = watch.within(self.deadlines.gap, FailureClass::TimeoutGap, accept).await;
        let mut body = response.into_body();
        let whole = match accepted {
            Ok(()) => {
                let read = read(&mut body, &connection, reply);
                let limit = self.deadlines.first_token;
                Ok(watch.within(limit, FailureClass::TimeoutFirstToken, read).await?)
            }
            Err(refused) => Err(refused),
        };
        release(body, connection, Arc::clone(&self.address.connections)).await;
        whole
    }
}

/// The whole body, each read stamped as it came.
async fn read(
    body: &mut Incoming,
    connection: &Connection,
    reply: &Reply,
) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure_at(Stage::Body, &error))?;
        let Some(bytes) = frame.data_ref() else { continue };
        reply.arrived_at(connection.times.received());
        if whole.len() + bytes.len() > RESPONSE_BYTES {
            let message = format!("the body is longer than {RESPONSE_BYTES} bytes");
            return Err(Failure::new(FailureClass::TooLarge, message));
        }
        whole.extend_from_slice(bytes);
    }
    Ok(whole)
}
