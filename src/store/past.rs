//! What the index remembers of one metric, epoch by epoch: what a history is made of.

use crate::store::cell::text;
use crate::store::file_store::{FileStore, StoreError};
use crate::store::ids::is_plain;
use crate::store::index::Raw;
use crate::store::sql::{Row, Sql};
use crate::store::stored::First;
use tokgate_core::metric::MetricRef;
use tokgate_core::run::Head;

/// Epochs whose first lines are read together.
const AT_ONCE: usize = 500;

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

impl FileStore {
    /// What every VALID epoch of a head's side said of one metric, oldest first. The values are the
    /// index's; who an epoch is stands in its raw lines, and one whose lines cannot be read is left
    /// out with a note.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn past(&self, metric: MetricRef) -> Result<PastOf, StoreError> {
        let found = self.index().read(|database| find(database, metric))?;
        let (raw, mut all) = (Raw::of(self), PastOf::default());
        for some in found.chunks(AT_ONCE) {
            // The index may have come from elsewhere: no path is made of what is no plain name.
            let names =
                some.iter().map(|found| found.test_id.as_str()).filter(|name| is_plain(name));
            let mut firsts = raw.firsts(names)?;
            for Found { test_id, value } in some {
                match firsts.remove(test_id.as_str()) {
                    Some(Ok(First::Epoch(head, protocol))) => {
                        all.epochs.push(Past { head: *head, protocol, value: *value });
                    }
                    // Nothing is judged by what another tool measured.
                    Some(Ok(First::Imported(_))) => {}
                    Some(Err(why)) => all.notes.push(format!("left out: {why}")),
                    None => all.notes.push(format!("left out: {test_id:?} is no name of an epoch")),
                }
            }
        }
        Ok(all)
    }
}

/// A row: the epoch's file and the value.
pub(super) struct Found {
    pub(super) test_id: String,
    pub(super) value: f64,
}

/// The VALID epochs of head sides that have a value, oldest first.
pub(super) fn find(database: &Sql<'_>, metric: MetricRef) -> rusqlite::Result<Vec<Found>> {
    let asked = "SELECT b.test_id, e.value
         FROM epoch_metrics e JOIN benchmark_results b ON b.id = e.result_id
         WHERE e.metric = ?1 AND e.stat = ?2 AND b.validity = 'VALID' AND b.arm = 'head'
           AND b.provenance = 'measured'
         ORDER BY b.started_us, b.test_id";
    let found = |row: &Row<'_>| Ok(Found { test_id: row.get(0)?, value: row.get(1)? });
    database.all(asked, &[text(metric.metric.id), text(metric.stat.as_str())], found)
}
