//! Runs, newest first, and the epochs of one.

use super::{After, Conditions, Page, Slice};
use crate::store::cell::text;
use crate::store::listing::{
    EPOCH_COLUMNS, IS_OURS, ListedEpoch, ListedRun, RUN_COLUMNS, listed_epoch, listed_run,
};
use crate::store::sql::Sql;
use rusqlite::types::Value;

/// Which runs; what is absent excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs {
    /// The scenario.
    pub scenario: Option<String>,
    /// The machine's key.
    pub machine: Option<String>,
    /// Begun then or later, microseconds since 1970.
    pub since_us: Option<i64>,
}

/// The runs that tokgate measured, newest first.
pub(in crate::store) fn runs(
    database: &Sql<'_>,
    which: &Runs,
    slice: &Slice,
) -> rusqlite::Result<Page<ListedRun>> {
    let mut conditions = Conditions::default();
    conditions
        .is("r.scenario = ?", which.scenario.as_ref())
        .is("r.machine = ?", which.machine.as_ref())
        .and("r.started_us >= ?", which.since_us.map(Value::Integer))
        .behind("r.started_us, r.run_id", slice.after.as_ref())
        .bind(slice.rows());
    // What is counted is counted of the page alone.
    let sql = format!(
        "SELECT {RUN_COLUMNS}
         FROM (SELECT * FROM runs r WHERE {IS_OURS}{}
               ORDER BY r.started_us DESC, r.run_id DESC LIMIT ?) r
         ORDER BY r.started_us DESC, r.run_id DESC",
        conditions.sql
    );
    let rows = database.all(&sql, &conditions.bound, listed_run)?;
    Ok(slice.page(rows, |run| After { at_us: run.started_us, name: run.run_id.clone() }))
}

/// The run of this name; one of another tool's results, too.
pub(in crate::store) fn run(
    database: &Sql<'_>,
    run_id: &str,
) -> rusqlite::Result<Option<ListedRun>> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs r WHERE r.run_id = ?1");
    database.one(&sql, &[text(run_id)], listed_run)
}

/// The epochs of a run in the order of their commit, at most so many.
pub(in crate::store) fn epochs_of_run(
    database: &Sql<'_>,
    run_id: &str,
    limit: u32,
) -> rusqlite::Result<Vec<ListedEpoch>> {
    let sql = format!(
        "SELECT {EPOCH_COLUMNS} FROM benchmark_results WHERE run_id = ?1 ORDER BY id LIMIT ?2"
    );
    database.all(&sql, &[text(run_id), Value::Integer(limit.into())], listed_epoch)
}
