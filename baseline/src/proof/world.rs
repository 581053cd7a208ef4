//! Simulated machines: how epochs vary around what a target really does.

use crate::fixture::Luck;

/// How the noise of epochs in a row is shaped; each has a standard deviation of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Noise {
    Normal,
    /// Student's t with four degrees of freedom: a large error now and then.
    HeavyTails,
    /// Two states of the machine, half of the epochs in each.
    TwoStates,
    /// Each epoch resembles the one before, by this correlation.
    Wandering(f64),
}

impl Noise {
    /// Every shape.
    pub(crate) const ALL: [Self; 5] = [
        Self::Normal,
        Self::HeavyTails,
        Self::TwoStates,
        Self::Wandering(0.5),
        Self::Wandering(0.7),
    ];

    /// The noise of `count` epochs in a row.
    pub(crate) fn draw(self, luck: &mut Luck, count: usize) -> Vec<f64> {
        match self {
            Self::Wandering(phi) => luck.autoregressive(phi, count),
            Self::Normal => (0..count).map(|_| luck.normal()).collect(),
            Self::HeavyTails => (0..count).map(|_| heavy(luck)).collect(),
            Self::TwoStates => (0..count).map(|_| two_states(luck)).collect(),
        }
    }
}

/// A t variable with four degrees of freedom has the variance 2.
fn heavy(luck: &mut Luck) -> f64 {
    let squares: f64 = (0..4).map(|_| luck.normal().powi(2)).sum();
    luck.normal() / (squares / 4.0).sqrt() / std::f64::consts::SQRT_2
}

/// Two states 1.8 apart, and 0.436 within either: 0.9² + 0.436² = 1.
fn two_states(luck: &mut Luck) -> f64 {
    let state = if luck.uniform() < 0.5 { -0.9 } else { 0.9 };
    state + 0.436 * luck.normal()
}

/// A machine on which epochs of one target vary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct World {
    pub noise: Noise,
    /// Standard deviation of the difference of a pair, as a share of the value.
    pub pairs: f64,
    /// Standard deviation from one booking to the next.
    pub bookings: f64,
    /// How far it creeps over the epochs of one booking, both sides alike.
    pub drift: f64,
}

impl World {
    /// Pairs that vary by `pairs`, on a machine that is otherwise steady.
    pub(crate) fn of(noise: Noise, pairs: f64) -> Self {
        Self { noise, pairs, bookings: pairs, drift: 0.0 }
    }

    /// As it is printed.
    pub(crate) fn name(self) -> String {
        let Self { noise, pairs, drift, .. } = self;
        format!("{noise:?} of {:.2} %, drift of {:.0} %", 100.0 * pairs, 100.0 * drift)
    }

    /// The logarithms of `count` epochs in one booking.
    pub(crate) fn booking(self, luck: &mut Luck, count: usize) -> Vec<f64> {
        let level = self.bookings * luck.normal();
        let step = self.drift / count.max(2) as f64;
        let own = self.pairs / std::f64::consts::SQRT_2;
        let noise = self.noise.draw(luck, count);
        noise
            .iter()
            .zip(0..)
            .map(|(noise, at)| level + own * noise + step * f64::from(at))
            .collect()
    }
}

#[test]
fn every_noise_has_the_same_size() {
    for noise in Noise::ALL {
        let drawn = noise.draw(&mut Luck::new(1), 20_000);
        let square = drawn.iter().map(|one| one * one).sum::<f64>() / 20_000.0;
        assert!((0.9..1.1).contains(&square), "{noise:?}: {square}");
    }
}
