//! Whether a run may be judged at all, with the reasons why not.

use crate::quantile::mean;
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
    let (planned, sent) = (u64::from(run.head.case.workload.requests()), run.requests().attempted);
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

fn steal(run: &Run) -> Option<Reason> {
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
