//! `tokgate store migrate`: the tables of a team's store.

use super::meant;
use crate::cli::face::Face;
use crate::project::Project;
use crate::store::team;
use anyhow::Result;
use tokgate_core::verdict::Exit;

/// Make the tables of a team's store in its schema `tokgate`, or what is missing of them. In one transaction:
/// all of it is done, or nothing. Whoever does it owns the tables; docs/TEAM_STORE.md has the SQL for those
/// who only deliver or read.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Makes them and says what was done.
///
/// # Errors
/// When the store cannot be reached, a newer tokgate made it, or the user may not.
pub(super) fn run(_args: &Args, face: &Face) -> Result<Exit> {
    let store = meant(&Project::find(&std::env::current_dir()?))?;
    let steps = team::migrate(&store)?;
    face.say(&match steps.is_empty() {
        true => format!("{} is up to date", store.place()),
        false => format!("{} was brought up to date: {}", store.place(), steps.join(", ")),
    });
    Ok(Exit::Held)
}
