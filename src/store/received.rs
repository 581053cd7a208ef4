//! What other machines send of their runs: files of raw lines, part by part, and then their rows.
//!
//! A file lies in `incoming/` until it is whole. Then it is held to its SHA-256 and read to its last line, and
//! only what could be read goes to `raw/`. What is there already is never replaced by other lines. Whoever is
//! cut off asks how far he came, and goes on there.

use crate::store::atomic::{self, FileError, doing, sync_folder};
use crate::store::file_store::{FileStore, Lock, StoreError};
use crate::store::fingerprint::Fingerprint;
use crate::store::ids::is_plain;
use crate::store::journal::private;
use crate::store::layout::{Layout, make_folder};
use crate::store::stored::{self, First, ReadError, Stored};
use crate::store::{KeptImport, Rendered, Store, epoch, imported, listing, rebuild};
use std::fs::{File, TryLockError};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Largest file that is taken, bytes: a request is some hundreds of them, and an epoch is read as a whole.
pub const LARGEST: u64 = 4 << 30;
/// How long a file that nobody goes on with is kept.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 3600);
/// Characters of a file's SHA-256 that stand in its name while it comes.
const DIGITS: usize = 16;
/// Bytes of two files that are compared at once.
const STEP: u64 = 1 << 20;

/// A file of raw lines as who sends it says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The epoch, or the result of another tool.
    pub test_id: String,
    /// What it is when it is whole.
    pub file: Fingerprint,
}

/// What of a run is here now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Its epochs and results.
    pub epochs: usize,
    /// Its cases.
    pub cases: usize,
}

/// Why something is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Nothing that has this name could be ours.
    #[error("`{0}` is no name of an epoch or a run")]
    Name(String),
    /// The file is announced as none could be.
    #[error("a file has 1 to {LARGEST} bytes and a SHA-256 of 64 small hexadecimal digits")]
    Announcement,
    /// A part goes on behind the end.
    #[error("the part ends behind the {0} bytes that the file is to have")]
    Beyond(u64),
    /// Somebody else sends it.
    #[error("{0} is being sent by somebody else at this moment")]
    Busy(String),
    /// The bytes are not those that were announced.
    #[error(
        "what came of {0} has another SHA-256 than was announced, and is thrown away: send it again"
    )]
    NotTheSame(String),
    /// It is no file of raw lines.
    #[error("{test_id}: {why}; nothing of it is kept")]
    Unreadable {
        /// Its name.
        test_id: String,
        /// Why not.
        why: String,
    },
    /// Something else of that name is here.
    #[error(
        "{0} is here with other lines, which stay: one of the two was changed since it was measured"
    )]
    Differs(String),
    /// Nothing of it is here.
    #[error("nothing of the run {0} is here")]
    Unknown(String),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FileError> for NotTaken {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}

/// What is in a file.
enum Lines {
    Epoch(Box<Stored>),
    Imported(Box<KeptImport>),
}

/// How a file stands to one of the same name.
#[derive(Debug, PartialEq, Eq)]
enum Beside {
    Same,
    /// The new one has all that the old one has, and more: verdicts are appended.
    Longer,
    /// The other way round.
    Shorter,
    Other,
}

/// Takes a part of a file that begins at byte `offset` of it, and says up to which byte the file is here; all
/// of it when it is kept, with its row. A part that begins elsewhere than where the file ends is not taken, so
/// that an empty one asks.
///
/// # Errors
/// When it is not taken; what came before stays, unless the whole is not what was announced.
pub fn receive(
    layout: &Layout,
    announced: &Announced,
    offset: u64,
    part: &[u8],
) -> Result<u64, NotTaken> {
    check(announced)?;
    let bytes = announced.file.bytes;
    // Whoever puts the store in order is not disturbed, and an index is made where there is none.
    let mut store = FileStore::open_to_write(layout.clone())?;
    if is_kept(&mut store, announced)? {
        return Ok(bytes);
    }
    let (path, mut coming) = open(layout, announced)?;
    let here = take(&mut coming, offset, part, bytes).map_err(doing("write", &path))?;
    let here = here.ok_or(NotTaken::Beyond(bytes))?;
    if here < bytes {
        return Ok(here);
    }
    coming.sync_all().map_err(doing("write", &path))?;
    let kept = keep(layout, announced, &path);
    // It is in its place now, or nothing that anybody can use.
    atomic::remove(&path)?;
    if let Some(lines) = kept? {
        put_row(&mut store, lines)?;
    }
    Ok(bytes)
}

