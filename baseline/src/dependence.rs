//! How much samples that came one after the other depend on each other.

use tokgate_core::summary::Observed;

/// Lags looked at. A run whose ranks are still correlated this far apart drifts, and no length
/// of block would repair it; it also bounds the work.
const LONGEST_LAG: usize = 500;
/// Lag-1 correlations below this many standard errors (1/√n) of an independent series count as
/// none: otherwise chance alone would take away samples from half of all independent runs.
const NOTICED: f64 = 2.0;

/// The autocorrelation time τ = 1 + 2 Σ ρ_k of the ranks of `series`, summed over Geyer's initial
/// positive sequence (Geyer 1992: pairs ρ_2k + ρ_2k+1, up to the first that is not positive).
/// At least 1; exactly 1 where no dependence is noticed.
pub(crate) fn autocorrelation_time(series: &[f64]) -> f64 {
    let n = series.len();
    let ranks = centered_ranks(series);
    let variance: f64 = ranks.iter().map(|rank| rank * rank).sum();
    let rho = |lag: usize| -> f64 {
        ranks.iter().zip(&ranks[lag..]).map(|(one, later)| one * later).sum::<f64>() / variance
    };
    if n < 3 || variance == 0.0 || rho(1) < NOTICED / (n as f64).sqrt() {
        return 1.0;
    }
    let lags = (n / 2).min(LONGEST_LAG);
    let pairs = (0..lags.saturating_sub(1)).step_by(2).map(|lag| rho(lag) + rho(lag + 1));
    (2.0 * pairs.take_while(|pair| *pair > 0.0).sum::<f64>() - 1.0).max(1.0)
}

/// The samples of an epoch that count: n / τ over its samples in their order; 1 for one value.
pub(crate) fn effective_n(observed: &Observed) -> f64 {
    match observed {
        Observed::Samples(series) => {
            series.values.len() as f64 / autocorrelation_time(&series.values)
        }
        Observed::Value(_) => 1.0,
    }
}

/// The rank of each value minus the mean rank; equal values share their mean rank.
pub(crate) fn centered_ranks(series: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_unstable_by(|a, b| series[*a].total_cmp(&series[*b]));
    let middle = (series.len() as f64 - 1.0) / 2.0;
    let mut ranks = vec![0.0; series.len()];
    let mut first = 0;
    for tied in order.chunk_by(|a, b| series[*a] == series[*b]) {
        let rank = first as f64 + (tied.len() as f64 - 1.0) / 2.0;
        tied.iter().for_each(|at| ranks[*at] = rank - middle);
        first += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Luck;

    fn mean_time(phi: f64, n: usize) -> f64 {
        let mut luck = Luck::new(11);
        let times = (0..40).map(|_| autocorrelation_time(&luck.autoregressive(phi, n)));
        times.sum::<f64>() / 40.0
    }

    #[test]
    fn independent_samples_all_count() {
        assert!(mean_time(0.0, 500) < 1.1);
    }

    #[test]
    fn dependent_samples_count_for_less() {
        // τ of an AR(1) series is (1 + φ) / (1 − φ): 3 at φ = 0.5, 9 at φ = 0.8.
        assert!((2.4..3.6).contains(&mean_time(0.5, 2000)));
        assert!((7.0..11.0).contains(&mean_time(0.8, 2000)));
    }

    #[test]
    fn equal_and_few_samples_have_no_dependence() {
        assert_eq!(autocorrelation_time(&[1.0; 50]), 1.0);
        assert_eq!(autocorrelation_time(&[]), 1.0);
        assert_eq!(autocorrelation_time(&[1.0, 2.0]), 1.0);
    }
}
