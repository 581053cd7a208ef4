//! Cases by name; and one case through all runs, newest first.

use super::{After, Conditions, Page, Slice};
use crate::store::cell::text;
use crate::store::listing::IS_OURS;
use crate::store::sql::{Row, Sql};
use rusqlite::types::Value;
use serde::Serialize;
use std::collections::BTreeMap;

/// A case, over all runs that measured it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedCase {
    /// `scenario/case/axis=value`.
    pub case_id: String,
    /// What it measures.
    pub kind: String,
    /// Runs that measured it.
    pub runs: u64,
    /// When the latest of them began, microseconds since 1970.
    pub last_us: i64,
}

/// A case in one run, on one side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseOfRun {
    /// The invocation.
    pub run_id: String,
    /// The case.
    pub case_id: String,
    /// `head`, or `base`.
    pub arm: String,
    /// When the run began, microseconds since 1970.
    pub started_us: i64,
    /// What it measures.
    pub kind: String,
    /// What varies in the scenario.
    pub benchmark_type: String,
    /// How the model was served.
    pub platform: String,
    /// The model.
    pub model: String,
    /// Epochs.
    pub epochs: u64,
    /// Those that may be judged.
    pub valid_epochs: u64,
    /// Requests sent.
    pub attempted: u64,
    /// Requests that succeeded.
    pub succeeded: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests that were cut off at the end.
    pub incomplete: u64,
    /// Goals met.
    pub targets_met: u64,
    /// Goals in all.
    pub total_targets: u64,
    /// What was measured, over all epochs.
    pub metrics: Vec<ListedMetric>,
    /// What the judge said.
    pub verdicts: Vec<Judgement>,
}

/// One statistic of one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedMetric {
    /// Its id in the catalogue.
    pub metric: String,
    /// `value`, `mean`, `p50`, …
    pub stat: String,
    /// The unit of the numbers.
    pub unit: String,
    /// What was measured.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of it.
    pub high: Option<f64>,
    /// Samples that it is of.
    pub n: u64,
}

/// What the judge said of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The metric with its statistic.
    pub metric: String,
    /// The word.
    pub verdict: String,
    /// Why.
    pub why: String,
    /// The baseline's value.
    pub base: Option<f64>,
    /// This run's value.
    pub head: Option<f64>,
    /// The change, positive when worse; absent where it is not finite.
    pub effect: Option<f64>,
    /// Lower end of its interval.
    pub effect_low: Option<f64>,
    /// Upper end of it.
    pub effect_high: Option<f64>,
}

/// A case's place on one side of a comparison of a run.
type Place = (String, String);

/// The cases that tokgate measured, by name.
pub(in crate::store) fn cases(
    database: &Sql<'_>,
    slice: &Slice,
) -> rusqlite::Result<Page<ListedCase>> {
    let asked = format!(
        "SELECT c.case_id, min(c.kind), count(DISTINCT c.run_id), max(r.started_us)
         FROM cases c JOIN runs r ON r.run_id = c.run_id
         WHERE {IS_OURS} AND c.case_id > ?1
         GROUP BY c.case_id ORDER BY c.case_id LIMIT ?2"
    );
    let after = slice.after.as_ref().map(|after| after.name.clone()).unwrap_or_default();
    let listed = |row: &Row<'_>| {
        Ok(ListedCase {
            case_id: row.get(0)?,
            kind: row.get(1)?,
            runs: row.whole(2)?,
            last_us: row.get(3)?,
        })
    };
    let rows = database.all(&asked, &[text(&after), slice.rows()], listed)?;
    Ok(slice.page(rows, |case| After { at_us: case.last_us, name: case.case_id.clone() }))
}

/// One case, in the latest runs first.
pub(in crate::store) fn case(
    database: &Sql<'_>,
    case_id: &str,
    slice: &Slice,
) -> rusqlite::Result<Page<CaseOfRun>> {
    let mut conditions = Conditions::default();
    conditions
        .and("c.case_id = ?", Some(Value::Text(case_id.to_owned())))
        .behind("r.started_us, c.run_id || ' ' || c.arm", slice.after.as_ref())
        .bind(slice.rows());
    let page = slice.page(told(database, &conditions)?, |case| After {
        at_us: case.started_us,
        name: format!("{} {}", case.run_id, case.arm),
    });
    let runs: Vec<&str> = page.rows.iter().map(|case| case.run_id.as_str()).collect();
    let mut metrics = metrics(database, case_id, &runs)?;
    let with_all = |case: CaseOfRun| complete(database, case, &mut metrics);
    Ok(Page { rows: page.rows.into_iter().map(with_all).collect::<Result<_, _>>()?, ..page })
}

