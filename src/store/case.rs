//! All epochs of one case as a row of `cases`, with its metrics, verdicts and alerts.

use crate::store::cell::{arm, real, text, word};
use crate::store::epoch::{Told, told};
use crate::store::verdict::StoredVerdict;
use crate::store::{CaseEnd, alert, digest, histogram};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use tokgate_baseline::interval::{of_epochs, with_intervals};
use tokgate_core::imported::Figure;
use tokgate_core::metric::MetricRef;
use tokgate_core::run::{Head, Run};
use tokgate_core::summary::{Interval, Summary, summarize};

/// What the epochs of a case say together, with intervals; `None` without an epoch. The draws
/// of the intervals come from the case's own seed, so that a stored case is summarised to the
/// same numbers whenever it is.
#[must_use]
pub fn summary(epochs: &[Run]) -> Option<Summary> {
    let seed = epochs.first()?.head.case.run.seed;
    let mut summary = summarize(epochs);
    with_intervals(&mut summary, seed);
    Some(summary)
}

/// Gives the figures that epochs have together the intervals that [`summary`] gives them, where those come from
/// what each of the `epochs` says alone.
pub fn add_intervals(figures: &mut [Figure], epochs: &[Vec<Figure>]) {
    for figure in figures {
        let same = |it: &&Figure| it.metric == figure.metric;
        let alone = |epoch: &Vec<Figure>| epoch.iter().find(same).map(|it| it.value);
        let values: Vec<f64> = epochs.iter().filter_map(alone).collect();
        let MetricRef { metric, stat } = figure.metric;
        let is_finite = |it: &Interval| it.low.is_finite() && it.high.is_finite();
        figure.interval = of_epochs(metric, stat, figure.value, &values).filter(is_finite);
    }
}

/// What names a case in the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) run_id: &'a str,
    pub(super) case_id: &'a str,
    pub(super) arm: &'a str,
}

impl<'a> Key<'a> {
    /// What is bound where a statement asks for a case.
    pub(super) fn bound(self) -> [Value; 3] {
        [self.run_id, self.case_id, self.arm].map(text)
    }

    fn of(head: &'a Head) -> Self {
        Self { run_id: &head.run_id, case_id: &head.case.id.0, arm: arm(head.arm) }
    }
}

/// Puts the case down; a second time replaces the first.
pub(super) fn put(
    database: &Connection,
    case: CaseEnd<'_>,
    verdicts: &[StoredVerdict],
) -> rusqlite::Result<()> {
    let Some(first) = case.epochs.first() else { return Ok(()) };
    let key = Key::of(&first.head);
    put_case(database, case, &first.head)?;
    put_metrics(database, key, told(case.summary))?;
    histogram::put(database, key, case.summary)?;
    put_verdicts(database, &first.head, verdicts)?;
    alert::put(database, case, verdicts, &first.head)?;
    digest::put(database, key)
}

fn put_case(database: &Connection, case: CaseEnd<'_>, head: &Head) -> rusqlite::Result<()> {
    let valid = case.validity.iter().filter(|validity| validity.is_valid()).count();
    let goals = &head.case.goals;
    let met = goals.iter().filter(|goal| goal.check(case.summary).is_met()).count();
    let requests = case.summary.requests;
    database.execute(
        "INSERT OR REPLACE INTO cases
             (run_id, case_id, arm, kind, benchmark_type, platform, model, epochs, valid_epochs,
              attempted, succeeded, failed, incomplete, targets_met, total_targets)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            head.run_id,
            head.case.id.0,
            arm(head.arm),
            word(&head.case.kind),
            head.case.benchmark_type,
            head.target.platform,
            head.target.model,
            case.epochs.len() as i64,
            valid as i64,
            requests.attempted as i64,
            requests.succeeded as i64,
            requests.failed as i64,
            requests.incomplete as i64,
            met as i64,
            goals.len() as i64,
        ],
    )?;
    Ok(())
}

/// Replaces every statistic of the case.
pub(super) fn put_metrics(
    database: &Connection,
    key: Key<'_>,
    told: impl Iterator<Item = Told>,
) -> rusqlite::Result<()> {
    let Key { run_id, case_id, arm } = key;
    database.execute(
        "DELETE FROM metrics WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3",
        params![run_id, case_id, arm],
    )?;
    let mut insert = database.prepare_cached(
        "INSERT INTO metrics (case_id, metric, stat, run_id, arm, unit, value, low, high, n)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for Told { metric, stat, estimate } in told {
        insert.execute(params![
            case_id,
            metric.id,
            stat.as_str(),
            run_id,
            arm,
            metric.unit.symbol(),
            estimate.value,
            real(estimate.interval.map(|interval| interval.low)),
            real(estimate.interval.map(|interval| interval.high)),
            estimate.n as i64,
        ])?;
    }
    Ok(())
}

fn put_verdicts(
    database: &Connection,
    head: &Head,
    verdicts: &[StoredVerdict],
) -> rusqlite::Result<()> {
    let key = params![head.run_id, head.case.id.0, arm(head.arm)];
    database
        .execute("DELETE FROM verdicts WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3", key)?;
    let mut insert = database.prepare_cached(
        "INSERT INTO verdicts
             (run_id, case_id, arm, metric, verdict, why, base, head, effect, effect_low, effect_high,
              mde)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    for said in verdicts {
        insert.execute(params![
            head.run_id,
            head.case.id.0,
            arm(head.arm),
            said.metric.to_string(),
            said.verdict.as_str(),
            said.why,
            real(said.base),
            real(said.head),
            real(said.effect),
            real(said.effect_low),
            real(said.effect_high),
            real(said.mde),
        ])?;
    }
    Ok(())
}
