//! What a target sustains: the levels of load it was put under, which of them hold, and where it
//! breaks. The one place that says "holds".

mod level;

pub use level::{Latency, Level, Span};

use crate::record::{Phase, Record};
use crate::run::Run;
use crate::workload::{Boundary, Next, Search, Trial, Workload};
use serde::Serialize;

/// Requests that may fail at a level that holds: as many as a run may have.
const ALLOWED_ERRORS: f64 = 0.01;
/// Share of the requests that must meet all objectives at a level that holds: what a promise about
/// the 95th percentile is.
const SUSTAINED_ATTAINMENT: f64 = 0.95;
/// Without objectives: a tail that is longer than that of one worker by more than this share has
/// degraded,
const DEGRADED: f64 = 0.3;
/// and by more than this many seconds, below which schedulers decide.
const DEGRADED_S: f64 = 0.005;
/// A degraded tail is still a fair price where more workers bring more throughput: at least this
/// share of what they would bring if nothing were in their way.
const WORTHWHILE: f64 = 0.5;

/// How sure it is where the target breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stability {
    /// Every trial agreed.
    Stable,
    /// The same level held in one trial and not in another.
    Unsteady,
    /// Everything that was tried holds: the breaking point lies higher.
    NotReached,
    /// Not even the lowest level holds.
    Overloaded,
}

impl Stability {
    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Unsteady => "unsteady",
            Self::NotReached => "not-reached",
            Self::Overloaded => "overloaded",
        }
    }
}

/// One level in the curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// What the target did.
    #[serde(flatten)]
    pub level: Level,
    /// Whether it sustained it.
    pub holds: bool,
}

/// What is known of what a target sustains.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stress {
    /// The most workers it sustains; 0 if not even the lowest level.
    pub max_sustainable: u32,
    /// The fewest above that it does not; `None` where none was found.
    pub breaks_at: Option<u32>,
    /// How sure that is.
    pub stability: Stability,
    /// Every trial, in the order of the load.
    pub levels: Vec<Tried>,
}

/// Whether a target sustains `level`: few errors, and its objectives met, where there are any.
/// Else no longer tail than that of one worker, or at least throughput for it: `below` are the
/// levels under it that hold.
#[must_use]
pub fn holds(level: &Level, below: &[&Level]) -> bool {
    if level.requests.succeeded == 0 || level.error_rate() > ALLOWED_ERRORS {
        return false;
    }
    match level.attainment {
        Some(share) => share >= SUSTAINED_ATTAINMENT,
        None => !has_degraded(level, below) || is_worthwhile(level, below),
    }
}

fn has_degraded(level: &Level, below: &[&Level]) -> bool {
    let lowest = below.iter().min_by_key(|level| level.concurrency);
    let tails = lowest.and_then(|lowest| lowest.tail()).zip(level.tail());
    tails.is_some_and(|(usual, tail)| tail > usual * (1.0 + DEGRADED) && tail > usual + DEGRADED_S)
}

fn is_worthwhile(level: &Level, below: &[&Level]) -> bool {
    let Some(next) = below.iter().max_by_key(|level| level.concurrency) else { return true };
    let more = f64::from(level.concurrency) / f64::from(next.concurrency.max(1)) - 1.0;
    level.throughput >= next.throughput * (1.0 + WORTHWHILE * more)
}

/// A search in progress, or had again from what is stored.
#[derive(Debug, Clone)]
pub struct Trials {
    search: Search,
    tried: Vec<Tried>,
}

impl Trials {
    /// Nothing tried yet.
    #[must_use]
    pub fn new(search: Search) -> Self {
        Self { search, tried: Vec::new() }
    }

    /// What is next.
    #[must_use]
    pub fn next(&self) -> Next {
        self.search.next(&trials(&self.tried))
    }

    /// Takes in a level that was tried.
    pub fn add(&mut self, level: Level) {
        let is_below = |tried: &&Tried| tried.holds && tried.level.concurrency < level.concurrency;
        let below: Vec<&Level> =
            self.tried.iter().filter(is_below).map(|tried| &tried.level).collect();
        let holds = holds(&level, &below);
        self.tried.push(Tried { level, holds });
    }

    /// The search of an epoch as it went; `None` if it was none.
    #[must_use]
    pub fn of(run: &Run) -> Option<Self> {
        let Workload::BreakingPoint(plan) = &run.head.case.workload else { return None };
        let mut trials = Self::new(plan.search());
        let probes: Vec<&Record> =
            run.records.iter().filter(|record| record.phase == Phase::Probe).collect();
        let numbers = probes.iter().filter_map(|record| record.trial).max().unwrap_or(0);
        for number in 0..=numbers {
            let records: Vec<&Record> =
                probes.iter().copied().filter(|record| record.trial == Some(number)).collect();
            let Some(span) = Span::of_trial(&records, plan.step_s) else { continue };
            // Each worker sends at once, so that the trial's number of workers can be counted.
            let workers = records.iter().map(|record| record.worker + 1).max().unwrap_or(0);
            trials.add(Level::of(workers, &records, span, &run.head.case.slos));
        }
        Some(trials)
    }

