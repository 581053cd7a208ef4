//! `tokgate verdict RUN --baseline RUN`: a stored run judged again, without measuring.

use crate::baselines::{Places, Wanted};
use crate::cli::face::Face;
use crate::cli::show::{by_case, measured};
use crate::pipeline::{baseline_of, judge_stored};
use crate::project::Project;
use crate::report::{json, terminal};
use crate::session::MeasuredCase;
use crate::store::{FileStore, Layout, Store, StoreError};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::path::PathBuf;
use tokgate_baseline::Baseline;
use tokgate_core::verdict::Exit;

/// Judge a stored run again, against another one or a baseline.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run; `tokgate list` shows them
    run: String,
    /// What it is compared with: a run, a saved baseline, or a file
    #[arg(long, short, visible_alias = "baseline-file", value_name = "RUN|NAME|FILE")]
    baseline: String,
    /// What is merely not proven fails, too
    #[arg(long, env = "TOKGATE_STRICT")]
    strict: bool,
    /// One JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Reads both sides, judges, tells, and ends as the judgement does.
///
/// # Errors
/// When one of them is not there, cannot be read, or cannot be a baseline.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    let store = FileStore::open(layout.clone())?;
    let Some(head) = stored(&store, &args.run, face)? else {
        bail!("no run is called `{}`; `tokgate list` shows what there is", args.run);
    };
    let baseline = match stored(&store, &args.baseline, face)? {
        Some(base) => {
            of_run(&base).with_context(|| format!("run {} cannot be a baseline", args.baseline))?
        }
        None => saved(&args.baseline, &project, &layout, &head[0])?,
    };
    let report = judge_stored(&head, &baseline, &args.baseline, args.strict);
    match args.json {
        true => face.say(&json::report(&report).to_string()),
        false => {
            report.cases.iter().for_each(|case| face.say(&terminal::case(case, face.out)));
            face.say(&terminal::closing(&report, face.out));
        }
    }
    Ok(report.exit)
}

/// The cases of a stored run, at least one; `None` where there is no such run.
fn stored(store: &FileStore, name: &str, face: &Face) -> Result<Option<Vec<MeasuredCase>>> {
    let epochs = match store.show(name) {
        Ok(epochs) => epochs,
        Err(StoreError::Unknown(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    epochs.iter().flat_map(|epoch| &epoch.notes).for_each(|note| face.tell(note));
    let cases: Vec<MeasuredCase> = by_case(epochs).into_iter().map(measured).collect();
    Ok((!cases.is_empty()).then_some(cases))
}

fn of_run(cases: &[MeasuredCase]) -> Result<Baseline> {
    let began = cases.first().map_or(0, |case| case.head().started_us);
    Ok(baseline_of(cases, Timestamp::from_microsecond(began)?)?)
}

fn saved(name: &str, project: &Project, layout: &Layout, head: &MeasuredCase) -> Result<Baseline> {
    let places = Places { project: project.root.as_deref(), layout, machine: &head.head().machine };
    let found = places.find(&Wanted::Strict(name.to_owned()), head.head().case.id.scenario());
    let found = found.with_context(|| format!("no run is called `{name}`"))?;
    found.baseline.with_context(|| format!("`{name}` is neither a run nor a baseline"))
}
