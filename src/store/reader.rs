//! The index opened to be looked at: nothing in it is changed, and nothing is left beside it.
//!
//! A connection that may only read leaves SQLite's log and its memory behind, since it may not
//! remove them. One that may write and is told not to (`query_only`) removes what it made.

use crate::store::database::{DatabaseError, at, check_sqlite, connect, refuse_empty};
use crate::store::layout::Layout;
use crate::store::schema;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Opens the index of `layout`, which must be there and be ours; whether it is sound is not asked.
pub(super) fn open(layout: &Layout) -> Result<Connection, DatabaseError> {
    check_sqlite()?;
    let path = layout.database();
    if !path.exists() {
        return Err(missing(layout, path));
    }
    refuse_empty(&path)?;
    refuse_others(&path)?;
    match watching(&path) {
        // SQLite's log wants a place in the folder; without a log, the file alone says everything.
        Err(DatabaseError::Sqlite { source, .. }) if is_refused(&source) && !has_log(&path) => {
            fixed(&path)
        }
        result => result,
    }
}

/// Why there is no index.
fn missing(layout: &Layout, path: PathBuf) -> DatabaseError {
    match layout.raw_files() {
        Ok(raw) if raw.is_empty() => DatabaseError::Absent(path),
        Ok(_) => DatabaseError::Missing(path),
        Err(error) => error.into(),
    }
}

/// Another program's file is told from its first page, before anything is played back into it.
fn refuse_others(path: &Path) -> Result<(), DatabaseError> {
    match fixed(path) {
        Ok(_) => Ok(()),
        Err(other @ (DatabaseError::Foreign { .. } | DatabaseError::Newer { .. })) => Err(other),
        // Somebody may be writing that page right now: the connection with locks has the word.
        Err(_) => Ok(()),
    }
}

/// A connection with locks, and with a log that others may be writing.
fn watching(path: &Path) -> Result<Connection, DatabaseError> {
    let connection = connect(path)?;
    if has_log(path) {
        // What a killed process left stays as it is until somebody writes.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .map_err(at(path))?;
    }
    configured(connection, path)
}

/// A connection to the file as it is, without locks, log or memory beside it.
fn fixed(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(immutable(path), flags).map_err(at(path))?;
    configured(connection, path)
}

fn configured(connection: Connection, path: &Path) -> Result<Connection, DatabaseError> {
    let configure = |connection: &Connection| {
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "mmap_size", 0)
    };
    configure(&connection).map_err(at(path))?;
    schema::recognise(&connection, path)?;
    Ok(connection)
}

fn is_refused(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Whether SQLite's log holds anything.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// The address by which SQLite takes a file as one that nobody changes.
fn immutable(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => write!(uri, "%{byte:02X}").expect("a String takes everything"),
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::Database;

    /// What lies in a folder, by name.
    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    fn count(connection: &Connection) -> i64 {
        connection.query_row("SELECT count(*) FROM runs", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_look_changes_no_byte_and_leaves_nothing_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        // A name that an address has to spell out.
        let root = folder.path().join("50% of #1?");
        std::fs::create_dir(&root).unwrap();
        let layout = Layout::new(&root);
        Database::open_or_create(&layout.database()).unwrap().close().unwrap();
        let before = std::fs::read(layout.database()).unwrap();
        assert_eq!(count(&open(&layout).unwrap()), 0);
        assert_eq!(count(&fixed(&layout.database()).unwrap()), 0);
        assert!(open(&layout).unwrap().execute("DELETE FROM runs", []).is_err());
        assert_eq!(names(&root), ["tokgate.sqlite"]);
        assert_eq!(std::fs::read(layout.database()).unwrap(), before);
    }

    #[test]
    fn what_others_have_not_folded_in_yet_is_seen_and_left_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let mut writer = Database::open_or_create(&layout.database()).unwrap();
        let run = "INSERT INTO runs VALUES ('r', 's', 'm', 1, '0', NULL, '{}')";
        writer.write(|connection| connection.execute(run, [])).unwrap();
        let before = std::fs::read(layout.database()).unwrap();
        assert_eq!(count(&open(&layout).unwrap()), 1);
        assert_eq!(std::fs::read(layout.database()).unwrap(), before);
        writer.close().unwrap();
        assert_eq!(names(folder.path()), ["tokgate.sqlite"]);
    }
}
