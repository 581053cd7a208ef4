//! Whether somebody moved the wall clock, or suspended the machine, while it was measured.
//!
//! No duration of ours comes from the wall clock; that it was moved says that the machine was not
//! left alone.

use super::{Moment, Sampler};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};
use tokgate_core::run::TelemetrySample;

/// Attempts to read all clocks without being interrupted in between.
const ATTEMPTS: usize = 3;

/// Compares three clocks with what they said first.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    first: Option<Reading>,
}

/// What the clocks said at one moment, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    /// Counts while the machine runs.
    running: i128,
    /// Counts on while it is suspended.
    since_boot: i128,
    /// What people set.
    wall: i128,
    /// How long reading them took.
    took: i128,
}

impl Reading {
    fn now() -> Self {
        let attempts = (0..ATTEMPTS).map(|_| Self::once());
        attempts.min_by_key(|reading| reading.took).expect("there is an attempt")
    }

    /// The running clock is read before and after the others: its middle is theirs.
    fn once() -> Self {
        let before = nanoseconds(clock_gettime(ClockId::Monotonic));
        let since_boot = nanoseconds(clock_gettime(ClockId::Boottime));
        let wall = wall();
        let after = nanoseconds(clock_gettime(ClockId::Monotonic));
        Self { running: before.midpoint(after), since_boot, wall, took: after - before }
    }

    /// By how much the wall clock was moved since `first`, seconds: what it gained on the clock
    /// that counts through a suspension, which moves the wall clock rightly. An NTP daemon that
    /// corrects a drift moves it by up to half a millisecond a second.
    fn moved_s(self, first: Self) -> f64 {
        seconds((self.wall - self.since_boot) - (first.wall - first.since_boot))
    }

    /// For how long the machine was suspended since `first`, seconds.
    fn suspended_s(self, first: Self) -> f64 {
        seconds((self.since_boot - self.running) - (first.since_boot - first.running))
    }
}

/// Asked of the standard library, as programs do that people give another time to live in.
fn wall() -> i128 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos() as i128,
        Err(before) => -(before.duration().as_nanos() as i128),
    }
}

fn nanoseconds(time: Timespec) -> i128 {
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// To the microsecond: below it is only what reading two clocks in turn takes.
fn seconds(nanoseconds: i128) -> f64 {
    (nanoseconds / 1000) as f64 / 1e6
}

impl Sampler for Clocks {
    fn sample(&mut self, _: &Moment<'_>, into: &mut TelemetrySample) {
        let now = Reading::now();
        let first = *self.first.get_or_insert(now);
        into.clock_moved_s = Some(now.moved_s(first));
        into.suspended_s = Some(now.suspended_s(first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    fn reading(running: i128, since_boot: i128, wall: i128) -> Reading {
        let [running, since_boot, wall] = [running, since_boot, wall].map(|s| s * SECOND);
        Reading { running, since_boot, wall, took: 0 }
    }

    #[test]
    fn time_that_passes_moves_nothing() {
        let (first, now) = (reading(5, 7, 1000), reading(15, 17, 1010));
        assert_eq!((now.moved_s(first), now.suspended_s(first)), (0.0, 0.0));
    }

    #[test]
    fn a_wall_clock_set_back_an_hour_was_moved() {
        let (first, now) = (reading(5, 7, 10_000), reading(15, 17, 10_010 - 3600));
        assert_eq!((now.moved_s(first), now.suspended_s(first)), (-3600.0, 0.0));
    }

    #[test]
    fn a_suspended_machine_has_not_had_its_clock_moved() {
        let (first, now) = (reading(5, 7, 1000), reading(15, 77, 1070));
        assert_eq!((now.moved_s(first), now.suspended_s(first)), (0.0, 60.0));
    }

    #[test]
    fn this_machines_clocks_agree_with_themselves() {
        let first = Reading::now();
        let now = Reading::now();
        assert!(now.moved_s(first).abs() < 0.5 && now.suspended_s(first).abs() < 0.5);
    }
}
