//! Fewer points than were measured, where a picture has no room for all. The same points give the same
//! ones again.

use super::Point;

/// At most about `most` of the points, which go from left to right: of each of as many stretches of equal
/// length, the lowest and the highest. What stands out stays.
pub(super) fn thinned(points: Vec<Point>, most: usize) -> Vec<Point> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return points };
    let stretches = (most / 2).max(1);
    if points.len() <= most {
        return points;
    }
    let (from, width) = (first.x, (last.x - first.x) / stretches as f64);
    let stretch = |point: &Point| match width > 0.0 {
        true => (((point.x - from) / width) as usize).min(stretches - 1),
        false => 0,
    };
    points.chunk_by(|one, next| stretch(one) == stretch(next)).flat_map(extremes).collect()
}

/// The lowest and the highest point, in their order.
fn extremes(points: &[Point]) -> impl Iterator<Item = Point> + use<> {
    let by_y = |one: &usize, other: &usize| points[*one].y.total_cmp(&points[*other].y);
    let low = (0..points.len()).min_by(by_y).unwrap_or_default();
    let high = (0..points.len()).max_by(by_y).unwrap_or_default();
    let kept = [low.min(high), low.max(high)];
    let count = if low == high { 1 } else { 2 };
    let kept: Vec<Point> = kept.iter().take(count).map(|at| points[*at]).collect();
    kept.into_iter()
}

/// What is said of a figure that shows `shown` of `all`; nothing where it shows all.
pub(super) fn note(shown: usize, all: usize) -> Option<String> {
    (shown < all).then(|| {
        format!("{shown} of {all} points are drawn: the lowest and the highest of each stretch")
    })
}

/// At most `most` of `all` places in a row, evenly spaced, the first and the last among them.
pub(super) fn spaced(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = all.min(most.max(2));
    let last = all.saturating_sub(1);
    (0..count).map(move |at| match count > 1 {
        true => (at * last + (count - 1) / 2) / (count - 1),
        false => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_points_become_few_and_the_tallest_stays() {
        let mut points: Vec<Point> =
            (0..1_000_000).map(|x| Point::at(f64::from(x), f64::from(x % 7))).collect();
        points[123_456].y = 99.0;
        points[654_321].y = -99.0;
        let few = thinned(points.clone(), 4000);
        assert!(few.len() <= 4000 && few.len() > 3000, "{}", few.len());
        assert!(few.contains(&points[123_456]) && few.contains(&points[654_321]));
        assert!(few.windows(2).all(|pair| pair[0].x < pair[1].x));
        assert_eq!(few, thinned(points, 4000));
    }

    #[test]
    fn few_points_and_those_of_one_moment_are_left_alone_or_cut_to_two() {
        let points = vec![Point::at(1.0, 3.0), Point::at(1.0, 1.0), Point::at(1.0, 2.0)];
        assert_eq!(thinned(points.clone(), 3), points);
        assert_eq!(thinned(points.clone(), 2), points[..2]);
        assert_eq!(thinned(Vec::new(), 2), []);
        assert_eq!(note(3, 3), None);
    }

    #[test]
    fn spaced_places_have_both_ends() {
        assert_eq!(spaced(10, 4).collect::<Vec<_>>(), [0, 3, 6, 9]);
        assert_eq!(spaced(3, 9).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(spaced(1, 9).collect::<Vec<_>>(), [0]);
        assert_eq!(spaced(0, 9).count(), 0);
    }
}
