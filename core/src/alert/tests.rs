//! Each rule planted once, the clean run beside it, and what is not told.

use super::*;
use crate::environment::{Gpu, GpuSettings};
use crate::failure::{Failure, FailureClass};
use crate::goal::{Bound, Goal};
use crate::metric::{Kind, MetricRef};
use crate::record::{Neighbours, Outcome, Record};
use crate::run::{Ending, GpuSample, TelemetrySample};
use crate::summary::fixture;
use crate::validity::{Reason, Validity};
use crate::verdict::Verdict;

/// A hundred answers, one after the other, and a sample of a calm machine every 100 ms.
fn clean() -> Run {
    let mut run = fixture::run((0..100).map(|n| fixture::success(200 * n)).collect());
    for (ordinal, record) in (0..).zip(&mut run.records) {
        record.ordinal = ordinal;
    }
    run.telemetry = (0..200).map(calm).collect();
    run.head.environment.gpus = vec![Gpu {
        name: "H100".to_owned(),
        vram_bytes: 80 << 30,
        uuid: None,
        driver: None,
        settings: GpuSettings { power_limit_w: Some(700), ..GpuSettings::default() },
    }];
    run
}

fn calm(number: u64) -> TelemetrySample {
    let gpu = GpuSample {
        utilization: Some(0.95),
        temperature_c: Some(60.0),
        power_w: Some(400.0 + (number % 5) as f64),
        throttle: Some(0x4),
        ..GpuSample::default()
    };
    TelemetrySample {
        at: Offset(number * 100_000_000),
        cpu: Some(0.4),
        memory_bytes: Some(1 << 29),
        gpus: vec![gpu],
        ..TelemetrySample::default()
    }
}

/// The alerts of one epoch that may be judged.
fn raised(run: Run) -> Vec<Alert> {
    alerts(&[run], &[Validity::Valid], &[])
}

fn only(run: Run) -> Alert {
    let mut raised = raised(run);
    assert_eq!(raised.len(), 1, "one alert was expected: {raised:?}");
    raised.remove(0)
}

fn with_goal(mut run: Run, metric: &str, bound: Bound) -> Run {
    let metric: MetricRef = metric.parse().unwrap();
    run.head.case.goals.push(Goal { metric, bound });
    run
}

/// The samples of the clean run, each changed by its number.
fn telemetry(change: fn(&mut TelemetrySample, u64)) -> Run {
    let mut run = clean();
    (0..).zip(&mut run.telemetry).for_each(|(number, sample)| change(sample, number));
    run
}

fn gpu(change: fn(&mut GpuSample, u64)) -> Run {
    let mut run = clean();
    (0..).zip(&mut run.telemetry).for_each(|(number, sample)| change(&mut sample.gpus[0], number));
    run
}

fn failing(class: FailureClass, which: impl Fn(usize) -> bool) -> Run {
    let mut run = clean();
    for (number, record) in run.records.iter_mut().enumerate().filter(|(number, _)| which(*number))
    {
        record.outcome = Outcome::Failed(Failure::new(class, format!("planted {number}")));
    }
    run
}

#[test]
fn a_clean_run_raises_nothing() {
    let goals = [
        ("tok_s", Bound::AtLeast { value: 1.0 }),
        ("ttft.p50", Bound::Below { value: 0.5 }),
        ("error_rate", Bound::AtMost { value: 0.01 }),
    ];
    let run = goals.into_iter().fold(clean(), |run, (metric, bound)| with_goal(run, metric, bound));
    assert_eq!(raised(run), []);
}

#[test]
fn what_was_not_measured_raises_nothing() {
    let mut silent = clean();
    silent.telemetry.clear();
    silent.records.iter_mut().for_each(|record| record.usage = None);
    silent.head.environment.memory_bytes = 0;
    let silent = with_goal(silent, "tok_s", Bound::AtLeast { value: 1e9 });
    assert_eq!(raised(silent), []);
    assert_eq!(raised(fixture::run(Vec::new())), []);
    assert_eq!(alerts(&[], &[], &[]), []);
}

