//! `tokgate baseline list`: every saved and every recorded baseline.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::face::Face;
use crate::report::baseline::{Entry, list, list_json};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Every saved and every recorded baseline.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Lists them all; one that cannot be read is listed with its error, and used wrongly.
///
/// # Errors
/// When a folder cannot be listed.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.results_dir.as_deref())?;
    let kept = baselines::all(home.project.root.as_deref(), &home.layout)?;
    let told: Vec<(String, Option<String>)> = kept
        .iter()
        .map(|one| {
            let error = one.baseline.as_ref().err().map(|error| format!("{error:#}"));
            (one.path.display().to_string(), error)
        })
        .collect();
    let entries: Vec<Entry<'_>> = kept
        .iter()
        .zip(&told)
        .map(|(one, (file, error))| Entry {
            name: &one.name,
            file,
            said: one.baseline.as_ref().map_err(|_| error.as_deref().unwrap_or_default()),
        })
        .collect();
    match (args.json, entries.is_empty()) {
        (true, _) => face.say(&list_json(&entries).to_string()),
        (false, true) => face.tell(
            "no baseline is kept yet; `tokgate run SCENARIO --save-baseline NAME` saves one, \
             `tokgate baseline record RUN` records one",
        ),
        (false, false) => face.say(&list(&entries, face.out)),
    }
    match entries.iter().all(|entry| entry.said.is_ok()) {
        true => Ok(Exit::Held),
        false => Ok(Exit::Usage),
    }
}
