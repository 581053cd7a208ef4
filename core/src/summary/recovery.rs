//! How long a target takes to recover from a burst.

use super::request;
use crate::quantile::Sorted;
use crate::record::Record;
use crate::run::Run;
use crate::time::Offset;

/// How far above the tail of before the burst a request still is as it was: half,
const TOLERATED: f64 = 1.5;
/// and 5 ms, below which schedulers decide.
const TOLERATED_S: f64 = 0.005;
/// How many requests in a row show a recovery, and how many of them may still be late: what lies
/// above a 95th percentile.
const SHOWN_BY: usize = 20;
const LEFT_OVER: usize = 1;

/// `recovery_s`: from the end of the burst to the first request that is not late and is followed by
/// at most one late one in twenty; late is longer than half as much again as the 95th percentile
/// of before the burst.
pub(super) fn recovery_s(run: &Run) -> Option<f64> {
    let (begin, end) = run.head.case.workload.shape()?.burst()?;
    let start = run.measured().map(|record| record.due).min()?;
    let at = |record: &Record| record.due.seconds_since(start);
    let before = run.successes().filter(|record| at(record) < begin);
    let usual = Sorted::new(before.filter_map(latency)).quantile(0.95)?;
    let limit = (usual * TOLERATED).max(usual + TOLERATED_S);
    let mut after: Vec<&Record> = run.measured().filter(|record| at(record) >= end).collect();
    after.sort_by_key(|record| record.due);
    let is_late = |record: &&Record| latency(record).is_none_or(|latency| latency > limit);
    recovered_at(&after, is_late).map(|due| due.seconds_since(start) - end)
}

/// When the first request is due that was not late, with hardly one late after it.
fn recovered_at(after: &[&Record], is_late: impl Fn(&&Record) -> bool) -> Option<Offset> {
    let late: Vec<bool> = after.iter().map(is_late).collect();
    let shows =
        |window: &[bool]| !window[0] && window.iter().filter(|it| **it).count() <= LEFT_OVER;
    let first = late.windows(SHOWN_BY).position(shows)?;
    Some(after[first].due)
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
    use crate::summary::fixture::{run, with_events};
    use crate::workload::{Closed, Shape, Workload};

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
