//! Records had back from their rows, one after the other in the order of the rows, in the memory of a few pages
//! of each column.

use super::RowsError;
use super::cells::Cell;
use super::open::{Opened, Source};
use super::rest::Rest;
use super::schema::{EVENTS, REQUESTS};
use super::slice::Slice;
use super::write::MOST_EVENTS;
use parquet::data_type::ByteArray;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::vec::IntoIter;
use tokgate_core::failure::Failure;
use tokgate_core::record::{Counted, Event, EventKind, Outcome, Phase, Record, TokenCount, Usage};
use tokgate_core::time::Offset;

/// The columns of a request that its record is made of, in the order of [`record`].
const OF_REQUEST: [&str; 22] = [
    "phase",
    "trial",
    "ordinal",
    "sender",
    "due_ns",
    "sent_ns",
    "head_ns",
    "done_ns",
    "outcome",
    "failure_class",
    "failure",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "counted",
    "recount_prompt_tokens",
    "recount_completion_tokens",
    "requested_tokens",
    "finish_reason",
    "sample",
    "events",
    "rest",
];

/// The columns of an event that are read.
const OF_EVENT: [&str; 7] = ["phase", "trial", "ordinal", "index", "at_ns", "kind", "tokens"];

/// The requests of one worker's epoch with their events, in order; ends after the first error.
pub struct Rows {
    requests: Source,
    events: Source,
    shift_ns: u64,
    left_events: u64,
    is_over: bool,
}

impl Rows {
    /// Opens the two files of a slice. To every time `shift_ns` is added: with the slice's own
    /// [`Rows::origin_ns`] records are as they were on the worker's clock.
    ///
    /// # Errors
    /// When a file is not the rows of this slice, of this version, as they were written.
    pub fn open(
        requests: &Path,
        events: &Path,
        slice: &Slice,
        shift_ns: u64,
    ) -> Result<Self, RowsError> {
        Self::of(Opened::at(requests)?, Opened::at(events)?, slice, shift_ns)
    }

    /// The same of files that are open.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn opened(
        requests: File,
        events: File,
        slice: &Slice,
        shift_ns: u64,
    ) -> Result<Self, RowsError> {
        let of = |table, file| Opened { file, path: slice.path(table).into() };
        Self::of(of(&REQUESTS, requests), of(&EVENTS, events), slice, shift_ns)
    }

    fn of(
        requests: Opened,
        events: Opened,
        slice: &Slice,
        shift_ns: u64,
    ) -> Result<Self, RowsError> {
        let requests = Source::of(requests, &REQUESTS, slice, &OF_REQUEST)?;
        let events = Source::of(events, &EVENTS, slice, &OF_EVENT)?;
        if requests.origin_ns != events.origin_ns {
            return Err(events.damaged("its requests say another beginning of the load".to_owned()));
        }
        let left_events = events.rows;
        Ok(Self { requests, events, shift_ns, left_events, is_over: false })
    }

    /// How many requests there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.requests.rows
    }

    /// How many events all of them have.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The load's common beginning on the clock of the worker that wrote them.
    #[must_use]
    pub fn origin_ns(&self) -> u64 {
        self.requests.origin_ns
    }

    fn read(&mut self) -> Result<Option<Record>, RowsError> {
        let Some(cells) = self.requests.next()? else {
            return match self.left_events {
                0 => Ok(None),
                left => Err(self.events.damaged(format!("{left} events belong to no request"))),
            };
        };
        let (mut record, events) =
            record(Cells::of(cells), self.shift_ns).map_err(|what| self.requests.damaged(what))?;
        if events > self.left_events || events > MOST_EVENTS as u64 {
            let what = format!("request {} says that it has {events} events", record.ordinal);
            return Err(self.requests.damaged(what));
        }
        for index in 0..events {
            let event = self.event(&record, index)?;
            record.events.push(event);
        }
        self.left_events -= events;
        Ok(Some(record))
    }

    fn event(&mut self, record: &Record, index: u64) -> Result<Event, RowsError> {
        let cells = self.events.next()?.unwrap_or_default();
        let shift_ns = self.shift_ns;
        event(Cells::of(cells), record, index, shift_ns).map_err(|what| {
            self.events.damaged(format!("event {index} of request {}: {what}", record.ordinal))
        })
    }
}

