//! The rows of the index with their metrics, for another tokgate.

use crate::store::analysis::cell;
use crate::store::file_store::{FileStore, StoreError};
use rusqlite::Connection;
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
        Ok(self.database().read(all)?)
    }
}

fn all(database: &Connection) -> rusqlite::Result<Exported> {
    let mut metrics = metrics(database)?;
    let mut query = database.prepare("SELECT * FROM benchmark_results ORDER BY id")?;
    let names: Vec<String> = query.column_names().into_iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    let mut found = query.query([])?;
    while let Some(row) = found.next()? {
        let mut fields = Map::new();
        for name in &names {
            fields.insert(name.clone(), cell(name, row.get_ref(name.as_str())?)?);
        }
        let id: i64 = row.get("id")?;
        fields.remove("id");
        fields.insert(METRICS.to_owned(), metrics.remove(&id).unwrap_or_default().into());
        rows.push(fields);
    }
    let columns = names.into_iter().filter(|name| name != "id").chain([METRICS.to_owned()]);
    Ok(Exported { columns: columns.collect(), rows })
}

fn metrics(database: &Connection) -> rusqlite::Result<BTreeMap<i64, Map<String, Value>>> {
    let mut query =
        database.prepare("SELECT result_id, metric, stat, unit, value, n FROM epoch_metrics")?;
    let mut all: BTreeMap<i64, Map<String, Value>> = BTreeMap::new();
    let mut found = query.query([])?;
    while let Some(row) = found.next()? {
        let (metric, stat): (String, String) = (row.get(1)?, row.get(2)?);
        let name = if stat == "value" { metric } else { format!("{metric}.{stat}") };
        let (unit, value, n): (String, f64, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let told = json!({ "unit": unit, "value": value, "n": n });
        all.entry(row.get(0)?).or_default().insert(name, told);
    }
    Ok(all)
}
