//! How often the judge is wrong where nothing differs: comparisons of equal sides, counted. Any that
//! convicts is a false alarm, and no more than [`Rules::alpha`] of them may.

use crate::rate::Rate;
use crate::verdict::suspects::Rules;
use std::collections::BTreeMap;
use tokgate_core::metric::MetricRef;
use tokgate_core::verdict::{Judged, Verdict};

/// How sure it must be that more is convicted than was promised before it is said.
const CONFIDENCE: f64 = 0.95;
/// How many times the promise is no longer chance.
const ALARM: f64 = 2.0;

/// What comparisons of equal sides said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FalseAlarms {
    /// Comparisons in which something was judged.
    pub comparisons: usize,
    /// Those in which a metric was said to be worse.
    pub regressed: usize,
    /// Those in which one was said to be better.
    pub improved: usize,
    /// Comparisons in which nothing could be judged; counted nowhere else.
    pub set_aside: usize,
    /// The same by metric, cases counted each.
    pub metrics: BTreeMap<MetricRef, Words>,
}

/// What was said of one metric, how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Words {
    /// All that was judged.
    pub judged: usize,
    /// Worse.
    pub regressed: usize,
    /// Better.
    pub improved: usize,
    /// Neither proven nor excluded.
    pub open: usize,
}

impl FalseAlarms {
    /// Counts one comparison by all its verdicts.
    pub fn add<'a>(&mut self, verdicts: impl IntoIterator<Item = &'a Judged>) {
        let judged: Vec<&Judged> =
            verdicts.into_iter().filter(|one| is_judged(one.verdict)).collect();
        if judged.is_empty() {
            self.set_aside += 1;
            return;
        }
        self.comparisons += 1;
        let says = |word: Verdict| judged.iter().any(|one| one.verdict == word);
        self.regressed += usize::from(says(Verdict::Regressed));
        self.improved += usize::from(says(Verdict::Improved));
        for one in judged {
            self.metrics.entry(one.metric).or_default().add(one.verdict);
        }
    }

    /// How often something was said to be worse.
    #[must_use]
    pub fn worse(&self) -> Rate {
        Rate { happened: self.regressed, tries: self.comparisons }
    }

    /// How often something was said to be better.
    #[must_use]
    pub fn better(&self) -> Rate {
        Rate { happened: self.improved, tries: self.comparisons }
    }

    /// The share of comparisons that may convict, either way.
    #[must_use]
    pub fn promised() -> f64 {
        Rules::default().alpha
    }

    /// Whether more is convicted, one way or the other, than twice what was promised, and that is no
    /// chance.
    #[must_use]
    pub fn breaks_the_promise(&self) -> bool {
        let line = ALARM * Self::promised();
        [self.worse(), self.better()].iter().any(|rate| rate.lower(CONFIDENCE) > line)
    }
}

impl Words {
    fn add(&mut self, verdict: Verdict) {
        self.judged += 1;
        self.regressed += usize::from(verdict == Verdict::Regressed);
        self.improved += usize::from(verdict == Verdict::Improved);
        self.open += usize::from(matches!(verdict, Verdict::Inconclusive | Verdict::Underpowered));
    }
}

/// Whether something was said of a metric that could have been wrong.
fn is_judged(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Unchanged
        | Verdict::Improved
        | Verdict::Cleared
        | Verdict::Inconclusive
        | Verdict::Underpowered
        | Verdict::RegressedUnpaired
        | Verdict::Regressed => true,
        Verdict::New
        | Verdict::InsufficientSamples
        | Verdict::Missing
        | Verdict::Incomparable
        | Verdict::Invalid => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::metric::{Stat, TTFT};

    fn one(verdict: Verdict) -> Judged {
        let metric = MetricRef { metric: &TTFT, stat: Stat::P50 };
        Judged { metric, comparison: None, verdict, why: String::new() }
    }

    fn all(convicting: usize, quiet: usize) -> FalseAlarms {
        let mut found = FalseAlarms::default();
        (0..quiet).for_each(|_| found.add(&[one(Verdict::Unchanged)]));
        (0..convicting)
            .for_each(|_| found.add(&[one(Verdict::Regressed), one(Verdict::Inconclusive)]));
        found
    }

    #[test]
    fn a_comparison_is_one_false_alarm_however_many_metrics_say_so() {
        let mut found = all(1, 3);
        found.add(&[one(Verdict::Regressed), one(Verdict::Regressed), one(Verdict::Improved)]);
        assert_eq!((found.comparisons, found.regressed, found.improved), (5, 2, 1));
        let words = found.metrics.values().next().unwrap();
        assert_eq!((words.judged, words.regressed, words.open), (8, 3, 1));
    }

    #[test]
    fn what_could_not_be_judged_is_no_sign_of_a_good_judge() {
        let mut found = all(0, 2);
        found.add(&[one(Verdict::Invalid)]);
        found.add(&[]);
        assert_eq!((found.comparisons, found.set_aside), (2, 2));
    }

    #[test]
    fn one_conviction_of_a_few_is_chance_and_many_are_not() {
        assert!(!all(0, 200).breaks_the_promise());
        assert!(!all(1, 19).breaks_the_promise(), "one in twenty");
        assert!(!all(2, 98).breaks_the_promise());
        assert!(all(3, 17).breaks_the_promise());
        assert!(all(12, 188).breaks_the_promise());
    }
}
