//! Failures of two sides: how many of how many.

use crate::compare::{Both, Chances, Finding, LEVEL, What};
use statrs::stats_tests::Alternative;
use statrs::stats_tests::fisher::fishers_exact;
use tokgate_core::case::Tolerance;
use tokgate_core::metric::MetricRef;
use tokgate_core::summary::Estimate;
use tokgate_core::verdict::Comparison;

/// How many of how many failed, over all epochs of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Failures; never more than `attempted`.
    pub failed: u64,
    /// Requests.
    pub attempted: u64,
    /// Epochs they come from.
    pub epochs: usize,
}

impl Count {
    fn share(self) -> f64 {
        self.failed as f64 / self.attempted.max(1) as f64
    }

    fn succeeded(self) -> u64 {
        self.attempted.saturating_sub(self.failed)
    }
}

/// Compares failures by Fisher's exact test, with no tolerance: given how many failed on both
/// sides together, how often would chance put as many of them on the head's (Fisher 1935).
///
/// Requests count as independent. A target that died fails many at once; such an epoch is for
/// validity to refuse.
#[must_use]
pub fn compare_counts(metric: MetricRef, base: Count, head: Count) -> Finding {
    let worse = chance(base, head, Alternative::Greater);
    let comparison = Comparison {
        metric,
        base: Estimate { value: base.share(), interval: None, n: base.epochs },
        head: Estimate { value: head.share(), interval: None, n: head.attempted as usize },
        effect: head.share() - base.share(),
        interval: None,
        epochs: (base.epochs, head.epochs),
        tolerance: Tolerance::Absolute(0.0),
        mde: None,
    };
    let better = chance(base, head, Alternative::Less);
    let chances = Some(Chances { worse, better, within: worse > LEVEL });
    let both = Both { comparison, chances, noisy: false };
    Finding { metric, what: What::Both(Box::new(both)) }
}

fn chance(base: Count, head: Count, alternative: Alternative) -> f64 {
    let table = [head.failed, head.succeeded(), base.failed, base.succeeded()];
    fishers_exact(&table, alternative).expect("a part of the failures is no more than all of them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::metric::ERROR_RATE;

    fn chances(base: (u64, u64), head: (u64, u64)) -> Chances {
        let count = |(failed, attempted)| Count { failed, attempted, epochs: 8 };
        let finding = compare_counts(MetricRef::value(&ERROR_RATE), count(base), count(head));
        finding.both().unwrap().chances.unwrap()
    }

    #[test]
    fn the_lady_tasting_tea_comes_out_as_fisher_has_it() {
        let tea = chances((1, 4), (3, 4));
        assert!((tea.worse - 17.0 / 70.0).abs() < 1e-9);
        assert!((tea.better - 69.0 / 70.0).abs() < 1e-9);
    }

    #[test]
    fn more_failures_are_worse_and_as_many_are_not() {
        assert!(chances((0, 1000), (12, 1000)).worse < 0.001);
        assert!(chances((12, 1000), (0, 1000)).better < 0.001);
        assert!(chances((3, 1000), (3, 1000)).within);
        let some = chances((0, 1000), (5, 1000));
        assert!(!some.within && some.worse > 0.01);
    }

    #[test]
    fn no_failures_and_no_requests_say_nothing_bad() {
        for none in [(0, 1000), (0, 0)] {
            let chances = chances(none, none);
            assert!(chances.within && chances.worse == 1.0 && chances.better == 1.0);
        }
    }
}
