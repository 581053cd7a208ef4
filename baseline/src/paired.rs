//! One case measured in pairs, or in two bookings where there is no base, from its raw epochs to what
//! is judged: each metric by the test that fits it.

use crate::arms::{ArmsError, Gated};
use crate::compare::{Finding, What};
use crate::compat::fingerprint;
use crate::counts::{Count, compare_counts};
use crate::dependence::effective_n;
use crate::exact::compare_exact;
use crate::file::{Baseline, CaseBaseline, MetricBaseline};
use crate::pairs::{Pair, compare_pairs};
use crate::queries::{Queries, compare_queries};
use crate::screen::compare_bookings;
use crate::verdict::{EPOCHS_NEEDED, Evidence};
use std::collections::BTreeMap;
use tokgate_core::case::{Case, Tolerance};
use tokgate_core::environment::MachineId;
use tokgate_core::metric::{ERROR_RATE, INDEX_BYTES, Metric, MetricRef, OUTPUT_TOKENS, Shape};
use tokgate_core::quantile::mean;
use tokgate_core::run::Run;
use tokgate_core::summary::{Observed, observe, sample};

/// Answers whose lengths differ by more than this share are other work, and no latency of theirs
/// is compared.
const LENGTHS_DIFFER: f64 = 0.1;

/// Epochs of the head in two bookings, where no base can be measured beside them.
#[derive(Debug, Clone, Copy)]
pub struct TwoBookings<'a> {
    /// The epochs of the first booking.
    pub first: &'a [&'a Run],
    /// The epochs of another.
    pub second: &'a [&'a Run],
    /// Why epochs may not be judged, one fragment a reason.
    pub invalid: &'a [String],
}

impl TwoBookings<'_> {
    /// Compares what the gate names with the bookings of `baseline`, for
    /// [`judge_bookings`](crate::judge_bookings).
    #[must_use]
    pub fn evidence(&self, case: &Case, machine: &MachineId, baseline: &Baseline) -> Evidence {
        let sides = [Side::of(self.first), Side::of(self.second)];
        let known = baseline.cases.get(&case.id);
        let finding = |(metric, tolerance): (&MetricRef, &Tolerance)| {
            let base = known.and_then(|known| known.get(metric));
            let what = in_bookings(base, &sides, *metric, *tolerance)?;
            Some(Finding { metric: *metric, what })
        };
        Evidence {
            invalid: self.invalid.to_vec(),
            differences: baseline.compat_key.differences(machine, case),
            findings: case.gate.tolerances.iter().filter_map(finding).collect(),
            must_detect: case.gate.must_detect,
            suspected: case.gate.suspected,
        }
    }
}

/// `None` where nobody has the metric, or it is never judged.
fn in_bookings(
    base: Option<&MetricBaseline>,
    [first, second]: &[Side<'_>; 2],
    metric: MetricRef,
    tolerance: Tolerance,
) -> Option<What> {
    let values = |side: &Side<'_>| side.values(metric).flatten().collect::<Vec<f64>>();
    let head = [values(first), values(second)];
    let Some(base) = base else { return one_sided(false, head.iter().any(|it| !it.is_empty())) };
    let samples = first.samples(metric.metric) + second.samples(metric.metric);
    let gated = Gated { metric, tolerance, samples };
    match compare_bookings(gated, &base.epochs, head.each_ref().map(Vec::as_slice)) {
        Ok(finding) => Some(finding.what),
        Err(ArmsError::Empty(_)) => Some(What::Missing),
        Err(ArmsError::NoDirection(_) | ArmsError::NotAnAmount { .. }) => None,
    }
}

/// Epochs of base and head, back to back: the first of each belong together, and so on.
#[derive(Debug, Clone, Copy)]
pub struct Paired<'a> {
    /// The base's epochs.
    pub base: &'a [&'a Run],
    /// The head's, as many.
    pub head: &'a [&'a Run],
    /// Why pairs were set aside, one fragment a reason.
    pub set_aside: &'a [String],
    /// What a baseline knows of the case: its pairs without a change steady the noise.
    pub known: Option<&'a CaseBaseline>,
}

