//! A tokenizer that only counts: from a `tokenizer.json`, or out of a GGUF file whose weights are
//! left alone.

use super::bpe::Bpe;
use super::header;
use crate::datafile::opened;
use crate::driver::OpenError;
use std::io::{BufReader, Read};
use std::path::Path;
use tokenizers::Tokenizer;

/// Largest `tokenizer.json` that is read; the largest in use have a tenth of it.
const MAX_JSON_BYTES: u64 = 256 << 20;

/// Counts tokens.
pub(crate) enum Counter {
    /// Of a `tokenizer.json`.
    Json(Box<Tokenizer>),
    /// Of a GGUF file.
    Gguf(Box<Bpe>),
}

impl Counter {
    /// # Errors
    /// When the file is missing, too large, or no tokenizer.
    pub(crate) fn open(path: &str) -> Result<Self, OpenError> {
        let is_gguf = Path::new(path).extension().is_some_and(|ending| ending == "gguf");
        let read = if is_gguf { gguf(path) } else { json(path) };
        read.map_err(|what| {
            OpenError::Invalid(format!(
                "tokenizer {path}: {what}; name a `tokenizer.json` or a model's `.gguf`"
            ))
        })
    }

    /// Tokens of a text; `None` where the tokenizer cannot say.
    pub(crate) fn count(&self, text: &str) -> Option<u64> {
        match self {
            Self::Json(tokenizer) => {
                tokenizer.encode_fast(text, false).ok().map(|encoding| encoding.len() as u64)
            }
            Self::Gguf(bpe) => bpe.count(text),
        }
    }
}

fn json(path: &str) -> Result<Counter, String> {
    let file = opened(path, MAX_JSON_BYTES)?;
    let mut bytes = Vec::new();
    file.take(MAX_JSON_BYTES).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let tokenizer = Tokenizer::from_bytes(&bytes).map_err(|error| error.to_string())?;
    Ok(Counter::Json(Box::new(tokenizer)))
}

fn gguf(path: &str) -> Result<Counter, String> {
    let mut file = BufReader::new(opened(path, u64::MAX)?);
    let content = header::read(&mut file)?;
    let bpe = Bpe::from_gguf(&content).map_err(|error| error.to_string())?;
    Ok(Counter::Gguf(Box::new(bpe)))
}
