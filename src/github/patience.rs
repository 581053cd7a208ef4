//! How long we wait when GitHub asks for it, and when we give up.

use super::forge::Trouble;
use std::cell::Cell;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is waited in all, for all calls together: a job is paid by the minute, and a comment that comes
/// late is written by the next run.
const ALL: Duration = Duration::from_secs(60);
/// What GitHub's documentation asks to wait where its answer names no time.
const UNNAMED: u64 = 60;
/// What is waited before something is looked up that may have been done: GitHub's lists lag.
const BREATH: Duration = Duration::from_secs(1);

/// Whoever tells the time and waits; tests do neither.
pub trait Clock {
    /// Seconds since 1970.
    fn now_s(&self) -> i64;

    /// Lets so much time pass.
    fn wait(&self, time: Duration);
}

/// The clock on the wall.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now_s(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    fn wait(&self, time: Duration) {
        sleep(time);
    }
}

/// When GitHub says that it can be asked again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hint {
    /// So many seconds from now.
    pub after_s: Option<u64>,
    /// At this second since 1970.
    pub at_s: Option<i64>,
}

impl Hint {
    /// By GitHub's three rules: what `retry-after` says, else until the limit is reset, else a minute,
    /// and twice as much each time. A second at least, since a moment that has passed is no leave to
    /// hurry.
    fn wait_s(self, now_s: i64, before: u32) -> u64 {
        let asked = match (self.after_s, self.at_s) {
            (Some(after), _) => after,
            (None, Some(at)) => u64::try_from(at.saturating_sub(now_s)).unwrap_or_default(),
            (None, None) => UNNAMED.saturating_mul(1 << before.min(16)),
        };
        asked.max(1)
    }
}

/// What is left of our patience.
pub struct Patience<'a> {
    clock: &'a dyn Clock,
    left: Cell<Duration>,
    waits: Cell<u32>,
}

impl<'a> Patience<'a> {
    /// All of it.
    #[must_use]
    pub fn new(clock: &'a dyn Clock) -> Self {
        Self { clock, left: Cell::new(ALL), waits: Cell::new(0) }
    }

    /// Waits for as long as GitHub asks.
    ///
    /// # Errors
    /// When that is longer than what is left.
    pub(super) fn obey(&self, hint: Hint, why: &str) -> Result<(), Trouble> {
        let asked_s = hint.wait_s(self.clock.now_s(), self.waits.get());
        let left_s = self.left.get().as_secs();
        if asked_s > left_s {
            return Err(Trouble::TooLong { asked_s, left_s, why: why.to_owned() });
        }
        self.waits.set(self.waits.get() + 1);
        self.spend(Duration::from_secs(asked_s));
        Ok(())
    }

    /// Waits a moment, where there is one left.
    pub(super) fn breathe(&self) {
        self.spend(BREATH.min(self.left.get()));
    }

    fn spend(&self, time: Duration) {
        self.left.set(self.left.get().saturating_sub(time));
        self.clock.wait(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_rules_and_what_is_out_of_all_measure() {
        let after = |after_s| Hint { after_s: Some(after_s), at_s: Some(5) };
        assert_eq!(after(7).wait_s(100, 0), 7);
        assert_eq!(after(0).wait_s(100, 0), 1);
        let at = |at_s| Hint { after_s: None, at_s: Some(at_s) };
        assert_eq!(at(130).wait_s(100, 0), 30);
        assert_eq!(at(7).wait_s(100, 0), 1);
        assert_eq!(at(i64::MIN).wait_s(i64::MAX, 0), 1);
        let unnamed = Hint::default();
        assert_eq!((unnamed.wait_s(100, 0), unnamed.wait_s(100, 1)), (60, 120));
        assert!(unnamed.wait_s(0, u32::MAX) > 1000);
    }
}
