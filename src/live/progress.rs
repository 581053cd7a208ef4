//! What has happened in a run so far, as far as it is told: events come in, a snapshot comes out. Who
//! tells the time hands it in.

use super::feed::About;
use super::goals::{Followed, Totals, of_case};
use super::recent::Window;
use super::snapshot::{
    Ended, Finished, Now, Raised, Requests, SCHEMA_VERSION, Snapshot, Stage, State, Telemetry,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokgate_core::alert::{self, Alert, Cooldown};
use tokgate_core::case::{Case, CaseId, Workload};
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::record::{Outcome, Phase, Record};
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::run::{Head, Run};
use tokgate_core::validity::Validity;
use tokgate_core::workload::Shard;

/// Cases that have ended and are told; of those before there are numbers.
const FINISHED: usize = 100;
/// Alerts that are told.
const ALERTS: usize = 50;
/// Letters of a name of somebody else's.
const LETTERS: usize = 200;

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// For what took how long.
    pub(super) at: Instant,
    /// For people, microseconds since 1970.
    pub(super) us: i64,
}

/// What has happened in a run so far.
#[derive(Debug)]
pub(super) struct Progress {
    told: Snapshot,
    part: Option<Shard>,
    begun: BTreeSet<CaseId>,
    /// How many requests of the epoch were sent; counted elsewhere.
    sent: Arc<AtomicU64>,
    epoch: Option<Epoch>,
    cooldown: Option<Cooldown>,
}

/// An epoch that goes on.
#[derive(Debug)]
struct Epoch {
    began: Instant,
    window: Window,
    warmup: u32,
    /// Most requests that the load has in flight at once.
    most: Option<u64>,
    ended: u64,
    totals: Totals,
    goals: Vec<Followed>,
}

impl Progress {
    /// A run that begins, or goes on where an earlier process left it.
    pub(super) fn new(about: About, earlier: Option<Snapshot>, sent: Arc<AtomicU64>) -> Self {
        let earlier = earlier.unwrap_or_default();
        let mut told = Snapshot {
            schema_version: SCHEMA_VERSION,
            run_id: about.run_id,
            scenario: bounded(&about.scenario),
            machine: about.machine,
            alone: about.alone,
            part: about.part.map(|part| part.to_string()),
            commit: about.commit,
            started_us: about.started_us,
            // A viewer of the earlier process finds no number a second time.
            seq: earlier.seq,
            points: earlier.points,
            ..Snapshot::default()
        };
        told.cases.planned = about.cases;
        let part = about.part;
        Self { told, part, begun: BTreeSet::new(), sent, epoch: None, cooldown: None }
    }

    /// The goals of a case; those of a load of which a part is seen here are for whoever sees all of it.
    fn goals(&self, case: &Case) -> Vec<Followed> {
        if self.part.is_some() { Vec::new() } else { of_case(case) }
    }

    /// A case is prepared.
    pub(super) fn case_begins(&mut self, case: &Case) {
        if self.begun.insert(case.id.clone()) {
            self.told.cases.begun = self.begun.len();
            self.cooldown = Some(Cooldown::new(case.alerts.cooldown_s));
        }
        self.epoch = None;
        let goals = self.goals(case);
        self.told.goals = goals.iter().map(|goal| goal.standing(&case.id, None)).collect();
        let planned = case.planned_requests().filter(|_| self.part.is_none());
        self.told.now = Some(Now {
            case: bounded(&case.id.0),
            model: bounded(case.target.model.as_deref().unwrap_or_default()),
            epochs: case.run.epochs,
            requests: Requests { planned, ..Requests::default() },
            ..Now::default()
        });
    }

    /// An epoch is measured from now on.
    pub(super) fn epoch_begins(&mut self, head: &Head, now: Moment) {
        let case = &head.case;
        self.case_begins(case);
        self.sent.store(0, Ordering::Relaxed);
        let warmup = case.workload.warmup();
        self.epoch = Some(Epoch {
            began: now.at,
            window: Window::new(now.at, &case.run.spike_of),
            warmup,
            most: case.workload.most_in_flight_of(self.part.unwrap_or(Shard::WHOLE)),
            ended: 0,
            totals: Totals::default(),
            goals: self.goals(case),
        });
        if let Some(told) = &mut self.told.now {
            told.model = bounded(&head.target.model);
            told.platform = bounded(&head.target.platform);
            told.epoch = head.epoch + 1;
            told.stage = if warmup > 0 { Stage::Warmup } else { counting(case) };
        }
    }

    /// A request has ended.
    pub(super) fn saw(&mut self, record: &Record, now: Moment) {
        let (Some(epoch), Some(told)) = (&mut self.epoch, &mut self.told.now) else { return };
        epoch.ended += 1;
        match record.phase {
            Phase::Warmup => {
                told.stage = Stage::Warmup;
                epoch.window.not_before(now.at);
                return;
            }
            Phase::Probe => told.stage = Stage::Probe,
            Phase::Measured => told.stage = Stage::Measured,
        }
        let requests = &mut told.requests;
        match record.outcome {
            Outcome::Success => requests.succeeded += 1,
            Outcome::Failed(_) => requests.failed += 1,
            Outcome::Incomplete => requests.incomplete += 1,
        }
        epoch.window.add(record, now.at, now.us);
        epoch.totals.add(record);
        epoch.goals.iter_mut().for_each(|goal| goal.add(record));
    }

