//! The faults that come before or instead of an answer.

use super::exchange::Next;
use super::fault::{Fault, Framing};
use super::ollama;
use super::openai;
use super::reply::{Reply, content_type};
use super::voice::ErrorShape;
use serde_json::Value;

/// Bytes of a head that no client takes.
const HUGE_HEAD: usize = 1 << 20;
/// The page that a proxy sends to someone who has not signed in.
const LOGIN: &str = "<!doctype html><html><head><title>Sign in</title></head>\
    <body><form action=\"/login\"><input name=\"user\"></form></body></html>";
/// The address at which clouds give their machines secrets.
const METADATA: &str = "location: http://169.254.169.254/latest/meta-data/\r\n";

/// What is sent instead of an answer, and what becomes of the connection.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) bytes: Vec<u8>,
    pub(super) next: Next,
}

impl Refusal {
    /// The refusal that a fault makes of a request, unless it waits until the answer has begun.
    pub(super) fn of(fault: Fault, is_ollama: bool, framing: Framing) -> Option<Self> {
        let error = |code, message| Reply::json(code, &error(is_ollama, code, message));
        let page = |code, text: &str| Reply::body(code, "text/html; charset=utf-8", text.into());
        let retry = "retry-after: 1\r\n";
        let (bytes, next) = match fault {
            Fault::Status500 => (error(500, "the mock was told to fail").bytes(), Next::Keep),
            Fault::Status429 => (error(429, "too many requests").with(retry).bytes(), Next::Keep),
            Fault::Status503 => (error(503, "overloaded").with(retry).bytes(), Next::Keep),
            Fault::OutOfMemory => {
                (error(500, "CUDA out of memory. Tried to allocate 2.00 GiB").bytes(), Next::Keep)
            }
            Fault::Html => (page(200, LOGIN).bytes(), Next::Keep),
            Fault::Redirect => (page(307, "").with(METADATA).bytes(), Next::Keep),
            Fault::HugeHead => (huge_head(), Next::Close),
            Fault::Gzip => (gzip(framing), Next::Keep),
            Fault::Empty => {
                (Reply::body(200, content_type(framing), Vec::new()).bytes(), Next::Keep)
            }
            Fault::HangBeforeHead => (Vec::new(), Next::Hang),
            Fault::CloseBeforeHead => (Vec::new(), Next::Close),
            Fault::Truncated
            | Fault::Reset
            | Fault::ErrorInStream
            | Fault::ErrorObject
            | Fault::HangInStream
            | Fault::MalformedJson
            | Fault::BadChunk
            | Fault::HugeLine
            | Fault::LyingLength
            | Fault::NoDone
            | Fault::BytesAfterDone
            | Fault::SlowBytes => return None,
        };
        Some(Self { bytes, next })
    }
}

/// An error in the shape of the API that was asked.
pub(super) fn error(is_ollama: bool, code: u16, message: &str) -> Value {
    match is_ollama {
        true => ollama::error(message),
        false => openai::error(ErrorShape::Own, message, code),
    }
}

fn huge_head() -> Vec<u8> {
    let line = format!("x-padding: {}\r\n", "x".repeat(1000));
    let lines = line.repeat(HUGE_HEAD / line.len() + 1);
    Reply::body(200, "text/event-stream", Vec::new()).with(&lines).bytes()
}

/// The beginning of a gzip file, so that whoever believes the header reads nothing but that.
fn gzip(framing: Framing) -> Vec<u8> {
    let body = vec![0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0x03];
    Reply::body(200, content_type(framing), body).with("content-encoding: gzip\r\n").bytes()
}
