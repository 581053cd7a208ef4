//! `tokgate store deliver`: what waits in the outbox goes to the team's store, or to the server that is pushed to.

use super::meant;
use crate::cli::face::Face;
use crate::project::Project;
use crate::push::{Pushed, Server, push};
use crate::store::outbox::{Waiting, waiting};
use crate::store::team::{self, Delivered, Team};
use crate::store::{Layout, StoreError};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Deliver the runs that wait in the outbox of the results, or one run that is named, to the team's store or,
/// with --push, to a server. What is there already is not sent again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run, whether or not it waits
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// A `tokgate serve` to push to, instead of a team's store: https://HOST
    #[arg(long, env = "TOKGATE_PUSH", value_name = "URL")]
    push: Option<String>,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Delivers, and says what was new.
///
/// # Errors
/// When the store or the server cannot be reached, or the results cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    match &args.push {
        Some(address) => pushed(args, &layout, &Server::at(address)?, face),
        None => delivered(args, &layout, &meant(&project)?, face),
    }
}

fn delivered(args: &Args, layout: &Layout, store: &Team, face: &Face) -> Result<Exit> {
    let delivered = team::deliver(layout, store, args.run.as_deref())?;
    delivered.left.iter().for_each(|left| face.tell(&format!("left: {left}")));
    face.say(&format!("{}: {}", store.place(), told(&delivered)));
    others(layout, |one| store.is_meant_by(one), face)?;
    Ok(if delivered.left.is_empty() { Exit::Held } else { Exit::Storage })
}

fn pushed(args: &Args, layout: &Layout, server: &Server, face: &Face) -> Result<Exit> {
    let pushed = push(layout, server, args.run.as_deref())?;
    pushed.left.iter().for_each(|left| face.tell(&format!("left: {left}")));
    let Pushed { runs, files, bytes, busy, left } = &pushed;
    face.say(&match runs + busy + left.len() {
        0 => format!("{}: nothing waits", server.place()),
        _ => format!(
            "{}: runs {runs}; new: {files} files of raw lines, {bytes} bytes{}",
            server.place(),
            being_delivered(*busy)
        ),
    });
    others(layout, |one| one.store == server.place(), face)?;
    Ok(if left.is_empty() { Exit::Held } else { Exit::Storage })
}

fn told(delivered: &Delivered) -> String {
    let Delivered { runs, epochs, cases, files, busy, left } = delivered;
    if *runs + *busy + left.len() == 0 {
        return "nothing waits".to_owned();
    }
    format!(
        "runs {runs}; new or otherwise before: {epochs} epochs, {cases} cases, {files} files of raw lines{}",
        being_delivered(*busy)
    )
}

fn being_delivered(busy: usize) -> String {
    match busy {
        0 => String::new(),
        busy => format!("; {busy} being delivered by somebody else"),
    }
}

/// What waits for other stores is told, since nobody else would.
fn others(
    layout: &Layout,
    is_mine: impl Fn(&Waiting) -> bool,
    face: &Face,
) -> Result<(), StoreError> {
    for waiting in waiting(layout)?.iter().filter(|one| !is_mine(one)) {
        face.tell(&format!("{} waits for another store: {}", waiting.run_id, waiting.store));
    }
    Ok(())
}
