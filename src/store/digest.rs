//! A number over all rows of a case, by which a changed one is found without the raw lines.

use crate::hex;
use crate::store::case::Key;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement, params};
use sha2::{Digest, Sha256};

/// The rows of a case, table by table, each in the order of what names them.
const ROWS: [&str; 7] = [
    "SELECT * FROM cases WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3",
    "SELECT * FROM benchmark_results WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3
     ORDER BY test_id",
    "SELECT b.test_id, e.metric, e.stat, e.unit, e.value, e.n
     FROM benchmark_results b JOIN epoch_metrics e ON e.result_id = b.id
     WHERE b.run_id = ?1 AND b.case_id = ?2 AND b.arm = ?3
     ORDER BY b.test_id, e.metric, e.stat",
    "SELECT * FROM metrics WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY metric, stat",
    "SELECT * FROM histograms WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY metric",
    "SELECT * FROM verdicts WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY metric",
    "SELECT * FROM alerts WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3 ORDER BY number",
];
/// What the digest is not of: itself, and a number that is another one in an index made anew.
const LEFT_OUT: [&str; 2] = ["digest", "id"];

/// Puts the digest of a case beside it.
pub(super) fn put(database: &Connection, key: Key<'_>) -> rusqlite::Result<()> {
    let digest = of(database, key)?;
    let Key { run_id, case_id, arm } = key;
    let mut update = database.prepare_cached(
        "UPDATE cases SET digest = ?4 WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3",
    )?;
    update.execute(params![run_id, case_id, arm, digest])?;
    Ok(())
}

/// SHA-256 over every cell of every row of the case that is not NULL, with its column's name: a column
/// that a later schema adds changes no digest.
pub(super) fn of(database: &Connection, key: Key<'_>) -> rusqlite::Result<String> {
    let mut hash = Sha256::new();
    for sql in ROWS {
        let mut query = database.prepare_cached(sql)?;
        add_rows(&mut hash, &mut query, key)?;
    }
    Ok(hex::digits(&hash.finalize()))
}

fn add_rows(hash: &mut Sha256, query: &mut Statement<'_>, key: Key<'_>) -> rusqlite::Result<()> {
    let names: Vec<String> = query.column_names().into_iter().map(str::to_owned).collect();
    let Key { run_id, case_id, arm } = key;
    let mut rows = query.query(params![run_id, case_id, arm])?;
    while let Some(row) = rows.next()? {
        add_row(hash, row, &names)?;
        hash.update([0]);
    }
    hash.update([1]);
    Ok(())
}

fn add_row(hash: &mut Sha256, row: &Row<'_>, names: &[String]) -> rusqlite::Result<()> {
    let named = names.iter().enumerate();
    for (at, name) in named.filter(|(_, name)| !LEFT_OUT.contains(&name.as_str())) {
        let (kind, bytes) = match row.get_ref(at)? {
            ValueRef::Null => continue,
            ValueRef::Integer(n) => (b'i', n.to_le_bytes().to_vec()),
            ValueRef::Real(x) => (b'r', x.to_bits().to_le_bytes().to_vec()),
            ValueRef::Text(text) => (b't', text.to_vec()),
            ValueRef::Blob(blob) => (b'b', blob.to_vec()),
        };
        hash.update(name);
        hash.update([0, kind]);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    Ok(())
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
        if of(database, key)? != said {
            changed.push(Changed { row: format!("{run_id}, {case_id}, {arm}"), said });
        }
    }
    Ok(changed)
}
