//! The `[workload]` table of a scenario file: its keys, ranges and defaults, which of them belong to
//! which kind of load, and what they mean.

use super::cells::Cell;
use super::file::Tables;
use super::fit::Misfit;
use super::resolve::Refuse;
use crate::case::DriverKind;
use crate::diagnostic::Diagnostic;
use crate::workload::{self, Arrivals, BreakingPoint, Closed, Open, Shape};
use schemars::JsonSchema;
use serde::Deserialize;

/// How load is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LoadKind {
    /// Each worker sends its next batch when its last one is answered.
    #[default]
    Closed,
    /// Requests are due at a constant rate, evenly.
    Constant,
    /// Requests are due at a constant rate, as a Poisson process.
    Poisson,
    /// Requests are due at a constant rate, in bursts: gaps are gamma distributed.
    Gamma,
    /// Up from the base to the peak in a third of the time, a third there, and down again.
    Ramp,
    /// The base, a burst at the peak, and the base again: how long does recovery take?
    Spike,
    /// One level after the other, each for the same time.
    Steps,
    /// A day's course with its night and its two peaks, compressed: a soak under production load.
    Day,
    /// Requests are due when those of the data set's trace were.
    Trace,
    /// Looks for the most workers that the target sustains: doubled, then halved in between, and
    /// both ends confirmed.
    BreakingPoint,
}

impl LoadKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Constant => "constant",
            Self::Poisson => "poisson",
            Self::Gamma => "gamma",
            Self::Ramp => "ramp",
            Self::Spike => "spike",
            Self::Steps => "steps",
            Self::Day => "day",
            Self::Trace => "trace",
            Self::BreakingPoint => "breaking_point",
        }
    }
}

/// How arrivals spread around a rate that changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Spacing {
    /// As evenly as the rate allows.
    #[default]
    Even,
    /// As a Poisson process.
    Poisson,
}

/// When it is sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Workload {
    /// How load is made.
    pub(super) kind: LoadKind,
    /// Workers that send at the same time.
    #[schemars(range(min = 1, max = 10000))]
    pub(super) concurrency: u32,
    /// Workers of `ramp` and `spike` outside of the peak.
    #[schemars(range(min = 1, max = 10000))]
    pub(super) base_concurrency: u32,
    /// The most workers of `ramp`, `spike` and `day`; it makes them closed loops.
    #[schemars(range(min = 1, max = 10000))]
    pub(super) peak_concurrency: Option<u32>,
    /// The numbers of workers of `steps`; they make it a closed loop.
    pub(super) concurrency_steps: Vec<u32>,
    /// Requests that a worker releases at one instant.
    #[schemars(range(min = 1, max = 10000))]
    pub(super) batch: u32,
    /// Measured requests in all; 100 where neither they nor a duration are given. For `trace`: its first.
    #[schemars(range(min = 1, max = 10000000))]
    pub(super) requests: Option<u32>,
    /// Requests sent before, not measured.
    #[schemars(range(min = 0, max = 1000000))]
    pub(super) warmup: u32,
    /// How long requests are sent, seconds, instead of how many; 60 for loads whose level changes.
    #[schemars(range(max = 604800), extend("exclusiveMinimum" = 0))]
    pub(super) duration_s: Option<f64>,
    /// How long a worker waits between an answer and its next request, seconds.
    #[schemars(range(min = 0, max = 3600))]
    pub(super) think_time_s: f64,
    /// Requests per second.
    #[schemars(range(max = 100000), extend("exclusiveMinimum" = 0))]
    pub(super) rate: Option<f64>,
    /// Requests per second of `ramp` and `spike` outside of the peak; for `ramp` none where absent.
    #[schemars(range(max = 100000), extend("exclusiveMinimum" = 0))]
    pub(super) base_rate: Option<f64>,
    /// The highest rate of `ramp`, `spike` and `day`; it makes them open loops.
    #[schemars(range(max = 100000), extend("exclusiveMinimum" = 0))]
    pub(super) peak_rate: Option<f64>,
    /// The rates of `steps`; they make it an open loop.
    pub(super) rate_steps: Vec<f64>,
    /// How arrivals spread around the rate of `ramp`, `spike`, `steps` and `day`.
    pub(super) spacing: Spacing,
    /// Shape of the gaps of `gamma`: below 1 they come in bursts, 1 is Poisson, above it they are more even.
    #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
    pub(super) burstiness: f64,
    /// Length of a spike's burst, seconds; a tenth of the duration where absent.
    #[schemars(range(max = 604800), extend("exclusiveMinimum" = 0))]
    pub(super) burst_s: Option<f64>,
    /// How many times as fast as it was recorded a trace is sent.
    #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
    pub(super) speed: f64,
    /// Most requests of an open loop in flight; those above wait on our side, and are measured from when they were due.
    #[schemars(range(min = 1, max = 100000))]
    pub(super) max_in_flight: Option<u32>,
    /// Most workers that `breaking_point` tries.
    #[schemars(range(min = 1, max = 10000))]
    pub(super) max_concurrency: u32,
    /// How long `breaking_point` tries each level, seconds.
    #[schemars(range(max = 3600), extend("exclusiveMinimum" = 0))]
    pub(super) step_s: f64,
    /// How often `breaking_point` wants to see both ends: the level that holds and the one that does not.
    #[schemars(range(min = 1, max = 10))]
    pub(super) confirmations: u32,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            kind: LoadKind::Closed,
            concurrency: 1,
            base_concurrency: 1,
            peak_concurrency: None,
            concurrency_steps: Vec::new(),
            batch: 1,
            requests: None,
            warmup: 10,
            duration_s: None,
            think_time_s: 0.0,
            rate: None,
            base_rate: None,
            peak_rate: None,
            rate_steps: Vec::new(),
            spacing: Spacing::Even,
            burstiness: 1.0,
            burst_s: None,
            speed: 1.0,
            max_in_flight: None,
            max_concurrency: 200,
            step_s: 10.0,
            confirmations: 2,
        }
    }
}

