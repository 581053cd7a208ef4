//! HTTP towards targets: one place that builds clients, asks, reads replies and names failures.
//!
//! What is measured goes over connections of our own (`connector`, `connection`), whose `socket`
//! notes when bytes went and came; a task reads each reply (`exchange`, `stream`). Questions before
//! a measurement (`preflight`) are reqwest's.
//!
//! Drivers say what to ask and in which dialect ([`crate::wire`]) the answer is written. What does
//! not live here, on purpose: the total deadline of a request (`measure`), retries (there are
//! none).

mod address;
pub(crate) mod call;
mod client;
mod connection;
mod connector;
mod deadlines;
mod exchange;
mod failure;
pub mod host;
mod line;
mod patience;
mod post;
mod preflight;
mod receive;
mod refusal;
mod secret;
mod sightings;
mod socket;
mod stream;
mod template;
mod times;
mod transcript;
mod whole;

pub(crate) use address::{Address, is_loopback};
pub(crate) use call::{Call, Calls, Said as Reply};
pub use client::escape;
pub(crate) use client::{question_client, tls};
pub(crate) use deadlines::{Deadlines, within};
pub(crate) use exchange::{Exchange, Framing};
#[cfg(test)]
pub(crate) use line::Wire;
pub(crate) use line::{Lines, Moments};
pub use post::{Answer, Message, Messenger, Verb, post_json};
pub(crate) use preflight::{Fetched, Unanswered, fetch, not_listed};
pub(crate) use sightings::{Named, Sightings};
pub(crate) use template::Template;
pub(crate) use whole::Whole;
