//! When requests are sent: the workload of a case, and what follows from it without a clock.
//!
//! A closed loop says how many workers there are, an open loop when each request is due
//! ([`Arrivals`]), a search for the breaking point how its levels are tried ([`Search`]). How a
//! level changes over time is the same noun for all ([`Shape`]).

mod arrivals;
mod search;
mod shape;
mod shard;

pub use arrivals::{Arrival, Arrivals, NoTimes, Spacing};
pub use search::{Boundary, Next, Search, Trial};
pub use shape::{Segment, Shape};
pub use shard::{NoShard, Shard};

use serde::{Deserialize, Serialize};

/// When requests are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Workload {
    /// Each worker sends its next batch when its last one is answered.
    Closed(Closed),
    /// Requests are sent when they are due, whether or not earlier ones are answered.
    Open(Open),
    /// Looks for the most workers that the target sustains.
    BreakingPoint(BreakingPoint),
}

/// A closed loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// Workers; the most there are at once, where `shape` says how many.
    pub concurrency: u32,
    /// Requests that a worker releases at one instant.
    pub batch: u32,
    /// Measured requests in all, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
    /// Requests sent before, not measured.
    pub warmup: u32,
    /// No request is sent after so many seconds; those in flight are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// How long a worker waits between an answer and its next request, seconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub think_time_s: f64,
    /// How many workers there are over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
}

/// An open loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// When requests are due.
    pub arrivals: Arrivals,
    /// Requests sent before, one after another, not measured.
    pub warmup: u32,
    /// Most requests in flight; those above wait on our side, and the wait is theirs: they are
    /// measured from when they were due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
}

/// A search for the breaking point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreakingPoint {
    /// Most workers that are tried.
    pub max_concurrency: u32,
    /// How long each level is tried, seconds.
    pub step_s: f64,
    /// How often the level that holds and the one that does not must show it.
    pub confirmations: u32,
    /// Requests sent before, not measured.
    pub warmup: u32,
}

impl BreakingPoint {
    /// The plan of its levels.
    #[must_use]
    pub fn search(&self) -> Search {
        Search { most: self.max_concurrency, confirmations: self.confirmations }
    }
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Closed {
    /// Workers that send a number of requests, one at a time.
    #[must_use]
    pub fn counted(concurrency: u32, batch: u32, requests: u32, warmup: u32) -> Self {
        Self {
            concurrency,
            batch,
            requests: Some(requests),
            warmup,
            duration_s: None,
            think_time_s: 0.0,
            shape: None,
        }
    }

    /// Workers that send for some seconds, one request at a time.
    #[must_use]
    pub fn timed(concurrency: u32, duration_s: f64) -> Self {
        let duration_s = Some(duration_s);
        Self { requests: None, duration_s, ..Self::counted(concurrency, 1, 0, 0) }
    }

    /// How many workers there are at a moment, seconds from the beginning; `None` once it is over.
    #[must_use]
    pub fn workers_at(&self, at_s: f64) -> Option<f64> {
        match (&self.shape, self.duration_s) {
            (Some(shape), _) => shape.level_at(at_s),
            (None, Some(duration_s)) if at_s >= duration_s => None,
            (None, _) => Some(f64::from(self.concurrency)),
        }
    }
}

impl Workload {
    /// A closed loop of a number of requests.
    #[must_use]
    pub fn closed(concurrency: u32, batch: u32, requests: u32, warmup: u32) -> Self {
        Self::Closed(Closed::counted(concurrency, batch, requests, warmup))
    }

    /// Most requests in flight at once; `None` for an open loop without a cap.
    #[must_use]
    pub fn most_in_flight(&self) -> Option<u64> {
        self.most_in_flight_of(Shard::WHOLE)
    }

    /// The same of one part of the load.
    #[must_use]
    pub fn most_in_flight_of(&self, shard: Shard) -> Option<u64> {
        let batch = match self {
            Self::Closed(closed) => closed.batch,
            Self::Open(_) | Self::BreakingPoint(_) => 1,
        };
        Some(shard.count(self.concurrency()?) * u64::from(batch))
    }

    /// Workers that send at the same time; the most, where there are more or less. `None` for an
    /// open loop without a cap.
    #[must_use]
    pub fn concurrency(&self) -> Option<u32> {
        match self {
            Self::Closed(closed) => Some(closed.concurrency),
            Self::Open(open) => open.max_in_flight,
            Self::BreakingPoint(search) => Some(search.max_concurrency),
        }
    }

    /// Requests that are sent before anything is measured.
    #[must_use]
    pub fn warmup(&self) -> u32 {
        match self {
            Self::Closed(closed) => closed.warmup,
            Self::Open(open) => open.warmup,
            Self::BreakingPoint(search) => search.warmup,
        }
    }

    /// How the level of the load goes over time, where it does.
    #[must_use]
    pub fn shape(&self) -> Option<&Shape> {
        match self {
            Self::Closed(closed) => closed.shape.as_ref(),
            Self::Open(Open { arrivals: Arrivals::Rate { shape, .. }, .. }) => Some(shape),
            Self::Open(Open { arrivals: Arrivals::Trace { .. }, .. }) | Self::BreakingPoint(_) => {
                None
            }
        }
    }

    /// Whether requests are sent when they are due and not when earlier ones are answered.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// Measured requests by plan, with the seed of the run and the requests of the case's file;
    /// `None` where time decides how many they are.
    #[must_use]
    pub fn planned(&self, seed: u64, entries: Option<u64>) -> Option<u64> {
        match self {
            Self::Closed(closed) => closed.requests.map(u64::from),
            Self::Open(Open { arrivals: Arrivals::Trace { requests, .. }, .. }) => {
                let asked = requests.map(u64::from);
                asked.into_iter().chain(entries).min()
            }
            Self::Open(open) => {
                let planned = open.arrivals.plan(seed, &[], Shard::WHOLE).unwrap_or_default();
                Some(planned.len() as u64)
            }
            Self::BreakingPoint(_) => None,
        }
    }

    /// About as many measured requests as there will be, without planning each of them: the mean,
    /// where they are random. `None` where time or a trace decides.
    #[must_use]
    pub fn expected(&self) -> Option<u64> {
        match self {
            Self::Closed(closed) => closed.requests.map(u64::from),
            Self::Open(open) => open.arrivals.expected(),
            Self::BreakingPoint(_) => None,
        }
    }

    /// How long the load lasts by plan, seconds; `None` where the target decides.
    #[must_use]
    pub fn duration_s(&self) -> Option<f64> {
        match self {
            Self::Closed(closed) => {
                closed.shape.as_ref().map(Shape::duration_s).or(closed.duration_s)
            }
            Self::Open(open) => open.arrivals.duration_s(),
            Self::BreakingPoint(_) => None,
        }
    }
}
