//! `tokgate baseline diff OLD NEW`: what differs between two baselines or runs, in numbers and in
//! the files' texts.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::baseline::source::{epochs, made_of, sorted};
use crate::cli::face::Face;
use crate::git;
use crate::report::renewal::{json, obstacles, table, unjudged};
use crate::store::Stored;
use anyhow::{Context, Result, bail};
use similar::TextDiff;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokgate_baseline::{Admission, Baseline, renewed};
use tokgate_core::diagnostic::escape;
use tokgate_core::verdict::Exit;

/// How long the shortest difference of two texts is looked for; then a longer one will do.
const PATIENCE: Duration = Duration::from_secs(5);

/// What differs between two baselines or runs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A saved baseline's name, a file, a run, or a file of a commit (`main:path/of/it.json`)
    #[arg(value_name = "OLD")]
    old: String,
    /// The same, of what came later
    #[arg(value_name = "NEW")]
    new: String,
    /// One JSON object instead of a table and a diff
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Tells what differs, the newer one as the head of the older one.
///
/// # Errors
/// When one of them is not there, or is no baseline.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.results_dir.as_deref())?;
    let (old, new) = (side(&args.old, &home, face)?, side(&args.new, &home, face)?);
    let rows = renewed(&old, &new);
    let texts = unified(&args.old, &old, &args.new, &new);
    match args.json {
        true => {
            let told = serde_json::json!({
                "old": args.old, "new": args.new, "metrics": json(&rows), "diff": texts,
            });
            face.say(&told.to_string());
        }
        false => {
            face.say(&table(&rows, face.out));
            obstacles(&rows).iter().for_each(|why| face.tell(&escape(why)));
            unjudged(&rows).iter().for_each(|why| face.tell(why));
            face.say(&format!("\n{}", escape(texts.trim_end())));
        }
    }
    Ok(Exit::Held)
}

/// One side: a run, a file of a commit, or a file.
fn side(name: &str, home: &Home, face: &Face) -> Result<Baseline> {
    if let Some(epochs) = run_of(name, home, face)? {
        let made = made_of(sorted(epochs), &Admission::LOOKING)?;
        return made.with_context(|| format!("run {name} cannot be a baseline"));
    }
    match (home.find_file(name), committed(name)?) {
        (Some(path), _) => baselines::load(&path),
        (None, Some(text)) => {
            Baseline::parse(&text).with_context(|| format!("{name} is no usable baseline"))
        }
        (None, None) => bail!(
            "neither a run nor a baseline is called `{name}`; `tokgate list` and `tokgate baseline list` \
             show what there is, and a file of a commit is called REF:PATH"
        ),
    }
}

/// The epochs of the run of this name, where there is one.
fn run_of(name: &str, home: &Home, face: &Face) -> Result<Option<Vec<Stored>>> {
    match home.store_if_any()? {
        Some(store) => epochs(&store, name, face),
        None => Ok(None),
    }
}

/// The text of a file of a commit, where `name` is that.
fn committed(name: &str) -> Result<Option<String>> {
    match name.contains(':') {
        true => git::text_at(Path::new("."), name).map_err(anyhow::Error::msg),
        false => Ok(None),
    }
}

/// The unified diff of the files' texts; its two first lines alone where they are the same.
fn unified(old_name: &str, old: &Baseline, new_name: &str, new: &Baseline) -> String {
    let (old, new) = (old.to_json(), new.to_json());
    let (from, to) = (format!("old\t{}", escape(old_name)), format!("new\t{}", escape(new_name)));
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(&old, &new);
    match old == new {
        true => format!("--- {from}\n+++ {to}\n"),
        false => diff.unified_diff().header(&from, &to).to_string(),
    }
}
