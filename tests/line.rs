//! The whole line on the simulated driver and a paused clock: what a user of the gate sees.

use std::sync::Arc;
use tempfile::TempDir;
use tokgate::baselines::Found;
use tokgate::pipeline::{conclude_run, measure_case};
use tokgate::session::{Identity, Session};
use tokgate::store::{FileStore, Layout};
use tokgate_baseline::{Baseline, Provenance, Recorded};
use tokgate_core::alert::Rule;
use tokgate_core::case::Case;
use tokgate_core::environment::{Environment, HostSettings, MachineId};
use tokgate_core::goal::{Grade, Level};
use tokgate_core::metric::MetricRef;
use tokgate_core::report::{CaseReport, ComparedWith, Report};
use tokgate_core::scenario::{Facts, Scenario, Surroundings, plan};
use tokgate_core::verdict::{Conclusion, Exit, Verdict};
use tokgate_harness::measure::Harness;

/// A case of 5 epochs on the simulated driver, with further lines of its simulation. Its latencies
/// are long against the timer's millisecond, and on a paused clock they cost nothing.
fn cases(simulation: &str) -> Vec<Case> {
    let text = format!(
        r#"
        schema = 1
        [target]
        driver = "simulated"
        simulation = {{ ttft_ms = 500, itl_ms = 100, jitter = 0.05{simulation} }}
        [run]
        epochs = 5
        [[case]]
        name = "generation"
        kind = "generation"
        dataset = {{ prompt_tokens = 16, output_tokens = 32 }}
        workload = {{ concurrency = 2, requests = 150, warmup = 2 }}
        goals = {{ "ttft.p50" = "< 550 ms", "spike_rate" = "5 .. 15 %" }}
        [case.gate]
        "ttft.p50" = "2 %"
        "itl.p50" = "2 %"
        "tok_s" = "2 %"
        "#
    );
    let scenario = Scenario::parse("line", "line.toml", &text, &Surroundings::closed(&|_| None))
        .unwrap_or_else(|faults| panic!("{faults}"));
    plan(&scenario, &Facts::default()).unwrap_or_else(|faults| panic!("{faults}"))
}

/// One invocation in a folder of its own.
struct Line {
    _folder: TempDir,
    session: Session,
    cases: Vec<Case>,
}

impl Line {
    fn new(run_id: &str, simulation: &str, baseline: Option<Baseline>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let compared_with = ComparedWith::Nothing("a test".to_owned());
        let session = Session {
            identity: Identity {
                run_id: run_id.to_owned(),
                booking_id: run_id.to_owned(),
                machine: MachineId("test-x1".to_owned()),
                environment: environment(),
                platform: None,
                started_us: 1_795_000_000_000_000,
            },
            harness: Harness::on(runtime),
            samplers: Vec::new,
            earlier: Default::default(),
            sharing: None,
            store: Box::new(FileStore::open(Layout::new(folder.path())).unwrap()),
            baselines: [("line".to_owned(), Found { baseline, compared_with, recorded: false })]
                .into(),
            strict: false,
            feed: Default::default(),
            stop: Arc::default(),
            measured: Vec::new(),
            unmeasured: Vec::new(),
        };
        Self { _folder: folder, session, cases: cases(simulation) }
    }

    fn run(mut self) -> Report {
        self.measure();
        let planned: Vec<_> = self.cases.iter().map(|case| case.id.clone()).collect();
        conclude_run(&mut self.session, &planned).unwrap()
    }

    fn record(mut self) -> Baseline {
        self.measure();
        let case = &self.session.measured[0];
        let provenance = Provenance::of(case.head(), "2026-11-22");
        let recorded = Recorded { runs: &case.epochs, validity: &case.validity };
        Baseline::from_runs(&[recorded], provenance).unwrap_or_else(|error| panic!("{error}"))
    }

    fn measure(&mut self) {
        for case in &self.cases {
            measure_case(&mut self.session, case, &|_| {}).unwrap();
        }
    }
}

fn environment() -> Environment {
    Environment {
        cpu_model: "test".to_owned(),
        cpu_count: 2,
        memory_bytes: 8 << 30,
        memory_available_bytes: 8 << 30,
        gpus: Vec::new(),
        os: "test".to_owned(),
        kernel: "test".to_owned(),
        tool_version: "0".to_owned(),
        commit: None,
        host: HostSettings::default(),
        workers: None,
    }
}

fn baseline() -> Baseline {
    Line::new("base", "", None).record()
}

fn against_baseline(run_id: &str, simulation: &str) -> Report {
    Line::new(run_id, simulation, Some(baseline())).run()
}

fn verdict(report: &Report, metric: &str) -> Verdict {
    let metric: MetricRef = metric.parse().unwrap();
    let judged = report.cases[0].verdicts.iter().find(|judged| judged.metric == metric);
    judged.unwrap_or_else(|| panic!("{metric} was not judged")).verdict
}

fn value(case: &CaseReport, metric: &str) -> f64 {
    let metric = metric.parse().unwrap();
    case.summary.estimate(metric).unwrap_or_else(|| panic!("{metric} was not measured")).value
}

#[test]
fn a_fifth_more_time_to_first_token_is_regressed() {
    let report = against_baseline("head", ", ttft_factor = 1.2");
    assert_eq!(verdict(&report, "ttft.p50"), Verdict::Regressed);
    assert_eq!(verdict(&report, "itl.p50"), Verdict::Unchanged);
    assert_eq!((report.conclusion, report.exit), (Conclusion::Regressed, Exit::Regressed));
}

