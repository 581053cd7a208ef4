//! What the index answers: runs and epochs, newest first.

use rusqlite::{Connection, Row, params};
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
    (SELECT ifnull(sum(targets_met), 0) FROM cases c WHERE c.run_id = r.run_id),
    (SELECT ifnull(sum(total_targets), 0) FROM cases c WHERE c.run_id = r.run_id)";
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
pub(super) fn runs(database: &Connection, limit: usize) -> rusqlite::Result<Vec<ListedRun>> {
    let mut query = database.prepare_cached(&format!(
        "SELECT {RUN_COLUMNS} FROM runs r WHERE {IS_OURS}
         ORDER BY r.started_us DESC, r.run_id DESC LIMIT ?1"
    ))?;
    query.query_map(params![row_limit(limit)], listed_run)?.collect()
}

pub(super) fn listed_run(row: &Row<'_>) -> rusqlite::Result<ListedRun> {
    Ok(ListedRun {
        run_id: row.get(0)?,
        scenario: row.get(1)?,
        machine: row.get(2)?,
        started_us: row.get(3)?,
        cases: whole(row, 4)?,
        epochs: whole(row, 5)?,
        valid_epochs: whole(row, 6)?,
        targets_met: whole(row, 7)?,
        total_targets: whole(row, 8)?,
    })
}

/// The epochs, newest first.
pub(super) fn epochs(database: &Connection, limit: usize) -> rusqlite::Result<Vec<ListedEpoch>> {
    let mut query = database.prepare_cached(&format!(
        "SELECT {EPOCH_COLUMNS} FROM benchmark_results ORDER BY id DESC LIMIT ?1"
    ))?;
    query.query_map(params![row_limit(limit)], listed_epoch)?.collect()
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
        requests: whole(row, 7)?,
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
pub(super) fn imported(database: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM benchmark_results WHERE provenance = 'imported'";
    database.query_row(sql, [], |row| whole(row, 0))
}

/// The test ids of a run, or the one that `id` is, in the order of their commit.
pub(super) fn test_ids(database: &Connection, id: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = database.prepare_cached(
        "SELECT test_id FROM benchmark_results WHERE test_id = ?1 OR run_id = ?1 ORDER BY id",
    )?;
    query.query_map(params![id], |row| row.get(0))?.collect()
}

/// Every test id.
pub(super) fn all_test_ids(database: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let mut query = database.prepare("SELECT test_id FROM benchmark_results")?;
    query.query_map([], |row| row.get(0))?.collect()
}

/// An epoch and its run, by name.
pub(super) struct Named {
    pub(super) test_id: String,
    pub(super) run_id: String,
}

/// The epochs of a run, or the one of this test id, with their run.
pub(super) fn named(database: &Connection, id: &str) -> rusqlite::Result<Vec<Named>> {
    let mut query = database.prepare_cached(
        "SELECT test_id, run_id FROM benchmark_results WHERE test_id = ?1 OR run_id = ?1
         ORDER BY id",
    )?;
    let named = |row: &Row<'_>| Ok(Named { test_id: row.get(0)?, run_id: row.get(1)? });
    query.query_map(params![id], named)?.collect()
}

/// The runs that measured pairs and began since then, oldest first.
pub(super) fn paired_runs(database: &Connection, since_us: i64) -> rusqlite::Result<Vec<String>> {
    let mut query = database.prepare_cached(
        "SELECT run_id FROM benchmark_results WHERE arm = 'base'
         GROUP BY run_id HAVING min(started_us) >= ?1 ORDER BY min(started_us), run_id",
    )?;
    query.query_map(params![since_us], |row| row.get(0))?.collect()
}

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A count, which a sound table never holds below zero.
pub(super) fn whole(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    let n: i64 = row.get(at)?;
    u64::try_from(n).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(at, n))
}