    /// An epoch has ended; its alerts are known. What is told of it stays until the next one begins, but
    /// for what is of the moment.
    pub(super) fn epoch_ended(&mut self, run: &Run, validity: &Validity) {
        self.epoch = None;
        if let Some(told) = &mut self.told.now {
            (told.stage, told.requests.in_flight) = (Stage::Preparing, 0);
        }
        let found = alert::alerts(std::slice::from_ref(run), std::slice::from_ref(validity), &[]);
        let began_us = self.told.started_us;
        for alert in found {
            let about =
                alert::About { case: alert.case.clone(), rule: alert.rule, of: alert.of.clone() };
            let at_s = alert.raised_us.saturating_sub(began_us) as f64 / 1e6;
            let raises = |cooldown: &mut Cooldown| cooldown.raises(&about, alert.level, at_s);
            if self.cooldown.as_mut().is_none_or(raises) {
                self.raise(&alert, &run.head.target.model);
            }
        }
    }

    fn raise(&mut self, alert: &Alert, model: &str) {
        self.told.alerts.push(Raised::of(alert, &bounded(model)));
        let surplus = self.told.alerts.len().saturating_sub(ALERTS);
        self.told.alerts.drain(..surplus);
    }

    /// A case has ended, with these numbers.
    pub(super) fn case_ended(&mut self, report: &CaseReport) {
        self.told.cases.done += 1;
        if self.part.is_some() {
            // What a part says alone is nobody's result.
            (self.epoch, self.told.now) = (None, None);
            return;
        }
        self.finish(finished(report));
    }

    /// A case could not be measured.
    pub(super) fn unmeasured(&mut self, case: &CaseId, why: &str) {
        self.told.cases.unmeasured += 1;
        self.finish(Finished {
            case: bounded(&case.0),
            model: String::new(),
            why_not: Some(bounded(why)),
            valid: false,
            attempted: 0,
            failed: 0,
            req_s: None,
            tok_s: None,
            ttft_p50_s: None,
            e2e_p50_s: None,
            goals: Vec::new(),
        });
    }

    fn finish(&mut self, case: Finished) {
        self.epoch = None;
        self.told.now = None;
        self.told.goals.clear();
        self.told.finished.push(case);
        let surplus = self.told.finished.len().saturating_sub(FINISHED);
        self.told.finished.drain(..surplus);
    }

    /// The run has ended, with everything that was planned, or before.
    pub(super) fn end(&mut self, report: &Report, is_complete: bool) {
        self.told.state = if is_complete { State::Ended } else { State::Interrupted };
        self.told.end = Some(Ended {
            exit: report.exit.code(),
            conclusion: report.conclusion,
            grade: report.grade,
        });
        // Those of the report are all of them, the baseline's among them.
        self.told.alerts.clear();
        for case in &report.cases {
            case.alerts.iter().for_each(|alert| self.raise(alert, &case.target.model));
        }
        (self.epoch, self.told.now) = (None, None);
    }

    /// There is nothing to be said of it.
    pub(super) fn over(&mut self) {
        self.told.state = State::Ended;
    }

    /// The run ends without a word.
    pub(super) fn abandon(&mut self) {
        if self.told.state == State::Running {
            self.told.state = State::Interrupted;
        }
    }

    /// The run as it is now; each time another number.
    pub(super) fn snapshot(&mut self, now: Moment, telemetry: Telemetry) -> Snapshot {
        self.told.seq += 1;
        self.told.at_us = now.us;
        self.told.telemetry = telemetry;
        match (&mut self.epoch, &mut self.told.now) {
            (Some(epoch), Some(told)) => {
                self.told.recent = epoch.window.recent(now.at);
                self.told.spikes = epoch.window.spikes();
                let case = CaseId(told.case.clone());
                let standing = |goal: &Followed| goal.standing(&case, Some(&epoch.totals));
                self.told.goals = epoch.goals.iter().map(standing).collect();
                let sent = self.sent.load(Ordering::Relaxed);
                // Those that have ended and were not heard of yet are no load any more.
                let in_flight = sent.saturating_sub(epoch.ended);
                told.requests.in_flight = epoch.most.map_or(in_flight, |most| in_flight.min(most));
                told.elapsed_s = now.at.saturating_duration_since(epoch.began).as_secs_f64();
                // The last one of the warm-up has ended, and the first that counts has not.
                if told.stage == Stage::Warmup && epoch.ended >= epoch.warmup.into() {
                    told.stage = Stage::Measured;
                }
            }
            (None, _) | (_, None) => self.told.recent = Default::default(),
        }
        self.told.add_point();
        self.told.clone()
    }
}

/// Which part of an epoch counts.
fn counting(case: &Case) -> Stage {
    match case.workload {
        Workload::Closed(_) | Workload::Open(_) => Stage::Measured,
        Workload::BreakingPoint(_) => Stage::Probe,
    }
}

fn finished(report: &CaseReport) -> Finished {
    let value = |metric: &'static Metric, stat| {
        report.summary.estimate(MetricRef { metric, stat }).map(|estimate| estimate.value)
    };
    let requests = report.requests();
    Finished {
        case: bounded(&report.case.id.0),
        model: bounded(&report.target.model),
        why_not: None,
        valid: report.is_valid(),
        attempted: requests.attempted,
        failed: requests.failed,
        req_s: value(&metric::REQ_S, Stat::Value).or_else(|| value(&metric::QPS, Stat::Value)),
        tok_s: value(&metric::TOK_S, Stat::Value),
        ttft_p50_s: value(&metric::TTFT, Stat::P50),
        e2e_p50_s: value(&metric::E2E, Stat::P50).or_else(|| value(&metric::QUERY, Stat::P50)),
        goals: report.goals.iter().map(|goal| super::goals::told(&report.case.id, goal)).collect(),
    }
}

/// A name of somebody else's, cut where it is too long to be shown.
pub(super) fn bounded(text: &str) -> String {
    text.chars().take(LETTERS).collect()
}