/// The cases of a run by name, without what was measured; at most so many.
pub(in crate::store) fn cases_of_run(
    database: &Sql<'_>,
    run_id: &str,
    limit: u32,
) -> rusqlite::Result<Vec<CaseOfRun>> {
    let mut conditions = Conditions::default();
    conditions
        .and("c.run_id = ?", Some(Value::Text(run_id.to_owned())))
        .bind(Value::Integer(limit.into()));
    let cases = told(database, &conditions)?;
    let with_verdicts = |case: CaseOfRun| complete(database, case, &mut BTreeMap::new());
    cases.into_iter().map(with_verdicts).collect()
}

fn told(database: &Sql<'_>, conditions: &Conditions) -> rusqlite::Result<Vec<CaseOfRun>> {
    let asked = format!(
        "SELECT c.run_id, c.case_id, c.arm, r.started_us, c.kind, c.benchmark_type, c.platform, c.model,
                c.epochs, c.valid_epochs, c.attempted, c.succeeded, c.failed, c.incomplete,
                c.targets_met, c.total_targets
         FROM cases c JOIN runs r ON r.run_id = c.run_id
         WHERE true{}
         ORDER BY r.started_us DESC, c.run_id || ' ' || c.arm DESC, c.case_id LIMIT ?",
        conditions.sql
    );
    let case = |row: &Row<'_>| {
        Ok(CaseOfRun {
            run_id: row.get(0)?,
            case_id: row.get(1)?,
            arm: row.get(2)?,
            started_us: row.get(3)?,
            kind: row.get(4)?,
            benchmark_type: row.get(5)?,
            platform: row.get(6)?,
            model: row.get(7)?,
            epochs: row.whole(8)?,
            valid_epochs: row.whole(9)?,
            attempted: row.whole(10)?,
            succeeded: row.whole(11)?,
            failed: row.whole(12)?,
            incomplete: row.whole(13)?,
            targets_met: row.whole(14)?,
            total_targets: row.whole(15)?,
            metrics: Vec::new(),
            verdicts: Vec::new(),
        })
    };
    database.all(&asked, &conditions.bound, case)
}

/// Everything that was measured of a case in some runs: one look, since the key begins with the case.
fn metrics(
    database: &Sql<'_>,
    case_id: &str,
    runs: &[&str],
) -> rusqlite::Result<BTreeMap<Place, Vec<ListedMetric>>> {
    if runs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked = format!(
        "SELECT run_id, arm, metric, stat, unit, value, low, high, n FROM metrics
         WHERE case_id = ? AND run_id IN ({}) ORDER BY metric, stat, run_id, arm",
        vec!["?"; runs.len()].join(", ")
    );
    let bound: Vec<Value> =
        std::iter::once(case_id).chain(runs.iter().copied()).map(text).collect();
    let metric = |row: &Row<'_>| {
        let metric = ListedMetric {
            metric: row.get(2)?,
            stat: row.get(3)?,
            unit: row.get(4)?,
            value: row.get(5)?,
            low: row.get(6)?,
            high: row.get(7)?,
            n: row.whole(8)?,
        };
        Ok(((row.get(0)?, row.get(1)?), metric))
    };
    let mut places: BTreeMap<Place, Vec<ListedMetric>> = BTreeMap::new();
    for (place, metric) in database.all(&asked, &bound, metric)? {
        places.entry(place).or_default().push(metric);
    }
    Ok(places)
}

/// The same case with what was measured and said of it.
fn complete(
    database: &Sql<'_>,
    case: CaseOfRun,
    metrics: &mut BTreeMap<Place, Vec<ListedMetric>>,
) -> rusqlite::Result<CaseOfRun> {
    let asked =
        "SELECT metric, verdict, why, base, head, effect, effect_low, effect_high FROM verdicts
         WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY metric";
    let judgement = |row: &Row<'_>| {
        Ok(Judgement {
            metric: row.get(0)?,
            verdict: row.get(1)?,
            why: row.get(2)?,
            base: row.get(3)?,
            head: row.get(4)?,
            effect: row.get(5)?,
            effect_low: row.get(6)?,
            effect_high: row.get(7)?,
        })
    };
    let key = [text(&case.run_id), text(&case.case_id), text(&case.arm)];
    let verdicts = database.all(asked, &key, judgement)?;
    let place = (case.run_id.clone(), case.arm.clone());
    Ok(CaseOfRun { metrics: metrics.remove(&place).unwrap_or_default(), verdicts, ..case })
}
