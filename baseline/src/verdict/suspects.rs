//! What is said of suspects: who is one, what fresh pairs say of them, and what two bookings say
//! where no base can be measured again.
//!
//! The pairs are measured after the nomination and know nothing of it. So a change that changes
//! nothing is convicted of anything with at most [`ALPHA`], however many metrics were screened,
//! however often, and whatever they have in common.

use super::{ALPHA, Evidence, UNKNOWN_NOISE, convictable};
use crate::compare::Both;
use crate::correction::holm;
use tokgate_core::verdict::{Judged, Verdict};

/// The share of ALPHA that the first look may use when a second one is allowed; the rest is the
/// second's. Most changes are decided by the first.
const FIRST_LOOK: f64 = 0.7;

/// What the judge is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The share of changes without an effect that may be convicted of one.
    pub alpha: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { alpha: ALPHA }
    }
}

impl Rules {
    /// For pairs that may be extended once: keep it for [`judge_pairs`], and hand the rules
    /// themselves to [`judge_extended`].
    #[must_use]
    pub fn first_look(self) -> Self {
        Self { alpha: FIRST_LOOK * self.alpha }
    }

    fn second_look(self) -> Self {
        Self { alpha: (1.0 - FIRST_LOOK) * self.alpha }
    }
}

/// Which way a metric seems to have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nomination {
    /// A suspect.
    Worse,
    /// A candidate for an improvement.
    Better,
}

/// What the screen says of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Screened {
    /// Whether pairs should be measured of it.
    pub nominated: Option<Nomination>,
    /// What is said if they are not; never worse than inconclusive for what was measured.
    pub judged: Judged,
}

/// Screens all cases of a run, in their order; the evidence is that of
/// [`Measured::screened`](super::Measured::screened).
#[must_use]
pub fn screen(run: &[Evidence]) -> Vec<Vec<Screened>> {
    let one = |case: &Evidence| {
        let judged = case.judge(|both| both.screened(case.must_detect));
        let nominations = case
            .findings
            .iter()
            .map(|finding| finding.both().filter(|_| case.is_sound()).and_then(Both::nomination));
        nominations.zip(judged).map(|(nominated, judged)| Screened { nominated, judged }).collect()
    };
    run.iter().map(one).collect()
}

/// Judges suspects by their pairs, all of a run together, in their order: a metric is convicted
/// when "not worse than its tolerance allows" is rejected at `rules.alpha` by Holm's correction
/// over all suspects, and is an improvement when the opposite is.
#[must_use]
pub fn judge_pairs(suspects: &[Evidence], rules: Rules) -> Vec<Vec<Judged>> {
    let worse = holm(convictable(suspects).map(|chances| chances.worse).collect(), rules.alpha);
    let better = holm(convictable(suspects).map(|chances| chances.better).collect(), rules.alpha);
    let said = |case: &Evidence| case.judge(|both| both.in_pairs(worse, better, case));
    suspects.iter().map(said).collect()
}

/// Judges once more, after the only extension that is allowed. `first` is what [`judge_pairs`]
/// said by [`Rules::first_look`]; what it decided stays. `extended` are the same suspects in the
/// same order, all of them: with all the pairs of both looks where they were extended, and as they
/// were where not.
#[must_use]
pub fn judge_extended(
    first: Vec<Vec<Judged>>,
    extended: &[Evidence],
    rules: Rules,
) -> Vec<Vec<Judged>> {
    let second = judge_pairs(extended, rules.second_look());
    let last_word = |case: usize, at: usize, first: Judged| {
        let again = second.get(case).and_then(|case| case.get(at));
        let again = again.filter(|again| is_open(first.verdict) && again.metric == first.metric);
        again.cloned().unwrap_or(first)
    };
    let case = |(case, first): (usize, Vec<Judged>)| {
        first.into_iter().enumerate().map(|(at, first)| last_word(case, at, first)).collect()
    };
    first.into_iter().enumerate().map(case).collect()
}

/// Whether more pairs may still change what is said.
#[must_use]
pub fn is_open(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Inconclusive | Verdict::Underpowered => true,
        Verdict::Unchanged
        | Verdict::Improved
        | Verdict::Cleared
        | Verdict::New
        | Verdict::InsufficientSamples
        | Verdict::RegressedUnpaired
        | Verdict::Regressed
        | Verdict::Missing
        | Verdict::Incomparable
        | Verdict::Invalid => false,
    }
}

