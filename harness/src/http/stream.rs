//! The body of one response: read, stamped, framed.

use super::connection::{Connection, Connections};
use super::exchange::{Exchange, Framing, Said};
use super::failure::{Stage, failure_at};
use super::transcript::Transcript;
use crate::recorder::Reply;
use crate::wire::{ndjson, sse};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};

/// Most bytes of one response: a hundred thousand tokens with log-probabilities stay below it.
pub(super) const RESPONSE_BYTES: usize = 256 << 20;
/// Most bytes of a body that is read whole, since it is held in memory: as much as one event.
const WHOLE_BYTES: usize = sse::EVENT_BYTES;
/// How long a worker waits for the connection's end after `[DONE]`; mostly it came with it.
const LINGER: Duration = Duration::from_millis(5);
/// How long the rest of a response is read in the background before its connection is given up.
const DRAIN: Duration = Duration::from_secs(2);

/// A response that is being read.
pub(crate) struct Stream<'a> {
    body: Incoming,
    connection: Connection,
    connections: &'a Arc<Connections>,
    reply: &'a Reply,
    frames: Frames,
    transcript: Transcript<'a>,
    bytes: usize,
}

/// What cuts the bytes into frames.
enum Frames {
    Events(sse::Decoder),
    Lines(ndjson::Decoder),
    Whole(Vec<u8>),
}

impl Frames {
    fn new(framing: Framing) -> Self {
        match framing {
            Framing::Events => Self::Events(sse::Decoder::new()),
            Framing::Lines => Self::Lines(ndjson::Decoder::new()),
            Framing::Whole => Self::Whole(Vec::new()),
        }
    }

    /// Hands the frames that `bytes` complete to `transcript`; an error names a limit.
    fn push(&mut self, bytes: &[u8], transcript: &mut Transcript<'_>) -> Result<(), String> {
        match self {
            Self::Events(decoder) => decoder
                .push(bytes, &mut |event| transcript.event(event))
                .map_err(|limit| limit.to_string()),
            Self::Lines(decoder) => decoder
                .push(bytes, &mut |line| transcript.frame(line))
                .map_err(|limit| limit.to_string()),
            Self::Whole(body) if body.len() + bytes.len() > WHOLE_BYTES => {
                Err(format!("the body is longer than {WHOLE_BYTES} bytes"))
            }
            Self::Whole(body) => {
                body.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// The body is over.
    fn finish(&mut self, transcript: &mut Transcript<'_>) {
        match self {
            Self::Events(_) => {}
            Self::Lines(decoder) => decoder.finish(&mut |line| transcript.frame(line)),
            Self::Whole(body) => transcript.whole(&String::from_utf8_lossy(body)),
        }
        transcript.end_of_stream();
    }
}

impl<'a> Stream<'a> {
    pub(super) fn new(
        body: Incoming,
        connection: Connection,
        reply: &'a Reply,
        exchange: &'a Exchange,
    ) -> Self {
        let frames = Frames::new(exchange.framing);
        let transcript = Transcript::new(reply, &exchange.address);
        let connections = &exchange.address.connections;
        Self { body, connection, connections, reply, frames, transcript, bytes: 0 }
    }

    /// Whether more may come.
    pub(crate) fn is_open(&self) -> bool {
        self.transcript.is_open()
    }

    /// Reads until there was content, or the end.
    pub(crate) async fn read_to_content(&mut self) -> Result<(), Failure> {
        while self.is_open() && !self.transcript.has_content() {
            self.read().await?;
        }
        Ok(())
    }

    /// Waits for the next read and takes in what it brought.
    pub(crate) async fn read(&mut self) -> Result<(), Failure> {
        let frame = self.body.frame().await;
        // hyper reads no further before this frame is taken, so that the last read is its own.
        self.reply.arrived_at(self.connection.times.received());
        match frame.transpose().map_err(|error| failure_at(Stage::Body, &error))? {
            // What comes beside the data, after it, says nothing of it.
            Some(frame) => self.take(frame.data_ref().map_or(&[][..], Bytes::as_ref)),
            None => {
                self.frames.finish(&mut self.transcript);
                Ok(())
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes += bytes.len();
        let too_large = |what: String| Failure::new(FailureClass::TooLarge, what);
        if self.bytes > RESPONSE_BYTES {
            return Err(too_large(format!("the response is longer than {RESPONSE_BYTES} bytes")));
        }
        match self.frames.push(bytes, &mut self.transcript) {
            Err(limit) if self.is_open() => Err(too_large(limit)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// What was said, and the connection back to those that wait.
    pub(super) async fn said(self) -> Result<Said, Failure> {
        let said = self.transcript.said()?;
        release(self.body, self.connection, Arc::clone(self.connections)).await;
        Ok(said)
    }

    /// The connection back to those that wait, whatever was said.
    pub(super) async fn release(self) {
        release(self.body, self.connection, Arc::clone(self.connections)).await;
    }
}

/// Reads what follows the end, mostly the empty last chunk, so that the connection can be used
/// again: the next request would otherwise be measured with a new one. The request itself is over.
pub(super) async fn release(
    mut body: Incoming,
    connection: Connection,
    connections: Arc<Connections>,
) {
    let mut drain = Box::pin(async move {
        while let Some(Ok(_)) = body.frame().await {}
        connections.take_back(connection).await;
    });
    if tokio::time::timeout(LINGER, &mut drain).await.is_err() {
        tokio::spawn(tokio::time::timeout(DRAIN, drain));
    }
}
