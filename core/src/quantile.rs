//! Quantiles as they are shown and stored.

/// A finite number: checked once, so that sorting and quantiles need not.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Sample(f64);

impl Sample {
    /// A sample, unless the value is NaN or infinite.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Samples in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts the finite values of `values`; NaN and infinities are left out.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut finite: Vec<f64> =
            values.into_iter().filter_map(Sample::new).map(Sample::get).collect();
        finite.sort_unstable_by(f64::total_cmp);
        Self(finite)
    }

    /// The samples, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// The quantile of probability `p`, linearly interpolated at `(n - 1) p` (type 7 of Hyndman
    /// and Fan, 1996). `None` without samples.
    #[must_use]
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let rank = p.clamp(0.0, 1.0) * last as f64;
        let low = rank.floor() as usize;
        let high = (low + 1).min(last);
        let share = rank - low as f64;
        Some(self.0[low] + share * (self.0[high] - self.0[low]))
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }
}

/// The arithmetic mean; `None` without samples.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample standard deviation (n - 1); `None` below two samples.
#[must_use]
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let center = mean(values)?;
    (values.len() > 1).then(|| {
        let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
        (squares / (values.len() - 1) as f64).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_between_ranks() {
        let sorted = Sorted::new([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(sorted.quantile(0.0), Some(1.0));
        assert_eq!(sorted.median(), Some(2.5));
        assert_eq!(sorted.quantile(0.9), Some(3.7));
        assert_eq!(sorted.quantile(1.0), Some(4.0));
        assert_eq!(Sorted::new([]).median(), None);
    }

    #[test]
    fn nan_and_infinity_are_no_samples() {
        assert_eq!(Sorted::new([f64::NAN, 1.0, f64::INFINITY]).as_slice(), [1.0]);
    }
}
