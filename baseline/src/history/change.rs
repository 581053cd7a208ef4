//! Where a history changed: rank-sum splits, tested by permutations (Pettitt 1979).

use super::{History, Stretch, hodges_lehmann};
use crate::blocks::below;
use crate::compat::fingerprint;
use crate::correction::benjamini_hochberg;
use crate::dependence::centered_ranks;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokgate_core::quantile::Sorted;

/// Commits on either side of a split, at least: fewer have no middle.
const SIDE: usize = 5;
/// The level at which a split is accepted.
const ACCEPTED: f64 = 0.005;
/// Of the changes that are told over all histories, the share that may be none.
const FALSE_SHARE: f64 = 0.05;
/// Permutations that must reach a split before no more are drawn: what chance often makes is
/// known after a few dozen.
const ENOUGH: usize = 10;
/// Permutations at most: the smallest chance is then 1 in 20 000, with which one change among a
/// thousand histories is still told.
const PERMUTATIONS: usize = 19_999;
/// A correlation from one commit to the next below which it counts as none.
const NOTICED: f64 = 0.15;
/// A step of so many deviations between neighbours is no wandering: histories of which each commit
/// resembles the last by 0.7 rarely have one.
const ABRUPT: f64 = 4.0;
/// Splits that are nearly as good as the best, as a share of its Z: the change may be at any.
const AS_GOOD: f64 = 0.9;

/// A change, somewhere in a few commits.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The first commit that may have brought it.
    pub first: String,
    /// The last one.
    pub last: String,
    /// The likeliest.
    pub likeliest: String,
    /// How often chance alone shows as much in this history.
    pub p: f64,
    /// How far the metric moved, positive = worse: a share for a relative tolerance, else in the
    /// metric's unit.
    pub effect: f64,
}

/// The changes in each of `histories`, oldest first: splits of the latest commits that chance
/// explains in at most 5 of 1000 histories and that exceed the tolerance, in histories that stand
/// out among all of them (Benjamini and Hochberg, 5 %).
#[must_use]
pub fn changes(histories: &[History]) -> Vec<Vec<Change>> {
    let found: Vec<Found> = histories.iter().map(Found::of).collect();
    let told = benjamini_hochberg(found.iter().map(|found| found.p).collect(), FALSE_SHARE);
    let tell = |found: Found| match told.is_some_and(|limit| found.p <= limit) {
        true => found.changes,
        false => Vec::new(),
    };
    found.into_iter().map(tell).collect()
}

/// What one history shows by itself.
#[derive(Debug)]
pub(crate) struct Found {
    /// The chance of its strongest split; 1 where it is too short to have one.
    pub p: f64,
    /// What would be told of it.
    pub changes: Vec<Change>,
}

impl Found {
    pub(crate) fn of(history: &History) -> Self {
        let Some(stretch) = history.latest(history.tolerance) else {
            return Self { p: 1.0, changes: Vec::new() };
        };
        let mut segmentation = Segmentation {
            line: stretch.scale.line(stretch.sign, history.tolerance),
            rng: ChaCha8Rng::seed_from_u64(fingerprint(&history.key)),
            splits: Vec::new(),
        };
        let p = segmentation.split(&stretch.thetas, 0).unwrap_or(1.0);
        Self { p, changes: told(&stretch, &segmentation.splits) }
    }
}

/// Binary segmentation: split, then split the halves.
struct Segmentation {
    line: f64,
    rng: ChaCha8Rng,
    splits: Vec<Split>,
}

/// A split of a segment; places are numbers of commits before it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Split {
    at: usize,
    first: usize,
    last: usize,
    z: f64,
    p: f64,
}

impl Segmentation {
    /// Splits `thetas`, which begin at `offset`, and then its halves, as long as splits are
    /// accepted; those end up in order. Returns the chance of the first.
    fn split(&mut self, thetas: &[f64], offset: usize) -> Option<f64> {
        let ranks = centered_ranks(thetas);
        let split = Weights::of(&ranks)?.strongest(&ranks)?;
        let (left, right) = thetas.split_at(split.at);
        let p = self.chance(ranks, split.z * correction(left, right));
        if p <= ACCEPTED && hodges_lehmann(left, right).abs() >= self.line {
            let (at, first, last) = (offset + split.at, offset + split.first, offset + split.last);
            self.split(left, offset);
            self.splits.push(Split { at, first, last, p, ..split });
            self.split(right, at);
        }
        Some(p)
    }

