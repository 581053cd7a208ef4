//! A series as a line of eight heights.

const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Stands where there is no number.
const GAP: char = '·';

/// The values from the lowest to the highest; all low where they are alike. What is no finite number
/// is a gap.
#[must_use]
pub fn sparkline(values: &[f64]) -> String {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::MIN, f64::max));
    // Halved, so that no span of finite numbers is infinite.
    let span = high / 2.0 - low / 2.0;
    let height = |value: &f64| {
        if !value.is_finite() {
            return GAP;
        }
        let share = if span > 0.0 { (value / 2.0 - low / 2.0) / span } else { 0.0 };
        HEIGHTS[((share * HEIGHTS.len() as f64) as usize).min(HEIGHTS.len() - 1)]
    };
    values.iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_goes_from_the_lowest_to_the_highest() {
        assert_eq!(sparkline(&[1.0, 1.5, 2.0]), "▁▅█");
        assert_eq!(sparkline(&[3.0, 3.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn what_is_no_number_is_a_gap_and_moves_no_other() {
        assert_eq!(sparkline(&[1.0, f64::NAN, 1.5, f64::INFINITY, 2.0]), "▁·▅·█");
        assert_eq!(sparkline(&[f64::NAN]), "·");
        assert_eq!(sparkline(&[f64::MIN, 0.0, f64::MAX]), "▁▅█");
    }
}
