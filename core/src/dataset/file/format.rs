//! The formats of files of prompts, and how one is told from another.

use super::lines::Lines;
use super::trace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a file of prompts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// A prompt a line.
    Text,
    /// An object a line, with `prompt`, `text` or `messages`, and possibly `max_tokens` or `output_tokens`.
    Jsonl,
    /// A request a line, as OpenAI's batch interface takes them.
    OpenaiBatch,
    /// Recorded conversations; each turn of the person is a request.
    Sharegpt,
    /// Lengths and times of requests, as JSON lines or CSV.
    Trace,
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Jsonl => "jsonl",
            Self::OpenaiBatch => "openai-batch",
            Self::Sharegpt => "sharegpt",
            Self::Trace => "trace",
        })
    }
}

impl FileFormat {
    /// What a line of it looks like.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Text => "write a prompt a line",
            Self::Jsonl => "write lines such as `{\"prompt\": \"Why?\", \"max_tokens\": 64}`",
            Self::OpenaiBatch => {
                "write lines such as `{\"custom_id\": \"1\", \"body\": {\"messages\": [...]}}`"
            }
            Self::Sharegpt => {
                "write `{\"conversations\": [{\"from\": \"human\", \"value\": \"Why?\"}]}`"
            }
            Self::Trace => {
                "write lines such as `{\"timestamp\": 0, \"input_length\": 64, \"output_length\": 8}`"
            }
        }
    }

    /// The format of a file by its ending, where that is `.txt` or `.csv`; else by its first line
    /// that is not blank: a list is ShareGPT's; an object is named by its keys; a header that
    /// names lengths is a trace's; anything else is text.
    pub(super) fn tell(file: &str, bytes: &[u8]) -> Self {
        let ending = file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("txt") => Self::Text,
            Some("csv") => Self::Trace,
            Some(_) | None => Self::of_first_line(bytes),
        }
    }

    fn of_first_line(bytes: &[u8]) -> Self {
        let mut lines = Lines::new("", bytes);
        match lines.peek() {
            Some(b'[') => Self::Sharegpt,
            Some(b'{') => lines.next().map_or(Self::Jsonl, |line| Self::of_object(line.text)),
            Some(_) | None => match lines.next() {
                Some(line) if trace::is_header(line.text) => Self::Trace,
                Some(_) | None => Self::Text,
            },
        }
    }

    fn of_object(line: &str) -> Self {
        /// The keys that tell; what they hold does not.
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Keys {
            body: Option<serde::de::IgnoredAny>,
            conversations: Option<serde::de::IgnoredAny>,
            input_length: Option<serde::de::IgnoredAny>,
        }
        let keys: Keys = serde_json::from_str(line).unwrap_or_default();
        if keys.body.is_some() {
            Self::OpenaiBatch
        } else if keys.conversations.is_some() {
            Self::Sharegpt
        } else if keys.input_length.is_some() {
            Self::Trace
        } else {
            Self::Jsonl
        }
    }
}
