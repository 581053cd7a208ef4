//! Fresh pairs of base and head, back to back: what they say of a suspect.
//!
//! What both epochs of a pair have in common (the hour, the heat, the neighbours) cancels in their
//! difference. Whether the base or the head comes first is for whoever measures to alternate.

use crate::arms::{Arms, ArmsError, Gated, Test};
use crate::compare::Finding;
use crate::noise::Noise;
use crate::scale::Scale;
use crate::shift::Shift;
use crate::verdict::ALPHA;
use tokgate_core::case::Tolerance;
use tokgate_core::quantile::mean;

/// What one pair said, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The base's epoch.
    pub base: f64,
    /// The head's epoch.
    pub head: f64,
}

/// Compares a suspect by its pairs. `same` are differences of pairs without a change, as a
/// baseline keeps them: of logarithms for a relative tolerance, of values for an absolute one.
///
/// d_j = s · (θ_head,j − θ_base,j), d̄ ± t · s̃ / √R over R pairs, with s̃ moderated by `same`.
///
/// # Errors
/// Where nothing can be compared; see [`Arms::new`].
pub fn compare_pairs(gated: Gated, pairs: &[Pair], same: &[f64]) -> Result<Finding, ArmsError> {
    let side = |of: fn(&Pair) -> f64| pairs.iter().map(of).collect::<Vec<f64>>();
    let arms = Arms::new(gated, &side(|pair| pair.base), &side(|pair| pair.head))?;
    let what = arms.compare(|arms, scale| paired(arms, scale, same));
    Ok(Finding { metric: gated.metric, what })
}

fn paired(arms: &Arms, scale: Scale, same: &[f64]) -> Option<Test> {
    let (base, head) = (scale.thetas(&arms.base), scale.thetas(&arms.head));
    let difference = |(base, head): (&f64, &f64)| arms.sign.worse(head - base);
    let differences: Vec<f64> = base.iter().zip(&head).map(difference).collect();
    let same = if is_scale_of(scale, arms.gated.tolerance) { same } else { &[] };
    let noise = Noise::of(&differences, same, scale.floor(&arms.base))?;
    let se = noise.deviation / (differences.len() as f64).sqrt();
    let shift = Shift { estimate: mean(&differences)?, se, df: noise.df };
    let idle = arms.convict_nobody();
    Some(Test { noisy: noise.noisy, idle, ..Test::new(shift, arms.line(scale), ALPHA) })
}

/// Whether the baseline's differences are on this scale: a relative tolerance with a 0 among the
/// values is not.
fn is_scale_of(scale: Scale, tolerance: Tolerance) -> bool {
    matches!(
        (scale, tolerance),
        (Scale::Log, Tolerance::Relative(_)) | (Scale::Linear { .. }, Tolerance::Absolute(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Both, What};
    use crate::fixture::gated;
    use tokgate_core::metric;

    fn pairs(values: &[(f64, f64)]) -> Vec<Pair> {
        values.iter().map(|(base, head)| Pair { base: *base, head: *head }).collect()
    }

    fn both(gated: Gated, values: &[(f64, f64)], same: &[f64]) -> Both {
        let finding = compare_pairs(gated, &pairs(values), same).unwrap();
        finding.both().unwrap().clone()
    }

    #[test]
    fn what_both_epochs_of_a_pair_share_cancels() {
        let drifting: Vec<(f64, f64)> =
            (0..8).map(|at| 1.1_f64.powi(at)).map(|base| (base, 0.95 * base)).collect();
        let both = both(gated(&metric::TOK_S), &drifting, &[]);
        assert!((both.comparison.effect - 0.05).abs() < 1e-12);
        let interval = both.comparison.interval.unwrap();
        assert!(interval.low > 0.049 && interval.high < 0.051, "{interval:?}");
    }

    #[test]
    fn the_effect_that_can_be_found_is_that_of_the_formula() {
        // Deviations of 1.5 %, seven degrees of freedom alone: 2 % + (2.998 + 0.842) · 1.5 % / √8.
        let step = 0.015 * (7.0_f64 / 8.0).sqrt();
        let values: Vec<(f64, f64)> =
            (0..8).map(|at| (1.0, (step * f64::from(1 - 2 * (at % 2))).exp())).collect();
        let slower = gated(&metric::E2E);
        let mde = both(slower, &values, &[]).comparison.mde.unwrap();
        assert!((mde - 0.0410).abs() < 5e-4, "{mde}");
    }

    #[test]
    fn absolute_tolerances_are_compared_without_logarithms() {
        let recall =
            Gated { tolerance: Tolerance::Absolute(0.005), ..gated(&metric::RECALL_AT_10) };
        let lost = both(
            recall,
            &[(1.0, 0.98), (0.99, 0.97), (0.98, 0.96), (0.97, 0.95), (0.96, 0.94)],
            &[],
        );
        assert!((lost.comparison.effect - 0.02).abs() < 1e-12);
        assert!(lost.chances.unwrap().worse < 1e-4);
        let noisier = both(recall, &[(1.0, 0.98); 5], &[0.03, -0.03, 0.02, -0.02, 0.0]);
        assert!(noisier.chances.unwrap().worse > 0.01);
    }

    #[test]
    fn zeros_have_no_share_and_nothing_lost_is_within() {
        let failures = Gated { tolerance: Tolerance::Absolute(0.0), ..gated(&metric::ERROR_RATE) };
        let chances = both(failures, &[(0.0, 0.0); 8], &[0.0; 8]).chances.unwrap();
        assert!(chances.within && chances.worse == 1.0);
        let relative = gated(&metric::ERROR_RATE);
        let finding = compare_pairs(relative, &pairs(&[(0.0, 0.1); 8]), &[]).unwrap();
        assert_eq!(finding.what, What::FromZero);
        assert!(both(relative, &[(0.0, 0.0); 8], &[]).chances.unwrap().within);
    }
}
