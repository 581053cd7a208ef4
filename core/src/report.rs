//! A report: everything that was decided about one invocation, ready to be told.

use crate::advice::{self, Advice};
use crate::alert::Alert;
use crate::case::{Case, CaseId, Workload};
use crate::environment::{Environment, MachineId};
use crate::failure::FailureCount;
use crate::goal::{GoalResult, Grade};
use crate::metric::{self, Metric, MetricRef, Stat};
use crate::run::{Preparation, Requests, TargetIdentity};
use crate::stress::{Latency, Level as LoadLevel, Stress};
use crate::summary::{Stalls, Summary};
use crate::validity::Validity;
use crate::verdict::{Conclusion, Exit, Judged};

/// One epoch of a case, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochReport {
    /// Its file and row.
    pub test_id: String,
    /// Whether it may be judged.
    pub validity: Validity,
}

/// Everything decided about one case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseReport {
    /// What was asked.
    pub case: Case,
    /// What was measured.
    pub target: TargetIdentity,
    /// What happened before the first request, in the first epoch.
    pub preparation: Preparation,
    /// Its epochs.
    pub epochs: Vec<EpochReport>,
    /// The numbers.
    pub summary: Summary,
    /// The goals.
    pub goals: Vec<GoalResult>,
    /// The verdicts; empty without a baseline.
    pub verdicts: Vec<Judged>,
    /// Why requests failed, the most frequent first.
    pub failures: Vec<FailureCount>,
    /// Texts of the first answers.
    pub samples: Vec<String>,
    /// What a search for the breaking point found, in the first epoch.
    pub stress: Option<Stress>,
    /// Where streams stood still; absent where none did.
    pub stalls: Option<Stalls>,
    /// What is worth telling somebody.
    pub alerts: Vec<Alert>,
    /// What to try next.
    pub advice: Vec<Advice>,
    /// How it was compared, where that was in pairs.
    pub pairs: Option<Pairs>,
}

/// How a case was compared in pairs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pairs {
    /// What the base is, by what it has that the head has not.
    pub base: String,
    /// What the head is.
    pub head: String,
    /// Pairs that count.
    pub counted: usize,
    /// Pairs of which an epoch may not be judged.
    pub set_aside: usize,
    /// Why, one of each kind of reason.
    pub reasons: Vec<String>,
    /// Questions that both sides answered, in all pairs that count; 0 where they were asked
    /// different ones, or their answers were not kept.
    pub asked: u64,
    /// Answers of those that are the same on both sides, word for word or row for row.
    pub alike: u64,
}

impl CaseReport {
    /// Whether every epoch may be judged.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.epochs.iter().all(|epoch| epoch.validity.is_valid())
    }

    /// What the target did under the case's number of workers; `None` where that changes, or is
    /// none.
    fn level(&self) -> Option<LoadLevel> {
        let Workload::Closed(closed) = &self.case.workload else { return None };
        if closed.shape.is_some() || closed.batch != 1 {
            return None;
        }
        let value = |metric: &'static Metric, stat| {
            self.summary.estimate(MetricRef { metric, stat }).map(|estimate| estimate.value)
        };
        let latency = |metric| {
            Some(Latency { p50: value(metric, Stat::P50)?, p95: value(metric, Stat::P95)? })
        };
        let scalar = |metric| value(metric, Stat::Value);
        let rates = [&metric::TOK_S, &metric::REQ_S, &metric::QPS];
        Some(LoadLevel {
            concurrency: closed.concurrency,
            requests: self.requests(),
            throughput: rates.into_iter().find_map(scalar).unwrap_or_default(),
            ttft: latency(&metric::TTFT),
            e2e: latency(&metric::E2E).or_else(|| latency(&metric::QUERY)),
            attainment: scalar(&metric::ATTAINMENT),
        })
    }

    /// Measured requests over all epochs.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.summary.requests
    }
}

/// A case that could not be measured at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmeasured {
    /// The case.
    pub case: CaseId,
    /// Why, and what to do.
    pub why: String,
    /// How a run ends that could not measure it.
    pub exit: Exit,
}

/// What is said of a case that the baseline has and the scenario has not.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// The case.
    pub case: CaseId,
    /// What is said of each of its metrics.
    pub verdicts: Vec<Judged>,
}

/// What the run was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparedWith {
    /// Nothing, for the reason given.
    Nothing(String),
    /// A baseline, by the name or path it was read from; or the other side of pairs, in words.
    Baseline(String),
}

impl ComparedWith {
    /// Whether there was nothing to compare with.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing(_))
    }
}

/// Everything decided about one invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The invocation.
    pub run_id: String,
    /// The scenario.
    pub scenario: String,
    /// The machine's key.
    pub machine: MachineId,
    /// The machine.
    pub environment: Environment,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
    /// The cases, in the order of the plan.
    pub cases: Vec<CaseReport>,
    /// The cases that could not be measured.
    pub unmeasured: Vec<Unmeasured>,
    /// The cases that the baseline has and the scenario has not.
    pub dropped: Vec<Dropped>,
    /// What is said of the control, which nothing that is compared touches; empty without one.
    pub control: Vec<Judged>,
    /// What it was compared with.
    pub compared_with: ComparedWith,
    /// The grade over all goals.
    pub grade: Grade,
    /// What is said of the whole.
    pub conclusion: Conclusion,
    /// How the process ends.
    pub exit: Exit,
}

impl Report {
    /// The report as if `case` had been measured alone.
    #[must_use]
    pub fn only(&self, case: &CaseReport) -> Self {
        let mut alone = Self { cases: vec![case.clone()], ..self.clone() };
        let (met, total) = alone.targets();
        alone.grade = if case.is_valid() { Grade::of(met, total) } else { Grade::Ungraded };
        alone
    }

    /// What the target sustains: of the first search for a breaking point, else of the first case
    /// that was measured under several numbers of workers and nothing else that varies.
    #[must_use]
    pub fn stress(&self) -> Option<Stress> {
        self.searched().cloned().or_else(|| self.swept())
    }

    fn searched(&self) -> Option<&Stress> {
        self.cases.iter().find_map(|case| case.stress.as_ref())
    }

    /// The levels of a case that were measured one by one.
    #[must_use]
    pub fn swept(&self) -> Option<Stress> {
        let names = self.cases.iter().map(|case| case.case.id.case());
        names
            .map(|name| self.levels_of(name))
            .find(|levels| levels.len() > 1)
            .and_then(Stress::of_levels)
    }

    fn levels_of(&self, name: &str) -> Vec<LoadLevel> {
        let own = self.cases.iter().filter(|case| case.case.id.case() == name);
        let mut levels: Vec<LoadLevel> = own.filter_map(CaseReport::level).collect();
        let all = levels.len();
        levels.sort_by_key(|level| level.concurrency);
        levels.dedup_by_key(|level| level.concurrency);
        // Of cells that vary in something else, too, no curve can be made.
        if levels.len() < all { Vec::new() } else { levels }
    }

    /// The alerts of all cases, in their order.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.cases.iter().flat_map(|case| &case.alerts)
    }

    /// What the levels of load that were tried advise together.
    #[must_use]
    pub fn advice_on_levels(&self) -> Option<Advice> {
        self.stress().as_ref().and_then(advice::on_levels)
    }

    /// Goals met, and goals in all.
    #[must_use]
    pub fn targets(&self) -> (usize, usize) {
        let goals = || self.cases.iter().flat_map(|case| &case.goals);
        (goals().filter(|goal| goal.is_met()).count(), goals().count())
    }
}