    /// How often a permutation of the ranks has a split as strong as `z`: the share when
    /// [`ENOUGH`] have, (1 + number) / (1 + all) when they never do (Besag and Clifford 1991).
    fn chance(&mut self, mut ranks: Vec<f64>, z: f64) -> f64 {
        let Some(weights) = Weights::of(&ranks) else { return 1.0 };
        let mut reached = 0;
        for drawn in 1..=PERMUTATIONS {
            shuffle(&mut ranks, &mut self.rng);
            reached += usize::from(weights.scores(&ranks).any(|(_, other)| other.abs() >= z));
            if reached == ENOUGH {
                return ENOUGH as f64 / drawn as f64;
            }
        }
        (1 + reached) as f64 / (1 + PERMUTATIONS) as f64
    }
}

/// 1 / SD of the sum of the first τ ranks for each τ that leaves [`SIDE`] on either side, where
/// SD² = τ (N − τ) / N · S² and S² is the variance of the ranks, ties and all.
struct Weights(Vec<f64>);

impl Weights {
    /// `None` where there is no room for a split, or all values are equal.
    fn of(ranks: &[f64]) -> Option<Self> {
        let n = ranks.len();
        let squares: f64 = ranks.iter().map(|rank| rank * rank).sum();
        let variance = squares / (n as f64 - 1.0);
        let one = |before: usize| {
            let (before, all) = (before as f64, n as f64);
            1.0 / (before * (all - before) / all * variance).sqrt()
        };
        (n >= 2 * SIDE && squares > 0.0).then(|| Self((SIDE..=n - SIDE).map(one).collect()))
    }

    /// Z of each split, with the number of commits before it.
    fn scores<'a>(&'a self, ranks: &'a [f64]) -> impl Iterator<Item = (usize, f64)> + 'a {
        let mut sum: f64 = ranks[..SIDE - 1].iter().sum();
        let places = ranks[SIDE - 1..].iter().zip(&self.0).zip(SIDE..);
        places.map(move |((rank, weight), before)| {
            sum += rank;
            (before, sum * weight)
        })
    }

    /// The split with the largest |Z|, and those of the same sign that are nearly as large.
    fn strongest(&self, ranks: &[f64]) -> Option<Split> {
        let (at, best) = self.scores(ranks).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
        let good = |z: f64| z * best.signum() >= AS_GOOD * best.abs();
        let mut places = self.scores(ranks).filter(|(_, z)| good(*z)).map(|(before, _)| before);
        let first = places.next()?;
        Some(Split { at, first, last: places.last().unwrap_or(first), z: best.abs(), p: 1.0 })
    }
}

/// √((1 − φ) / (1 + φ)), by which neighbours that are alike make splits look stronger than they
/// are; 1 below [`NOTICED`]. φ is the lag-1 correlation of what is left over on either side, plus
/// 3 / n, by which that is too small.
fn correction(left: &[f64], right: &[f64]) -> f64 {
    const LARGEST: f64 = 0.99;
    let rest = [left_over(left), left_over(right)].concat();
    let squares: f64 = rest.iter().map(|one| one * one).sum();
    let products: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    if squares == 0.0 {
        return 1.0;
    }
    let phi = (products / squares + 3.0 / rest.len() as f64).min(LARGEST);
    if phi > NOTICED { ((1.0 - phi) / (1.0 + phi)).sqrt() } else { 1.0 }
}

/// What is left of `side` around its median, or around those of its parts where it has an
/// [`ABRUPT`] step of its own: else a second change would pass for correlation and hide the first.
fn left_over(side: &[f64]) -> Vec<f64> {
    let ranks = centered_ranks(side);
    let split = Weights::of(&ranks).and_then(|weights| weights.strongest(&ranks));
    if let Some((left, right)) = split.map(|split| side.split_at(split.at))
        && hodges_lehmann(left, right).abs() > ABRUPT * between_neighbours(side)
    {
        return [left_over(left), left_over(right)].concat();
    }
    let middle = Sorted::new(side.iter().copied()).median().unwrap_or(0.0);
    side.iter().map(|theta| theta - middle).collect()
}

/// The deviation of a commit as its neighbours show it, which a few steps do not disturb:
/// 1.4826 · median |θ_i+1 − θ_i| / √2.
fn between_neighbours(side: &[f64]) -> f64 {
    let steps = side.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    1.4826 * Sorted::new(steps).median().unwrap_or(0.0) / std::f64::consts::SQRT_2
}

