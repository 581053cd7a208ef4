//! What the index remembers of one metric, epoch by epoch: what a history is made of.

use rusqlite::{Connection, Row, params};
use tokgate_core::metric::MetricRef;
use tokgate_core::run::Head;

/// One VALID epoch of the head's side, and what it said.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Who it is, and where it was measured.
    pub head: Head,
    /// The number of the protocol by which it was measured.
    pub protocol: u32,
    /// What it said, in the metric's unit.
    pub value: f64,
}

/// All of one metric that can be read, oldest first.
#[derive(Debug, Default)]
pub struct PastOf {
    /// The epochs.
    pub epochs: Vec<Past>,
    /// Epochs that are left out, and why.
    pub notes: Vec<String>,
}

/// A row: the epoch's file and the value.
pub(super) struct Found {
    pub(super) test_id: String,
    pub(super) value: f64,
}

/// The VALID epochs of head sides that have a value, oldest first.
pub(super) fn find(database: &Connection, metric: MetricRef) -> rusqlite::Result<Vec<Found>> {
    let mut query = database.prepare_cached(
        "SELECT b.test_id, e.value
         FROM epoch_metrics e JOIN benchmark_results b ON b.id = e.result_id
         WHERE e.metric = ?1 AND e.stat = ?2 AND b.validity = 'VALID' AND b.arm = 'head'
           AND b.provenance = 'measured'
         ORDER BY b.started_us, b.test_id",
    )?;
    let found = |row: &Row<'_>| Ok(Found { test_id: row.get(0)?, value: row.get(1)? });
    query.query_map(params![metric.metric.id, metric.stat.as_str()], found)?.collect()
}
