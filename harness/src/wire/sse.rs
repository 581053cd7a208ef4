//! Server-sent events: the framing of the WHATWG HTML standard, section 9.2.6, sans I/O.
//!
//! Linear in bytes, bounded in memory, and without an allocation per event once the buffers have
//! grown: this is the path on which every token is timed. What does not live here, on purpose:
//! reconnecting and its `retry` field, since a measured request is never sent twice.

use super::text;
use memchr::{memchr, memchr2};

/// Longest line. A delta is a few hundred bytes; log-probabilities of a long prompt come in one
/// line of some megabytes.
pub const LINE_BYTES: usize = 8 << 20;
/// Most data in one event: as much as the longest line, however it is cut into lines.
pub const EVENT_BYTES: usize = 8 << 20;
/// Most `data` lines in one event. Empty ones cost no bytes of data, so they are counted.
pub const EVENT_LINES: usize = 4096;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One event, borrowed from the decoder until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field; empty for a plain message.
    pub name: &'a str,
    /// The `data` fields, joined by LF.
    pub data: &'a str,
    /// The last `id` field seen so far; empty without one.
    pub id: &'a str,
}

/// A limit of ours that the stream passed. The stream cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// A line is longer than [`LINE_BYTES`].
    #[error("a line of the stream is longer than {LINE_BYTES} bytes")]
    Line,
    /// An event is longer than [`EVENT_BYTES`].
    #[error("an event of the stream is longer than {EVENT_BYTES} bytes")]
    Event,
    /// An event has more than [`EVENT_LINES`] lines.
    #[error("an event of the stream has more than {EVENT_LINES} data lines")]
    Lines,
}

/// Turns bytes into events. Any chunking of the same bytes gives the same events.
///
/// Bytes are kept as they came until an event is whole, so that a character split between two
/// reads is whole again; what is not UTF-8 then becomes U+FFFD. An event that the stream does not
/// end is dropped, as the standard says.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The part of a line that earlier reads brought.
    line: Vec<u8>,
    /// The last line ended in CR: a following LF belongs to it.
    after_cr: bool,
    /// Whether the first line, which may begin with a byte-order mark, is behind us.
    begun: bool,
    block: Block,
}

/// The fields of the event that is being read.
#[derive(Debug, Default)]
struct Block {
    data: Vec<u8>,
    data_lines: usize,
    name: Vec<u8>,
    /// Text already: it stays from event to event, and decoding a long one with every short event
    /// would no longer be linear.
    id: String,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next bytes of the stream and hands every event that they complete to `emit`.
    /// Takes time linear in `bytes`, however they are cut.
    ///
    /// # Errors
    /// When a limit is passed; events before that place were handed out.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        emit: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLarge> {
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                return self.keep(bytes);
            };
            self.line(&bytes[..end], emit)?;
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// Keeps a part of a line for the next read.
    fn keep(&mut self, part: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + part.len() > LINE_BYTES {
            return Err(TooLarge::Line);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Reads a line whose last part is `rest`.
    fn line(&mut self, rest: &[u8], emit: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        let whole = if self.line.is_empty() && rest.len() <= LINE_BYTES {
            rest
        } else {
            self.keep(rest)?;
            &self.line
        };
        let line = match std::mem::replace(&mut self.begun, true) {
            true => whole,
            false => whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole),
        };
        let read = self.block.line(line, emit);
        self.line.clear();
        read
    }
}

impl Block {
    /// A whole line: a field, a comment, or the end of the event.
    fn line(&mut self, line: &[u8], emit: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        if line.is_empty() {
            self.end(emit);
            return Ok(());
        }
        // A comment has its colon first and thus the empty field, which nobody reads.
        let colon = memchr(b':', line).unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => return self.data(value),
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            b"id" if memchr(0, value).is_none() => {
                self.id.clear();
                self.id.push_str(&text(value));
            }
            _ => {}
        }
        Ok(())
    }

    /// One more line of data.
    fn data(&mut self, value: &[u8]) -> Result<(), TooLarge> {
        if self.data_lines == EVENT_LINES {
            return Err(TooLarge::Lines);
        }
        if self.data.len() + 1 + value.len() > EVENT_BYTES {
            return Err(TooLarge::Event);
        }
        if self.data_lines > 0 {
            self.data.push(b'\n');
        }
        self.data_lines += 1;
        self.data.extend_from_slice(value);
        Ok(())
    }

    /// An empty line ends the event; one without data is none.
    fn end(&mut self, emit: &mut impl FnMut(Event<'_>)) {
        if self.data_lines > 0 {
            emit(Event { name: &text(&self.name), data: &text(&self.data), id: &self.id });
        }
        self.data.clear();
        self.name.clear();
        self.data_lines = 0;
    }
}

#[cfg(test)]
#[path = "sse_conformance_tests.rs"]
mod conformance_tests;
#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
