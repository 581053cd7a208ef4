//! How long a target takes to recover from a burst.

use super::request;
use super::samples::{Samples, of_key, to_key};
use crate::case::Case;
use crate::record::Record;
use crate::spool::{Spool, Spools};
use crate::time::Offset;
use std::collections::VecDeque;

/// How far above the tail of before the burst a request still is as it was: half,
const TOLERATED: f64 = 1.5;
/// and 5 ms, below which schedulers decide.
const TOLERATED_S: f64 = 0.005;
/// How many requests in a row show a recovery, and how many of them may still be late: what lies
/// above a 95th percentile.
const SHOWN_BY: usize = 20;
const LEFT_OVER: usize = 1;
/// Stands for a request without a latency: the key of no finite number.
const NONE: u64 = u64::MAX;

/// When the requests of a load with a burst were due, and how long each took.
pub(super) struct Recovery<M: Spools> {
    /// When the burst begins and ends, seconds from the first due.
    burst: (f64, f64),
    start: Option<Offset>,
    /// Due, number, latency: of requests due at one instant the first to come is the first.
    requests: M::Of<3>,
}

/// A request of which it is known whether it was late.
#[derive(Debug, Clone, Copy)]
struct Judged {
    due: Offset,
    is_late: bool,
}

impl<M: Spools> Recovery<M> {
    /// Of the load of a case; `None` where it has no burst.
    pub(super) fn of(case: &Case, spools: &M) -> Result<Option<Self>, M::Error> {
        let Some(burst) = case.workload.shape().and_then(|shape| shape.burst()) else {
            return Ok(None);
        };
        Ok(Some(Self { burst, start: None, requests: spools.spool()? }))
    }

    /// Adds a measured request.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), M::Error> {
        self.start = Some(self.start.map_or(record.due, |start| start.min(record.due)));
        let latency = latency(record).map_or(NONE, to_key);
        self.requests.push([record.due.0, self.requests.count(), latency])
    }

    /// `recovery_s`: from the end of the burst to the first request that is not late and is followed by
    /// at most one late one in twenty; late is longer than half as much again as the 95th percentile
    /// of before the burst.
    pub(super) fn seconds(mut self, spools: &M) -> Result<Option<f64>, M::Error> {
        let (Some(start), (begin, end)) = (self.start, self.burst) else { return Ok(None) };
        let at = |due: u64| Offset(due).seconds_since(start);
        let mut before = Samples::new(spools)?;
        for request in self.requests.ascending()? {
            let [due, _, latency] = request?;
            if at(due) < begin && latency != NONE {
                before.push(of_key(latency))?;
            }
        }
        let Some(usual) = before.quantile(0.95)? else { return Ok(None) };
        let limit = (usual * TOLERATED).max(usual + TOLERATED_S);
        let after = self.requests.ascending()?.filter_map(|request| match request {
            Ok([due, _, latency]) => (at(due) >= end).then(|| {
                let is_late = latency == NONE || of_key(latency) > limit;
                Ok(Judged { due: Offset(due), is_late })
            }),
            Err(error) => Some(Err(error)),
        });
        Ok(recovered_at(after)?.map(|due| due.seconds_since(start) - end))
    }
}

/// When the first request is due that was not late, with hardly one late after it.
fn recovered_at<E>(after: impl Iterator<Item = Result<Judged, E>>) -> Result<Option<Offset>, E> {
    let mut window: VecDeque<Judged> = VecDeque::with_capacity(SHOWN_BY);
    for request in after {
        window.push_back(request?);
        if window.len() < SHOWN_BY {
            continue;
        }
        let late = window.iter().filter(|request| request.is_late).count();
        match window.pop_front() {
            Some(first) if !first.is_late && late <= LEFT_OVER => return Ok(Some(first.due)),
            Some(_) | None => {}
        }
    }
    Ok(None)
}

/// What users wait for, from when they asked; `None` for a request that failed.
fn latency(record: &Record) -> Option<f64> {
    let success = record.outcome.is_success().then_some(record)?;
    request::ttft_due(success).or_else(|| request::e2e_due(success))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::EventKind;
    use crate::run::Run;
    use crate::summary::fixture::{run, with_events};
    use crate::summary::spread::Spread;
    use crate::workload::{Closed, Shape, Workload};

    fn recovery_s(run: &Run) -> Option<f64> {
        Spread::of(run).recovery_s
    }

    /// Ten requests a second for a minute, a burst from 18 to 24 s; each takes as `takes_ms` says
    /// of the moment at which it is due, in seconds.
    fn spiked(takes_ms: impl Fn(f64) -> u64) -> Run {
        let record = |number: u64| {
            let due = number * 100;
            let mut record =
                with_events(5, &[(due + takes_ms(due as f64 / 1e3), EventKind::Content, None)]);
            record.due = Offset(due * 1_000_000);
            record.sent = record.due;
            record
        };
        let mut run = run((0..600).map(record).collect());
        let shape = Some(Shape::spike(1.0, 10.0, 6.0, 60.0));
        run.head.case.workload = Workload::Closed(Closed { shape, ..Closed::counted(10, 1, 1, 0) });
        run
    }

    #[test]
    fn a_queue_that_takes_five_seconds_to_empty_is_a_recovery_of_five_seconds() {
        let queue = |at: f64| if (18.0..29.0).contains(&at) { 900 } else { 50 };
        let recovery = recovery_s(&spiked(queue)).unwrap();
        assert!((recovery - 5.0).abs() < 0.2, "{recovery}");
    }

    #[test]
    fn one_slow_request_later_is_no_relapse() {
        let queue = |at: f64| if (18.0..29.0).contains(&at) || at == 50.0 { 900 } else { 50 };
        let recovery = recovery_s(&spiked(queue)).unwrap();
        assert!((recovery - 5.0).abs() < 0.2, "{recovery}");
    }

    #[test]
    fn a_target_that_stays_slow_has_not_recovered() {
        assert_eq!(recovery_s(&spiked(|at| if at < 18.0 { 50 } else { 900 })), None);
    }

    #[test]
    fn a_burst_that_nobody_felt_takes_no_time() {
        assert_eq!(recovery_s(&spiked(|_| 50)), Some(0.0));
    }

    #[test]
    fn without_a_spike_there_is_nothing_to_recover_from() {
        assert_eq!(recovery_s(&run(vec![with_events(1, &[(1, EventKind::Content, None)])])), None);
    }
}
