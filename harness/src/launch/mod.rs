//! Starting what is measured: a command, its readiness, its end.
//!
//! Whatever is started ends with us: when it is dropped, and through a watchdog when we are
//! killed. What does not live here, on purpose: how to speak to it (the drivers).

mod build;
mod command;
mod held;
mod launched;
mod log;
mod process;
mod server;
mod watchdog;

pub use build::build;
pub(crate) use command::{Words, settings};
pub(crate) use launched::Launched;
pub(crate) use process::Process;
#[cfg(test)]
pub(crate) use server::plain_launch;
pub(crate) use server::{Running, Server};
