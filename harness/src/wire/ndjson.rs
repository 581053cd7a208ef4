//! Newline-delimited JSON: one value a line, sans I/O (ndjson.org, as Ollama streams it).
//!
//! Linear in bytes and bounded in memory. Bytes are kept as they came until a line is whole, so
//! that a character split between two reads is never torn. What a line means is not read here.

use memchr::memchr;

pub use super::sse::LINE_BYTES;

/// The stream passed [`LINE_BYTES`] without a line end. It cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line of the stream is longer than {LINE_BYTES} bytes")]
pub struct TooLarge;

/// Turns bytes into lines. Any chunking of the same bytes gives the same lines.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The part of a line that earlier reads brought.
    line: Vec<u8>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the next bytes of the stream and hands every line that they complete to `emit`,
    /// without its end; blank lines are left out. Takes time linear in `bytes`.
    ///
    /// # Errors
    /// When a line is too long; lines before it were handed out.
    pub fn push(&mut self, mut bytes: &[u8], emit: &mut impl FnMut(&str)) -> Result<(), TooLarge> {
        while let Some(end) = memchr(b'\n', bytes) {
            let (rest, after) = (&bytes[..end], &bytes[end + 1..]);
            if self.line.is_empty() && rest.len() <= LINE_BYTES {
                hand_out(rest, emit);
            } else {
                self.keep(rest)?;
                self.finish(emit);
            }
            bytes = after;
        }
        self.keep(bytes)
    }

    /// The stream is over: what follows the last line end is a line, too.
    pub fn finish(&mut self, emit: &mut impl FnMut(&str)) {
        hand_out(&self.line, emit);
        self.line.clear();
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + part.len() > LINE_BYTES {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }
}

fn hand_out(line: &[u8], emit: &mut impl FnMut(&str)) {
    let text = super::text(line);
    let text = text.trim();
    if !text.is_empty() {
        emit(text);
    }
}

#[cfg(test)]
#[path = "ndjson_tests.rs"]
mod tests;
