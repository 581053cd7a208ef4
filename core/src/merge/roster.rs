//! Which processes make a run together, and what is wrong with who they are.

use super::attempt::{Attempt, Part};
use super::epoch::{Epoch, EpochKey, Taken};
use crate::validity::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// How late a worker may begin, seconds. A worker's start is late for all of its requests at once, so that what
/// the 99th percentile of `send_lag` may be by default (`[validity] send_lag_s`) is what a start may be.
pub const LATE_S: f64 = 0.05;
/// How far the clocks of two workers may be apart, seconds, beyond what is not known of them. Each begins by its
/// own clock, so that this is a late start that the worker itself cannot see.
const CLOCKS_APART_S: f64 = LATE_S;
/// Most workers that a reason names; the others are counted.
const NAMED: usize = 8;

/// The processes that make a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Roster<'a> {
    /// How many parts the load has.
    pub of: u32,
    /// The process of each part of which there is one with an end, by the number of its part.
    pub workers: Vec<&'a Attempt>,
    /// What is wrong with who they are; it spoils every epoch.
    pub reasons: Vec<Reason>,
}

/// What all workers of a run must have in common: what was planned, and in how many parts.
type Plan<'a> = (&'a str, u32);

impl<'a> Roster<'a> {
    /// Calls all processes of one run; `None` where there is none.
    ///
    /// Of two processes of one part, the one that has an end is taken, and of those the one whose name comes
    /// first: it is as good as the other, and the same one whenever it is asked.
    #[must_use]
    pub fn of(attempts: &'a [Attempt]) -> Option<Self> {
        let plan: Plan<'_> = most_common(attempts.iter().map(|it| (it.plan.as_str(), it.of)))?;
        let usual = most_common(attempts.iter().map(version))?;
        let (mut called, mut reasons) = (BTreeMap::<u32, Vec<&Attempt>>::new(), Vec::new());
        for attempt in attempts {
            match (attempt.plan.as_str(), attempt.of) == plan && attempt.worker < attempt.of {
                true => called.entry(attempt.worker).or_default().push(attempt),
                false => reasons.push(other_plan(attempt, plan.1)),
            }
            if version(attempt) != usual {
                reasons.push(other_version(attempt, usual));
            }
        }
        reasons.extend(missing(plan.1, &called));
        let (mut workers, mut killed) = (Vec::new(), Vec::new());
        for (worker, mut attempts) in called {
            attempts.sort_by_key(|attempt| (attempt.parts.is_none(), &attempt.name));
            reasons.extend(started_twice(worker, &attempts));
            match attempts.first() {
                Some(first) if first.parts.is_some() => workers.push(*first),
                Some(first) => killed.push(format!("{worker} (attempt {})", first.name)),
                None => {}
            }
        }
        let is_killed = !killed.is_empty();
        reasons
            .extend(is_killed.then(|| Reason::WorkerKilled { workers: named(killed), of: plan.1 }));
        reasons.extend(clocks_apart(&workers));
        Some(Self { of: plan.1, workers, reasons })
    }

    /// What the workers measured, epoch by epoch, in the order of the first worker that has it.
    #[must_use]
    pub fn epochs(&self) -> Vec<Epoch<'a>> {
        let parts = self
            .workers
            .iter()
            .flat_map(|worker| worker.measured().iter().map(|part| Taken { worker, part }));
        let (mut places, mut epochs) = (BTreeMap::new(), Vec::<Vec<Taken<'a>>>::new());
        for taken in parts {
            let place = *places.entry(EpochKey::of(&taken.part.head)).or_insert(epochs.len());
            if place == epochs.len() {
                epochs.push(Vec::new());
            }
            epochs[place].push(taken);
        }
        epochs.into_iter().map(|taken| Epoch::new(self, taken)).collect()
    }

