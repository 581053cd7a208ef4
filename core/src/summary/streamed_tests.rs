//! Requests that pass by say, to the bit, what the same requests in memory say; and both what the formulas say as
//! they are written down.

use super::*;
use crate::failure::{Failure, FailureClass};
use crate::goal::Bound;
use crate::metric::{self, Kind};
use crate::price::{Price, Rate};
use crate::quality::Quality;
use crate::quantile::{Sorted, mean, standard_deviation};
use crate::record::{Embedded, Event, EventKind, Hits, Neighbours, Outcome, Parts, TokenCount};
use crate::run::{ClientCost, GpuSample, TelemetrySample};
use crate::slo::Slo;
use crate::spool::{Held, held};
use crate::summary::fixture;
use crate::summary::{Observed, observe, summarize};
use crate::time::Offset;
use crate::validity::assess;
use crate::workload::{Closed, Shape, Workload};
use proptest::prelude::*;

fn kind_of_event() -> impl Strategy<Value = EventKind> {
    use EventKind::{Content, Other, Reasoning, Refusal, ToolCall, Whole};
    prop_oneof![
        8 => Just(Content),
        2 => Just(Reasoning),
        1 => Just(ToolCall),
        1 => Just(Refusal),
        1 => Just(Whole),
        2 => Just(Other),
    ]
}

/// A gap in steps in which many are equal, and now and then a long one.
fn gap() -> impl Strategy<Value = u64> {
    prop_oneof![6 => (0u64..4).prop_map(|ms| ms * 1_000_000), 3 => 0u64..60_000_000, 1 => 0u64..3_000_000_000]
}

fn events() -> impl Strategy<Value = Vec<(u64, EventKind, Option<u32>)>> {
    proptest::collection::vec((gap(), kind_of_event(), proptest::option::of(0u32..5)), 0..9)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let failed = |class| Outcome::Failed(Failure::new(class, "no"));
    prop_oneof![
        8 => Just(Outcome::Success),
        1 => Just(failed(FailureClass::Truncated)),
        1 => Just(failed(FailureClass::ClientLimit)),
        1 => Just(Outcome::Incomplete),
    ]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![1 => Just(Phase::Warmup), 1 => Just(Phase::Probe), 7 => Just(Phase::Measured)]
}

/// What kinds other than text have.
fn extras() -> impl Strategy<Value = (bool, bool, bool, Option<(u8, u8)>, Option<u64>)> {
    let text = proptest::option::of((0u8..4, 0u8..3));
    (any::<bool>(), any::<bool>(), any::<bool>(), text, proptest::option::of(0u64..900))
}

fn record() -> impl Strategy<Value = Record> {
    let times = (0u64..60_000_000_000, 0u64..40_000_000, gap());
    let tokens = (0u64..40, proptest::option::weighted(0.9, 0u64..50));
    (times, events(), outcome(), phase(), extras(), tokens).prop_map(
        |((due, lag, end), events, outcome, phase, extras, (prompt, output))| {
            let (is_query, is_embedded, is_rag, text, recount) = extras;
            let sent = due + lag;
            let mut at = sent;
            let event = |(gap, kind, tokens)| {
                at += gap;
                Event { at: Offset(at), kind, tokens }
            };
            let events: Vec<Event> = events.into_iter().map(event).collect();
            let done = Offset(events.last().map_or(sent, |event| event.at.0) + end);
            let mut record = fixture::with_events(output.unwrap_or(0), &[]);
            if let Some(usage) = &mut record.usage {
                usage.prompt_tokens = prompt;
                usage.cached_tokens = recount.map(|count| count % 40);
            }
            let usage = record.usage.filter(|_| output.is_some());
            let found = Neighbours {
                ids: vec![1],
                hits: vec![Hits { k: 1, found: u32::from(is_rag) }, Hits { k: 10, found: 7 }],
                cpu_ns: recount,
            };
            let vectors =
                Embedded { inputs: 3, dimensions: 8, prompt_tokens: recount, usage: None };
            let after = |ns: u64| Some(Offset(sent + ns));
            let parts = Parts {
                embedded: after(5),
                searching: after(9),
                found: after(70),
                asked: after(80),
            };
            let quality = |(prompt, answer): (u8, u8)| {
                let prompt = [crate::dataset::Message::user(format!("p{prompt}"))];
                Quality::of(&prompt, &format!("the answer number {answer} of all that there are"))
            };
            Record {
                due: Offset(due),
                sent: Offset(sent),
                done,
                events,
                outcome,
                phase,
                usage,
                recount: recount
                    .map(|count| TokenCount { prompt_tokens: 1, completion_tokens: count % 50 }),
                requested_tokens: recount.map(|count| (count % 50) as u32),
                neighbours: is_query.then_some(found),
                embedded: is_embedded.then_some(vectors),
                parts: is_rag.then_some(parts),
                quality: text.map(quality),
                ..record
            }
        },
    )
}

