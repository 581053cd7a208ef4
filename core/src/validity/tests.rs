//! Each way to spoil a run, planted once, and the clean run beside it.

use super::*;
use crate::dataset::Message;
use crate::failure::{Failure, FailureClass};
use crate::quality::Quality;
use crate::record::{Outcome, Record, TokenCount};
use crate::run::{ClientCost, Ending, GpuSample, TargetAfter, TelemetrySample};
use crate::summary::fixture;
use crate::time::Offset;
use crate::workload::{Closed, Workload};

/// Two requests were planned, and two succeeded.
fn clean() -> Run {
    fixture::run(vec![fixture::success(0), fixture::success(300)])
}

fn samples(every_ms: u64, count: u64, steal: f64) -> Vec<TelemetrySample> {
    let sample = |number| TelemetrySample {
        at: Offset(number * every_ms * 1_000_000),
        steal: Some(steal),
        ..TelemetrySample::default()
    };
    (0..count).map(sample).collect()
}

fn only_reason(run: &Run) -> Reason {
    match assess(run) {
        Validity::Invalid(mut reasons) if reasons.len() == 1 => reasons.remove(0),
        other => panic!("one reason was expected: {other:?}"),
    }
}

#[test]
fn a_clean_run_is_valid() {
    let telemetry = samples(100, 20, 0.02);
    assert_eq!(assess(&Run { telemetry, ..long() }), Validity::Valid);
}

#[test]
fn a_run_that_was_stopped_is_not() {
    let run = Run { ending: Ending::Interrupted, ..clean() };
    assert!(matches!(only_reason(&run), Reason::Stopped { .. }));
}

#[test]
fn a_run_that_sent_less_than_planned_is_not() {
    let run = fixture::run(vec![fixture::success(0)]);
    assert_eq!(only_reason(&run), Reason::NotAllSent { planned: 2, sent: 1 });
}

#[test]
fn one_failure_in_a_hundred_may_be_and_two_may_not() {
    let with_failures = |failures: usize| {
        let mut run = fixture::run((0..100).map(|_| fixture::success(0)).collect());
        for record in &mut run.records[..failures] {
            record.outcome = Outcome::Failed(Failure::new(FailureClass::Status, "500"));
        }
        run
    };
    assert!(assess(&with_failures(1)).is_valid());
    assert!(matches!(only_reason(&with_failures(2)), Reason::ErrorShare { failed: 2, .. }));
    let Validity::Invalid(reasons) = assess(&with_failures(100)) else {
        panic!("nothing was measured");
    };
    assert!(reasons.contains(&Reason::NothingMeasured));
}

#[test]
fn a_target_that_became_another_is_not_judged() {
    let mut after = TargetAfter::unchanged(clean().head.target);
    assert!(assess(&Run { after: Some(after.clone()), ..clean() }).is_valid());
    after.last.model = "another".to_owned();
    after.last.config.insert("only_known_later".to_owned(), 1.into());
    let changed = Run { after: Some(after), ..clean() };
    let Reason::TargetChanged { what } = only_reason(&changed) else { panic!("not changed") };
    assert!(what.ends_with("became `another`"), "{what}");
}

#[test]
fn one_failure_of_ours_is_enough() {
    let mut run = fixture::run((0..200).map(|_| fixture::success(0)).collect());
    run.records[0].outcome = Outcome::Failed(Failure::new(FailureClass::ClientLimit, "24"));
    assert_eq!(only_reason(&run), Reason::ClientLimit { failed: 1 });
}

#[test]
fn steal_counts_once_there_is_a_second_to_judge_it_by() {
    let stolen = Run { telemetry: samples(100, 20, 0.2), ..long() };
    assert!(only_reason(&stolen).is_host());
    let short = Run { telemetry: samples(100, 5, 0.2), ..clean() };
    assert!(assess(&short).is_valid());
}

#[test]
fn a_gap_between_samples_is_a_clock_that_jumped() {
    let suspended = Run { telemetry: samples(3_000, 2, 0.0), ..long() };
    assert_eq!(only_reason(&suspended), Reason::ClockGap { gap_s: 3.0 });
    assert!(only_reason(&suspended).is_host());
}

/// A hundred successes, of which the first `spoilt` are changed.
fn with_spoilt(spoilt: usize, spoil: fn(&mut Record)) -> Run {
    let success = |ordinal| Record { ordinal, ..fixture::success(0) };
    let mut run = fixture::run((0..100).map(success).collect());
    run.records[..spoilt].iter_mut().for_each(spoil);
    run
}

#[test]
fn streams_that_end_without_their_end_have_a_reason_of_their_own() {
    let cut = |record: &mut Record| {
        record.outcome = Outcome::Failed(Failure::new(FailureClass::Truncated, "no end"));
    };
    assert!(assess(&with_spoilt(1, cut)).is_valid());
    let reasons = assess(&with_spoilt(3, cut)).reasons().to_vec();
    assert!(matches!(
        reasons[..],
        [Reason::ErrorShare { failed: 3, .. }, Reason::Truncated { truncated: 3, .. }]
    ));
}

