//! How much there is, and the machines that it was measured on.

use crate::store::sql::{Row, Sql};
use rusqlite::types::Value;
use serde::Serialize;

/// Most machines that are listed.
const MACHINES: u32 = 1000;

/// Epochs that are alike in who measured them and whether they may be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// `measured`, or `imported`.
    pub provenance: String,
    /// `VALID`, or `INVALID`.
    pub validity: String,
    /// Their number.
    pub epochs: u64,
    /// Their runs.
    pub runs: u64,
    /// When the latest began, microseconds since 1970.
    pub last_us: i64,
}

/// A machine that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedMachine {
    /// Its key.
    pub machine: String,
    /// Its first GPU.
    pub gpu_name: Option<String>,
    /// Its GPUs.
    pub gpu_count: Option<u32>,
    /// Memory of one of them, bytes.
    pub gpu_vram_bytes: Option<i64>,
    /// The start of its first epoch, microseconds since 1970.
    pub first_us: i64,
    /// The start of its latest epoch, microseconds since 1970.
    pub last_us: i64,
}

/// How many epochs there are of each sort.
pub(in crate::store) fn counted(database: &Sql<'_>) -> rusqlite::Result<Vec<Counted>> {
    let asked = "SELECT provenance, validity, count(*), count(DISTINCT run_id), max(started_us)
         FROM benchmark_results GROUP BY provenance, validity ORDER BY provenance, validity";
    let counted = |row: &Row<'_>| {
        Ok(Counted {
            provenance: row.get(0)?,
            validity: row.get(1)?,
            epochs: row.whole(2)?,
            runs: row.whole(3)?,
            last_us: row.get(4)?,
        })
    };
    database.all(asked, &[], counted)
}

/// The machines that were measured, by their key.
pub(in crate::store) fn machines(database: &Sql<'_>) -> rusqlite::Result<Vec<ListedMachine>> {
    let asked = "SELECT machine, gpu_name, gpu_count, gpu_vram_bytes, first_us, last_us
         FROM machines ORDER BY machine LIMIT ?1";
    let machine = |row: &Row<'_>| {
        Ok(ListedMachine {
            machine: row.get(0)?,
            gpu_name: row.get(1)?,
            gpu_count: row.get(2)?,
            gpu_vram_bytes: row.get(3)?,
            first_us: row.get(4)?,
            last_us: row.get(5)?,
        })
    };
    database.all(asked, &[Value::Integer(MACHINES.into())], machine)
}
