//! HTTP towards targets: one place that builds clients, asks, reads replies and names failures.
//!
//! Drivers say what to ask and in which dialect ([`crate::wire`]) the answer is written. What does
//! not live here, on purpose: the total deadline of a request (`measure`), retries (there are
//! none).

mod address;
mod client;
mod deadlines;
mod descriptors;
mod exchange;
mod patience;
mod preflight;
mod refusal;
mod secret;
mod sightings;
mod stream;
mod template;
mod transcript;

pub(crate) use address::{Address, is_loopback};
pub use client::{escape, failure, http_client, read_start};
pub(crate) use deadlines::Deadlines;
pub(crate) use descriptors::suffice;
pub(crate) use exchange::{Exchange, Framing};
pub(crate) use preflight::{Fetched, Unanswered, fetch, not_listed};
pub(crate) use sightings::Named;
pub(crate) use template::Template;
