//! `tokgate stats`: how often the judge was wrong where nothing differed.

use crate::cli::face::Face;
use crate::cli::history::began;
use crate::cli::team;
use crate::cli::verdict::in_pairs;
use crate::paired::Comparison;
use crate::project::Project;
use crate::report::stats::{Canary, json, text};
use crate::store::{FileStore, Layout, Store};
use anyhow::Result;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use tokgate_core::verdict::Exit;

/// How often comparisons of equal sides were convicted, against what is promised: a canary for the
/// judge on this machine. `tokgate ab SCENARIO --a X --b X` measures one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only what began since then: 30d, 8w, or a day such as 2026-11-01
    #[arg(long, value_name = "30d|DATE")]
    since: Option<String>,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Judges every stored comparison of equal sides again, counts, and tells; ends with 1 where more was
/// convicted than chance explains.
///
/// # Errors
/// When the time is none, or the store cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    let since = args.since.as_deref().map(|since| began(since, Timestamp::now())).transpose()?;
    let found = counted(&layout, project.root.as_deref(), since.unwrap_or(i64::MIN), face)?;
    face.say(&match args.json {
        true => json(&found).to_string(),
        false => text(&found),
    });
    Ok(match (found.alarms.comparisons, found.alarms.breaks_the_promise()) {
        (0, _) => Exit::Nothing,
        (_, true) => Exit::Regressed,
        (_, false) => Exit::Held,
    })
}

fn counted(layout: &Layout, root: Option<&Path>, since_us: i64, face: &Face) -> Result<Canary> {
    let store = FileStore::open(layout.clone())?;
    let mut found = Canary::default();
    for run in store.paired_runs(since_us)? {
        let epochs = match store.show(&run) {
            Ok(epochs) => epochs,
            Err(why) => {
                face.tell(&format!("left out: {run}: {why}"));
                continue;
            }
        };
        match Comparison::of(epochs) {
            Some(pairs) if pairs.is_of_equals() => {
                let report = in_pairs(&pairs, root, layout, false)?;
                found.alarms.add(report.cases.iter().flat_map(|case| &case.verdicts));
            }
            Some(_) => found.different += 1,
            None => {}
        }
    }
    Ok(found)
}
