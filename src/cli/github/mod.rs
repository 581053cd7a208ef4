//! `tokgate github comment|propose`: what GitHub is told of a stored run or of what another job measured, and
//! which baselines it is asked to take.
//!
//! `place` finds where a comment belongs, `subject` is what is told, `posting` tells it. `past` looks up what
//! was before, `remarks` are what stands at lines of scenario files. `drafts` are the proposals that lie here,
//! checked. `access` is how GitHub is reached.

mod access;
mod comment;
mod drafts;
mod past;
mod place;
mod posting;
mod propose;
mod remarks;
mod subject;

use crate::cli::face::Face;
use anyhow::Result;
use tokgate_core::verdict::Exit;

/// Tell GitHub of a stored run, or propose baselines.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Write a run, or what another job measured, as one comment on a pull request, updated in place
    Comment(Box<comment::Args>),
    /// Open a pull request with the proposed baselines of a machine, or update the one that is open
    Propose(propose::Args),
}

/// Does what was asked.
///
/// # Errors
/// As it does.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    match &args.action {
        Action::Comment(args) => comment::run(args, face),
        Action::Propose(args) => propose::run(args, face),
    }
}
