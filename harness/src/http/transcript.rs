//! What the frames of one reply mean together: its text, its token counts, its end.

use super::address::Address;
use super::exchange::Said;
use super::refusal::said;
use super::sightings::Named;
use crate::driver::Answer;
use crate::recorder::Reply;
use crate::wire::openai::error_message;
use crate::wire::piece::{Carried, Dialect, Piece};
use crate::wire::reader::Reader;
use crate::wire::sse;
use serde_json::Value;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::quality::Likelihood;
use tokgate_core::record::{EventKind, Usage};

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
    reader: Reader,
    /// The answer's text, `None` once it has grown too long.
    text: Option<String>,
    /// The last usage object; empty without one.
    usage: String,
    /// The server's own times; empty without them.
    timings: String,
    finish_reason: Option<String>,
    likelihood: Option<Likelihood>,
    named: Named,
    /// Output tokens so far, where the server says so with every piece.
    completion_tokens: u64,
    has_content: bool,
    end: Option<Result<(), Failure>>,
}

impl<'a> Transcript<'a> {
    pub(crate) fn new(reply: &'a Reply, address: &'a Address) -> Self {
        Self {
            reply,
            address,
            reader: Reader::new(address.dialect),
            text: Some(String::new()),
            usage: String::new(),
            timings: String::new(),
            finish_reason: None,
            likelihood: None,
            named: Named::default(),
            completion_tokens: 0,
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

    /// Takes in the next event. What follows the end is ignored.
    pub(crate) fn event(&mut self, event: sse::Event<'_>) {
        // Some proxies send empty data to keep the connection alive.
        if !self.is_open() || event.data.trim().is_empty() {
            return;
        }
        match event.name == "error" {
            true => self.fail(&error_message(event.data)),
            false => self.frame(event.data),
        }
    }

    /// Takes in the next frame. What follows the end is ignored.
    pub(crate) fn frame(&mut self, data: &str) {
        if !self.is_open() {
            return;
        }
        if let Some(piece) = self.read(data) {
            self.reply.event(piece.kind, self.tokens_of(&piece));
            self.piece(&piece);
        }
    }

    /// Takes in the body of a reply that was asked not to stream.
    pub(crate) fn whole(&mut self, body: &str) {
        let Some(piece) = self.read(body) else { return };
        if !piece.kind.is_content() && piece.finish_reason.is_none() {
            let message = self.address.quote(&format!("a body without an answer: {body}"));
            return self.close(Err(Failure::new(FailureClass::Malformed, message)));
        }
        let kind = if piece.kind.is_content() { EventKind::Whole } else { piece.kind };
        self.reply.event(kind, None);
        self.piece(&piece);
        self.close(Ok(()));
    }

    /// The stream ended on its own: whole if the server had said why it finished.
    pub(crate) fn end_of_stream(&mut self) {
        if !self.is_open() {
            return;
        }
        let announced = match self.address.dialect {
            Dialect::OpenAi => "the stream ended with neither `[DONE]` nor a finish_reason",
            Dialect::Ollama => "the stream ended without `\"done\":true`",
        };
        self.close(match self.finish_reason {
            Some(_) => Ok(()),
            None => Err(Failure::new(FailureClass::Truncated, announced)),
        });
    }

    /// What was said.
    ///
    /// # Errors
    /// The failure that ended the reply.
    pub(crate) fn said(self) -> Result<Said, Failure> {
        self.end.unwrap_or(Ok(()))?;
        let answer = Answer {
            usage: usage(self.address.dialect, &self.usage)?.map(|it| timed(it, &self.timings)),
            finish_reason: self.finish_reason,
            likelihood: self.likelihood,
            text: self.text.map(|text| self.address.scrub(text)),
            ..Answer::default()
        };
        Ok(Said { answer, named: self.named })
    }

    /// The piece in a frame; `None` when the frame ended the reply.
    fn read<'b>(&mut self, data: &'b str) -> Option<Piece<'b>> {
        match self.reader.read(data) {
            Ok(Carried::Piece(piece)) => return Some(piece),
            Ok(Carried::Error(message)) => self.fail(&message),
            Ok(Carried::End) => self.close(Ok(())),
            Err(error) => {
                let message = format!("not a piece of an answer ({error}): {data}");
                let message = self.address.quote(&message);
                self.close(Err(Failure::new(FailureClass::Malformed, message)));
            }
        }
        None
    }

    /// The tokens that came with a piece, where the server counts as it goes.
    fn tokens_of(&mut self, piece: &Piece<'_>) -> Option<u32> {
        let so_far = piece.completion_tokens?;
        let before = std::mem::replace(&mut self.completion_tokens, so_far);
        let new = u32::try_from(so_far.checked_sub(before)?).ok()?;
        piece.kind.is_content().then_some(new)
    }

    fn piece(&mut self, piece: &Piece<'_>) {
        self.has_content |= piece.kind.is_content();
        if let Some(text) = &piece.text {
            self.keep(text.as_str());
        }
        if let Some(reason) = piece.finish_reason.as_ref().filter(|it| !it.as_str().is_empty()) {
            let reason = self.address.quote(reason.as_str());
            self.finish_reason = Some(reason.chars().take(REASON_CHARS).collect());
        }
        if let Some(likelihood) = piece.likelihood {
            let so_far = self.likelihood.get_or_insert_default();
            so_far.tokens += likelihood.tokens;
            so_far.sum += likelihood.sum;
        }
        if let Some(usage) = piece.usage {
            self.usage.clear();
            self.usage.push_str(usage);
        }
        if let Some(timings) = piece.timings.filter(|timings| timings.len() <= USAGE_BYTES) {
            self.timings.clear();
            self.timings.push_str(timings);
        }
        if let (None, Some(fingerprint)) = (&self.named.fingerprint, &piece.fingerprint) {
            self.named.fingerprint = Some(self.address.quote(fingerprint.as_str()));
        }
        if let (None, Some(model)) = (&self.named.model, &piece.model) {
            self.named.model = Some(self.address.quote(model.as_str()));
        }
        if piece.is_last {
            self.close(Ok(()));
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

/// The server's own times, put beside the usage object that came with them.
fn timed(mut usage: Usage, timings: &str) -> Usage {
    let timings = serde_json::from_str(timings).ok();
    if let (Some(Value::Object(raw)), Some(timings)) = (&mut usage.raw, timings) {
        raw.insert("timings".to_owned(), timings);
    }
    usage
}

fn usage(dialect: Dialect, raw: &str) -> Result<Option<Usage>, Failure> {
    if raw.is_empty() {
        return Ok(None);
    }
    let usage = dialect.usage(raw).map_err(|error| {
        Failure::new(FailureClass::Malformed, format!("a usage object that is none: {error}"))
    })?;
    Ok(usage.map(|usage| Usage { raw: usage.raw.filter(|_| raw.len() <= USAGE_BYTES), ..usage }))
}
