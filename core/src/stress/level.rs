//! What a target did under one number of workers.

use crate::quantile::Sorted;
use crate::record::{Counted, Outcome, Record};
use crate::run::Requests;
use crate::slo::{self, Slo};
use crate::summary::{ttft, whole};
use crate::time::Offset;
use serde::{Deserialize, Serialize};

/// The middle and the tail of a latency, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

/// What a target did under one number of workers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Workers.
    pub concurrency: u32,
    /// How its requests ended.
    pub requests: Requests,
    /// Output tokens per second; requests per second where there are no tokens.
    pub throughput: f64,
    /// Time to first token, where there is one.
    pub ttft: Option<Latency>,
    /// The whole request.
    pub e2e: Option<Latency>,
    /// Share of the attempted requests that met all objectives; absent without objectives.
    pub attainment: Option<f64>,
}

/// What is left out of a trial at its beginning, as a share of it: its workers all start at one
/// moment, and their first requests meet a queue that is none of this level's.
const SETTLING: f64 = 0.2;

/// When a level was tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Its beginning.
    pub start: Offset,
    /// When no request was sent any more.
    pub end: Offset,
}

impl Span {
    /// The span of a trial of `step_s` seconds, from its first request on; `None` without requests.
    #[must_use]
    pub fn of_trial(records: &[&Record], step_s: f64) -> Option<Self> {
        let start = records.iter().map(|record| record.due).min()?;
        Some(Self { start, end: Offset(start.0 + (step_s * 1e9) as u64) })
    }

    fn settled(self) -> Self {
        let settling = (self.end.0.saturating_sub(self.start.0)) as f64 * SETTLING;
        Self { start: Offset(self.start.0 + settling as u64), end: self.end }
    }

    fn seconds(self) -> f64 {
        self.end.seconds_since(self.start)
    }

    fn holds(self, at: Offset) -> bool {
        (self.start..self.end).contains(&at)
    }
}

impl Level {
    /// From the requests of a trial. Latencies and errors are of those that were due once it had
    /// settled; of all, where none was.
    #[must_use]
    pub fn of(concurrency: u32, records: &[&Record], span: Span, slos: &[Slo]) -> Self {
        let settled = span.settled();
        let late: Vec<&Record> =
            records.iter().copied().filter(|record| record.due >= settled.start).collect();
        let counted = if late.is_empty() { records.to_vec() } else { late };
        let mut requests = Requests::default();
        counted.iter().for_each(|record| requests.add(record));
        Self {
            concurrency,
            requests,
            throughput: throughput(records, settled),
            ttft: latency(&counted, ttft),
            e2e: latency(&counted, whole),
            attainment: slo::attainment(counted.iter().copied(), slos),
        }
    }

    /// Failures / attempted.
    #[must_use]
    pub fn error_rate(&self) -> f64 {
        self.requests.failed as f64 / self.requests.attempted.max(1) as f64
    }

    /// What users wait for first: the 95th percentile of the time to first token, or of the whole
    /// request where there are no tokens.
    #[must_use]
    pub fn tail(&self) -> Option<f64> {
        self.ttft.or(self.e2e).map(|latency| latency.p95)
    }
}

fn latency(records: &[&Record], of: fn(&Record) -> Option<f64>) -> Option<Latency> {
    let successes = records.iter().filter(|record| record.outcome.is_success());
    let sorted = Sorted::new(successes.filter_map(|record| of(record)));
    Some(Latency { p50: sorted.quantile(0.5)?, p95: sorted.quantile(0.95)? })
}

/// What came within the span, per second of it, so that neither the start nor the last answers of a
/// trial, when fewer and fewer workers are left, count. An event brings its share of the tokens that
/// the target counted for the whole answer.
fn throughput(records: &[&Record], span: Span) -> f64 {
    let successes = || records.iter().copied().filter(|record| record.outcome == Outcome::Success);
    // Tokens that a tokenizer of ours counts are not there yet when the search decides.
    let by_server = |record: &&Record| {
        record.usage.as_ref().is_some_and(|usage| usage.counted == Counted::Server)
    };
    let has_tokens = successes().any(|record| by_server(&record));
    let amount: f64 = match has_tokens {
        true => successes().map(|record| tokens_within(record, span)).sum(),
        false => successes().filter(|record| span.holds(record.done)).count() as f64,
    };
    match span.seconds() > 0.0 {
        true => amount / span.seconds(),
        false => 0.0,
    }
}

fn tokens_within(record: &Record, span: Span) -> f64 {
    let tokens = record.usage.as_ref().map_or(0.0, |usage| usage.completion_tokens as f64);
    let events = record.content().count();
    let within = record.content().filter(|event| span.holds(event.at)).count();
    tokens * within as f64 / events.max(1) as f64
}
