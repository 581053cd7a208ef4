//! The lines of a file, and those among them that could not be read.

use super::MOST_TOLD;
use std::fmt;

/// Longest line that is read: a prompt of four million tokens.
pub(super) const MAX_LINE_BYTES: usize = 16 << 20;

/// A line that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The file, as shown in messages.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A line that is text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) number: u64,
    pub(super) text: &'a str,
}

/// The lines of a file, one after the other. A byte-order mark and CRLF ends are accepted.
pub(super) struct Lines<'a> {
    file: &'a str,
    rest: &'a [u8],
    number: u64,
    bad_lines: u64,
    told: Vec<BadLine>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a str, bytes: &'a [u8]) -> Self {
        let rest = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Self { file, rest, number: 0, bad_lines: 0, told: Vec::new() }
    }

    /// The next line that is neither blank nor bad.
    pub(super) fn next(&mut self) -> Option<Line<'a>> {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let (line, rest) = match end {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, &[][..]),
            };
            (self.rest, self.number) = (rest, self.number + 1);
            match text(line.strip_suffix(b"\r").unwrap_or(line)) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => return Some(Line { number: self.number, text }),
                Err(what) => self.refuse(self.number, what),
            }
        }
        None
    }

    /// All that is left, as one text; `None` when it is no UTF-8.
    pub(super) fn rest(&mut self) -> Option<&'a str> {
        let rest = std::mem::take(&mut self.rest);
        match std::str::from_utf8(rest) {
            Ok(text) => Some(text),
            Err(error) => {
                let before = &rest[..error.valid_up_to()];
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count() as u64;
                self.refuse(line, "not UTF-8".to_owned());
                None
            }
        }
    }

    /// The next byte that is no white space, without going on.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// Leaves a line out.
    pub(super) fn refuse(&mut self, line: u64, what: impl Into<String>) {
        self.bad_lines += 1;
        if self.told.len() < MOST_TOLD {
            let (file, what) = (self.file.to_owned(), what.into());
            self.told.push(BadLine { file, line, what });
        }
    }

    /// How many lines are left out, and the first of them.
    pub(super) fn bad(self) -> (u64, Vec<BadLine>) {
        (self.bad_lines, self.told)
    }
}

fn text(line: &[u8]) -> Result<&str, String> {
    if line.len() > MAX_LINE_BYTES {
        return Err(format!("{} bytes, more than the {MAX_LINE_BYTES} of a line", line.len()));
    }
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("not UTF-8 from byte {}", error.valid_up_to() + 1))?;
    match text.contains('\0') {
        true => Err("a NUL byte is in it".to_owned()),
        false => Ok(text),
    }
}