/// What a case is like.
#[derive(Debug, Clone)]
struct Asked {
    kind: Kind,
    spike_of: &'static str,
    slos: bool,
    price: Option<Rate>,
    burst: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let kind = prop_oneof![
        2 => Just(Kind::Generation),
        1 => Just(Kind::Retrieval),
        1 => Just(Kind::Embedding),
        1 => Just(Kind::Rag),
    ];
    let spike_of = prop_oneof![
        3 => Just("itl"),
        1 => Just("query"),
        1 => Just("e2e_due"),
        1 => Just("none"),
    ];
    let by_token = Rate::Tokens { prompt_usd_per_million: 2.0, output_usd_per_million: 5.0 };
    let price = prop_oneof![Just(None), Just(Some(Rate::Hour(3.5))), Just(Some(by_token))];
    (kind, spike_of, any::<bool>(), price, any::<bool>()).prop_map(
        |(kind, spike_of, slos, price, burst)| Asked { kind, spike_of, slos, price, burst },
    )
}

fn epoch(asked: &Asked, number: u32, records: Vec<Record>) -> Run {
    let mut run = fixture::run(records);
    run.head.epoch = number;
    let case = &mut run.head.case;
    case.kind = asked.kind;
    case.run.spike_of = asked.spike_of.to_owned();
    case.target.price = asked.price.map(|rate| Price { rate, source: "test".to_owned() });
    if asked.slos {
        case.slos = vec![Slo { metric: &metric::E2E_DUE, bound: Bound::AtMost { value: 0.05 } }];
    }
    if asked.burst {
        let shape = Some(Shape::spike(1.0, 10.0, 6.0, 60.0));
        case.workload = Workload::Closed(Closed { shape, ..Closed::counted(10, 1, 1, 0) });
    }
    let gpu = |second: u64| GpuSample {
        energy_j: Some(second as f64 * 7.25),
        power_w: Some(9.0),
        utilization: Some(0.01),
        ..GpuSample::default()
    };
    let sample = |second: u64| TelemetrySample {
        at: Offset(second * 1_000_000_000),
        cpu: Some(0.1 * (second % 7) as f64),
        gpus: vec![gpu(second)],
        ..TelemetrySample::default()
    };
    run.telemetry = (0..70).map(sample).collect();
    run.client = Some(ClientCost { cpu_s: 1.0, wall_s: 3.0 });
    run
}

fn streamed(run: &Run) -> Streamed<Held> {
    let mut streaming = held(Streaming::begin(&run.head.case, &Held));
    run.records.iter().for_each(|record| held(streaming.add(record)));
    held(streaming.end(&Run { records: Vec::new(), ..run.clone() }))
}

/// What a case says, each number to the bit.
fn bits(figures: &[Figure]) -> Vec<(&'static str, Stat, u64, u64)> {
    let of = |it: &Figure| (it.metric.metric.id, it.metric.stat, it.value.to_bits(), it.n);
    figures.iter().map(of).collect()
}

fn in_memory(epochs: &[Run]) -> Vec<Figure> {
    let metrics = summarize(epochs).metrics;
    let of = |summary: &MetricSummary| {
        let metric = summary.metric;
        let figure = |(stat, it): (&Stat, &Estimate)| Figure {
            metric: MetricRef { metric, stat: *stat },
            value: it.value,
            n: it.n as u64,
            interval: None,
        };
        summary.stats.iter().map(figure).collect::<Vec<_>>()
    };
    metrics.iter().flat_map(of).collect()
}

/// The formulas as the reference of metrics has them, over everything at once.
mod plainly {
    use super::*;
    use std::collections::BTreeMap;

