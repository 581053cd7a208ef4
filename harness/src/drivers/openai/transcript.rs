//! What the events of one reply mean together: its text, its token counts, its end.

use super::address::Address;
use super::refusal::said;
use crate::driver::Answer;
use crate::recorder::Reply;
use crate::wire::openai::{self, Carried, Chunk};
use crate::wire::sse;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::Usage;

/// Longest text kept of an answer. It is kept whole or not at all, so that a client-side token
/// count never sees a part.
const TEXT_BYTES: usize = 1 << 20;
/// Longest usage object kept verbatim; real ones have a few hundred bytes.
const USAGE_BYTES: usize = 16 << 10;
/// Longest finish reason kept; real ones are one word.
const REASON_CHARS: usize = 64;

/// What a reply has brought so far.
pub(crate) struct Transcript<'a> {
    reply: &'a Reply,
    address: &'a Address,
    /// The answer's text, `None` once it has grown too long.
    text: Option<String>,
    /// The last usage object; empty without one.
    usage: String,
    finish_reason: Option<String>,
    fingerprint: Option<String>,
    has_content: bool,
    end: Option<Result<(), Failure>>,
}

impl<'a> Transcript<'a> {
    pub(crate) fn new(reply: &'a Reply, address: &'a Address) -> Self {
        Self {
            reply,
            address,
            text: Some(String::new()),
            usage: String::new(),
            finish_reason: None,
            fingerprint: None,
            has_content: false,
            end: None,
        }
    }

    /// Whether there was content.
    pub(crate) fn has_content(&self) -> bool {
        self.has_content
    }

    /// Whether more may come.
    pub(crate) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// The server's word for its state, where it says one.
    pub(crate) fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Takes in the next event. What follows the end is ignored.
    pub(crate) fn event(&mut self, event: sse::Event<'_>) {
        // Some proxies send empty data to keep the connection alive.
        if !self.is_open() || event.data.trim().is_empty() {
            return;
        }
        if event.name == "error" {
            return self.fail(&openai::error_message(event.data));
        }
        match openai::read(event.data) {
            Ok(Carried::Chunk(chunk)) => self.chunk(&chunk),
            Ok(Carried::Error(message)) => self.fail(&message),
            Ok(Carried::End) => self.close(Ok(())),
            Err(error) => {
                let message = format!("an event that is not a chunk ({error}): {}", event.data);
                let message = self.address.quote(&message);
                self.close(Err(Failure::new(FailureClass::Malformed, message)));
            }
        }
    }

    /// The stream ended on its own: whole if the server had said why it finished.
    pub(crate) fn end_of_stream(&mut self) {
        if !self.is_open() {
            return;
        }
        self.close(match self.finish_reason {
            Some(_) => Ok(()),
            None => Err(Failure::new(
                FailureClass::Truncated,
                "the stream ended with neither `[DONE]` nor a finish_reason",
            )),
        });
    }

    /// The answer.
    ///
    /// # Errors
    /// The failure that ended the reply.
    pub(crate) fn answer(self) -> Result<Answer, Failure> {
        self.end.unwrap_or(Ok(()))?;
        Ok(Answer {
            usage: usage(&self.usage)?,
            finish_reason: self.finish_reason,
            text: self.text.map(|text| self.address.scrub(text)),
            neighbours: None,
        })
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) {
        let kind = chunk.kind();
        self.reply.event(kind, None);
        self.has_content |= kind.is_content();
        chunk.text().for_each(|text| self.keep(text));
        if let Some(reason) = chunk.finish_reason() {
            self.finish_reason =
                Some(self.address.quote(reason).chars().take(REASON_CHARS).collect());
        }
        if let Some(usage) = chunk.usage {
            self.usage.clear();
            self.usage.push_str(usage.get());
        }
        if let (None, Some(fingerprint)) = (&self.fingerprint, &chunk.system_fingerprint) {
            self.fingerprint = Some(self.address.quote(fingerprint.as_str()));
        }
    }

    fn keep(&mut self, text: &str) {
        match &mut self.text {
            Some(kept) if kept.len() + text.len() <= TEXT_BYTES => kept.push_str(text),
            _ => self.text = None,
        }
    }

    fn fail(&mut self, words: &str) {
        self.close(Err(said(FailureClass::StreamError, words, self.address)));
    }

    fn close(&mut self, end: Result<(), Failure>) {
        if end.is_ok() {
            self.reply.done();
        }
        self.end = Some(end);
    }
}

fn usage(raw: &str) -> Result<Option<Usage>, Failure> {
    if raw.is_empty() {
        return Ok(None);
    }
    let usage = openai::usage(raw).map_err(|error| {
        Failure::new(FailureClass::Malformed, format!("a usage object that is none: {error}"))
    })?;
    Ok(usage.map(|usage| Usage { raw: usage.raw.filter(|_| raw.len() <= USAGE_BYTES), ..usage }))
}