/// Measured requests where a file says nothing.
const REQUESTS: u32 = 100;
/// Duration of a load whose level changes, where a file says nothing.
const DURATION_S: f64 = 60.0;
/// Length of a burst where a file says nothing, as a share of the whole.
const BURST: f64 = 0.1;
/// Most requests of one epoch that are planned: their times are held in memory.
const MOST_PLANNED: u64 = 10_000_000;

/// Whether `key` belongs to a kind of load.
pub(super) fn key_fits(key: &str, load: LoadKind) -> Result<(), Misfit> {
    use LoadKind::{
        BreakingPoint, Closed, Constant, Day, Gamma, Poisson, Ramp, Spike, Steps, Trace,
    };
    let kinds: &[LoadKind] = match key {
        "concurrency" => &[Closed],
        "base_concurrency" | "base_rate" => &[Ramp, Spike],
        "peak_concurrency" | "peak_rate" => &[Ramp, Spike, Day],
        "concurrency_steps" | "rate_steps" => &[Steps],
        "batch" => &[Closed],
        "requests" => &[Closed, Constant, Poisson, Gamma, Trace],
        "duration_s" => &[Closed, Constant, Poisson, Gamma, Ramp, Spike, Steps, Day],
        "think_time_s" => &[Closed, Ramp, Spike, Steps, Day],
        "rate" => &[Constant, Poisson, Gamma],
        "spacing" => &[Ramp, Spike, Steps, Day],
        "burstiness" => &[Gamma],
        "burst_s" => &[Spike],
        "speed" => &[Trace],
        "max_in_flight" => &[Constant, Poisson, Gamma, Ramp, Spike, Steps, Day, Trace],
        "max_concurrency" | "step_s" | "confirmations" => &[BreakingPoint],
        _ => return Ok(()),
    };
    match kinds.contains(&load) {
        true => Ok(()),
        false => {
            let names: Vec<String> =
                kinds.iter().map(|kind| format!("`{}`", kind.as_str())).collect();
            let why = format!(
                "belongs to a load of kind {}, and this is `{}`",
                names.join(", "),
                load.as_str()
            );
            Err(Misfit { why, decided_by: ("workload", "kind") })
        }
    }
}

/// Whether two keys say the same: how much is sent is counted or timed.
pub(super) fn say_the_same(one: &str, other: &str) -> bool {
    const HOW_MUCH: [&str; 2] = ["requests", "duration_s"];
    HOW_MUCH.contains(&one) && HOW_MUCH.contains(&other)
}

impl Workload {
    /// Measured requests of a closed loop; `None` where it goes by time.
    pub(super) fn counted(&self) -> Option<u32> {
        match (self.requests, self.duration_s) {
            (Some(requests), _) => Some(requests),
            (None, Some(_)) => None,
            (None, None) => Some(REQUESTS),
        }
    }

    fn duration(&self) -> f64 {
        self.duration_s.unwrap_or(DURATION_S)
    }

    /// Whether the level that changes is a number of workers.
    fn is_of_workers(&self) -> bool {
        self.peak_concurrency.is_some() || !self.concurrency_steps.is_empty()
    }

