//! Where streams stood still, and what the server did meanwhile.

use super::{request, spike};
use crate::record::{Event, Record};
use crate::run::{Run, TelemetrySample};
use crate::serving::{CACHE_USE, PREEMPTIONS, RUNNING, WAITING};
use crate::time::Offset;
use serde::Serialize;

/// How many of them are told one by one: the longest say what kind they are.
const TOLD: usize = 10;

/// The stalls of a case: gaps between tokens above the line at which a spike of its epoch's gaps begins,
/// as `stall_count` counts them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stalls {
    /// How many there are.
    pub count: u64,
    /// Of how many gaps.
    pub gaps: u64,
    /// How many are in the first half of their stream.
    pub in_first_half: u64,
    /// During how many the server put requests back to make room; absent where it does not say.
    pub preempted: Option<u64>,
    /// During how many requests waited within the server; absent where it does not say.
    pub queued: Option<u64>,
    /// The longest, the longest first.
    pub longest: Vec<Stall>,
}

/// One gap inside a stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stall {
    /// The epoch.
    pub test_id: String,
    /// The request within its epoch.
    pub request: u64,
    /// Tokens that had come before; an event counts as one where the target does not say.
    pub after_token: u64,
    /// Tokens of the stream.
    pub of_tokens: u64,
    /// The share of the stream that had come before, 0 to 1.
    pub share: f64,
    /// When it began, seconds from the epoch's start.
    pub at_s: f64,
    /// How long it was, seconds.
    pub gap_s: f64,
    /// The line that it is above, seconds.
    pub line_s: f64,
    /// What the server said around it; absent where it said nothing.
    pub server: Option<Meanwhile>,
}

/// What the server said of itself from just before a moment to just after: it is asked about once a
/// second. What it did not say is absent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Meanwhile {
    /// Requests that it put back to make room.
    pub preemptions: Option<f64>,
    /// The most requests that waited.
    pub waiting: Option<f64>,
    /// The most requests that it worked on.
    pub running: Option<f64>,
    /// The fullest that its key-value cache was, 0 to 1.
    pub cache_use: Option<f64>,
}

impl Stalls {
    /// The stalls of a case's epochs; `None` without any.
    #[must_use]
    pub fn of(epochs: &[Run]) -> Option<Self> {
        let mut all: Vec<Stall> = epochs.iter().flat_map(stalls_of).collect();
        if all.is_empty() {
            return None;
        }
        let gaps = epochs.iter().flat_map(Run::successes).map(|record| request::itl(record).len());
        let gaps = gaps.sum::<usize>() as u64;
        all.sort_by(|a, b| b.gap_s.total_cmp(&a.gap_s));
        Some(Self {
            count: all.len() as u64,
            gaps,
            in_first_half: all.iter().filter(|stall| stall.share < 0.5).count() as u64,
            preempted: during(&all, |server| server.preemptions),
            queued: during(&all, |server| server.waiting),
            longest: all.into_iter().take(TOLD).collect(),
        })
    }
}

/// During how many the server did something; `None` where it said so of none.
fn during(stalls: &[Stall], did: fn(&Meanwhile) -> Option<f64>) -> Option<u64> {
    let said: Vec<f64> =
        stalls.iter().filter_map(|stall| stall.server.as_ref().and_then(did)).collect();
    (!said.is_empty()).then(|| said.iter().filter(|much| **much > 0.0).count() as u64)
}

fn stalls_of(run: &Run) -> Vec<Stall> {
    let gaps: Vec<f64> = run.successes().flat_map(request::itl).collect();
    let Some(line_s) = spike::threshold(&gaps) else { return Vec::new() };
    let server = Series::of(&run.telemetry);
    let mut found = Vec::new();
    for record in run.successes() {
        for Gap { from, to, before } in gaps_of(record) {
            let gap_s = to.seconds_since(from);
            if gap_s <= line_s {
                continue;
            }
            let of_tokens: u64 = record.content().map(tokens).sum();
            found.push(Stall {
                test_id: run.head.test_id.clone(),
                request: record.ordinal,
                after_token: before,
                of_tokens,
                share: before as f64 / of_tokens.max(1) as f64,
                at_s: from.seconds(),
                gap_s,
                line_s,
                server: server.around(from, to),
            });
        }
    }
    found
}

/// A gap between two content events, and the tokens before it.
struct Gap {
    from: Offset,
    to: Offset,
    before: u64,
}

fn gaps_of(record: &Record) -> impl Iterator<Item = Gap> {
    let later = record.content().skip(1);
    record.content().zip(later).scan(0, |before, (one, next)| {
        *before += tokens(one);
        Some(Gap { from: one.at, to: next.at, before: *before })
    })
}

fn tokens(event: &Event) -> u64 {
    event.tokens.unwrap_or(1).into()
}

