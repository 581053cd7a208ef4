//! Whether a run may be judged at all, with the reasons why not.

use crate::failure::FailureClass;
use crate::quantile::mean;
use crate::record::Outcome;
use crate::run::{Ending, Requests, Run};
use serde::{Deserialize, Serialize};

/// Why a run may not be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// No measured request succeeded.
    #[error("no request succeeded")]
    NothingMeasured,
    /// The run was stopped.
    #[error("stopped before its end: {why}")]
    Stopped {
        /// What stopped it.
        why: String,
    },
    /// Fewer requests were sent than planned.
    #[error("{sent} of {planned} planned requests were sent")]
    NotAllSent {
        /// Planned.
        planned: u64,
        /// Sent.
        sent: u64,
    },
    /// More requests failed than may.
    #[error("{failed} of {attempted} requests failed, more than {allowed_percent} %")]
    ErrorShare {
        /// Failed.
        failed: u64,
        /// Attempted.
        attempted: u64,
        /// Allowed, percent.
        allowed_percent: f64,
    },
    /// Another model, engine or build answered half way.
    #[error("the target changed: {what}")]
    TargetChanged {
        /// In words.
        what: String,
    },
    /// Our own machine had no descriptor or port left.
    #[error("{failed} requests failed through our own limits, not the target's; raise `ulimit -n`")]
    ClientLimit {
        /// Failed so.
        failed: u64,
    },
    /// The hypervisor gave the CPU to others.
    #[error("the host's CPU was taken away {steal_percent:.0} % of the time")]
    Steal {
        /// Share of CPU time, percent.
        steal_percent: f64,
    },
    /// The sampler was not run for a while: the machine was suspended, stopped or overloaded.
    #[error("the clock jumped: nothing ran for {gap_s:.1} s")]
    ClockGap {
        /// Seconds.
        gap_s: f64,
    },
}

impl Reason {
    /// Whether the host's noise is to blame, rather than the target, the client or the scenario.
    #[must_use]
    pub fn is_host(&self) -> bool {
        match self {
            Self::Steal { .. } | Self::ClockGap { .. } => true,
            Self::NothingMeasured
            | Self::Stopped { .. }
            | Self::NotAllSent { .. }
            | Self::TargetChanged { .. }
            | Self::ClientLimit { .. }
            | Self::ErrorShare { .. } => false,
        }
    }
}

/// Whether a run may be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "validity", content = "reasons")]
pub enum Validity {
    /// It may.
    Valid,
    /// It may not.
    Invalid(Vec<Reason>),
}

impl Validity {
    /// The reasons, none for a valid run.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Valid => &[],
            Self::Invalid(reasons) => reasons,
        }
    }

    /// Whether the run may be judged.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }

    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Invalid(_) => "INVALID",
        }
    }
}

/// Failed requests that a run may have: more, and its latencies are those of the survivors.
const ALLOWED_ERROR_SHARE: f64 = 0.01;

/// CPU time that the hypervisor may give to others. Less than this moved p95 by less than its
/// interval on shared machines; more, and tails are the neighbours'.
const ALLOWED_STEAL: f64 = 0.10;

/// Telemetry that must be there before steal is judged: the kernel counts it in hundredths of a
/// second, and over a moment two or three of them would decide.
const STEAL_NEEDS_S: f64 = 1.0;

/// A sampling thread that is this late was not merely unlucky with the scheduler: the machine
/// was suspended, the process stopped, or no core was to be had.
const ALLOWED_GAP_S: f64 = 1.0;

/// Says whether a run may be judged. The one place that does.
#[must_use]
pub fn assess(run: &Run) -> Validity {
    let reasons: Vec<Reason> = [
        stopped(run),
        nothing_measured(run),
        not_all_sent(run),
        error_share(run),
        target_changed(run),
        client_limit(run),
        steal(run),
        clock_gap(run),
    ]
    .into_iter()
    .flatten()
    .collect();
    match reasons.is_empty() {
        true => Validity::Valid,
        false => Validity::Invalid(reasons),
    }
}

fn stopped(run: &Run) -> Option<Reason> {
    match &run.ending {
        Ending::Completed => None,
        Ending::Interrupted => Some(Reason::Stopped { why: "interrupted".to_owned() }),
        Ending::Aborted(why) => Some(Reason::Stopped { why: why.clone() }),
    }
}

fn nothing_measured(run: &Run) -> Option<Reason> {
    (run.requests().succeeded == 0).then_some(Reason::NothingMeasured)
}

fn not_all_sent(run: &Run) -> Option<Reason> {
    let (planned, sent) = (run.head.case.planned_requests()?, run.requests().attempted);
    (sent < planned).then_some(Reason::NotAllSent { planned, sent })
}

fn error_share(run: &Run) -> Option<Reason> {
    let Requests { attempted, failed, .. } = run.requests();
    (failed as f64 > attempted as f64 * ALLOWED_ERROR_SHARE).then_some(Reason::ErrorShare {
        failed,
        attempted,
        allowed_percent: ALLOWED_ERROR_SHARE * 100.0,
    })
}

