//! The judge against planted effects and against none: both kinds of mistakes, counted.

use crate::file::{EpochValue, MetricBaseline};
use crate::fixture::{self, Luck};
use crate::{Baseline, Evidence, Measured, Provenance, Recorded, compare, judge};
use tokgate_core::case::{Case, Quarantine, Tolerance};
use tokgate_core::metric::{Better, CATALOGUE, MetricRef, Shape};
use tokgate_core::run::Run;
use tokgate_core::summary::{MetricSummary, Observed, Summary, summarize};
use tokgate_core::validity::{Reason, Validity};
use tokgate_core::verdict::{Judged, Verdict};

/// Standard deviation of the logarithm between epochs of the same target.
const EPOCH_NOISE: f64 = 0.01;

/// Epochs of a target that takes `factor` times as long.
fn epochs(luck: &mut Luck, count: usize, factor: f64) -> Vec<Run> {
    (0..count)
        .map(|_| {
            let factor = factor * luck.lognormal(1.0, EPOCH_NOISE);
            fixture::run(luck, factor)
        })
        .collect()
}

fn baseline(runs: &[Run]) -> Baseline {
    let validity = vec![Validity::Valid; runs.len()];
    let provenance = Provenance::of(&runs[0].head, "2026-11-22");
    Baseline::from_runs(&[Recorded { runs, validity: &validity }], provenance).unwrap()
}

fn evidence(base: &[Run], head: &[Run], case: &Case, validity: &Validity) -> Evidence {
    let summary = summarize(head);
    let measured = Measured {
        case,
        machine: &head[0].head.machine,
        summary: &summary,
        validity: std::slice::from_ref(validity),
    };
    measured.against(&baseline(base))
}

fn judged(base: &[Run], head: &[Run]) -> Vec<Judged> {
    judge(&[evidence(base, head, &head[0].head.case, &Validity::Valid)]).remove(0)
}

fn verdict(judged: &[Judged], metric: &str) -> Verdict {
    judged.iter().find(|judged| judged.metric.to_string() == metric).unwrap().verdict
}

#[test]
fn twenty_percent_are_convicted_and_their_opposite_is_an_improvement() {
    let mut luck = Luck::new(1);
    let (base, slower) = (epochs(&mut luck, 5, 1.0), epochs(&mut luck, 5, 1.2));
    let (there, back) = (judged(&base, &slower), judged(&slower, &base));
    for metric in ["ttft.p50", "itl.mean", "tok_s"] {
        assert_eq!(verdict(&there, metric), Verdict::Regressed, "{metric}");
        assert_eq!(verdict(&back, metric), Verdict::Improved, "{metric}");
    }
    let tok_s = there.iter().find(|judged| judged.metric.to_string() == "tok_s").unwrap();
    let effect = tok_s.comparison.as_ref().unwrap().effect;
    assert!((0.12..0.20).contains(&effect), "1 − 1/1.2 is a loss of 17 %, not {effect}");
}

#[test]
fn speed_that_is_bought_with_recall_is_a_regression() {
    let mut luck = Luck::new(6);
    let mut epochs = |factor, recall| -> Vec<Run> {
        (0..5).map(|_| fixture::searches(&mut luck, factor, recall)).collect()
    };
    let (careful, hasty) = (epochs(1.0, 0.99), epochs(0.7, 0.96));
    let judged = judged(&careful, &hasty);
    assert_eq!(verdict(&judged, "query.p50"), Verdict::Improved);
    assert_eq!(verdict(&judged, "recall_at_10"), Verdict::Regressed);
}

#[test]
fn whole_runs_without_a_change_are_not_convicted() {
    let mut luck = Luck::new(2);
    let convicted = (0..40).filter(|_| {
        let (base, head) = (epochs(&mut luck, 5, 1.0), epochs(&mut luck, 5, 1.0));
        judged(&base, &head).iter().any(|judged| judged.verdict == Verdict::Regressed)
    });
    assert_eq!(convicted.count(), 0);
}