#[test]
fn a_client_that_is_busy_or_late_measured_itself() {
    let client = |cpu_s| Run { client: Some(ClientCost { cpu_s, wall_s: 10.0 }), ..clean() };
    assert!(assess(&client(9.0)).is_valid());
    assert!(matches!(only_reason(&client(9.8)), Reason::ClientBusy { .. }));
    let late = |record: &mut Record| record.sent = Offset(record.due.0 + 80_000_000);
    assert!(assess(&with_spoilt(0, late)).is_valid());
    assert!(
        matches!(only_reason(&with_spoilt(5, late)), Reason::SentLate { lag_s } if lag_s >= 0.08)
    );
}

#[test]
fn a_timed_load_that_ended_early_is_too_short() {
    let mut run = clean();
    run.head.case.workload = Workload::Closed(Closed::timed(1, 0.4));
    assert!(assess(&run).is_valid(), "requests went on to 0.5 s");
    run.head.case.workload = Workload::Closed(Closed::timed(1, 5.0));
    assert_eq!(only_reason(&run), Reason::TooShort { lasted_s: 0.5, planned_s: 5.0 });
}

#[test]
fn a_percentile_that_is_named_in_the_gate_needs_its_samples() {
    let mut run = with_spoilt(0, |_| ());
    let p99 = "ttft.p99".parse().unwrap();
    run.head.case.gate.tolerances.insert(p99, crate::case::Tolerance::Relative(0.1));
    assert!(assess(&run).is_valid(), "a default is left out of the judgement instead");
    run.head.case.gate.named = true;
    assert_eq!(only_reason(&run), Reason::TooFewSamples { metric: p99, n: 100, needed: 662 });
    run.head.case.run.epochs = 7;
    assert!(assess(&run).is_valid());
}

#[test]
fn a_percentile_of_the_gaps_has_as_many_samples_as_there_are_gaps() {
    let mut run = with_spoilt(0, |_| ());
    let p99 = "itl.p99".parse().unwrap();
    run.head.case.gate.tolerances.insert(p99, crate::case::Tolerance::Relative(0.1));
    run.head.case.gate.named = true;
    let gaps = run.successes().map(|record| record.content().count() as u64 - 1).sum::<u64>();
    assert_eq!(only_reason(&run), Reason::TooFewSamples { metric: p99, n: gaps, needed: 662 });
    run.head.case.run.epochs = 662_u64.div_ceil(gaps) as u32;
    assert!(assess(&run).is_valid());
}

#[test]
fn prompts_from_a_cache_that_nobody_asked_for_are_not_measured() {
    let cached = |record: &mut Record| {
        let usage = record.usage.as_mut().unwrap();
        (usage.prompt_tokens, usage.cached_tokens) = (1000, Some(900));
    };
    assert!(matches!(only_reason(&with_spoilt(100, cached)), Reason::Cached { .. }));
    let mut asked = with_spoilt(100, cached);
    asked.head.case.run.salt = false;
    assert!(assess(&asked).is_valid());
    let template = |record: &mut Record| {
        let usage = record.usage.as_mut().unwrap();
        (usage.prompt_tokens, usage.cached_tokens) = (60, Some(40));
    };
    assert!(assess(&with_spoilt(100, template)).is_valid(), "chat templates begin alike");
}

#[test]
fn two_counts_that_disagree_are_no_count() {
    let otherwise = |record: &mut Record| {
        record.recount = Some(TokenCount { prompt_tokens: 1, completion_tokens: 50 });
    };
    let alike = |record: &mut Record| {
        record.recount = Some(TokenCount { prompt_tokens: 1, completion_tokens: 5 });
    };
    assert!(assess(&with_spoilt(100, alike)).is_valid());
    let reason = Reason::CountsDisagree { disagreeing: 100, compared: 100 };
    assert_eq!(only_reason(&with_spoilt(100, otherwise)), reason);
}

/// A text as the answer to a prompt that has a number.
fn text(prompt: u64, answer: &str) -> Quality {
    Quality::of(&[Message::user(prompt.to_string())], answer)
}

#[test]
fn one_answer_to_all_prompts_is_no_answer() {
    let long: fn(&mut Record) = |record| {
        record.quality = Some(text(record.ordinal, "the sky is blue as ever"));
    };
    let short: fn(&mut Record) = |record| record.quality = Some(text(record.ordinal, "yes"));
    let one_prompt: fn(&mut Record) = |record| {
        record.quality = Some(text(0, "the sky is blue as ever"));
    };
    assert_eq!(only_reason(&with_spoilt(5, long)), Reason::SameAnswer { answers: 5 });
    assert!(assess(&with_spoilt(2, long)).is_valid());
    assert!(assess(&with_spoilt(5, short)).is_valid());
    assert!(assess(&with_spoilt(5, one_prompt)).is_valid());
    let mut allowed = with_spoilt(5, long);
    allowed.head.case.validity.same_answer = true;
    assert!(assess(&allowed).is_valid());
}

