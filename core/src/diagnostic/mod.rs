//! What is wrong with a text, where, and what to write instead; told the way compilers tell it.
//!
//! Only text lives here. What counts as wrong is decided where the text is read.

mod hidden;
mod nearest;
mod render;

use crate::verdict::Exit;
pub use hidden::{escape, is_hidden, line, reorders, spelled, spelled_json, unspelled};
pub use nearest::nearest;
use render::render;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Diagnostics kept of one file set: enough to work through, and a bound on what a hostile file
/// can make us print. The rest is counted.
const MAX_KEPT: usize = 64;

/// Which way something is wrong; it decides the exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// The text is wrong.
    #[default]
    Wrong,
    /// The text is right, but leaves nothing to run.
    Nothing,
}

/// A second place that belongs to a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Bytes of the same file.
    pub span: Range<usize>,
    /// What is there.
    pub label: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, or the option of the command line, as the user knows it.
    pub file: String,
    /// Bytes of the file; empty where the file as a whole is meant.
    pub span: Range<usize>,
    /// What is wrong, a fragment.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// A second place in the same file.
    pub note: Option<Box<Note>>,
    /// Which way it is wrong.
    pub fault: Fault,
}

impl Diagnostic {
    /// A diagnostic about `span` of `file`.
    #[must_use]
    pub fn at(file: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), span, message: message.into(), ..Self::default() }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, with a second place of the file.
    #[must_use]
    pub fn note(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.note = Some(Box::new(Note { span, label: label.into() }));
        self
    }
}

/// All that is wrong with a set of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    sources: BTreeMap<String, String>,
    list: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// A list with a single entry, for `text` in `file`.
    #[must_use]
    pub fn one(text: &str, diagnostic: Diagnostic) -> Self {
        let mut list = Self::default();
        list.add_source(&diagnostic.file, text);
        list.push(diagnostic);
        list
    }

    /// Gives the text of a file, so that its lines can be shown.
    pub fn add_source(&mut self, file: &str, text: &str) {
        self.sources.insert(file.to_owned(), text.to_owned());
    }

    /// Adds a diagnostic, once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.contains(&diagnostic) {
            return;
        }
        match self.is_full() {
            true => self.left_out += 1,
            false => self.list.push(diagnostic),
        }
    }

    /// Adds what `make` says, unless the list is full: then it is only counted, so that a flood
    /// of faults costs nothing to describe.
    pub fn push_with(&mut self, make: impl FnOnce() -> Diagnostic) {
        match self.is_full() {
            true => self.left_out += 1,
            false => self.push(make()),
        }
    }

    /// Whether further entries are only counted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_KEPT
    }

    /// Adds all of another list.
    pub fn append(&mut self, other: Self) {
        self.sources.extend(other.sources);
        self.left_out += other.left_out;
        other.list.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Keeps only the entries that `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(&Diagnostic) -> bool) {
        self.list.retain(|diagnostic| keep(diagnostic));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The diagnostics that are kept, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// `value` if nothing is wrong, else what is, sorted by place.
    ///
    /// # Errors
    /// When the list is not empty.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            return Ok(value);
        }
        self.list.sort_by(|a, b| (&a.file, a.span.start).cmp(&(&b.file, b.span.start)));
        Err(self)
    }

    /// How the process ends because of this list: wrong use, unless all that is wrong is that
    /// there is nothing to run.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.list.iter().all(|diagnostic| diagnostic.fault == Fault::Nothing) {
            true => Exit::Nothing,
            false => Exit::Usage,
        }
    }
}

impl std::error::Error for Diagnostics {}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.list.iter().enumerate() {
            let gap = if at == 0 { "" } else { "\n\n" };
            let source = self.sources.get(&diagnostic.file).map(String::as_str);
            write!(f, "{gap}{}", render(diagnostic, source))?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\n\nerror: and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::render::MAX_EXCERPT;
    use super::*;

    fn at(span: Range<usize>) -> Diagnostic {
        Diagnostic {
            file: "a.toml".to_owned(),
            span,
            message: "unknown key `epoch`".to_owned(),
            help: Some("did you mean `epochs`?".to_owned()),
            ..Diagnostic::default()
        }
    }

    #[test]
    fn a_diagnostic_shows_its_line_and_what_to_write() {
        let shown = Diagnostics::one("[run]\nepoch = 1\n", at(6..11)).to_string();
        let expected = "error: unknown key `epoch`\n --> a.toml:2:1\n  |\n2 | epoch = 1\n  | ^^^^^\n  |\n  = help: did you mean `epochs`?";
        assert_eq!(shown, expected);
    }

    #[test]
    fn hidden_characters_are_spelled_out_and_the_caret_follows() {
        let shown = Diagnostics::one("a\u{202e}b = 1", at(4..5)).to_string();
        assert!(shown.contains("1 | a\\u{202e}b = 1"), "{shown}");
        assert!(shown.contains(&format!("  | {}^", " ".repeat(9))), "{shown}");
    }

    #[test]
    fn a_span_beyond_the_text_is_shown_at_its_end() {
        let shown = Diagnostics::one("é", at(1..99)).to_string();
        assert!(shown.contains("a.toml:1:1"), "{shown}");
    }

    #[test]
    fn an_empty_span_before_a_wide_character_is_shown() {
        let shown = Diagnostics::one("a = é", at(4..4)).to_string();
        assert!(shown.contains("a.toml:1:5"), "{shown}");
    }

    #[test]
    fn a_line_too_long_to_show_is_named_by_its_place() {
        let text = format!("a = 1\n{} = 2\n", "x".repeat(MAX_EXCERPT));
        let shown = Diagnostics::one(&text, at(10..12)).to_string();
        assert!(shown.contains("a.toml:2:5") && shown.len() < 200, "{shown}");
    }

    #[test]
    fn a_flood_of_faults_is_counted_rather_than_printed() {
        let mut list = Diagnostics::default();
        (0..MAX_KEPT + 5).for_each(|start| list.push(at(start..start)));
        assert_eq!(list.iter().count(), MAX_KEPT);
        assert!(list.to_string().ends_with("and 5 more"));
    }
}