#[test]
fn throughput_below_its_goal_is_red_and_says_both_numbers() {
    let alert = only(with_goal(clean(), "tok_s", Bound::AtLeast { value: 30.0 }));
    assert_eq!((alert.rule, alert.level), (Rule::TokenThroughput, Level::Red));
    assert_eq!((alert.category, alert.bound), (Category::Performance, Some(30.0)));
    assert_eq!(alert.value, Some(25.0));
    assert!(alert.message.contains("tok_s 25") && alert.message.contains("≥ 30"), "{alert:?}");
    assert_eq!((alert.case.0.as_str(), alert.test_id.as_str()), ("quick/one", "t"));
}

#[test]
fn without_a_goal_the_line_of_the_settings_counts_and_with_one_it_does_not() {
    let mut run = clean();
    run.head.case.alerts.tok_s = Some(30.0);
    run.head.case.alerts.ttft_s = Some(0.05);
    let rules: Vec<Rule> = raised(run.clone()).iter().map(|alert| alert.rule).collect();
    assert_eq!(rules, [Rule::TokenThroughput, Rule::Ttft]);
    let run = with_goal(run, "tok_s", Bound::AtLeast { value: 1.0 });
    let run = with_goal(run, "ttft.p50", Bound::Below { value: 0.5 });
    assert_eq!(raised(run), []);
}

#[test]
fn a_first_token_that_comes_too_late_is_red() {
    let alert = only(with_goal(clean(), "ttft.p95", Bound::Below { value: 0.005 }));
    assert_eq!((alert.rule, alert.level, alert.of.as_str()), (Rule::Ttft, Level::Red, "ttft.p95"));
}

/// Answers of eleven tokens, of which every tenth gap is ten times as long, or none.
fn gaps(stalls: bool) -> Run {
    use crate::record::EventKind::Content;
    let mut run = clean();
    for record in &mut run.records {
        let sent = record.sent.0 / 1_000_000;
        let last = if stalls { 190 } else { 110 };
        let at = |n: u64| sent + if n == 10 { last } else { 10 * (n + 1) };
        let events: Vec<_> = (0..11).map(|n| (at(n), Content, None)).collect();
        record.events = fixture::with_events(11, &events).events;
    }
    run.head.case.alerts.spike_rate = 0.09;
    run
}

#[test]
fn spikes_above_their_band_are_red_and_below_it_yellow() {
    let band = Bound::Within { low: 0.05, high: 0.15 };
    let above = only(gaps(true));
    assert_eq!((above.rule, above.level, above.value), (Rule::SpikeRate, Level::Red, Some(0.1)));
    assert_eq!(raised(with_goal(gaps(true), "spike_rate", band)), []);
    let below = only(with_goal(gaps(false), "spike_rate", band));
    assert_eq!((below.rule, below.level, below.value), (Rule::SpikeRate, Level::Yellow, Some(0.0)));
    assert_eq!(raised(gaps(false)), [], "without a band, no spikes are what everybody wants");
}

#[test]
fn a_few_gaps_have_no_spike_rate_to_speak_of() {
    let mut few = gaps(true);
    few.records.truncate(2);
    assert_eq!(raised(few), []);
}

#[test]
fn a_query_that_takes_too_long_is_red() {
    let mut run = clean();
    run.head.case.kind = Kind::Retrieval;
    for record in &mut run.records {
        record.neighbours = Some(Neighbours { ids: Vec::new(), hits: Vec::new(), cpu_ns: None });
    }
    let goal = with_goal(run.clone(), "query.p95", Bound::Below { value: 0.02 });
    assert_eq!(only(goal).rule, Rule::RetrievalLatency);
    run.head.case.alerts.query_s = Some(0.02);
    assert_eq!(only(run).rule, Rule::RetrievalLatency);
}

