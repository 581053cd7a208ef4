//! Which formula gives which metric, and what one epoch says of all of them.

use super::spread::Spread;
use super::{Observed, Series, Whole, energy, epoch, quality, request, serving, telemetry};
use crate::metric::{self, Kind, Metric};
use crate::record::Record;
use crate::run::Run;

/// How a metric is had from an epoch.
pub(super) enum Formula {
    /// At most one sample a request.
    Request(fn(&Record) -> Option<f64>),
    /// Any number of samples a request.
    Events(fn(&Record) -> Vec<f64>),
    /// One value an epoch, from what was counted.
    Epoch(fn(&Whole<'_>) -> Option<f64>),
    /// One value an epoch, from all requests side by side.
    Beside(fn(&Spread) -> Option<f64>),
}

use Formula::{Beside, Epoch, Events, Request};

/// The formula of each metric, in the catalogue's order.
static FORMULAS: &[(&Metric, Formula)] = &[
    (&metric::TOK_S, Epoch(epoch::tok_s)),
    (&metric::TOTAL_TOK_S, Epoch(epoch::total_tok_s)),
    (&metric::REQ_S, Epoch(epoch::successes_per_second)),
    (&metric::TTFT, Request(request::ttft)),
    (&metric::TTFR, Request(request::ttfr)),
    (&metric::TTFO, Request(request::ttfo)),
    (&metric::TTFT_DUE, Request(request::ttft_due)),
    (&metric::E2E, Request(request::e2e)),
    (&metric::E2E_DUE, Request(request::e2e_due)),
    (&metric::TPOT, Request(request::tpot)),
    (&metric::ITL, Events(request::itl)),
    (&metric::DECODE_RATE, Request(request::decode_rate)),
    (&metric::EMBED, Request(request::embed)),
    (&metric::INPUTS_S, Epoch(epoch::inputs_s)),
    (&metric::PROMPT_TOK_S, Epoch(epoch::prompt_tok_s)),
    (&metric::RAG_EMBED, Request(request::rag_embed)),
    (&metric::RAG_SEARCH, Request(request::rag_search)),
    (&metric::RAG_GENERATE, Request(request::rag_generate)),
    (&metric::QUERY, Request(request::query)),
    (&metric::QUERY_CPU, Request(request::query_cpu)),
    (&metric::FIRST_QUERY, Epoch(epoch::first_query)),
    (&metric::QPS, Epoch(epoch::successes_per_second)),
    (&metric::RECALL_AT_1, Request(|record| request::recall(record, 1))),
    (&metric::RECALL_AT_10, Request(|record| request::recall(record, 10))),
    (&metric::RECALL_AT_100, Request(|record| request::recall(record, 100))),
    (&metric::INGEST_S, Epoch(epoch::ingest_s)),
    (&metric::BUILD_S, Epoch(epoch::build_s)),
    (&metric::LOAD_S, Epoch(epoch::load_s)),
    (&metric::INDEX_BYTES, Epoch(epoch::index_bytes)),
    (&metric::SCAN_BYTES_S, Epoch(epoch::scan_bytes_s)),
    (&metric::READ_BYTES_S, Epoch(epoch::read_bytes_s)),
    (&metric::INSERTS_S, Epoch(epoch::inserts_s)),
    (&metric::INSERT_P95, Epoch(epoch::insert_p95)),
    (&metric::INSERT_LAG_P95, Epoch(epoch::insert_lag_p95)),
    (&metric::SPIKE_RATE, Beside(|spread| spread.spike_rate)),
    (&metric::SPIKE_RATE_SIGMA, Beside(|spread| spread.spike_rate_sigma)),
    (&metric::STALL_MAX, Beside(|spread| spread.stall_max)),
    (&metric::STALL_COUNT, Beside(|spread| spread.stall_count)),
    (&metric::GOODPUT, Epoch(epoch::goodput)),
    (&metric::ATTAINMENT, Epoch(epoch::attainment)),
    (&metric::RECOVERY_S, Beside(|spread| spread.recovery_s)),
    (&metric::SEND_LAG, Request(request::send_lag)),
    (&metric::IN_FLIGHT, Beside(|spread| spread.in_flight)),
    (&metric::CLIENT_BUSY, Epoch(epoch::client_busy)),
    (&metric::ERROR_RATE, Epoch(epoch::error_rate)),
    (&metric::PROMPT_TOKENS, Request(request::prompt_tokens)),
    (&metric::OUTPUT_TOKENS, Request(request::output_tokens)),
    (&metric::ANSWER_WORDS, Request(quality::words)),
    (&metric::REPETITION, Request(quality::repetition)),
    (&metric::DISTINCT_1, Request(quality::distinct_1)),
    (&metric::DISTINCT_2, Request(quality::distinct_2)),
    (&metric::COHERENCE, Request(quality::coherence)),
    (&metric::ACCURACY, Request(quality::accuracy)),
    (&metric::ANSWER_AGREEMENT, Beside(|spread| spread.agreement)),
    (&metric::MODEL_LOAD_S, Epoch(epoch::model_load_s)),
    (&metric::PEAK_RSS, Epoch(telemetry::peak_rss)),
    (&metric::MEMORY_PEAK, Epoch(telemetry::memory_peak)),
    (&metric::MEMORY_MEAN, Epoch(telemetry::memory_mean)),
    (&metric::MEMORY_SHARE, Epoch(telemetry::memory_share)),
    (&metric::CPU_MEAN, Epoch(telemetry::cpu_mean)),
    (&metric::GPU_UTIL_MEAN, Epoch(telemetry::gpu_util_mean)),
    (&metric::GPU_MEM_PEAK, Epoch(telemetry::gpu_mem_peak)),
    (&metric::GPU_TEMP_PEAK, Epoch(telemetry::gpu_temp_peak)),
    (&metric::GPU_POWER_MEAN, Epoch(telemetry::gpu_power_mean)),
    (&metric::ENERGY, Epoch(energy::gpus)),
    (&metric::ENERGY_IDLE_CORRECTED, Epoch(energy::above_idle)),
    (&metric::ENERGY_CPU, Epoch(energy::cpu)),
    (&metric::ENERGY_TOTAL, Epoch(energy::total)),
    (&metric::ENERGY_PER_TOKEN, Epoch(epoch::energy_per_token)),
    (&metric::TOKENS_PER_JOULE, Epoch(epoch::tokens_per_joule)),
    (&metric::ENERGY_PER_GOOD_REQUEST, Epoch(epoch::energy_per_good_request)),
    (&metric::COST_PER_1K, Epoch(epoch::cost_per_1k)),
    (&metric::COST_EFFICIENCY, Epoch(epoch::cost_efficiency)),
    (&metric::TELEMETRY_DROPPED, Epoch(telemetry::dropped)),
    (&metric::SERVER_RUNNING_PEAK, Epoch(serving::running_peak)),
    (&metric::SERVER_WAITING_PEAK, Epoch(serving::waiting_peak)),
    (&metric::SERVER_CACHE_PEAK, Epoch(serving::cache_peak)),
    (&metric::SERVER_PREEMPTIONS, Epoch(serving::preemptions)),
    (&metric::SERVER_PREFIX_HITS, Epoch(serving::prefix_hits)),
];

/// What one epoch says of every metric of its kind, in the catalogue's order. What was not
/// measured is not in the list. Only measured successes enter, except into `error_rate`.
#[must_use]
pub fn observe(run: &Run) -> Vec<(&'static Metric, Observed)> {
    let (whole, spread) = (Whole::of(run), Spread::of(run));
    let told = |formula: &Formula| match formula {
        Request(_) | Events(_) => formula.series(run).map(Observed::Samples),
        Epoch(_) | Beside(_) => formula.value(&whole, &spread).map(Observed::Value),
    };
    of_kind(run.head.case.kind)
        .filter_map(|(metric, formula)| Some((*metric, told(formula)?)))
        .collect()
}

/// What one epoch says of the metrics of its kind that are one value an epoch, in the catalogue's order.
pub(super) fn values(whole: &Whole<'_>, spread: &Spread) -> Vec<(&'static Metric, f64)> {
    of_kind(whole.head.case.kind)
        .filter_map(|(metric, formula)| Some((*metric, formula.value(whole, spread)?)))
        .collect()
}

/// The metrics of a kind that have any number of samples, in the catalogue's order.
pub(super) fn sampled(kind: Kind) -> impl Iterator<Item = &'static Metric> {
    let has_samples = |formula: &Formula| match formula {
        Request(_) | Events(_) => true,
        Epoch(_) | Beside(_) => false,
    };
    of_kind(kind).filter(move |(_, formula)| has_samples(formula)).map(|(metric, _)| *metric)
}

fn of_kind(kind: Kind) -> impl Iterator<Item = &'static (&'static Metric, Formula)> {
    FORMULAS.iter().filter(move |(metric, _)| metric.kinds.contains(&kind))
}

