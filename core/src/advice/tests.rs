//! Each rule with its evidence, and without.

use super::*;
use crate::case::{DriverKind, Hnsw, Retrieval};
use crate::environment::{Gpu, GpuSettings};
use crate::failure::{Failure, FailureClass};
use crate::goal::{Bound, Goal};
use crate::metric::Kind;
use crate::record::{Hits, Neighbours, Outcome, Record};
use crate::run::{ClientCost, GpuSample, Requests, TelemetrySample};
use crate::serving::{CACHE_USE, PREEMPTIONS, PREFIX_HITS, PREFIX_QUERIES, RUNNING, WAITING};
use crate::stress::{Level, Stability, Tried};
use crate::summary::{fixture, summarize};
use crate::time::Offset;
use crate::workload::Workload;

fn plain() -> Run {
    fixture::run((0..100).map(|n| fixture::success(200 * n)).collect())
}

fn given(run: &Run) -> Vec<Advice> {
    let epochs = std::slice::from_ref(run);
    let stalls = Stalls::of(epochs);
    advice(&Facts { epochs, summary: &summarize(epochs), stalls: stalls.as_ref() })
}

fn abouts(run: &Run) -> Vec<About> {
    given(run).iter().map(|advice| advice.about).collect()
}

fn only(run: &Run) -> Advice {
    let mut given = given(run);
    assert_eq!(given.len(), 1, "one piece of advice was expected: {given:?}");
    given.remove(0)
}

/// A server that says these numbers, the same each second.
fn saying(said: &[(&str, f64)]) -> Run {
    let mut run = plain();
    run.telemetry = (0..21)
        .map(|second| TelemetrySample {
            at: Offset(second * 1_000_000_000),
            server: said.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            ..TelemetrySample::default()
        })
        .collect();
    run
}

/// A counter that grows by `each` every second.
fn counting(mut run: Run, name: &str, each: f64) -> Run {
    for (second, sample) in (0u32..).zip(&mut run.telemetry) {
        sample.server.insert(name.to_owned(), each * f64::from(second));
    }
    run
}

#[test]
fn where_there_is_nothing_to_say_nothing_is_said() {
    assert_eq!(given(&plain()), []);
    let calm = [(RUNNING, 1.0), (WAITING, 0.0), (CACHE_USE, 0.3), (PREEMPTIONS, 7.0)];
    assert_eq!(given(&saying(&calm)), []);
    assert_eq!(given(&fixture::run(Vec::new())), []);
}

#[test]
fn a_server_that_works_on_few_of_many_is_told_to_batch() {
    let with = |workers, running| {
        let mut run = saying(&[(RUNNING, running)]);
        run.head.case.workload = Workload::closed(workers, 1, 100, 0);
        run
    };
    let advice = only(&with(32, 8.0));
    assert_eq!(advice.about, About::BatchOccupancy);
    assert!(advice.evidence.contains("8 of 32"), "{advice}");
    assert_eq!(given(&with(32, 30.0)), []);
    assert_eq!(given(&with(2, 1.0)), [], "two are no batch");
}

#[test]
fn requests_that_wait_are_a_queue() {
    let advice = only(&saying(&[(RUNNING, 16.0), (WAITING, 5.0)]));
    assert_eq!(advice.about, About::Queue);
    assert!(advice.to_string().starts_with("up to 5 requests waited"), "{advice}");
}

#[test]
fn a_cache_that_is_full_or_makes_room_is_too_small() {
    let full = only(&saying(&[(CACHE_USE, 0.99)]));
    assert_eq!(full.about, About::KvCache);
    let preempting = counting(saying(&[(CACHE_USE, 0.9)]), PREEMPTIONS, 2.0);
    let advice = only(&preempting);
    assert!(advice.evidence.contains("requests were put back"), "{advice}");
    assert_eq!(given(&saying(&[(CACHE_USE, 0.9)])), []);
}