#[test]
fn with_fewer_than_five_epochs_the_strongest_word_is_inconclusive() {
    let mut luck = Luck::new(3);
    for count in [1, 2, 4] {
        let base = epochs(&mut luck, 5, 1.0);
        let head = epochs(&mut luck, count, 2.0);
        assert_eq!(verdict(&judged(&base, &head), "ttft.p50"), Verdict::Inconclusive, "{count}");
        let back = verdict(&judged(&head, &base), "ttft.p50");
        assert_eq!(back, Verdict::Unchanged, "{count}: better is not worse");
    }
}

#[test]
fn sixty_requests_do_not_carry_a_99th_percentile() {
    let mut luck = Luck::new(4);
    let (mut base, head) = (epochs(&mut luck, 5, 1.0), epochs(&mut luck, 5, 1.0));
    assert_eq!(verdict(&judged(&base, &head), "e2e.p99"), Verdict::New);
    base.extend(epochs(&mut luck, 7, 1.0));
    assert_eq!(verdict(&judged(&base, &head), "e2e.p99"), Verdict::InsufficientSamples);
}

#[test]
fn what_was_measured_before_and_not_now_is_missing() {
    let mut luck = Luck::new(5);
    let (base, mut head) = (epochs(&mut luck, 5, 1.0), epochs(&mut luck, 5, 1.0));
    for record in head.iter_mut().flat_map(|run| &mut run.records) {
        record.usage = None;
    }
    assert_eq!(verdict(&judged(&base, &head), "tok_s"), Verdict::Missing);
    let dropped = crate::judge_dropped(&baseline(&base), &[]);
    assert_eq!(dropped[0].0.0, "quick/one");
    assert!(dropped[0].1.iter().all(|judged| judged.verdict == Verdict::Missing));
    let planned = [head[0].head.case.id.clone()];
    assert!(crate::judge_dropped(&baseline(&base), &planned).is_empty());
}

#[test]
fn an_invalid_run_is_never_worse_and_another_question_never_comparable() {
    let mut luck = Luck::new(6);
    let (base, head) = (epochs(&mut luck, 5, 1.0), epochs(&mut luck, 5, 3.0));
    let invalid = Validity::Invalid(vec![Reason::NothingMeasured]);
    let mut other = head[0].head.case.clone();
    other.run.salt = false;
    for (case, validity, expected) in [
        (&head[0].head.case, &invalid, Verdict::Invalid),
        (&head[0].head.case, &Validity::Invalid(Vec::new()), Verdict::Invalid),
        (&other, &Validity::Valid, Verdict::Incomparable),
    ] {
        let judged = judge(&[evidence(&base, &head, case, validity)]).remove(0);
        assert!(judged.iter().all(|judged| judged.verdict == expected && !judged.why.is_empty()));
        assert!(judged.iter().all(|judged| judged.comparison.is_none()));
    }
}

/// Every metric of one value an epoch, with log-normal epochs, in two cases: base and head as the judge gets them, without
/// the requests, so that many runs can be judged in little time.
struct Scalars {
    luck: Luck,
    case: Case,
    metrics: Vec<MetricRef>,
}

impl Scalars {
    /// The tolerance of every metric.
    const TOLERANCE: f64 = 0.02;

    fn new(seed: u64) -> Self {
        let judgeable = CATALOGUE.iter().filter(|metric| {
            metric.better != Better::Neither && metric.shape != Shape::Distribution
        });
        let metrics: Vec<MetricRef> = judgeable.map(|metric| MetricRef::value(metric)).collect();
        let mut case = fixture::case("quick/one");
        case.gate.tolerances =
            metrics.iter().map(|metric| (*metric, Tolerance::Relative(Self::TOLERANCE))).collect();
        Self { luck: Luck::new(seed), case, metrics }
    }

    /// A summary of five epochs in which everything is worse by `shift`, a share of the value.
    fn summary(&mut self, shift: f64) -> Summary {
        let metrics = self.metrics.clone().into_iter().map(|reference| {
            let center = match reference.metric.better {
                Better::Higher => 1.0 - shift,
                Better::Lower | Better::Neither => 1.0 + shift,
            };
            let epochs =
                (0..5).map(|_| Observed::Value(self.luck.lognormal(center, EPOCH_NOISE))).collect();
            MetricSummary::of(reference.metric, epochs).unwrap()
        });
        let metrics = metrics.collect();
        Summary {
            case: self.case.id.clone(),
            requests: Default::default(),
            token_counts: Default::default(),
            metrics,
        }
    }

