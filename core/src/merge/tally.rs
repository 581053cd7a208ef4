//! Whether each request of a load is there exactly once.

use crate::case::Case;
use crate::record::{Phase, Record};
use crate::validity::Reason;
use crate::workload::{Shard, Workload};
use std::collections::BTreeMap;

/// Counts the records of an epoch as they come, in the order of the plan.
#[derive(Debug)]
pub struct Tally {
    expected: Expected,
    /// Requests of the warm-up by plan.
    warmup: u64,
    of: u32,
    /// Of each phase the request that came last: its trial and its number.
    last: BTreeMap<Phase, (Option<u32>, u64)>,
    /// Of a load that goes by time, how far each worker is in what it is dealt.
    dealt: BTreeMap<u32, u64>,
    faults: BTreeMap<Phase, Faults>,
}

/// Which numbers the measured requests of a load have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// All below this one.
    Below(u64),
    /// All below some number that nobody wrote down.
    Gapless,
    /// Those of the batches that each worker is dealt, as many as it had the time for.
    Dealt {
        /// Senders of the whole load.
        senders: u32,
        /// Requests of a batch.
        batch: u64,
    },
    /// Whatever was tried.
    Any,
}

/// The number that is due behind this one.
fn after(before: Option<u64>) -> u64 {
    before.map_or(0, |before| before.saturating_add(1))
}

/// What is wrong with the numbers of a phase.
#[derive(Debug, Default)]
struct Faults {
    missing: u64,
    first_missing: Option<u64>,
    twice: u64,
    first_twice: Option<u64>,
}

impl Tally {
    /// Of the case's requests, sent by `of` workers.
    #[must_use]
    pub fn of(case: &Case, of: u32) -> Self {
        Self {
            expected: Expected::of(case),
            warmup: u64::from(case.workload.warmup()),
            of: of.max(1),
            last: BTreeMap::new(),
            dealt: BTreeMap::new(),
            faults: BTreeMap::new(),
        }
    }

    /// Counts one more, which comes behind all others of its place in the plan.
    pub fn saw(&mut self, worker: u32, record: &Record) {
        let (phase, ordinal) = (record.phase, record.ordinal);
        let last = self.last.insert(phase, (record.trial, ordinal));
        let before = last.filter(|(trial, _)| *trial == record.trial).map(|(_, before)| before);
        if before == Some(ordinal) {
            self.faults.entry(phase).or_default().twice(ordinal);
            return;
        }
        let next = after(before);
        match (phase, self.expected) {
            (Phase::Warmup, _) => self.below(phase, next, ordinal, self.warmup),
            (Phase::Measured, Expected::Below(end)) => self.below(phase, next, ordinal, end),
            (Phase::Measured, Expected::Gapless) => self.skipped(phase, next, ordinal),
            (Phase::Measured, Expected::Dealt { senders, batch }) => {
                self.dealt_next(worker, Dealing { worker, of: self.of, senders, batch }, ordinal);
            }
            (Phase::Measured, Expected::Any) | (Phase::Probe, _) => {}
        }
    }

    /// What is wrong, once all were seen.
    #[must_use]
    pub fn reasons(mut self) -> Vec<Reason> {
        let next = |phase| after(self.last.get(&(phase)).map(|(_, ordinal)| *ordinal));
        let (warmed, measured) = (next(Phase::Warmup), next(Phase::Measured));
        self.skipped(Phase::Warmup, warmed, self.warmup);
        if let Expected::Below(end) = self.expected {
            self.skipped(Phase::Measured, measured, end);
        }
        let phases = [Phase::Warmup, Phase::Probe, Phase::Measured];
        let faults = &self.faults;
        phases
            .into_iter()
            .filter_map(|phase| Some((phase, faults.get(&(phase))?)))
            .flat_map(|(phase, faults)| faults.reasons(phase))
            .collect()
    }

    /// The next request, where all below `end` are to come and `next` is due.
    fn below(&mut self, phase: Phase, next: u64, ordinal: u64, end: u64) {
        self.skipped(phase, next, ordinal.min(end));
        if ordinal >= end {
            self.faults.entry(phase).or_default().twice(ordinal);
        }
    }

    /// Those from `from` on that are before `to` are not there.
    fn skipped(&mut self, phase: Phase, from: u64, to: u64) {
        if from < to {
            self.faults.entry(phase).or_default().missing(from, to - from);
        }
    }