    pub(super) fn in_flight(run: &Run) -> Option<f64> {
        let begin = run.measured().map(|record| (record.sent, 1i64));
        let end = run.measured().map(|record| (record.done, -1));
        let mut changes: Vec<(Offset, i64)> = begin.chain(end).collect();
        changes.sort_unstable();
        let running = changes.into_iter().scan(0, |running, (_, change)| {
            *running += change;
            Some(*running)
        });
        running.max().map(|most| most as f64)
    }

    fn line(samples: &[f64]) -> Option<f64> {
        let center = Sorted::new(samples.iter().copied()).median()?;
        let apart = Sorted::new(samples.iter().map(|sample| (sample - center).abs())).median()?;
        Some(center + (3.0 * (1.4826 * apart)).max(0.001).max(0.1 * center))
    }

    fn above(samples: &[f64], line: f64) -> f64 {
        samples.iter().filter(|sample| **sample > line).count() as f64
    }

    pub(super) fn spike_rate(samples: &[f64]) -> Option<f64> {
        Some(above(samples, line(samples)?) / samples.len() as f64)
    }

    pub(super) fn spike_rate_sigma(samples: &[f64]) -> Option<f64> {
        let line = mean(samples)? + 3.0 * standard_deviation(samples)?;
        Some(above(samples, line) / samples.len() as f64)
    }

    pub(super) fn stall_count(gaps: &[f64]) -> Option<f64> {
        Some(above(gaps, line(gaps)?))
    }

    pub(super) fn agreement(run: &Run) -> Option<f64> {
        let mut prompts: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
        for text in run.successes().filter_map(|record| record.quality.as_ref()) {
            *prompts.entry(text.prompt).or_default().entry(text.answer).or_default() += 1;
        }
        let again: Vec<_> = prompts.values().filter(|it| it.values().sum::<u64>() > 1).collect();
        let all: u64 = again.iter().flat_map(|answers| answers.values()).sum();
        let most: u64 = again.iter().filter_map(|answers| answers.values().max()).sum();
        (all > 0).then(|| most as f64 / all as f64)
    }

    pub(super) fn recovery_s(run: &Run) -> Option<f64> {
        let (begin, end) = run.head.case.workload.shape()?.burst()?;
        let start = run.measured().map(|record| record.due).min()?;
        let at = |record: &Record| record.due.seconds_since(start);
        let latency = |record: &Record| {
            let success = record.counts().then_some(record)?;
            request::ttft_due(success).or_else(|| request::e2e_due(success))
        };
        let before = run.successes().filter(|record| at(record) < begin);
        let usual = Sorted::new(before.filter_map(latency)).quantile(0.95)?;
        let limit = (usual * 1.5).max(usual + 0.005);
        let mut after: Vec<&Record> = run.measured().filter(|record| at(record) >= end).collect();
        after.sort_by_key(|record| record.due);
        let late: Vec<bool> =
            after.iter().map(|it| latency(it).is_none_or(|latency| latency > limit)).collect();
        let shows = |window: &[bool]| !window[0] && window.iter().filter(|it| **it).count() <= 1;
        let first = late.windows(20).position(shows)?;
        Some(after[first].due.seconds_since(start) - end)
    }

    pub(super) fn tok_s(run: &Run) -> Option<f64> {
        run.successes().next()?;
        let tokens: Option<f64> = run.successes().map(request::output_tokens).sum();
        let window = run.window_s().filter(|seconds| *seconds > 0.0)?;
        tokens.map(|tokens| tokens / window)
    }
}

fn plain(run: &Run) -> Vec<(&'static Metric, Option<f64>)> {
    let pooled = |id: &str| super::super::pooled(run, id);
    let spiked = pooled(&run.head.case.run.spike_of);
    let gaps: Option<Vec<f64>> = pooled("itl");
    vec![
        (&metric::IN_FLIGHT, plainly::in_flight(run)),
        (&metric::SPIKE_RATE, spiked.as_deref().and_then(plainly::spike_rate)),
        (&metric::SPIKE_RATE_SIGMA, spiked.as_deref().and_then(plainly::spike_rate_sigma)),
        (&metric::STALL_MAX, gaps.clone().and_then(|gaps| gaps.into_iter().reduce(f64::max))),
        (&metric::STALL_COUNT, gaps.as_deref().and_then(plainly::stall_count)),
        (&metric::RECOVERY_S, plainly::recovery_s(run)),
        (&metric::ANSWER_AGREEMENT, plainly::agreement(run)),
        (&metric::TOK_S, plainly::tok_s(run)),
    ]
}

