//! Histories without a change, and with one.

use super::world::Noise;
use crate::fixture::{Luck, history};
use crate::history::change::Found;
use crate::rate::Rate;
use tokgate_core::metric::E2E;

/// Commits of a history.
const COMMITS: usize = 50;
/// Standard deviation from commit to commit; large against the tolerance of 2 %, so that the
/// tolerance hides no mistake of the test.
const SPREAD: f64 = 0.1;

/// How often `tries` histories of this noise have a change, after a step of `step` deviations for
/// the last `after` commits.
fn told(noise: Noise, tries: usize, step: f64, after: usize) -> Rate {
    let mut luck = Luck::new(1);
    Rate::of(tries, |key| {
        let mut thetas = noise.draw(&mut luck, COMMITS);
        thetas[COMMITS - after..].iter_mut().for_each(|theta| *theta += step);
        let logarithms: Vec<f64> = thetas.iter().map(|theta| SPREAD * theta).collect();
        !Found::of(&history(&E2E, key as u64, &logarithms)).changes.is_empty()
    })
}

#[test]
fn histories_without_a_change_have_none() {
    for noise in Noise::ALL {
        let rate = told(noise, 1000, 0.0, 0);
        assert!(rate.share() < 0.03, "{noise:?}: {rate:?}");
    }
}

#[test]
fn twelve_commits_after_a_step_of_three_deviations_it_is_told() {
    let rate = told(Noise::Normal, 100, 3.0, 12);
    assert!(rate.share() > 0.8, "{rate:?}");
}

#[test]
#[ignore = "the whole of the proof, in release, takes a minute"]
fn whole_of_histories() {
    for noise in Noise::ALL {
        let rate = told(noise, 30_000, 0.0, 0);
        rate.print(&format!("history without a change, {noise:?}"));
        let most = if matches!(noise, Noise::Wandering(_)) { 0.015 } else { 0.0075 };
        assert!(rate.upper(0.99) <= most, "{noise:?}: {rate:?}");
    }
    for after in [5, 6, 8, 12] {
        let rate = told(Noise::Normal, 1000, 3.0, after);
        rate.print(&format!("history, step of 3 deviations {after} commits ago"));
    }
}