/// What the server said, each number with its moments.
struct Series([Vec<(Offset, f64)>; 4]);

impl Series {
    fn of(telemetry: &[TelemetrySample]) -> Self {
        Self([PREEMPTIONS, WAITING, RUNNING, CACHE_USE].map(|name| {
            let told = |sample: &TelemetrySample| Some((sample.at, *sample.server.get(name)?));
            telemetry.iter().filter_map(told).collect()
        }))
    }

    fn around(&self, from: Offset, to: Offset) -> Option<Meanwhile> {
        let [preemptions, waiting, running, cache] =
            self.0.each_ref().map(|told| said_around(told, from, to));
        let meanwhile = Meanwhile {
            preemptions: gained(preemptions),
            waiting: most(waiting),
            running: most(running),
            cache_use: most(cache),
        };
        let silent = Meanwhile { preemptions: None, waiting: None, running: None, cache_use: None };
        (meanwhile != silent).then_some(meanwhile)
    }
}

/// From the last that was told before `from` to the first that was told after `to`.
fn said_around(told: &[(Offset, f64)], from: Offset, to: Offset) -> &[(Offset, f64)] {
    let first = told.partition_point(|(at, _)| *at <= from).saturating_sub(1);
    let last = told.partition_point(|(at, _)| *at < to) + 1;
    &told[first.min(told.len())..last.min(told.len())]
}

fn most(told: &[(Offset, f64)]) -> Option<f64> {
    told.iter().map(|(_, value)| *value).reduce(f64::max)
}

/// By how much a counter grew; `None` where it was told but once, or began anew.
fn gained(told: &[(Offset, f64)]) -> Option<f64> {
    let grew = told.last()?.1 - told.first()?.1;
    (told.len() > 1 && grew >= 0.0).then_some(grew)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::EventKind;
    use crate::summary::fixture;

    /// Four streams of fifty-one tokens, 20 ms apart, but for one gap of 200 ms after token `after`.
    fn stalled(after: u64) -> Run {
        let mut at = 100;
        let mut events = vec![(at, EventKind::Content, None)];
        events.extend((1..=50).map(|token| {
            at += if token == after { 200 } else { 20 };
            (at, EventKind::Content, None)
        }));
        fixture::run((0..4).map(|_| fixture::with_events(51, &events)).collect())
    }

    fn says(run: &mut Run, name: &str, values: &[(u64, f64)]) {
        run.telemetry = values
            .iter()
            .map(|(ms, value)| TelemetrySample {
                at: Offset(ms * 1_000_000),
                server: [(name.to_owned(), *value)].into(),
                ..TelemetrySample::default()
            })
            .collect();
    }

    #[test]
    fn a_stall_is_told_with_its_place_in_the_stream() {
        let stalls = Stalls::of(&[stalled(13)]).unwrap();
        assert_eq!((stalls.count, stalls.gaps, stalls.in_first_half), (4, 200, 4));
        let first = &stalls.longest[0];
        assert_eq!((first.after_token, first.of_tokens), (13, 51));
        assert!((first.gap_s - 0.2).abs() < 1e-9 && first.line_s < 0.2);
        assert!((first.at_s - 0.34).abs() < 1e-9, "{}", first.at_s);
        assert_eq!((first.server, stalls.preempted), (None, None), "no server said anything");
    }

    #[test]
    fn steady_streams_have_none() {
        assert_eq!(Stalls::of(&[stalled(99)]), None);
        assert_eq!(Stalls::of(&[]), None);
    }

    #[test]
    fn what_the_server_did_around_a_stall_stands_beside_it() {
        let mut run = stalled(13);
        // The stall is from 340 to 540 ms.
        says(&mut run, PREEMPTIONS, &[(0, 0.0), (300, 2.0), (400, 5.0), (600, 6.0), (700, 60.0)]);
        let stalls = Stalls::of(std::slice::from_ref(&run)).unwrap();
        assert_eq!(stalls.longest[0].server.unwrap().preemptions, Some(4.0));
        assert_eq!((stalls.preempted, stalls.queued), (Some(4), None));
        says(&mut run, PREEMPTIONS, &[(300, 5.0), (600, 5.0), (700, 9.0)]);
        assert_eq!(Stalls::of(&[run]).unwrap().preempted, Some(0));
    }

    #[test]
    fn the_longest_of_all_epochs_come_first() {
        let mut longer = stalled(40);
        longer.head.test_id = "later".to_owned();
        for record in &mut longer.records {
            record.events[40..].iter_mut().for_each(|event| event.at.0 += 1_000_000_000);
        }
        let stalls = Stalls::of(&[stalled(13), longer]).unwrap();
        assert_eq!((stalls.count, stalls.in_first_half), (8, 4));
        assert_eq!(stalls.longest[0].test_id, "later");
        assert_eq!(stalls.longest.len(), 8);
    }
}
