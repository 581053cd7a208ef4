//! A target that fails, hangs or is gone, and one that became worse than its baseline.

use super::Finding;
use super::rule::Rule;
use super::settings::Settings;
use crate::failure::FailureClass;
use crate::goal::{Bound, Level};
use crate::metric;
use crate::record::{Outcome, Record};
use crate::run::{Ending, Requests, Run};
use crate::time::Offset;
use crate::unit::Unit;
use crate::verdict::{Judged, Verdict};

/// Failures of an epoch from which on it is asked whether they become more.
const TELLING: u64 = 5;
/// How many standard deviations more of the failures must be in the second half than if they came
/// evenly: by luck that happens about once in fifty epochs.
const SIGMAS: f64 = 2.0;

/// What failures, endings and verdicts raise.
pub(super) fn findings(run: &Run, settings: &Settings, verdicts: &[Judged]) -> Vec<Finding> {
    let single = [error_rate(run, settings), aborted(run), gone(run), timeouts(run, settings)];
    let regressed = verdicts.iter().filter_map(regression);
    single.into_iter().flatten().chain(lost_gpus(run)).chain(regressed).collect()
}

/// The share that may fail: the goal's where the case has one.
fn allowed(run: &Run, settings: &Settings) -> f64 {
    let goal = run.head.case.goals.iter().find(|goal| goal.metric.metric == &metric::ERROR_RATE);
    goal.map_or(settings.error_rate, |goal| match goal.bound {
        Bound::AtLeast { value }
        | Bound::Above { value }
        | Bound::AtMost { value }
        | Bound::Below { value } => value,
        Bound::Within { high, .. } => high,
    })
}

/// More failures than may be is red; failures that become more while there are few is yellow.
fn error_rate(run: &Run, settings: &Settings) -> Option<Finding> {
    let Requests { attempted, failed, .. } = run.requests();
    let (rate, allowed) = (failed as f64 / attempted.max(1) as f64, allowed(run, settings));
    let halves = Halves::of(run).filter(Halves::rise);
    let level = match (rate > allowed, &halves) {
        (true, _) => Level::Red,
        (false, Some(_)) => Level::Yellow,
        (false, None) => return None,
    };
    let rising = halves.map_or_else(String::new, |halves| {
        format!(", {} in the first half and {} in the second", halves.first, halves.second)
    });
    Some(Finding {
        rule: Rule::ErrorRate,
        level,
        of: metric::ERROR_RATE.id.to_owned(),
        value: Some(rate),
        bound: Some(allowed),
        message: format!(
            "{failed} of {attempted} requests failed ({}){rising}; the line is {}",
            Unit::Ratio.show(rate),
            Unit::Ratio.show(allowed)
        ),
        at: first(run, |class| class.is_some()),
    })
}

/// Failures of the first and of the second half of the requests, in the order in which they ended.
struct Halves {
    first: u64,
    second: u64,
}

impl Halves {
    fn of(run: &Run) -> Option<Self> {
        let mut ended: Vec<&Record> = run.measured().collect();
        ended.sort_by_key(|record| record.done);
        let (first, second) = ended.split_at(ended.len() / 2);
        let failed = |records: &[&Record]| {
            records.iter().filter(|record| class(record).is_some()).count() as u64
        };
        let halves = Self { first: failed(first), second: failed(second) };
        (halves.first + halves.second >= TELLING).then_some(halves)
    }

    /// Of n failures that come evenly, n / 2 ± √n / 2 are in the second half.
    fn rise(&self) -> bool {
        let more = self.second as f64 - self.first as f64;
        more >= SIGMAS * ((self.first + self.second) as f64).sqrt()
    }
}

fn class(record: &Record) -> Option<FailureClass> {
    match &record.outcome {
        Outcome::Failed(failure) => Some(failure.class),
        Outcome::Success | Outcome::Incomplete => None,
    }
}

fn first(run: &Run, is: fn(Option<FailureClass>) -> bool) -> Option<Offset> {
    run.measured().filter(|record| is(class(record))).map(|record| record.done).min()
}