    /// The next request of a worker that takes what it is dealt.
    fn dealt_next(&mut self, worker: u32, dealing: Dealing, ordinal: u64) {
        let nth = self.dealt.entry(worker).or_default();
        let faults = self.faults.entry(Phase::Measured).or_default();
        let Some(place) = dealing.place(ordinal) else {
            // It was another's to send, whose own row is then missed or there twice.
            faults.twice(ordinal);
            return;
        };
        if *nth < place {
            faults.missing(dealing.ordinal(*nth).unwrap_or(ordinal), place - *nth);
        }
        *nth = place.saturating_add(1);
    }
}

impl Expected {
    fn of(case: &Case) -> Self {
        match (&case.workload, case.planned_requests()) {
            (Workload::BreakingPoint(_), _) => Self::Any,
            (_, Some(planned)) => Self::Below(planned),
            (Workload::Closed(closed), None) => {
                Self::Dealt { senders: closed.concurrency, batch: u64::from(closed.batch.max(1)) }
            }
            (Workload::Open(_), None) => Self::Gapless,
        }
    }
}

impl Faults {
    fn missing(&mut self, first: u64, count: u64) {
        self.missing = self.missing.saturating_add(count);
        self.first_missing.get_or_insert(first);
    }

    fn twice(&mut self, ordinal: u64) {
        self.twice += 1;
        self.first_twice.get_or_insert(ordinal);
    }

    fn reasons(&self, phase: Phase) -> Vec<Reason> {
        let missing = self.first_missing.map(|first| Reason::RequestsMissing {
            phase,
            missing: self.missing,
            first,
        });
        let twice =
            self.first_twice.map(|first| Reason::RequestsTwice { phase, twice: self.twice, first });
        missing.into_iter().chain(twice).collect()
    }
}

/// What one worker is dealt of a closed loop, batch by batch ([`Shard::dealt`]), and back again.
#[derive(Debug, Clone, Copy)]
struct Dealing {
    worker: u32,
    of: u32,
    senders: u32,
    batch: u64,
}

impl Dealing {
    fn shard(self) -> Option<Shard> {
        Shard::new(self.worker, self.of)
    }

    /// The number of its `nth` request; `None` where it has no sender.
    fn ordinal(self, nth: u64) -> Option<u64> {
        let batch = self.shard()?.dealt(nth / self.batch, self.senders)?;
        Some(batch * self.batch + nth % self.batch)
    }