#[test]
fn shared_beginnings_that_are_never_found_are_cold() {
    let with = |found| {
        let run = counting(saying(&[]), PREFIX_QUERIES, 100.0);
        let mut run = counting(run, PREFIX_HITS, found);
        run.head.case.dataset = serde_json::from_value(serde_json::json!({
            "of": "prompts", "kind": "synthetic", "prompt_tokens": 8, "output_tokens": 5,
            "temperature": 0.0, "shared": { "tokens": 1000, "prefixes": 4 }
        }))
        .unwrap();
        run
    };
    let advice = only(&with(5.0));
    assert_eq!(advice.about, About::ColdPrefixes);
    assert!(advice.evidence.contains("share 1000 tokens, and 5"), "{advice}");
    assert_eq!(given(&with(80.0)), []);
    let mut unshared = with(5.0);
    unshared.head.case.dataset = plain().head.case.dataset;
    assert_eq!(given(&unshared), [], "nothing was there to be found");
}

/// A GPU of 80 GiB of which so many are used.
fn on_gpu(gib: u64, waiting: f64) -> Run {
    let mut run = saying(&[(WAITING, waiting)]);
    run.head.environment.gpus = vec![Gpu {
        name: "H100".to_owned(),
        vram_bytes: 80 << 30,
        uuid: None,
        driver: None,
        settings: GpuSettings::default(),
    }];
    for sample in &mut run.telemetry {
        sample.gpus = vec![GpuSample {
            memory_bytes: Some(gib << 30),
            temperature_c: Some(70.0),
            throttle: Some(0x4),
            ..GpuSample::default()
        }];
    }
    run
}

#[test]
fn memory_to_spare_is_told_where_it_would_help() {
    assert_eq!(abouts(&on_gpu(30, 3.0)), [About::Queue, About::MemoryHeadroom]);
    assert_eq!(abouts(&on_gpu(75, 3.0)), [About::Queue]);
    assert_eq!(given(&on_gpu(30, 0.0)), []);
    let mut slow = on_gpu(30, 0.0);
    let goal = Goal { metric: "tok_s".parse().unwrap(), bound: Bound::AtLeast { value: 1e6 } };
    slow.head.case.goals = vec![goal];
    assert!(only(&slow).evidence.contains("throughput misses its goal"));
}

#[test]
fn a_host_without_memory_is_told_so() {
    let with = |bytes| {
        let mut run = saying(&[]);
        run.telemetry.iter_mut().for_each(|sample| sample.memory_bytes = Some(bytes));
        run
    };
    // It has 1 GiB.
    assert_eq!(only(&with(1000 << 20)).about, About::MemoryShort);
    assert_eq!(given(&with(1 << 29)), []);
}

#[test]
fn a_gpu_that_was_slowed_down_is_told_with_by_whom() {
    let mut run = on_gpu(75, 0.0);
    assert_eq!(given(&run), [], "a power cap in software is normal");
    run.telemetry[5].gpus[0].throttle = Some(0x40);
    let advice = only(&run);
    assert_eq!(advice.about, About::Throttling);
    assert!(advice.evidence.starts_with("the hardware, for heat slowed"), "{advice}");
}

/// Prompts of 100 and of 1000 tokens; the first tokens of the long ones come after so many ms, and the
/// others after them every so many.
fn prompts(long_ttft: u64, long_gap: u64) -> Run {
    use crate::record::EventKind::Content;
    let answer = |number: u64| {
        let is_long = number % 2 == 1;
        let (ttft, gap) = if is_long { (long_ttft, long_gap) } else { (100, 20) };
        let events: Vec<_> = (0..5).map(|n| (ttft + gap * n, Content, None)).collect();
        let mut record = fixture::with_events(5, &events);
        record.usage.as_mut().unwrap().prompt_tokens = if is_long { 1000 } else { 100 };
        record
    };
    fixture::run((0..80).map(answer).collect())
}

