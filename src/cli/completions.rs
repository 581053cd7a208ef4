//! `tokgate completions SHELL`: what a shell needs to complete our command lines.

use crate::cli::Cli;
use crate::cli::face::Face;
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_complete::Shell;
use tokgate_core::verdict::Exit;

/// Print what a shell needs to complete command lines: `tokgate completions bash > …/completions/tokgate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When the script is no text.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tokgate", &mut script);
    let script = String::from_utf8(script).context("the script is no text")?;
    face.say(script.trim_end());
    Ok(Exit::Held)
}
