//! `tokgate store migrate|deliver|copy`: a team's store made, filled with what waits, or with a whole history.

mod copy;
mod deliver;
mod migrate;

use crate::cli::face::Face;
use crate::cli::team;
use crate::project::Project;
use crate::store::team::Team;
use anyhow::{Context, Result};
use tokgate_core::verdict::Exit;

/// Make a team's store, deliver to it what waits, or copy a whole history.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make the tables of a team's store, or what is missing of them; for the owner of the schema
    Migrate(migrate::Args),
    /// Deliver the runs that wait in the outbox, or one run that is named
    Deliver(deliver::Args),
    /// Copy everything from a results folder to a team's store, or back, and compare every cell
    Copy(copy::Args),
}

/// Does what was asked.
///
/// # Errors
/// As each of them does.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    match &args.action {
        Action::Migrate(args) => migrate::run(args, face),
        Action::Deliver(args) => deliver::run(args, face),
        Action::Copy(args) => copy::run(args, face),
    }
}

/// The team's store that is meant, which must be named somewhere.
fn meant(project: &Project) -> Result<Team> {
    team::meant(project)?.context(
        "no team's store is named: --store postgres://USER@HOST/DATABASE, TOKGATE_STORE, or `store` in \
         tokgate.toml",
    )
}
