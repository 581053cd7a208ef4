//! Why a run may not be judged.

use crate::metric::MetricRef;
use crate::record::Phase;
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
    /// Workers of a load in parts left nothing.
    #[error(
        "of {of} workers, number {workers} left nothing here: their part of the load is not there"
    )]
    WorkerMissing {
        /// Their numbers; of many, the first.
        workers: String,
        /// How many there should be.
        of: u32,
    },
    /// Workers of a load in parts began and left no end.
    #[error(
        "of {of} workers, number {workers} began and left no end: killed, or without a way to their results' place"
    )]
    WorkerKilled {
        /// Their numbers, with their attempts; of many, the first.
        workers: String,
        /// How many there should be.
        of: u32,
    },
    /// A part of a load was sent by two processes.
    #[error(
        "worker {worker} was started more than once (attempts {attempts}): the target had its part of the load as often"
    )]
    StartedTwice {
        /// Which, from 0.
        worker: u32,
        /// The attempts' names.
        attempts: String,
    },
    /// A worker is of another version than most.
    #[error(
        "worker {worker} (attempt {attempt}) is tokgate {version}, and most are {usual}: start all of them from one"
    )]
    OtherVersion {
        /// Which, from 0.
        worker: u32,
        /// Its attempt's name.
        attempt: String,
        /// Its version and protocol.
        version: String,
        /// Those of most workers.
        usual: String,
    },
    /// A worker sent a part of another load.
    #[error(
        "worker {worker} (attempt {attempt}) sent a part of another load, {what}: it was left out"
    )]
    OtherPlan {
        /// Which, from 0.
        worker: u32,
        /// Its attempt's name.
        attempt: String,
        /// What it was asked, in words.
        what: String,
    },
    /// A worker measured another target than those before it.
    #[error("worker {worker} measured another target: {what}")]
    OtherTarget {
        /// Which, from 0.
        worker: u32,
        /// In words.
        what: String,
    },
    /// A worker's file is not as it was written.
    #[error(
        "{path} of worker {worker} cannot be used: {what}; remove it if it is there, put it again as the worker put \
         it (`tokgate export --parts`, which replaces nothing), `tokgate rm` this run, and merge again"
    )]
    TornFile {
        /// Which, from 0.
        worker: u32,
        /// The file's place.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Requests of a load in parts are not there.
    #[error("{missing} {} not there, the first of them number {first}", requests(*missing, *phase))]
    RequestsMissing {
        /// Warm-up or measured.
        phase: Phase,
        /// How many.
        missing: u64,
        /// The number of the first.
        first: u64,
    },
    /// Requests of a load in parts are there more often than once.
    #[error("{twice} {} there more than once, or of no worker's part, the first of them number {first}", requests(*twice, *phase))]
    RequestsTwice {
        /// Warm-up or measured.
        phase: Phase,
        /// How many.
        twice: u64,
        /// The number of the first.
        first: u64,
    },
    /// Workers began after the others.
    #[error(
        "{workers} of the workers began late, worker {worker} by {late_s:.3} s; {allowed_s} s are allowed: start them earlier, or let the load begin later"
    )]
    StartedLate {
        /// How many.
        workers: u64,
        /// The latest, from 0.
        worker: u32,
        /// By how much, seconds.
        late_s: f64,
        /// Allowed, seconds.
        allowed_s: f64,
    },
    /// Two workers' clocks are apart, and each began by its own.
    #[error(
        "the clocks of workers {fast} and {slow} are {apart_s:.3} s apart or more; {allowed_s} s are allowed: set them by NTP"
    )]
    ClocksApart {
        /// Whose clock is the fastest.
        fast: u32,
        /// Whose is the slowest.
        slow: u32,
        /// By so much at least, seconds.
        apart_s: f64,
        /// Allowed, seconds.
        allowed_s: f64,
    },
    /// A worker's own part may not be judged.
    #[error("worker {worker}: {because}")]
    WorkerInvalid {
        /// Which, from 0.
        worker: u32,
        /// What it says.
        because: Box<Reason>,
    },
}

/// How requests of a phase are called.
fn requests(count: u64, phase: Phase) -> String {
    let (noun, are) = if count == 1 { ("request", "is") } else { ("requests", "are") };
    match phase {
        Phase::Warmup => format!("{noun} of the warm-up {are}"),
        Phase::Probe => format!("{noun} of the search {are}"),
        Phase::Measured => format!("{noun} {are}"),
    }
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
            Self::WorkerInvalid { because, .. } => because.is_host(),
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
            | Self::GpuLost { .. }
            | Self::WorkerMissing { .. }
            | Self::WorkerKilled { .. }
            | Self::StartedTwice { .. }
            | Self::OtherVersion { .. }
            | Self::OtherPlan { .. }
            | Self::OtherTarget { .. }
            | Self::TornFile { .. }
            | Self::RequestsMissing { .. }
            | Self::RequestsTwice { .. }
            | Self::StartedLate { .. }
            | Self::ClocksApart { .. } => false,
        }
    }
}
