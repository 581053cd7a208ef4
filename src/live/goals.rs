//! How the goals of a case stand while it is measured: by what the requests of its epoch say so far. What
//! only a whole epoch says is not guessed.

use super::recent::{Times, gaps};
use super::snapshot::Standing;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::goal::{Goal, GoalResult, Level};
use tokgate_core::metric::{self, Stat};
use tokgate_core::record::{Outcome, Phase, Record};
use tokgate_core::summary::{Estimate, of_request, sample};
use tokgate_core::time::Offset;
use tokgate_core::unit::Unit;

/// Digits of a percentile that a goal is held against.
const DIGITS: u8 = 3;

/// The measured requests of an epoch so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    succeeded: u64,
    failed: u64,
    attempted: u64,
    tokens: Option<u64>,
    first_sent: Option<Offset>,
    last_done: Offset,
}

impl Totals {
    pub(super) fn add(&mut self, record: &Record) {
        if record.phase != Phase::Measured {
            return;
        }
        self.attempted += 1;
        self.first_sent = Some(self.first_sent.map_or(record.sent, |first| first.min(record.sent)));
        self.last_done = self.last_done.max(record.done);
        match record.outcome {
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Incomplete => {}
            Outcome::Success => {
                self.succeeded += 1;
                if let Some(usage) = &record.usage {
                    *self.tokens.get_or_insert_default() += usage.completion_tokens;
                }
            }
        }
    }

    /// From the first sent to the last end, seconds.
    fn window_s(&self) -> Option<f64> {
        let seconds = self.last_done.seconds_since(self.first_sent?);
        (seconds > 0.0).then_some(seconds)
    }

    /// One value an epoch, as far as it is known before its end.
    fn value(&self, id: &str) -> Option<f64> {
        let rate = |count: u64| Some(count as f64 / self.window_s()?);
        match id {
            id if id == metric::TOK_S.id => rate(self.tokens?),
            id if id == metric::REQ_S.id || id == metric::QPS.id => rate(self.succeeded),
            id if id == metric::ERROR_RATE.id => {
                (self.attempted > 0).then(|| self.failed as f64 / self.attempted as f64)
            }
            _ => None,
        }
    }
}

/// A goal with what is counted for it.
#[derive(Debug)]
pub(super) struct Followed {
    goal: Goal,
    times: Option<Times>,
}

/// The goals of a case, before anything was measured.
pub(super) fn of_case(case: &Case) -> Vec<Followed> {
    let followed = |goal: &Goal| {
        let metric = goal.metric.metric;
        let is_known = metric.id == metric::ITL.id || of_request(metric.id).is_some();
        let is_time = metric.unit == Unit::Seconds && goal.metric.stat != Stat::Value;
        let times = (is_known && is_time).then(|| Times::new(DIGITS));
        Followed { goal: goal.clone(), times }
    };
    case.goals.iter().map(followed).collect()
}

impl Followed {
    pub(super) fn add(&mut self, record: &Record) {
        let Some(times) = self.times.as_mut().filter(|_| record.counts()) else { return };
        match self.goal.metric.metric.id {
            id if id == metric::ITL.id => gaps(record).for_each(|gap| times.add(gap)),
            _ => sample(self.goal.metric.metric, record).into_iter().for_each(|it| times.add(it)),
        }
    }

    fn estimate(&self, totals: &Totals) -> Option<Estimate> {
        let stat = self.goal.metric.stat;
        let (value, n) = match (&self.times, stat) {
            (Some(times), Stat::Mean) => times.mean()?,
            (Some(times), stat) => times.quantile(stat.probability()?)?,
            (None, Stat::Value) => (totals.value(self.goal.metric.metric.id)?, totals.attempted),
            (None, _) => return None,
        };
        Some(Estimate { value, interval: None, n: usize::try_from(n).unwrap_or(usize::MAX) })
    }

    /// How it stands after so many requests.
    pub(super) fn standing(&self, case: &CaseId, totals: Option<&Totals>) -> Standing {
        let estimate = totals.and_then(|totals| self.estimate(totals));
        let stands = estimate.map(|estimate| self.goal.stands(&estimate));
        let (level, note) = match stands {
            Some((level, note)) => (Some(level), note),
            None if self.is_for_later() => (None, "known when the case has ended".to_owned()),
            None => (None, "nothing is measured yet".to_owned()),
        };
        standing(case, &self.goal, estimate.as_ref(), level, note)
    }

    fn is_for_later(&self) -> bool {
        let id = self.goal.metric.metric.id;
        let soon = [&metric::TOK_S, &metric::REQ_S, &metric::QPS, &metric::ERROR_RATE];
        self.times.is_none() && soon.iter().all(|metric| metric.id != id)
    }
}

/// How a goal stands in the end.
pub(super) fn told(case: &CaseId, result: &GoalResult) -> Standing {
    let note = result.note.clone();
    standing(case, &result.goal, result.estimate.as_ref(), Some(result.level), note)
}

fn standing(
    case: &CaseId,
    goal: &Goal,
    estimate: Option<&Estimate>,
    level: Option<Level>,
    note: String,
) -> Standing {
    let unit = goal.metric.metric.unit;
    Standing {
        case: super::progress::bounded(&case.0),
        metric: goal.metric.to_string(),
        bound: goal.bound.show(unit),
        shown: estimate.map(|estimate| unit.show(estimate.value)),
        value: estimate.map(|estimate| estimate.value),
        level,
        note,
    }
}
