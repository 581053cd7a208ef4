//! The host and our own process, through sysinfo; CPU steal from Linux's own counters.

use super::Sampler;
use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokgate_core::run::TelemetrySample;

/// Samples CPU, memory and our resident set.
pub(super) struct Host {
    system: System,
    process: Option<Pid>,
    ticks: Option<Ticks>,
}

impl Host {
    /// `None` where the platform tells nothing.
    pub(super) fn new() -> Option<Self> {
        let system = System::new().ok()?;
        Some(Self { system, process: sysinfo::get_current_pid().ok(), ticks: Ticks::read() })
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
}

impl Sampler for Host {
    fn sample(&mut self, into: &mut TelemetrySample) {
        self.system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        into.memory_bytes = Some(self.system.used_memory()).filter(|used| *used > 0);
        into.rss_bytes = self.rss();
        let now = Ticks::read();
        if let (Some(before), Some(now)) = (self.ticks, now) {
            into.cpu = now.share_since(before, |ticks| ticks.busy);
            into.steal = now.share_since(before, |ticks| ticks.steal);
        }
        self.ticks = now;
    }
}

/// CPU time since boot over all cores, in kernel ticks (`/proc/stat`, proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    steal: u64,
    total: u64,
}

impl Ticks {
    fn read() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// `cpu  user nice system idle iowait irq softirq steal guest guest_nice`; guest time is
    /// already in user and nice.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> =
            line.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect();
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
    Ticks::read()?.share_since(boot, |ticks| ticks.steal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_and_steal_are_shares_of_the_ticks_between_two_samples() {
        let before = Ticks::parse("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 ...").unwrap();
        let after = Ticks::parse("cpu  130 0 120 840 0 0 0 10 0 0\n").unwrap();
        assert_eq!(after.share_since(before, |ticks| ticks.busy), Some(0.5));
        assert_eq!(after.share_since(before, |ticks| ticks.steal), Some(0.1));
        assert_eq!(before.share_since(before, |ticks| ticks.busy), None);
    }
}
