//! `tokgate report RUN --json|--junit`: a stored run as other programs read it.

use crate::again::report_stored;
use crate::cli::face::Face;
use crate::cli::show::{by_case, heads, stored};
use crate::project::Project;
use crate::report::{json, junit};
use crate::session::MeasuredCase;
use crate::store::{FileStore, Layout, Stored, atomic};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokgate_core::report::Report;
use tokgate_core::verdict::{Exit, Judged};

/// Standard output, where a file may be named.
const STDOUT: &str = "-";

/// Tell a stored run to other programs, by the verdicts that were kept with it.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("format").required(true))]
pub(super) struct Args {
    /// A run; `tokgate list` shows them
    run: String,
    /// JUnit XML, into a file where one is named
    #[arg(long, group = "format", value_name = "FILE", num_args = 0..=1, default_missing_value = STDOUT)]
    junit: Option<PathBuf>,
    /// One JSON object, as `tokgate run --format json` prints it
    #[arg(long, group = "format")]
    json: bool,
    /// What is merely not proven counts as a failure in the conclusion
    #[arg(long, env = "TOKGATE_STRICT")]
    strict: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Reads the run and writes it. How the run ended is told in what is written, and is no failure of
/// writing it.
///
/// # Errors
/// When there is no such run, its raw lines cannot be read, or the file cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let root = project.stored(args.results_dir.as_deref())?;
    let epochs = stored(&FileStore::open(Layout::new(root))?, &args.run, face)?;
    let report = kept(epochs.unwrap_or_default(), &args.run, args.strict)?;
    match &args.junit {
        Some(file) => put(file, &junit::report(&report), face)?,
        None => face.say(&json::report(&report).to_string()),
    }
    Ok(Exit::Held)
}

/// A run by the verdicts that were kept with it. Its own side: what it was compared with pair by pair
/// is another commit's.
///
/// # Errors
/// When it has no epoch of its own.
pub(super) fn kept(epochs: Vec<Stored>, run: &str, strict: bool) -> Result<Report> {
    let cases: Vec<_> = by_case(heads(epochs)).into_iter().map(case).collect();
    if cases.is_empty() {
        bail!("`{run}` has no epoch to tell; `tokgate list` shows what there is");
    }
    Ok(report_stored(cases, strict))
}

fn case(epochs: Vec<Stored>) -> (MeasuredCase, Vec<Judged>) {
    let verdicts = epochs.iter().flat_map(|epoch| &epoch.verdicts).map(Into::into).collect();
    (MeasuredCase::of(epochs), verdicts)
}

fn put(file: &Path, text: &str, face: &Face) -> Result<()> {
    if file.as_os_str() == STDOUT {
        face.say(text.trim_end());
        return Ok(());
    }
    let refused = || format!("cannot write the report to {}", file.display());
    // Written beside itself first, which takes a folder's name.
    let path = std::path::absolute(file).with_context(refused)?;
    Ok(atomic::write(&path, text.as_bytes())?)
}
