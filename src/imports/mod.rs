//! Results of other tools, read from their files into [`Imported`]: one file a format.
//!
//! A format is recognised by what stands in a file, never by its name. A reader keeps what it
//! understands, says which entries it does not and why, and invents nothing: a figure whose definition
//! is not ours stays in the entry, as the tool wrote it.

pub mod answers;
mod blank;
mod digest;
mod earlier;
mod fields;
mod tools;

#[cfg(feature = "parquet")]
pub(crate) use digest::digest;

use serde_json::Value;
use tokgate_core::imported::Imported;

/// What some programs put before their UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a file does not say of a platform, a model, or what was varied.
pub const UNKNOWN: &str = "unknown";

/// A file as it is handed in.
#[derive(Debug)]
pub struct File<'a> {
    /// Its name, without its folder.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
    /// The same as JSON, where all of it is one JSON value.
    pub json: Option<Value>,
}

/// What a file gave.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// The results, in the order of the file.
    pub results: Vec<Imported>,
    /// The entries that are none.
    pub bad: Vec<BadEntry>,
}

/// An entry that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    /// Where in the file: `line 7`, `benchmarks[3]`.
    pub place: String,
    /// What is wrong with it.
    pub why: String,
}

/// A kind of file.
pub(crate) struct Format {
    /// Its name, one word: [`Source::format`](tokgate_core::imported::Source).
    pub(crate) name: &'static str,
    /// Whether a file is of this kind, by what stands in it.
    pub(crate) fits: fn(&File<'_>) -> bool,
    /// Reads one that is.
    pub(crate) read: fn(&File<'_>) -> Found,
}

/// Every kind, in the order in which they are tried.
fn formats() -> impl Iterator<Item = &'static Format> {
    tools::FORMATS.iter().chain(earlier::FORMATS)
}

/// Reads a file; `None` where it is of no kind that is known.
#[must_use]
pub fn read(name: &str, bytes: &[u8]) -> Option<Found> {
    read_as(name, bytes, None).map(|read| read.found)
}

/// What a file was read as, and what it gave.
#[derive(Debug, PartialEq)]
pub struct Read {
    /// The kind of file.
    pub format: &'static str,
    /// What was in it.
    pub found: Found,
}

/// Reads a file as one of the kind `named`, else of the kind that it is; `None` where there is none.
#[must_use]
pub fn read_as(name: &str, bytes: &[u8], named: Option<&str>) -> Option<Read> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let file = File { name, bytes, json: serde_json::from_slice(bytes).ok() };
    let is_it = |format: &&Format| match named {
        Some(named) => format.name == named,
        None => (format.fits)(&file),
    };
    let format = formats().find(is_it)?;
    Some(Read { format: format.name, found: (format.read)(&file) })
}

/// What names one of our epochs wherever its export goes: an imported result with this digest is that
/// epoch.
#[must_use]
pub fn digest_of_epoch(test_id: &str) -> String {
    earlier::digest_of(test_id)
}

/// The names of all kinds.
#[must_use]
pub fn format_names() -> Vec<&'static str> {
    formats().map(|format| format.name).collect()
}

/// The file beside one of this name that says what it is of: `benchmark.json` beside criterion's
/// `estimates.json`. Its text is handed in in front of the other's.
#[must_use]
pub fn beside(name: &str) -> Option<&'static str> {
    tools::beside(name)
}