#[test]
fn a_first_token_that_waits_for_its_prompt_alone_is_prefill() {
    let advice = only(&prompts(900, 20));
    assert_eq!(advice.about, About::Prefill);
    assert!(advice.evidence.contains("prompts of 100 tokens wait 100 ms"), "{advice}");
    let evenly = |run: &Run| abouts(run).contains(&About::Prefill);
    assert!(!evenly(&prompts(110, 20)), "long prompts wait no longer");
    assert!(!evenly(&prompts(900, 60)), "everything is slower");
    let mut alike = prompts(900, 20);
    for usage in alike.records.iter_mut().filter_map(|record| record.usage.as_mut()) {
        usage.prompt_tokens = 100 + usage.prompt_tokens / 20;
    }
    assert!(!evenly(&alike), "150 tokens are hardly more than 105");
    let mut few = prompts(900, 20);
    few.records.truncate(20);
    assert!(!evenly(&few), "twenty say nothing");
}

#[test]
fn stalls_during_preemptions_are_the_caches() {
    use crate::record::EventKind::Content;
    let at = |n: u64| 20 * n + if n > 25 { 500 } else { 0 };
    let events: Vec<_> = (0..50).map(|n| (at(n), Content, None)).collect();
    let mut run = fixture::run((0..4).map(|_| fixture::with_events(50, &events)).collect());
    let with = |each: f64| {
        let sample = |tenth: u64| TelemetrySample {
            at: Offset(tenth * 100_000_000),
            server: [(PREEMPTIONS.to_owned(), each * tenth as f64)].into(),
            ..TelemetrySample::default()
        };
        (0..20).map(sample).collect()
    };
    run.telemetry = with(1.0);
    assert_eq!(abouts(&run), [About::KvCache, About::StallsPreempted]);
    run.telemetry = with(0.0);
    assert_eq!(given(&run), []);
    // Requests are put back within the first two seconds, and three of four stalls come later.
    let put_back = |tenth: u64| TelemetrySample {
        at: Offset(tenth * 100_000_000),
        server: [(PREEMPTIONS.to_owned(), tenth.min(20) as f64)].into(),
        ..TelemetrySample::default()
    };
    run.telemetry = (0..200).map(put_back).collect();
    for event in run.records[1..].iter_mut().flat_map(|record| &mut record.events) {
        event.at.0 += 10_000_000_000;
    }
    assert_eq!(Stalls::of(std::slice::from_ref(&run)).unwrap().preempted, Some(1));
    assert!(!abouts(&run).contains(&About::StallsPreempted), "one of four is no pattern");
}

#[test]
fn a_client_that_is_busy_is_the_limit() {
    let busy = |cpu_s| Run { client: Some(ClientCost { cpu_s, wall_s: 10.0 }), ..plain() };
    assert_eq!(only(&busy(9.0)).about, About::Client);
    assert_eq!(given(&busy(5.0)), []);
}

#[test]
fn requests_that_are_given_up_ask_for_more_patience() {
    let given_up = |count: usize, how: &dyn Fn(&mut Record)| {
        let mut run = plain();
        run.records[..count].iter_mut().for_each(how);
        run
    };
    let hangs = |record: &mut Record| {
        let failure = Failure::new(FailureClass::TimeoutTotal, "60 s");
        record.outcome = Outcome::Failed(failure);
    };
    let advice = only(&given_up(7, &hangs));
    assert_eq!(advice.about, About::Timeouts);
    assert!(advice.to_string().contains("7 of 100 requests timed out"), "{advice}");
    assert!(advice.suggestion.contains("run.timeout_s = 60"), "{advice}");
    assert_eq!(given(&given_up(2, &hangs)), []);
    let cut = |record: &mut Record| record.outcome = Outcome::Incomplete;
    assert_eq!(only(&given_up(7, &cut)).about, About::Timeouts);
    let fails = |record: &mut Record| {
        record.outcome = Outcome::Failed(Failure::new(FailureClass::Status, "500"));
    };
    assert_eq!(given(&given_up(7, &fails)), [], "waiting longer mends no failure");
}

