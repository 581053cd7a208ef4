//! Results are kept for good: written, killed, damaged, rebuilt, and told to other tools.
#![allow(clippy::unwrap_used)]

mod database;
mod documents;
pub(crate) mod fixture;
mod journal;
pub(crate) mod rebuild;
