//! Bytes through the disks and the network of this machine.

use super::{Moment, Sampler};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokgate_core::run::{TelemetrySample, Traffic};

/// `/proc/diskstats` counts in these, whatever the disk's own sectors are.
const SECTOR_BYTES: u64 = 512;

/// Disks of a machine that are made of others, of memory or of files: their bytes are counted where
/// they end up, or are none.
const MADE_OF_OTHERS: &[&str] = &["loop", "ram", "zram", "dm-", "md", "sr", "fd"];

/// Samples both. Which devices count is decided once, at the beginning.
pub(super) struct Devices {
    proc: PathBuf,
    disks: BTreeSet<String>,
    interfaces: BTreeSet<String>,
}

impl Devices {
    /// `None` where there is neither disk nor network to be seen.
    pub(super) fn new(proc: PathBuf, sys: &Path) -> Option<Self> {
        let found = Self { disks: disks(sys), interfaces: interfaces(sys), proc };
        (!found.disks.is_empty() || !found.interfaces.is_empty()).then_some(found)
    }

    /// In words, which devices count.
    pub(super) fn tell(&self) -> String {
        let names: Vec<&str> =
            self.disks.iter().chain(&self.interfaces).map(String::as_str).collect();
        format!("through {}", names.join(", "))
    }

    fn disk(&self) -> Option<(u64, u64)> {
        let text = std::fs::read_to_string(self.proc.join("diskstats")).ok()?;
        sum(text.lines().filter_map(disk).filter(|(name, ..)| self.disks.contains(*name)))
    }

    fn network(&self) -> Option<(u64, u64)> {
        let text = std::fs::read_to_string(self.proc.join("net/dev")).ok()?;
        sum(text.lines().filter_map(interface).filter(|(name, ..)| self.interfaces.contains(*name)))
    }
}

/// Whole disks: a partition has its folder inside its disk's.
fn disks(sys: &Path) -> BTreeSet<String> {
    let whole = names(&sys.join("block"));
    whole.filter(|name| !MADE_OF_OTHERS.iter().any(|it| name.starts_with(it))).collect()
}

/// Interfaces with a device behind them, where there are any: bridges and tunnels carry the same
/// bytes once more. In a container there are none with one.
fn interfaces(sys: &Path) -> BTreeSet<String> {
    let net = sys.join("class/net");
    let all: BTreeSet<String> = names(&net).filter(|name| name != "lo").collect();
    let has_device = |name: &&String| net.join(name).join("device").exists();
    let real: BTreeSet<String> = all.iter().filter(has_device).cloned().collect();
    match real.is_empty() {
        true => all,
        false => real,
    }
}

fn names(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Name, bytes read and bytes written of a line of `/proc/diskstats` (Documentation/iostats.rst).
fn disk(line: &str) -> Option<(&str, u64, u64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let bytes = |field: usize| Some(fields.get(field)?.parse::<u64>().ok()? * SECTOR_BYTES);
    Some((fields.get(2)?, bytes(5)?, bytes(9)?))
}

/// Name, bytes received and bytes sent of a line of `/proc/net/dev`.
fn interface(line: &str) -> Option<(&str, u64, u64)> {
    let (name, counters) = line.split_once(':')?;
    let fields: Vec<&str> = counters.split_whitespace().collect();
    let bytes = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some((name.trim(), bytes(0)?, bytes(8)?))
}

/// `None` without any.
fn sum<'a>(lines: impl Iterator<Item = (&'a str, u64, u64)>) -> Option<(u64, u64)> {
    lines.map(|(_, a, b)| (a, b)).reduce(|sum, line| (sum.0 + line.0, sum.1 + line.1))
}

impl Sampler for Devices {
    fn sample(&mut self, _: &Moment<'_>, into: &mut TelemetrySample) {
        let (disk, network) = (self.disk(), self.network());
        let traffic = Traffic {
            disk_read: disk.map(|(read, _)| read),
            disk_written: disk.map(|(_, written)| written),
            received: network.map(|(received, _)| received),
            sent: network.map(|(_, sent)| sent),
        };
        into.traffic = Some(traffic).filter(|traffic| *traffic != Traffic::default());
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;

    const DISKS: &str = "\
        254 0 vda 10 0 2000 0 20 0 4000 0 0 0 0\n\
        254 1 vda1 10 0 1000 0 20 0 3000 0 0 0 0\n\
        253 0 dm-0 10 0 1000 0 20 0 3000 0 0 0 0\n";
    const NETWORK: &str = "\
        Inter-|   Receive                |  Transmit\n\
        face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n\
        lo: 999 1 0 0 0 0 0 0 999 1\n\
        eth0: 300 1 0 0 0 0 0 0 40 1\n\
        docker0:300 1 0 0 0 0 0 0 40 1\n";

    fn machine(with_device: &[&str]) -> Devices {
        let root = FakeProc::new();
        for disk in ["vda", "dm-0"] {
            root.file(&format!("block/{disk}/size"), "1");
        }
        for interface in ["lo", "eth0", "docker0"] {
            root.file(&format!("class/net/{interface}/mtu"), "1500");
        }
        for interface in with_device {
            root.file(&format!("class/net/{interface}/device/vendor"), "0x1af4");
        }
        let (disks, interfaces) = (disks(&root.path()), interfaces(&root.path()));
        Devices { proc: root.path(), disks, interfaces }
    }

    fn totals<'a>(
        lines: impl Iterator<Item = (&'a str, u64, u64)>,
        of: &BTreeSet<String>,
    ) -> Option<(u64, u64)> {
        sum(lines.filter(|(name, ..)| of.contains(*name)))
    }

    #[test]
    fn a_byte_is_counted_once_on_its_way_to_the_disk() {
        let disks = machine(&[]).disks;
        let expected = Some((2000 * SECTOR_BYTES, 4000 * SECTOR_BYTES));
        assert_eq!(totals(DISKS.lines().filter_map(disk), &disks), expected);
    }

    #[test]
    fn a_bridge_is_left_out_where_there_is_a_real_interface() {
        let network = |of| totals(NETWORK.lines().filter_map(interface), &of);
        assert_eq!(network(machine(&["eth0"]).interfaces), Some((300, 40)));
        assert_eq!(network(machine(&[]).interfaces), Some((600, 80)), "as in a container");
    }
}