fn check(announced: &Announced) -> Result<(), NotTaken> {
    let Announced { test_id, file } = announced;
    if !is_plain(test_id) {
        return Err(NotTaken::Name(test_id.clone()));
    }
    match (1..=LARGEST).contains(&file.bytes) && file.is_written_well() {
        true => Ok(()),
        false => Err(NotTaken::Announcement),
    }
}

/// Whether all of a file is in its place; then its row is, too.
fn is_kept(store: &mut FileStore, announced: &Announced) -> Result<bool, NotTaken> {
    let Announced { test_id, file } = announced;
    let path = store.layout().raw_file(test_id);
    // Of each part of a file it is asked again: only one that is as long is read.
    let is_as_long = path.metadata().is_ok_and(|there| there.len() == file.bytes);
    if !is_as_long || Fingerprint::of_file(&path)? != *file {
        return Ok(false);
    }
    if store.index().read(|index| listing::test_ids(index, test_id))?.is_empty() {
        // Whoever was killed between file and row left the file.
        put_row(store, read(test_id, &path)?)?;
    }
    Ok(true)
}

/// Appends a part where the file ends, and says up to which byte it is here then; none where the part ends
/// behind its last byte.
fn take(coming: &mut Lock, offset: u64, part: &[u8], bytes: u64) -> std::io::Result<Option<u64>> {
    let here = coming.metadata()?.len();
    if offset != here || part.is_empty() {
        return Ok(Some(here));
    }
    let then = here + part.len() as u64;
    if then > bytes {
        return Ok(None);
    }
    coming.0.write_all(part).inspect_err(|_| {
        // What is left of it would be taken for more than it is; where that fails, its hash tells.
        let _ = coming.0.set_len(here);
    })?;
    Ok(Some(then))
}

/// Puts the rows of a run's cases down from all of its lines that are here, and writes what is made of all
/// runs together.
///
/// # Errors
/// When nothing of the run is here, or its rows cannot be written.
pub fn conclude(
    layout: &Layout,
    run_id: &str,
    comparison: Rendered<'_>,
) -> Result<Received, NotTaken> {
    if !is_plain(run_id) {
        return Err(NotTaken::Name(run_id.to_owned()));
    }
    let mut store = FileStore::open_to_write(layout.clone())?;
    let named = store.index().read(|index| listing::named(index, run_id))?;
    let of_run = named.into_iter().filter(|one| one.run_id == run_id && is_plain(&one.test_id));
    let files: Vec<PathBuf> = of_run.map(|one| layout.raw_file(&one.test_id)).collect();
    if files.is_empty() {
        return Err(NotTaken::Unknown(run_id.to_owned()));
    }
    let epochs = files.len();
    let cases = rebuild::cases_of(&mut store, files)?;
    store.finish_run(comparison)?;
    Ok(Received { epochs, cases })
}

