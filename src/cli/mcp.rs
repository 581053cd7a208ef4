//! `tokgate mcp`: questions for agents, on standard input and output.

use crate::cli::face::Face;
use crate::cli::team;
use crate::mcp::{Place, serve};
use crate::project::Project;
use anyhow::Result;
use std::io::IsTerminal;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Answer agents: a server of the Model Context Protocol on standard input and output, which ends with its
/// input. It reads results and changes none.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Answers until the client has no more questions.
///
/// # Errors
/// When the folder that was named is not there, or the client speaks another protocol.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let here = std::env::current_dir()?;
    let project = Project::find(&here);
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    if std::io::stdin().is_terminal() {
        face.tell(
            "this waits for an agent's client, which starts it (docs/AGENTS.md); Ctrl-D ends it",
        );
    }
    let (results, store) = (layout.root().to_owned(), layout.team().cloned());
    serve(Place::new(project, here, results).of_team(store.clone()))?;
    // It outlives what answered: its connections may not end inside of a runtime.
    drop(store);
    Ok(Exit::Held)
}