/// The metric called `id`, if it is one that a request has at most once.
#[must_use]
pub fn of_request(id: &str) -> Option<&'static Metric> {
    let is_it = |(metric, formula): &&(&'static Metric, Formula)| {
        metric.id == id && matches!(formula, Request(_))
    };
    FORMULAS.iter().find(is_it).map(|(metric, _)| *metric)
}

/// What one request says of a metric; `None` where it says nothing, or the metric is not one that
/// a request has at most once.
#[must_use]
pub fn sample(metric: &Metric, record: &Record) -> Option<f64> {
    let (_, formula) = FORMULAS.iter().find(|(known, _)| *known == metric)?;
    match formula {
        Request(sample) => sample(record),
        Events(_) | Epoch(_) | Beside(_) => None,
    }
}

/// The samples of a metric in one epoch, in order of arrival; `None` where it has none, or is one value
/// an epoch.
#[must_use]
pub fn samples(metric: &Metric, run: &Run) -> Option<Series> {
    let (_, formula) = FORMULAS.iter().find(|(known, _)| *known == metric)?;
    formula.series(run)
}

/// The samples of the metric called `id`, over all successes; `None` when it has none.
pub(super) fn pooled(run: &Run, id: &str) -> Option<Vec<f64>> {
    samples(metric::find(id)?, run).map(|series| series.values)
}

