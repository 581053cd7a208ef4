//! One epoch of a case as all workers measured it together.

use super::attempt::{Attempt, Part};
use super::machine::machine;
use super::roster::{Roster, late};
use super::shift::Shift;
use super::target::other_targets;
use crate::case::CaseId;
use crate::environment::Workers;
use crate::run::{Arm, ClientCost, Ending, Head, TargetAfter, TelemetrySample};
use crate::validity::{Reason, Validity};
use std::collections::BTreeSet;

/// What tells one epoch of a run from the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpochKey {
    /// The case.
    pub case: CaseId,
    /// Its side.
    pub arm: Arm,
    /// The number of the epoch.
    pub epoch: u32,
}

impl EpochKey {
    /// That of an epoch.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        Self { case: head.case.id.clone(), arm: head.arm, epoch: head.epoch }
    }
}

/// A part of an epoch, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Taken<'a> {
    /// The worker.
    pub worker: &'a Attempt,
    /// What it measured.
    pub part: &'a Part,
}

/// One epoch of a case, in parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch<'a> {
    /// The parts, by the number of their worker; at least one.
    pub taken: Vec<Taken<'a>>,
    /// How many parts there should be.
    pub of: u32,
    /// What spoils it, as far as the workers' own statements tell.
    pub reasons: Vec<Reason>,
}

impl<'a> Epoch<'a> {
    pub(super) fn new(roster: &Roster<'a>, taken: Vec<Taken<'a>>) -> Self {
        let mut epoch = Self { taken, of: roster.of, reasons: roster.reasons.clone() };
        epoch.reasons.extend(roster.without(&epoch.taken));
        epoch.reasons.extend(late(&epoch.taken));
        epoch.reasons.extend(other_targets(&epoch.taken));
        epoch
    }

    /// The part by which the epoch is called: that of the first worker, where it has one.
    #[must_use]
    pub fn first(&self) -> Taken<'a> {
        *self.taken.first().expect("an epoch has a part")
    }

    /// From the clock of a part to the one of all, on which the load begins where it does for the worker that
    /// was there longest before it; so nothing is before the beginning of that clock.
    #[must_use]
    pub fn shift(&self, part: &Part) -> Shift {
        let common = self.taken.iter().map(|it| it.part.origin_ns).max().unwrap_or_default();
        Shift::between(part.origin_ns, common).unwrap_or_default()
    }

    /// Who the epoch is: the first worker's, under a name of its own, on the machine that all hosts are
    /// together. `files` is the digest of what the run is merged from.
    #[must_use]
    pub fn head(&self, test_id: String, files: &str) -> Head {
        let Taken { part, .. } = self.first();
        let mut head = part.head.clone();
        let behind_us = i64::try_from(self.shift(part).ns() / 1000).unwrap_or_default();
        head.started_us = head.started_us.saturating_sub(behind_us);
        head.machine = machine(&self.taken).unwrap_or(head.machine);
        let others = self.taken.iter().map(|it| it.part.head.machine.0.clone());
        let machines: BTreeSet<String> = others.collect();
        let hosts: BTreeSet<&str> = self.taken.iter().map(|it| it.worker.host.as_str()).collect();
        head.environment.workers = Some(Workers {
            count: self.of,
            hosts: u32::try_from(hosts.len()).unwrap_or(u32::MAX),
            machines: machines.into_iter().collect(),
            files: files.to_owned(),
        });
        Head { test_id, ..head }
    }

    /// How it ended: as the worst of its parts did.
    #[must_use]
    pub fn ending(&self) -> Ending {
        let of = |wanted: fn(&Ending) -> bool| self.taken.iter().find(|it| wanted(&it.part.ending));
        let aborted = of(|ending| matches!(ending, Ending::Aborted(_)));
        let interrupted = of(|ending| *ending == Ending::Interrupted);
        match aborted.map(|it| (it.worker.worker, &it.part.ending)) {
            Some((worker, Ending::Aborted(why))) if self.of > 1 => {
                Ending::Aborted(format!("worker {worker}: {why}"))
            }
            Some((_, ending)) => ending.clone(),
            None => interrupted.map_or(Ending::Completed, |_| Ending::Interrupted),
        }
    }

    /// What the load cost the worker that it cost most: that one is the first that does not keep up.
    #[must_use]
    pub fn client(&self) -> Option<ClientCost> {
        let costs = self.taken.iter().filter_map(|it| it.part.client);
        costs.max_by(|a, b| a.busy().unwrap_or(0.0).total_cmp(&b.busy().unwrap_or(0.0)))
    }

    /// The target afterwards, as the first worker saw it.
    #[must_use]
    pub fn after(&self) -> Option<TargetAfter> {
        self.first().part.after.clone()
    }

    /// The first worker's machine, on the clock of all.
    #[must_use]
    pub fn telemetry(&self) -> Vec<TelemetrySample> {
        let Taken { part, .. } = self.first();
        let shift = self.shift(part);
        part.telemetry.iter().filter_map(|sample| shift.sample(sample)).collect()
    }

    /// Why it may not be judged, with what is said of the whole of it, and what was `found` while its records
    /// were put together. A worker's own reasons count where they are about its host or its target: what counts
    /// requests is asked of all of them, of which a worker has a part.
    #[must_use]
    pub fn validity(&self, whole: &Validity, found: Vec<Reason>) -> Validity {
        let known = whole.reasons();
        let first = self.first().worker.worker;
        let of_worker = |it: &Taken<'a>| {
            let worker = it.worker.worker;
            let is_known =
                move |reason: &Reason| worker == first && known.iter().any(|it| same(it, reason));
            let own = it.part.validity.reasons().iter();
            let own = own.filter(move |reason| is_of_part(reason) && !is_known(reason));
            own.map(move |reason| Reason::WorkerInvalid {
                worker,
                because: Box::new(reason.clone()),
            })
        };
        let of_workers = self.taken.iter().flat_map(of_worker);
        let all: Vec<Reason> = self
            .reasons
            .iter()
            .cloned()
            .chain(found)
            .chain(known.iter().cloned())
            .chain(of_workers)
            .collect();
        match all.is_empty() {
            true => Validity::Valid,
            false => Validity::Invalid(all),
        }
    }
}