    /// Which of its requests a number is; `None` where it is another worker's.
    fn place(self, ordinal: u64) -> Option<u64> {
        let (batch, within) = (ordinal / self.batch, ordinal % self.batch);
        let senders = u64::from(self.senders);
        let (round, sender) = (batch.checked_div(senders)?, batch.checked_rem(senders)?);
        if sender % u64::from(self.of) != u64::from(self.worker) {
            return None;
        }
        let mine = self.shard()?.count(self.senders);
        let nth_batch = round.checked_mul(mine)?.checked_add(sender / u64::from(self.of))?;
        nth_batch.checked_mul(self.batch)?.checked_add(within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::fixture::{case, numbered};
    use crate::workload::{Arrivals, Closed, Open, Shape, Spacing};
    use proptest::prelude::*;

    fn reasons(
        case: &Case,
        of: u32,
        records: impl IntoIterator<Item = (u32, Record)>,
    ) -> Vec<Reason> {
        let mut tally = Tally::of(case, of);
        records.into_iter().for_each(|(worker, record)| tally.saw(worker, &record));
        tally.reasons()
    }

    fn measured(ordinals: impl IntoIterator<Item = u64>) -> Vec<(u32, Record)> {
        ordinals.into_iter().map(|ordinal| (0, numbered(ordinal))).collect()
    }

    fn counted(requests: u32) -> Case {
        case(Workload::closed(4, 1, requests, 0))
    }

    #[test]
    fn a_counted_load_has_every_number_below_its_count() {
        assert_eq!(reasons(&counted(9), 3, measured(0..9)), []);
        let phase = Phase::Measured;
        let missing = |missing, first| Reason::RequestsMissing { phase, missing, first };
        assert_eq!(reasons(&counted(9), 3, measured([0, 1, 4, 5, 6, 8])), [missing(3, 2)]);
        assert_eq!(reasons(&counted(9), 3, measured(0..7)), [missing(2, 7)]);
        assert_eq!(reasons(&counted(9), 3, measured([])), [missing(9, 0)]);
        let twice = Reason::RequestsTwice { phase, twice: 2, first: 3 };
        assert_eq!(reasons(&counted(5), 3, measured([0, 1, 2, 3, 3, 4, 4])), [twice]);
    }

    #[test]
    fn the_warm_up_is_looked_at_by_itself() {
        let warm = |ordinal| (0, Record { phase: Phase::Warmup, ..numbered(ordinal) });
        let case = case(Workload::closed(4, 1, 2, 3));
        let all = [0, 2].map(warm).into_iter().chain(measured(0..2));
        let missing = Reason::RequestsMissing { phase: Phase::Warmup, missing: 1, first: 1 };
        assert_eq!(reasons(&case, 2, all), [missing]);
    }

    #[test]
    fn an_open_loop_has_the_numbers_of_its_arrivals() {
        let shape = Shape::constant(20.0, 10.0);
        let arrivals = Arrivals::Rate { shape, spacing: Spacing::Poisson, requests: None };
        let case = case(Workload::Open(Open { arrivals, warmup: 0, max_in_flight: None }));
        let planned = case.planned_requests().unwrap();
        assert!(planned > 100);
        assert_eq!(reasons(&case, 3, measured(0..planned)), []);
        let found = reasons(&case, 3, measured(0..planned + 1));
        assert_eq!(
            found,
            [Reason::RequestsTwice { phase: Phase::Measured, twice: 1, first: planned }]
        );
        assert_eq!(reasons(&case, 3, measured(1..planned)).len(), 1);
    }

    fn timed(senders: u32, batch: u32) -> Case {
        case(Workload::Closed(Closed { batch, ..Closed::timed(senders, 10.0) }))
    }

    /// What workers send that each had the time for so many requests, in the order of the plan.
    fn sent(senders: u32, batch: u64, requests: &[u64]) -> Vec<(u32, Record)> {
        let of = requests.len() as u32;
        let mut all = Vec::new();
        for (worker, requests) in (0..).zip(requests) {
            let dealing = Dealing { worker, of, senders, batch };
            let mine = (0..*requests).map_while(|nth| dealing.ordinal(nth));
            all.extend(mine.map(|ordinal| (worker, numbered(ordinal))));
        }
        all.sort_by_key(|(_, record)| record.ordinal);
        all
    }

    #[test]
    fn of_a_timed_load_each_worker_has_what_it_was_dealt_without_a_gap() {
        let mut all = sent(5, 1, &[40, 7, 0]);
        assert_eq!(reasons(&timed(5, 1), 3, all.clone()), []);
        let lost = all.iter().position(|(worker, _)| *worker == 1).unwrap();
        let (_, record) = all.remove(lost);
        let first = record.ordinal;
        let missing = Reason::RequestsMissing { phase: Phase::Measured, missing: 1, first };
        assert_eq!(reasons(&timed(5, 1), 3, all), [missing]);
    }

    #[test]
    fn what_a_worker_was_not_dealt_is_one_too_many() {
        let mut all = sent(4, 1, &[6, 6]);
        all[3].0 = 0;
        let found = reasons(&timed(4, 1), 2, all);
        let first = 3;
        assert!(found.contains(&Reason::RequestsTwice { phase: Phase::Measured, twice: 1, first }));
        assert!(
            matches!(found[0], Reason::RequestsMissing { missing: 1, first: 3, .. }),
            "{found:?}"
        );
    }

    proptest! {
        #[test]
        fn what_is_dealt_is_had_back_and_is_nobody_elses(
            of in 1_u32..9, senders in 1_u32..20, batch in 1_u64..4, rounds in 0_u64..6
        ) {
            let most = rounds * u64::from(senders) * batch;
            let mut owners = vec![0; most as usize];
            for worker in 0..of {
                let dealing = Dealing { worker, of, senders, batch };
                let mine = (0..).map_while(|nth| dealing.ordinal(nth)).take_while(|it| *it < most);
                for (nth, ordinal) in (0..).zip(mine) {
                    prop_assert_eq!(dealing.place(ordinal), Some(nth));
                    owners[ordinal as usize] += 1;
                }
            }
            prop_assert!(owners.iter().all(|owners| *owners == 1), "{owners:?}");
        }

        #[test]
        fn nothing_is_said_of_workers_that_sent_what_they_were_dealt(
            senders in 1_u32..20, batch in 1_u64..4, requests in prop::collection::vec(0_u64..60, 1..6)
        ) {
            let case = timed(senders, batch as u32);
            let all = sent(senders, batch, &requests);
            prop_assert_eq!(reasons(&case, requests.len() as u32, all), []);
        }
    }
}
