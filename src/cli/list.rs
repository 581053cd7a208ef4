//! `tokgate list`: the runs and epochs that were measured.

use crate::cli::ask::{How, Only};
use crate::cli::face::Face;
use crate::cli::team;
use crate::config::Config;
use crate::project::Project;
use crate::report::sheet::{Cell, Sheet};
use crate::store::{FileStore, ListedEpoch, ListedRun, Store, Taken};
use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use std::path::PathBuf;
use tokgate_core::choice::Filter;
use tokgate_core::price::Prices;
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Exit;

/// What is said of an empty store.
const NOTHING_YET: &str =
    "nothing was measured yet; `tokgate run quick` measures without any server";
/// What is said where filters leave nothing.
const NOTHING_LEFT: &str =
    "the filters leave nothing; `tokgate list` without them lists the newest";

/// List measured runs and models.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
    /// Every epoch instead of every run; a filter takes a run when it takes one of its epochs
    #[arg(long)]
    epochs: bool,
    /// At most this many, the newest
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
    limit: usize,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    only: Only,
    #[command(flatten)]
    how: How,
}

/// Lists the newest first.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    let filter = args.only.filter(Timestamp::now())?;
    let store = FileStore::open(layout)?;
    let prices = Prices { catalogue: Config::load(&project)?.catalogue, hourly_usd: None };
    let is_open = filter == Filter::default();
    let taken = (!is_open).then(|| store.taken(&filter, &prices)).transpose()?;
    let how = if args.json { args.how.clone().in_json() } else { args.how.clone() };
    let (sheet, json) = match args.epochs {
        true => {
            let epochs = epochs(&store, taken.as_ref(), args.limit)?;
            (sheet_of_epochs(&epochs), json!({ "epochs": epochs }))
        }
        false => {
            let runs = runs(&store, taken.as_ref(), args.limit)?;
            (sheet_of_runs(&runs), json!({ "runs": runs }))
        }
    };
    if sheet.is_empty() && how.is_table() {
        face.tell(if is_open { NOTHING_YET } else { NOTHING_LEFT });
    } else {
        how.tell(&sheet, &json, face)?;
    }
    if !args.epochs && is_open {
        imported(store.imported_count()?, face);
    }
    Ok(Exit::Held)
}

/// The newest runs; of all that there are, where a filter takes some of them.
fn runs(store: &FileStore, taken: Option<&Taken>, limit: usize) -> Result<Vec<ListedRun>> {
    let Some(taken) = taken else { return Ok(store.runs(limit)?) };
    let runs = store.runs(usize::MAX)?.into_iter();
    Ok(runs.filter(|run| taken.runs.contains(&run.run_id)).take(limit).collect())
}

fn epochs(store: &FileStore, taken: Option<&Taken>, limit: usize) -> Result<Vec<ListedEpoch>> {
    let Some(taken) = taken else { return Ok(store.epochs(limit)?) };
    let epochs = store.epochs(usize::MAX)?.into_iter();
    Ok(epochs.filter(|epoch| taken.tests.contains(&epoch.test_id)).take(limit).collect())
}

fn sheet_of_runs(runs: &[ListedRun]) -> Sheet {
    let mut sheet = Sheet::new(["run", "scenario", "machine", "cases", "epochs", "valid", "goals"]);
    for run in runs {
        sheet.push(vec![
            Cell::text(Some(&run.run_id)),
            Cell::text(Some(&run.scenario)),
            Cell::text(Some(&run.machine)),
            Cell::count(Some(run.cases)),
            Cell::count(Some(run.epochs)),
            Cell::count(Some(run.valid_epochs)),
            Cell::text(Some(&format!("{}/{}", run.targets_met, run.total_targets))),
        ]);
    }
    sheet
}

/// Results of other tools are no runs of ours.
fn imported(count: u64, face: &Face) {
    match count {
        0 => {}
        1 => face.tell("1 imported result beside them: `tokgate list --epochs` lists it, too"),
        n => face.tell(&format!(
            "{n} imported results beside them: `tokgate list --epochs` lists them, too"
        )),
    }
}

fn sheet_of_epochs(epochs: &[ListedEpoch]) -> Sheet {
    let mut sheet =
        Sheet::new(["case", "success", "tok/s", "ttft p50", "query p95", "validity", "test id"]);
    let shown = |value: Option<f64>, unit: Unit| {
        value.map_or(Cell::Nothing, |value| Cell::Number(unit.show(value), value))
    };
    for epoch in epochs {
        let success = epoch.success_rate_percent;
        sheet.push(vec![
            Cell::text(Some(&epoch.case_id)),
            Cell::Number(format!("{success:.1} %"), success),
            shown(epoch.tok_s, Unit::TokensPerSecond),
            shown(epoch.ttft_p50_s, Unit::Seconds),
            shown(epoch.query_p95_s, Unit::Seconds),
            // Of what others measured nobody here knows that it is VALID; that it is not may be known.
            Cell::text(Some(match (epoch.provenance.as_str(), epoch.validity.as_str()) {
                ("measured", validity) | (_, validity @ "INVALID") => validity,
                (other, _) => other,
            })),
            Cell::text(Some(&epoch.test_id)),
        ]);
    }
    sheet
}