fn same(one: &Reason, other: &Reason) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

/// Whether a reason is about a worker's own host or target, which the whole does not show.
fn is_of_part(reason: &Reason) -> bool {
    match reason {
        Reason::TargetChanged { .. }
        | Reason::Steal { .. }
        | Reason::Neighbours { .. }
        | Reason::ClockGap { .. }
        | Reason::Suspended { .. }
        | Reason::ClockMoved { .. }
        | Reason::Swapped { .. }
        | Reason::Throttled { .. }
        | Reason::ClockSpread { .. }
        | Reason::GpuShared { .. }
        | Reason::GpuLost { .. }
        | Reason::WorkerMissing { .. }
        | Reason::WorkerKilled { .. }
        | Reason::StartedTwice { .. }
        | Reason::OtherVersion { .. }
        | Reason::OtherPlan { .. }
        | Reason::OtherTarget { .. }
        | Reason::TornFile { .. }
        | Reason::StartedLate { .. }
        | Reason::ClocksApart { .. }
        | Reason::WorkerInvalid { .. } => true,
        // How the parts ended is how the whole did, and its client is the busiest of theirs.
        Reason::Stopped { .. }
        | Reason::ClientBusy { .. }
        | Reason::NothingMeasured
        | Reason::NotAllSent { .. }
        | Reason::TooShort { .. }
        | Reason::ErrorShare { .. }
        | Reason::Truncated { .. }
        | Reason::TooFewSamples { .. }
        | Reason::ClientLimit { .. }
        | Reason::SentLate { .. }
        | Reason::Cached { .. }
        | Reason::CountsDisagree { .. }
        | Reason::SameAnswer { .. }
        | Reason::RequestsMissing { .. }
        | Reason::RequestsTwice { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::fixture::{attempt, attempts};
    use crate::time::Offset;

    fn epoch(attempts: &[Attempt]) -> Epoch<'_> {
        let mut epochs = Roster::of(attempts).unwrap().epochs();
        assert_eq!(epochs.len(), 1);
        epochs.remove(0)
    }

    fn part(attempt: &mut Attempt) -> &mut Part {
        &mut attempt.parts.as_mut().unwrap()[0]
    }

    #[test]
    fn the_worker_that_was_there_longest_has_the_clock_of_all() {
        let mut all = attempts(3);
        part(&mut all[0]).telemetry = vec![TelemetrySample { at: Offset(5), ..Default::default() }];
        part(&mut all[0]).head.started_us = 10_000;
        let epoch = epoch(&all);
        let shifts: Vec<u64> = epoch.taken.iter().map(|it| epoch.shift(it.part).ns()).collect();
        assert_eq!(shifts, [2_000_000, 1_000_000, 0]);
        assert_eq!(epoch.telemetry()[0].at, Offset(2_000_005));
        assert_eq!(epoch.head("t".to_owned(), "f").started_us, 8_000);
    }

    #[test]
    fn the_head_says_of_how_many_workers_and_hosts_it_is() {
        let all = attempts(3);
        let head = epoch(&all).head("merged".to_owned(), "digest");
        let workers = head.environment.workers.unwrap();
        assert_eq!((workers.count, workers.hosts, workers.files.as_str()), (3, 3, "digest"));
        assert_eq!(
            (head.test_id.as_str(), head.machine.0.as_str()),
            ("merged", "cpu-2c-test-hosts-3")
        );
    }

    #[test]
    fn the_busiest_worker_is_the_client_and_the_worst_end_is_the_end() {
        let mut all = attempts(3);
        assert_eq!(epoch(&all).client().unwrap().cpu_s, 2.0);
        part(&mut all[1]).ending = Ending::Interrupted;
        assert_eq!(epoch(&all).ending(), Ending::Interrupted);
        part(&mut all[2]).ending = Ending::Aborted("no server".to_owned());
        assert_eq!(epoch(&all).ending(), Ending::Aborted("worker 2: no server".to_owned()));
    }

    #[test]
    fn a_late_start_is_named_by_the_latest_and_counted() {
        let mut all = attempts(4);
        part(&mut all[1]).late_s = Some(0.06);
        part(&mut all[3]).late_s = Some(7.0);
        let late = Reason::StartedLate { workers: 2, worker: 3, late_s: 7.0, allowed_s: 0.05 };
        assert_eq!(epoch(&all).reasons, [late]);
        part(&mut all[3]).late_s = Some(f64::NAN);
        assert!(matches!(
            epoch(&all).reasons[..],
            [Reason::StartedLate { workers: 2, worker: 3, .. }]
        ));
    }

    #[test]
    fn a_worker_that_lacks_an_epoch_is_missing_in_that_one_alone() {
        let mut all = attempts(2);
        let mut second = part(&mut all[0]).clone();
        second.head.epoch = 1;
        all[0].parts.as_mut().unwrap().push(second);
        let epochs = Roster::of(&all).unwrap().epochs();
        assert_eq!(epochs[0].reasons, []);
        assert_eq!(epochs[1].reasons, [Reason::WorkerMissing { workers: "1".to_owned(), of: 2 }]);
    }

    #[test]
    fn a_workers_own_reasons_count_where_the_whole_does_not_show_them() {
        let mut all = attempts(2);
        let steal = |steal_percent| Reason::Steal { steal_percent };
        let sent_less = Reason::NotAllSent { planned: 2, sent: 1 };
        part(&mut all[0]).validity = Validity::Invalid(vec![steal(20.0)]);
        part(&mut all[1]).validity = Validity::Invalid(vec![sent_less, steal(50.0)]);
        let whole = Validity::Invalid(vec![steal(21.0)]);
        let of_second = Reason::WorkerInvalid { worker: 1, because: Box::new(steal(50.0)) };
        assert_eq!(
            epoch(&all).validity(&whole, Vec::new()),
            Validity::Invalid(vec![steal(21.0), of_second])
        );
        let well = [attempt(0, 1)];
        assert_eq!(epoch(&well).validity(&Validity::Valid, Vec::new()), Validity::Valid);
    }
}
