//! Why a run cannot be pushed. No token stands in any of it.

use crate::store::StoreError;
use crate::store::atomic::FileError;

/// Why a run cannot be pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The address is none, or would carry the token in the clear.
    #[error(
        "`--push`: {0}. It is written https://HOST, or http://127.0.0.1:PORT on this machine and at the end of \
         a tunnel (`ssh -L PORT:127.0.0.1:4080 HOST`)"
    )]
    Address(String),
    /// No token.
    #[error(
        "`--push` shows the server's write token, and the variable {0} holds none: it is what stands in the \
         file of `tokgate serve --write-token-file`"
    )]
    Token(&'static str),
    /// Nobody answers, or not now.
    #[error("{place} does not answer as it should: {why}")]
    Unreachable {
        /// The server.
        place: String,
        /// Why not.
        why: String,
    },
    /// It does not want it.
    #[error("{place} does not take it: {why}")]
    Refused {
        /// The server.
        place: String,
        /// What it said.
        why: String,
    },
    /// The time for it is over.
    #[error("{0} has not everything yet: the time for it is over")]
    Late(String),
    /// The results here.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<FileError> for PushError {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}
