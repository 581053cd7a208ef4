//! How much load there is at each moment: requests a second, or workers.

use serde::{Deserialize, Serialize};

/// A stretch over which the level goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Seconds.
    pub duration_s: f64,
    /// Level at its beginning.
    pub from: f64,
    /// Level at its end.
    pub to: f64,
}

impl Segment {
    /// The level stays.
    #[must_use]
    pub fn flat(level: f64, duration_s: f64) -> Self {
        Self { duration_s, from: level, to: level }
    }

    fn level_at(self, at_s: f64) -> f64 {
        self.from + (self.to - self.from) * at_s / self.duration_s
    }

    /// ∫ level dt over the first `at_s` seconds: a trapezium.
    fn amount_at(self, at_s: f64) -> f64 {
        (self.from + self.level_at(at_s)) / 2.0 * at_s
    }

    /// When `amount` is reached: the root of from · t + slope · t² / 2 = amount, in the form that
    /// loses no digits for a small slope.
    fn time_of(self, amount: f64) -> f64 {
        let slope = (self.to - self.from) / self.duration_s;
        let root = (self.from * self.from + 2.0 * slope * amount).max(0.0).sqrt();
        match self.from + root > 0.0 {
            true => (2.0 * amount / (self.from + root)).clamp(0.0, self.duration_s),
            false => 0.0,
        }
    }
}

/// How the level of a load goes over time: stretches of straight lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape(pub Vec<Segment>);

/// How a day goes: the share of its peak at the beginning of every second hour. People sleep,
/// work, have lunch and an evening: the course that public traces of chat services show (Azure's
/// LLM inference traces of 2024, BurstGPT 2024), rounded.
const DAY: [f64; 13] =
    [0.30, 0.15, 0.10, 0.20, 0.55, 0.90, 0.80, 1.00, 0.95, 0.75, 0.65, 0.50, 0.30];

impl Shape {
    /// The same level all along.
    #[must_use]
    pub fn constant(level: f64, duration_s: f64) -> Self {
        Self(vec![Segment::flat(level, duration_s)])
    }

    /// Up from `base` to `peak` in a third of the time, a third at the peak, and down again.
    #[must_use]
    pub fn ramp(base: f64, peak: f64, duration_s: f64) -> Self {
        let third = duration_s / 3.0;
        Self(vec![
            Segment { duration_s: third, from: base, to: peak },
            Segment::flat(peak, third),
            Segment { duration_s: third, from: peak, to: base },
        ])
    }

    /// `base`, a burst of `peak` for `burst_s` seconds in the middle of the first half, and `base`
    /// again for the longer rest, in which the target recovers.
    #[must_use]
    pub fn spike(base: f64, peak: f64, burst_s: f64, duration_s: f64) -> Self {
        let around = (duration_s - burst_s).max(0.0);
        let before = around / 3.0;
        Self(vec![
            Segment::flat(base, before),
            Segment::flat(peak, burst_s),
            Segment::flat(base, around - before),
        ])
    }

    /// Each level for the same time.
    #[must_use]
    pub fn steps(levels: &[f64], duration_s: f64) -> Self {
        let each = duration_s / levels.len().max(1) as f64;
        Self(levels.iter().map(|level| Segment::flat(*level, each)).collect())
    }

    /// A day with its busiest hour at `peak`, in `duration_s` seconds.
    #[must_use]
    pub fn day(peak: f64, duration_s: f64) -> Self {
        let each = duration_s / (DAY.len() - 1) as f64;
        let stretch =
            |pair: &[f64]| Segment { duration_s: each, from: pair[0] * peak, to: pair[1] * peak };
        Self(DAY.windows(2).map(stretch).collect())
    }

