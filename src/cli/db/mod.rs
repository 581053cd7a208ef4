//! `tokgate db check|backup|vacuum`: the index of the results, looked at, copied, compacted.

mod backup;
mod check;
mod vacuum;

use crate::cli::face::Face;
use crate::project::Project;
use crate::store::Layout;
use anyhow::Result;
use std::path::Path;
use tokgate_core::verdict::Exit;

/// Check, copy or compact the database of the results.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Whether the database is whole, and says what its raw lines say
    Check(check::Args),
    /// Copy the database, also while something is measured
    Backup(backup::Args),
    /// Write the database anew without the room that removed rows have left
    Vacuum(vacuum::Args),
}

/// Does what was asked.
///
/// # Errors
/// As each of them does.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    match &args.action {
        Action::Check(args) => check::run(args, face),
        Action::Backup(args) => backup::run(args, face),
        Action::Vacuum(args) => vacuum::run(args, face),
    }
}

/// The results that are meant.
fn layout(named: Option<&Path>) -> Result<Layout> {
    let project = Project::find(&std::env::current_dir()?);
    Ok(Layout::new(project.stored(named)?))
}
