//! What is seen of a run at one moment. Absent is what nobody knows.

use super::thin;
use serde::{Deserialize, Serialize};
use tokgate_core::alert::{Alert, Category, Rule};
use tokgate_core::goal::{Grade, Level};
use tokgate_core::run::{GpuSample, TelemetrySample};
use tokgate_core::verdict::Conclusion;

/// Version of the file. A change of its shape counts up.
pub const SCHEMA_VERSION: u32 = 1;

/// A run at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of the shape.
    pub schema_version: u32,
    /// The run.
    pub run_id: String,
    /// What is measured: the names of the scenarios.
    pub scenario: String,
    /// The machine's key.
    pub machine: String,
    /// Whether the machine is looked at alone, without a load.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// Which part of every load is sent here, as `1/3`, where others send the rest: of the whole nothing is
    /// said then, and no goal stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When the run began, microseconds since 1970.
    pub started_us: i64,
    /// Number of the snapshot, one more each time. A run that is gone on with goes on counting.
    pub seq: u64,
    /// When it was made, microseconds since 1970.
    pub at_us: i64,
    /// Whether the run goes on.
    pub state: State,
    /// How many cases there are.
    pub cases: Cases,
    /// What is measured now; absent before the first case and after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Now>,
    /// The last seconds.
    pub recent: Recent,
    /// The machine as it was seen last.
    pub telemetry: Telemetry,
    /// The goals of what is measured now, by all requests of the epoch so far.
    pub goals: Vec<Standing>,
    /// Requests that took far longer than the others, the newest last.
    pub spikes: Vec<Spike>,
    /// What was worth an alert in the epochs that have ended, the newest last.
    pub alerts: Vec<Raised>,
    /// The cases that have ended, in their order.
    pub finished: Vec<Finished>,
    /// How the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Ended>,
    /// How it went, one point a snapshot, the newest last: each of the last two minutes, and each tenth
    /// of those before.
    pub points: Vec<Point>,
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does.
    #[default]
    Running,
    /// Everything that was planned is done.
    Ended,
    /// It was stopped, or its process is gone; what was measured is kept.
    Interrupted,
}

/// How many cases there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cases {
    /// Planned; absent where nobody said.
    pub planned: Option<usize>,
    /// Begun.
    pub begun: usize,
    /// Measured to their end.
    pub done: usize,
    /// That could not be measured.
    pub unmeasured: usize,
}

/// What is measured now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Now {
    /// The case, by its whole name.
    pub case: String,
    /// The model, once it is known.
    pub model: String,
    /// What serves it, once it is known.
    pub platform: String,
    /// Which epoch, from 1.
    pub epoch: u32,
    /// How many epochs there are.
    pub epochs: u32,
    /// Which part of it.
    pub stage: Stage,
    /// Requests of the epoch.
    pub requests: Requests,
    /// Seconds since the epoch began.
    pub elapsed_s: f64,
}

/// Which part of an epoch is going on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The target is opened; a server may be starting, an index being built.
    #[default]
    Preparing,
    /// The target is being warmed up.
    Warmup,
    /// Levels of load are being tried.
    Probe,
    /// What counts.
    Measured,
}

impl Stage {
    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Warmup => "warmup",
            Self::Probe => "probe",
            Self::Measured => "measured",
        }
    }
}

/// Requests of an epoch. Those of the warm-up are in `in_flight` alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Planned; absent where time decides.
    pub planned: Option<u64>,
    /// Answered to the end.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Cut off.
    pub incomplete: u64,
    /// Sent, and not ended yet.
    pub in_flight: u64,
}

/// The last seconds, of requests that ended in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// How many seconds that is: fewer than nine since the beginning of an epoch, to the end of the
    /// newest request.
    pub seconds: f64,
    /// Successful requests a second; absent before the first of an epoch has ended, and between epochs.
    pub req_s: Option<f64>,
    /// Output tokens a second; absent where the target does not count them, too.
    pub tok_s: Option<f64>,
    /// Requests that failed.
    pub failed: u64,
    /// Time to first token.
    pub ttft_s: Option<Percentiles>,
    /// Time between tokens.
    pub itl_s: Option<Percentiles>,
    /// The whole request: an answer, or a query.
    pub e2e_s: Option<Percentiles>,
}

/// Two percentiles, in seconds, to two digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 95th.
    pub p95: f64,
    /// Samples.
    pub n: u64,
}

/// The machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Utilisation of the CPUs, 0 to 1.
    pub cpu: Option<f64>,
    /// Memory in use, bytes.
    pub memory_bytes: Option<u64>,
    /// Mean utilisation of the GPUs, 0 to 1.
    pub gpu: Option<f64>,
    /// Memory of all GPUs in use, bytes.
    pub gpu_memory_bytes: Option<u64>,
    /// Power of all GPUs, watts.
    pub gpu_power_w: Option<f64>,
    /// The hottest GPU, degrees Celsius.
    pub gpu_temperature_c: Option<f64>,
    /// Requests that the target works on, as it says itself.
    pub requests_running: Option<f64>,
    /// Requests that wait in the target.
    pub requests_waiting: Option<f64>,
    /// Share of the target's cache that is in use, 0 to 1.
    pub cache_use: Option<f64>,
}

