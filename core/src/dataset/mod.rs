//! What is sent to a language model, as a pure function of what is asked, the seed and the salt.
//!
//! [`Prompts`] says which prompt a request has. Its words come from a list ([`synthetic`]), from the
//! twelve tasks that come with tokgate ([`tasks`]), or from a file of the user's ([`mod@file`]). Opening
//! files does not live here.

pub mod class;
pub mod file;
pub mod length;
mod message;
mod prompts;
pub mod synthetic;
pub mod tasks;

pub use message::{Message, Role, joined};
pub use prompts::{NoPrompts, Prompt, Prompts};

/// FNV-1a, 64 bits (Fowler, Noll, Vo): small, and the same on every machine and version.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
