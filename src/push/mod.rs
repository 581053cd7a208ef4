//! Runs pushed to a `tokgate serve` that keeps them beside its own: the small team's way to one history.
//!
//! What goes is the raw lines, a file an epoch, in parts that every proxy lets through. The server reads them
//! as it reads its own, and makes the rows from them. Nothing is pushed while a load runs: it is noted in the
//! outbox before, and brought at the end. What the server makes of it is in `crate::store::received`.
//!
//! What does not live here, on purpose: the server's side of HTTP, which is `crate::server`'s.

mod error;
mod pushing;
mod send;
mod server;

pub use error::PushError;
pub use pushing::Pushing;
pub use send::{Pushed, push};
pub use server::Server;

use serde::{Deserialize, Serialize};

/// Most bytes of a part: proxies refuse larger bodies where nobody told them otherwise.
pub const PART: u64 = 1 << 20;
/// Where an epoch's lines go: behind it, its test id.
pub const EPOCHS: &str = "/v1/push/epochs/";
/// Where it is said that all lines of a run are there: behind it, its id.
pub const RUNS: &str = "/v1/push/runs/";
/// The media type of raw lines.
pub const LINES: &str = "application/x-ndjson";

/// What is answered to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Here {
    /// Up to which byte the file is there; all of it is kept.
    pub bytes: u64,
}

/// What is answered to the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concluded {
    /// How many epochs of it are there.
    pub epochs: usize,
    /// How many cases.
    pub cases: usize,
}
