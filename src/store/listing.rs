//! What the index answers: runs and epochs, newest first.

use crate::store::cell::text;
use crate::store::sql::{Row, Sql};
use rusqlite::types::Value;
use serde::Serialize;
use std::collections::BTreeSet;

/// One run, as listed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedRun {
    /// The invocation.
    pub run_id: String,
    /// The scenario.
    pub scenario: String,
    /// The machine's key.
    pub machine: String,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
    /// Cases, each side of a comparison counted.
    pub cases: u64,
    /// Epochs.
    pub epochs: u64,
    /// Epochs that may be judged.
    pub valid_epochs: u64,
    /// Goals met.
    pub targets_met: u64,
    /// Goals in all.
    pub total_targets: u64,
}

/// One epoch, as listed. What was not measured is absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedEpoch {
    /// Its file and row.
    pub test_id: String,
    /// The invocation.
    pub run_id: String,
    /// The case.
    pub case_id: String,
    /// How the target was served.
    pub platform: String,
    /// The model.
    pub model: String,
    /// The machine's key.
    pub machine: String,
    /// Workers.
    pub concurrency: u32,
    /// Requests sent.
    pub requests: u64,
    /// Share of them that succeeded, percent.
    pub success_rate_percent: f64,
    /// Output tokens a second.
    pub tok_s: Option<f64>,
    /// Median time to the first token, seconds.
    pub ttft_p50_s: Option<f64>,
    /// 95th percentile of the query latency, seconds.
    pub query_p95_s: Option<f64>,
    /// VALID or INVALID.
    pub validity: String,
    /// `measured`, or `imported`.
    pub provenance: String,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
}

/// What is told of a run `r`; [`listed_run`] reads it.
pub(super) const RUN_COLUMNS: &str = "
    r.run_id, r.scenario, r.machine, r.started_us,
    (SELECT count(*) FROM cases c WHERE c.run_id = r.run_id),
    (SELECT count(*) FROM benchmark_results b WHERE b.run_id = r.run_id),
    (SELECT count(*) FROM benchmark_results b
     WHERE b.run_id = r.run_id AND b.validity = 'VALID'),
    (SELECT CAST(coalesce(sum(targets_met), 0) AS BIGINT) FROM cases c WHERE c.run_id = r.run_id),
    (SELECT CAST(coalesce(sum(total_targets), 0) AS BIGINT) FROM cases c WHERE c.run_id = r.run_id)";
/// That tokgate measured a run `r`. What was imported is one of a scenario of this name, which a scenario of
/// ours may have, too: only then its epochs are looked at.
pub(super) const IS_OURS: &str = "
    (r.scenario <> 'imported'
     OR NOT EXISTS (SELECT 1 FROM benchmark_results b
                    WHERE b.run_id = r.run_id AND b.provenance = 'imported'))";
/// What is told of an epoch; [`listed_epoch`] reads it.
pub(super) const EPOCH_COLUMNS: &str = "
    test_id, run_id, case_id, platform, model_name, machine, concurrency, num_requests,
    success_rate, tok_s, ttft_p50_s, query_p95_s, validity, provenance, started_us";

/// The runs that tokgate measured, newest first.
pub(super) fn runs(database: &Sql<'_>, limit: usize) -> rusqlite::Result<Vec<ListedRun>> {
    let asked = format!(
        "SELECT {RUN_COLUMNS} FROM runs r WHERE {IS_OURS}
         ORDER BY r.started_us DESC, r.run_id DESC LIMIT ?1"
    );
    database.all(&asked, &[row_limit(limit)], listed_run)
}

pub(super) fn listed_run(row: &Row<'_>) -> rusqlite::Result<ListedRun> {
    Ok(ListedRun {
        run_id: row.get(0)?,
        scenario: row.get(1)?,
        machine: row.get(2)?,
        started_us: row.get(3)?,
        cases: row.whole(4)?,
        epochs: row.whole(5)?,
        valid_epochs: row.whole(6)?,
        targets_met: row.whole(7)?,
        total_targets: row.whole(8)?,
    })
}

/// The epochs, newest first.
pub(super) fn epochs(database: &Sql<'_>, limit: usize) -> rusqlite::Result<Vec<ListedEpoch>> {
    let asked = format!("SELECT {EPOCH_COLUMNS} FROM benchmark_results ORDER BY id DESC LIMIT ?1");
    database.all(&asked, &[row_limit(limit)], listed_epoch)
}

pub(super) fn listed_epoch(row: &Row<'_>) -> rusqlite::Result<ListedEpoch> {
    Ok(ListedEpoch {
        test_id: row.get(0)?,
        run_id: row.get(1)?,
        case_id: row.get(2)?,
        platform: row.get(3)?,
        model: row.get(4)?,
        machine: row.get(5)?,
        concurrency: row.get(6)?,
        requests: row.whole(7)?,
        success_rate_percent: row.get(8)?,
        tok_s: row.get(9)?,
        ttft_p50_s: row.get(10)?,
        query_p95_s: row.get(11)?,
        validity: row.get(12)?,
        provenance: row.get(13)?,
        started_us: row.get(14)?,
    })
}

/// How many results of other tools there are.
pub(super) fn imported(database: &Sql<'_>) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM benchmark_results WHERE provenance = 'imported'";
    database.number(sql, &[])
}

/// The test ids of a run, or the one that `id` is, in the order of their commit.
pub(super) fn test_ids(database: &Sql<'_>, id: &str) -> rusqlite::Result<Vec<String>> {
    let asked =
        "SELECT test_id FROM benchmark_results WHERE test_id = ?1 OR run_id = ?1 ORDER BY id";
    database.all(asked, &[text(id)], |row| row.get(0))
}

/// Every test id.
pub(super) fn all_test_ids(database: &Sql<'_>) -> rusqlite::Result<BTreeSet<String>> {
    let all = database.all("SELECT test_id FROM benchmark_results", &[], |row| row.get(0))?;
    Ok(all.into_iter().collect())
}

/// An epoch and its run, by name.
pub(super) struct Named {
    pub(super) test_id: String,
    pub(super) run_id: String,
}

/// The epochs of a run, or the one of this test id, with their run.
pub(super) fn named(database: &Sql<'_>, id: &str) -> rusqlite::Result<Vec<Named>> {
    let asked = "SELECT test_id, run_id FROM benchmark_results WHERE test_id = ?1 OR run_id = ?1
                 ORDER BY id";
    let named = |row: &Row<'_>| Ok(Named { test_id: row.get(0)?, run_id: row.get(1)? });
    database.all(asked, &[text(id)], named)
}

/// The runs that measured pairs and began since then, oldest first.
pub(super) fn paired_runs(database: &Sql<'_>, since_us: i64) -> rusqlite::Result<Vec<String>> {
    let asked = "SELECT run_id FROM benchmark_results WHERE arm = 'base'
                 GROUP BY run_id HAVING min(started_us) >= ?1 ORDER BY min(started_us), run_id";
    database.all(asked, &[Value::Integer(since_us)], |row| row.get(0))
}

fn row_limit(limit: usize) -> Value {
    Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}