impl Paired<'_> {
    /// Compares what the head's gate names, in its order.
    #[must_use]
    pub fn evidence(&self, case: &Case) -> Evidence {
        let sides = (Side::of(self.base), Side::of(self.head));
        let finding = |(metric, tolerance): (&MetricRef, &Tolerance)| {
            let what = self.compare(&sides, *metric, *tolerance, case)?;
            Some(Finding { metric: *metric, what })
        };
        Evidence {
            invalid: self.invalid(),
            differences: lengths_differ(&sides).into_iter().collect(),
            findings: case.gate.tolerances.iter().filter_map(finding).collect(),
            must_detect: case.gate.must_detect,
            suspected: case.gate.suspected,
        }
    }

    /// Pairs that were set aside spoil the case only where too few are left.
    fn invalid(&self) -> Vec<String> {
        match self.head.len() < EPOCHS_NEEDED {
            true => self.set_aside.to_vec(),
            false => Vec::new(),
        }
    }

    /// `None` where neither side has the metric, or it is never judged.
    fn compare(
        &self,
        (base, head): &(Side<'_>, Side<'_>),
        metric: MetricRef,
        tolerance: Tolerance,
        case: &Case,
    ) -> Option<What> {
        let gated = Gated { metric, tolerance, samples: head.samples(metric.metric) };
        let compared = if metric.metric == &ERROR_RATE {
            Ok(compare_counts(metric, base.failures(), head.failures()))
        } else if metric.metric.shape == Shape::Mean {
            let scores = scores(base, head, metric.metric);
            let queries = Queries { scores: &scores, epochs: self.head.len() };
            compare_queries(gated, &queries, fingerprint(&case.id.0))
        } else if metric.metric == &INDEX_BYTES && tolerance == Tolerance::Relative(0.0) {
            compare_exact(gated, &pairs(base, head, metric))
        } else {
            let known = self.known.and_then(|known| known.get(&metric));
            let same = known.map_or(&[][..], |known| &known.aa_pairs);
            compare_pairs(gated, &pairs(base, head, metric), same)
        };
        match compared {
            Ok(finding) => Some(finding.what),
            Err(ArmsError::Empty(_)) => one_sided(base.has(metric), head.has(metric)),
            Err(ArmsError::NoDirection(_) | ArmsError::NotAnAmount { .. }) => None,
        }
    }
}

fn one_sided(base: bool, head: bool) -> Option<What> {
    match (base, head) {
        (true, false) => Some(What::Missing),
        (false, true) => Some(What::New),
        // In both, but never in both epochs of a pair: nobody knows.
        (true, true) => Some(What::FromZero),
        (false, false) => None,
    }
}

/// One side, epoch by epoch.
struct Side<'a> {
    runs: &'a [&'a Run],
    observed: Vec<Vec<(&'static Metric, Observed)>>,
}

impl<'a> Side<'a> {
    fn of(runs: &'a [&'a Run]) -> Self {
        Self { runs, observed: runs.iter().map(|run| observe(run)).collect() }
    }

    /// What each epoch says of a metric.
    fn says(&self, metric: &Metric) -> impl Iterator<Item = Option<&Observed>> {
        self.observed.iter().map(move |epoch| {
            epoch.iter().find(|(known, _)| *known == metric).map(|(_, observed)| observed)
        })
    }

    fn values(&self, metric: MetricRef) -> impl Iterator<Item = Option<f64>> {
        self.says(metric.metric).map(move |observed| observed?.stat(metric.stat))
    }

    fn has(&self, metric: MetricRef) -> bool {
        self.values(metric).any(|value| value.is_some())
    }

    /// The effective number of samples over all epochs.
    fn samples(&self, metric: &Metric) -> usize {
        self.says(metric).flatten().map(effective_n).sum::<f64>() as usize
    }

    fn failures(&self) -> Count {
        let requests = || self.runs.iter().map(|run| run.requests());
        Count {
            failed: requests().map(|requests| requests.failed).sum(),
            attempted: requests().map(|requests| requests.attempted).sum(),
            epochs: self.runs.len(),
        }
    }

    /// The mean over the epochs of what each request scored, by its number in the plan.
    fn scores(&self, metric: &Metric) -> BTreeMap<u64, f64> {
        let mut scores: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for record in self.runs.iter().flat_map(|run| run.successes()) {
            let score = sample(metric, record).filter(|score| score.is_finite());
            scores.entry(record.ordinal).or_default().extend(score);
        }
        scores.into_iter().filter_map(|(of, scores)| Some((of, mean(&scores)?))).collect()
    }
}

