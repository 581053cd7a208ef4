//! `tokgate store deliver`: what waits in the outbox goes to the team's store.

use super::meant;
use crate::cli::face::Face;
use crate::project::Project;
use crate::store::outbox::waiting;
use crate::store::team::{self, Delivered};
use crate::store::{Layout, StoreError};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Deliver the runs that wait in the outbox of the results, or one run that is named. What is there already is
/// not sent again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run, whether or not it waits
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Delivers, and says what was new.
///
/// # Errors
/// When the store cannot be reached, or the results cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    let store = meant(&project)?;
    let delivered = team::deliver(&layout, &store, args.run.as_deref())?;
    delivered.left.iter().for_each(|left| face.tell(&format!("left: {left}")));
    face.say(&format!("{}: {}", store.place(), told(&delivered)));
    others(&layout, &store, face)?;
    Ok(if delivered.left.is_empty() { Exit::Held } else { Exit::Storage })
}

fn told(delivered: &Delivered) -> String {
    let Delivered { runs, epochs, cases, files, busy, left } = delivered;
    if *runs + *busy + left.len() == 0 {
        return "nothing waits".to_owned();
    }
    let mut text = format!(
        "runs {runs}; new or otherwise before: {epochs} epochs, {cases} cases, {files} files of raw lines"
    );
    if *busy > 0 {
        text.push_str(&format!("; {busy} being delivered by somebody else"));
    }
    text
}

/// What waits for other stores is told, since nobody else would.
fn others(layout: &Layout, store: &team::Team, face: &Face) -> Result<(), StoreError> {
    for waiting in waiting(layout)?.iter().filter(|one| !store.is_meant_by(one)) {
        face.tell(&format!("{} waits for another store: {}", waiting.run_id, waiting.store));
    }
    Ok(())
}
