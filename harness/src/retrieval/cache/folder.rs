//! The folder where things are kept: one file each, either the whole of it or none, and not more
//! bytes in all than were allowed. What others have put there is never touched.

use super::file::{self, Entry, ReadFault};
use super::spec::{Spec, What};
use std::fs::{File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Ending of what is kept.
const ENDING: &str = ".cache";
/// Ending of what is being written.
const TEMPORARY: &str = ".tmp";
/// Digits of a key.
const DIGITS: usize = 64;
/// Age from which a half-written file is a leftover, where locks say nothing.
const LONGEST_WRITING: Duration = Duration::from_secs(86_400);

/// Where things are kept, and how much of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder; made where it is missing.
    pub folder: PathBuf,
    /// Most bytes in all; what was not used for longest goes first.
    pub max_bytes: u64,
}

/// A folder that can be used.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    max_bytes: u64,
}

impl Folder {
    /// Makes the folder where it is missing, and removes what killed processes have left half-written.
    pub(super) fn open(place: Place) -> io::Result<Self> {
        let Place { folder: path, max_bytes } = place;
        std::fs::create_dir_all(&path)?;
        let folder = Self { path, max_bytes };
        folder.names()?.filter(|path| is_temporary(path)).for_each(|path| sweep(&path));
        Ok(folder)
    }

    /// Where something of this spec is kept.
    pub(super) fn path_of(&self, spec: &Spec) -> PathBuf {
        self.path.join(spec.name() + ENDING)
    }

    /// What was kept; `None` where nothing was.
    pub(super) fn read(&self, spec: &Spec) -> Result<Option<Entry>, ReadFault> {
        let Some(file) = file::open(&self.path_of(spec))? else { return Ok(None) };
        // When it was used last; a folder that cannot be written keeps the old time.
        let _ = file.set_modified(SystemTime::now());
        file::read(file, spec).map(Some)
    }

    /// Keeps something whose bytes `save` writes, and removes what there is no room for any more.
    pub(super) fn put(
        &self,
        spec: &Spec,
        made_s: f64,
        save: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let path = self.path_of(spec);
        let temporary = Temporary::beside(&path)?;
        let bytes = file::write(&temporary.file, spec, made_s, save)?;
        temporary.file.sync_all()?;
        self.make_room(bytes, &path)?;
        temporary.rename(&path)?;
        sync_folder(&self.path)
    }

    /// Removes what was not used for longest, until there is room for so many bytes of a file that
    /// will be `but`.
    fn make_room(&self, bytes: u64, but: &Path) -> io::Result<()> {
        if bytes > self.max_bytes {
            let (bytes, most) = (mib(bytes), mib(self.max_bytes));
            let why = format!(
                "it has {bytes:.1} MiB, and the whole cache may have {most:.1} (TOKGATE_CACHE_MAX_GB)"
            );
            return Err(io::Error::other(why));
        }
        let mut kept = self.kept()?;
        kept.retain(|kept| kept.path != but);
        let mut total = bytes + kept.iter().map(|kept| kept.bytes).sum::<u64>();
        kept.sort_by_key(|kept| kept.used);
        for Kept { path, bytes, .. } in kept {
            if total <= self.max_bytes {
                break;
            }
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => total -= bytes,
            }
        }
        Ok(())
    }

    /// All files of ours that are whole.
    fn kept(&self) -> io::Result<Vec<Kept>> {
        let kept = |path: PathBuf| {
            let metadata = path.symlink_metadata().ok().filter(|it| it.is_file())?;
            Some(Kept { used: metadata.modified().ok()?, bytes: metadata.len(), path })
        };
        Ok(self.names()?.filter(|path| is_kept(path)).filter_map(kept).collect())
    }

    fn names(&self) -> io::Result<impl Iterator<Item = PathBuf>> {
        Ok(std::fs::read_dir(&self.path)?.filter_map(|entry| Some(entry.ok()?.path())))
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// A file that is being written, locked as long as its writer lives; removed unless it is renamed.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn beside(path: &Path) -> io::Result<Self> {
        // A name that no other process has, whatever its number and its namespace.
        let random = RandomState::new().build_hasher().finish();
        let path = path.with_extension(format!("{random:016x}{TEMPORARY}"));
        let file = private().create_new(true).open(&path)?;
        // Where there are no locks, age decides what is a leftover.
        let _ = file.try_lock();
        Ok(Self { file, path })
    }

    fn rename(self, to: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, to)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the renaming there is nothing by this name any more.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Writing, readable by its owner alone: the vectors may be anybody's.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Removes a half-written file whose writer is gone.
fn sweep(path: &Path) {
    let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let Some(file) = is_file.then(|| private().open(path).ok()).flatten() else { return };
    let is_left = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => is_old(&file),
    };
    if is_left && std::fs::remove_file(path).is_ok() {
        tracing::info!("removed {}, which a killed run has left", path.display());
    }
}

fn is_old(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok();
    let age = modified.and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age > LONGEST_WRITING)
}

/// `index-` or `truth-`, a key, and our ending.
fn is_kept(path: &Path) -> bool {
    stem(path, ENDING).is_some_and(is_key)
}

/// The same with 16 more digits, and the ending of what is being written.
fn is_temporary(path: &Path) -> bool {
    let parts = stem(path, TEMPORARY).and_then(|stem| stem.rsplit_once('.'));
    parts.is_some_and(|(key, random)| is_key(key) && is_hex(random, 16))
}

fn stem<'a>(path: &'a Path, ending: &str) -> Option<&'a str> {
    path.file_name()?.to_str()?.strip_suffix(ending)
}

fn is_key(stem: &str) -> bool {
    let is_ours = |what: &What| {
        let key = stem.strip_prefix(what.as_str()).and_then(|key| key.strip_prefix('-'));
        key.is_some_and(|key| is_hex(key, DIGITS))
    };
    [What::Index, What::Truth].iter().any(is_ours)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes a new name in the folder survive a loss of power.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere the system offers no such call.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
