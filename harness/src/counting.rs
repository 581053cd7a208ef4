//! Tokens counted on our side.

use crate::texts::Ended;
use tokgate_core::dataset::joined;
use tokgate_core::record::{Counted, EventKind, Record, TokenCount, Usage};

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

/// The count over the whole text; `None` where not all of it is there: reasoning and tool calls
/// are tokens, too, and a text that grew too long was not kept.
pub(crate) fn counted(ended: &Ended, counter: &Counter) -> Option<TokenCount> {
    let is_all_text = |record: &Record| {
        let mut kinds = record.content().map(|event| event.kind);
        kinds.all(|kind| matches!(kind, EventKind::Content | EventKind::Whole))
    };
    let answer = ended.answer.as_deref().filter(|_| is_all_text(&ended.record))?;
    Some(TokenCount {
        prompt_tokens: counter.count(&joined(&ended.messages))?,
        completion_tokens: counter.count(answer)?,
    })
}

/// The target's own count stays; where it gave none, ours is the count.
pub(crate) fn with_count(record: Record, count: Option<TokenCount>) -> Record {
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
