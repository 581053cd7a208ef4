//! From text to tokens and back, for both kinds of models.

use super::bpe::Bpe;
use super::words::Words;

/// A model's tokenizer.
pub(crate) enum Tokenizer {
    /// Of a synthetic model.
    Words(Words),
    /// Of a GGUF file.
    Bpe(Box<Bpe>),
}

impl Tokenizer {
    /// The tokens of a prompt; with `chat` in the model's template, where it has one. Without text
    /// there are no tokens, template or not.
    ///
    /// # Errors
    /// What the tokenizer says.
    pub(crate) fn prompt(&self, text: &str, chat: bool) -> Result<Vec<u32>, String> {
        match self {
            _ if text.is_empty() => Ok(Vec::new()),
            Self::Words(words) => Ok(words.encode(text)),
            Self::Bpe(bpe) if chat => bpe.encode(&bpe.as_chat(text)),
            Self::Bpe(bpe) => bpe.encode(text),
        }
    }

    /// The text of an answer.
    ///
    /// # Errors
    /// What the tokenizer says.
    pub(crate) fn text(&self, tokens: &[u32]) -> Result<String, String> {
        match self {
            Self::Words(words) => Ok(words.decode(tokens)),
            Self::Bpe(bpe) => bpe.decode(tokens),
        }
    }

    /// The tokens that end an answer. Synthetic models have none: they always give as many tokens
    /// as were asked for.
    pub(crate) fn stops(&self) -> &[u32] {
        match self {
            Self::Words(_) => &[],
            Self::Bpe(bpe) => bpe.stops(),
        }
    }
}