    /// The load that was written; of a rate that is not there nothing comes, which
    /// [`checks`] refuses.
    pub(super) fn resolve(&self) -> workload::Workload {
        match self.kind {
            LoadKind::Closed => workload::Workload::Closed(Closed {
                concurrency: self.concurrency,
                batch: self.batch,
                requests: self.counted(),
                warmup: self.warmup,
                duration_s: self.duration_s,
                think_time_s: self.think_time_s,
                shape: None,
            }),
            LoadKind::Constant => self.at_rate(workload::Spacing::Even),
            LoadKind::Poisson => self.at_rate(workload::Spacing::Poisson),
            LoadKind::Gamma => {
                self.at_rate(workload::Spacing::Gamma { burstiness: self.burstiness })
            }
            LoadKind::Ramp | LoadKind::Spike | LoadKind::Steps | LoadKind::Day => {
                match self.is_of_workers() {
                    true => self.workers(),
                    false => {
                        let spacing = match self.spacing {
                            Spacing::Even => workload::Spacing::Even,
                            Spacing::Poisson => workload::Spacing::Poisson,
                        };
                        let shape = self.shape();
                        self.open(Arrivals::Rate { shape, spacing, requests: None })
                    }
                }
            }
            LoadKind::Trace => {
                self.open(Arrivals::Trace { speed: self.speed, requests: self.requests })
            }
            LoadKind::BreakingPoint => workload::Workload::BreakingPoint(BreakingPoint {
                max_concurrency: self.max_concurrency,
                step_s: self.step_s,
                confirmations: self.confirmations,
                warmup: self.warmup,
            }),
        }
    }

    fn at_rate(&self, spacing: workload::Spacing) -> workload::Workload {
        let (rate, requests) = (self.rate.unwrap_or_default(), self.counted());
        let shape = Shape::constant(rate, self.duration_s.unwrap_or(1.0));
        self.open(Arrivals::Rate { shape, spacing, requests })
    }

    fn open(&self, arrivals: Arrivals) -> workload::Workload {
        let max_in_flight = self.max_in_flight;
        workload::Workload::Open(Open { arrivals, warmup: self.warmup, max_in_flight })
    }

    fn workers(&self) -> workload::Workload {
        let shape = self.shape();
        workload::Workload::Closed(Closed {
            warmup: self.warmup,
            think_time_s: self.think_time_s,
            shape: Some(shape.clone()),
            ..Closed::timed(shape.peak() as u32, self.duration())
        })
    }

    /// How the level goes, in workers or requests per second.
    fn shape(&self) -> Shape {
        let duration_s = self.duration();
        let (base, peak) = match self.peak_concurrency {
            Some(peak) => (f64::from(self.base_concurrency), f64::from(peak)),
            None => (self.base_rate.unwrap_or_default(), self.peak_rate.unwrap_or_default()),
        };
        match self.kind {
            LoadKind::Spike => {
                let burst_s = self.burst_s.unwrap_or(duration_s * BURST);
                Shape::spike(base, peak, burst_s, duration_s)
            }
            LoadKind::Steps => {
                let workers = self.concurrency_steps.iter().map(|workers| f64::from(*workers));
                let levels: Vec<f64> = workers.chain(self.rate_steps.iter().copied()).collect();
                Shape::steps(&levels, duration_s)
            }
            LoadKind::Day => Shape::day(peak, duration_s),
            LoadKind::Closed
            | LoadKind::Constant
            | LoadKind::Poisson
            | LoadKind::Gamma
            | LoadKind::Ramp
            | LoadKind::Trace
            | LoadKind::BreakingPoint => Shape::ramp(base, peak, duration_s),
        }
    }

    /// About as many measured requests as one epoch has; `None` where time or a trace decides.
    pub(super) fn expected(&self) -> Option<u64> {
        self.resolve().expected()
    }
}

/// When requests are sent; those of an offline batch all at one instant.
pub(super) fn workload(driver: DriverKind, tables: &Tables) -> workload::Workload {
    let written = &tables.workload;
    match driver {
        DriverKind::Batch => {
            let requests = written.requests.unwrap_or(REQUESTS);
            workload::Workload::closed(1, requests, requests, 0)
        }
        DriverKind::Auto
        | DriverKind::Embedded
        | DriverKind::Openai
        | DriverKind::Ollama
        | DriverKind::Simulated
        | DriverKind::Flat
        | DriverKind::FlatQ4
        | DriverKind::IvfSq8
        | DriverKind::Hnsw
        | DriverKind::Pgvector
        | DriverKind::Redis
        | DriverKind::VectorHttp
        | DriverKind::Custom => written.resolve(),
    }
}

