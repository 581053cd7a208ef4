//! What the load says: a client that is the limit, requests that were given up, levels that still grow.

use super::{About, Advice, Facts, advise};
use crate::metric;
use crate::record::{Outcome, Record};
use crate::run::Run;
use crate::stress::Stress;
use crate::unit::Unit;

/// A thread of ours that is busier than this has queues of its own.
const BUSY: f64 = 0.8;
/// Requests given up from which on the deadline decides what is measured: one in twenty.
const MANY: f64 = 0.05;
/// Throughput that grows by this share of what more workers would bring if nothing were in their way is
/// still growing.
const GROWS: f64 = 0.5;

pub(super) fn advice(facts: &Facts<'_>) -> impl Iterator<Item = Advice> {
    [client(facts), timeouts(facts)].into_iter().flatten()
}

fn client(facts: &Facts<'_>) -> Option<Advice> {
    let busy = facts.scalar(&metric::CLIENT_BUSY).filter(|busy| *busy > BUSY)?;
    advise(
        About::Client,
        format!("our own thread was busy {} of the time", Unit::Ratio.show(busy)),
        "measure from a faster machine, or from several: the target may take more than this",
    )
}

fn is_timeout(record: &Record) -> bool {
    matches!(&record.outcome, Outcome::Failed(failure) if failure.class.is_timeout())
}

/// Requests that timed out or were cut off by the end of the run.
fn timeouts(facts: &Facts<'_>) -> Option<Advice> {
    let requests = facts.summary.requests;
    let measured = facts.epochs.iter().flat_map(Run::measured);
    let timed_out = measured.filter(|record| is_timeout(record)).count() as u64;
    let given_up = timed_out + requests.incomplete;
    let is_many = given_up > 0 && given_up as f64 >= requests.attempted as f64 * MANY;
    is_many.then_some(())?;
    let evidence = format!(
        "{timed_out} of {} requests timed out, and {} were cut off by the end of the run",
        requests.attempted, requests.incomplete
    );
    let timeout_s = facts.first()?.head.case.run.timeout_s;
    let suggestion = format!(
        "wait longer than `run.timeout_s = {timeout_s}` or `target.deadlines`, or send less at once: what was given up is in no latency"
    );
    advise(About::Timeouts, evidence, suggestion)
}

/// The highest level that holds, where throughput still grew on the way there.
pub(super) fn still_scaling(found: &Stress) -> Option<Advice> {
    let mut levels: Vec<_> = found.levels.iter().filter(|tried| tried.holds).collect();
    levels.sort_by_key(|tried| tried.level.concurrency);
    levels.dedup_by_key(|tried| tried.level.concurrency);
    let [.., before, last] = levels.as_slice() else { return None };
    let highest = found.levels.iter().map(|tried| tried.level.concurrency).max()?;
    let (before, last) = (&before.level, &last.level);
    let reached_the_end = last.concurrency == highest && before.throughput > 0.0;
    let more = f64::from(last.concurrency) / f64::from(before.concurrency.max(1)) - 1.0;
    let gain = last.throughput / before.throughput - 1.0;
    (reached_the_end && gain >= more * GROWS).then_some(())?;
    let evidence = format!(
        "from {} to {} workers throughput still grew from {:.1} to {:.1} a second",
        before.concurrency, last.concurrency, before.throughput, last.throughput
    );
    let next = last.concurrency.saturating_mul(2);
    let suggestion = format!("the limit lies higher: measure with {next} workers, too");
    advise(About::StillScaling, evidence, suggestion)
}
