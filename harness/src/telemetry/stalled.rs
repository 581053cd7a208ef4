//! How long tasks of this machine waited for CPU, memory and disks: Linux' pressure stall
//! information (`/proc/pressure`, Documentation/accounting/psi.rst).

use super::{Moment, Sampler};
use std::path::{Path, PathBuf};
use tokgate_core::run::{Stalled, TelemetrySample};
use tokgate_core::time::Offset;

/// Samples what of it the kernel tells.
pub(super) struct Pressure {
    proc: PathBuf,
    before: Option<Totals>,
}

/// Microseconds for which some task had waited.
#[derive(Debug, Clone, Copy)]
struct Totals {
    at: Offset,
    cpu: Option<u64>,
    memory: Option<u64>,
    io: Option<u64>,
}

impl Totals {
    fn read(proc: &Path, at: Offset) -> Self {
        let total = |resource: &str| {
            let text = std::fs::read_to_string(proc.join("pressure").join(resource)).ok()?;
            total(&text)
        };
        Self { at, cpu: total("cpu"), memory: total("memory"), io: total("io") }
    }

    fn is_empty(self) -> bool {
        self.cpu.or(self.memory).or(self.io).is_none()
    }

    fn shares_since(self, before: Self) -> Option<Stalled> {
        let elapsed_us = self.at.seconds_since(before.at) * 1e6;
        // The kernel adds up at its own pace, so that a moment may seem to have more than all.
        let share = |now: Option<u64>, before: Option<u64>| {
            Some((now?.checked_sub(before?)? as f64 / elapsed_us).min(1.0))
        };
        (elapsed_us > 0.0).then(|| Stalled {
            cpu: share(self.cpu, before.cpu),
            memory: share(self.memory, before.memory),
            io: share(self.io, before.io),
        })
    }
}

/// Of `some avg10=0.00 avg60=0.00 avg300=0.00 total=12497827023`, the total.
fn total(text: &str) -> Option<u64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split(' ').find_map(|field| field.strip_prefix("total="))?.parse().ok()
}

impl Pressure {
    /// `None` where the kernel does not count it.
    pub(super) fn new(proc: PathBuf) -> Option<Self> {
        let counts = !Totals::read(&proc, Offset(0)).is_empty();
        counts.then_some(Self { proc, before: None })
    }
}

/// Whether this kernel counts it, or why not.
pub(super) fn state(proc: &Path) -> Result<String, String> {
    match Totals::read(proc, Offset(0)).is_empty() {
        false => Ok("of CPU, memory and disks".to_owned()),
        true => Err("/proc/pressure is not there: a kernel older than 4.20, or one that wants \
                     `psi=1` on its command line"
            .to_owned()),
    }
}

impl Sampler for Pressure {
    fn sample(&mut self, _: &Moment<'_>, into: &mut TelemetrySample) {
        let now = Totals::read(&self.proc, into.at);
        into.stalled = self.before.and_then(|before| now.shares_since(before));
        self.before = Some(now);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;

    fn totals(cpu: u64, at_ms: u64) -> Totals {
        let proc = FakeProc::new();
        let text = format!(
            "some avg10=1.00 avg60=2.00 avg300=3.00 total={cpu}\nfull avg10=0.00 total=9\n"
        );
        proc.file("pressure/cpu", &text);
        Totals::read(&proc.path(), Offset(at_ms * 1_000_000))
    }

    #[test]
    fn a_stall_is_a_share_of_the_time_between_two_samples() {
        let shares = totals(150_000, 300).shares_since(totals(100_000, 200)).unwrap();
        assert_eq!((shares.cpu, shares.memory), (Some(0.5), None));
        let more_than_all = totals(900_000, 300).shares_since(totals(100_000, 200)).unwrap();
        assert_eq!(more_than_all.cpu, Some(1.0));
    }

    #[test]
    fn a_kernel_that_does_not_count_has_no_sampler() {
        assert!(Pressure::new(FakeProc::new().path()).is_none());
        assert!(state(&FakeProc::new().path()).is_err());
    }
}
