//! `tokgate purge RUN`: the texts of the answers out of a run whose numbers stay.

use crate::cli::face::Face;
use crate::cli::team;
use crate::project::Project;
use crate::store::{Layout, Purged, purge, rehearse_purge};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Take the answers' texts out of a run; its numbers stay.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run, whole; `tokgate list` shows them
    run: String,
    /// Do it: without this it is only said what would go
    #[arg(long)]
    yes: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Takes them out, or says what would go.
///
/// # Errors
/// When there is no such run, somebody else has the store open, or a file cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    let run = &args.run;
    if !args.yes {
        let would = counted(rehearse_purge(&layout, run)?);
        face.say(&format!("{run} keeps the texts of {would}; nothing was changed"));
        face.tell("`--yes` takes them out for good");
        return Ok(Exit::Held);
    }
    face.say(&format!("took the texts of {} out of {run}", counted(purge(&layout, run)?)));
    face.tell(
        "prompts that a scenario lists stay, since they say which case it is; copies in `trash/`, \
         `backups/` and `logs/` are left alone",
    );
    if let Some(store) = team::meant(&project)? {
        face.tell(&format!(
            "{} may have them still: `tokgate store deliver {run}` takes them out there, too",
            store.place()
        ));
    }
    Ok(Exit::Held)
}

fn counted(purged: Purged) -> String {
    let many = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    format!("{} in {}", many(purged.answers, "answer"), many(purged.files, "file"))
}
