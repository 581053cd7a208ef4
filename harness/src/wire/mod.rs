//! Framing and reading of replies, without I/O and without a clock.
//!
//! Bytes go in as they come from the socket; [`sse`] and [`ndjson`] frame them, [`openai`] and
//! [`ollama`] read one frame, a [`piece::Piece`] is what it carried, [`reader`] reads those of one
//! reply; [`embeddings`] reads a reply that comes whole, [`exposition`] what a server says of itself. What does not live here, on
//! purpose: connections ([`crate::http`]) and what the pieces of one reply mean together.

pub mod embeddings;
pub mod exposition;
pub mod ndjson;
pub mod ollama;
pub mod openai;
pub mod piece;
pub mod reader;
pub mod sse;

#[cfg(test)]
pub mod by_the_book;

use std::borrow::Cow;

/// Bytes as text; what is not UTF-8 becomes U+FFFD. The standard library's lossy reading alone goes
/// byte by byte.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
