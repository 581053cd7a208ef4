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

impl FailureClass {
    /// Whether somebody waited for longer than a deadline allows.
    #[must_use]
    pub fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::TimeoutConnect
                | Self::TimeoutHead
                | Self::TimeoutFirstToken
                | Self::TimeoutGap
                | Self::TimeoutTotal
        )
    }

    /// What to do about it, in one line; nothing where the message says it all.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Dns => Some("check the host name in the base URL"),
            Self::Connect => Some(
                "is the server still running (`ollama serve`, `vllm serve`), and is the port its own?",
            ),
            Self::Tls => Some("does this port speak TLS, and is its certificate trusted here?"),
            Self::TimeoutConnect => {
                Some("does the host exist, and does a firewall let the port through?")
            }
            Self::TimeoutHead | Self::TimeoutFirstToken => Some(
                "the server queues or hangs: send less at once, or allow more in `target.deadlines`",
            ),
            Self::TimeoutGap => {
                Some("the stream hangs: see the server's log, or allow more in `target.deadlines`")
            }
            Self::TimeoutTotal => Some("ask for fewer tokens, or allow more in `run.timeout_s`"),
            Self::Status => {
                Some("see the server's words; 429 and 503 are overload: send less at once")
            }
            Self::ContentType => {
                Some("is a proxy or a login page between, and does the server stream?")
            }
            Self::StreamError | Self::Truncated => {
                Some("see the server's log: it gave up in the middle")
            }
            Self::Malformed => Some("is the driver the right one for this server?"),
            Self::TooLarge => {
                Some("no answer of a language model is that long: is the base URL right?")
            }
            Self::TargetOom => Some(
                "lower what vLLM takes: `--gpu-memory-utilization 0.85`, `--max-model-len 2048`, \
                 `--max-num-batched-tokens 4096`, `--kv-cache-dtype fp8`, `--disable-log-stats`",
            ),
            Self::ClientLimit => Some("raise `ulimit -n` here, or send less at once"),
            Self::Engine => None,
        }
    }
}

/// Failures of one kind, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// What happened.
    pub failure: Failure,
    /// How often.
    pub count: u64,
}

/// Why one request failed.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
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
