//! One streamed answer as the other tools look at it, and the pieces that several of them share.
//!
//! Notation of the metric reference: content events e_1 … e_m at t_1 … t_m, N output tokens.

use crate::record::{Event, EventKind, Record};
use crate::run::Run;
use crate::time::Offset;

/// A measured success whose content came in events.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    record: &'a Record,
    first: &'a Event,
    last: &'a Event,
}

impl<'a> Stream<'a> {
    /// `None` where the answer came whole, or without content.
    pub(super) fn of(record: &'a Record) -> Option<Self> {
        let mut content = record.content().filter(|event| event.kind != EventKind::Whole);
        let first = content.next()?;
        Some(Self { record, first, last: content.next_back().unwrap_or(first) })
    }

    /// N as the target counted it.
    pub(super) fn tokens(&self) -> Option<f64> {
        self.record.usage.as_ref().map(|usage| usage.completion_tokens as f64)
    }

    /// The content events.
    pub(super) fn content(&self) -> impl DoubleEndedIterator<Item = &'a Event> + use<'a> {
        self.record.content()
    }

    /// Events with text of the answer alone: neither reasoning nor tool calls.
    pub(super) fn text(&self) -> Vec<&'a Event> {
        self.content().filter(|event| event.kind == EventKind::Content).collect()
    }

    /// Every data event up to the last content: a role or an empty delta is one, too. What comes
    /// after it may be a usage report, which no tool takes for a token.
    pub(super) fn chunks(&self) -> Vec<&'a Event> {
        let end = self.record.events.iter().rposition(|event| event.kind.is_content());
        self.record.events.iter().take(end.map_or(0, |at| at + 1)).collect()
    }

    /// Tokens of an event: as the target says, else one.
    pub(super) fn tokens_of(event: &Event) -> u32 {
        event.tokens.unwrap_or(1)
    }

    /// Whether the tokens of every event are known: the target said so, or as many events came as
    /// tokens were counted.
    pub(super) fn is_split_known(&self) -> bool {
        let by_events: u64 = self.content().map(|event| u64::from(Self::tokens_of(event))).sum();
        self.content().all(|event| event.tokens.is_some())
            || self.record.usage.as_ref().is_some_and(|usage| usage.completion_tokens == by_events)
    }

    /// Seconds from sending to `at`.
    pub(super) fn since_sent(&self, at: Offset) -> f64 {
        at.seconds_since(self.record.sent)
    }

    /// t_1 − sent.
    pub(super) fn to_first(&self) -> f64 {
        self.since_sent(self.first.at)
    }

    /// t_m − sent.
    pub(super) fn to_last(&self) -> f64 {
        self.since_sent(self.last.at)
    }

    /// The end of the stream − sent.
    pub(super) fn to_end(&self) -> f64 {
        self.since_sent(self.record.done)
    }

    /// (t_m − t_1) / (N − 1); absent below two tokens.
    pub(super) fn per_later_token(&self) -> Option<f64> {
        let later = self.tokens()? - 1.0;
        (later >= 1.0).then(|| self.last.at.seconds_since(self.first.at) / later)
    }
}

/// Seconds between neighbours.
pub(super) fn gaps(events: &[&Event]) -> Vec<f64> {
    events.windows(2).map(|pair| pair[1].at.seconds_since(pair[0].at)).collect()
}

/// Σ N / T over the window from the first sent to the last end of all measured requests.
pub(super) fn tokens_per_window(run: &Run, streams: &[Stream<'_>]) -> Option<f64> {
    rate(total_tokens(streams)?, run.window_s()?)
}

/// Successes / T over the same window.
pub(super) fn requests_per_window(run: &Run, _: &[Stream<'_>]) -> Option<f64> {
    rate(run.successes().count() as f64, run.window_s()?)
}

/// Σ N / (last content − first sent), over successes.
pub(super) fn tokens_per_content_span(_: &Run, streams: &[Stream<'_>]) -> Option<f64> {
    rate(total_tokens(streams)?, content_span(streams)?)
}

/// Successes / (last content − first sent), over successes.
pub(super) fn requests_per_content_span(_: &Run, streams: &[Stream<'_>]) -> Option<f64> {
    rate(streams.len() as f64, content_span(streams)?)
}

/// `None` where no answer has a count: no tokens are not zero tokens.
fn total_tokens(streams: &[Stream<'_>]) -> Option<f64> {
    let counted: Vec<f64> = streams.iter().filter_map(Stream::tokens).collect();
    (!counted.is_empty()).then(|| counted.iter().sum())
}

fn content_span(streams: &[Stream<'_>]) -> Option<f64> {
    let start = streams.iter().map(|stream| stream.record.sent).min()?;
    let end = streams.iter().map(|stream| stream.last.at).max()?;
    Some(end.seconds_since(start))
}

fn rate(count: f64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| count / seconds)
}
