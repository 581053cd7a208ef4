//! The bytes of HTTP replies.

use super::fault::Framing;
use super::openai::put;
use serde_json::Value;

/// A reply whose length is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) content_type: &'static str,
    /// More header lines, each with its end.
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// A JSON reply.
    pub(super) fn json(code: u16, body: &Value) -> Self {
        Self::body(code, "application/json", body.to_string().into_bytes())
    }

    /// A reply with this body.
    pub(super) fn body(code: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { code, content_type, headers: String::new(), body }
    }

    /// The same with more header lines.
    pub(super) fn with(self, headers: &str) -> Self {
        Self { headers: headers.to_owned(), ..self }
    }

    /// Head and body.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.promising(self.body.len())
    }

    /// The same with a length that need not be true.
    pub(super) fn promising(&self, length: usize) -> Vec<u8> {
        let mut bytes = self.head(&format!("content-length: {length}\r\n"));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The head; `framing` is the line that says how long the body is.
    pub(super) fn head(&self, framing: &str) -> Vec<u8> {
        let Self { code, content_type, headers, .. } = self;
        let reason = reason(*code);
        format!(
            "HTTP/1.1 {code} {reason}\r\ncontent-type: {content_type}\r\n{headers}{framing}\r\n"
        )
        .into_bytes()
    }
}

/// The line that says that a body comes in chunks.
pub(super) const CHUNKED: &str = "transfer-encoding: chunked\r\n";
/// The chunk that ends a body.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends `payload` as one chunk.
pub(super) fn chunk(payload: &[u8], out: &mut Vec<u8>) {
    put(out, format_args!("{:x}\r\n", payload.len()));
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// The content type of a framing.
pub(super) fn content_type(framing: Framing) -> &'static str {
    match framing {
        Framing::Events => "text/event-stream",
        Framing::Lines => "application/x-ndjson",
        Framing::Whole => "application/json",
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
