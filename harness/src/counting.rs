//! Tokens counted on our side, on a thread of their own: not between two events of a request, and
//! not before the next one is sent.

use crate::measure::Sink;
use std::sync::mpsc::{Receiver, SendError, Sender};
use tokgate_core::dataset::{Message, joined};
use tokgate_core::record::{Counted, EventKind, Phase, Record, TokenCount, Usage};

#[cfg(feature = "embedded")]
pub(crate) use crate::drivers::embedded::counter::Counter;

/// A tokenizer; this build has none.
#[cfg(not(feature = "embedded"))]
pub(crate) enum Counter {}

#[cfg(not(feature = "embedded"))]
impl Counter {
    pub(crate) fn open(path: &str) -> Result<Self, crate::driver::OpenError> {
        Err(crate::driver::OpenError::Unavailable(format!(
            "this build has no tokenizers to read {path} with; build with `--features embedded`, or remove `tokenizer`"
        )))
    }

    pub(crate) fn count(&self, _: &str) -> Option<u64> {
        match *self {}
    }
}

/// A request that has ended, with its texts.
pub(crate) struct Uncounted {
    pub(crate) record: Record,
    pub(crate) messages: Vec<Message>,
    pub(crate) answer: Option<String>,
}

/// Where ended requests go.
pub(crate) enum Outlet {
    /// On, as they are.
    Straight(Sink),
    /// To whom counts their tokens, and on from there.
    Counted(Sender<Uncounted>),
}

/// Nobody takes ended requests any more.
pub(crate) struct Gone;

impl<T> From<SendError<T>> for Gone {
    fn from(_: SendError<T>) -> Self {
        Self
    }
}

impl Outlet {
    pub(crate) fn send(&self, ended: Uncounted) -> Result<(), Gone> {
        match self {
            Self::Straight(sink) => Ok(sink.send(ended.record)?),
            Self::Counted(counter) => Ok(counter.send(ended)?),
        }
    }
}

/// Counts the tokens of requests as they end, and hands their records on. It ends with the load,
/// or when nobody takes the records.
pub(crate) fn count(counter: &Counter, ended: Receiver<Uncounted>, sink: Sink) {
    for one in ended {
        let count = counted(&one, counter);
        if sink.send(with_count(one.record, count)).is_err() {
            return;
        }
    }
}

/// The count over the whole text; `None` where not all of it is there: reasoning and tool calls
/// are tokens, too, and a text that grew too long was not kept.
fn counted(ended: &Uncounted, counter: &Counter) -> Option<TokenCount> {
    let is_all_text = |record: &Record| {
        let mut kinds = record.content().map(|event| event.kind);
        kinds.all(|kind| matches!(kind, EventKind::Content | EventKind::Whole))
    };
    let wanted = ended.record.phase == Phase::Measured && ended.record.outcome.is_success();
    let answer = ended.answer.as_deref().filter(|_| wanted && is_all_text(&ended.record))?;
    Some(TokenCount {
        prompt_tokens: counter.count(&joined(&ended.messages))?,
        completion_tokens: counter.count(answer)?,
    })
}

/// The target's own count stays; where it gave none, ours is the count.
fn with_count(record: Record, count: Option<TokenCount>) -> Record {
    let Some(TokenCount { prompt_tokens, completion_tokens }) = count else { return record };
    match record.usage {
        Some(_) => Record { recount: count, ..record },
        None => Record {
            usage: Some(Usage {
                prompt_tokens,
                completion_tokens,
                cached_tokens: None,
                counted: Counted::Client,
                raw: None,
            }),
            ..record
        },
    }
}
