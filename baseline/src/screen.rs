//! The screen: a few epochs of the head against a recorded baseline. It nominates suspects for a
//! closer look and convicts nobody, for what a machine does of another day is no fault of a change.

use crate::arms::{Arms, ArmsError, Gated, Test};
use crate::compare::{Finding, LEVEL};
use crate::file::EpochValue;
use crate::scale::{Point, Scale};
use crate::shift::Shift;
use crate::verdict::ALPHA;
use std::collections::BTreeMap;
use tokgate_core::case::Tolerance;
use tokgate_core::quantile::{mean, standard_deviation};

/// Bookings that a baseline should span: what differs from one to the next is seen in none of them.
pub const BOOKINGS_NEEDED: usize = 6;
/// Epochs of a baseline below which its noise is hardly known, and only a trip wire is set.
const EPOCHS_KNOWN: usize = 5;
/// A trip wire lies beyond this share, or beyond four deviations where there are some.
const WIRE: f64 = 0.1;

/// d̂ = s · (θ̄_head − θ̄_base) with the error s_B · √(1 / m0 + 1 / K) and K − 1 degrees of freedom,
/// for m0 epochs of the head and K of the baseline, whose deviation s_B takes epochs of one booking
/// for independent. They are not; but an interval that knew of bookings would find half as much,
/// and who is nominated in vain costs minutes.
///
/// Below five epochs of a baseline: a line at 10 % or four deviations, without an error.
pub(crate) fn screened(arms: &Arms, scale: Scale) -> Option<Test> {
    let (base, head) = (scale.thetas(&arms.base), scale.thetas(&arms.head));
    let estimate = arms.sign.worse(mean(&head)? - mean(&base)?);
    let known = standard_deviation(&base).map(|known| known.max(scale.floor(&arms.base)));
    let (line, shares) = (arms.line(scale), 1.0 / head.len() as f64 + 1.0 / base.len() as f64);
    Some(match known {
        Some(known) if base.len() >= EPOCHS_KNOWN => {
            let (se, df) = (known * shares.sqrt(), base.len() as f64 - 1.0);
            Test::new(Shift { estimate, se, df }, line, LEVEL)
        }
        _ => {
            let line = line.max(ten_percent(arms, scale)).max(4.0 * known.unwrap_or(0.0));
            let shift = Shift { estimate, se: 0.0, df: f64::INFINITY };
            Test { wire: true, ..Test::new(shift, line, LEVEL) }
        }
    })
}

/// A tenth of the baseline's value on the scale; nothing for an absolute tolerance.
fn ten_percent(arms: &Arms, scale: Scale) -> f64 {
    match arms.gated.tolerance {
        Tolerance::Relative(_) => scale.line(arms.sign, Tolerance::Relative(WIRE)),
        Tolerance::Absolute(_) => 0.0,
    }
}

/// Where no base can be measured again: two bookings of the head against the bookings of a
/// baseline. Each must lie beyond the line of what one more booking of the baseline would show:
/// θ_head − θ̄ with the error s · √(1 + 1 / K) over the means of its K bookings; the chance is the
/// greater of the two. Below [`BOOKINGS_NEEDED`] nothing is known of the noise.
///
/// # Errors
/// Where nothing can be compared; see [`Arms::new`].
pub fn compare_bookings(
    gated: Gated,
    base: &[EpochValue],
    head: [&[f64]; 2],
) -> Result<Finding, ArmsError> {
    let values: Vec<f64> = base.iter().map(|epoch| epoch.value).collect();
    let arms = Arms::new(gated, &values, &head.concat())?;
    Arms::new(gated, &values, head[0]).and(Arms::new(gated, &values, head[1]))?;
    let what = arms.compare(|arms, scale| {
        let means = booking_means(base, scale);
        let tests = head.map(|head| another_booking(arms, scale, &means, head));
        let [one, other] = [tests[0]?, tests[1]?];
        Some(if one.shift.estimate < other.shift.estimate { one } else { other })
    });
    Ok(Finding { metric: gated.metric, what })
}

fn another_booking(arms: &Arms, scale: Scale, means: &[f64], head: &[f64]) -> Option<Test> {
    let count = (means.len() >= BOOKINGS_NEEDED).then_some(means.len() as f64)?;
    let deviation = standard_deviation(means)?.max(scale.floor(&arms.base));
    let head: Vec<Point> = head.iter().map(|value| Point { value: *value, se: None }).collect();
    let shift = Shift {
        estimate: arms.sign.worse(mean(&scale.thetas(&head))? - mean(means)?),
        se: deviation * (1.0 + 1.0 / count).sqrt(),
        df: count - 1.0,
    };
    Some(Test::new(shift, arms.line(scale), ALPHA))
}

fn booking_means(base: &[EpochValue], scale: Scale) -> Vec<f64> {
    let mut bookings: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for epoch in base {
        let point = Point { value: epoch.value, se: None };
        bookings.entry(&epoch.booking).or_default().push(point);
    }
    bookings.values().filter_map(|epochs| mean(&scale.thetas(epochs))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Both;
    use crate::fixture::gated;
    use tokgate_core::metric::TOK_S;

    fn screen(base: &[f64], head: &[f64]) -> Both {
        let arms = Arms::new(gated(&TOK_S), base, head).unwrap();
        let finding = Finding { metric: arms.gated.metric, what: arms.compare(screened) };
        finding.both().unwrap().clone()
    }

    fn bookings(head: [&[f64]; 2], count: usize) -> Both {
        let epoch = |at: usize| EpochValue {
            booking: format!("{}", at / 2),
            value: 100.0 + (at % 3) as f64,
            se: None,
        };
        let base: Vec<EpochValue> = (0..2 * count).map(epoch).collect();
        compare_bookings(gated(&TOK_S), &base, head).unwrap().both().unwrap().clone()
    }

    #[test]
    fn what_is_beyond_the_tolerance_and_the_noise_is_nominated_either_way() {
        let base = [99.0, 100.0, 101.0].repeat(4);
        assert!(screen(&base, &[90.0; 3]).chances.unwrap().look_worse());
        assert!(screen(&base, &[110.0; 3]).chances.unwrap().look_better());
        let near = screen(&base, &[99.0; 3]).chances.unwrap();
        assert!(!near.look_worse() && !near.look_better());
    }

    #[test]
    fn few_epochs_of_a_baseline_set_a_trip_wire() {
        let near = screen(&[100.0], &[91.0; 3]);
        assert!(!near.chances.unwrap().look_worse() && near.comparison.interval.is_none());
        assert!(screen(&[100.0], &[89.0; 3]).chances.unwrap().look_worse());
        let noisy = [90.0, 100.0, 110.0];
        assert!(!screen(&noisy, &[80.0; 3]).chances.unwrap().look_worse());
    }

    #[test]
    fn only_two_slow_bookings_count_against_the_head() {
        let chance = |head, count| bookings(head, count).chances.map(|chances| chances.worse);
        assert!(chance([&[90.0], &[91.0]], 8).unwrap() < 0.01);
        assert!(chance([&[90.0], &[101.0]], 8).unwrap() > 0.01);
        assert_eq!(chance([&[90.0], &[90.0]], 5), None);
    }
}
