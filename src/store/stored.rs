//! Reading the raw lines of an epoch back.
//!
//! A torn last line is what a killed process leaves: it is skipped with a note, and the epoch is
//! told as interrupted. Anything else that is not as it was written is an error with its line.

use crate::store::atomic::{FileError, doing};
use crate::store::imported::KeptImport;
use crate::store::line::{self, End, Kind, LONGEST, Protocol, Tag, VERSION};
use crate::store::verdict::StoredVerdict;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use tokgate_core::record::Record;
use tokgate_core::run::{Ending, Head, Run, TelemetrySample};
use tokgate_core::validity::{Reason, Validity};

/// An epoch as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The epoch.
    pub run: Run,
    /// Whether it may be judged.
    pub validity: Validity,
    /// What the judge said of its case, where this is the case's last epoch.
    pub verdicts: Vec<StoredVerdict>,
    /// What was odd about the file, but did not keep it from being read.
    pub notes: Vec<String>,
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system would not.
    #[error(transparent)]
    File(#[from] FileError),
    /// No epoch can be told from it.
    #[error("{}: no first line says which epoch this is", .0.display())]
    Headless(PathBuf),
    /// A line is not as it was written.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The journal.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: LineError,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Not JSON, or not what its kind says.
    #[error("not a line of a journal: {0}")]
    Json(#[from] serde_json::Error),
    /// From the future.
    #[error("written in format {found} by a newer tokgate; this one reads up to {VERSION}")]
    Newer {
        /// The line's version.
        found: u32,
    },
    /// Not what was written.
    #[error("its checksum is another line's: a byte of it was changed since it was written")]
    Changed,
    /// Longer than a line may be.
    #[error("longer than {LONGEST} bytes")]
    TooLong,
    /// Kinds come in another order than they are written in.
    #[error("a `{0}` line does not belong here")]
    Order(&'static str),
    /// Lines are missing or were added.
    #[error("{found} {of} lines come before the end, which says {said}")]
    Count {
        /// Which kind.
        of: &'static str,
        /// How many there are.
        found: usize,
        /// How many the end says.
        said: u64,
    },
}

/// Reads the journal at `path`.
pub fn read(path: &Path) -> Result<Stored, ReadError> {
    let kind = std::fs::symlink_metadata(path).map_err(doing("read", path))?;
    if !kind.is_file() {
        // A pipe or device of this name would never end.
        let refusal = io::Error::new(io::ErrorKind::InvalidInput, "not a plain file");
        return Err(doing("read", path)(refusal).into());
    }
    let file = std::fs::File::open(path).map_err(doing("read", path))?;
    read_from(BufReader::new(file), path)
}

/// Reads a journal from memory; errors name `path`.
pub fn read_bytes(bytes: &[u8], path: &Path) -> Result<Stored, ReadError> {
    read_from(bytes, path)
}

/// The first line of the journal at `path`.
pub(super) enum First {
    /// An epoch, and the number of the protocol by which it was measured.
    Epoch(Box<Head>, u32),
    /// A result of another tool.
    Imported(Box<KeptImport>),
}

impl First {
    /// Whose file it is.
    pub(super) fn name(&self) -> Name<'_> {
        match self {
            Self::Epoch(head, _) => Name { test_id: &head.test_id, run_id: &head.run_id },
            Self::Imported(kept) => Name { test_id: &kept.test_id, run_id: &kept.run_id },
        }
    }

    /// When it began, microseconds since 1970.
    pub(super) fn started_us(&self) -> i64 {
        match self {
            Self::Epoch(head, _) => head.started_us,
            Self::Imported(kept) => kept.started_us,
        }
    }
}

/// How a file of `raw/` is called, and which run it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) test_id: &'a str,
    pub(super) run_id: &'a str,
}

/// Only the first line of the journal at `path`.
pub(super) fn read_first(path: &Path) -> Result<First, ReadError> {
    let file = std::fs::File::open(path).map_err(doing("read", path))?;
    let line = next_line(&mut BufReader::new(file), path, 1)?;
    first_in(&line, path)
}

/// The same of a line in memory; errors name `path`.
pub(super) fn first_in(line: &[u8], path: &Path) -> Result<First, ReadError> {
    let at = |what| ReadError::Line { path: path.to_owned(), line: 1, what };
    // A head that was not written whole is none.
    if !line.ends_with(b"\n") {
        return Err(ReadError::Headless(path.to_owned()));
    }
    first(line).map_err(at)?.ok_or_else(|| ReadError::Headless(path.to_owned()))
}