/// Takes away what nobody goes on with.
///
/// # Errors
/// When the folder cannot be read.
pub fn forget(layout: &Layout) -> Result<(), FileError> {
    let folder = layout.incoming();
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(doing("list", &folder))?;
        let changed = entry.metadata().and_then(|file| file.modified());
        let age = changed.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > FORGOTTEN) {
            atomic::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The file as far as it came, which is ours alone while it is open.
fn open(layout: &Layout, announced: &Announced) -> Result<(PathBuf, Lock), NotTaken> {
    let Announced { test_id, file } = announced;
    make_folder(&layout.incoming())?;
    let digits = file.sha256.get(..DIGITS).unwrap_or_default();
    let path = layout.incoming().join(format!("{test_id}.{digits}"));
    let coming = private().read(true).create(true).open(&path).map_err(doing("open", &path))?;
    let coming = Lock(coming);
    match coming.try_lock() {
        // One that was thrown away or kept meanwhile is no longer there by that name.
        Ok(()) if path.exists() => Ok((path, coming)),
        Ok(()) | Err(TryLockError::WouldBlock) => Err(NotTaken::Busy(test_id.clone())),
        Err(TryLockError::Error(error)) => Err(doing("lock", &path)(error).into()),
    }
}

/// Puts a file that is whole in its place, where no other lines may be. Nothing where what is there has all
/// of it.
fn keep(layout: &Layout, announced: &Announced, path: &Path) -> Result<Option<Lines>, NotTaken> {
    let Announced { test_id, file } = announced;
    if Fingerprint::of_file(path)? != *file {
        return Err(NotTaken::NotTheSame(test_id.clone()));
    }
    let lines = read(test_id, path)?;
    let place = layout.raw_file(test_id);
    let beside = match place.exists() {
        true => beside(&place, path)?,
        false => Beside::Longer,
    };
    match beside {
        Beside::Other => Err(NotTaken::Differs(test_id.clone())),
        Beside::Same | Beside::Shorter => Ok(None),
        Beside::Longer => {
            std::fs::rename(path, &place).map_err(doing("write", &place))?;
            sync_folder(&layout.raw()).map_err(doing("sync", &layout.raw()))?;
            Ok(Some(lines))
        }
    }
}

/// What is in a file, which must be of this name.
fn read(test_id: &str, path: &Path) -> Result<Lines, NotTaken> {
    let unreadable = |error: ReadError| NotTaken::Unreadable {
        test_id: test_id.to_owned(),
        // Whoever sent it need not know where it lies here.
        why: match error {
            ReadError::Line { line, what, .. } => format!("line {line}: {what}"),
            ReadError::Headless(_) => "no first line says what it is".to_owned(),
            ReadError::File(error) => error.source.to_string(),
        },
    };
    let first = stored::read_first(path).map_err(unreadable)?;
    let name = first.name();
    if name.test_id != test_id || !is_plain(name.run_id) {
        let why = format!("its first line says that it is `{}`", name.test_id);
        return Err(NotTaken::Unreadable { test_id: test_id.to_owned(), why });
    }
    Ok(match first {
        First::Epoch(..) => Lines::Epoch(Box::new(stored::read(path).map_err(unreadable)?)),
        First::Imported(kept) => Lines::Imported(kept),
    })
}

/// How the file at `new` stands to the one at `old`.
fn beside(old: &Path, new: &Path) -> Result<Beside, FileError> {
    let open = |path: &Path| File::open(path).map(BufReader::new).map_err(doing("read", path));
    let (mut old_bytes, mut new_bytes) = (open(old)?, open(new)?);
    loop {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        (&mut old_bytes).take(STEP).read_to_end(&mut one).map_err(doing("read", old))?;
        (&mut new_bytes).take(STEP).read_to_end(&mut other).map_err(doing("read", new))?;
        match (one.is_empty(), other.is_empty()) {
            (true, true) => return Ok(Beside::Same),
            _ if one == other => {}
            _ if other.starts_with(&one) => return Ok(Beside::Longer),
            _ if one.starts_with(&other) => return Ok(Beside::Shorter),
            _ => return Ok(Beside::Other),
        }
    }
}

/// Puts the row of what was read down; a second time changes nothing.
fn put_row(store: &mut FileStore, lines: Lines) -> Result<(), StoreError> {
    store.write(|index| match lines {
        Lines::Epoch(stored) => epoch::put(index, &stored, None),
        Lines::Imported(kept) => imported::put(index, &kept, None),
    })
}