/// Numbers as nobody measures them and rows may have them.
fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(u64::from(u32::MAX)),
        Just(i64::MAX as u64),
        Just(u64::MAX),
        any::<u64>()
    ]
}

fn extreme_record() -> impl Strategy<Value = Record> {
    let times = (extreme(), extreme(), extreme(), proptest::collection::vec(extreme(), 9));
    let counts = (extreme(), extreme(), proptest::option::of(extreme()), any::<u32>());
    (record(), times, counts).prop_map(|(mut record, times, counts)| {
        let (due, sent, done, at) = times;
        (record.due, record.sent, record.done) = (Offset(due), Offset(sent), Offset(done));
        for (event, at) in record.events.iter_mut().zip(at) {
            event.at = Offset(at);
            event.tokens = Some(counts.3);
        }
        if let Some(usage) = &mut record.usage {
            (usage.prompt_tokens, usage.completion_tokens) = (counts.0, counts.1);
            usage.cached_tokens = counts.2;
        }
        record.recount = record
            .recount
            .map(|_| TokenCount { prompt_tokens: counts.1, completion_tokens: counts.0 });
        record.requested_tokens = Some(counts.3);
        record.ordinal = counts.1;
        record
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_that_pass_by_say_what_they_say_in_memory(
        asked in asked(),
        epochs in proptest::collection::vec(proptest::collection::vec(record(), 0..40), 1..4),
    ) {
        let epochs: Vec<Run> =
            (0..).zip(epochs).map(|(number, records)| epoch(&asked, number, records)).collect();
        let mut passed: Vec<Streamed<Held>> = epochs.iter().map(streamed).collect();
        for (run, passed) in epochs.iter().zip(&mut passed) {
            let alone = held(Streamed::figures(std::slice::from_mut(passed)));
            prop_assert_eq!(bits(&alone), bits(&in_memory(std::slice::from_ref(run))));
            prop_assert_eq!(&passed.validity, &assess(run));
            prop_assert_eq!(passed.seen.requests, run.requests());
        }
        let together = held(Streamed::figures(&mut passed));
        prop_assert_eq!(bits(&together), bits(&in_memory(&epochs)));
    }

    #[test]
    fn no_number_of_a_request_takes_a_summary_down(
        asked in asked(),
        records in proptest::collection::vec(extreme_record(), 0..12),
    ) {
        let run = epoch(&asked, 0, records);
        let mut passed = streamed(&run);
        let alone = held(Streamed::figures(std::slice::from_mut(&mut passed)));
        prop_assert_eq!(bits(&alone), bits(&in_memory(std::slice::from_ref(&run))));
        prop_assert_eq!(&passed.validity, &assess(&run));
    }

    #[test]
    fn what_is_counted_is_what_the_formulas_say(
        asked in asked(),
        records in proptest::collection::vec(record(), 0..90),
    ) {
        let run = epoch(&asked, 0, records);
        let observed = observe(&run);
        for (metric, expected) in plain(&run) {
            let found = observed.iter().find(|(known, _)| known.id == metric.id);
            let found = found.map(|(_, observed)| match observed {
                Observed::Value(value) => value.to_bits(),
                Observed::Samples(_) => panic!("{} is one value", metric.id),
            });
            let expected = expected.filter(|_| metric.kinds.contains(&asked.kind));
            prop_assert_eq!(found, expected.map(f64::to_bits), "{}", metric.id);
        }
    }
}

#[test]
fn an_epoch_without_requests_says_what_it_says_in_memory() {
    let asked =
        Asked { kind: Kind::Generation, spike_of: "itl", slos: true, price: None, burst: true };
    let run = epoch(&asked, 0, Vec::new());
    let mut passed = streamed(&run);
    assert_eq!(
        bits(&held(Streamed::figures(std::slice::from_mut(&mut passed)))),
        bits(&in_memory(std::slice::from_ref(&run)))
    );
    assert!(!passed.validity.is_valid());
}