/// Fisher and Yates.
fn shuffle(values: &mut [f64], rng: &mut ChaCha8Rng) {
    for end in (2..=values.len()).rev() {
        values.swap(end - 1, below(rng, end));
    }
}

/// The splits as they are told, each by the segments that meet there.
fn told(stretch: &Stretch<'_>, splits: &[Split]) -> Vec<Change> {
    let id = |at: usize| stretch.commits[at].id.clone();
    let tell = |(number, split): (usize, &Split)| {
        let begin = number.checked_sub(1).map_or(0, |before| splits[before].at);
        let end = splits.get(number + 1).map_or(stretch.thetas.len(), |after| after.at);
        let (before, after) = (&stretch.thetas[begin..split.at], &stretch.thetas[split.at..end]);
        Change {
            first: id(split.first),
            last: id(split.last),
            likeliest: id(split.at),
            p: split.p,
            effect: stretch.effect(hodges_lehmann(before, after)),
        }
    };
    splits.iter().enumerate().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Luck, history};
    use tokgate_core::metric::{E2E, TOK_S};

    /// Noise of 1 %, and steps of the logarithm at some commits.
    fn steps(seed: u64, steps: &[(usize, f64)]) -> Vec<f64> {
        let mut luck = Luck::new(seed);
        let level = |at: usize| -> f64 {
            steps.iter().filter(|(from, _)| at >= *from).map(|(_, step)| step).sum()
        };
        (0..60).map(|at| level(at) + 0.01 * luck.normal()).collect()
    }

    fn only(found: Vec<Vec<Change>>) -> Vec<Change> {
        found.into_iter().next().unwrap()
    }

    #[test]
    fn a_step_is_found_at_its_commit_and_with_its_size() {
        let slower = only(changes(&[history(&E2E, 1, &steps(1, &[(40, 0.05)]))]));
        let [change] = slower.as_slice() else { panic!("{slower:?}") };
        let number = |id: &str| id.parse::<usize>().unwrap();
        assert!((number(&change.first)..=number(&change.last)).contains(&40), "{change:?}");
        assert!(number(&change.likeliest).abs_diff(40) <= 2, "{change:?}");
        assert!((change.effect - 0.05).abs() < 0.015, "{change:?}");
        let fewer = only(changes(&[history(&TOK_S, 1, &steps(1, &[(40, 0.05)]))]));
        assert!(fewer[0].effect < -0.03, "more tokens a second are better: {fewer:?}");
    }

    #[test]
    fn a_second_step_does_not_hide_the_first() {
        for size in [0.06, 0.2] {
            let found = only(changes(&[history(&E2E, 2, &steps(2, &[(20, size), (40, size)]))]));
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found.iter().all(|change| (change.effect - size).abs() < 0.03), "{found:?}");
        }
    }

    #[test]
    fn a_step_within_the_tolerance_is_none() {
        assert_eq!(only(changes(&[history(&E2E, 3, &steps(3, &[(30, 0.012)]))])), []);
        assert_eq!(only(changes(&[history(&E2E, 3, &[0.0; 60])])), []);
    }

    #[test]
    fn what_changed_with_the_environment_is_none() {
        let mut moved = history(&E2E, 4, &steps(4, &[(35, 0.2)]));
        moved.commits[35..].iter_mut().for_each(|it| it.environment = "two".to_owned());
        assert_eq!(only(changes(std::slice::from_ref(&moved))), []);
        assert!(Found::of(&moved).p > ACCEPTED);
        moved.commits.truncate(35 + 19);
        assert_eq!(Found::of(&moved).p, 1.0, "nineteen commits are too few");
    }

    #[test]
    fn a_change_is_still_told_among_a_thousand_histories() {
        let mut all: Vec<History> =
            (0..1000).map(|key| history(&E2E, key, &steps(key + 10, &[]))).collect();
        all[500] = history(&E2E, 500, &steps(5, &[(30, 0.05)]));
        let told = changes(&all);
        assert_eq!(told[500].len(), 1);
        assert_eq!(told.iter().filter(|changes| !changes.is_empty()).count(), 1);
    }

    #[test]
    fn the_same_history_has_the_same_changes() {
        let one = [history(&E2E, 6, &steps(6, &[(25, 0.03)]))];
        assert_eq!(changes(&one), changes(&one));
    }
}
