//! The SQLite file of the old benchmark database: read from memory, so that nothing happens to it and
//! nothing is left beside it.

use super::draft::nothing;
use super::rows;
use crate::imports::{BadEntry, File, Format, Found};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use serde_json::{Map, Value};

pub(super) const FORMAT: Format = Format { name: NAME, fits, read };
const NAME: &str = "old-sqlite";
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Where the header says how its file is written and read: 1 with a journal, 2 with a log beside it.
const JOURNALING: std::ops::Range<usize> = 18..20;
/// Where the header names the program whose file it is.
const APPLICATION: std::ops::Range<usize> = 68..72;
/// Ours.
const TOKGATE: &[u8] = b"tokg";
const TABLE: &str = "benchmark_results";
/// More columns than any such table has: a hostile one may have thousands.
const MOST_COLUMNS: usize = 256;

fn fits(file: &File<'_>) -> bool {
    file.bytes.starts_with(MAGIC)
}

fn read(file: &File<'_>) -> Found {
    if !fits(file) {
        return nothing("the file", "it is no SQLite database".to_owned());
    }
    if file.bytes.get(APPLICATION) == Some(TOKGATE) {
        let why = "it is a database of tokgate: `tokgate export FILE` where it lies writes what can be imported";
        return nothing("the file", why.to_owned());
    }
    match opened(file.bytes).and_then(|database| rows_of(&database, file.name)) {
        Ok(found) => found,
        Err(why) => nothing("the file", why),
    }
}

/// A connection to a copy in memory, which believes nothing that the file says of functions or sizes.
fn opened(bytes: &[u8]) -> Result<Connection, String> {
    let mut copy = bytes.to_vec();
    // What is in memory has no log beside it.
    if let Some(journaling) = copy.get_mut(JOURNALING) {
        journaling.fill(1);
    }
    let open = || {
        let mut database = Connection::open_in_memory()?;
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        database.pragma_update(None, "trusted_schema", false)?;
        database.pragma_update(None, "cell_size_check", true)?;
        database.pragma_update(None, "mmap_size", 0)?;
        database.deserialize_read_exact("main", copy.as_slice(), copy.len(), true)?;
        database.pragma_update(None, "query_only", true)?;
        database
            .query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
            .map(|said| (database, said))
    };
    match open() {
        Ok((database, said)) if said == "ok" => Ok(database),
        Ok((_, said)) => Err(format!("it is damaged: {said}")),
        Err(why) => Err(format!("it is damaged, or no SQLite database: {why}")),
    }
}

/// The rows of the table, in the order of their numbers. A view of its name would run what came with
/// the file.
fn rows_of(database: &Connection, file: &str) -> Result<Found, String> {
    let plain = "SELECT type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' FROM sqlite_schema
                 WHERE name = ?1 AND type IN ('table', 'view')";
    match database.query_row(plain, [TABLE], |row| row.get::<_, bool>(0)) {
        Ok(true) => {}
        Ok(false) => return Err(format!("its `{TABLE}` is no plain table")),
        Err(_) => return Err(format!("it has no table `{TABLE}`")),
    }
    let told = |why: rusqlite::Error| format!("its `{TABLE}` cannot be read: {why}");
    let mut query = database.prepare("SELECT * FROM benchmark_results").map_err(told)?;
    let names: Vec<String> = query.column_names().into_iter().map(str::to_owned).collect();
    if names.len() > MOST_COLUMNS {
        return Err(format!("its `{TABLE}` has {} columns", names.len()));
    }
    let mut found = Found::default();
    let mut rows = query.query([]).map_err(told)?;
    let mut number = 0;
    while let Some(row) = rows.next().map_err(told)? {
        number += 1;
        let cells = cells(row, &names);
        match rows::read(&cells, NAME, file) {
            Ok(result) => found.results.push(result),
            Err(why) => found.bad.push(BadEntry { place: place(&cells, number), why }),
        }
    }
    Ok(found)
}

fn place(row: &Value, number: u64) -> String {
    match row.get("id").and_then(Value::as_i64) {
        Some(id) => format!("row with id {id}"),
        None => format!("row {number}"),
    }
}

/// A row as an object; bytes that are no text say how many they are.
fn cells(row: &Row<'_>, names: &[String]) -> Value {
    let mut cells = Map::new();
    for (at, name) in names.iter().enumerate() {
        let cell = match row.get_ref(at) {
            Ok(ValueRef::Null) | Err(_) => continue,
            Ok(ValueRef::Integer(whole)) => Value::from(whole),
            Ok(ValueRef::Real(real)) => Value::from(real),
            Ok(ValueRef::Text(text)) => Value::from(String::from_utf8_lossy(text).into_owned()),
            Ok(ValueRef::Blob(blob)) => Value::from(format!("{} bytes", blob.len())),
        };
        cells.insert(name.clone(), cell);
    }
    Value::Object(cells)
}
