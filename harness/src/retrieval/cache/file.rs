//! One file of the cache: what it is, in words that a person can read, what it holds, and a checksum
//! of both.
//!
//! ```text
//! TOKGATE CACHE 1\n                magic and version
//! length of the head               4 bytes, lowest first
//! {"spec":"...","made_s":3.46}     the head, JSON
//! ...                              the payload
//! 64 hexadecimal digits            SHA-256 of everything before
//! ```
//! The length of the payload is what the file's own length leaves, so that no length in it is ever
//! believed; and one pass writes it.

use super::Unfit;
use super::spec::Spec;
use crate::checksum::Sha256;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

const MAGIC: &[u8] = b"TOKGATE CACHE 1\n";
/// Bytes of the checksum at the end.
const DIGITS: usize = 64;
/// Longest head that is read; ours have less than one KiB.
const LONGEST_HEAD: usize = 1 << 16;
/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 20;

/// What a file says of itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    spec: String,
    made_s: f64,
    /// Bytes of the file up to the head's end.
    #[serde(skip)]
    bytes: usize,
}

/// What was kept.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    /// Seconds that making it took.
    pub(super) made_s: f64,
    /// Its bytes.
    pub(super) payload: Vec<u8>,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadFault {
    /// It cannot be read now.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    /// It is not what it should be, and never will be.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl From<io::Error> for ReadFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => unfit("it is truncated"),
            _ => Self::Io(error),
        }
    }
}

fn unfit(why: impl Into<String>) -> ReadFault {
    ReadFault::Unfit(Unfit(why.into()))
}

/// Writes a file whose payload `save` gives, and says how long it is. Nothing is synced.
pub(super) fn write(
    file: &File,
    spec: &Spec,
    made_s: f64,
    save: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let mut into = Summing::new(BufWriter::with_capacity(BUFFER, file));
    let head = serde_json::to_vec(&Head { spec: spec.text().to_owned(), made_s, bytes: 0 })?;
    into.write_all(MAGIC)?;
    into.write_all(&(head.len() as u32).to_le_bytes())?;
    into.write_all(&head)?;
    save(&mut into)?;
    let Summing { mut inner, hash, bytes } = into;
    inner.write_all(hash.finish().as_bytes())?;
    inner.flush()?;
    Ok(bytes + DIGITS as u64)
}

/// Opens a file to read it; `None` where there is none. What is no plain file is never waited for.
pub(super) fn open(path: &Path) -> Result<Option<File>, ReadFault> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Some(File::open(path)?)),
        Ok(_) => Err(unfit("it is no plain file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads a file that should be of this spec.
pub(super) fn read(mut file: File, spec: &Spec) -> Result<Entry, ReadFault> {
    let (bytes, most) = (file.metadata()?.len(), spec.most_bytes());
    if bytes > most {
        return Err(unfit(format!("it has {bytes} bytes, where {most} are the most possible")));
    }
    let mut hash = Sha256::start();
    let head = head(&mut file, &mut hash)?;
    if head.spec != spec.text() {
        return Err(unfit(format!("it is of something else: {}", head.spec)));
    }
    let payload = (bytes as usize).checked_sub(head.bytes + DIGITS);
    let payload = exactly(&mut file, payload.ok_or_else(|| unfit("it is truncated"))?)?;
    hash.update(&payload);
    match exactly(&mut file, DIGITS)? == hash.finish().as_bytes() {
        true => Ok(Entry { made_s: head.made_s, payload }),
        false => Err(unfit("its checksum is not that of its bytes")),
    }
}

fn head(file: &mut File, hash: &mut Sha256) -> Result<Head, ReadFault> {
    let mut take = |count: usize| -> Result<Vec<u8>, ReadFault> {
        let bytes = exactly(file, count)?;
        hash.update(&bytes);
        Ok(bytes)
    };
    if take(MAGIC.len())? != MAGIC {
        return Err(unfit("it is no cache file of this version"));
    }
    let length = take(size_of::<u32>())?.try_into().map_or(0, u32::from_le_bytes) as usize;
    if length > LONGEST_HEAD {
        return Err(unfit(format!("its head has {length} bytes")));
    }
    let head: Result<Head, _> = serde_json::from_slice(&take(length)?);
    let head = head.map_err(|error| unfit(format!("its head: {error}")))?;
    Ok(Head { bytes: MAGIC.len() + size_of::<u32>() + length, ..head })
}

/// So many bytes, and not one less. Room for them is asked for and may be refused.
fn exactly(file: &mut File, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(count)?;
    match file.take(count as u64).read_to_end(&mut bytes)? {
        read if read == count => Ok(bytes),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes on, and computes the checksum of what was written.
struct Summing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Summing<W> {
    fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::start(), bytes: 0 }
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
