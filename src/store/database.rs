//! The SQLite file: opened with the settings that lose nothing, and refused when it is not sound
//! or not ours.
//!
//! Its tables live in `schema`, what stands in them in `epoch` and `case`. The
//! file is never opened by anyone but SQLite: closing it elsewhere in this process would drop
//! SQLite's locks (sqlite.org/howtocorrupt.html, 2.2).

use crate::store::atomic::{FileError, doing};
use crate::store::layout::Layout;
use crate::store::sql::Sql;
use crate::store::{reader, schema};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Before this version two connections in WAL mode could corrupt the file
/// (sqlite.org/wal.html#walresetbug).
const OLDEST_SQLITE: i32 = 3_051_003;
/// Eight processes that write at once made each other wait up to 6 s; SQLite's 5 s would fail.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// The log is cut back to this size after a checkpoint, bytes.
const LOG_LIMIT: i64 = 64 << 20;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The SQLite inside this build has a known fault.
    #[error("this build carries SQLite {0}, which can lose rows: 3.51.3 or newer is needed")]
    OldSqlite(&'static str),
    /// Nothing at all.
    #[error("there is no {}: nothing was measured into this folder; `tokgate run` makes it", .0.display())]
    Absent(PathBuf),
    /// Raw files without an index.
    #[error("{} is missing, but there are raw results beside it: run `tokgate rebuild`", .0.display())]
    Missing(PathBuf),
    /// Not sound.
    #[error("{} is damaged ({why}): run `tokgate rebuild`, which makes it anew from the raw results and keeps this file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// Some other program's.
    #[error("{} is no tokgate database (application id {id:#x}): choose another `--results-dir`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id.
        id: i32,
    },
    /// Written by a newer version.
    #[error("{} has schema {found}, this tokgate knows up to {known}: use the newer tokgate that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i32,
        /// Ours.
        known: i32,
    },
    /// The file system cannot share memory between processes.
    #[error("{} cannot be kept in WAL mode (it stays in `{mode}`): put the results on a local disk", path.display())]
    NoWal {
        /// The file.
        path: PathBuf,
        /// The mode that SQLite stayed in.
        mode: String,
    },
    /// Moved or deleted under us.
    #[error("{} was moved or deleted while it was in use: nothing more is written", .0.display())]
    Moved(PathBuf),
    /// The file system would not.
    #[error(transparent)]
    File(#[from] FileError),
    /// A step of the schema failed.
    #[error("cannot bring {} up to date: {source}", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: rusqlite_migration::Error,
    },
    /// Anything else that SQLite says.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// An open database, one connection.
#[derive(Debug)]
pub struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    was_older: bool,
    #[cfg(unix)]
    identity: Option<(u64, u64)>,
}

impl Database {
    /// Opens the database at `path`, or makes it where there is none. A process that makes it at
    /// the same time does no harm: the first one's stays.
    pub fn open_or_create(path: &Path) -> Result<Self, DatabaseError> {
        if !path.exists() {
            schema::create(path)?;
        }
        Self::open(path)
    }

    /// Opens the database at `path`, which must be there, be ours and be sound.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        check_sqlite()?;
        refuse_empty(path)?;
        let mut connection = connect(path)?;
        schema::recognise(&connection, path)?;
        configure(&mut connection).map_err(at(path))?;
        use_wal(&connection, path)?;
        inspect(&connection, path)?;
        let was_older = schema::bring_up_to_date(&mut connection, path)?;
        Ok(Self {
            connection,
            was_older,
            path: path.to_owned(),
            #[cfg(unix)]
            identity: identity(path),
        })
    }

    /// Opens the database of a folder that takes no writes. One of an older schema cannot be brought up to
    /// date there, and is refused.
    pub(super) fn open_to_read(layout: &Layout) -> Result<Self, DatabaseError> {
        let (connection, path) = (reader::open(layout)?, layout.database());
        inspect(&connection, &path)?;
        let age = schema::age(&connection).map_err(at(&path))?;
        if age.found < age.latest {
            let refusal = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
            return Err(doing("bring up to date", &path)(refusal).into());
        }
        Ok(Self {
            connection,
            was_older: false,
            #[cfg(unix)]
            identity: identity(&path),
            path,
        })
    }

    /// Runs `work` in one transaction that holds the write lock from its beginning: one that
    /// read first and wrote later would lose to other processes whatever the patience.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        self.refuse_moved()?;
        let transact = |connection: &mut Connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        transact(&mut self.connection).map_err(at(&self.path))
    }

    /// Runs `work`, which only reads.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        work(&Sql::from(&self.connection)).map_err(at(&self.path))
    }

    /// Whether an earlier version made the file, so that its rows lack what is new.
    pub(super) fn was_older(&self) -> bool {
        self.was_older
    }

    /// SQLite's thorough look at every page, index and reference: what `doctor` asks for.
    pub fn check(&self) -> Result<(), DatabaseError> {
        whole(&self.connection, &self.path)
    }

    /// Writes the file anew without what deleted rows have left in it. SQLite does so in one
    /// transaction: whatever happens in between, the old one or the new one is there.
    pub(super) fn vacuum(&mut self) -> Result<(), DatabaseError> {
        self.refuse_moved()?;
        self.connection.execute_batch("VACUUM").map_err(at(&self.path))
    }

    /// Plays the whole log into the file, for one that is given another name without its log.
    pub(super) fn fold(&self) -> Result<(), DatabaseError> {
        fold(&self.connection, &self.path)
    }

    /// Overwrites what is deleted from now on, instead of only forgetting where it stood.
    pub(super) fn forget_deleted(&self) -> Result<(), DatabaseError> {
        self.connection.pragma_update(None, "secure_delete", true).map_err(at(&self.path))
    }

    /// Closes the file; the last one to close folds the log into it.
    pub(super) fn close(self) -> Result<(), DatabaseError> {
        self.connection.close().map_err(|(_, error)| at(&self.path)(error))
    }

    #[cfg(unix)]
    fn refuse_moved(&self) -> Result<(), DatabaseError> {
        match identity(&self.path) == self.identity {
            true => Ok(()),
            false => Err(DatabaseError::Moved(self.path.clone())),
        }
    }

    /// Elsewhere an open file cannot be moved.
    #[cfg(not(unix))]
    fn refuse_moved(&self) -> Result<(), DatabaseError> {
        Ok(())
    }
}

