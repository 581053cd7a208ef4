//! A timed connection for protocols other than HTTP: a client of theirs reads and writes it.

use super::deadlines::within;
use super::failure::{Stage, failure_at};
use super::receive::Sources;
use super::socket::Socket;
use super::times::Times;
use crate::recorder::Reply;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;
use tokio::net::{TcpStream, lookup_host};

/// What the client reads and writes.
pub(crate) type Wire = TokioIo<Socket>;

/// When the bytes of one connection's question and answer went and came.
#[derive(Debug, Clone)]
pub(crate) struct Moments(Times);

impl Moments {
    /// Those that a socket writes.
    pub(super) fn of(times: Times) -> Self {
        Self(times)
    }

    /// What is written from now on belongs to a new question.
    pub(crate) fn begin(&self) {
        self.0.begin();
    }

    /// Reports when the question went and when the last of its answer came.
    pub(crate) fn stamp(&self, reply: &Reply) {
        if let Some(asked) = self.0.asked() {
            reply.sent_at(asked);
        }
        reply.arrived_at(self.0.received());
    }
}

/// Makes timed connections to one server.
#[derive(Debug)]
pub(crate) struct Lines {
    host: String,
    port: u16,
    limit: Duration,
    sources: Arc<Sources>,
}

impl Lines {
    /// Connections to `host`, each made within `limit`.
    pub(crate) fn to(host: &str, port: u16, limit: Duration) -> Self {
        let host = host.trim_matches(['[', ']']).to_owned();
        Self { host, port, limit, sources: Arc::default() }
    }

    /// How long making a connection may take.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// When the name is not known, nobody listens, or it takes too long.
    pub(crate) async fn connect(&self) -> Result<(Wire, Moments), Failure> {
        let stream = within(self.limit, FailureClass::TimeoutConnect, self.reach()).await?;
        let times = Times::default();
        let socket = Socket::new(stream, times.clone(), Arc::clone(&self.sources));
        Ok((TokioIo::new(socket), Moments(times)))
    }

    /// Adds whose clock stamped the answers, where there were any.
    pub(crate) fn put_stamps_into(&self, identity: &mut TargetIdentity) {
        if let Some(source) = self.sources.in_a_word() {
            identity.config.insert("receive_stamps".to_owned(), source.into());
        }
    }

    async fn reach(&self) -> Result<TcpStream, Failure> {
        let unknown =
            |error: io::Error| Failure::new(FailureClass::Dns, format!("{}: {error}", self.host));
        let found = lookup_host((self.host.as_str(), self.port)).await.map_err(unknown)?;
        let addresses: Vec<_> = found.collect();
        let stream = TcpStream::connect(addresses.as_slice()).await;
        let stream = stream.map_err(|error| failure_at(Stage::Connecting, &error))?;
        // Small questions are not to wait for more of them.
        stream.set_nodelay(true).map_err(|error| failure_at(Stage::Connecting, &error))?;
        Ok(stream)
    }
}