impl Telemetry {
    /// What a sample says of the whole machine.
    #[must_use]
    pub fn of(sample: &TelemetrySample) -> Self {
        let known = |of: fn(&GpuSample) -> Option<f64>| {
            sample.gpus.iter().filter_map(of).collect::<Vec<f64>>()
        };
        let sum = |all: Vec<f64>| (!all.is_empty()).then(|| all.iter().sum::<f64>());
        let used: Vec<u64> = sample.gpus.iter().filter_map(|gpu| gpu.memory_bytes).collect();
        Self {
            cpu: sample.cpu,
            memory_bytes: sample.memory_bytes,
            gpu: tokgate_core::quantile::mean(&known(|gpu| gpu.utilization)),
            gpu_memory_bytes: (!used.is_empty()).then(|| used.iter().sum()),
            gpu_power_w: sum(known(|gpu| gpu.power_w)),
            gpu_temperature_c: known(|gpu| gpu.temperature_c).into_iter().reduce(f64::max),
            requests_running: sample.server.get("requests_running").copied(),
            requests_waiting: sample.server.get("requests_waiting").copied(),
            cache_use: sample.server.get("cache_use").copied(),
        }
    }
}

/// How a goal stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The case.
    pub case: String,
    /// The number, such as `ttft.p50`.
    pub metric: String,
    /// The line, in words.
    pub bound: String,
    /// The number so far, in words.
    pub shown: Option<String>,
    /// The number so far, in its unit; absent where it is known only once the case has ended.
    pub value: Option<f64>,
    /// How it stands; absent where the number is.
    pub level: Option<Level>,
    /// What to know about it.
    pub note: String,
}

/// A request that took far longer than the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spike {
    /// When it ended, microseconds since 1970.
    pub at_us: i64,
    /// Of what, by the metric's name.
    pub of: String,
    /// How long it took, seconds.
    pub value_s: f64,
    /// From where on it is called that, seconds.
    pub above_s: f64,
}

/// Something that was worth an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Raised {
    /// What was looked at.
    pub rule: Rule,
    /// What kind of trouble it is.
    pub category: Category,
    /// How bad it is.
    pub level: Level,
    /// The number or the part of the machine.
    pub of: String,
    /// What was seen.
    pub message: String,
    /// What to look at first.
    pub advice: String,
    /// The case.
    pub case: String,
    /// The model.
    pub model: String,
    /// When, microseconds since 1970.
    pub raised_us: i64,
}

impl Raised {
    /// An alert of an epoch that has ended.
    #[must_use]
    pub fn of(alert: &Alert, model: &str) -> Self {
        Self {
            rule: alert.rule,
            category: alert.category,
            level: alert.level,
            of: alert.of.clone(),
            message: alert.message.clone(),
            advice: alert.advice.to_owned(),
            case: alert.case.0.clone(),
            model: model.to_owned(),
            raised_us: alert.raised_us,
        }
    }
}

/// A case that has ended, by its final numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The case.
    pub case: String,
    /// The model.
    pub model: String,
    /// Why it was not measured; the rest is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// Whether it may be judged.
    pub valid: bool,
    /// Measured requests.
    pub attempted: u64,
    /// Those that failed.
    pub failed: u64,
    /// Successful requests a second.
    pub req_s: Option<f64>,
    /// Output tokens a second.
    pub tok_s: Option<f64>,
    /// Median time to first token, seconds.
    pub ttft_p50_s: Option<f64>,
    /// Median of the whole request, seconds.
    pub e2e_p50_s: Option<f64>,
    /// The goals.
    pub goals: Vec<Standing>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// The exit code of its process.
    pub exit: u8,
    /// What is said of the whole.
    pub conclusion: Conclusion,
    /// The grade.
    pub grade: Grade,
}

/// A moment of a run, for charts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The snapshot's number.
    pub seq: u64,
    /// When, microseconds since 1970.
    pub at_us: i64,
    /// Which case was measured, by its number from 1; 0 between cases.
    pub case: usize,
    /// Which part of it.
    pub stage: Stage,
    /// Sent, and not ended yet.
    pub in_flight: u64,
    /// The last seconds.
    pub recent: Recent,
    /// The machine.
    pub telemetry: Telemetry,
}

impl Snapshot {
    /// Adds the moment that the snapshot is of to its points.
    pub(super) fn add_point(&mut self) {
        let now = self.now.as_ref();
        self.points.push(Point {
            seq: self.seq,
            at_us: self.at_us,
            case: now.map_or(0, |_| self.cases.begun),
            stage: now.map_or(Stage::Preparing, |now| now.stage),
            in_flight: now.map_or(0, |now| now.requests.in_flight),
            recent: self.recent,
            telemetry: self.telemetry,
        });
        thin::keep(&mut self.points, |point| point.seq);
    }

    /// Whether nothing comes after it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.end.is_some() || self.state == State::Ended
    }

    /// The points after the one of this number, where none of those between is missing.
    #[must_use]
    pub fn since(&self, seq: u64) -> Option<&[Point]> {
        if seq >= self.seq {
            return (seq == self.seq).then_some(&[]);
        }
        let first = self.points.iter().position(|point| point.seq == seq + 1)?;
        let after = &self.points[first..];
        (after.len() as u64 == self.seq - seq).then_some(after)
    }

    /// Its points, which are the most of it, and what is left.
    #[must_use]
    pub fn split(mut self) -> (Vec<Point>, Self) {
        (std::mem::take(&mut self.points), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(from: u64, to: u64) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for seq in from..=to {
            snapshot.seq = seq;
            snapshot.add_point();
        }
        snapshot
    }

    #[test]
    fn whoever_comes_back_is_told_what_was_missed_without_gap_or_repeat() {
        let snapshot = snapshot(1, 500);
        let missed: Vec<u64> = snapshot.since(497).unwrap().iter().map(|point| point.seq).collect();
        assert_eq!(missed, [498, 499, 500]);
        assert_eq!(snapshot.since(500), Some(&[][..]));
        assert_eq!(snapshot.since(300), None, "of those before, some are gone");
        assert_eq!(snapshot.since(501), None, "it is of another run's counting");
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written() {
        let snapshot = snapshot(1, 3);
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
        assert_eq!(snapshot.split().0.len(), 3);
    }
}