/// Two requests that took ten seconds.
fn long() -> Run {
    let mut run = clean();
    run.records[1].done = Offset(10_000_000_000);
    run
}

/// Forty samples in four seconds, each changed by its number.
fn telemetry(change: fn(&mut TelemetrySample, u64)) -> Run {
    let mut telemetry = samples(100, 40, 0.0);
    (0..).zip(&mut telemetry).for_each(|(number, sample)| change(sample, number));
    Run { telemetry, ..long() }
}

#[test]
fn what_the_host_did_beside_the_run_is_told_apart() {
    let spoilt = [
        telemetry(|sample, _| sample.others_cpu = Some(0.4)),
        telemetry(|sample, n| sample.suspended_s = Some(if n > 9 { 3.0 } else { 0.0 })),
        telemetry(|sample, n| sample.clock_moved_s = Some(if n > 9 { -3600.0 } else { 0.0 })),
        telemetry(|sample, n| sample.swapped_in_bytes = Some(n << 20)),
    ]
    .map(|run| only_reason(&run));
    assert!(spoilt.iter().all(Reason::is_host), "{spoilt:?}");
    assert!(matches!(spoilt[0], Reason::Neighbours { .. }));
    assert_eq!(spoilt[1], Reason::Suspended { for_s: 3.0 });
    assert_eq!(spoilt[2], Reason::ClockMoved { by_s: -3600.0 });
    assert_eq!(spoilt[3], Reason::Swapped { mib: 39.0 });
}

/// One GPU that is busy, changed by the number of its sample.
fn gpu(change: fn(&mut GpuSample, u64)) -> Run {
    let mut run = telemetry(|_, _| ());
    for (number, sample) in (0..).zip(&mut run.telemetry) {
        let mut gpu = GpuSample {
            utilization: Some(0.95),
            sm_clock_mhz: Some(1900),
            throttle: Some(0x4),
            foreign_processes: Some(0),
            ..GpuSample::default()
        };
        change(&mut gpu, number);
        sample.gpus = vec![gpu];
    }
    run
}

#[test]
fn a_gpu_at_its_power_cap_is_as_it_should_be() {
    assert!(assess(&gpu(|_, _| ())).is_valid());
}

#[test]
fn a_gpu_that_was_slowed_down_shared_or_lost_is_not_judged() {
    let hot = gpu(|gpu, n| gpu.throttle = Some(if n % 5 == 0 { 0x40 } else { 0x4 }));
    let Reason::Throttled { gpu: 0, by, percent } = only_reason(&hot) else { panic!("not hot") };
    assert_eq!((by.as_str(), percent), ("the hardware, for heat", 20.0));
    let once = gpu(|gpu, n| gpu.throttle = Some(if n == 7 { 0x8 } else { 0 }));
    assert!(assess(&once).is_valid());
    let spread = gpu(|gpu, n| gpu.sm_clock_mhz = Some(if n < 15 { 1000 } else { 1900 }));
    assert!(matches!(only_reason(&spread), Reason::ClockSpread { gpu: 0, .. }));
    let idle = gpu(|gpu, n| {
        let idles = n < 15;
        gpu.utilization = Some(if idles { 0.0 } else { 0.9 });
        gpu.sm_clock_mhz = Some(if idles { 300 } else { 1900 });
    });
    assert!(assess(&idle).is_valid());
    let shared = gpu(|gpu, n| gpu.foreign_processes = Some(u32::from(n > 20)));
    assert_eq!(only_reason(&shared), Reason::GpuShared { gpu: 0 });
    let lost = gpu(|gpu, n| gpu.lost = n > 30);
    assert_eq!(only_reason(&lost), Reason::GpuLost { gpu: 0 });
}

#[test]
fn what_was_before_the_first_request_spoils_nothing() {
    let mut early = telemetry(|sample, n| {
        sample.others_cpu = Some(if n < 10 { 0.9 } else { 0.0 });
        sample.clock_moved_s = Some(if n < 10 { 0.0 } else { 60.0 });
    });
    early.records.iter_mut().for_each(|record| record.sent = Offset(1_500_000_000));
    early.records.iter_mut().for_each(|record| record.due = record.sent);
    assert_eq!(assess(&early), Validity::Valid);
}

#[test]
fn what_one_part_of_a_load_sends_says_nothing_of_how_much_was_sent() {
    let nothing = fixture::run(Vec::new());
    assert!(!assess(&nothing).is_valid());
    assert_eq!(assess_part(&nothing), Validity::Valid);
    let stopped = Run { ending: Ending::Interrupted, ..nothing };
    assert!(matches!(assess_part(&stopped).reasons(), [Reason::Stopped { .. }]));
    let mut failed = clean();
    for record in &mut failed.records {
        record.outcome = Outcome::Failed(Failure::new(FailureClass::Status, "500"));
    }
    assert!(matches!(assess_part(&failed).reasons(), [Reason::ErrorShare { .. }]));
}