/// Judges two bookings of the head against those of a baseline
/// ([`compare_bookings`](crate::compare_bookings)): at most *regressed (unpaired)*.
#[must_use]
pub fn judge_bookings(suspects: &[Evidence], rules: Rules) -> Vec<Vec<Judged>> {
    suspects
        .iter()
        .map(|case| case.judge(|both| both.in_bookings(rules, case.must_detect)))
        .collect()
}

impl Both {
    fn nomination(&self) -> Option<Nomination> {
        let chances = self.chances.filter(|_| self.has_enough_samples())?;
        match (chances.look_worse(), chances.look_better()) {
            (true, _) => Some(Nomination::Worse),
            (false, true) => Some(Nomination::Better),
            (false, false) => None,
        }
    }

    fn screened(&self, must_detect: f64) -> (Verdict, String) {
        if !self.has_enough_samples() {
            return self.short_of_samples();
        }
        let (verdict, what) = match self.nomination() {
            Some(Nomination::Worse) => (
                Verdict::Inconclusive,
                "seems worse than the recorded baseline; `tokgate ab` tells for sure",
            ),
            Some(Nomination::Better) => {
                (Verdict::Unchanged, "seems better than the recorded baseline")
            }
            None if self.is_underpowered(must_detect) => {
                (Verdict::Underpowered, "nothing was noticed")
            }
            None => (Verdict::Unchanged, "nothing was noticed"),
        };
        (self.undecided(verdict, must_detect), self.told(what))
    }

    fn in_pairs(
        &self,
        worse: Option<f64>,
        better: Option<f64>,
        case: &Evidence,
    ) -> (Verdict, String) {
        if !self.has_enough_samples() {
            return self.short_of_samples();
        }
        let Some(chances) = self.chances else {
            return (Verdict::Inconclusive, UNKNOWN_NOISE.to_owned());
        };
        let (verdict, what) = if self.is_rejected(chances.worse, worse) {
            (Verdict::Regressed, "worse than the tolerance, beyond doubt")
        } else if self.is_rejected(chances.better, better) {
            (Verdict::Improved, "better than the tolerance, beyond doubt")
        } else if chances.within && case.suspected {
            (Verdict::Cleared, "measured again, it is within the tolerance")
        } else if chances.within {
            (Verdict::Unchanged, "within the tolerance")
        } else if self.is_underpowered(case.must_detect) {
            (Verdict::Underpowered, "the noise hides what must be found")
        } else {
            (Verdict::Inconclusive, "neither within the tolerance nor beyond it for sure")
        };
        (verdict, self.told(what))
    }

    fn in_bookings(&self, rules: Rules, must_detect: f64) -> (Verdict, String) {
        if !self.has_enough_samples() {
            return self.short_of_samples();
        }
        let (verdict, what) = match self.chances {
            None => (Verdict::Inconclusive, "too few bookings in the baseline to know their noise"),
            Some(chances) if chances.worse <= rules.alpha => {
                (Verdict::RegressedUnpaired, "worse in both bookings; no base beside them")
            }
            Some(chances) if chances.look_worse() => {
                (Verdict::Inconclusive, "worse in both bookings, but not beyond doubt")
            }
            Some(_) if self.is_underpowered(must_detect) => {
                (Verdict::Underpowered, "the noise hides what must be found")
            }
            Some(_) => (Verdict::Unchanged, "not worse in both bookings"),
        };
        (self.undecided(verdict, must_detect), self.told(what))
    }

