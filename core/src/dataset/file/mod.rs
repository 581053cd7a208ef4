//! Files of prompts: from bytes to requests, in five formats.
//!
//! A file is read line by line (`lines`); what cannot be read is left out, and told by its line.
//! Each format has a file here. Opening files, and how large they may be, is for whoever has them.

mod batch;
mod conversation;
mod format;
mod jsonl;
mod lines;
mod moment;
mod sharegpt;
mod text;
mod trace;

pub use format::FileFormat;
pub use lines::BadLine;

use super::message::Message;
use lines::Lines;
use std::sync::Arc;

/// Largest file that is read: a trace of a million requests has a tenth of it.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// Most requests of a file.
pub const MAX_ENTRIES: usize = 1_000_000;
/// Most messages of a conversation.
pub const MAX_MESSAGES: usize = 1_000;
/// Bad lines that are told one by one; further ones are counted.
const MOST_TOLD: usize = 10;

/// The requests of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Entries {
    /// Prompts as they were written.
    Written(Vec<Written>),
    /// Lengths alone, of which prompts are made.
    Traced(Vec<Traced>),
}

/// A prompt as it was written: a conversation up to a question. The turns of a conversation are
/// requests of their own and share its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    conversation: Arc<[Message]>,
    until: usize,
    /// Output tokens that it brings with it.
    pub max_tokens: Option<u32>,
    /// The answer that is expected, where the file says one.
    pub expected: Option<String>,
}

/// A request of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traced {
    /// When it came, in seconds since the trace's earliest. Kept for loads that are planned by it;
    /// a closed load sends in the file's order, as soon as it can.
    pub at_s: Option<f64>,
    /// Tokens of the prompt.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// How it is written.
    pub format: FileFormat,
    /// Its requests, at least one.
    pub entries: Entries,
    /// How many lines are left out.
    pub bad_lines: u64,
    /// The first of them.
    pub told: Vec<BadLine>,
}

/// Why a file gives no requests at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is none in it.
    #[error("no request is in it as {format}: {why}; {}", .format.example())]
    Nothing {
        /// As what it was read.
        format: FileFormat,
        /// The first bad line, or that there is no line.
        why: String,
    },
    /// There are too many.
    #[error("more than {MAX_ENTRIES} requests are in it; split it")]
    TooMany,
}

impl Written {
    fn whole(conversation: Vec<Message>, max_tokens: Option<u32>) -> Self {
        let until = conversation.len();
        Self { conversation: conversation.into(), until, max_tokens, expected: None }
    }

    /// What is sent: all that was said up to the question.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.conversation[..self.until]
    }

    /// The answer that was recorded, where the conversation goes on with it.
    #[must_use]
    pub fn recorded_answer(&self) -> Option<&str> {
        let next = self.conversation.get(self.until)?;
        (next.role == super::Role::Assistant).then_some(next.content.as_str())
    }
}

impl Entries {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Written(written) => written.len(),
            Self::Traced(traced) => traced.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads the bytes of `file`, in `format` or in the one that its ending and first line tell.
///
/// # Errors
/// When no request is in it, or too many.
pub fn parse(file: &str, format: Option<FileFormat>, bytes: &[u8]) -> Result<Parsed, FileError> {
    let format = format.unwrap_or_else(|| FileFormat::tell(file, bytes));
    let mut lines = Lines::new(file, bytes);
    let entries = match format {
        FileFormat::Text => Entries::Written(text::read(&mut lines)?),
        FileFormat::Jsonl => Entries::Written(jsonl::read(&mut lines)?),
        FileFormat::OpenaiBatch => Entries::Written(batch::read(&mut lines)?),
        FileFormat::Sharegpt => Entries::Written(sharegpt::read(&mut lines)?),
        FileFormat::Trace => Entries::Traced(trace::read(&mut lines)?),
    };
    let (bad_lines, told) = lines.bad();
    if entries.is_empty() {
        let why = told.first().map_or_else(|| "it is empty".to_owned(), ToString::to_string);
        return Err(FileError::Nothing { format, why });
    }
    Ok(Parsed { format, entries, bad_lines, told })
}

/// Takes in one more request.
fn add<T>(entries: &mut Vec<T>, entry: T) -> Result<(), FileError> {
    if entries.len() == MAX_ENTRIES {
        return Err(FileError::TooMany);
    }
    entries.push(entry);
    Ok(())
}

#[cfg(test)]
mod tests;
