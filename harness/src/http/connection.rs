//! One kept connection to a target, and those that wait for their next request.

use super::connector::Connector;
use super::failure::{Stage, failure_at};
use super::times::Times;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokgate_core::failure::Failure;

/// How long a connection may wait for its next request. What lies between us and a target forgets
/// silent connections without a word, mostly after some minutes.
const KEPT: Duration = Duration::from_secs(90);

/// A connection on which one request at a time is sent.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// When the bytes of its request went and came.
    pub(super) times: Times,
}

impl Connection {
    /// Speaks HTTP/1.1 over `io`, whose socket writes `times`.
    pub(super) async fn over<T>(io: T, times: Times) -> Result<Self, Failure>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let begun = handshake(io).await;
        let (sender, connection) = begun.map_err(|error| failure_at(Stage::Connecting, &error))?;
        // What goes wrong here is told to whoever waits for a reply.
        tokio::spawn(async { drop(connection.await) });
        Ok(Self { sender, times })
    }

    /// Sends a request and waits for the response's head.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        self.times.begin();
        self.sender.send_request(request).await
    }

    /// Waits until the next request can be sent; false where none can.
    pub(super) async fn is_free(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}

/// The connections to one target, one for each request in flight.
///
/// hyper-util's pool begins a new connection whenever the last one is not back yet, which is a
/// matter of microseconds in a closed loop; here a reply is over when its connection is back.
pub(super) struct Connections {
    pub(super) connector: Connector,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Connections {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, idle: Mutex::default() }
    }

    /// One that waits, else a new one.
    pub(super) async fn any(&self) -> Result<Connection, Failure> {
        match self.waiting() {
            Some(connection) => Ok(connection),
            None => self.connector.connect().await,
        }
    }

    fn waiting(&self) -> Option<Connection> {
        let mut idle = self.idle();
        let usable = |it: &Idle| !it.connection.sender.is_closed() && it.since.elapsed() < KEPT;
        std::iter::from_fn(|| idle.pop()).find(usable).map(|it| it.connection)
    }

    /// Takes a connection back once it is free.
    pub(super) async fn take_back(&self, mut connection: Connection) {
        if connection.is_free().await {
            self.idle().push(Idle { connection, since: Instant::now() });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
