//! The host and our own process, through sysinfo; CPU time and swap from Linux's own counters.

use super::auxv::Units;
use super::{Moment, Sampler};
use std::path::PathBuf;
use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokgate_core::run::TelemetrySample;

/// Samples CPU, memory and our resident set.
pub(super) struct Host {
    system: System,
    process: Option<Pid>,
    proc: PathBuf,
    units: Option<Units>,
    ticks: Option<AllTicks>,
}

impl Host {
    /// `None` where the platform tells nothing.
    pub(super) fn new(proc: PathBuf) -> Option<Self> {
        Some(Self {
            system: System::new().ok()?,
            process: sysinfo::get_current_pid().ok(),
            units: Units::read(&proc),
            ticks: None,
            proc,
        })
    }

    /// Our resident set, bytes.
    fn rss(&mut self) -> Option<u64> {
        let process = self.process?;
        self.system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[process]),
            false,
            ProcessRefreshKind::nothing().with_memory(),
        );
        self.system.process(process).map(sysinfo::Process::memory)
    }

    /// Bytes read back from swap since the host was started.
    fn swapped_in(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.proc.join("vmstat")).ok()?;
        let pages = text.lines().find_map(|line| line.strip_prefix("pswpin "))?;
        Some(pages.trim().parse::<u64>().ok()? * self.units?.page_bytes)
    }

    fn memory(&mut self, into: &mut TelemetrySample) {
        self.system.refresh_memory_specifics(MemoryRefreshKind::everything());
        into.memory_bytes = Some(self.system.used_memory()).filter(|used| *used > 0);
        // A host without swap uses none of it: that is known, and not absent.
        into.swap_bytes = into.memory_bytes.map(|_| self.system.used_swap());
        into.swapped_in_bytes = self.swapped_in();
    }

    fn cpus(&mut self, into: &mut TelemetrySample) {
        let text = std::fs::read_to_string(self.proc.join("stat")).unwrap_or_default();
        let now = AllTicks::parse(&text);
        if let (Some(before), Some(now)) = (&self.ticks, &now) {
            into.cpu = now.all.share_since(before.all, |ticks| ticks.busy);
            into.steal = now.all.share_since(before.all, |ticks| ticks.steal);
            into.cores = now.shares_since(before);
        }
        self.ticks = now;
    }
}

impl Sampler for Host {
    fn sample(&mut self, _: &Moment<'_>, into: &mut TelemetrySample) {
        self.memory(into);
        into.rss_bytes = self.rss();
        into.load = System::load_average().ok().map(|load| load.one);
        self.cpus(into);
    }
}

/// CPU time since boot over all CPUs, and of each.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AllTicks {
    all: Ticks,
    each: Vec<Ticks>,
}

impl AllTicks {
    /// A line of all CPUs, and one of each that is online (`/proc/stat`, proc(5)).
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map_while(|line| line.strip_prefix("cpu"));
        let all = Ticks::parse(lines.next()?)?;
        Some(Self { all, each: lines.filter_map(Ticks::parse).collect() })
    }

    /// The share of each CPU, to a thousandth: a tick is a hundredth of a second. Empty when a CPU
    /// came or went. One that counted nothing was idle.
    fn shares_since(&self, before: &Self) -> Vec<f64> {
        if self.each.len() != before.each.len() {
            return Vec::new();
        }
        let share = |(now, before): (&Ticks, &Ticks)| {
            let busy = now.share_since(*before, |ticks| ticks.busy).unwrap_or_default();
            (busy * 1e3).round() / 1e3
        };
        self.each.iter().zip(&before.each).map(share).collect()
    }
}

/// CPU time since boot, in kernel ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    steal: u64,
    total: u64,
}

impl Ticks {
    /// `N user nice system idle iowait irq softirq steal guest guest_nice`, the number N absent
    /// for all of them; guest time is already in user and nice.
    fn parse(line: &str) -> Option<Self> {
        let (_, times) = line.split_once(' ')?;
        let fields: Vec<u64> =
            times.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, steal] = fields.try_into().ok()?;
        let busy = user + nice + system + irq + softirq;
        Some(Self { busy, steal, total: busy + idle + iowait + steal })
    }

    fn share_since(self, before: Self, part: impl Fn(Self) -> u64) -> Option<f64> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        Some(part(self).checked_sub(part(before))? as f64 / total as f64)
    }
}

/// Share of CPU time since boot that the hypervisor gave to others; `None` where nobody counts.
#[must_use]
pub fn steal_since_boot() -> Option<f64> {
    let boot = Ticks { busy: 0, steal: 0, total: 0 };
    let now = AllTicks::parse(&std::fs::read_to_string("/proc/stat").ok()?)?;
    now.all.share_since(boot, |ticks| ticks.steal)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;
    use crate::telemetry::processes::{Family, Place};

    const BEFORE: &str = "cpu  100 0 100 800 0 0 0 0 0 0\n\
                          cpu0 50 0 50 400 0 0 0 0 0 0\n\
                          cpu1 50 0 50 400 0 0 0 0 0 0\n\
                          intr 5\n";
    const AFTER: &str = "cpu  130 0 120 840 0 0 0 10 0 0\n\
                         cpu0 80 0 70 400 0 0 0 0 0 0\n\
                         cpu1 50 0 50 440 0 0 0 10 0 0\n\
                         intr 6\n";

    fn samples(files: &[(&str, [&str; 2])]) -> TelemetrySample {
        let proc = FakeProc::new();
        let mut host = Host::new(proc.path()).unwrap();
        host.units = Some(Units { page_bytes: 4096, ticks_s: 100 });
        let family = Family::of(proc.path(), Place::InProcess, 1);
        let mut last = TelemetrySample::default();
        for turn in 0..2 {
            files.iter().for_each(|(name, texts)| proc.file(name, texts[turn]));
            last = TelemetrySample::default();
            host.sample(&Moment { thorough: false, family: &family }, &mut last);
        }
        last
    }

    #[test]
    fn cpu_and_steal_are_shares_of_the_ticks_between_two_samples() {
        let sample = samples(&[("stat", [BEFORE, AFTER])]);
        assert_eq!((sample.cpu, sample.steal), (Some(0.5), Some(0.1)));
        assert_eq!(sample.cores, [1.0, 0.0]);
    }

    #[test]
    fn a_cpu_that_went_leaves_no_shares_of_the_others() {
        let fewer = AFTER.replace("cpu1", "intr");
        assert!(samples(&[("stat", [BEFORE, &fewer])]).cores.is_empty());
    }

    #[test]
    fn what_no_file_tells_is_absent() {
        let sample = samples(&[]);
        assert_eq!((sample.cpu, sample.steal, sample.swapped_in_bytes), (None, None, None));
        assert!(sample.cores.is_empty());
    }

    #[test]
    fn what_came_back_from_swap_is_counted_in_bytes() {
        let vmstat = "nr_free_pages 5\npswpin 3\npswpout 9\n";
        assert_eq!(samples(&[("vmstat", [vmstat, vmstat])]).swapped_in_bytes, Some(3 * 4096));
    }
}
