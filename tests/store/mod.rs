//! Results are kept for good: written, killed, damaged, rebuilt, and told to other tools.
#![allow(clippy::unwrap_used)]

pub(crate) mod database;
mod documents;
mod earlier;
pub(crate) mod fixture;
pub(crate) mod imported;
mod journal;
pub(crate) mod rebuild;
mod received;
mod remembered;