impl Iterator for Rows {
    type Item = Result<Record, RowsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let read = self.read().transpose();
        self.is_over = !matches!(read, Some(Ok(_)));
        read
    }
}

const COUNTS_MISSING: &str = "some of its counts of tokens are missing";

/// What the columns say of a request's tokens.
enum Counts {
    /// All that the target said of an answer.
    Usage(Usage),
    /// At most those of texts that were embedded.
    Embedded(Option<u64>),
}

/// The cells of a row, taken one after the other.
struct Cells(IntoIter<Cell>);

impl Cells {
    fn of(cells: Vec<Cell>) -> Self {
        Self(cells.into_iter())
    }

    fn maybe_int<T: TryFrom<i64>>(&mut self, column: &str) -> Result<Option<T>, String> {
        let Some(Cell::Int(value)) = self.0.next() else { return Err(unread(column)) };
        let fit = |value: i64| T::try_from(value).map_err(|_| format!("`{column}` is {value}"));
        value.map(fit).transpose()
    }

    fn int<T: TryFrom<i64>>(&mut self, column: &str) -> Result<T, String> {
        self.maybe_int(column)?.ok_or_else(|| unread(column))
    }

    fn maybe_at(&mut self, column: &str, shift_ns: u64) -> Result<Option<Offset>, String> {
        let Some(ns) = self.maybe_int::<i64>(column)? else { return Ok(None) };
        let at = shift_ns.checked_add_signed(ns);
        let before = || format!("`{column}` is {ns}, before the clock began");
        at.map(|at| Some(Offset(at))).ok_or_else(before)
    }

    fn at(&mut self, column: &str, shift_ns: u64) -> Result<Offset, String> {
        self.maybe_at(column, shift_ns)?.ok_or_else(|| unread(column))
    }

    fn bytes(&mut self, column: &str) -> Result<Option<ByteArray>, String> {
        match self.0.next() {
            Some(Cell::Text(text)) => Ok(text),
            _ => Err(unread(column)),
        }
    }

    fn maybe_text(&mut self, column: &str) -> Result<Option<String>, String> {
        let text = |bytes: ByteArray| {
            String::from_utf8(bytes.data().to_vec()).map_err(|_| format!("`{column}` is no text"))
        };
        self.bytes(column)?.map(text).transpose()
    }

    /// One of the words that a column has, by the names that JSON has for them.
    fn maybe_word<T: DeserializeOwned>(&mut self, column: &str) -> Result<Option<T>, String> {
        let Some(word) = self.maybe_text(column)? else { return Ok(None) };
        let known = serde_json::from_value(Value::String(word.clone()));
        known.map(Some).map_err(|_| format!("`{column}` is {word:?}, which it never is"))
    }

    fn phase(&mut self) -> Result<Phase, String> {
        let word = self.bytes("phase")?;
        match word.as_ref().map(ByteArray::data) {
            Some(b"warmup") => Ok(Phase::Warmup),
            Some(b"probe") => Ok(Phase::Probe),
            Some(b"measured") => Ok(Phase::Measured),
            _ => Err("`phase` is none that there is".to_owned()),
        }
    }

    fn kind(&mut self) -> Result<EventKind, String> {
        let word = self.bytes("kind")?;
        match word.as_ref().map(ByteArray::data) {
            Some(b"content") => Ok(EventKind::Content),
            Some(b"reasoning") => Ok(EventKind::Reasoning),
            Some(b"tool_call") => Ok(EventKind::ToolCall),
            Some(b"refusal") => Ok(EventKind::Refusal),
            Some(b"whole") => Ok(EventKind::Whole),
            Some(b"other") => Ok(EventKind::Other),
            _ => Err("`kind` is none that there is".to_owned()),
        }
    }

    fn outcome(&mut self) -> Result<Outcome, String> {
        let word = self.maybe_text("outcome")?;
        let class = self.maybe_word("failure_class")?;
        let message = self.maybe_text("failure")?;
        match (word.as_deref(), class, message) {
            (Some("success"), None, None) => Ok(Outcome::Success),
            (Some("incomplete"), None, None) => Ok(Outcome::Incomplete),
            (Some("failed"), Some(class), Some(message)) => {
                Ok(Outcome::Failed(Failure { class, message }))
            }
            _ => Err("`outcome` and what is said of a failure do not fit together".to_owned()),
        }
    }