#[test]
fn memory_is_yellow_from_its_line_on_and_red_from_the_next() {
    // The host has 1 GiB.
    let filling = |sample: &mut TelemetrySample, n: u64| {
        sample.memory_bytes = Some(if n < 50 { 1 << 29 } else { 900 << 20 });
    };
    let alert = only(telemetry(filling));
    assert_eq!((alert.rule, alert.level, alert.at_s), (Rule::Memory, Level::Yellow, Some(5.0)));
    assert_eq!(alert.raised_us, 5_000_000);
    let full = |sample: &mut TelemetrySample, n: u64| {
        sample.memory_bytes = Some(if n < 50 { 1 << 29 } else { 1000 << 20 });
    };
    assert_eq!(only(telemetry(full)).level, Level::Red);
}

#[test]
fn cpus_are_told_once_they_are_busy_for_long() {
    let short = |sample: &mut TelemetrySample, n: u64| {
        sample.cpu = Some(if n.is_multiple_of(90) { 0.1 } else { 0.95 });
    };
    assert_eq!(raised(telemetry(short)), []);
    let long = |sample: &mut TelemetrySample, n: u64| {
        sample.cpu = Some(if n < 50 { 0.1 } else { 0.95 });
    };
    let alert = only(telemetry(long));
    assert_eq!((alert.rule, alert.level, alert.at_s), (Rule::Cpu, Level::Yellow, Some(4.9)));
    let whole = |sample: &mut TelemetrySample, _| sample.cpu = Some(1.0);
    assert_eq!(only(telemetry(whole)).level, Level::Red);
}

#[test]
fn a_gpu_that_is_hot_or_slowed_down_is_told_with_what_it_said() {
    let hot = |gpu: &mut GpuSample, n: u64| {
        gpu.temperature_c = Some(if n == 70 { 85.0 } else { 70.0 });
    };
    let alert = only(gpu(hot));
    let expected = (Rule::GpuThrottling, Level::Yellow, "gpu 0", Some(7.0));
    assert_eq!((alert.rule, alert.level, alert.of.as_str(), alert.at_s), expected);
    let hotter = |gpu: &mut GpuSample, _| gpu.temperature_c = Some(91.0);
    assert_eq!(only(gpu(hotter)).level, Level::Red);
    let once = |gpu: &mut GpuSample, n: u64| {
        gpu.throttle = Some(if n == 60 { 0x40 } else { 0x4 });
    };
    let alert = only(gpu(once));
    assert_eq!((alert.level, alert.at_s), (Level::Yellow, Some(6.0)));
    assert!(alert.message.contains("the hardware, for heat in 1 of"), "{}", alert.message);
    let often = |gpu: &mut GpuSample, n: u64| {
        gpu.throttle = Some(if n.is_multiple_of(5) { 0x80 } else { 0 })
    };
    assert_eq!(only(gpu(often)).level, Level::Red);
}

#[test]
fn power_above_the_limit_is_red_and_far_above_its_own_median_yellow() {
    let over = |gpu: &mut GpuSample, n: u64| {
        gpu.power_w = Some(if (80..84).contains(&n) { 760.0 } else { 690.0 });
    };
    let alert = only(gpu(over));
    assert_eq!((alert.rule, alert.level, alert.at_s), (Rule::Power, Level::Red, Some(8.0)));
    assert!(alert.message.contains("its power limit, 700 W"), "{}", alert.message);
    let unusual = |gpu: &mut GpuSample, n: u64| {
        gpu.power_w = Some(if (80..84).contains(&n) { 650.0 } else { 400.0 });
    };
    assert_eq!(only(gpu(unusual)).level, Level::Yellow);
    let once = |gpu: &mut GpuSample, n: u64| {
        gpu.power_w = Some(if n.is_multiple_of(50) { 760.0 } else { 400.0 });
    };
    assert_eq!(raised(gpu(once)), [], "one reading is no draw that lasts");
}

#[test]
fn the_limit_of_another_card_says_nothing() {
    let over = |gpu: &mut GpuSample, _| gpu.power_w = Some(900.0);
    let mut elsewhere = gpu(over);
    elsewhere.head.case.run.dcgm_url = Some("http://gpu-host:9400/metrics".to_owned());
    assert_eq!(raised(elsewhere), []);
}

