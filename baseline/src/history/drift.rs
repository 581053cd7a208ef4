//! Whether a metric crept: by steps that are each too small to see.

use super::{History, Stretch, hodges_lehmann};
use crate::scale::Point;
use tokgate_core::case::Tolerance;
use tokgate_core::quantile::Sorted;

/// Latest commits that are compared with an anchor.
const LATEST: usize = 10;

/// How a metric crept; positive is worse, a share for a relative budget, else in its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Over the window, by the slope of its commits.
    pub over_window: f64,
    /// From the anchor to the latest commits; absent without an anchor.
    pub since_anchor: Option<f64>,
    /// Whether either used up the budget.
    pub beyond_budget: bool,
}

/// The drift of the latest commits: (n − 1) times the median of the slopes between all pairs of
/// them (Theil 1950, Sen 1968); and from the epochs of `anchor`, such as the last release, to the
/// last ten commits. `None` where the history is too short.
#[must_use]
pub fn drift(history: &History, anchor: &[f64], budget: Tolerance) -> Option<Drift> {
    let stretch = history.latest(budget)?;
    let commits = stretch.thetas.len() as f64;
    let window = (commits - 1.0) * theil_sen(&stretch.thetas);
    let anchored = since(&stretch, anchor);
    let line = stretch.scale.line(stretch.sign, budget);
    let beyond = |change: f64| stretch.sign.worse(change) > line;
    Some(Drift {
        over_window: stretch.effect(window),
        since_anchor: anchored.map(|change| stretch.effect(change)),
        beyond_budget: beyond(window) || anchored.is_some_and(beyond),
    })
}

fn since(stretch: &Stretch<'_>, anchor: &[f64]) -> Option<f64> {
    let points: Vec<Point> = anchor.iter().map(|value| Point { value: *value, se: None }).collect();
    let before = stretch.scale.thetas(&points);
    let after = &stretch.thetas[stretch.thetas.len() - LATEST..];
    let comparable = !before.is_empty() && before.iter().all(|theta| theta.is_finite());
    comparable.then(|| hodges_lehmann(&before, after))
}

fn theil_sen(thetas: &[f64]) -> f64 {
    let slopes = (0..thetas.len()).flat_map(|from| {
        (from + 1..thetas.len()).map(move |to| (thetas[to] - thetas[from]) / (to - from) as f64)
    });
    Sorted::new(slopes).median().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Luck, history};
    use tokgate_core::metric::{E2E, TOK_S};

    const BUDGET: Tolerance = Tolerance::Relative(0.05);

    /// Forty commits with noise of 1 % that creep by `slope` a commit.
    fn creeping(slope: f64) -> Vec<f64> {
        let mut luck = Luck::new(1);
        (0..40).map(|at| slope * f64::from(at) + 0.01 * luck.normal()).collect()
    }

    #[test]
    fn a_slow_creep_is_seen_though_no_step_is() {
        let found = drift(&history(&E2E, 1, &creeping(0.002)), &[], BUDGET).unwrap();
        assert!((found.over_window - 0.08).abs() < 0.02 && found.beyond_budget, "{found:?}");
        let better = drift(&history(&TOK_S, 1, &creeping(0.002)), &[], BUDGET).unwrap();
        assert!(better.over_window < -0.06 && !better.beyond_budget, "{better:?}");
    }

    #[test]
    fn an_anchor_shows_what_the_window_has_forgotten() {
        let level = history(&E2E, 1, &creeping(0.0));
        let none = drift(&level, &[99.0, 100.0, 101.0], BUDGET).unwrap();
        assert!(none.since_anchor.unwrap().abs() < 0.02 && !none.beyond_budget, "{none:?}");
        let crept = drift(&level, &[89.0, 90.0, 91.0], BUDGET).unwrap();
        assert!((crept.since_anchor.unwrap() - 0.11).abs() < 0.02, "{crept:?}");
        assert!(crept.beyond_budget && crept.over_window.abs() < 0.02);
    }

    #[test]
    fn too_few_commits_and_an_anchor_of_zero_say_nothing() {
        assert_eq!(drift(&history(&E2E, 1, &creeping(0.1)[..19]), &[], BUDGET), None);
        let zero = drift(&history(&E2E, 1, &creeping(0.0)), &[0.0], BUDGET).unwrap();
        assert_eq!(zero.since_anchor, None);
    }
}
