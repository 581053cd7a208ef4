//! Which level a search for the breaking point tries next: doubled until one does not hold, then
//! halved between the two, then both ends again until they have shown it often enough.
//!
//! Whether a level holds is said in [`crate::stress`]; when and how it is tried is the harness's.

use std::collections::BTreeMap;

/// One level that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// Workers.
    pub level: u32,
    /// Whether the target sustained them.
    pub holds: bool,
}

/// What a search does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try this level.
    Try(u32),
    /// It is over.
    Done(Boundary),
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundary {
    /// The highest level that holds; 0 if not even one worker is sustained.
    pub holds: u32,
    /// The lowest level above it that does not; `None` where none was reached.
    pub breaks: Option<u32>,
}

/// The plan of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// The highest level.
    pub most: u32,
    /// How often both ends must show what they are.
    pub confirmations: u32,
}

/// Most trials: a target that holds and breaks by turns would be tried for ever.
const MOST_TRIALS: usize = 60;
/// Ends that are closer than this share of the lower one are close enough. Up to twenty workers
/// that is every single one.
const CLOSE: f64 = 0.05;

/// How often a level held and did not.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    held: u32,
    broke: u32,
}

impl Tally {
    /// What the majority says; `None` while it is undecided.
    fn holds(self) -> Option<bool> {
        (self.held != self.broke).then_some(self.held > self.broke)
    }

    /// How often it was what the majority says.
    fn shown(self) -> u32 {
        self.held.max(self.broke)
    }
}

impl Search {
    /// What is next after these trials.
    #[must_use]
    pub fn next(self, trials: &[Trial]) -> Next {
        let tallies = tallies(trials);
        let boundary = between(&tallies);
        if trials.len() >= MOST_TRIALS {
            return Next::Done(boundary);
        }
        if let Some((level, _)) = tallies.iter().find(|(_, tally)| tally.holds().is_none()) {
            return Next::Try(*level);
        }
        let Boundary { holds, breaks } = boundary;
        let gap = f64::from(holds) * CLOSE;
        match breaks {
            None if holds < self.most => Next::Try((holds * 2).clamp(1, self.most)),
            Some(breaks) if breaks - holds > 1 && f64::from(breaks - holds) > gap => {
                Next::Try(holds + (breaks - holds) / 2)
            }
            _ => self.confirm(boundary, &tallies),
        }
    }

    fn confirm(self, boundary: Boundary, tallies: &BTreeMap<u32, Tally>) -> Next {
        let ends = [Some(boundary.holds).filter(|level| *level > 0), boundary.breaks];
        let unsure = ends.into_iter().flatten().find(|level| {
            tallies.get(level).is_none_or(|tally| tally.shown() < self.confirmations)
        });
        unsure.map_or(Next::Done(boundary), Next::Try)
    }
}

impl Boundary {
    /// What trials have shown so far, however many they are.
    #[must_use]
    pub fn of(trials: &[Trial]) -> Self {
        between(&tallies(trials))
    }
}

fn tallies(trials: &[Trial]) -> BTreeMap<u32, Tally> {
    let mut tallies: BTreeMap<u32, Tally> = BTreeMap::new();
    for trial in trials {
        let tally = tallies.entry(trial.level).or_default();
        *(if trial.holds { &mut tally.held } else { &mut tally.broke }) += 1;
    }
    tallies
}

/// The lowest level that does not hold, and the highest below it that does.
fn between(tallies: &BTreeMap<u32, Tally>) -> Boundary {
    let level_that = |wanted: bool| {
        move |(level, tally): (&u32, &Tally)| (tally.holds() == Some(wanted)).then_some(*level)
    };
    let breaks = tallies.iter().find_map(level_that(false));
    let below = tallies.range(..breaks.unwrap_or(u32::MAX));
    let holds = below.rev().find_map(level_that(true)).unwrap_or(0);
    Boundary { holds, breaks }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEARCH: Search = Search { most: 200, confirmations: 2 };

    /// Searches a target whose levels hold as `holds` says of a level and the number of the trial.
    fn search(search: Search, holds: impl Fn(u32, usize) -> bool) -> (Boundary, Vec<Trial>) {
        let mut trials = Vec::new();
        loop {
            match search.next(&trials) {
                Next::Try(level) => {
                    let holds = holds(level, trials.len());
                    trials.push(Trial { level, holds });
                }
                Next::Done(boundary) => return (boundary, trials),
            }
        }
    }

    #[test]
    fn the_breaking_point_is_found_to_five_percent() {
        for knee in 1..200 {
            let (found, trials) = search(SEARCH, |level, _| level <= knee);
            assert!(found.holds <= knee && found.breaks.unwrap() > knee);
            assert!(f64::from(knee - found.holds) <= f64::from(knee) * CLOSE, "{knee} {found:?}");
            assert!(trials.len() < 25, "{knee}: {} trials", trials.len());
        }
    }

    #[test]
    fn eight_slots_are_eight() {
        let (found, trials) = search(SEARCH, |level, _| level <= 8);
        assert_eq!(found, Boundary { holds: 8, breaks: Some(9) });
        let levels: Vec<u32> = trials.iter().map(|trial| trial.level).collect();
        assert_eq!(levels, [1, 2, 4, 8, 16, 12, 10, 9, 8, 9]);
    }

    #[test]
    fn one_unlucky_trial_decides_nothing() {
        for unlucky in 0..10 {
            let (found, _) = search(SEARCH, |level, trial| (level <= 8) != (trial == unlucky));
            assert_eq!(found.holds, 8, "trial {unlucky} was wrong: {found:?}");
        }
    }

    #[test]
    fn a_target_that_never_breaks_or_always_does_is_said_to() {
        let (found, _) = search(SEARCH, |_, _| true);
        assert_eq!(found, Boundary { holds: 200, breaks: None });
        let (found, _) = search(SEARCH, |_, _| false);
        assert_eq!(found, Boundary { holds: 0, breaks: Some(1) });
    }

    #[test]
    fn a_search_ends_on_a_target_that_holds_by_turns() {
        let (_, trials) = search(SEARCH, |_, trial| trial % 2 == 0);
        assert!(trials.len() <= MOST_TRIALS);
    }
}
