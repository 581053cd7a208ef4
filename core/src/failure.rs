//! How a request can fail. A failed request is data, not an error of ours.

use serde::{Deserialize, Serialize};

/// The class of a failure, as the field and the fault catalogue name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The host name did not resolve.
    Dns,
    /// No connection: refused, unreachable, reset before the response head.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// No connection within the deadline.
    TimeoutConnect,
    /// No response head within the deadline.
    TimeoutHead,
    /// No content within the deadline.
    TimeoutFirstToken,
    /// A gap inside the stream longer than the deadline.
    TimeoutGap,
    /// The whole request outlasted its deadline.
    TimeoutTotal,
    /// A status other than success.
    Status,
    /// Not the content type that was asked for.
    ContentType,
    /// An error object inside a successful response.
    StreamError,
    /// The stream ended without its end.
    Truncated,
    /// Bytes that are not what the protocol says.
    Malformed,
    /// A limit of ours on size was passed.
    TooLarge,
    /// The target ran out of memory.
    TargetOom,
    /// Our own machine had no descriptor or port left.
    ClientLimit,
    /// The engine in process refused or failed.
    Engine,
}

impl FailureClass {
    /// The class in words, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::TimeoutConnect => "timeout-connect",
            Self::TimeoutHead => "timeout-head",
            Self::TimeoutFirstToken => "timeout-first-token",
            Self::TimeoutGap => "timeout-gap",
            Self::TimeoutTotal => "timeout-total",
            Self::Status => "status",
            Self::ContentType => "content-type",
            Self::StreamError => "stream-error",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::TargetOom => "target-oom",
            Self::ClientLimit => "client-limit",
            Self::Engine => "engine",
        }
    }
}

/// Why one request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {message}", class.as_str())]
pub struct Failure {
    /// Which kind of failure.
    pub class: FailureClass,
    /// What was seen, bounded in length and free of secrets.
    pub message: String,
}

impl Failure {
    /// A failure of `class`; the message is cut at 500 characters, since it may come from outside.
    #[must_use]
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        const LONGEST: usize = 500;
        let message: String = message.into();
        let message = match message.char_indices().nth(LONGEST) {
            Some((cut, _)) => format!("{}…", &message[..cut]),
            None => message,
        };
        Self { class, message }
    }
}