#[test]
fn too_many_failures_are_red() {
    let one = failing(FailureClass::Status, |n| n == 50);
    assert_eq!(raised(one), []);
    let alert = only(failing(FailureClass::Status, |n| n % 25 == 0));
    assert_eq!((alert.rule, alert.level), (Rule::ErrorRate, Level::Red));
    assert!(alert.message.contains("4 of 100 requests failed (4"), "{}", alert.message);
}

#[test]
fn failures_that_become_more_are_yellow_while_there_are_few() {
    let rising = |which: fn(usize) -> bool| {
        let mut run = failing(FailureClass::Status, which);
        run.head.case.alerts.error_rate = 0.2;
        run
    };
    let alert = only(rising(|n| n >= 94));
    assert_eq!((alert.rule, alert.level), (Rule::ErrorRate, Level::Yellow));
    assert!(alert.message.contains("0 in the first half and 6 in the second"), "{}", alert.message);
    assert_eq!(raised(rising(|n| n % 16 == 0)), [], "they come evenly");
    let uneven = |n| [10, 20, 60, 70, 80, 90].contains(&n);
    assert_eq!(raised(rising(uneven)), [], "two and four are as good as three and three");
    assert_eq!(raised(rising(|n| n >= 96)), [], "four may be luck");
    assert_eq!(raised(rising(|n| n < 6)), [], "they stopped");
}

#[test]
fn crashes_timeouts_and_lost_gpus_are_instability() {
    let of = |run: Run| {
        let alert = raised(run).into_iter().find(|alert| alert.rule == Rule::Instability).unwrap();
        (alert.of, alert.level)
    };
    let timeout = FailureClass::TimeoutGap;
    assert_eq!(of(failing(timeout, |n| n == 5)), ("timeouts".to_owned(), Level::Yellow));
    assert_eq!(of(failing(timeout, |n| n % 9 == 5)), ("timeouts".to_owned(), Level::Red));
    assert_eq!(of(failing(FailureClass::Connect, |n| n == 5)), ("target".to_owned(), Level::Red));
    let lost = gpu(|gpu, n| gpu.lost = n > 100);
    assert_eq!(of(lost), ("gpu 0".to_owned(), Level::Red));
    let aborted = Run { ending: Ending::Aborted("it hung".to_owned()), ..clean() };
    assert_eq!(of(aborted), ("run".to_owned(), Level::Red));
    assert_eq!(raised(Run { ending: Ending::Interrupted, ..clean() }), [], "a person stopped it");
}

fn judged(verdict: Verdict) -> Judged {
    let why = "the whole interval is worse than the tolerance".to_owned();
    Judged { metric: "ttft.p50".parse().unwrap(), comparison: None, verdict, why }
}

#[test]
fn a_regression_comes_with_the_last_epoch_and_nothing_else_that_was_said_does() {
    let later =
        Run { head: crate::run::Head { test_id: "last".to_owned(), ..clean().head }, ..clean() };
    let valid = [Validity::Valid, Validity::Valid];
    let said = |verdict| alerts(&[clean(), later.clone()], &valid, &[judged(verdict)]);
    let raised = said(Verdict::Regressed);
    assert_eq!((raised.len(), raised[0].rule, raised[0].level), (1, Rule::Regression, Level::Red));
    assert_eq!((raised[0].test_id.as_str(), raised[0].of.as_str()), ("last", "ttft.p50"));
    assert_eq!(said(Verdict::RegressedUnpaired)[0].level, Level::Yellow);
    assert_eq!(said(Verdict::Improved), []);
    assert_eq!(said(Verdict::Inconclusive), []);
}

#[test]
fn an_epoch_that_may_not_be_judged_has_no_performance_but_a_machine() {
    let slow = with_goal(clean(), "tok_s", Bound::AtLeast { value: 1e6 });
    let mut full = slow.clone();
    full.telemetry.iter_mut().for_each(|sample| sample.memory_bytes = Some(1 << 30));
    let invalid = Validity::Invalid(vec![Reason::NothingMeasured]);
    let rules: Vec<Rule> =
        alerts(&[full], &[invalid], &[]).iter().map(|alert| alert.rule).collect();
    assert_eq!(rules, [Rule::Memory]);
    assert_eq!(raised(slow).len(), 1);
}

