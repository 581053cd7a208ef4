//! The scale on which two arms are compared: logarithms wherever the values allow it.

use tokgate_core::case::Tolerance;
use tokgate_core::metric::Better;
use tokgate_core::quantile::mean;

/// Standard deviation between epochs below which none is believed, as a share of the value: a
/// metric without any noise would otherwise convict on the last digit of a clock.
const SMALLEST_DEVIATION: f64 = 0.001;

/// What one epoch says of a statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// The value, in the metric's unit.
    pub value: f64,
    /// Its standard error within the epoch.
    pub se: Option<f64>,
}

/// Which way is worse: +1 when lower is better, −1 when higher is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sign(f64);

impl Sign {
    /// `None` for what is told and never judged.
    pub(crate) fn of(better: Better) -> Option<Self> {
        match better {
            Better::Lower => Some(Self(1.0)),
            Better::Higher => Some(Self(-1.0)),
            Better::Neither => None,
        }
    }

    /// A change upwards, turned so that positive is worse.
    pub(crate) fn worse(self, change: f64) -> f64 {
        self.0 * change
    }
}

/// The scale on which values are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// θ = ln x: times and rates vary in proportion.
    Log,
    /// θ = x / unit.
    Linear {
        /// The baseline's mean for a relative tolerance, 1 for an absolute one.
        unit: f64,
    },
}

impl Scale {
    /// The scale for these values; `None` for a relative tolerance around 0.
    pub(crate) fn of(tolerance: Tolerance, base: &[Point], head: &[Point]) -> Option<Self> {
        let positive = base.iter().chain(head).all(|point| point.value > 0.0);
        let unmoved = base.iter().chain(head).all(|point| point.value == 0.0);
        let center = center(base)?;
        match tolerance {
            Tolerance::Relative(_) if positive => Some(Self::Log),
            Tolerance::Relative(_) if center > 0.0 => Some(Self::Linear { unit: center }),
            Tolerance::Relative(_) => unmoved.then_some(Self::Linear { unit: 1.0 }),
            Tolerance::Absolute(_) => Some(Self::Linear { unit: 1.0 }),
        }
    }

    /// The arm's middle in the metric's unit: the mean, geometric on the logarithmic scale.
    pub(crate) fn middle(self, arm: &[Point]) -> Option<f64> {
        let theta = mean(&self.thetas(arm))?;
        Some(match self {
            Self::Log => theta.exp(),
            Self::Linear { unit } => theta * unit,
        })
    }

    /// How far `after` lies from `before`; positive is worse.
    pub(crate) fn shift(self, sign: Sign, before: f64, after: f64) -> f64 {
        sign.worse(match self {
            Self::Log => (after / before).ln(),
            Self::Linear { unit } => (after - before) / unit,
        })
    }

    /// A shift as a share of the baseline's value, or in the metric's unit; positive is worse.
    pub(crate) fn effect(self, sign: Sign, shift: f64) -> f64 {
        match self {
            Self::Log => sign.worse(sign.worse(shift).exp_m1()),
            Self::Linear { .. } => shift,
        }
    }

    /// The shift at which the tolerance is used up; infinite where no shift can.
    pub(crate) fn line(self, sign: Sign, tolerance: Tolerance) -> f64 {
        let allowed = match tolerance {
            Tolerance::Relative(allowed) | Tolerance::Absolute(allowed) => allowed,
        };
        match self {
            // A share of 100 % or more cannot be lost.
            Self::Log if sign.worse(allowed) <= -1.0 => f64::INFINITY,
            Self::Log => sign.worse(sign.worse(allowed).ln_1p()),
            Self::Linear { .. } => allowed,
        }
    }

    /// The values on this scale.
    pub(crate) fn thetas(self, arm: &[Point]) -> Vec<f64> {
        let theta = |point: &Point| match self {
            Self::Log => point.value.ln(),
            Self::Linear { unit } => point.value / unit,
        };
        arm.iter().map(theta).collect()
    }

    /// The point's standard error on this scale.
    pub(crate) fn error(self, point: &Point) -> Option<f64> {
        match self {
            Self::Log => point.se.map(|se| se / point.value),
            Self::Linear { unit } => point.se.map(|se| se / unit),
        }
    }

    /// [`SMALLEST_DEVIATION`] on this scale.
    pub(crate) fn floor(self, base: &[Point]) -> f64 {
        match self {
            Self::Log => SMALLEST_DEVIATION,
            Self::Linear { unit } => SMALLEST_DEVIATION * center(base).unwrap_or(0.0).abs() / unit,
        }
    }
}

fn center(arm: &[Point]) -> Option<f64> {
    mean(&arm.iter().map(|point| point.value).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{arm, higher, lower};

    #[test]
    fn an_effect_is_a_share_of_the_baselines_value_in_both_directions() {
        let slower = Scale::Log.effect(lower(), 1.2_f64.ln());
        let fewer = Scale::Log.effect(higher(), -(0.8_f64.ln()));
        assert!((slower - 0.2).abs() < 1e-12 && (fewer - 0.2).abs() < 1e-12);
        for sign in [lower(), higher()] {
            let line = Scale::Log.line(sign, Tolerance::Relative(0.02));
            assert!((Scale::Log.effect(sign, line) - 0.02).abs() < 1e-12);
        }
    }

    #[test]
    fn a_relative_change_from_zero_has_no_scale() {
        let relative = Tolerance::Relative(0.1);
        assert_eq!(Scale::of(relative, &arm(&[0.0]), &arm(&[1.0])), None);
        assert_eq!(
            Scale::of(relative, &arm(&[0.0]), &arm(&[0.0])),
            Some(Scale::Linear { unit: 1.0 })
        );
        assert_eq!(
            Scale::of(relative, &arm(&[0.0, 2.0]), &arm(&[1.0])),
            Some(Scale::Linear { unit: 1.0 })
        );
    }
}
