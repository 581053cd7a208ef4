//! How far our wall clock is from that of the store where all workers put what they measured: the one clock
//! that all of them can see.
//!
//! A store says when an object was last written. Between two looks at our own clock it wrote one, so that the
//! difference lies between two bounds; every further object narrows them. A store that tells whole seconds
//! tells most when its second ends.

use std::time::{Duration, Instant, SystemTime};

/// Half of the distance between the bounds that is small enough, seconds: a quarter of what is too late.
const ENOUGH_S: f64 = 0.0125;
/// How long is looked: a whole second must end in it, with room for slow answers.
const LONGEST: Duration = Duration::from_millis(1500);
/// Between two looks, so that nobody's store is stormed.
const PAUSE: Duration = Duration::from_millis(20);
/// By how much a stamp with a fraction may be too early, nanoseconds: file systems take the time of the
/// kernel's last tick, a hundredth of a second at the slowest.
const TICK_NS: i64 = 10_000_000;
/// The same of a stamp in whole seconds.
const SECOND_NS: i64 = 1_000_000_000;

/// One object that was put: nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Our clock before.
    pub before_ns: i64,
    /// When it was written, as the store says.
    pub stamp_ns: i64,
    /// Our clock after.
    pub after_ns: i64,
}

/// Bounds of our clock − the store's, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    low_ns: i64,
    high_ns: i64,
}

impl Skew {
    /// What one look says.
    #[must_use]
    pub fn of(look: Looked) -> Self {
        let coarse = if look.stamp_ns % SECOND_NS == 0 { SECOND_NS } else { TICK_NS };
        Self {
            low_ns: look.before_ns - look.stamp_ns - coarse,
            high_ns: look.after_ns - look.stamp_ns,
        }
    }

    /// What another look says besides. Looks that exclude each other were taken around a step of a clock:
    /// the later one holds.
    #[must_use]
    pub fn and(self, look: Looked) -> Self {
        let new = Self::of(look);
        let both =
            Self { low_ns: self.low_ns.max(new.low_ns), high_ns: self.high_ns.min(new.high_ns) };
        if both.low_ns <= both.high_ns { both } else { new }
    }

    /// Our clock − the store's, seconds: the middle of the bounds.
    #[must_use]
    pub fn skew_s(self) -> f64 {
        (self.low_ns as f64 + self.high_ns as f64) / 2e9
    }

    /// How much of that may be the measurement's own, seconds.
    #[must_use]
    pub fn uncertainty_s(self) -> f64 {
        (self.high_ns as f64 - self.low_ns as f64) / 2e9
    }

    /// Looks until the bounds are near enough, or a second and a half has passed. `put` puts the nth object,
    /// and `stamp` says when that was written, nanoseconds since 1970.
    ///
    /// # Errors
    /// When an object cannot be put.
    pub fn measure<E>(
        mut put: impl FnMut(u32) -> Result<(), E>,
        mut stamp: impl FnMut(u32) -> Result<i64, E>,
    ) -> Result<Self, E> {
        let began = Instant::now();
        let mut look = |nth| {
            let before_ns = now_ns();
            put(nth)?;
            let after_ns = now_ns();
            Ok(Looked { before_ns, stamp_ns: stamp(nth)?, after_ns })
        };
        let mut skew = Self::of(look(0)?);
        for nth in 1.. {
            if skew.uncertainty_s() <= ENOUGH_S || began.elapsed() > LONGEST {
                break;
            }
            std::thread::sleep(PAUSE);
            skew = skew.and(look(nth)?);
        }
        Ok(skew)
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    /// Looks every `every_ms` at a store whose clock is `ahead_ms` before ours and tells whole seconds or all.
    fn looks(ahead_ms: i64, every_ms: i64, takes_ms: i64, whole: bool) -> Vec<Looked> {
        let look = |nth: i64| {
            let before_ns = 1_800_000_000 * SECOND_NS + nth * (every_ms + takes_ms) * MS + 1;
            let written = before_ns + takes_ms * MS / 2 + ahead_ms * MS;
            let stamp_ns = if whole { written / SECOND_NS * SECOND_NS } else { written };
            Looked { before_ns, stamp_ns, after_ns: before_ns + takes_ms * MS }
        };
        (0..1500 / (every_ms + takes_ms)).map(look).collect()
    }

    fn skew(looks: &[Looked]) -> Skew {
        looks[1..].iter().fold(Skew::of(looks[0]), |skew, look| skew.and(*look))
    }

    #[test]
    fn one_look_at_a_precise_store_is_enough() {
        let skew = Skew::of(looks(-250, 20, 4, false)[0]);
        assert!((skew.skew_s() - 0.25).abs() <= skew.uncertainty_s());
        assert!(skew.uncertainty_s() < ENOUGH_S);
    }

    #[test]
    fn a_step_of_a_clock_is_not_averaged_away() {
        let (before, after) = (looks(0, 20, 4, false)[0], looks(5000, 20, 4, false)[1]);
        assert!((Skew::of(before).and(after).skew_s() + 5.0).abs() < 0.05);
    }

    #[test]
    fn the_first_error_ends_the_looking() {
        assert_eq!(Skew::measure(|_| Err("gone"), |_| Ok(0)), Err("gone"));
        assert_eq!(Skew::measure(|_| Ok(()), |_| Err("gone")), Err("gone"));
    }

    proptest! {
        #[test]
        fn the_end_of_a_second_tells_a_coarse_store_s_clock(
            ahead_ms in -5_000_i64..5_000, every_ms in 5_i64..60, takes_ms in 1_i64..80,
        ) {
            let skew = skew(&looks(ahead_ms, every_ms, takes_ms, true));
            let truth_s = -(ahead_ms as f64) / 1e3;
            prop_assert!((skew.skew_s() - truth_s).abs() <= skew.uncertainty_s() + 1e-6);
            let between_s = (every_ms + 2 * takes_ms) as f64 / 1e3;
            prop_assert!(skew.uncertainty_s() <= between_s, "{} of {between_s}", skew.uncertainty_s());
        }
    }
}
