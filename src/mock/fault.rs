//! What the server can be told to break, and what a truthful client calls it.
//!
//! The bytes of each fault are made in `refusal.rs` (before or instead of a stream) and
//! `generate.rs` (inside it).

use super::luck::Luck;
use clap::ValueEnum;
use std::str::FromStr;
use tokgate_core::failure::FailureClass;

/// How a reply is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON object a line.
    Lines,
    /// One JSON object as the whole body.
    Whole,
}

/// One thing that goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Fault {
    /// 500 with an error object.
    #[value(name = "status-500")]
    Status500,
    /// 429 with `Retry-After`.
    #[value(name = "status-429")]
    Status429,
    /// 503 with `Retry-After`.
    #[value(name = "status-503")]
    Status503,
    /// The connection is closed in order in the middle of the reply.
    Truncated,
    /// The connection is reset in the middle of the reply.
    Reset,
    /// An error object in the middle of a successful reply.
    ErrorInStream,
    /// The same in vLLM's shape, `{"object":"error"}`.
    ErrorObject,
    /// 500 with "CUDA out of memory".
    OutOfMemory,
    /// Nothing at all is sent.
    HangBeforeHead,
    /// Nothing more is sent in the middle of the reply.
    HangInStream,
    /// An event that is no JSON.
    MalformedJson,
    /// A chunk whose size is no number.
    BadChunk,
    /// 200 with a login page.
    Html,
    /// 307 to another host.
    Redirect,
    /// A line of more than 8 MiB.
    HugeLine,
    /// A response head of a megabyte.
    HugeHead,
    /// A reply that says that it is compressed.
    Gzip,
    /// The connection is closed before any byte.
    CloseBeforeHead,
    /// A `Content-Length` that promises more than comes.
    LyingLength,
    /// Everything but the announced end.
    NoDone,
    /// More bytes after the announced end.
    BytesAfterDone,
    /// One byte a write.
    SlowBytes,
    /// 200 with an empty body.
    Empty,
}

impl Fault {
    /// The name that options and the truth use.
    #[must_use]
    pub fn name(self) -> String {
        let value = self.to_possible_value().expect("no fault is hidden from the command line");
        value.get_name().to_owned()
    }

    /// The class a truthful client gives to a request with this fault; `None` where the request
    /// is a success all the same.
    #[must_use]
    pub fn class(self, framing: Framing) -> Option<FailureClass> {
        use FailureClass as Class;
        match self {
            Self::Status500 | Self::Status429 | Self::Status503 | Self::Redirect => {
                Some(Class::Status)
            }
            Self::Truncated | Self::Reset | Self::LyingLength => Some(Class::Truncated),
            Self::ErrorInStream | Self::ErrorObject => Some(Class::StreamError),
            Self::OutOfMemory => Some(Class::TargetOom),
            Self::HangBeforeHead => Some(Class::TimeoutHead),
            Self::MalformedJson | Self::BadChunk => Some(Class::Malformed),
            Self::Html | Self::Gzip => Some(Class::ContentType),
            Self::HugeHead => Some(Class::TooLarge),
            Self::CloseBeforeHead => Some(Class::Connect),
            Self::BytesAfterDone | Self::SlowBytes => None,
            Self::HangInStream | Self::HugeLine | Self::NoDone | Self::Empty => {
                self.class_by_framing(framing)
            }
        }
    }

    fn class_by_framing(self, framing: Framing) -> Option<FailureClass> {
        use FailureClass as Class;
        match (self, framing) {
            // A whole body has no first token before its end.
            (Self::HangInStream, Framing::Whole) => Some(Class::TimeoutFirstToken),
            (Self::HangInStream, _) => Some(Class::TimeoutGap),
            // A whole body is one line anyway, and a long one is fine.
            (Self::HugeLine, Framing::Whole) => None,
            (Self::HugeLine, _) => Some(Class::TooLarge),
            // A finish_reason and a clean end are an end, too; Ollama has only its last line.
            (Self::NoDone, Framing::Lines) => Some(Class::Truncated),
            (Self::NoDone, _) => None,
            (Self::Empty, Framing::Whole) => Some(Class::Malformed),
            (Self::Empty, _) => Some(Class::Truncated),
            (other, framing) => other.class(framing),
        }
    }
}

/// A share of all requests that get a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultShare {
    /// What goes wrong.
    pub fault: Fault,
    /// With which probability, from 0 to 1.
    pub share: f64,
}

impl FromStr for FaultShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, share) =
            text.split_once('=').ok_or("write KIND=RATE, as in status-500=0.1".to_owned())?;
        let fault = Fault::from_str(kind, false).map_err(|_| {
            let names: Vec<String> = Fault::value_variants().iter().map(|it| it.name()).collect();
            format!("no fault is called `{kind}`; there are {}", names.join(", "))
        })?;
        Ok(Self { fault, share: share_of(share)? })
    }
}

/// A probability as it is written.
///
/// # Errors
/// When it is no number from 0 to 1.
pub(super) fn share_of(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("`{text}` is no share; write a number from 0 to 1"))
}

/// The fault that a request's luck gives it: at most one.
pub(super) fn draw(shares: &[FaultShare], luck: &mut Luck) -> Option<Fault> {
    let mut left = luck.uniform();
    shares.iter().find_map(|it| {
        left -= it.share;
        (left < 0.0).then_some(it.fault)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_they_are_written() {
        let read: FaultShare = "status-500=0.25".parse().unwrap();
        assert_eq!(read, FaultShare { fault: Fault::Status500, share: 0.25 });
        for (text, said) in [("reset", "KIND=RATE"), ("rest=1", "`rest`"), ("reset=2", "0 to 1")] {
            assert!(text.parse::<FaultShare>().unwrap_err().contains(said), "{text}");
        }
    }

    #[test]
    fn faults_come_as_often_as_their_shares_say() {
        let shares = [("reset", 0.1), ("html", 0.3)]
            .map(|(kind, share)| format!("{kind}={share}").parse::<FaultShare>().unwrap());
        let drawn = (0..10_000).map(|ordinal| draw(&shares, &mut Luck::new(5, ordinal)));
        let drawn: Vec<Option<Fault>> = drawn.collect();
        let share = |fault| drawn.iter().filter(|it| **it == fault).count() as f64 / 1e4;
        assert!((share(Some(Fault::Reset)) - 0.1).abs() < 0.02);
        assert!((share(Some(Fault::Html)) - 0.3).abs() < 0.02);
        assert!((share(None) - 0.6).abs() < 0.02);
    }
}
