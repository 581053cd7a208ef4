//! How far a long preparation is, told every few seconds.

use crate::clock::Clock;
use std::time::Duration;
use tokgate_core::time::Offset;

/// Often enough to be seen alive, rare enough not to fill a log.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// How many of a number of rows are stored.
#[derive(Debug)]
pub(super) struct Progress {
    clock: Clock,
    rows: usize,
    stored: usize,
    told: Offset,
}

impl Progress {
    /// Nothing of `rows` is stored.
    pub(super) fn of(rows: usize) -> Self {
        Self { clock: Clock::start(), rows, stored: 0, told: Offset::default() }
    }

    /// So many more are stored.
    pub(super) fn stored(&mut self, rows: usize) {
        self.stored += rows;
        let now = self.clock.now();
        if now.seconds_since(self.told) >= INTERVAL.as_secs_f64() {
            self.told = now;
            tracing::info!("{}", self.words(now.seconds()));
        }
    }

    fn words(&self, seconds: f64) -> String {
        let rate = self.stored as f64 / seconds;
        format!("{} of {} vectors sent, {rate:.0} a second", self.stored, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_many_of_how_many_and_how_fast() {
        let progress = Progress { stored: 3000, ..Progress::of(10_000) };
        assert_eq!(progress.words(2.0), "3000 of 10000 vectors sent, 1500 a second");
    }
}