/// What keeps the keys of a load from making one.
pub(super) fn checks(cell: &Cell<'_>, load: &Workload, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let at_once = u64::from(load.batch) * u64::from(load.concurrency);
    let counted = load.counted().map_or(u64::MAX, u64::from);
    let kind = load.kind.as_str();
    let fault = match load.kind {
        LoadKind::Closed if at_once > counted => {
            let message = format!(
                "{counted} requests cannot fill {} workers with batches of {}",
                load.concurrency, load.batch
            );
            let keys =
                [("workload", "requests"), ("workload", "batch"), ("workload", "concurrency")];
            Some(refuse(&keys, message).help(format!("plan at least {at_once} requests")))
        }
        LoadKind::Constant | LoadKind::Poisson | LoadKind::Gamma if load.rate.is_none() => {
            let message = format!("a load of kind `{kind}` needs a rate");
            Some(
                refuse(&[("workload", "kind")], message)
                    .help("write `rate = 10`, requests per second"),
            )
        }
        LoadKind::Ramp | LoadKind::Spike | LoadKind::Day => peaks(load, refuse),
        LoadKind::Steps => steps(load, refuse),
        LoadKind::Closed
        | LoadKind::Constant
        | LoadKind::Poisson
        | LoadKind::Gamma
        | LoadKind::Trace
        | LoadKind::BreakingPoint => None,
    };
    fault.or_else(|| of_workers_only(cell, load, refuse)).or_else(|| too_many(load, refuse))
}

/// A load that changes has one peak, in workers or in requests per second, above its base.
fn peaks(load: &Workload, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let keys = [("workload", "peak_rate"), ("workload", "peak_concurrency")];
    let kind = load.kind.as_str();
    let base = match (load.peak_concurrency, load.peak_rate) {
        (Some(_), Some(_)) => {
            let message = "the peak is a rate or a number of workers, not both".to_owned();
            return Some(refuse(&keys, message));
        }
        (None, None) => {
            let message = format!("a load of kind `{kind}` needs a peak");
            let help =
                "write `peak_concurrency = 50` (workers) or `peak_rate = 50` (requests per second)";
            return Some(refuse(&[("workload", "kind")], message).help(help));
        }
        (Some(peak), None) => (f64::from(load.base_concurrency), f64::from(peak)),
        (None, Some(_)) if load.kind == LoadKind::Spike && load.base_rate.is_none() => {
            let message = "a spike needs requests before and after it, too".to_owned();
            return Some(refuse(&keys, message).help("write `base_rate = 2`, requests per second"));
        }
        (None, Some(peak)) => (load.base_rate.unwrap_or_default(), peak),
    };
    if load.kind == LoadKind::Day {
        return None;
    }
    if base.0 >= base.1 {
        let message = format!("the peak {} is not above the base {}", base.1, base.0);
        return Some(refuse(&keys, message));
    }
    let burst_s = load.burst_s.unwrap_or_default();
    (burst_s >= load.duration()).then(|| {
        let message = format!("a burst of {burst_s} s leaves nothing of {} s", load.duration());
        refuse(&[("workload", "burst_s"), ("workload", "duration_s")], message)
    })
}

fn steps(load: &Workload, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let workers = &load.concurrency_steps;
    let keys = [("workload", "rate_steps"), ("workload", "concurrency_steps")];
    if workers.is_empty() == load.rate_steps.is_empty() {
        let message = "steps are rates or numbers of workers, one of both".to_owned();
        let help = "write `concurrency_steps = [1, 5, 10]` or `rate_steps = [1, 5, 10]`";
        return Some(refuse(&[keys[0], keys[1], ("workload", "kind")], message).help(help));
    }
    let rates = load.rate_steps.iter();
    let is_wrong = |level: f64| !(level.is_finite() && level > 0.0 && level <= 100_000.0);
    let wrong =
        workers.iter().map(|it| f64::from(*it)).chain(rates.copied()).find(|it| is_wrong(*it));
    wrong.map(|level| refuse(&keys, format!("{level} is no level, expected above 0 to 100000")))
}

/// Keys that belong to workers have no place in a load by rates, and the other way round.
fn of_workers_only(cell: &Cell<'_>, load: &Workload, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let changes =
        matches!(load.kind, LoadKind::Ramp | LoadKind::Spike | LoadKind::Steps | LoadKind::Day);
    let (strangers, why): (&[&str], &str) = match (changes, load.is_of_workers()) {
        (false, _) => return None,
        (true, true) => (&["base_rate", "spacing", "max_in_flight"], "a load by workers has no"),
        (true, false) => (&["base_concurrency", "think_time_s"], "a load by rates has no"),
    };
    let mut written = strangers.iter().filter(|key| cell.place("workload", key).is_some());
    written.next().map(|key| refuse(&[("workload", key)], format!("{why} `{key}`")))
}

fn too_many(load: &Workload, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let expected = load.expected().filter(|expected| *expected > MOST_PLANNED)?;
    let message =
        format!("{expected} requests are more than the {MOST_PLANNED} that an epoch may have");
    Some(refuse(&[("workload", "duration_s"), ("workload", "kind")], message))
}
