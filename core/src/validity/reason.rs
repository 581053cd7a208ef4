//! Why a run may not be judged.

use crate::metric::MetricRef;
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
    /// The load ended before its time.
    #[error("requests were sent for {lasted_s:.1} s of the {planned_s} s that were planned")]
    TooShort {
        /// From the first sent to the last end, seconds.
        lasted_s: f64,
        /// Planned, seconds.
        planned_s: f64,
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
    /// More streams ended without their end than may.
    #[error(
        "{truncated} of {attempted} streams ended without their end, more than {allowed_percent} %"
    )]
    Truncated {
        /// Cut off.
        truncated: u64,
        /// Attempted.
        attempted: u64,
        /// Allowed, percent.
        allowed_percent: f64,
    },
    /// A percentile that the scenario gates on has too few requests behind it.
    #[error("{n} requests are too few for {metric}, which is gated on: it needs {needed}")]
    TooFewSamples {
        /// Which.
        metric: MetricRef,
        /// There are.
        n: u64,
        /// Needed.
        needed: u64,
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
    /// Our own thread was the limit.
    #[error(
        "our own thread was busy {busy_percent:.0} % of the time: the client was measured; send less, or from a faster machine"
    )]
    ClientBusy {
        /// Share of the time, percent.
        busy_percent: f64,
    },
    /// Requests were sent long after they were due.
    #[error(
        "1 % of the requests were sent {lag_s:.3} s or more after they were due: this machine did not keep up with the load"
    )]
    SentLate {
        /// The 99th percentile, seconds.
        lag_s: f64,
    },
    /// The prompts came from the target's cache.
    #[error(
        "{cached_percent:.0} % of the prompts' tokens came from the target's cache, which the scenario does not ask for: restart the target, or write `shared_prefix_tokens`"
    )]
    Cached {
        /// Share of the tokens, percent.
        cached_percent: f64,
    },
    /// The target and our tokenizer count otherwise.
    #[error(
        "the target counts the tokens of {disagreeing} of {compared} answers otherwise than our tokenizer"
    )]
    CountsDisagree {
        /// Answers counted otherwise.
        disagreeing: u64,
        /// Answers that both counted.
        compared: u64,
    },
    /// Different prompts all had one answer.
    #[error(
        "all {answers} different prompts that were looked at had the same answer: a cache answers, or no model at all"
    )]
    SameAnswer {
        /// Answers looked at.
        answers: u64,
    },
    /// The hypervisor gave the CPU to others.
    #[error("the host's CPU was taken away {steal_percent:.0} % of the time")]
    Steal {
        /// Share of CPU time, percent.
        steal_percent: f64,
    },
    /// Other processes had the CPU.
    #[error("other processes took {percent:.0} % of this host's CPU time")]
    Neighbours {
        /// Share of CPU time, percent.
        percent: f64,
    },
    /// The sampler was not run for a while: the machine was suspended, stopped or overloaded.
    #[error("the clock jumped: nothing ran for {gap_s:.1} s")]
    ClockGap {
        /// Seconds.
        gap_s: f64,
    },
    /// The machine slept.
    #[error("the machine was suspended for {for_s:.1} s")]
    Suspended {
        /// Seconds.
        for_s: f64,
    },
    /// Someone set the clock.
    #[error("the wall clock was moved by {by_s:+.1} s")]
    ClockMoved {
        /// Seconds.
        by_s: f64,
    },
    /// Memory was short.
    #[error("{mib:.0} MiB were read back from swap")]
    Swapped {
        /// MiB.
        mib: f64,
    },
    /// Heat or hardware slowed a GPU down.
    #[error("GPU {gpu} was slowed down by {by} in {percent:.0} % of the samples")]
    Throttled {
        /// Which, from 0.
        gpu: u32,
        /// Its reasons.
        by: String,
        /// Share of the samples, percent.
        percent: f64,
    },
    /// A busy GPU's clock did not keep still.
    #[error(
        "the clock of GPU {gpu} spread over {percent:.0} % of its median while it was busy; lock it (`nvidia-smi -lgc`)"
    )]
    ClockSpread {
        /// Which, from 0.
        gpu: u32,
        /// 5th to 95th percentile as a share of the median, percent.
        percent: f64,
    },
    /// Another process was on a GPU.
    #[error("another process was on GPU {gpu}")]
    GpuShared {
        /// Which, from 0.
        gpu: u32,
    },
    /// A GPU stopped answering.
    #[error("GPU {gpu} was lost while measuring; `dmesg | grep Xid` says why")]
    GpuLost {
        /// Which, from 0.
        gpu: u32,
    },
}

impl Reason {
    /// Whether it says how much was sent: what one part of a load sends tells nothing of the whole.
    #[must_use]
    pub fn is_amount(&self) -> bool {
        matches!(
            self,
            Self::NothingMeasured
                | Self::NotAllSent { .. }
                | Self::TooShort { .. }
                | Self::TooFewSamples { .. }
        )
    }

    /// Whether the host's noise is to blame, rather than the target, the client or the scenario.
    #[must_use]
    pub fn is_host(&self) -> bool {
        match self {
            Self::Steal { .. }
            | Self::Neighbours { .. }
            | Self::ClockGap { .. }
            | Self::Suspended { .. }
            | Self::ClockMoved { .. }
            | Self::Swapped { .. } => true,
            Self::NothingMeasured
            | Self::Stopped { .. }
            | Self::NotAllSent { .. }
            | Self::TooShort { .. }
            | Self::ErrorShare { .. }
            | Self::Truncated { .. }
            | Self::TooFewSamples { .. }
            | Self::TargetChanged { .. }
            | Self::ClientLimit { .. }
            | Self::ClientBusy { .. }
            | Self::SentLate { .. }
            | Self::Cached { .. }
            | Self::CountsDisagree { .. }
            | Self::SameAnswer { .. }
            | Self::Throttled { .. }
            | Self::ClockSpread { .. }
            | Self::GpuShared { .. }
            | Self::GpuLost { .. } => false,
        }
    }
}