/// The formula of a metric.
pub(super) fn formula(metric: &Metric) -> Option<&'static Formula> {
    FORMULAS.iter().find(|(known, _)| known.id == metric.id).map(|(_, formula)| formula)
}

impl Formula {
    fn value(&self, whole: &Whole<'_>, spread: &Spread) -> Option<f64> {
        let value = match self {
            Request(_) | Events(_) => None,
            Epoch(value) => value(whole),
            Beside(value) => value(spread),
        };
        value.filter(|value| value.is_finite())
    }

    /// What one success says, in order of arrival; nothing of one value an epoch.
    pub(super) fn samples(&self, record: &Record) -> Vec<f64> {
        match self {
            Request(sample) => sample(record).into_iter().collect(),
            Events(samples) => samples(record),
            Epoch(_) | Beside(_) => Vec::new(),
        }
    }

    fn series(&self, run: &Run) -> Option<Series> {
        match self {
            Request(_) | Events(_) => series(run, |record| self.samples(record)),
            Epoch(_) | Beside(_) => None,
        }
    }
}

fn series(run: &Run, of: impl Fn(&Record) -> Vec<f64>) -> Option<Series> {
    let mut series = Series::default();
    for (request, record) in (0..).zip(run.successes()) {
        for value in of(record).into_iter().filter(|value| value.is_finite()) {
            series.values.push(value);
            series.requests.push(request);
        }
    }
    (!series.values.is_empty()).then_some(series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureClass};
    use crate::metric::{CATALOGUE, Shape};
    use crate::price::{Price, Rate};
    use crate::record::{EventKind, Neighbours, Outcome, Phase};
    use crate::summary::fixture::{ms, run, success, with_events};
    use crate::time::Offset;

    fn value(run: &Run, wanted: &Metric) -> Option<f64> {
        match observe(run).into_iter().find(|(metric, _)| *metric == wanted)?.1 {
            Observed::Value(value) => Some(value),
            Observed::Samples(series) => series.values.first().copied(),
        }
    }

    #[test]
    fn every_metric_of_the_catalogue_has_its_formula_in_its_place() {
        let formulas: Vec<_> = FORMULAS.iter().map(|(metric, _)| *metric).collect();
        assert_eq!(formulas, CATALOGUE);
        for (metric, formula) in FORMULAS {
            assert_eq!(
                metric.shape == Shape::Scalar,
                matches!(formula, Epoch(_) | Beside(_)),
                "{}",
                metric.id
            );
        }
    }

    #[test]
    fn throughput_is_tokens_over_the_window() {
        let run = run(vec![success(0), success(1000)]);
        // Two answers of 5 tokens to 8, sent at 0 and 1 s, the second over 0.2 s later.
        assert_eq!(value(&run, &metric::TOK_S), Some(10.0 / 1.2));
        assert_eq!(value(&run, &metric::TOTAL_TOK_S), Some(26.0 / 1.2));
        assert_eq!(value(&run, &metric::REQ_S), Some(2.0 / 1.2));
    }

    #[test]
    fn what_tokens_cost_is_paid_by_time_or_by_the_token() {
        // Ten output tokens and sixteen of prompts in 1.2 s.
        let mut run = run(vec![success(0), success(1000)]);
        assert_eq!(value(&run, &metric::COST_PER_1K), None);
        let price = |rate| Some(Price { rate, source: "test".to_owned() });
        run.head.case.target.price = price(Rate::Hour(3.0));
        let near = |metric, expected: f64| {
            let found = value(&run, metric).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-12, "{}: {found}", metric.id);
        };
        near(&metric::COST_PER_1K, 3.0 / (10.0 / 1.2 * 3600.0) * 1000.0);
        near(&metric::COST_EFFICIENCY, 10.0 / 1.2 / 3.0);
        let by_token = Rate::Tokens { prompt_usd_per_million: 2.0, output_usd_per_million: 5.0 };
        run.head.case.target.price = price(by_token);
        assert_eq!(value(&run, &metric::COST_PER_1K), Some((16.0 * 2.0 + 10.0 * 5.0) / 1e4));
        assert_eq!(value(&run, &metric::COST_EFFICIENCY), None);
    }

    #[test]
    fn failed_incomplete_and_warm_up_requests_enter_only_the_error_rate() {
        let mut failed = success(0);
        failed.outcome = Outcome::Failed(Failure::new(FailureClass::Truncated, "cut"));
        let incomplete = Record { outcome: Outcome::Incomplete, ..success(0) };
        let warmup = Record { phase: Phase::Warmup, ..success(0) };
        let run = run(vec![failed, incomplete, warmup, success(0), success(0)]);
        assert_eq!(value(&run, &metric::ERROR_RATE), Some(0.25));
        for (metric, observed) in observe(&run) {
            if let Observed::Samples(series) = observed {
                assert!(series.requests.iter().all(|request| *request < 2), "{}", metric.id);
            }
        }
        assert_eq!(value(&run, &metric::TOK_S), Some(10.0 / 0.2));
    }

    #[test]
    fn what_was_not_measured_is_not_there() {
        let empty = run(Vec::new());
        assert_eq!(observe(&empty), []);
        let silent = run(vec![Record { usage: None, ..success(0) }, success(0)]);
        assert_eq!(value(&silent, &metric::TOK_S), None);
        assert_eq!(value(&silent, &metric::PEAK_RSS), None);
        assert_eq!(value(&silent, &metric::QUERY), None);
    }

    #[test]
    fn the_first_query_is_the_one_sent_first_of_all_and_only_while_nobody_had_asked() {
        let found = |sent| {
            let neighbours = Neighbours { ids: Vec::new(), hits: Vec::new(), cpu_ns: None };
            Record { neighbours: Some(neighbours), ..success(sent) }
        };
        let first = Record { phase: Phase::Warmup, done: Offset(90_000_000), ..found(0) };
        let cold = |change: fn(&mut Run)| {
            let mut run = run(vec![found(1000), first.clone(), found(2000)]);
            run.head.case.kind = Kind::Retrieval;
            change(&mut run);
            value(&run, &metric::FIRST_QUERY)
        };
        assert_eq!(cold(|_| ()), Some(ms(90)));
        assert_eq!(cold(|run| run.head.epoch = 1), None);
        assert_eq!(cold(|run| run.head.preparation.index_kept = true), None);
        assert_eq!(cold(|run| run.records[1].outcome = Outcome::Incomplete), None);
    }

    #[test]
    fn stalls_show_in_the_spike_rate_and_the_stall_count() {
        let gap = |i: u64| if i == 25 { 200 } else { 20 };
        let mut at = 100;
        let mut events = vec![(at, EventKind::Content, None)];
        events.extend((1..=50).map(|i| {
            at += gap(i);
            (at, EventKind::Content, None)
        }));
        let run = run((0..4).map(|_| with_events(51, &events)).collect());
        assert_eq!(value(&run, &metric::SPIKE_RATE), Some(0.02));
        assert_eq!(value(&run, &metric::STALL_COUNT), Some(4.0));
        assert_eq!(value(&run, &metric::STALL_MAX), Some(ms(200)));
    }
}