    /// What it found; of a search that was stopped, what is known so far.
    #[must_use]
    pub fn found(self) -> Stress {
        Stress::of(self.tried)
    }
}

fn trials(tried: &[Tried]) -> Vec<Trial> {
    tried.iter().map(Tried::trial).collect()
}

impl Tried {
    fn trial(&self) -> Trial {
        Trial { level: self.level.concurrency, holds: self.holds }
    }
}

impl Stress {
    /// From levels that were measured one by one, each a case of its own.
    #[must_use]
    pub fn of_levels(mut levels: Vec<Level>) -> Option<Self> {
        levels.sort_by_key(|level| level.concurrency);
        let most = levels.last()?.concurrency;
        let mut trials = Trials::new(Search { most, confirmations: 1 });
        levels.into_iter().for_each(|level| trials.add(level));
        Some(trials.found())
    }

    fn of(mut levels: Vec<Tried>) -> Self {
        let boundary = Boundary::of(&trials(&levels));
        levels.sort_by_key(|tried| tried.level.concurrency);
        let disagree = |one: &Tried, other: &Tried| {
            one.level.concurrency == other.level.concurrency && one.holds != other.holds
        };
        let stability = if boundary.holds == 0 {
            Stability::Overloaded
        } else if levels.windows(2).any(|pair| disagree(&pair[0], &pair[1])) {
            Stability::Unsteady
        } else if boundary.breaks.is_none() {
            Stability::NotReached
        } else {
            Stability::Stable
        };
        Self { max_sustainable: boundary.holds, breaks_at: boundary.breaks, stability, levels }
    }

    /// The levels that hold, each once, lowest first.
    #[must_use]
    pub fn stable_levels(&self) -> Vec<u32> {
        let within = |tried: &&Tried| tried.level.concurrency <= self.max_sustainable;
        let mut levels: Vec<u32> =
            self.levels.iter().filter(within).map(|tried| tried.level.concurrency).collect();
        levels.dedup();
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Requests;

    /// A level without failures; `ttft_ms` is its tail.
    fn level(concurrency: u32, throughput: f64, ttft_ms: f64) -> Level {
        let tail = Some(Latency { p50: ttft_ms / 1e3, p95: ttft_ms / 1e3 });
        let requests = Requests { attempted: 100, succeeded: 100, failed: 0, incomplete: 0 };
        Level { concurrency, requests, throughput, ttft: tail, e2e: tail, attainment: None }
    }

    #[test]
    fn a_longer_tail_is_a_fair_price_for_throughput_alone() {
        let (one, eight) = (level(1, 100.0, 50.0), level(8, 800.0, 52.0));
        let below = [&one, &eight];
        assert!(holds(&level(16, 800.0, 54.0), &below), "nothing became longer");
        assert!(holds(&level(16, 1250.0, 90.0), &below), "more than half of what it could bring");
        assert!(!holds(&level(16, 1150.0, 90.0), &below));
        assert!(!holds(&level(9, 800.0, 136.0), &below), "a queue");
    }

    #[test]
    fn errors_and_missed_objectives_hold_nothing() {
        let with = |failed, attainment| {
            let succeeded = 100 - failed;
            let requests = Requests { attempted: 100, succeeded, failed, incomplete: 0 };
            Level { requests, attainment, ..level(4, 100.0, 50.0) }
        };
        assert!(holds(&with(1, None), &[]) && !holds(&with(2, None), &[]));
        assert!(holds(&with(0, Some(0.95)), &[]) && !holds(&with(0, Some(0.94)), &[]));
        assert!(!holds(&with(100, None), &[]), "there is nothing left to be slow");
    }

    #[test]
    fn levels_that_were_asked_for_say_what_is_sustained() {
        let found = |levels: Vec<Level>| {
            let stress = Stress::of_levels(levels).unwrap();
            (stress.max_sustainable, stress.breaks_at, stress.stability, stress.stable_levels())
        };
        let levels = vec![level(10, 600.0, 160.0), level(1, 100.0, 50.0), level(5, 500.0, 51.0)];
        assert_eq!(found(levels), (5, Some(10), Stability::Stable, vec![1, 5]));
        let all = vec![level(1, 100.0, 50.0), level(5, 500.0, 51.0)];
        assert_eq!(found(all), (5, None, Stability::NotReached, vec![1, 5]));
        assert_eq!(Stress::of_levels(Vec::new()), None);
    }
}
