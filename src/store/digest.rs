//! A number over all rows of a case, by which a changed one is found without the raw lines.

use crate::hex;
use crate::store::case::Key;
use crate::store::sql::Sql;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

/// The rows of a case in one table, in the order of what names them.
pub(super) struct Rows {
    pub(super) table: &'static str,
    pub(super) sql: &'static str,
}

/// All of them. An epoch's metrics are told by its name instead of by its number, which is another one in
/// another index.
pub(super) const ROWS: [Rows; 7] = [
    Rows {
        table: "cases",
        sql: "SELECT * FROM cases WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3",
    },
    Rows {
        table: "benchmark_results",
        sql: "SELECT * FROM benchmark_results WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3
              ORDER BY test_id",
    },
    Rows {
        table: "epoch_metrics",
        sql: "SELECT b.test_id, e.metric, e.stat, e.unit, e.value, e.n
              FROM benchmark_results b JOIN epoch_metrics e ON e.result_id = b.id
              WHERE b.run_id = ?1 AND b.case_id = ?2 AND b.arm = ?3
              ORDER BY b.test_id, e.metric, e.stat",
    },
    Rows {
        table: "metrics",
        sql: "SELECT * FROM metrics WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3
              ORDER BY metric, stat",
    },
    Rows {
        table: "histograms",
        sql: "SELECT * FROM histograms WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY metric",
    },
    Rows {
        table: "verdicts",
        sql: "SELECT * FROM verdicts WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY metric",
    },
    Rows {
        table: "alerts",
        sql: "SELECT * FROM alerts WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY number",
    },
];
/// What the digest is not of: itself, and a number that is another one in an index made anew.
const LEFT_OUT: [&str; 2] = ["digest", "id"];

/// Puts the digest of a case beside it.
pub(super) fn put(database: &Connection, key: Key<'_>) -> rusqlite::Result<()> {
    let digest = of(&Sql::from(database), key)?;
    let Key { run_id, case_id, arm } = key;
    let mut update = database.prepare_cached(
        "UPDATE cases SET digest = ?4 WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3",
    )?;
    update.execute(params![run_id, case_id, arm, digest])?;
    Ok(())
}

/// SHA-256 over every cell of every row of the case that is not NULL, with its column's name: a column
/// that a later schema adds changes no digest.
pub(super) fn of(database: &Sql<'_>, key: Key<'_>) -> rusqlite::Result<String> {
    let mut hash = Sha256::new();
    for rows in ROWS {
        let table = database.table(rows.sql, &key.bound())?;
        for row in &table.rows {
            add_row(&mut hash, &table.columns, row);
            hash.update([0]);
        }
        hash.update([1]);
    }
    Ok(hex::digits(&hash.finalize()))
}

fn add_row(hash: &mut Sha256, columns: &[String], row: &[Value]) {
    let named = columns.iter().zip(row);
    for (name, cell) in named.filter(|(name, _)| !LEFT_OUT.contains(&name.as_str())) {
        let (kind, bytes) = match cell {
            Value::Null => continue,
            Value::Integer(n) => (b'i', n.to_le_bytes().to_vec()),
            Value::Real(x) => (b'r', x.to_bits().to_le_bytes().to_vec()),
            Value::Text(text) => (b't', text.clone().into_bytes()),
            Value::Blob(blob) => (b'b', blob.clone()),
        };
        hash.update(name);
        hash.update([0, kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
}

/// A case whose digest is not that of its rows.
pub(super) struct Changed {
    pub(super) row: String,
    pub(super) said: String,
}

/// Every case that has a digest of other rows than it has.
pub(super) fn changed(database: &Connection) -> rusqlite::Result<Vec<Changed>> {
    let mut query = database.prepare(
        "SELECT run_id, case_id, arm, digest FROM cases WHERE digest IS NOT NULL
         ORDER BY run_id, case_id, arm",
    )?;
    let mut rows = query.query([])?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        // A flipped byte may leave no text.
        let text = |at| -> rusqlite::Result<String> {
            Ok(String::from_utf8_lossy(row.get_ref(at)?.as_bytes().unwrap_or_default()).into())
        };
        let (run_id, case_id, arm, said) = (text(0)?, text(1)?, text(2)?, text(3)?);
        let key = Key { run_id: &run_id, case_id: &case_id, arm: &arm };
        if of(&Sql::from(database), key)? != said {
            changed.push(Changed { row: format!("{run_id}, {case_id}, {arm}"), said });
        }
    }
    Ok(changed)
}
