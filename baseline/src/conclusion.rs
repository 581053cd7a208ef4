//! From verdicts to what is said of the whole run, and how the process ends.

use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Conclusion, Exit, Judged, Verdict};

/// Everything that decides how a run ends, over all its cases.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'a> {
    /// The verdicts; none without a baseline.
    pub judged: &'a [&'a Judged],
    /// Goals that were missed and are required.
    pub required_missed: usize,
    /// The validity of every epoch.
    pub validity: &'a [&'a Validity],
    /// Whether what is merely not proven fails the run.
    pub strict: bool,
}

/// What is said of the run, and its exit: the worst of what its parts lead to. An invalid run
/// neither passes nor regresses, whatever else it shows.
#[must_use]
pub fn conclude(findings: &Findings<'_>) -> (Conclusion, Exit) {
    let valid = findings.validity.iter().all(|validity| validity.is_valid());
    let goals = match (valid, findings.required_missed) {
        (false, _) => (Conclusion::Invalid, Exit::Invalid),
        (true, 0) => (Conclusion::Held, Exit::Held),
        (true, _) => (Conclusion::Regressed, Exit::Regressed),
    };
    let verdicts = findings.judged.iter().map(|judged| judged.verdict);
    verdicts
        .map(|verdict| (conclusion(verdict), verdict.exit(findings.strict)))
        .fold(goals, |(said, exit), (conclusion, other)| {
            (worse(said, conclusion), exit.worst(other))
        })
}

fn conclusion(verdict: Verdict) -> Conclusion {
    match verdict {
        Verdict::Unchanged | Verdict::Improved | Verdict::Cleared | Verdict::New => {
            Conclusion::Held
        }
        Verdict::Inconclusive
        | Verdict::Underpowered
        | Verdict::InsufficientSamples
        | Verdict::RegressedUnpaired => Conclusion::Inconclusive,
        Verdict::Regressed | Verdict::Missing => Conclusion::Regressed,
        Verdict::Incomparable | Verdict::Invalid => Conclusion::Invalid,
    }
}

fn worse(one: Conclusion, other: Conclusion) -> Conclusion {
    let rank = |conclusion| match conclusion {
        Conclusion::Held => 0,
        Conclusion::Inconclusive => 1,
        Conclusion::Regressed => 2,
        Conclusion::Invalid => 3,
    };
    if rank(one) >= rank(other) { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::metric::{MetricRef, TOK_S};
    use tokgate_core::validity::Reason;

    fn ends(verdicts: &[Verdict], required_missed: usize, strict: bool) -> (Conclusion, Exit) {
        let judged: Vec<Judged> = verdicts
            .iter()
            .map(|verdict| Judged {
                metric: MetricRef::value(&TOK_S),
                comparison: None,
                verdict: *verdict,
                why: String::new(),
            })
            .collect();
        let judged: Vec<&Judged> = judged.iter().collect();
        conclude(&Findings { judged: &judged, required_missed, validity: &[], strict })
    }

    #[test]
    fn the_worst_verdict_decides() {
        use Verdict::{Inconclusive, Invalid, Regressed, Unchanged};
        assert_eq!(ends(&[Unchanged], 0, false), (Conclusion::Held, Exit::Held));
        assert_eq!(
            ends(&[Unchanged, Inconclusive], 0, false),
            (Conclusion::Inconclusive, Exit::Held)
        );
        assert_eq!(ends(&[Inconclusive], 0, true), (Conclusion::Inconclusive, Exit::Invalid));
        assert_eq!(
            ends(&[Regressed, Inconclusive], 0, false),
            (Conclusion::Regressed, Exit::Regressed)
        );
        assert_eq!(ends(&[Regressed, Invalid], 0, false), (Conclusion::Invalid, Exit::Invalid));
    }

    #[test]
    fn a_required_goal_that_is_missed_fails_the_run() {
        assert_eq!(ends(&[], 1, false), (Conclusion::Regressed, Exit::Regressed));
    }

    #[test]
    fn an_invalid_run_neither_passes_nor_regresses() {
        let invalid = Validity::Invalid(vec![Reason::NothingMeasured]);
        let validity = [&Validity::Valid, &invalid];
        let findings =
            Findings { judged: &[], required_missed: 2, validity: &validity, strict: false };
        assert_eq!(conclude(&findings), (Conclusion::Invalid, Exit::Invalid));
    }
}
