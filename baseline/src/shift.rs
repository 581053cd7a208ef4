//! How far one arm lies from the other, and how sure that is.

use crate::scale::{Point, Scale, Sign};
use crate::student;
use tokgate_core::quantile::{mean, standard_deviation};
use tokgate_core::summary::Interval;

/// How far the head lies from the base on a scale; positive is worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shift {
    /// The difference of the arms' means.
    pub estimate: f64,
    /// Its standard error.
    pub se: f64,
    /// Degrees of freedom of that error; infinite for errors from within epochs.
    pub df: f64,
}

impl Shift {
    /// s · (θ̄_head − θ̄_base), with the error √(v_base + v_head).
    ///
    /// With two epochs in both arms v = max(s², floor²) / K and Welch's degrees of freedom
    /// (v_b + v_h)² / (v_b² / (K_b − 1) + v_h² / (K_h − 1)); else v = max(mean of se², floor²) / K
    /// from within the epochs. `None` where neither is known.
    pub(crate) fn between(
        base: &[Point],
        head: &[Point],
        scale: Scale,
        sign: Sign,
    ) -> Option<Self> {
        let epochs = base.len().min(head.len()) >= 2;
        let spread = |arm| match epochs {
            true => Spread::between_epochs(arm, scale, scale.floor(base)),
            false => Spread::within_epochs(arm, scale, scale.floor(base)),
        };
        let (base, head) = (spread(base)?, spread(head)?);
        let variance = base.variance + head.variance;
        let share = |arm: &Spread| arm.variance.powi(2) / arm.df;
        let df = variance.powi(2) / (share(&base) + share(&head));
        Some(Self {
            estimate: sign.worse(head.mean - base.mean),
            se: variance.sqrt(),
            df: if df.is_nan() { f64::INFINITY } else { df },
        })
    }

    /// The 95 % interval of the estimate.
    pub(crate) fn interval(&self) -> Interval {
        let half = student::quantile(0.975, self.df) * self.se;
        Interval { low: self.estimate - half, high: self.estimate + half }
    }

    /// The same seen from the other arm: what was worse is better.
    pub(crate) fn turned(self) -> Self {
        Self { estimate: -self.estimate, ..self }
    }

    /// The smallest true shift that is found beyond `line` at `alpha` in about four of five tries:
    /// line + (t_1−α(df) + z_.80) · se.
    pub(crate) fn detectable(&self, line: f64, alpha: f64) -> f64 {
        let four_of_five = student::quantile(0.8, f64::INFINITY);
        line + (student::quantile(1.0 - alpha, self.df) + four_of_five) * self.se
    }

    /// The one-sided p-value of "not beyond `line`".
    pub(crate) fn p_beyond(&self, line: f64) -> f64 {
        match self.se > 0.0 {
            true => student::survival((self.estimate - line) / self.se, self.df),
            false if self.estimate > line => 0.0,
            false => 1.0,
        }
    }
}

/// The mean of an arm and how sure it is.
#[derive(Debug, Clone, Copy)]
struct Spread {
    mean: f64,
    variance: f64,
    df: f64,
}

impl Spread {
    fn between_epochs(arm: &[Point], scale: Scale, floor: f64) -> Option<Self> {
        let thetas = scale.thetas(arm);
        let deviation = standard_deviation(&thetas)?.max(floor);
        let count = arm.len() as f64;
        Some(Self { mean: mean(&thetas)?, variance: deviation.powi(2) / count, df: count - 1.0 })
    }

    fn within_epochs(arm: &[Point], scale: Scale, floor: f64) -> Option<Self> {
        let squares: Option<Vec<f64>> =
            arm.iter().map(|point| scale.error(point).map(|se| se * se)).collect();
        let variance = mean(&squares?)?.max(floor * floor) / arm.len() as f64;
        Some(Self { mean: mean(&scale.thetas(arm))?, variance, df: f64::INFINITY })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{arm, higher, lower};
    use tokgate_core::case::Tolerance;

    #[test]
    fn a_textbook_comparison_comes_out_as_welch_has_it() {
        let (base, head) = (arm(&[10.0, 12.0, 14.0]), arm(&[15.0, 15.0, 21.0]));
        let shift = Shift::between(&base, &head, Scale::Linear { unit: 1.0 }, lower()).unwrap();
        // Variances 4 and 12 of three each: √(16/3), and (16/3)² / ((16/9 + 16) / 2) = 3.2.
        assert_eq!(shift.estimate, 5.0);
        assert!((shift.se - (16.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((shift.df - 3.2).abs() < 1e-12);
    }

    #[test]
    fn no_noise_at_all_is_not_believed() {
        let shift = Shift::between(&arm(&[1.0; 5]), &arm(&[1.0; 5]), Scale::Log, lower()).unwrap();
        assert!((shift.se - 0.001 * (2.0_f64 / 5.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_epoch_without_an_error_of_its_own_says_nothing() {
        assert_eq!(Shift::between(&arm(&[1.0]), &arm(&[1.0]), Scale::Log, lower()), None);
        let known = [Point { value: 2.0, se: Some(0.2) }];
        let shift = Shift::between(&known, &known, Scale::Log, lower()).unwrap();
        assert!((shift.se - 0.1 * 2.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(shift.df, f64::INFINITY);
    }

    #[test]
    fn a_loss_of_everything_can_never_be_passed() {
        let line = Scale::Log.line(higher(), Tolerance::Relative(1.0));
        let shift = Shift { estimate: 3.0, se: 0.1, df: 4.0 };
        assert_eq!((line, shift.p_beyond(line)), (f64::INFINITY, 1.0));
    }
}