fn pairs(base: &Side<'_>, head: &Side<'_>, metric: MetricRef) -> Vec<Pair> {
    let values = base.values(metric).zip(head.values(metric));
    values.filter_map(|(base, head)| Some(Pair { base: base?, head: head? })).collect()
}

/// The same requests on both sides.
fn scores(base: &Side<'_>, head: &Side<'_>, metric: &Metric) -> Vec<Pair> {
    let (base, head) = (base.scores(metric), head.scores(metric));
    let both =
        |(request, base): (&u64, &f64)| Some(Pair { base: *base, head: *head.get(request)? });
    base.iter().filter_map(both).collect()
}

/// Whether the answers are of other lengths, in words.
fn lengths_differ((base, head): &(Side<'_>, Side<'_>)) -> Option<String> {
    let length = |side: &Side<'_>| {
        let all: Vec<f64> = side
            .says(&OUTPUT_TOKENS)
            .flatten()
            .filter_map(|observed| mean(observed.values()))
            .collect();
        mean(&all)
    };
    let (base, head) = (length(base)?, length(head)?);
    let share = (head - base).abs() / base.max(head).max(1.0);
    (share > LENGTHS_DIFFER).then(|| {
        format!(
            "answers are {base:.1} tokens long in the base and {head:.1} in the head: ask both for \
             the same (`ignore_eos`), or compare `tpot` and `ttft` alone in a scenario of their own"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::Provenance;
    use crate::fixture::{self, Luck};
    use crate::recorded::Recorded;
    use crate::verdict::suspects::{Rules, judge_bookings, judge_pairs};
    use tokgate_core::failure::{Failure, FailureClass};
    use tokgate_core::metric::{RECALL_AT_10, TTFT};
    use tokgate_core::record::Outcome;
    use tokgate_core::validity::Validity;
    use tokgate_core::verdict::Verdict;

    fn runs(seed: u64, factor: f64) -> Vec<Run> {
        let mut luck = Luck::new(seed);
        (0..8).map(|_| fixture::run(&mut luck, factor)).collect()
    }

    fn evidence(base: &[Run], head: &[Run]) -> Evidence {
        let (base, head): (Vec<&Run>, Vec<&Run>) = (base.iter().collect(), head.iter().collect());
        let paired = Paired { base: &base, head: &head, set_aside: &[], known: None };
        paired.evidence(&head[0].head.case)
    }

    fn verdicts(evidence: Evidence) -> Vec<(String, Verdict)> {
        let judged = judge_pairs(&[evidence], Rules::default()).concat();
        judged.iter().map(|judged| (judged.metric.to_string(), judged.verdict)).collect()
    }

    #[test]
    fn raw_epochs_are_judged_in_both_directions_and_with_swapped_arms() {
        let (fast, slow) = (runs(1, 1.0), runs(2, 1.3));
        let of = |base: &[Run], head: &[Run]| verdicts(evidence(base, head))[1].clone();
        assert_eq!(of(&fast, &slow), ("itl.mean".to_owned(), Verdict::Regressed));
        assert_eq!(of(&slow, &fast), ("itl.mean".to_owned(), Verdict::Improved));
        let same = runs(3, 1.0);
        assert!(verdicts(evidence(&fast, &same)).iter().all(|(_, it)| *it != Verdict::Regressed));
    }

    /// A baseline of six bookings with two epochs each, all alike.
    fn six_bookings() -> Baseline {
        let mut luck = Luck::new(7);
        let mut runs: Vec<Run> = (0..12).map(|_| fixture::run(&mut luck, 1.0)).collect();
        for (at, run) in runs.iter_mut().enumerate() {
            run.head.booking_id = format!("booking-{}", at / 2);
        }
        let validity = vec![Validity::Valid; runs.len()];
        let provenance = Provenance::of(&runs[0].head, "2026-11-29");
        Baseline::from_runs(&[Recorded { runs: &runs, validity: &validity }], provenance).unwrap()
    }

    #[test]
    fn two_bookings_without_a_base_are_at_most_unpaired() {
        let baseline = six_bookings();
        let said = |factors: [f64; 2], invalid: &[String]| {
            let [first, second] = [runs(11, factors[0]), runs(12, factors[1])];
            let (first, second): (Vec<&Run>, Vec<&Run>) =
                (first.iter().collect(), second.iter().collect());
            let head = &first[0].head;
            let both = TwoBookings { first: &first, second: &second, invalid };
            let evidence = both.evidence(&head.case, &head.machine, &baseline);
            judge_bookings(&[evidence], Rules::default())[0][1].verdict
        };
        assert_eq!(said([1.5, 1.5], &[]), Verdict::RegressedUnpaired);
        assert_ne!(said([1.5, 1.0], &[]), Verdict::RegressedUnpaired, "once is not again");
        assert_eq!(said([1.0, 1.0], &[]), Verdict::Unchanged);
        assert_eq!(said([1.5, 1.5], &["it was hot".to_owned()]), Verdict::Invalid);
    }

    #[test]
    fn failures_are_counted_over_all_epochs() {
        let gate = |runs: &mut [Run]| {
            for run in runs {
                let tolerance = Tolerance::Absolute(0.0);
                run.head.case.gate.tolerances = [(MetricRef::value(&ERROR_RATE), tolerance)].into();
            }
        };
        let (mut base, mut head) = (runs(1, 1.0), runs(2, 1.0));
        gate(&mut base);
        gate(&mut head);
        for run in &mut head {
            for record in &mut run.records[..3] {
                let failure = Failure::new(FailureClass::Truncated, "gone");
                record.outcome = Outcome::Failed(failure);
            }
        }
        assert_eq!(
            verdicts(evidence(&base, &head)),
            [("error_rate".to_owned(), Verdict::Regressed)]
        );
        assert_eq!(
            verdicts(evidence(&base, &base)),
            [("error_rate".to_owned(), Verdict::Unchanged)]
        );
    }

    #[test]
    fn recall_is_compared_query_by_query() {
        let searched = |seed, share| -> Vec<Run> {
            let mut luck = Luck::new(seed);
            (0..5).map(|_| fixture::searches(&mut luck, 1.0, share)).collect()
        };
        let found = evidence(&searched(1, 0.99), &searched(2, 0.90));
        let recall = found.findings.iter().find(|it| it.metric.metric == &RECALL_AT_10).unwrap();
        let both = recall.both().unwrap();
        assert_eq!(both.comparison.base.n, 200, "one score a query, not one a query and epoch");
        assert!(both.chances.unwrap().worse < 0.01);
    }

    #[test]
    fn answers_of_other_lengths_are_other_work() {
        let (base, mut head) = (runs(1, 1.0), runs(2, 1.0));
        for record in head.iter_mut().flat_map(|run| &mut run.records) {
            record.usage.as_mut().unwrap().completion_tokens = 7;
        }
        let found = evidence(&base, &head);
        assert!(found.differences[0].contains("8.0 tokens"), "{:?}", found.differences);
        assert!(verdicts(found).iter().all(|(_, verdict)| *verdict == Verdict::Incomparable));
    }

    #[test]
    fn pairs_that_were_set_aside_count_only_where_few_are_left() {
        let runs = runs(1, 1.0);
        let of = |count| {
            let side: Vec<&Run> = runs[..count].iter().collect();
            let set_aside = ["it was hot".to_owned()];
            let paired = Paired { base: &side, head: &side, set_aside: &set_aside, known: None };
            paired.evidence(&runs[0].head.case).invalid
        };
        assert_eq!(of(4), ["it was hot"]);
        assert_eq!(of(5), [""; 0]);
    }

    #[test]
    fn what_one_side_alone_has_is_new_or_missing() {
        let (base, mut head) = (runs(1, 1.0), runs(2, 1.0));
        head.iter_mut().for_each(|run| run.records.clear());
        let of = |found: Evidence| found.findings.into_iter().map(|it| (it.metric, it.what));
        let missing = of(evidence(&base, &head)).find(|(metric, _)| metric.metric == &TTFT);
        assert_eq!(missing.unwrap().1, What::Missing);
        let mut new = evidence(&head, &base).findings.into_iter();
        assert!(new.any(|it| it.what == What::New));
    }
}
