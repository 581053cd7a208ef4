//! Framing and reading of streamed replies, without I/O and without a clock.
//!
//! Bytes go in as they come from the socket, whole events come out. What does not live here, on
//! purpose: connections ([`crate::http`]) and what an event means for a request (the drivers).

pub mod openai;
pub mod sse;
