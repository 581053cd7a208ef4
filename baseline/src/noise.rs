//! How much differences of pairs vary: what these pairs say, steadied by what pairs without a
//! change said when the baseline was recorded.

use crate::student;
use tokgate_core::quantile::standard_deviation;

/// Degrees of freedom at which the noise of the baseline is trusted at most: it is of another day,
/// so that these pairs keep half a say.
const MOST_TRUSTED: f64 = 8.0;
/// A variance so far above the baseline's that chance makes less of it in three of four cases
/// stands alone. That is cautious: with 0.99 instead, every metric at its tolerance, and a noise
/// tripled since the baseline, 8.8 % of runs are convicted instead of 1.7 %; with 0.75 an effect of
/// 5 % at a noise of 3 % is found in 77 % of runs instead of 82 %.
const DOUBTED: f64 = 0.75;
/// Where chance makes less of it in 99 of 100 cases, people are told.
const SURPRISING: f64 = 0.99;

/// A standard deviation and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Noise {
    /// Of one difference, on the scale of the comparison.
    pub deviation: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Whether the baseline knew of less.
    pub noisy: bool,
}

impl Noise {
    /// The noise of `differences`, given those of pairs without a change, `same`; no less than
    /// `floor`. `None` below two differences.
    ///
    /// s̃² = (d0 · s0² + (R − 1) · s²) / (d0 + R − 1) with d0 + R − 1 degrees of freedom, where s0²
    /// is the variance of `same` and d0 = min(number of them − 1, [`MOST_TRUSTED`]) (Smyth 2004).
    /// s² alone where there are not two of them, or s² / s0² is beyond F_.75(R − 1, d0); said to be
    /// noisy beyond F_.99.
    pub(crate) fn of(differences: &[f64], same: &[f64], floor: f64) -> Option<Self> {
        let own = Self::alone(differences, floor)?;
        let Some(known) = Self::alone(same, floor) else { return Some(own) };
        let known = Self { df: known.trusted_df(), ..known };
        let most = |p| known.variance() * student::ratio_quantile(p, own.df, known.df);
        match own.variance() > most(DOUBTED) {
            true => Some(Self { noisy: own.variance() > most(SURPRISING), ..own }),
            false => Some(own.moderated(known)),
        }
    }

    /// Degrees of freedom that this noise counts for beside that of another day.
    pub(crate) fn trusted_df(self) -> f64 {
        self.df.min(MOST_TRUSTED)
    }

    fn alone(differences: &[f64], floor: f64) -> Option<Self> {
        let deviation = standard_deviation(differences)?.max(floor);
        Some(Self { deviation, df: differences.len() as f64 - 1.0, noisy: false })
    }

    fn moderated(self, known: Self) -> Self {
        let df = self.df + known.df;
        let variance = (self.df * self.variance() + known.df * known.variance()) / df;
        Self { deviation: variance.sqrt(), df, noisy: false }
    }

    fn variance(self) -> f64 {
        self.deviation * self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values whose variance is 1.
    const ONE: [f64; 3] = [-1.0, 0.0, 1.0];

    /// Values whose variance is `variance`.
    fn values(variance: f64) -> [f64; 3] {
        ONE.map(|value| variance.sqrt() * value)
    }

    #[test]
    fn two_variances_are_weighed_by_what_they_rest_on() {
        let noise = Noise::of(&values(2.0), &ONE, 0.0).unwrap();
        assert!((noise.deviation.powi(2) - 1.5).abs() < 1e-12);
        assert_eq!((noise.df, noise.noisy), (4.0, false));
    }

    #[test]
    fn many_pairs_of_another_day_count_as_nine() {
        assert_eq!(Noise::of(&ONE, &ONE.repeat(30), 0.0).unwrap().df, 10.0);
    }

    #[test]
    fn noise_that_the_baseline_hardly_explains_stands_alone() {
        // F_.75(2, 2) is 3, and F_.99(2, 2) is 99.
        for (variance, noisy) in [(4.0, false), (100.0, true)] {
            let noise = Noise::of(&values(variance), &ONE, 0.0).unwrap();
            assert!((noise.deviation.powi(2) - variance).abs() < 1e-9);
            assert_eq!((noise.df, noise.noisy), (2.0, noisy), "{variance}");
        }
    }

    #[test]
    fn no_noise_at_all_is_not_believed() {
        let noise = Noise::of(&[0.0; 8], &[0.0; 8], 0.001).unwrap();
        assert!((noise.deviation - 0.001).abs() < 1e-12 && !noise.noisy);
        assert!(Noise::of(&[1e-4, 2e-4], &[0.0; 8], 0.001).unwrap().deviation < 0.0011);
    }

    #[test]
    fn one_pair_says_nothing_and_none_before_leaves_its_own() {
        assert_eq!(Noise::of(&[1.0], &ONE, 0.0), None);
        let own = Noise { deviation: 1.0, df: 2.0, noisy: false };
        assert_eq!(Noise::of(&ONE, &[], 0.0), Some(own));
        assert_eq!(Noise::of(&ONE, &[1.0], 0.0), Some(own));
    }
}
