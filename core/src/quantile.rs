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

    /// The quantile of probability `p` ([`Rank`]). `None` without samples.
    #[must_use]
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let rank = Rank::of(p, self.0.len())?;
        Some(rank.between(self.0[rank.low], self.0[rank.high]))
    }

    /// The median.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }
}

/// Where a quantile lies among sorted samples: linearly interpolated at `(n - 1) p` (type 7 of Hyndman and Fan,
/// 1996).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rank {
    /// The sample at or below it, from 0.
    pub low: usize,
    /// The one after that, or the last.
    pub high: usize,
    share: f64,
}

impl Rank {
    /// That of probability `p` among `n` samples; `None` without any.
    #[must_use]
    pub fn of(p: f64, n: usize) -> Option<Self> {
        let last = n.checked_sub(1)?;
        let rank = p.clamp(0.0, 1.0) * last as f64;
        let low = rank.floor() as usize;
        Some(Self { low, high: (low + 1).min(last), share: rank - low as f64 })
    }

    /// The quantile, from the samples of both ranks.
    #[must_use]
    pub fn between(self, low: f64, high: f64) -> f64 {
        low + self.share * (high - low)
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
    use proptest::prelude::*;

    #[test]
    fn quantiles_interpolate_between_ranks() {
        let sorted = Sorted::new([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(sorted.quantile(0.0), Some(1.0));
        assert_eq!(sorted.median(), Some(2.5));
        assert_eq!(sorted.quantile(0.9), Some(3.7));
        assert_eq!(sorted.quantile(1.0), Some(4.0));
        assert_eq!(Sorted::new([]).median(), None);
    }

    proptest! {
        /// Hyndman and Fan's seventh, as it is written down: x_j + g · (x_{j+1} − x_j) with j + g = (n − 1) p + 1.
        #[test]
        fn quantiles_are_those_of_type_7(
            values in prop::collection::vec(prop_oneof![(0_i32..5).prop_map(f64::from), 0.0..1e9_f64], 1..60),
            p in prop_oneof![Just(0.0), Just(0.5), Just(0.9), Just(0.99), Just(0.999), Just(1.0), 0.0..1.0_f64],
        ) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let place = (values.len() - 1) as f64 * p;
            let (j, g) = (place as usize, place.fract());
            let next = sorted.get(j + 1).unwrap_or(&sorted[j]);
            let expected = sorted[j] + g * (next - sorted[j]);
            let found = Sorted::new(values).quantile(p).map(f64::to_bits);
            prop_assert_eq!(found, Some(expected.to_bits()));
        }
    }

    #[test]
    fn nan_and_infinity_are_no_samples() {
        assert_eq!(Sorted::new([f64::NAN, 1.0, f64::INFINITY]).as_slice(), [1.0]);
    }
}
