//! The rows of the index with their metrics, for another tokgate.

use crate::store::analysis::cell;
use crate::store::file_store::{FileStore, StoreError};
use crate::store::sql::Sql;
use rusqlite::types;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The column of the metrics, beside those of the table.
const METRICS: &str = "metrics";

/// Every row of `benchmark_results`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// The names of what a row has: the table's columns in their order, then `metrics`.
    pub columns: Vec<String>,
    /// The rows in the order of their commit. `metrics` is `{"ttft.p50": {"unit", "value", "n"}}`.
    pub rows: Vec<Map<String, Value>>,
}

impl FileStore {
    /// What is kept, each epoch and each imported result with its metrics.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn exported(&self) -> Result<Exported, StoreError> {
        self.index().read(all)
    }
}

fn all(database: &Sql<'_>) -> rusqlite::Result<Exported> {
    let mut metrics = metrics(database)?;
    let table = database.table("SELECT * FROM benchmark_results ORDER BY id", &[])?;
    let row = |cells: &Vec<types::Value>| {
        let named = table.columns.iter().zip(cells);
        let mut fields: Map<String, Value> =
            named.map(|(name, value)| (name.clone(), cell(name, value))).collect();
        let id = fields.remove("id").and_then(|id| id.as_i64());
        let metrics = id.and_then(|id| metrics.remove(&id)).unwrap_or_default();
        fields.insert(METRICS.to_owned(), metrics.into());
        fields
    };
    let rows = table.rows.iter().map(row).collect();
    let columns = table.columns.iter().filter(|name| *name != "id").cloned();
    Ok(Exported { columns: columns.chain([METRICS.to_owned()]).collect(), rows })
}

fn metrics(database: &Sql<'_>) -> rusqlite::Result<BTreeMap<i64, Map<String, Value>>> {
    let asked = "SELECT result_id, metric, stat, unit, value, n FROM epoch_metrics";
    let mut all: BTreeMap<i64, Map<String, Value>> = BTreeMap::new();
    database.all(asked, &[], |row| {
        let (metric, stat): (String, String) = (row.get(1)?, row.get(2)?);
        let name = if stat == "value" { metric } else { format!("{metric}.{stat}") };
        let (unit, value, n): (String, f64, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let told = json!({ "unit": unit, "value": value, "n": n });
        all.entry(row.get(0)?).or_default().insert(name, told);
        Ok(())
    })?;
    Ok(all)
}
