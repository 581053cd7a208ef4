//! What to try next: from measured facts to one sentence of advice, with the numbers that it rests on.
//!
//! There is no advice without evidence, and none where there is nothing to say. Nothing is judged here:
//! whether a goal is met or a level holds is asked where that is decided.

mod load;
mod search;
mod serving;
#[cfg(test)]
mod tests;

use crate::metric::{Metric, MetricRef, Stat};
use crate::run::Run;
use crate::stress::Stress;
use crate::summary::{Stalls, Summary};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What the advice is about. The whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The server works on fewer requests than it is sent.
    BatchOccupancy,
    /// Throughput still grows with the load at the highest one.
    StillScaling,
    /// The wait for the first token is the prompt's.
    Prefill,
    /// Requests wait within the server.
    Queue,
    /// The key-value cache is too small.
    KvCache,
    /// A GPU with memory to spare.
    MemoryHeadroom,
    /// A host without any.
    MemoryShort,
    /// A GPU that is slowed down.
    Throttling,
    /// Stalls while requests are put back.
    StallsPreempted,
    /// The client is the limit.
    Client,
    /// Shared beginnings that are computed again and again.
    ColdPrefixes,
    /// Requests that were not waited for long enough.
    Timeouts,
    /// Latency to spare, and recall wanting.
    MoreCandidates,
    /// Recall to spare, and latency wanting.
    FewerCandidates,
}

impl About {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::BatchOccupancy,
        Self::StillScaling,
        Self::Prefill,
        Self::Queue,
        Self::KvCache,
        Self::MemoryHeadroom,
        Self::MemoryShort,
        Self::Throttling,
        Self::StallsPreempted,
        Self::Client,
        Self::ColdPrefixes,
        Self::Timeouts,
        Self::MoreCandidates,
        Self::FewerCandidates,
    ];

    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BatchOccupancy => "batch_occupancy",
            Self::StillScaling => "still_scaling",
            Self::Prefill => "prefill",
            Self::Queue => "queue",
            Self::KvCache => "kv_cache",
            Self::MemoryHeadroom => "memory_headroom",
            Self::MemoryShort => "memory_short",
            Self::Throttling => "throttling",
            Self::StallsPreempted => "stalls_preempted",
            Self::Client => "client",
            Self::ColdPrefixes => "cold_prefixes",
            Self::Timeouts => "timeouts",
            Self::MoreCandidates => "more_candidates",
            Self::FewerCandidates => "fewer_candidates",
        }
    }
}

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it is about.
    pub about: About,
    /// What was measured, with its numbers.
    pub evidence: String,
    /// What to try.
    pub suggestion: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.evidence, self.suggestion)
    }
}

/// What advice rests on: a case that was measured.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Its epochs, at least one.
    pub epochs: &'a [Run],
    /// What they say together.
    pub summary: &'a Summary,
    /// Where its streams stood still; absent where none did.
    pub stalls: Option<&'a Stalls>,
}

impl Facts<'_> {
    fn value(&self, metric: &'static Metric, stat: Stat) -> Option<f64> {
        self.summary.estimate(MetricRef { metric, stat }).map(|estimate| estimate.value)
    }

    fn scalar(&self, metric: &'static Metric) -> Option<f64> {
        self.value(metric, Stat::Value)
    }

    fn first(&self) -> Option<&Run> {
        self.epochs.first()
    }
}

/// The advice that a measured case gives, in the order of [`About`].
#[must_use]
pub fn advice(facts: &Facts<'_>) -> Vec<Advice> {
    let mut found: Vec<Advice> =
        serving::advice(facts).chain(load::advice(facts)).chain(search::advice(facts)).collect();
    found.sort_by_key(|advice| advice.about);
    found
}

/// The advice that several levels of load give together.
#[must_use]
pub fn on_levels(levels: &Stress) -> Option<Advice> {
    load::still_scaling(levels)
}

fn advise(about: About, evidence: String, suggestion: impl Into<String>) -> Option<Advice> {
    Some(Advice { about, evidence, suggestion: suggestion.into() })
}
