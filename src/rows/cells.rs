//! A request and its events as cells, in the order of the columns of [`schema`](super::schema).

use super::rest::{Rest, has_columns, has_own_columns};
use bytes::Bytes;
use parquet::data_type::ByteArray;
use tokgate_core::record::{Counted, Event, EventKind, Outcome, Phase, Record};
use tokgate_core::run::Arm;
use tokgate_core::time::Offset;

/// What stands in one row of one column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Int(Option<i64>),
    Real(Option<f64>),
    Flag(Option<bool>),
    Text(Option<ByteArray>),
}

impl Cell {
    pub(super) fn int(value: i64) -> Self {
        Self::Int(Some(value))
    }

    pub(super) fn flag(value: bool) -> Self {
        Self::Flag(Some(value))
    }

    /// A word of ours.
    pub(super) fn word(word: &'static str) -> Self {
        Self::Text(Some(Bytes::from_static(word.as_bytes()).into()))
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Text(Some(text.into()))
    }

    fn maybe_word(word: Option<&'static str>) -> Self {
        word.map_or(Self::Text(None), Self::word)
    }

    pub(super) fn maybe_text(text: Option<&str>) -> Self {
        Self::Text(text.map(Into::into))
    }

    fn maybe_int<T: Into<i64>>(value: Option<T>) -> Self {
        Self::Int(value.map(Into::into))
    }

    /// A count that was found to fit before.
    fn count(value: Option<u64>) -> Self {
        Self::Int(value.and_then(|count| i64::try_from(count).ok()))
    }
}

/// The name of a side.
pub(super) fn arm(arm: Arm) -> &'static str {
    match arm {
        Arm::Base => "base",
        Arm::Head => "head",
    }
}

/// The name of a phase.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Warmup => "warmup",
        Phase::Probe => "probe",
        Phase::Measured => "measured",
    }
}

/// The name of what an event carried.
pub(super) fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Content => "content",
        EventKind::Reasoning => "reasoning",
        EventKind::ToolCall => "tool_call",
        EventKind::Refusal => "refusal",
        EventKind::Whole => "whole",
        EventKind::Other => "other",
    }
}

fn counted(counted: Counted) -> &'static str {
    match counted {
        Counted::Server => "server",
        Counted::Client => "client",
    }
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failed(_) => "failed",
        Outcome::Incomplete => "incomplete",
    }
}

/// Nanoseconds from the common beginning.
pub(super) fn since(at: Offset, origin_ns: u64) -> Result<i64, String> {
    between(Offset(origin_ns), at)
}

fn between(earlier: Offset, later: Offset) -> Result<i64, String> {
    let ns = i128::from(later.0) - i128::from(earlier.0);
    i64::try_from(ns).map_err(|_| format!("{ns} ns are more than 63 bits hold"))
}

/// The first cells of a request's and of its events' rows.
fn key(record: &Record) -> Result<[Cell; 3], String> {
    let ordinal = i64::try_from(record.ordinal)
        .map_err(|_| "its number is more than 63 bits hold".to_owned())?;
    Ok([Cell::word(phase(record.phase)), Cell::maybe_int(record.trial), Cell::int(ordinal)])
}

/// Tokens of the texts that were embedded, of a request that has no answer's tokens beside them.
fn embedded_tokens(record: &Record) -> Option<u64> {
    record.embedded.as_ref().filter(|_| record.usage.is_none())?.prompt_tokens
}

/// The row of a request.
pub(super) fn of_request(record: &Record, origin_ns: u64) -> Result<Vec<Cell>, String> {
    let at = |moment: Offset| since(moment, origin_ns).map(Cell::int);
    let head = record.head.map(|head| since(head, origin_ns)).transpose()?;
    let failure = match &record.outcome {
        Outcome::Failed(failure) => Some(failure),
        Outcome::Success | Outcome::Incomplete => None,
    };
    let usage = record.usage.as_ref().filter(|usage| has_columns(usage));
    let recount = record.recount.filter(has_own_columns);
    let rest = Rest::of(record, origin_ns)?.map(|rest| serde_json::to_string(&rest)).transpose();
    let rest = rest.map_err(|error| error.to_string())?;
    let mut cells = Vec::with_capacity(25);
    cells.extend(key(record)?);
    cells.extend([
        Cell::int(record.worker.into()),
        at(record.due)?,
        at(record.sent)?,
        Cell::Int(head),
        at(record.done)?,
        Cell::word(outcome(&record.outcome)),
        Cell::maybe_word(failure.map(|failure| failure.class.as_str())),
        Cell::maybe_text(failure.map(|failure| failure.message.as_str())),
        Cell::count(usage.map(|usage| usage.prompt_tokens).or_else(|| embedded_tokens(record))),
        Cell::count(usage.map(|usage| usage.completion_tokens)),
        Cell::count(usage.and_then(|usage| usage.cached_tokens)),
        Cell::maybe_word(usage.map(|usage| counted(usage.counted))),
        Cell::count(recount.map(|count| count.prompt_tokens)),
        Cell::count(recount.map(|count| count.completion_tokens)),
        Cell::maybe_int(record.requested_tokens),
        Cell::maybe_text(record.finish_reason.as_deref()),
        Cell::maybe_text(record.sample.as_deref()),
        Cell::flag(record.counts()),
        Cell::int(record.events.len() as i64),
        Cell::Int(ttft(record)?),
        Cell::Int(e2e(record)?),
        Cell::maybe_text(rest.as_deref()),
    ]);
    Ok(cells)
}

/// Time to first token: t_1 − sent; an answer that came whole has none.
fn ttft(record: &Record) -> Result<Option<i64>, String> {
    let first = record.content().next().filter(|event| event.kind != EventKind::Whole);
    of_success(record, first)
}

/// The whole request: t_m − sent.
fn e2e(record: &Record) -> Result<Option<i64>, String> {
    of_success(record, record.content().next_back())
}

fn of_success(record: &Record, event: Option<&Event>) -> Result<Option<i64>, String> {
    let event = event.filter(|_| record.outcome.is_success());
    event.map(|event| between(record.sent, event.at)).transpose()
}

/// The rows of a request's events.
pub(super) fn of_events(
    record: &Record,
    origin_ns: u64,
) -> impl Iterator<Item = Result<Vec<Cell>, String>> {
    let mut before: Option<Offset> = None;
    (0i64..).zip(&record.events).map(move |(index, event)| {
        let gap = before.filter(|_| event.kind.is_content());
        let gap = gap.map(|before| between(before, event.at)).transpose()?;
        if event.kind.is_content() {
            before = Some(event.at);
        }
        let mut cells = Vec::with_capacity(9);
        cells.extend(key(record)?);
        cells.extend([
            Cell::int(index),
            Cell::int(since(event.at, origin_ns)?),
            Cell::word(kind(event.kind)),
            Cell::maybe_int(event.tokens),
            Cell::flag(record.counts()),
            Cell::Int(gap),
        ]);
        Ok(cells)
    })
}