fn levels(throughputs: &[(u32, f64, bool)]) -> Stress {
    let tried = |(concurrency, throughput, holds): &(u32, f64, bool)| Tried {
        level: Level {
            concurrency: *concurrency,
            requests: Requests::default(),
            throughput: *throughput,
            ttft: None,
            e2e: None,
            attainment: None,
        },
        holds: *holds,
    };
    Stress {
        max_sustainable: 8,
        breaks_at: None,
        stability: Stability::NotReached,
        levels: throughputs.iter().map(tried).collect(),
    }
}

#[test]
fn throughput_that_still_grows_at_the_last_level_asks_for_another() {
    let growing = levels(&[(1, 10.0, true), (4, 39.0, true), (8, 75.0, true)]);
    let advice = on_levels(&growing).unwrap();
    assert_eq!(advice.about, About::StillScaling);
    assert!(advice.to_string().contains("from 4 to 8 workers"), "{advice}");
    assert!(advice.suggestion.contains("16 workers"), "{advice}");
    assert_eq!(on_levels(&levels(&[(4, 39.0, true), (8, 41.0, true)])), None, "flat");
    assert_eq!(on_levels(&levels(&[(4, 39.0, true), (8, 75.0, true), (16, 80.0, false)])), None);
    assert_eq!(on_levels(&levels(&[(8, 75.0, true)])), None, "one level is no curve");
}

/// Queries of 200 ms with a recall of so many in ten, held against these goals.
fn searched(found: u32, query: f64, recall: f64) -> Run {
    let mut run = plain();
    run.head.case.kind = Kind::Retrieval;
    run.head.case.target.driver = DriverKind::IvfSq8;
    run.head.case.retrieval = Some(Retrieval {
        top_k: 10,
        rescore: 30,
        nprobe: Some(16),
        truth_queries: 100,
        hnsw: None,
        filter_share: None,
        inserts: None,
    });
    for record in &mut run.records {
        let hits = vec![Hits { k: 10, found }];
        record.neighbours = Some(Neighbours { ids: Vec::new(), hits, cpu_ns: None });
    }
    run.head.case.goals = vec![
        Goal { metric: "query.p95".parse().unwrap(), bound: Bound::Below { value: query } },
        Goal { metric: "recall_at_10".parse().unwrap(), bound: Bound::AtLeast { value: recall } },
    ];
    run
}

#[test]
fn recall_and_latency_are_traded_for_one_another_where_one_is_to_spare() {
    let more = only(&searched(9, 1.0, 0.95));
    assert_eq!(more.about, About::MoreCandidates);
    assert_eq!(more.suggestion, "raise `nprobe = 16` or `rescore = 30`");
    assert!(more.evidence.contains("recall_at_10 is 90"), "{more}");
    let fewer = only(&searched(10, 0.1, 0.95));
    assert_eq!(
        (fewer.about, fewer.suggestion.starts_with("lower")),
        (About::FewerCandidates, true)
    );
    assert_eq!(given(&searched(10, 1.0, 0.95)), [], "both goals are met");
    assert_eq!(given(&searched(9, 0.1, 0.95)), [], "neither is to spare");
    assert_eq!(given(&searched(9, 0.21, 0.95)), [], "the latency is just met");
    assert_eq!(given(&searched(9, 0.1, 0.9)), [], "the recall is just met");
}

#[test]
fn the_knob_is_the_one_that_the_engine_has() {
    let mut graph = searched(9, 1.0, 0.95);
    graph.head.case.target.driver = DriverKind::Pgvector;
    let search = graph.head.case.retrieval.as_mut().unwrap();
    search.nprobe = None;
    search.hnsw = Some(Hnsw { m: 16, ef_construction: 64, ef_search: 100 });
    assert_eq!(only(&graph).suggestion, "raise `ef_search = 100`");
    let mut exact = searched(9, 1.0, 0.95);
    exact.head.case.target.driver = DriverKind::Flat;
    exact.head.case.retrieval.as_mut().unwrap().nprobe = None;
    assert_eq!(given(&exact), [], "an exact search has none");
}
