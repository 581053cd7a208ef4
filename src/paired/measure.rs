//! Measuring pairs: one epoch of the base and one of the head, back to back, in turns.

use super::control::{self, Control};
use crate::session::{CaseError, Session, Turn, Watch};
use crate::store::Stored;
use std::sync::Arc;
use tokgate_core::case::Case;
use tokgate_core::run::{Arm, Ending};
use tokgate_harness::driver::Driver;

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What is measured.
    pub case: Case,
    /// The commit that it was made from, where it is not the project's.
    pub commit: Option<String>,
}

/// The two sides of a case, asked the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    /// What the head is compared with.
    pub base: Side,
    /// The change.
    pub head: Side,
}

/// Epochs of both sides, in the order in which they were measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// The base's.
    pub base: Vec<Stored>,
    /// The head's.
    pub head: Vec<Stored>,
}

impl Sides {
    /// The same, with what their cases name read.
    fn prepared(&self, session: &mut Session) -> Result<Self, CaseError> {
        let mut sides = self.clone();
        for side in [&mut sides.base, &mut sides.head] {
            side.case = session.harness.prepare(&side.case)?;
        }
        Ok(sides)
    }

    fn side(&self, arm: Arm) -> &Side {
        match arm {
            Arm::Base => &self.base,
            Arm::Head => &self.head,
        }
    }

    /// Whether both are the same server's same model: what the one sends is then in the cache when
    /// the other sends it.
    fn share_a_cache(&self) -> bool {
        let (base, head) = (&self.base.case.target, &self.head.case.target);
        let launched = base.launch.is_some() || head.launch.is_some();
        !launched && base.base_url == head.base_url && base.model == head.model
    }

    /// The same prompts in both arms of a pair, unless they share a cache.
    fn salt(&self, run_id: &str, number: u32, arm: Arm) -> String {
        match (self.share_a_cache(), arm) {
            (true, Arm::Base) => format!("{run_id}/pair-{number}/base"),
            (true, Arm::Head) | (false, _) => format!("{run_id}/pair-{number}"),
        }
    }
}

impl Pairs {
    fn of(&mut self, arm: Arm) -> &mut Vec<Stored> {
        match arm {
            Arm::Base => &mut self.base,
            Arm::Head => &mut self.head,
        }
    }

    /// Pairs of which both epochs may be judged, by their numbers, in order.
    #[must_use]
    pub fn sound(&self) -> Vec<(&Stored, &Stored)> {
        let is_sound = |epoch: &&Stored| epoch.validity.is_valid();
        let both = |base| Some((base, self.head.iter().filter(is_sound).find(partner(base))?));
        self.base.iter().filter(is_sound).filter_map(both).collect()
    }

    /// One more than the highest number there is.
    fn next(&self) -> u32 {
        let numbers = self.base.iter().chain(&self.head).map(|epoch| epoch.run.head.epoch + 1);
        numbers.max().unwrap_or(0)
    }
}

fn partner(of: &Stored) -> impl Fn(&&Stored) -> bool {
    let number = of.run.head.epoch;
    move |epoch| epoch.run.head.epoch == number
}

/// Which side comes first in a pair: by chance in the first one, then in turns, so that a machine
/// that drifts favours neither.
fn order(run_id: &str, number: u32) -> [Arm; 2] {
    let chance = run_id.bytes().fold(0, |sum: u32, byte| sum.wrapping_mul(31) + u32::from(byte));
    match (chance >> 4).wrapping_add(number) % 2 {
        0 => [Arm::Base, Arm::Head],
        _ => [Arm::Head, Arm::Base],
    }
}

/// Pairs that may be measured in the place of those that may not be judged.
fn spare(wanted: u32) -> u32 {
    (wanted / 2).max(2)
}

/// Measures pairs of `sides`, each beside a pair of the control where there is one, until there are
/// `wanted` more that may be judged, or half as many again were measured. Ends after the epoch in
/// which a stop is asked for.
///
/// # Errors
/// When a side cannot be measured, or results cannot be kept.
pub fn measure(
    session: &mut Session,
    sides: &Sides,
    control: Option<(&Control, &mut Pairs)>,
    pairs: &mut Pairs,
    wanted: u32,
    watch: Watch<'_>,
) -> Result<(), CaseError> {
    let (from, enough) = (pairs.next(), pairs.sound().len() + wanted as usize);
    let sides = sides.prepared(session)?;
    let mut beside = control;
    for number in from..from + wanted + spare(wanted) {
        if pairs.sound().len() >= enough || session.stop.is_requested() {
            break;
        }
        for arm in order(&session.identity.run_id, number) {
            let side = sides.side(arm);
            let salt = sides.salt(&session.identity.run_id, number, arm);
            let commit = side.commit.clone();
            let turn = Turn { arm, number, salt, commit, ..Turn::default() };
            let driver = session.harness.open(&side.case, &session.stop)?;
            let epoch = session.epoch(&side.case, driver.as_ref(), &turn, watch)?;
            let ended = epoch.run.ending == Ending::Completed;
            pairs.of(arm).push(epoch);
            if let (Some((control, measured)), true) = (&mut beside, ended) {
                let epoch = once(session, control, measured.of(arm).len() as u32, arm)?;
                measured.of(arm).push(epoch);
            }
            if session.stop.is_requested() {
                break;
            }
        }
    }
    Ok(())
}

/// One epoch of the control.
fn once(
    session: &mut Session,
    control: &Control,
    number: u32,
    arm: Arm,
) -> Result<Stored, CaseError> {
    let case = control.case();
    let driver: Arc<dyn Driver> = session.harness.open_beside(case, &session.stop)?;
    let salt = format!("{}/control-{number}", session.identity.run_id);
    let platform = Some(control::PLATFORM.to_owned());
    let turn = Turn { arm, number, salt, platform, ..Turn::default() };
    session.epoch(case, driver.as_ref(), &turn, &|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_takes_turns() {
        for run in ["a", "b", "c"] {
            let first: Vec<Arm> = (0..6).map(|number| order(run, number)[0]).collect();
            assert!(first.windows(2).all(|two| two[0] != two[1]), "{first:?}");
        }
        let begins: std::collections::BTreeSet<bool> =
            (0..64).map(|run| order(&format!("run-{run}"), 0)[0] == Arm::Base).collect();
        assert_eq!(begins.len(), 2, "either may come first");
    }
}