fn count(run: &Run, is: fn(Option<FailureClass>) -> bool) -> u64 {
    run.measured().filter(|record| is(class(record))).count() as u64
}

/// A run that was stopped by a person is no trouble; one that could not go on is.
fn aborted(run: &Run) -> Option<Finding> {
    let Ending::Aborted(why) = &run.ending else { return None };
    let message = format!("the epoch could not go on: {why}");
    Some(instability(Level::Red, "run", message, None))
}

fn is_gone(class: Option<FailureClass>) -> bool {
    matches!(class, Some(FailureClass::Connect | FailureClass::TargetOom | FailureClass::Engine))
}

/// The target refused connections, ran out of memory, or failed within.
fn gone(run: &Run) -> Option<Finding> {
    let at = first(run, is_gone)?;
    let (failed, all) = (count(run, is_gone), run.requests().attempted);
    let message = format!(
        "the target was gone, or out of memory, for {failed} of {all} requests, first {} into the epoch",
        Unit::Seconds.show(at.seconds())
    );
    Some(instability(Level::Red, "target", message, Some(at)))
}

fn is_timeout(class: Option<FailureClass>) -> bool {
    class.is_some_and(FailureClass::is_timeout)
}

/// One request that hung is yellow; more than may fail are red.
fn timeouts(run: &Run, settings: &Settings) -> Option<Finding> {
    let at = first(run, is_timeout)?;
    let (hung, all) = (count(run, is_timeout), run.requests().attempted);
    let is_many = hung as f64 > all as f64 * allowed(run, settings);
    let level = if is_many { Level::Red } else { Level::Yellow };
    let message = format!(
        "{hung} of {all} requests timed out, first {} into the epoch",
        Unit::Seconds.show(at.seconds())
    );
    Some(instability(level, "timeouts", message, Some(at)))
}

fn lost_gpus(run: &Run) -> impl Iterator<Item = Finding> {
    let samples = run.watched();
    let gpus = samples.iter().map(|sample| sample.gpus.len()).max().unwrap_or(0);
    (0..gpus).filter_map(move |gpu| {
        let is_lost = |gpus: &[crate::run::GpuSample]| gpus.get(gpu).is_some_and(|gpu| gpu.lost);
        let at = samples.iter().find(|sample| is_lost(&sample.gpus))?.at;
        let message = format!("GPU {gpu} stopped answering");
        Some(instability(Level::Red, &format!("gpu {gpu}"), message, Some(at)))
    })
}

fn instability(level: Level, of: &str, message: String, at: Option<Offset>) -> Finding {
    let (rule, of) = (Rule::Instability, of.to_owned());
    Finding { rule, level, of, value: None, bound: None, message, at }
}

/// What the judge said; nobody else says so. What is not proven is yellow.
fn regression(judged: &Judged) -> Option<Finding> {
    let level = match judged.verdict {
        Verdict::Regressed => Level::Red,
        Verdict::RegressedUnpaired => Level::Yellow,
        Verdict::Unchanged
        | Verdict::Improved
        | Verdict::Cleared
        | Verdict::New
        | Verdict::Inconclusive
        | Verdict::Underpowered
        | Verdict::InsufficientSamples
        | Verdict::Missing
        | Verdict::Incomparable
        | Verdict::Invalid => return None,
    };
    let compared = judged.comparison.as_ref();
    let moved = compared.map_or_else(String::new, |comparison| {
        let unit = comparison.metric.metric.unit;
        let [base, head] = [comparison.base, comparison.head].map(|side| unit.show(side.value));
        format!(" from {base} to {head}")
    });
    Some(Finding {
        rule: Rule::Regression,
        level,
        of: judged.metric.to_string(),
        value: compared.map(|comparison| comparison.head.value),
        bound: compared.map(|comparison| comparison.base.value),
        message: format!("{} {}{moved}: {}", judged.metric, judged.verdict.as_str(), judged.why),
        at: None,
    })
}
