//! What each epoch said of one metric, newest first.

use super::{After, Conditions, Page, Slice};
use crate::store::sql::{Row, Sql};
use rusqlite::types::Value;
use serde::Serialize;
use tokgate_core::metric::{Metric, MetricRef};

/// Which epochs; what is absent excludes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Points {
    /// The metric.
    pub metric: MetricRef,
    /// The case, by its whole name.
    pub case: Option<String>,
    /// The machine's key.
    pub machine: Option<String>,
    /// The model, by its whole name.
    pub model: Option<String>,
    /// Begun then or later, microseconds since 1970.
    pub since_us: Option<i64>,
}

/// One VALID epoch of the head's side that tokgate measured, and what it said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Its file and row.
    pub test_id: String,
    /// The invocation.
    pub run_id: String,
    /// The case.
    pub case_id: String,
    /// The machine's key.
    pub machine: String,
    /// How the model was served.
    pub platform: String,
    /// The model.
    pub model: String,
    /// The commit of the project that was measured, where there is one.
    pub git_commit: Option<String>,
    /// The number of the epoch within its case.
    pub epoch: u64,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
    /// What it said, in the metric's unit.
    pub value: f64,
    /// Samples that it is of.
    pub n: u64,
}

/// What each epoch said, newest first.
pub(in crate::store) fn points(
    database: &Sql<'_>,
    which: &Points,
    slice: &Slice,
) -> rusqlite::Result<Page<Point>> {
    let rows = match (&which.case, &which.machine) {
        (None, None) => of_each_machine(database, which, slice)?,
        (Some(_), _) | (_, Some(_)) => found(database, which, slice, Path::Free)?,
    };
    Ok(slice.page(rows, |point| After { at_us: point.started_us, name: point.test_id.clone() }))
}

/// How SQLite finds the epochs.
#[derive(Clone, Copy)]
enum Path {
    /// As it thinks best: there is an index by time of cases, and one of machines.
    Free,
    /// Along those of the one machine by time, whatever else is asked.
    Machine,
}

/// The newest of all machines, one machine after the other: there is an index by time of each, and none of
/// all. A page costs as much whether it is the first or the last one.
fn of_each_machine(
    database: &Sql<'_>,
    which: &Points,
    slice: &Slice,
) -> rusqlite::Result<Vec<Point>> {
    let enough = slice.limit as usize + 1;
    let mut newest: Vec<Point> = Vec::new();
    for machine in machines(database)? {
        // Once there are enough, what is older than the last of them is not looked at.
        let oldest = newest.get(enough - 1).map(|point| point.started_us);
        let since_us = which.since_us.max(oldest);
        let of_one = Points { machine: Some(machine), since_us, ..which.clone() };
        newest.extend(found(database, &of_one, slice, Path::Machine)?);
        newest.sort_by(|a, b| (b.started_us, &b.test_id).cmp(&(a.started_us, &a.test_id)));
        newest.truncate(enough);
    }
    Ok(newest)
}

/// Every machine that an epoch was measured on, from one to the next along the index.
fn machines(database: &Sql<'_>) -> rusqlite::Result<Vec<String>> {
    let asked = "WITH RECURSIVE each (machine) AS (
             SELECT min(machine) FROM benchmark_results UNION ALL
             SELECT (SELECT min(machine) FROM benchmark_results WHERE machine > each.machine)
             FROM each WHERE machine IS NOT NULL)
         SELECT machine FROM each WHERE machine IS NOT NULL";
    database.all(asked, &[], |row| row.get(0))
}

fn found(
    database: &Sql<'_>,
    which: &Points,
    slice: &Slice,
    path: Path,
) -> rusqlite::Result<Vec<Point>> {
    let MetricRef { metric, stat } = which.metric;
    let mut conditions = Conditions::default();
    conditions
        .and("e.metric = ?", Some(Value::Text(metric.id.to_owned())))
        .and("e.stat = ?", Some(Value::Text(stat.as_str().to_owned())))
        .is("b.case_id = ?", which.case.as_ref())
        .is("b.machine = ?", which.machine.as_ref())
        .is("b.model_name = ?", which.model.as_ref())
        .and("b.started_us >= ?", which.since_us.map(Value::Integer))
        .behind("b.started_us, b.test_id", slice.after.as_ref())
        .bind(slice.rows());
    let along = match path {
        Path::Free => String::new(),
        Path::Machine => database.along("benchmark_results_by_machine"),
    };
    let join = database.join_in_order();
    // The joins are in this order: SQLite would rather go through the statistics of every epoch.
    let asked = format!(
        "SELECT b.test_id, b.run_id, b.case_id, b.machine, b.platform, b.model_name, r.git_commit, b.epoch,
                b.started_us, e.value, e.n
         FROM benchmark_results b {along}
              {join} epoch_metrics e ON e.result_id = b.id
              {join} runs r ON r.run_id = b.run_id
         WHERE b.validity = 'VALID' AND b.arm = 'head' AND b.provenance = 'measured'
               AND b.kind IN ({}){}
         ORDER BY b.started_us DESC, b.test_id DESC LIMIT ?",
        kinds(metric),
        conditions.sql
    );
    database.all(&asked, &conditions.bound, point)
}

/// The kinds of case that say something of a metric, as SQL: of no other kind the statistics are looked for.
fn kinds(metric: &Metric) -> String {
    let kinds: Vec<String> =
        metric.kinds.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
    kinds.join(", ")
}

fn point(row: &Row<'_>) -> rusqlite::Result<Point> {
    Ok(Point {
        test_id: row.get(0)?,
        run_id: row.get(1)?,
        case_id: row.get(2)?,
        machine: row.get(3)?,
        platform: row.get(4)?,
        model: row.get(5)?,
        git_commit: row.get(6)?,
        epoch: row.whole(7)?,
        started_us: row.get(8)?,
        value: row.get(9)?,
        n: row.whole(10)?,
    })
}
