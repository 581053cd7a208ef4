//! What the target's processes take, and what others take of this machine beside it, us and the rest of our load.

use super::auxv::Units;
use super::processes::Stat;
use super::{Moment, Sampler};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tokgate_core::run::{ProcessSample, TelemetrySample};
use tokgate_core::time::Offset;

/// Samples the processes of the target and ours. It comes after the host's sampler, whose
/// utilisation it shares out.
pub(super) struct Processes {
    proc: PathBuf,
    units: Units,
    before: Option<Taken>,
}

/// What every process of interest had taken at one moment.
struct Taken {
    at: Offset,
    stats: BTreeMap<u32, Stat>,
}

impl Processes {
    /// `None` where there is no `/proc`.
    pub(super) fn new(proc: PathBuf) -> Option<Self> {
        Some(Self { units: Units::read(&proc)?, proc, before: None })
    }

    /// CPU time that `pids` took since the last sample / time. A process that is new has begun
    /// from here on; what one took before it ended in between is lost.
    fn cpus(&self, now: &Taken, pids: &BTreeSet<u32>) -> Option<f64> {
        let before = self.before.as_ref()?;
        let elapsed_s = now.at.seconds_since(before.at);
        let ticks: u64 = pids
            .iter()
            .filter_map(|pid| Some((now.stats.get(pid)?, before.stats.get(pid)?)))
            .map(|(now, before)| now.ticks.saturating_sub(before.ticks))
            .sum();
        let busy_s = ticks as f64 / self.units.ticks_s as f64;
        (elapsed_s > 0.0).then(|| busy_s / elapsed_s)
    }

    fn sum(&self, now: &Taken, pids: &BTreeSet<u32>) -> Option<ProcessSample> {
        let stats: Vec<&Stat> = pids.iter().filter_map(|pid| now.stats.get(pid)).collect();
        (!stats.is_empty()).then(|| ProcessSample {
            rss_bytes: stats.iter().map(|stat| stat.pages).sum::<u64>() * self.units.page_bytes,
            cpus: self.cpus(now, pids),
            threads: stats.iter().map(|stat| stat.threads).sum(),
        })
    }
}

impl Sampler for Processes {
    fn sample(&mut self, moment: &Moment<'_>, into: &mut TelemetrySample) {
        let family = moment.family;
        let nobody = BTreeSet::new();
        let target = family.target().unwrap_or(&nobody);
        let measuring = [family.ours(), target, family.fellows()];
        let all: BTreeSet<u32> = measuring.into_iter().flatten().copied().collect();
        let stat = |pid: &u32| Some((*pid, Stat::read(&self.proc, *pid)?));
        let now = Taken { at: into.at, stats: all.iter().filter_map(stat).collect() };
        into.target = self.sum(&now, target);
        if let Some(target) = into.target {
            into.rss_bytes = Some(target.rss_bytes);
        }
        let taken = self.cpus(&now, &all).filter(|_| family.is_complete());
        if let (Some(busy), Some(cpus), cores @ 1..) = (into.cpu, taken, into.cores.len()) {
            into.others_cpu = Some((busy - cpus / cores as f64).max(0.0));
        }
        self.before = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;
    use crate::telemetry::fellows::IsFellow;
    use crate::telemetry::processes::{Family, Place};

    /// A process: its number, its parent's, and the CPU time that it takes a second, in ticks.
    type Takes = (u32, u32, u64);

    /// The second of two samples a second apart of a machine with four cores, half of them busy.
    fn second(proc: &FakeProc, mut family: Family, processes: [Takes; 3]) -> TelemetrySample {
        let units = Units { page_bytes: 4096, ticks_s: 100 };
        let mut sampler = Processes { proc: proc.path(), units, before: None };
        let mut last = TelemetrySample::default();
        for second in 0..2 {
            for (pid, parent, ticks) in processes {
                proc.process(pid, parent, 500 + ticks * second);
            }
            let at = Offset(second * 1_000_000_000);
            family.refresh(at);
            last = TelemetrySample { at, cpu: Some(0.5), ..Default::default() };
            last.cores = vec![0.5; 4];
            sampler.sample(&Moment { thorough: false, family: &family }, &mut last);
        }
        last
    }

    /// We take 20 ticks of CPU time in between, the server 80 and its child 20.
    fn second_sample(place: Place) -> TelemetrySample {
        let proc = FakeProc::new();
        let family = Family::of(proc.path(), place, 10);
        second(&proc, family, [(10, 1, 20), (20, 10, 80), (21, 20, 20)])
    }

    #[test]
    fn the_target_is_the_sum_over_its_tree() {
        let sample = second_sample(Place::Launched(20));
        let target = sample.target.unwrap();
        assert_eq!((target.rss_bytes, target.threads), (2 * 10 * 4096, 4));
        assert_eq!(target.cpus, Some(1.0));
        assert_eq!(sample.rss_bytes, Some(target.rss_bytes));
    }

    #[test]
    fn others_have_what_neither_we_nor_the_target_took() {
        // Two of four cores are busy, 0.2 with us and 1.0 with the target.
        let others = second_sample(Place::Launched(20)).others_cpu.unwrap();
        assert!((others - 0.2).abs() < 1e-9, "{others}");
    }

    /// What others take beside us, whose target is elsewhere: we take 20 ticks, one that sends a part of the same
    /// load 50, and one of the same program 100.
    fn beside_others(is_fellow: Option<IsFellow>) -> f64 {
        let proc = FakeProc::new();
        proc.file("tokgate", "");
        for (pid, line) in
            [(10, "tokgate\0load\0"), (20, "tokgate\0load\0"), (21, "tokgate\0else\0")]
        {
            proc.link(&format!("{pid}/exe"), proc.path().join("tokgate").to_str().unwrap());
            proc.file(&format!("{pid}/cmdline"), line);
        }
        let family = Family::of(proc.path(), Place::Elsewhere, 10).with_fellows(is_fellow);
        second(&proc, family, [(10, 1, 20), (20, 1, 50), (21, 1, 100)]).others_cpu.unwrap()
    }

    #[test]
    fn who_sends_the_rest_of_our_load_is_no_neighbour() {
        let others = beside_others(Some(|ours, theirs| ours == theirs));
        assert!((others - (2.0 - 0.2 - 0.5) / 4.0).abs() < 1e-9, "{others}");
    }

    #[test]
    fn who_sends_all_of_a_load_has_neighbours_only() {
        let others = beside_others(None);
        assert!((others - (2.0 - 0.2) / 4.0).abs() < 1e-9, "{others}");
    }

    #[test]
    fn nobody_knows_the_others_where_the_targets_processes_are_unknown() {
        let sample = second_sample(Place::Somewhere);
        assert_eq!((sample.target, sample.others_cpu), (None, None));
    }
}
