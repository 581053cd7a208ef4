//! Raw lines in a team's store: sent from a folder, and read back whole or not at all.

use crate::hex;
use crate::store::atomic::{FileError, TEMPORARY, doing, sync_folder};
use crate::store::cell::text;
use crate::store::file_store::StoreError;
use crate::store::fingerprint::Fingerprint;
use crate::store::sql::Sql;
use crate::store::team::{Link, TeamError};
use rusqlite::types::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

/// Bytes of a part.
const PART: u64 = 1 << 20;
/// Longest first line that is kept for itself, bytes; a longer one is no line of ours.
const FIRST: u64 = 64 << 20;
/// Names that one statement asks for; PostgreSQL takes 65,535.
const NAMES: usize = 1000;

/// What of a file is there; none where it was not sent.
pub(super) fn known(sql: &Sql<'_>, test_id: &str) -> rusqlite::Result<Option<Fingerprint>> {
    let asked = "SELECT bytes, sha256 FROM raw_files WHERE test_id = ?";
    sql.one(asked, &[text(test_id)], |row| {
        // What was counted is not negative.
        let bytes = row.get::<i64>(0)?.cast_unsigned();
        Ok(Fingerprint { bytes, sha256: row.get(1)? })
    })
}

/// Sends a file unless the same is there; says whether it was sent. All of it is there afterwards, or what
/// was there before.
pub(super) fn send(link: &Link, test_id: &str, path: &Path) -> Result<bool, StoreError> {
    let file = Fingerprint::of_file(path)?;
    let there = known(&Sql::Team(link), test_id).map_err(|error| link.told(error))?;
    if there.as_ref() == Some(&file) {
        return Ok(false);
    }
    let mut source = BufReader::new(File::open(path).map_err(doing("read", path))?);
    let mut first = Vec::new();
    Read::by_ref(&mut source)
        .take(FIRST)
        .read_until(b'\n', &mut first)
        .map_err(doing("read", path))?;
    let source = File::open(path).map_err(doing("read", path))?;
    let mut read = Ok(());
    let sent = link.transact("BEGIN", || {
        put_name(link, test_id, &file, &String::from_utf8_lossy(&first))?;
        read = put_parts(link, test_id, source, path)?;
        Ok(())
    });
    read?;
    sent.map_err(|error| link.told(error))?;
    Ok(true)
}

fn put_name(link: &Link, test_id: &str, file: &Fingerprint, first: &str) -> rusqlite::Result<()> {
    // Whoever sends the same at this moment waits here for the other.
    let named = "INSERT INTO raw_files (test_id, bytes, sha256, first) VALUES (?, ?, ?, ?)
                 ON CONFLICT (test_id) DO UPDATE
                 SET bytes = excluded.bytes, sha256 = excluded.sha256, first = excluded.first";
    let bound =
        [text(test_id), Value::Integer(file.bytes.cast_signed()), text(&file.sha256), text(first)];
    link.execute(named, &bound)?;
    link.execute("DELETE FROM raw_parts WHERE test_id = ?", &[text(test_id)]).map(drop)
}

/// What was read ends early only where the file cannot be read; then nothing is kept.
fn put_parts(
    link: &Link,
    test_id: &str,
    mut source: File,
    path: &Path,
) -> rusqlite::Result<Result<(), FileError>> {
    let put = "INSERT INTO raw_parts (test_id, part, content) VALUES (?, ?, ?)";
    for part in 0.. {
        let mut content = Vec::new();
        let read = Read::by_ref(&mut source).take(PART).read_to_end(&mut content);
        if let Err(error) = read.map_err(doing("read", path)) {
            return Ok(Err(error));
        }
        if content.is_empty() {
            break;
        }
        link.execute(put, &[text(test_id), Value::Integer(part), Value::Blob(content)])?;
    }
    Ok(Ok(()))
}

/// The first lines of those that were sent, by test id.
pub(in crate::store) fn firsts(
    sql: &Sql<'_>,
    test_ids: &[&str],
) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut firsts = BTreeMap::new();
    for test_ids in test_ids.chunks(NAMES) {
        let places = vec!["?"; test_ids.len()].join(", ");
        let asked = format!("SELECT test_id, first FROM raw_files WHERE test_id IN ({places})");
        let bound: Vec<Value> = test_ids.iter().copied().map(text).collect();
        firsts.extend(sql.all(&asked, &bound, |row| Ok((row.get(0)?, row.get(1)?)))?);
    }
    Ok(firsts)
}

/// All of a file that was sent.
pub(in crate::store) fn bytes(sql: &Sql<'_>, test_id: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut all = Vec::new();
    let found = each_part(sql, test_id, |part| {
        all.extend_from_slice(part);
        Ok(())
    })?;
    Ok(found.map(|()| all))
}

/// Writes a file that was sent to `path`, where none may be; says whether there was one.
pub(super) fn fetch(link: &Link, test_id: &str, path: &Path) -> Result<bool, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(folder)
        .map_err(doing("write in", folder))?;
    let mut written = Ok(());
    let found = each_part(&Sql::Team(link), test_id, |part| {
        if written.is_ok() {
            written = file.write_all(part);
        }
        Ok(())
    });
    written.map_err(doing("write", path))?;
    if found.map_err(|error| link.told(error))?.is_none() {
        return Ok(false);
    }
    file.as_file().sync_all().map_err(doing("write", path))?;
    file.persist_noclobber(path).map_err(|refused| doing("create", path)(refused.error))?;
    sync_folder(folder).map_err(doing("sync", folder))?;
    Ok(true)
}

/// Goes through the parts of a file; fails where they are not what was sent. None of a file that was not.
fn each_part(
    sql: &Sql<'_>,
    test_id: &str,
    mut take: impl FnMut(&[u8]) -> rusqlite::Result<()>,
) -> rusqlite::Result<Option<()>> {
    let Some(file) = known(sql, test_id)? else { return Ok(None) };
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let asked = "SELECT content FROM raw_parts WHERE test_id = ? AND part = ?";
    for part in 0.. {
        let bound = [text(test_id), Value::Integer(part)];
        let Some(content) = sql.one(asked, &bound, |row| row.get::<Vec<u8>>(0))? else { break };
        hash.update(&content);
        bytes += content.len() as u64;
        take(&content)?;
    }
    let found = Fingerprint { bytes, sha256: hex::digits(&hash.finalize()) };
    match found == file {
        true => Ok(Some(())),
        false => {
            let place = match sql {
                Sql::Team(link) => link.place().to_owned(),
                Sql::File(_) => String::new(),
            };
            let why = format!("the raw lines of {test_id} are not those that were sent");
            Err(TeamError::Failed { place, why }.inside())
        }
    }
}