fn target_changed(run: &Run) -> Option<Reason> {
    let changes = run.after.as_ref()?.changes();
    (!changes.is_empty()).then(|| Reason::TargetChanged { what: changes.join(", ") })
}

fn client_limit(run: &Run) -> Option<Reason> {
    let is_ours = |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if failure.class == FailureClass::ClientLimit);
    let failed = run.measured().filter(|record| is_ours(&record.outcome)).count() as u64;
    (failed > 0).then_some(Reason::ClientLimit { failed })
}

fn steal(run: &Run) -> Option<Reason> {
    let (first, last) = (run.telemetry.first()?, run.telemetry.last()?);
    if last.at.seconds_since(first.at) < STEAL_NEEDS_S {
        return None;
    }
    let shares: Vec<f64> = run.telemetry.iter().filter_map(|sample| sample.steal).collect();
    let share = mean(&shares)?;
    (share > ALLOWED_STEAL).then_some(Reason::Steal { steal_percent: share * 100.0 })
}

fn clock_gap(run: &Run) -> Option<Reason> {
    let allowed = run.head.case.run.telemetry_interval_s + ALLOWED_GAP_S;
    run.telemetry
        .windows(2)
        .map(|pair| pair[1].at.seconds_since(pair[0].at))
        .filter(|gap| *gap > allowed)
        .reduce(f64::max)
        .map(|gap_s| Reason::ClockGap { gap_s })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::run::TargetAfter;
    use crate::run::TelemetrySample;
    use crate::summary::fixture;
    use crate::time::Offset;

    /// Two requests were planned, and two succeeded.
    fn clean() -> Run {
        fixture::run(vec![fixture::success(0), fixture::success(300)])
    }

    fn samples(every_ms: u64, count: u64, steal: f64) -> Vec<TelemetrySample> {
        let sample = |number| TelemetrySample {
            at: Offset(number * every_ms * 1_000_000),
            steal: Some(steal),
            ..TelemetrySample::default()
        };
        (0..count).map(sample).collect()
    }

    fn only_reason(run: &Run) -> Reason {
        match assess(run) {
            Validity::Invalid(mut reasons) if reasons.len() == 1 => reasons.remove(0),
            other => panic!("one reason was expected: {other:?}"),
        }
    }

    #[test]
    fn a_clean_run_is_valid() {
        let telemetry = samples(100, 20, 0.02);
        assert_eq!(assess(&Run { telemetry, ..clean() }), Validity::Valid);
    }

    #[test]
    fn a_run_that_was_stopped_is_not() {
        let run = Run { ending: Ending::Interrupted, ..clean() };
        assert!(matches!(only_reason(&run), Reason::Stopped { .. }));
    }

    #[test]
    fn a_run_that_sent_less_than_planned_is_not() {
        let run = fixture::run(vec![fixture::success(0)]);
        assert_eq!(only_reason(&run), Reason::NotAllSent { planned: 2, sent: 1 });
    }

    #[test]
    fn one_failure_in_a_hundred_may_be_and_two_may_not() {
        let with_failures = |failures: usize| {
            let mut run = fixture::run((0..100).map(|_| fixture::success(0)).collect());
            for record in &mut run.records[..failures] {
                record.outcome = Outcome::Failed(Failure::new(FailureClass::Status, "500"));
            }
            run
        };
        assert!(assess(&with_failures(1)).is_valid());
        assert!(matches!(only_reason(&with_failures(2)), Reason::ErrorShare { failed: 2, .. }));
        let Validity::Invalid(reasons) = assess(&with_failures(100)) else {
            panic!("nothing was measured");
        };
        assert!(reasons.contains(&Reason::NothingMeasured));
    }

    #[test]
    fn a_target_that_became_another_is_not_judged() {
        let mut after = TargetAfter::unchanged(clean().head.target);
        assert!(assess(&Run { after: Some(after.clone()), ..clean() }).is_valid());
        after.last.model = "another".to_owned();
        after.last.config.insert("only_known_later".to_owned(), 1.into());
        let changed = Run { after: Some(after), ..clean() };
        let Reason::TargetChanged { what } = only_reason(&changed) else { panic!("not changed") };
        assert!(what.ends_with("became `another`"), "{what}");
    }

    #[test]
    fn one_failure_of_ours_is_enough() {
        let mut run = fixture::run((0..200).map(|_| fixture::success(0)).collect());
        run.records[0].outcome = Outcome::Failed(Failure::new(FailureClass::ClientLimit, "24"));
        assert_eq!(only_reason(&run), Reason::ClientLimit { failed: 1 });
    }

    #[test]
    fn steal_counts_once_there_is_a_second_to_judge_it_by() {
        let stolen = Run { telemetry: samples(100, 20, 0.2), ..clean() };
        assert!(only_reason(&stolen).is_host());
        let short = Run { telemetry: samples(100, 5, 0.2), ..clean() };
        assert!(assess(&short).is_valid());
    }

    #[test]
    fn a_gap_between_samples_is_a_clock_that_jumped() {
        let suspended = Run { telemetry: samples(3_000, 2, 0.0), ..clean() };
        assert_eq!(only_reason(&suspended), Reason::ClockGap { gap_s: 3.0 });
        assert!(only_reason(&suspended).is_host());
    }
}