    /// The workers of which an epoch has nothing although they have others.
    pub(super) fn without(&self, taken: &[Taken<'_>]) -> Option<Reason> {
        let there: BTreeSet<u32> = taken.iter().map(|it| it.worker.worker).collect();
        let known: BTreeSet<u32> = self.workers.iter().map(|it| it.worker).collect();
        let lacking: Vec<String> = known.difference(&there).map(ToString::to_string).collect();
        let is_lacking = !lacking.is_empty();
        is_lacking.then(|| Reason::WorkerMissing { workers: named(lacking), of: self.of })
    }
}

/// What comes most often; of several, what comes first.
fn most_common<T: Ord + Copy>(all: impl Iterator<Item = T> + Clone) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    all.clone().for_each(|one| *counts.entry(one).or_default() += 1);
    let most = counts.values().copied().max()?;
    all.into_iter().find(|one| counts.get(one) == Some(&most))
}

fn version(attempt: &Attempt) -> (&str, u32) {
    (&attempt.tokgate, attempt.protocol)
}

fn other_version(attempt: &Attempt, usual: (&str, u32)) -> Reason {
    let words = |(tokgate, protocol): (&str, u32)| format!("{tokgate}, protocol {protocol}");
    Reason::OtherVersion {
        worker: attempt.worker,
        attempt: attempt.name.clone(),
        version: words(version(attempt)),
        usual: words(usual),
    }
}

fn other_plan(attempt: &Attempt, of: u32) -> Reason {
    let what = match attempt.of == of {
        true => format!("the plan {}", attempt.plan),
        false => format!("a load in {} parts", attempt.of),
    };
    Reason::OtherPlan { worker: attempt.worker, attempt: attempt.name.clone(), what }
}

/// The workers of which there is nothing, of so many.
fn missing(of: u32, there: &BTreeMap<u32, Vec<&Attempt>>) -> Option<Reason> {
    // Nobody counts to what a stranger says that there are: so many are named, and the rest is a difference.
    let lacking = (of as usize).saturating_sub(there.len());
    let first = (0..of).filter(|worker| !there.contains_key(worker)).take(NAMED.min(lacking));
    let workers = counted(first.map(|it| it.to_string()).collect(), lacking);
    (lacking > 0).then_some(Reason::WorkerMissing { workers, of })
}

fn started_twice(worker: u32, attempts: &[&Attempt]) -> Option<Reason> {
    let names = attempts.iter().map(|attempt| attempt.name.clone()).collect();
    (attempts.len() > 1).then(|| Reason::StartedTwice { worker, attempts: named(names) })
}

/// The two workers whose clocks are the furthest apart, as far as that is sure.
fn clocks_apart(workers: &[&Attempt]) -> Option<Reason> {
    let clocks = || workers.iter().filter_map(|it| Some((it.worker, it.clock?)));
    let (fast, ahead) = clocks().max_by(|a, b| a.1.low().total_cmp(&b.1.low()))?;
    let (slow, behind) = clocks().min_by(|a, b| a.1.high().total_cmp(&b.1.high()))?;
    let apart_s = finite(ahead.low() - behind.high());
    let allowed_s = CLOCKS_APART_S;
    (apart_s > allowed_s).then_some(Reason::ClocksApart { fast, slow, apart_s, allowed_s })
}

/// Those workers of an epoch that began late.
pub(super) fn late(taken: &[Taken<'_>]) -> Option<Reason> {
    let late_s = |part: &Part| part.late_s.map(finite).filter(|late_s| *late_s > LATE_S);
    let late = || taken.iter().filter_map(|it| Some((it.worker.worker, late_s(it.part)?)));
    let (worker, late_s) = late().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Reason::StartedLate { workers: late().count() as u64, worker, late_s, allowed_s: LATE_S })
}

/// What is no number is not known to be within any bound; and a reason is kept as JSON, which has none of those.
fn finite(seconds: f64) -> f64 {
    if seconds.is_finite() { seconds } else { f64::MAX }
}

/// The first of some names, and how many more there are.
fn named(names: Vec<String>) -> String {
    let all = names.len();
    counted(names.into_iter().take(NAMED).collect(), all)
}