fn first(line: &[u8]) -> Result<Option<First>, LineError> {
    if Tag::of(line)?.kind == Kind::Imported {
        return Ok(Some(First::Imported(Box::new(serde_json::from_slice(line)?))));
    }
    let mut epoch = Assembly::default();
    epoch.take(line)?;
    let Protocol { protocol } = serde_json::from_slice(line)?;
    Ok(epoch.head.map(|head| First::Epoch(Box::new(head), protocol)))
}

fn read_from(mut source: impl BufRead, path: &Path) -> Result<Stored, ReadError> {
    let mut epoch = Assembly::default();
    for number in 1.. {
        let line = next_line(&mut source, path, number)?;
        if line.is_empty() {
            break;
        }
        match epoch.take(&line) {
            Ok(()) => {}
            Err(LineError::Json(_)) if !line.ends_with(b"\n") => {
                epoch.notes.push(format!("line {number} is torn and was skipped"));
            }
            Err(what) => return Err(ReadError::Line { path: path.to_owned(), line: number, what }),
        }
    }
    epoch.finish().ok_or_else(|| ReadError::Headless(path.to_owned()))
}

/// The next line with its end, empty at the end of the file.
fn next_line(source: &mut impl BufRead, path: &Path, number: usize) -> Result<Vec<u8>, ReadError> {
    let mut line = Vec::new();
    source.take(LONGEST as u64 + 1).read_until(b'\n', &mut line).map_err(doing("read", path))?;
    match line.len() > LONGEST {
        true => {
            let what = LineError::TooLong;
            Err(ReadError::Line { path: path.to_owned(), line: number, what })
        }
        false => Ok(line),
    }
}

/// An epoch while its lines come in.
#[derive(Default)]
struct Assembly {
    head: Option<Head>,
    records: Vec<Record>,
    telemetry: Vec<TelemetrySample>,
    end: Option<End>,
    verdicts: Vec<StoredVerdict>,
    notes: Vec<String>,
}

impl Tag {
    fn of(line: &[u8]) -> Result<Self, LineError> {
        let tag: Self = serde_json::from_slice(line)?;
        match tag.v > VERSION {
            true => Err(LineError::Newer { found: tag.v }),
            false if line::is_as_written(line) => Ok(tag),
            false => Err(LineError::Changed),
        }
    }
}

impl Assembly {
    fn take(&mut self, line: &[u8]) -> Result<(), LineError> {
        match (Tag::of(line)?.kind, self.head.is_some(), self.end.is_some()) {
            (Kind::Case, false, _) => self.head = Some(serde_json::from_slice(line)?),
            (Kind::Request, true, false) => self.records.push(serde_json::from_slice(line)?),
            (Kind::Telemetry, true, false) => self.telemetry.push(serde_json::from_slice(line)?),
            (Kind::End, true, false) => {
                self.end = Some(self.checked(serde_json::from_slice(line)?)?)
            }
            (Kind::Verdict, true, true) => self.judged(serde_json::from_slice(line)?),
            (Kind::Imported, ..) => return Err(LineError::Order("imported")),
            (Kind::Case, ..) => return Err(LineError::Order("case")),
            (Kind::Request, ..) => return Err(LineError::Order("request")),
            (Kind::Telemetry, ..) => return Err(LineError::Order("telemetry")),
            (Kind::End, ..) => return Err(LineError::Order("end")),
            (Kind::Verdict, ..) => return Err(LineError::Order("verdict")),
        }
        Ok(())
    }

    fn checked(&self, end: End) -> Result<End, LineError> {
        let counted = [
            ("request", self.records.len(), end.requests),
            ("telemetry", self.telemetry.len(), end.telemetry),
        ];
        match counted.into_iter().find(|(_, found, said)| *found as u64 != *said) {
            Some((of, found, said)) => Err(LineError::Count { of, found, said }),
            None => Ok(end),
        }
    }

    /// A metric that was judged again keeps the last word.
    fn judged(&mut self, verdict: StoredVerdict) {
        self.verdicts.retain(|earlier| earlier.metric != verdict.metric);
        self.verdicts.push(verdict);
    }

    fn finish(mut self) -> Option<Stored> {
        let head = self.head?;
        let (ending, after, client, validity) = match self.end {
            Some(end) => (end.ending, end.after, end.client, end.validity),
            None => {
                self.notes.push("the journal has no end: the epoch was cut off".to_owned());
                let why = "the process ended before the epoch did".to_owned();
                (Ending::Interrupted, None, None, Validity::Invalid(vec![Reason::Stopped { why }]))
            }
        };
        let Self { records, telemetry, .. } = self;
        let run = Run { head, records, telemetry, ending, after, client };
        Some(Stored { run, validity, verdicts: self.verdicts, notes: self.notes })
    }
}
