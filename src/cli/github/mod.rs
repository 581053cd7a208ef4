//! `tokgate github comment`: what GitHub is told of a stored run, or of what another job measured.
//!
//! `place` finds where it belongs, `subject` is what is told, `posting` tells it. `past` looks up what
//! was before, `remarks` are what stands at lines of scenario files.

mod comment;
mod past;
mod place;
mod posting;
mod remarks;
mod subject;

use crate::cli::face::Face;
use anyhow::Result;
use tokgate_core::verdict::Exit;

/// Tell GitHub of a stored run.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Write a run, or what another job measured, as one comment on a pull request, updated in place
    Comment(comment::Args),
}

/// Does what was asked.
///
/// # Errors
/// As it does.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    match &args.action {
        Action::Comment(args) => comment::run(args, face),
    }
}