    /// Seconds from beginning to end.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.0.iter().map(|segment| segment.duration_s).sum()
    }

    /// The highest level.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.0.iter().flat_map(|segment| [segment.from, segment.to]).fold(0.0, f64::max)
    }

    /// The level at a moment; `None` before the beginning and from the end on.
    #[must_use]
    pub fn level_at(&self, at_s: f64) -> Option<f64> {
        let mut begin = 0.0;
        for segment in &self.0 {
            if (begin..begin + segment.duration_s).contains(&at_s) {
                return Some(segment.level_at(at_s - begin));
            }
            begin += segment.duration_s;
        }
        None
    }

    /// The first moment from `after_s` on at which the level is above `level`; `None` if it never is.
    #[must_use]
    pub fn next_above(&self, level: f64, after_s: f64) -> Option<f64> {
        let mut begin = 0.0;
        for segment in &self.0 {
            let from = (after_s - begin).max(0.0);
            if from < segment.duration_s {
                if segment.level_at(from) > level {
                    return Some(begin + from);
                }
                if segment.to > level {
                    let share = (level - segment.from) / (segment.to - segment.from);
                    return Some(begin + share * segment.duration_s);
                }
            }
            begin += segment.duration_s;
        }
        None
    }

    /// ∫ level dt over all of it: how many requests a rate gives.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.0.iter().map(|segment| segment.amount_at(segment.duration_s)).sum()
    }

    /// When the integral of the level reaches `amount`; `None` if it never does.
    #[must_use]
    pub fn time_of(&self, mut amount: f64) -> Option<f64> {
        let mut begin = 0.0;
        for segment in &self.0 {
            let whole = segment.amount_at(segment.duration_s);
            if amount < whole {
                return Some(begin + segment.time_of(amount));
            }
            amount -= whole;
            begin += segment.duration_s;
        }
        None
    }

    /// When the level jumps up for the first time and when it falls back: the burst of a spike.
    #[must_use]
    pub fn burst(&self) -> Option<(f64, f64)> {
        let [before, burst, after] = self.0.as_slice() else { return None };
        let flat = |segment: &Segment| segment.from == segment.to;
        let is_spike = [before, burst, after].into_iter().all(flat)
            && before.to < burst.from
            && burst.to > after.from;
        let begin = before.duration_s;
        is_spike.then_some((begin, begin + burst.duration_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_amount_is_the_inverse_of_the_integral() {
        for shape in [
            Shape::constant(500.0, 60.0),
            Shape::ramp(0.0, 40.0, 30.0),
            Shape::spike(5.0, 80.0, 3.0, 30.0),
            Shape::steps(&[1.0, 10.0, 2.0], 30.0),
            Shape::day(20.0, 120.0),
        ] {
            let total = shape.total();
            for part in 0..100 {
                let amount = total * f64::from(part) / 100.0;
                let at = shape.time_of(amount).unwrap();
                let back = integral(&shape, at);
                assert!((back - amount).abs() < total * 1e-3, "{shape:?}: {amount} {back}");
            }
            assert_eq!(shape.time_of(total), None);
        }
    }

    /// By ten thousand rectangles, so that it owes nothing to the formula.
    fn integral(shape: &Shape, until: f64) -> f64 {
        let step = shape.duration_s() / 10_000.0;
        let parts = (until / step).round() as u32;
        (0..parts).filter_map(|n| shape.level_at((f64::from(n) + 0.5) * step)).sum::<f64>() * step
    }

    #[test]
    fn a_ramp_goes_up_stays_and_goes_down() {
        let ramp = Shape::ramp(0.0, 9.0, 9.0);
        let levels: Vec<f64> =
            [0.0, 1.0, 3.0, 5.0, 7.0].map(|at| ramp.level_at(at).unwrap()).into();
        assert_eq!(levels, [0.0, 3.0, 9.0, 9.0, 6.0]);
        assert_eq!((ramp.level_at(9.0), ramp.total(), ramp.peak()), (None, 54.0, 9.0));
    }

    #[test]
    fn a_spike_has_one_burst_and_longer_to_recover_than_to_begin() {
        let spike = Shape::spike(2.0, 20.0, 6.0, 60.0);
        assert_eq!((spike.burst(), spike.duration_s()), (Some((18.0, 24.0)), 60.0));
        assert_eq!(Shape::steps(&[3.0, 2.0, 1.0], 3.0).burst(), None);
    }

    #[test]
    fn a_worker_learns_when_it_is_needed_again() {
        let ramp = Shape::ramp(0.0, 9.0, 9.0);
        assert_eq!(ramp.next_above(3.0, 0.0), Some(1.0));
        assert_eq!(ramp.next_above(3.0, 4.0), Some(4.0));
        assert_eq!(ramp.next_above(3.0, 8.5), None);
        assert_eq!(Shape::steps(&[1.0, 5.0], 4.0).next_above(1.0, 0.0), Some(2.0));
    }
}
