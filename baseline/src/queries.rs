//! A quality of the same queries on both sides, query by query: recall, and what is like it.

use crate::arms::{Arms, ArmsError, Gated, Test};
use crate::blocks::{Blocks, draw, widening};
use crate::compare::{Chances, Finding, LEVEL, What};
use crate::pairs::Pair;
use crate::scale::Scale;
use crate::shift::Shift;
use crate::verdict::{ALPHA, EPOCHS_NEEDED};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokgate_core::case::Tolerance;
use tokgate_core::quantile::{mean, standard_deviation};

/// Resamples: with them a chance of 1 in 10 000 can be told, which Holm's correction asks for when
/// a hundred metrics are suspected at once.
const RESAMPLES: usize = 9_999;

/// The same queries on both sides.
#[derive(Debug, Clone, Copy)]
pub struct Queries<'a> {
    /// What each query scored, its mean over the epochs of a side.
    pub scores: &'a [Pair],
    /// Epochs of each side.
    pub epochs: usize,
}

/// Compares by resampling the queries, in blocks of neighbours: chances are shares of the
/// resamples, (1 + number of them) / (1 + all) (Davison and Hinkley 1997), widened as for few
/// blocks. The same `seed` gives the same chances.
///
/// It says how far other queries of the same kind would differ, not how far another index would:
/// build one anew in each epoch to have that in the means.
///
/// # Errors
/// Where nothing can be compared; see [`Arms::new`].
pub fn compare_queries(
    gated: Gated,
    queries: &Queries<'_>,
    seed: u64,
) -> Result<Finding, ArmsError> {
    let side = |of: fn(&Pair) -> f64| queries.scores.iter().map(of).collect::<Vec<f64>>();
    let arms = Arms::new(gated, &side(|pair| pair.base), &side(|pair| pair.head))?;
    let what = match linear(&arms) {
        Some(scale) => compare(&arms, scale, queries.epochs, seed),
        None => What::FromZero,
    };
    Ok(Finding { metric: gated.metric, what })
}

/// Scores are compared as they are: many are 0, and it is their mean that counts.
fn linear(arms: &Arms) -> Option<Scale> {
    match arms.gated.tolerance {
        Tolerance::Absolute(_) => Some(Scale::Linear { unit: 1.0 }),
        Tolerance::Relative(_) => {
            let unit = Scale::Linear { unit: 1.0 }.middle(&arms.base)?;
            (unit > 0.0).then_some(Scale::Linear { unit })
        }
    }
}

fn compare(arms: &Arms, scale: Scale, epochs: usize, seed: u64) -> What {
    let (base, head) = (scale.thetas(&arms.base), scale.thetas(&arms.head));
    let losses: Vec<f64> =
        base.iter().zip(&head).map(|(base, head)| arms.sign.worse(head - base)).collect();
    let resamples = resample(&losses, seed);
    let (line, estimate) = (arms.line(scale), mean(&losses).unwrap_or(0.0));
    let se = standard_deviation(&resamples).unwrap_or(0.0);
    let idle = epochs < EPOCHS_NEEDED;
    let test = Test { idle, ..Test::new(Shift { estimate, se, df: f64::INFINITY }, line, ALPHA) };
    let mut what = arms.on(scale, Some(test));
    if let What::Both(both) = &mut what {
        both.comparison.epochs = (epochs, epochs);
        both.chances = Some(chances(&resamples, line));
    }
    what
}

/// Means of resampled losses.
fn resample(losses: &[f64], seed: u64) -> Vec<f64> {
    let blocks = [Blocks::of(losses)];
    let (n, widening) = (losses.len() as f64, widening(&blocks));
    let point = losses.iter().sum::<f64>() / n;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut one = |_| {
        let times = draw(&blocks, &mut rng);
        let sum: f64 = losses.iter().zip(times).map(|(loss, times)| loss * f64::from(times)).sum();
        point + widening * (sum / n - point)
    };
    (0..RESAMPLES).map(&mut one).collect()
}

fn chances(resamples: &[f64], line: f64) -> Chances {
    let share = |of: &dyn Fn(f64) -> bool| {
        let count = resamples.iter().filter(|loss| of(**loss)).count();
        (1 + count) as f64 / (1 + resamples.len()) as f64
    };
    let worse = share(&|loss| loss <= line);
    Chances { worse, better: share(&|loss| loss >= -line), within: 1.0 - worse < LEVEL }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Both;
    use crate::fixture::{Luck, gated};
    use tokgate_core::metric::RECALL_AT_10;

    /// Scores of 500 queries of which each finds its ten with these probabilities.
    fn searched(luck: &mut Luck, base: f64, head: f64) -> Vec<Pair> {
        let mut found = |share| (0..10).filter(|_| luck.uniform() <= share).count() as f64 / 10.0;
        (0..500).map(|_| Pair { base: found(base), head: found(head) }).collect()
    }

    fn compared(scores: &[Pair], seed: u64) -> Both {
        let gated = Gated { tolerance: Tolerance::Absolute(0.005), ..gated(&RECALL_AT_10) };
        let finding = compare_queries(gated, &Queries { scores, epochs: 8 }, seed).unwrap();
        finding.both().unwrap().clone()
    }

    #[test]
    fn three_points_of_recall_are_lost_beyond_doubt_and_won_back() {
        let scores = searched(&mut Luck::new(1), 0.98, 0.95);
        let lost = compared(&scores, 1);
        assert!((lost.comparison.effect - 0.03).abs() < 0.01, "{:?}", lost.comparison);
        assert!(lost.chances.unwrap().worse < 0.001);
        let back: Vec<Pair> =
            scores.iter().map(|pair| Pair { base: pair.head, head: pair.base }).collect();
        assert!(compared(&back, 1).chances.unwrap().better < 0.001);
    }

    #[test]
    fn the_same_answers_are_within_and_have_no_noise() {
        let same = compared(&[Pair { base: 0.9, head: 0.9 }; 50], 1);
        assert!(same.chances.unwrap().within);
        assert_eq!(same.comparison.effect, 0.0);
    }

    #[test]
    fn at_the_edge_of_the_tolerance_few_are_convicted() {
        let mut luck = Luck::new(2);
        let convicted = (0..100).filter(|seed| {
            let scores = searched(&mut luck, 0.98, 0.975);
            compared(&scores, *seed).chances.unwrap().worse <= 0.01
        });
        // At 1 % more than 5 of 100 come up in 1 of 2000 tries.
        assert!(convicted.count() <= 5);
    }

    #[test]
    fn the_same_seed_gives_the_same_chances() {
        let scores = searched(&mut Luck::new(3), 0.98, 0.97);
        assert_eq!(compared(&scores, 7), compared(&scores, 7));
        assert_ne!(compared(&scores, 7).chances, compared(&scores, 8).chances);
    }
}
