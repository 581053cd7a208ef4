//! `tokgate rebuild`: the database again, from the raw lines.

use crate::cli::face::Face;
use crate::project::Project;
use crate::report::comparison;
use crate::store::{self, FileStore, Layout, Store};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Recreate the database from the raw lines.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Rebuilds and says what was found.
///
/// # Errors
/// When the folder or the new database cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let root = project.stored(args.results_dir.as_deref())?;
    let layout = Layout::new(root);
    let report = store::rebuild(&layout)?;
    FileStore::open(layout.clone())?.finish_run(&comparison::markdown)?;
    face.say(&format!(
        "made {} anew: {} epochs of {} measured cases",
        layout.database().display(),
        report.epochs,
        report.cases
    ));
    for note in &report.notes {
        face.tell(note);
    }
    for skipped in &report.skipped {
        face.tell(&format!("skipped {}: {}", skipped.path.display(), skipped.why));
    }
    if let Some(backup) = &report.backup {
        face.say(&format!("the old database is kept as {}", backup.display()));
    }
    Ok(Exit::Held)
}
