//! The tables: made, recognised, and brought up to date.

use crate::store::atomic::{TEMPORARY, doing, sync_folder};
use crate::store::database::{DatabaseError, at, check_sqlite, configure, fold, use_wal};
use crate::store::journal::private;
use rusqlite::{Connection, Row};
use rusqlite_migration::{M, Migrations};
use std::collections::BTreeSet;
use std::path::Path;

/// `tokg` in ASCII: how the file says that it is ours.
const APPLICATION_ID: i32 = 0x746f_6b67;
/// Every step from an empty file to today's tables. Steps are added, never changed, not even in a
/// comment: SQLite keeps their text, and [`differing`] compares it.
const STEPS: &[M<'static>] =
    &[M::up(TEXTS[0].sql), M::up(TEXTS[1].sql), M::up(TEXTS[2].sql), M::up(TEXTS[3].sql)];
/// The same as texts; a team's store is made by them, too.
pub(super) const TEXTS: [Step; 4] = [
    Step { name: "schema", sql: include_str!("schema.sql") },
    Step { name: "alerts", sql: include_str!("alerts.sql") },
    Step { name: "mde", sql: include_str!("mde.sql") },
    Step { name: "imported", sql: include_str!("imported.sql") },
];

/// A step as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// Makes a whole empty database beside `path`, then gives it the name if nobody else has it.
pub(super) fn create(path: &Path) -> Result<(), DatabaseError> {
    check_sqlite()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let scratch = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(folder)
        .map_err(doing("create a database in", folder))?;
    let fresh = scratch.path().join("fresh.sqlite");
    make(&fresh)?;
    let named = tempfile::TempPath::try_from_path(&fresh).map_err(doing("create", path))?;
    match named.persist_noclobber(path) {
        Err(taken) if path.exists() => drop(taken),
        result => result.map_err(|refused| doing("create", path)(refused.error))?,
    }
    Ok(sync_folder(folder).map_err(doing("sync", folder))?)
}

/// A database at `path`, complete and closed.
fn make(path: &Path) -> Result<(), DatabaseError> {
    // Empty and there, so that it is its owner's alone whatever the process's mask says.
    private().create_new(true).open(path).map_err(doing("create", path))?;
    let mut connection = Connection::open(path).map_err(at(path))?;
    configure(&mut connection).map_err(at(path))?;
    connection.pragma_update(None, "application_id", APPLICATION_ID).map_err(at(path))?;
    use_wal(&connection, path)?;
    Migrations::from_slice(STEPS)
        .to_latest(&mut connection)
        .map_err(|source| DatabaseError::Migration { path: path.to_owned(), source })?;
    fold(&connection, path)?;
    connection.close().map_err(|(_, error)| at(path)(error))
}

/// Ours, and not from the future; nothing is changed before this is known.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<(), DatabaseError> {
    let pragma = |name: &str| -> Result<i32, DatabaseError> {
        connection.pragma_query_value(None, name, |row| row.get(0)).map_err(at(path))
    };
    let (id, found) = (pragma("application_id")?, pragma("user_version")?);
    let known = STEPS.len() as i32;
    match (id, found) {
        (APPLICATION_ID, found) if found > known => {
            Err(DatabaseError::Newer { path: path.to_owned(), found, known })
        }
        (APPLICATION_ID, _) => Ok(()),
        (id, _) => Err(DatabaseError::Foreign { path: path.to_owned(), id }),
    }
}

/// How many steps made the file, and how many there are today.
pub(super) struct Age {
    pub(super) found: i32,
    pub(super) latest: i32,
}

/// By how many steps the file was made.
pub(super) fn age(connection: &Connection) -> rusqlite::Result<Age> {
    let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(Age { found, latest: STEPS.len() as i32 })
}

/// The tables as today's steps make them, in memory.
pub(super) fn today() -> rusqlite::Result<Connection> {
    made_by(STEPS)
}

fn made_by(steps: &[M<'static>]) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_in_memory()?;
    let told = |error: rusqlite_migration::Error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => err,
        other => rusqlite::Error::ToSqlConversionFailure(Box::new(other)),
    };
    Migrations::from_slice(steps).to_latest(&mut connection).map_err(told)?;
    Ok(connection)
}

