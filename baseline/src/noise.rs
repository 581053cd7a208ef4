//! How much differences of pairs vary: what these pairs say, steadied by what pairs without a
//! change said when the baseline was recorded.

use crate::student;
use tokgate_core::quantile::standard_deviation;

/// Degrees of freedom at which the noise of the baseline is trusted at most: it is of another day,
/// so that these pairs keep half a say.
const MOST_TRUSTED: f64 = 8.0;
/// A variance above that of the baseline by what chance makes of it once in a hundred times is of
/// another noise, and the baseline's is then left out.
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
    /// s² alone where there are not two of them, or s² / s0² is beyond F_.99(R − 1, d0).
    pub(crate) fn of(differences: &[f64], same: &[f64], floor: f64) -> Option<Self> {
        let own = Self::alone(differences, floor)?;
        let Some(known) = Self::alone(same, floor) else { return Some(own) };
        let known = Self { df: known.df.min(MOST_TRUSTED), ..known };
        let most = known.variance() * student::ratio_quantile(SURPRISING, own.df, known.df);
        match own.variance() > most {
            true => Some(Self { noisy: true, ..own }),
            false => Some(own.moderated(known)),
        }
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

    /// Values whose variance is 4.
    const FOUR: [f64; 3] = [-2.0, 0.0, 2.0];
    /// Values whose variance is 1.
    const ONE: [f64; 3] = [-1.0, 0.0, 1.0];

    #[test]
    fn two_variances_are_weighed_by_what_they_rest_on() {
        let noise = Noise::of(&FOUR, &ONE, 0.0).unwrap();
        assert!((noise.deviation.powi(2) - 2.5).abs() < 1e-12);
        assert_eq!((noise.df, noise.noisy), (4.0, false));
    }

    #[test]
    fn many_pairs_of_another_day_count_as_nine() {
        let noise = Noise::of(&FOUR, &ONE.repeat(30), 0.0).unwrap();
        assert_eq!(noise.df, 10.0);
    }

    #[test]
    fn noise_that_the_baseline_did_not_know_stands_alone() {
        let tripled: Vec<f64> = ONE.repeat(3).iter().map(|value| 3.0 * value).collect();
        let noise = Noise::of(&tripled, &ONE.repeat(3), 0.0).unwrap();
        assert_eq!((noise.df, noise.noisy), (8.0, true));
        assert!((noise.deviation.powi(2) - 6.75).abs() < 1e-12);
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
        let own = Noise { deviation: 2.0, df: 2.0, noisy: false };
        assert_eq!(Noise::of(&FOUR, &[], 0.0), Some(own));
        assert_eq!(Noise::of(&FOUR, &[1.0], 0.0), Some(own));
    }
}
