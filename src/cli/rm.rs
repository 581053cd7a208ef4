//! `tokgate rm RUN`: a run out of the way, in a folder from which it can be brought back.

use crate::cli::face::Face;
use crate::project::Project;
use crate::report::comparison;
use crate::store::{Layout, Move, Trashed, rehearse, remove};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Take a run out: its files go to `trash/`, its rows leave the database.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run, whole; `tokgate list` shows them
    run: String,
    /// Only say what would be moved
    #[arg(long)]
    dry_run: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Moves the run and says how it comes back.
///
/// # Errors
/// When there is no such run, somebody else has the store open, or a file cannot be moved.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    match args.dry_run {
        true => rehearsed(&rehearse(&layout, &args.run)?, args, face),
        false => removed(&remove(&layout, &args.run, &comparison::markdown)?, &layout, args, face),
    }
    Ok(Exit::Held)
}

fn rehearsed(trashed: &Trashed, args: &Args, face: &Face) {
    for Move { from, to } in &trashed.files {
        face.say(&format!("{} -> {}", from.display(), to.display()));
    }
    face.tell(&format!("nothing was moved; {} has {}", args.run, counted(trashed)));
}

fn removed(trashed: &Trashed, layout: &Layout, args: &Args, face: &Face) {
    let folder = trashed.folder.display();
    face.say(&format!("moved {} to {folder}: {}", args.run, counted(trashed)));
    face.tell(&format!(
        "to bring it back, move what lies in its folders back into those of the same names in {}, and \
         call `tokgate rebuild`",
        layout.root().display()
    ));
}

fn counted(trashed: &Trashed) -> String {
    let many = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    format!("{}, {}", many(trashed.epochs, "epoch"), many(trashed.files.len(), "file"))
}