/// What stands in the file's list of tables and indexes, and is not there or is otherwise in one that
/// as many steps made; by name.
pub(super) fn differing(connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    let steps = usize::try_from(age(connection)?.found).unwrap_or_default().min(STEPS.len());
    let (found, expected) = (entries(connection)?, entries(&made_by(&STEPS[..steps])?)?);
    Ok(found.symmetric_difference(&expected).map(|entry| entry.name.clone()).collect())
}

/// A table or an index, as SQLite lists it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    name: String,
    kind: String,
    table: String,
    sql: Option<String>,
}

fn entries(connection: &Connection) -> rusqlite::Result<BTreeSet<Entry>> {
    // A flipped byte may leave no text: it is read as bytes.
    let listed = "SELECT CAST(name AS BLOB), CAST(type AS BLOB), CAST(tbl_name AS BLOB),
                         CAST(sql AS BLOB) FROM sqlite_schema";
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let entry = |row: &Row<'_>| {
        Ok(Entry {
            name: text(row.get(0)?),
            kind: text(row.get(1)?),
            table: text(row.get(2)?),
            sql: row.get::<_, Option<Vec<u8>>>(3)?.map(text),
        })
    };
    connection.prepare(listed)?.query_map([], entry)?.collect()
}

/// Applies the steps that are missing; says whether there were any.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
) -> Result<bool, DatabaseError> {
    upgrade(connection, path, &Migrations::from_slice(STEPS))
}

/// Applies what is missing of `steps`, after a copy of the file as it was.
fn upgrade(
    connection: &mut Connection,
    path: &Path,
    steps: &Migrations<'_>,
) -> Result<bool, DatabaseError> {
    let failed = |source| DatabaseError::Migration { path: path.to_owned(), source };
    if steps.pending_migrations(connection).map_err(failed)? <= 0 {
        return Ok(false);
    }
    let version: i32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(at(path))?;
    let copy = path.with_extension(format!("sqlite.schema-{version}.bak"));
    connection.backup("main", &copy, None).map_err(at(&copy))?;
    steps.to_latest(connection).map_err(failed)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::{Database, connect, fresh};

    #[test]
    fn an_older_file_is_copied_before_it_is_brought_up_to_date() {
        let (_folder, path) = fresh();
        let mut connection = connect(&path).unwrap();
        let later = M::up("ALTER TABLE runs ADD COLUMN later TEXT");
        let steps = [STEPS, &[later]].concat();
        upgrade(&mut connection, &path, &Migrations::from_slice(&steps)).unwrap();
        connection.prepare("SELECT later FROM runs").unwrap();
        let copy = Database::open(&path.with_extension("sqlite.schema-4.bak")).unwrap();
        assert!(copy.connection.prepare("SELECT later FROM runs").is_err());
        upgrade(&mut connection, &path, &Migrations::from_slice(&steps)).unwrap();
    }

    #[test]
    fn a_file_of_the_first_version_gets_alerts_and_what_could_have_been_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.sqlite");
        let mut old = Connection::open(&path).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        upgrade(&mut old, &path, &Migrations::from_slice(&STEPS[..1])).unwrap();
        let run = "INSERT INTO runs VALUES ('r', 's', 'm', 1, '0', NULL, '{}')";
        old.execute(run, []).unwrap();
        assert!(old.prepare("SELECT rule FROM alerts").is_err());
        old.close().unwrap();
        let new = Database::open(&path).unwrap();
        new.connection.prepare("SELECT rule, level, about, advice, at_s FROM alerts").unwrap();
        new.connection.prepare("SELECT verdict, effect, mde FROM verdicts").unwrap();
        let runs = "SELECT count(*) FROM runs";
        let runs: i64 = new.connection.query_row(runs, [], |row| row.get(0)).unwrap();
        assert_eq!(runs, 1);
    }

    #[test]
    fn two_that_make_it_at_once_share_the_first_one() {
        let (_folder, path) = fresh();
        let mut first = Database::open(&path).unwrap();
        first.write(|connection| connection.execute_batch("CREATE TABLE mine (x)")).unwrap();
        create(&path).unwrap();
        first.read(|sql| sql.table("SELECT x FROM mine", &[])).unwrap();
        Database::open(&path).unwrap().connection.prepare("SELECT x FROM mine").unwrap();
    }
}
