//! `tokgate baseline list|show|record|diff|propose|verify|refresh`: the life of a baseline.
//!
//! One file a sub-command; what they share is where things lie (`home`), what stored runs make
//! (`source`), and what a newer baseline would change (`renewal`).

mod diff;
pub(super) mod home;
mod list;
mod propose;
mod record;
mod refresh;
pub(super) mod renewal;
mod show;
mod source;
mod verify;

use crate::cli::face::Face;
use anyhow::Result;
use tokgate_core::verdict::Exit;

/// List, show, record, compare, propose, verify or refresh baselines.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Every saved and every recorded baseline
    List(list::Args),
    /// One baseline: where it comes from, and what it says of each metric
    Show(show::Args),
    /// Make the baseline of this project, or another file, of stored runs
    Record(record::Args),
    /// What differs between two baselines or runs
    Diff(diff::Args),
    /// Write a new baseline and the text of its pull request beside what is committed
    Propose(propose::Args),
    /// Derive a baseline's numbers again from the raw lines of its runs
    Verify(verify::Args),
    /// Replace the recorded baseline, unless something became worse
    Refresh(refresh::Args),
}

/// Does what was asked.
///
/// # Errors
/// As each of them does.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    match &args.action {
        Action::List(args) => list::run(args, face),
        Action::Show(args) => show::run(args, face),
        Action::Record(args) => record::run(args, face),
        Action::Diff(args) => diff::run(args, face),
        Action::Propose(args) => propose::run(args, face),
        Action::Verify(args) => verify::run(args, face),
        Action::Refresh(args) => refresh::run(args, face),
    }
}