#[test]
fn a_fifth_less_time_to_first_token_is_improved() {
    let report = against_baseline("head", ", ttft_factor = 0.8");
    assert_eq!(verdict(&report, "ttft.p50"), Verdict::Improved);
    assert_eq!(report.exit, Exit::Held);
}

#[test]
fn equal_runs_are_not_regressed() {
    for run_id in ["one", "two", "three"] {
        let report = against_baseline(run_id, "");
        let verdicts = &report.cases[0].verdicts;
        assert_eq!(verdicts.len(), 3);
        assert!(verdicts.iter().all(|judged| judged.verdict == Verdict::Unchanged), "{verdicts:?}");
        assert_eq!((report.conclusion, report.exit), (Conclusion::Held, Exit::Held));
    }
}

#[test]
fn two_percent_of_stalls_show_in_the_spike_rate_and_are_counted() {
    let calm = Line::new("calm", "", None).run();
    let stalled = Line::new("stalled", ", stall_rate = 0.02, stall_factor = 10", None).run();
    let (calm, stalled) = (&calm.cases[0], &stalled.cases[0]);
    // Log-normal gaps have a few beyond the line without any stall.
    let calm = value(calm, "spike_rate");
    assert!(calm < 0.01, "{calm}");
    let rate = value(stalled, "spike_rate");
    assert!((0.018..0.032).contains(&rate), "{rate}");
    // An epoch has 150 requests of 31 gaps, 2 % of which stall.
    let count = value(stalled, "stall_count");
    assert!((85.0..150.0).contains(&count), "{count}");
    assert!(value(stalled, "stall_max") > 0.9);
    let told = stalled.stalls.as_ref().unwrap();
    assert_eq!(told.longest.len(), 10);
    assert!(told.longest[0].gap_s >= value(stalled, "stall_max"));
    let style = tokgate::report::terminal::Style { color: false };
    let text = tokgate::report::terminal::case(stalled, style);
    assert!(text.contains(" of 23250 gaps, ") && text.contains("after token "), "{text}");
}

#[test]
fn a_run_with_too_many_failures_is_invalid_and_neither_passes_nor_regresses() {
    let report = against_baseline("head", ", error_rate = 0.05, ttft_factor = 2.0");
    assert_eq!(verdict(&report, "ttft.p50"), Verdict::Invalid);
    assert_eq!((report.conclusion, report.exit), (Conclusion::Invalid, Exit::Invalid));
    assert_eq!(report.grade, Grade::Ungraded);
    assert!(!report.cases[0].failures.is_empty());
}

#[test]
fn what_the_judge_calls_regressed_is_a_red_alert_and_told_at_the_end() {
    let report = against_baseline("head", ", ttft_factor = 1.2");
    let regressions = || report.alerts().filter(|alert| alert.rule == Rule::Regression);
    let judged = report.cases[0].verdicts.iter();
    let regressed = judged.filter(|judged| judged.verdict == Verdict::Regressed).count();
    assert_eq!(regressions().count(), regressed);
    let alert = regressions().find(|alert| alert.of == "ttft.p50").unwrap();
    assert_eq!(alert.level, Level::Red);
    assert_eq!(alert.test_id, report.cases[0].epochs[4].test_id);
    assert!(alert.value.unwrap() > alert.bound.unwrap() * 1.1, "{alert:?}");
    let style = tokgate::report::terminal::Style { color: false };
    let text = tokgate::report::terminal::closing(&report, style);
    assert!(
        text.contains("red    stability regression\n         ttft.p50 regressed from "),
        "{text}"
    );
    let calm = against_baseline("calm", "");
    assert!(calm.alerts().all(|alert| alert.rule != Rule::Regression));
}

#[test]
fn truncated_streams_fail_and_enter_no_latency() {
    let report = Line::new("head", ", truncate_rate = 0.5", None).run();
    let case = &report.cases[0];
    let requests = case.requests();
    assert_eq!(requests.attempted, 750);
    assert!(requests.failed > 300 && requests.succeeded > 300);
    let ttft = "ttft.p50".parse().unwrap();
    assert_eq!(case.summary.estimate(ttft).unwrap().n as u64, requests.succeeded);
}

#[test]
fn a_spike_rate_below_its_band_is_yellow_and_counts_as_met() {
    let report = Line::new("calm", "", None).run();
    let goals = &report.cases[0].goals;
    let spike = goals.iter().find(|goal| goal.goal.metric.metric.id == "spike_rate").unwrap();
    assert_eq!(spike.level, Level::Yellow);
    assert!(spike.is_met());
    assert_eq!((report.targets(), report.grade), ((2, 2), Grade::Excellent));
}

#[test]
fn one_function_says_regressed_and_every_face_reads_it() {
    let report = against_baseline("head", ", ttft_factor = 1.2");
    let json = tokgate::report::json::report(&report);
    let said = &json["cases"][0]["verdicts"];
    let ttft = said.as_array().unwrap().iter().find(|one| one["metric"] == "ttft.p50").unwrap();
    assert_eq!(ttft["verdict"], "regressed");
    assert_eq!(json["exit"], 1);
    let style = tokgate::report::terminal::Style { color: false };
    let text = tokgate::report::terminal::case(&report.cases[0], style);
    assert!(text.contains("ttft.p50 regressed"), "{text}");
}
