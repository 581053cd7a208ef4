//! Many tests at once: which of their p-values still count.

/// Holm's step-down: the largest of the p-values that are rejected, `None` when none is. The i-th
/// smallest of m, from 0, is rejected when it and all before are at most `alpha` / (m − i), so
/// that among true nulls, however they hang together, any is rejected with at most `alpha`
/// (Holm 1979).
pub(crate) fn holm(mut p: Vec<f64>, alpha: f64) -> Option<f64> {
    p.sort_unstable_by(f64::total_cmp);
    let m = p.len();
    let rejected = p.iter().enumerate().take_while(|(i, p)| **p <= alpha / (m - i) as f64);
    rejected.last().map(|(_, p)| *p)
}

/// Benjamini and Hochberg's step-up: the largest of the p-values that are rejected, `None` when
/// none is. It is the largest p_(i), the i-th smallest of m from 1, with p_(i) <= `q` · i / m, so
/// that of what is rejected a share of at most `q` is false (Benjamini and Hochberg 1995).
pub(crate) fn benjamini_hochberg(mut p: Vec<f64>, q: f64) -> Option<f64> {
    p.sort_unstable_by(f64::total_cmp);
    let m = p.len() as f64;
    let rejected = p.iter().zip(1..).filter(|(p, i)| **p <= q * f64::from(*i) / m);
    rejected.last().map(|(p, _)| *p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_rejects_step_by_step() {
        assert_eq!(holm(vec![0.2, 0.001, 0.004], 0.01), Some(0.004));
        assert_eq!(holm(vec![0.004, 0.004, 0.004], 0.01), None);
        assert_eq!(holm(vec![0.006, 0.001], 0.01), Some(0.006));
        assert_eq!(holm(vec![], 0.01), None);
    }

    #[test]
    fn benjamini_and_hochberg_step_up_over_one_that_fails() {
        // Alone 0.045 and 0.03 are above 0.0125 and 0.025; together four are at most 0.05.
        assert_eq!(benjamini_hochberg(vec![0.045, 0.03, 0.03, 0.04], 0.05), Some(0.045));
        assert_eq!(benjamini_hochberg(vec![0.9, 0.03], 0.05), None);
        assert_eq!(benjamini_hochberg(vec![0.9, 0.02], 0.05), Some(0.02));
        assert_eq!(benjamini_hochberg(vec![], 0.05), None);
    }
}