pub(super) fn check_sqlite() -> Result<(), DatabaseError> {
    match rusqlite::version_number() >= OLDEST_SQLITE {
        true => Ok(()),
        false => Err(DatabaseError::OldSqlite(rusqlite::version())),
    }
}

/// SQLite would take an empty file for a new database, and all history for none.
pub(super) fn refuse_empty(path: &Path) -> Result<(), DatabaseError> {
    let length = std::fs::metadata(path).map_err(doing("open", path))?.len();
    match length {
        0 => Err(DatabaseError::Damaged { path: path.to_owned(), why: "it is empty".to_owned() }),
        _ => Ok(()),
    }
}

pub(super) fn connect(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(at(path))?;
    connection.busy_timeout(PATIENCE).map_err(at(path))?;
    Ok(connection)
}

/// What is not remembered in the file, and so set on every connection.
pub(super) fn configure(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // FULL syncs each commit; NORMAL may roll committed rows back when the power fails.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)
}

/// Asks for WAL and believes only the answer: on some file systems SQLite stays as it was.
pub(super) fn use_wal(connection: &Connection, path: &Path) -> Result<(), DatabaseError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
        .map_err(at(path))?;
    match mode.as_str() {
        "wal" => Ok(()),
        _ => Err(DatabaseError::NoWal { path: path.to_owned(), mode }),
    }
}

/// Plays the whole log into the file. The last one to close it would do so, too, and say nothing where
/// it fails.
pub(super) fn fold(connection: &Connection, path: &Path) -> Result<(), DatabaseError> {
    let busy: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(at(path))?;
    match busy {
        false => Ok(()),
        true => Err(doing("finish", path)(io::ErrorKind::ResourceBusy.into()).into()),
    }
}

/// A quick look at every page, and for what a database of ours never holds: triggers and views
/// would run SQL that came with the file.
fn inspect(connection: &Connection, path: &Path) -> Result<(), DatabaseError> {
    let found: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(at(path))?;
    sound(&found, path)?;
    let strange: Option<String> = connection
        .query_row(
            "SELECT min(type || ' ' || name) FROM sqlite_schema WHERE type IN ('trigger', 'view')",
            [],
            |row| row.get(0),
        )
        .map_err(at(path))?;
    strange.map_or(Ok(()), |what| sound(&format!("it holds the {what}, which is not ours"), path))
}

/// Refuses a file of which any page, index or reference is not as it should be; errors name `path`.
pub(super) fn whole(connection: &Connection, path: &Path) -> Result<(), DatabaseError> {
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(at(path))?;
    sound(&found, path)?;
    let dangling = "SELECT count(*) FROM pragma_foreign_key_check";
    let dangling: i64 = connection.query_row(dangling, [], |row| row.get(0)).map_err(at(path))?;
    match dangling {
        0 => Ok(()),
        n => sound(&format!("{n} rows refer to rows that are not there"), path),
    }
}

fn sound(found: &str, path: &Path) -> Result<(), DatabaseError> {
    match found {
        "ok" => Ok(()),
        why => Err(DatabaseError::Damaged { path: path.to_owned(), why: why.to_owned() }),
    }
}

/// Tells damage, which has a remedy, from everything else that SQLite says.
pub(super) fn at(path: &Path) -> impl Fn(rusqlite::Error) -> DatabaseError + use<> {
    let path = path.to_owned();
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            DatabaseError::Damaged { path: path.clone(), why: source.to_string() }
        }
        _ => DatabaseError::Sqlite { path: path.clone(), source },
    }
}

/// Which file this is, whatever its name.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(test)]
pub(super) fn fresh() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokgate.sqlite");
    Database::open_or_create(&path).unwrap().close().unwrap();
    (folder, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_has_the_settings_that_lose_nothing() {
        let (_folder, path) = fresh();
        let database = Database::open(&path).unwrap();
        let setting = |name: &str| -> i64 {
            database.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
        };
        let expected = [
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("trusted_schema", 0),
            ("cell_size_check", 1),
            ("mmap_size", 0),
            ("busy_timeout", 30_000),
            ("application_id", 0x746f_6b67),
            ("user_version", 4),
        ];
        for (name, value) in expected {
            assert_eq!(setting(name), value, "{name}");
        }
        let mode: String =
            database.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn the_sqlite_inside_has_the_fix_for_its_log() {
        assert!(rusqlite::version_number() >= OLDEST_SQLITE);
    }

    #[test]
    fn a_transaction_that_fails_leaves_nothing() {
        let (_folder, path) = fresh();
        let mut database = Database::open(&path).unwrap();
        let failed = database
            .write(|connection| connection.execute_batch("CREATE TABLE half (x); SELECT nonsense"));
        assert!(matches!(failed, Err(DatabaseError::Sqlite { .. })));
        assert!(database.connection.prepare("SELECT x FROM half").is_err());
    }
}
