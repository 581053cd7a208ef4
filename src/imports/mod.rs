//! Results of other tools, read from their files into [`Imported`]: one file a format.
//!
//! A format is recognised by what stands in a file, never by its name. A reader keeps what it
//! understands, says which entries it does not and why, and invents nothing: a figure whose definition
//! is not ours stays in the entry, as the tool wrote it.

mod digest;
mod earlier;
mod fields;
mod tools;

use serde_json::Value;
use tokgate_core::imported::Imported;

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
    let file = File { name, bytes, json: serde_json::from_slice(bytes).ok() };
    formats().find(|format| (format.fits)(&file)).map(|format| (format.read)(&file))
}

/// The names of all kinds.
#[must_use]
pub fn format_names() -> Vec<&'static str> {
    formats().map(|format| format.name).collect()
}
