//! Prompt lengths by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A prompt length by name. Each is four times the one before, so that five of them span what
/// people send, from a question to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptClass {
    /// 16 tokens.
    Tiny,
    /// 64 tokens.
    Short,
    /// 256 tokens.
    Medium,
    /// 1024 tokens.
    Long,
    /// 4096 tokens.
    VeryLong,
}

impl PromptClass {
    /// Tokens of a prompt of this class.
    #[must_use]
    pub fn tokens(self) -> u32 {
        match self {
            Self::Tiny => 16,
            Self::Short => 64,
            Self::Medium => 256,
            Self::Long => 1024,
            Self::VeryLong => 4096,
        }
    }
}
