//! A load that several processes send together, each a part of it that all of them know without asking.

use std::fmt;
use std::str::FromStr;

/// Part `index` of `of` parts of a load.
///
/// What a part sends follows from the plan alone: of an open loop the arrivals k with k mod `of` = `index`, of a
/// closed loop what those of its workers send. No part waits for another, and together they send each request of
/// the whole exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// Words that name no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no part of a load: write it as `2/8`, the first of eight is `0/8`")]
pub struct NoShard(String);

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Part `index`, from 0, of `of`; `None` where there is no such part.
    #[must_use]
    pub fn new(index: u32, of: u32) -> Option<Self> {
        (index < of).then_some(Self { index, of })
    }

    /// Which part, from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many parts there are.
    #[must_use]
    pub fn of(self) -> u32 {
        self.of
    }

    /// Which of `all` are this part's, by their numbers: those of any other part are others. There may be none.
    pub fn pick(self, all: u32) -> impl Iterator<Item = u32> {
        (self.index..all).step_by(self.of as usize)
    }

    /// How many of `all` that are.
    #[must_use]
    pub fn count(self, all: u32) -> u64 {
        u64::from(all.saturating_sub(self.index).div_ceil(self.of))
    }

    /// The number, among those of all `workers`, of the `nth` thing that this part's workers take; the whole is
    /// dealt to the workers like cards, so that each host sends as large a share as it has workers.
    ///
    /// `None` where none of the workers is of this part.
    #[must_use]
    pub fn dealt(self, nth: u64, workers: u32) -> Option<u64> {
        let mine = self.count(workers);
        let (round, place) = (nth.checked_div(mine)?, nth.checked_rem(mine)?);
        Some(round * u64::from(workers) + u64::from(self.index) + place * u64::from(self.of))
    }
}

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, NoShard> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        let shard = numbers.and_then(|(index, of)| Self::new(index, of));
        shard.ok_or_else(|| NoShard(text.to_owned()))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shards(of: u32) -> impl Iterator<Item = Shard> {
        (0..of).filter_map(move |index| Shard::new(index, of))
    }

    #[test]
    fn a_part_is_written_as_it_is_read() {
        assert_eq!("2/8".parse(), Ok(Shard { index: 2, of: 8 }));
        assert_eq!("2/8".parse::<Shard>().map(|it| it.to_string()), Ok("2/8".to_owned()));
        for wrong in ["8/8", "1/0", "-1/3", "1", "", "1/3/5", "a/b", "1 / 3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn more_parts_than_workers_leave_some_without_any() {
        let counts: Vec<usize> = shards(8).map(|shard| shard.pick(3).count()).collect();
        assert_eq!(counts, [1, 1, 1, 0, 0, 0, 0, 0]);
        assert_eq!(Shard::new(5, 8).and_then(|shard| shard.dealt(0, 3)), None);
    }

    #[test]
    fn as_many_workers_as_a_number_holds_are_counted_without_going_through_them() {
        let counts: u64 = shards(3).map(|shard| shard.count(u32::MAX)).sum();
        assert_eq!(counts, u64::from(u32::MAX));
        let last = Shard { index: u32::MAX - 1, of: u32::MAX };
        assert_eq!((last.count(u32::MAX), last.count(7)), (1, 0));
        assert_eq!(last.dealt(3, u32::MAX), Some(4 * u64::from(u32::MAX) - 1));
    }

    #[test]
    fn the_whole_takes_one_after_another() {
        let dealt: Vec<u64> = (0..9).filter_map(|nth| Shard::WHOLE.dealt(nth, 4)).collect();
        assert_eq!(dealt, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    proptest! {
        #[test]
        fn together_the_parts_take_everything_once(of in 1_u32..12, workers in 1_u32..40, most in 0_u64..300) {
            let mut taken: Vec<u64> = shards(of)
                .flat_map(|shard| {
                    (0..).map_while(move |nth| shard.dealt(nth, workers)).take_while(|number| *number < most)
                })
                .collect();
            taken.sort_unstable();
            prop_assert_eq!(taken, (0..most).collect::<Vec<u64>>());
            for shard in shards(of) {
                prop_assert_eq!(shard.count(workers), shard.pick(workers).count() as u64);
            }
            let mut picked: Vec<u32> = shards(of).flat_map(|shard| shard.pick(workers)).collect();
            picked.sort_unstable();
            prop_assert_eq!(picked, (0..workers).collect::<Vec<u32>>());
        }
    }
}
