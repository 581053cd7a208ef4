//! `tokgate baseline show NAME|FILE`: where a baseline comes from, and what it says.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::face::Face;
use crate::report::baseline::{show, show_json};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// One baseline: where it comes from, and what it says of each metric.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A saved baseline's name, or a file
    #[arg(value_name = "NAME|FILE")]
    baseline: String,
    /// One JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Reads and shows.
///
/// # Errors
/// When it is not there, or is no baseline.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.results_dir.as_deref())?;
    let baseline = baselines::load(&home.file(&args.baseline)?)?;
    face.say(&match args.json {
        true => show_json(&args.baseline, &baseline).to_string(),
        false => show(&args.baseline, &baseline, face.out),
    });
    Ok(Exit::Held)
}