    /// `what`, with whether the noise was more than known.
    fn told(&self, what: &str) -> String {
        let noisy = if self.noisy { "; noisier than the baseline" } else { "" };
        format!("{what}{noisy}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Finding, What};
    use crate::fixture::gated;
    use crate::pairs::{Pair, compare_pairs};
    use crate::verdict::judge;
    use tokgate_core::gate::MUST_DETECT;
    use tokgate_core::metric::E2E;

    fn evidence(findings: Vec<Finding>) -> Vec<Evidence> {
        vec![Evidence {
            invalid: Vec::new(),
            differences: Vec::new(),
            findings,
            must_detect: MUST_DETECT,
            suspected: true,
        }]
    }

    /// `count` pairs in which the head takes `1 + effect` times as long, give or take `noise`.
    fn pairs(count: usize, effect: f64, noise: f64) -> Finding {
        let sign = |at| if at % 2 == 0 { 1.0 } else { -1.0 };
        let pair = |at| Pair { base: 1.0, head: (1.0 + effect) * (noise * sign(at)).exp() };
        let pairs: Vec<Pair> = (0..count).map(pair).collect();
        compare_pairs(gated(&E2E), &pairs, &[]).unwrap()
    }

    fn verdicts(findings: Vec<Finding>) -> Vec<Verdict> {
        let judged = judge_pairs(&evidence(findings), Rules::default());
        judged.concat().iter().map(|judged| judged.verdict).collect()
    }

    #[test]
    fn pairs_convict_clear_improve_and_doubt() {
        let said = verdicts(vec![
            pairs(8, 0.1, 0.01),
            pairs(8, 0.0, 0.01),
            pairs(8, -0.1, 0.01),
            pairs(8, 0.02, 0.01),
            pairs(8, 0.02, 0.1),
        ]);
        assert_eq!(
            said,
            [
                Verdict::Regressed,
                Verdict::Cleared,
                Verdict::Improved,
                Verdict::Inconclusive,
                Verdict::Underpowered
            ]
        );
    }

    #[test]
    fn what_must_be_found_is_the_cases_own_word() {
        let said = |must_detect| {
            let mut case = evidence(vec![pairs(8, 0.02, 0.01), pairs(8, 0.0, 0.01)]);
            case[0].must_detect = must_detect;
            let judged = judge_pairs(&case, Rules::default()).concat();
            judged.iter().map(|judged| judged.verdict).collect::<Vec<_>>()
        };
        // 3.5 % would be found.
        assert_eq!(said(0.04), [Verdict::Inconclusive, Verdict::Cleared]);
        assert_eq!(said(0.03), [Verdict::Underpowered, Verdict::Cleared]);
        // Below a tolerance of 2 % nothing is looked for, and so nothing is hidden.
        assert_eq!(said(0.02), [Verdict::Inconclusive, Verdict::Cleared]);
    }

    #[test]
    fn every_judge_calls_it_underpowered() {
        // Not worse than the tolerance for sure, and not within it: the noise is 30 %.
        let noisy = || evidence(vec![pairs(8, 0.05, 0.3)]);
        let word = |judged: Vec<Vec<Judged>>| judged[0][0].verdict;
        assert_eq!(word(judge(&noisy())), Verdict::Underpowered);
        assert_eq!(word(judge_pairs(&noisy(), Rules::default())), Verdict::Underpowered);
        assert_eq!(word(judge_bookings(&noisy(), Rules::default())), Verdict::Underpowered);
        assert_eq!(screen(&noisy())[0][0].judged.verdict, Verdict::Underpowered);
    }

    #[test]
    fn who_was_not_suspected_is_not_cleared() {
        let word = |suspected| {
            let mut same = evidence(vec![pairs(8, 0.0, 0.01)]);
            same[0].suspected = suspected;
            judge_pairs(&same, Rules::default())[0][0].verdict
        };
        assert_eq!((word(true), word(false)), (Verdict::Cleared, Verdict::Unchanged));
    }

    #[test]
    fn four_pairs_never_convict_and_five_do() {
        assert_eq!(verdicts(vec![pairs(4, 1.0, 0.001)]), [Verdict::Inconclusive]);
        assert_eq!(verdicts(vec![pairs(5, 1.0, 0.001)]), [Verdict::Regressed]);
        assert_eq!(verdicts(vec![pairs(1, 1.0, 0.0)]), [Verdict::Inconclusive]);
    }

    #[test]
    fn constant_series_are_judged_by_the_floor_of_their_noise() {
        assert_eq!(verdicts(vec![pairs(8, 0.05, 0.0)]), [Verdict::Regressed]);
        assert_eq!(verdicts(vec![pairs(8, 0.02, 0.0)]), [Verdict::Inconclusive]);
        assert_eq!(verdicts(vec![pairs(8, 0.0, 0.0)]), [Verdict::Cleared]);
    }

    #[test]
    fn more_suspects_ask_for_more_certainty() {
        let near = || pairs(8, 0.058, 0.025);
        assert_eq!(verdicts(vec![near()]), [Verdict::Regressed]);
        let mut many = vec![near()];
        many.extend((0..19).map(|_| pairs(8, 0.02, 0.025)));
        assert_eq!(verdicts(many)[0], Verdict::Inconclusive);
    }

    #[test]
    fn what_was_decided_at_first_stays_when_the_rest_is_extended() {
        let rules = Rules::default();
        let few = evidence(vec![pairs(8, 0.0, 0.01), pairs(8, 0.05, 0.04)]);
        let first = judge_pairs(&few, rules.first_look());
        assert_eq!(first[0][1].verdict, Verdict::Inconclusive);
        let more = evidence(vec![pairs(16, 0.3, 0.01), pairs(16, 0.07, 0.04)]);
        let last = judge_extended(first, &more, rules).concat();
        assert_eq!(last[0].verdict, Verdict::Cleared, "it was cleared and is not asked again");
        assert_eq!(last[1].verdict, Verdict::Regressed);
    }

    #[test]
    fn an_invalid_case_nominates_nobody_and_is_not_judged() {
        let mut run = evidence(vec![pairs(8, 0.5, 0.01)]);
        run[0].invalid.push("it was hot".to_owned());
        assert_eq!(judge_pairs(&run, Rules::default())[0][0].verdict, Verdict::Invalid);
        assert_eq!(screen(&run)[0][0].nominated, None);
    }

    #[test]
    fn a_suspect_without_a_head_is_missing_and_stays_so() {
        let gone = || Finding { metric: gated(&E2E).metric, what: What::Missing };
        let first = judge_pairs(&evidence(vec![gone()]), Rules::default());
        assert_eq!(first[0][0].verdict, Verdict::Missing);
        let last = judge_extended(first, &evidence(vec![pairs(16, 0.0, 0.01)]), Rules::default());
        assert_eq!(last[0][0].verdict, Verdict::Missing);
    }

    #[test]
    fn who_is_not_extended_keeps_the_first_word() {
        let first = judge_pairs(&evidence(vec![pairs(8, 0.02, 0.01)]), Rules::default());
        assert_eq!(judge_extended(first.clone(), &[], Rules::default()), first);
    }

    #[test]
    fn what_could_have_been_found_is_told() {
        let judged = judge_pairs(&evidence(vec![pairs(8, 0.0, 0.01)]), Rules::default()).concat();
        let comparison = judged[0].comparison.as_ref().unwrap();
        assert_eq!(comparison.shown_mde().as_deref(), Some("3.5 %"));
        assert!(!judged[0].why.contains('%'), "{}", judged[0].why);
    }

    #[test]
    fn the_screen_never_says_regressed() {
        for effect in [-0.5, 0.0, 0.5] {
            let screened = screen(&evidence(vec![pairs(8, effect, 0.01)]));
            let expected = match effect {
                0.5 => (Some(Nomination::Worse), Verdict::Inconclusive),
                0.0 => (None, Verdict::Unchanged),
                _ => (Some(Nomination::Better), Verdict::Unchanged),
            };
            assert_eq!((screened[0][0].nominated, screened[0][0].judged.verdict), expected);
        }
    }

    #[test]
    fn bookings_alone_are_at_most_unpaired() {
        let said = |effect| {
            let judged = judge_bookings(&evidence(vec![pairs(8, effect, 0.01)]), Rules::default());
            judged[0][0].verdict
        };
        assert_eq!(said(0.5), Verdict::RegressedUnpaired);
        assert_eq!(said(0.0), Verdict::Unchanged);
    }

    #[test]
    fn two_looks_together_use_no_more_than_one() {
        let rules = Rules::default();
        let both = rules.first_look().alpha + rules.second_look().alpha;
        assert!((both - ALPHA).abs() < 1e-12);
        assert!((rules.first_look().alpha - 0.007).abs() < 1e-12);
    }
}
