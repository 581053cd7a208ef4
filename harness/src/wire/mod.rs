//! Framing and reading of replies, without I/O and without a clock.
//!
//! Bytes go in as they come from the socket; [`sse`] and [`ndjson`] frame them, [`openai`] and
//! [`ollama`] read one frame, a [`piece::Piece`] is what it carried. What does not live here, on
//! purpose: connections ([`crate::http`]) and what the pieces of one reply mean together.

pub mod ndjson;
pub mod ollama;
pub mod openai;
pub mod piece;
pub mod sse;

#[cfg(test)]
pub mod by_the_book;