    fn counts(&mut self) -> Result<Counts, String> {
        let prompt: Option<u64> = self.maybe_int("prompt_tokens")?;
        let completion: Option<u64> = self.maybe_int("completion_tokens")?;
        let cached_tokens = self.maybe_int("cached_tokens")?;
        let counted: Option<Counted> = self.maybe_word("counted")?;
        match (prompt, completion, counted) {
            (Some(prompt_tokens), Some(completion_tokens), Some(counted)) => {
                let raw = None;
                let usage = Usage { prompt_tokens, completion_tokens, cached_tokens, counted, raw };
                Ok(Counts::Usage(usage))
            }
            (prompt, None, None) if cached_tokens.is_none() => Ok(Counts::Embedded(prompt)),
            _ => Err(COUNTS_MISSING.to_owned()),
        }
    }

    fn recount(&mut self) -> Result<Option<TokenCount>, String> {
        let prompt: Option<u64> = self.maybe_int("recount_prompt_tokens")?;
        let completion: Option<u64> = self.maybe_int("recount_completion_tokens")?;
        match (prompt, completion) {
            (Some(prompt_tokens), Some(completion_tokens)) => {
                Ok(Some(TokenCount { prompt_tokens, completion_tokens }))
            }
            (None, None) => Ok(None),
            _ => Err("one of our counts of tokens is missing".to_owned()),
        }
    }

    fn rest(&mut self) -> Result<Rest, String> {
        match self.bytes("rest")? {
            Some(json) => serde_json::from_slice(json.data())
                .map_err(|error| format!("`rest` is not what belongs there: {error}")),
            None => Ok(Rest::default()),
        }
    }
}

fn unread(column: &str) -> String {
    format!("`{column}` is missing")
}

/// A request without its events, and how many those are.
fn record(mut cells: Cells, shift_ns: u64) -> Result<(Record, u64), String> {
    let phase = cells.phase()?;
    let trial = cells.maybe_int("trial")?;
    let ordinal = cells.int("ordinal")?;
    let worker = cells.int("sender")?;
    let due = cells.at("due_ns", shift_ns)?;
    let sent = cells.at("sent_ns", shift_ns)?;
    let head = cells.maybe_at("head_ns", shift_ns)?;
    let done = cells.at("done_ns", shift_ns)?;
    let outcome = cells.outcome()?;
    let counts = cells.counts()?;
    let recount = cells.recount()?;
    let requested_tokens = cells.maybe_int("requested_tokens")?;
    let finish_reason = cells.maybe_text("finish_reason")?;
    let sample = cells.maybe_text("sample")?;
    let events = cells.int("events")?;
    let Rest { raw, usage: large, recount: own, quality, neighbours, embedded, parts } =
        cells.rest()?;
    let usage = match counts {
        Counts::Usage(usage) => Some(Usage { raw, ..usage }),
        Counts::Embedded(None) => large,
        // Beside the column it is where it was before there was any in the column.
        Counts::Embedded(said) if embedded.as_ref().and_then(|it| it.prompt_tokens) == said => {
            large
        }
        Counts::Embedded(_) => return Err(COUNTS_MISSING.to_owned()),
    };
    let recount = recount.or(own);
    let parts = parts.map(|parts| parts.on(shift_ns).ok_or("a part is before the clock began"));
    let parts = parts.transpose()?;
    let record = Record {
        ordinal,
        worker,
        phase,
        trial,
        due,
        sent,
        head,
        done,
        events: Vec::new(),
        outcome,
        usage,
        recount,
        requested_tokens,
        finish_reason,
        sample,
        quality,
        neighbours,
        embedded,
        parts,
    };
    Ok((record, events))
}

/// The event of that number of a request.
fn event(mut cells: Cells, of: &Record, index: u64, shift_ns: u64) -> Result<Event, String> {
    let phase = cells.phase()?;
    let trial: Option<u32> = cells.maybe_int("trial")?;
    let ordinal: u64 = cells.int("ordinal")?;
    if (phase, trial, ordinal) != (of.phase, of.trial, of.ordinal) {
        return Err(format!("an event of request {ordinal} stands in its place"));
    }
    let found: u64 = cells.int("index")?;
    if found != index {
        return Err(format!("event {found} stands in its place"));
    }
    let at = cells.at("at_ns", shift_ns)?;
    let kind = cells.kind()?;
    let tokens = cells.maybe_int("tokens")?;
    Ok(Event { at, kind, tokens })
}
