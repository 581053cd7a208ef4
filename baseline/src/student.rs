//! Student's t distribution, with the normal one as its limit at infinite degrees of freedom, and
//! Fisher's F for the ratio of two variances.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// The value that a t variable with `df` degrees of freedom stays below with probability `p`.
pub(crate) fn quantile(p: f64, df: f64) -> f64 {
    match df.is_finite() {
        true => student(df).inverse_cdf(p),
        false => Normal::standard().inverse_cdf(p),
    }
}

/// The probability that a t variable with `df` degrees of freedom exceeds `t`.
pub(crate) fn survival(t: f64, df: f64) -> f64 {
    student(df).sf(t)
}

/// The value that the ratio of two estimates of one variance stays below with probability `p`.
pub(crate) fn ratio_quantile(p: f64, df_above: f64, df_below: f64) -> f64 {
    FisherSnedecor::new(df_above, df_below)
        .expect("degrees of freedom are positive: both variances are of two values or more")
        .inverse_cdf(p)
}

fn student(df: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, df).expect("degrees of freedom are positive: every arm has two values")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_textbooks_are_met() {
        let close = |a: f64, b: f64| (a - b).abs() < 5e-4;
        assert!(close(quantile(0.975, 4.0), 2.776));
        assert!(close(quantile(0.975, 1.0), 12.706));
        assert!(close(quantile(0.975, f64::INFINITY), 1.960));
        assert!(close(survival(2.896, 8.0), 0.010));
        assert!(close(survival(-2.896, 8.0), 0.990));
        assert!(close(survival(2.326, f64::INFINITY), 0.010));
        assert!((ratio_quantile(0.99, 7.0, 7.0) - 6.993).abs() < 5e-3);
    }
}