fn counted(first: Vec<String>, all: usize) -> String {
    let more = all.saturating_sub(first.len());
    let named = first.join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::Skew;
    use crate::merge::fixture::{attempt, attempts};

    fn reasons(attempts: &[Attempt]) -> Vec<Reason> {
        Roster::of(attempts).unwrap().reasons
    }

    fn told(attempts: &[Attempt]) -> String {
        let reasons = reasons(attempts);
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        reasons[0].to_string()
    }

    #[test]
    fn workers_that_are_all_there_have_nothing_wrong() {
        let all = attempts(8);
        let roster = Roster::of(&all).unwrap();
        assert_eq!((roster.of, roster.workers.len(), roster.reasons), (8, 8, Vec::new()));
        assert_eq!(Roster::of(&[]), None);
    }

    #[test]
    fn a_worker_that_is_missing_is_named_and_many_are_counted() {
        let mut all = attempts(8);
        all.remove(3);
        assert_eq!(reasons(&all), [Reason::WorkerMissing { workers: "3".to_owned(), of: 8 }]);
        let stranger = [attempt(0, u32::MAX)];
        assert!(told(&stranger).contains("and 4294967286 more"), "{}", told(&stranger));
        let alone = [attempt(0, 100)];
        assert!(told(&alone).contains("1, 2, 3, 4, 5, 6, 7, 8 and 91 more"), "{}", told(&alone));
    }

    #[test]
    fn one_that_began_and_left_no_end_was_killed_and_the_others_are_kept() {
        let mut all = attempts(3);
        all[1].parts = None;
        let roster = Roster::of(&all).unwrap();
        let workers = "1 (attempt attempt-1)".to_owned();
        assert_eq!(roster.reasons, [Reason::WorkerKilled { workers, of: 3 }]);
        assert_eq!(roster.workers.len(), 2);
    }

    #[test]
    fn one_that_was_started_twice_is_named_with_both_and_the_one_with_an_end_is_taken() {
        let mut all = attempts(2);
        all.push(Attempt { name: "again".to_owned(), parts: None, ..attempt(1, 2) });
        let roster = Roster::of(&all).unwrap();
        let attempts = "attempt-1, again".to_owned();
        assert_eq!(roster.reasons, [Reason::StartedTwice { worker: 1, attempts }]);
        assert_eq!(roster.workers[1].name, "attempt-1");
    }

    #[test]
    fn another_version_or_protocol_is_one_reason_and_its_data_is_kept() {
        let mut all = attempts(3);
        all[2].protocol = 9;
        assert!(told(&all).contains("1.0.0, protocol 9"), "{}", told(&all));
        all[2] = Attempt { tokgate: "2.0.0".to_owned(), ..attempt(2, 3) };
        assert!(matches!(reasons(&all)[..], [Reason::OtherVersion { worker: 2, .. }]));
        assert_eq!(Roster::of(&all).unwrap().workers.len(), 3);
    }

    #[test]
    fn what_was_planned_otherwise_is_left_out_whoever_it_says_it_is() {
        let mut all = attempts(3);
        all[0].plan = "another".to_owned();
        let roster = Roster::of(&all).unwrap();
        assert_eq!(roster.workers.len(), 2);
        assert!(matches!(roster.reasons[0], Reason::OtherPlan { worker: 0, .. }));
        let stranger = Attempt { worker: 7, ..attempt(0, 3) };
        let mut all = attempts(3);
        all.push(stranger);
        assert!(matches!(reasons(&all)[..], [Reason::OtherPlan { worker: 7, .. }]));
    }

    #[test]
    fn clocks_are_apart_by_what_is_sure() {
        let with = |skew_s: f64, uncertainty_s: f64| {
            let mut all = attempts(3);
            all[2].clock = Some(Skew { skew_s, uncertainty_s });
            reasons(&all)
        };
        assert_eq!(with(0.04, 0.0), []);
        assert_eq!(with(0.9, 1.0), []);
        assert!(matches!(with(-0.3, 0.1)[..], [Reason::ClocksApart { slow: 2, .. }]));
        assert!(matches!(with(0.3, 0.1)[..], [Reason::ClocksApart { fast: 2, .. }]));
        assert_eq!(with(f64::NAN, 0.0).len(), 1);
    }
}