/// Epochs of twenty seconds each, in which memory is used by this share.
fn epochs(shares: &[f64]) -> Vec<Run> {
    let epoch = |(number, share): (u32, &f64)| {
        let mut run = clean();
        run.head.epoch = number;
        let used = (share * f64::from(1 << 30)) as u64;
        run.telemetry.iter_mut().for_each(|sample| sample.memory_bytes = Some(used));
        run
    };
    (0..).zip(shares).map(epoch).collect()
}

fn epochs_raised(shares: &[f64], cooldown_s: f64) -> usize {
    let mut epochs = epochs(shares);
    epochs.iter_mut().for_each(|run| run.head.case.alerts.cooldown_s = cooldown_s);
    alerts(&epochs, &vec![Validity::Valid; epochs.len()], &[]).len()
}

#[test]
fn the_cooldown_goes_over_the_epochs_and_what_becomes_worse_breaks_it() {
    assert_eq!(epochs_raised(&[0.85; 5], 300.0), 1);
    assert_eq!(epochs_raised(&[0.85, 0.85, 0.95, 0.95, 0.85], 300.0), 2);
    assert_eq!(epochs_raised(&[0.85; 5], 0.0), 5);
    // Each epoch is about twenty seconds long: every second one is due.
    assert_eq!(epochs_raised(&[0.85; 5], 30.0), 3);
}

#[test]
fn what_a_scenario_leaves_out_is_not_told() {
    let both = || {
        let mut run = with_goal(clean(), "tok_s", Bound::AtLeast { value: 1e6 });
        run.telemetry.iter_mut().for_each(|sample| sample.memory_bytes = Some(1 << 30));
        run
    };
    let told = |only: &[Named], ignore: &[Named]| {
        let mut run = both();
        run.head.case.alerts.only = only.to_vec();
        run.head.case.alerts.ignore = ignore.to_vec();
        raised(run).iter().map(|alert| alert.rule).collect::<Vec<_>>()
    };
    assert_eq!(told(&[], &[]), [Rule::Memory, Rule::TokenThroughput]);
    assert_eq!(told(&[Named::Performance], &[]), [Rule::TokenThroughput]);
    assert_eq!(told(&[], &[Named::TokenThroughput]), [Rule::Memory]);
    assert_eq!(told(&[Named::Resource], &[Named::Memory]), []);
}

#[test]
fn a_category_stands_as_its_worst_alert_does() {
    let raised = raised(failing(FailureClass::TimeoutGap, |n| n == 5));
    assert_eq!(standing(&raised, Category::Stability), Level::Yellow);
    assert_eq!(standing(&raised, Category::Resource), Level::Green);
}

#[test]
fn every_alert_has_its_moment_and_they_come_in_order() {
    let mut run = with_goal(clean(), "tok_s", Bound::AtLeast { value: 1e6 });
    for (n, sample) in run.telemetry.iter_mut().enumerate() {
        sample.memory_bytes = Some(if n < 100 { 1 } else { 1 << 30 });
        sample.gpus[0].temperature_c = Some(if n < 50 { 60.0 } else { 99.0 });
    }
    let raised = raised(run);
    let moments: Vec<Option<f64>> = raised.iter().map(|alert| alert.at_s).collect();
    assert_eq!(moments, [Some(5.0), Some(10.0), None]);
    // The last answer ends at 20 s.
    assert_eq!(raised[2].raised_us, 20_000_000);
}

#[test]
fn failed_requests_of_the_warm_up_are_nobodys_trouble() {
    let mut run = failing(FailureClass::Connect, |n| n < 10);
    let warm = |record: &mut Record| record.phase = crate::record::Phase::Warmup;
    run.records[..10].iter_mut().for_each(warm);
    assert_eq!(raised(run), []);
}