    /// The verdicts on one run of two cases that is worse by `shift`.
    fn judge(&mut self, shift: f64) -> Vec<Verdict> {
        let cases = [self.evidence(shift), self.evidence(shift)];
        judge(&cases).into_iter().flatten().map(|judged| judged.verdict).collect()
    }

    fn evidence(&mut self, shift: f64) -> Evidence {
        let base = self.summary(0.0);
        let known = base.metrics.iter().map(|metric| {
            let epochs = metric.epochs.iter().map(epoch_value).collect();
            let tolerance = Tolerance::Relative(Scalars::TOLERANCE);
            let known = MetricBaseline { epochs, tolerance, aa_pairs: Vec::new() };
            (MetricRef::value(metric.metric), known)
        });
        let (base, head) = (known.collect(), self.summary(shift));
        let findings = compare(&head, &base, &self.case.gate);
        let must_detect = self.case.gate.must_detect;
        Evidence {
            invalid: Vec::new(),
            differences: Vec::new(),
            findings,
            must_detect,
            suspected: true,
        }
    }

    /// In how many of `runs` at least one metric was convicted.
    fn convicted_runs(&mut self, runs: usize, shift: f64) -> usize {
        (0..runs).filter(|_| self.judge(shift).contains(&Verdict::Regressed)).count()
    }
}

fn epoch_value(epoch: &Observed) -> EpochValue {
    EpochValue { booking: "b".to_owned(), value: epoch.values()[0], se: None }
}

#[test]
fn what_is_in_quarantine_has_no_verdict_and_is_not_missed() {
    let (base, mut head) = (epochs(&mut Luck::new(3), 5, 1.0), epochs(&mut Luck::new(4), 5, 1.5));
    let metrics: [MetricRef; 2] = ["ttft.p50", "itl.mean"].map(|name| name.parse().unwrap());
    for run in &mut head {
        let gate = &mut run.head.case.gate;
        for metric in metrics {
            let tolerance = gate.tolerances.remove(&metric).unwrap();
            let (until, why) = ("2027-01-31".parse().unwrap(), "cold".to_owned());
            gate.quarantine.insert(metric, Quarantine { until, why, tolerance });
        }
    }
    let judged = judged(&base, &head);
    assert!(judged.iter().any(|judged| judged.verdict == Verdict::Regressed));
    assert!(judged.iter().all(|judged| !metrics.contains(&judged.metric)), "{judged:?}");
}

#[test]
fn no_change_is_never_convicted_in_hundreds_of_runs() {
    let mut scalars = Scalars::new(7);
    assert!(2 * scalars.metrics.len() >= 20);
    assert_eq!(scalars.convicted_runs(300, 0.0), 0);
}

#[test]
fn at_the_edge_of_the_tolerance_one_run_in_a_hundred_is_convicted() {
    // Every metric sits exactly on its tolerance, the worst case for false convictions. At 1 %
    // more than 9 of 300 come up in 1 of 1000 tries; none at all would mean a blunt test.
    let convicted = Scalars::new(8).convicted_runs(300, Scalars::TOLERANCE);
    assert!((1..=9).contains(&convicted), "{convicted}");
}

#[test]
fn twenty_percent_are_convicted_in_every_metric_and_direction() {
    let mut scalars = Scalars::new(9);
    let verdicts: Vec<Verdict> = (0..50).flat_map(|_| scalars.judge(0.2)).collect();
    let convicted = verdicts.iter().filter(|verdict| **verdict == Verdict::Regressed).count();
    assert!(convicted as f64 >= 0.999 * verdicts.len() as f64, "{convicted} of {}", verdicts.len());
    let back: Vec<Verdict> = (0..50).flat_map(|_| scalars.judge(-0.2)).collect();
    assert!(back.iter().all(|verdict| *verdict == Verdict::Improved));
}
