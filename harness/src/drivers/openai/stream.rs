//! The body of one streamed response: read, stamped, decoded.

use super::address::Address;
use super::transcript::Transcript;
use crate::driver::Answer;
use crate::http;
use crate::recorder::Reply;
use crate::wire::sse::Decoder;
use reqwest::Response;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};

/// Most bytes of one response: a hundred thousand tokens with log-probabilities stay below it.
const RESPONSE_BYTES: usize = 256 << 20;
/// How long a worker waits for the connection's end after `[DONE]`; mostly it came with it.
const LINGER: Duration = Duration::from_millis(5);
/// How long the rest of a response is read in the background before its connection is given up.
const DRAIN: Duration = Duration::from_secs(2);

/// A response that is being read.
pub(crate) struct Stream<'a> {
    response: Response,
    reply: &'a Reply,
    decoder: Decoder,
    transcript: Transcript<'a>,
    bytes: usize,
}

impl<'a> Stream<'a> {
    pub(crate) fn new(response: Response, reply: &'a Reply, address: &'a Address) -> Self {
        let transcript = Transcript::new(reply, address);
        Self { response, reply, decoder: Decoder::new(), transcript, bytes: 0 }
    }

    /// Whether more may come.
    pub(crate) fn is_open(&self) -> bool {
        self.transcript.is_open()
    }

    /// The server's word for its state, where it says one.
    pub(crate) fn fingerprint(&self) -> Option<&str> {
        self.transcript.fingerprint()
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
        let chunk = self.response.chunk().await;
        self.reply.arrived();
        match chunk.map_err(http::failure)? {
            Some(bytes) => self.take(&bytes),
            None => {
                self.transcript.end_of_stream();
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
        let transcript = &mut self.transcript;
        let read = self.decoder.push(bytes, &mut |event| transcript.event(event));
        match read {
            Err(limit) if self.is_open() => Err(too_large(limit.to_string())),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The answer, and the connection back to the pool.
    pub(crate) async fn answer(self) -> Result<Answer, Failure> {
        let answer = self.transcript.answer()?;
        release(self.response).await;
        Ok(answer)
    }
}

/// Reads what follows the end, mostly the empty last chunk, so that the connection can be used
/// again: the next request would otherwise be measured with a new one. The request itself is over.
async fn release(mut response: Response) {
    let mut drain = Box::pin(async move { while let Ok(Some(_)) = response.chunk().await {} });
    if tokio::time::timeout(LINGER, &mut drain).await.is_err() {
        tokio::spawn(tokio::time::timeout(DRAIN, drain));
    }
}
