//! `tokgate list`: the runs and epochs that were measured.

use crate::cli::face::Face;
use crate::project::Project;
use crate::store::{FileStore, Layout, ListedEpoch, ListedRun, Store};
use anyhow::Result;
use comfy_table::{Table, presets};
use serde_json::json;
use std::path::PathBuf;
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Exit;

/// What is said of an empty store.
const NOTHING_YET: &str =
    "nothing was measured yet; `tokgate run quick` measures without any server";

/// List measured runs and models.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
    /// Every epoch instead of every run
    #[arg(long)]
    epochs: bool,
    /// At most this many, the newest
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
    limit: usize,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Lists the newest first.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let root = project.stored(args.results_dir.as_deref())?;
    let store = FileStore::open(Layout::new(root))?;
    match args.epochs {
        true => epochs(&store.epochs(args.limit)?, args, face),
        false => {
            runs(&store.runs(args.limit)?, args, face);
            imported(store.imported_count()?, face);
        }
    }
    Ok(Exit::Held)
}

fn runs(runs: &[ListedRun], args: &Args, face: &Face) {
    if args.json {
        return face.say(&json!({ "runs": runs }).to_string());
    }
    if runs.is_empty() {
        return face.tell(NOTHING_YET);
    }
    let mut table = plain(["run", "scenario", "machine", "cases", "epochs", "valid", "goals"]);
    for run in runs {
        table.add_row([
            run.run_id.clone(),
            run.scenario.clone(),
            run.machine.clone(),
            run.cases.to_string(),
            run.epochs.to_string(),
            run.valid_epochs.to_string(),
            format!("{}/{}", run.targets_met, run.total_targets),
        ]);
    }
    face.say(&table.trim_fmt());
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

fn epochs(epochs: &[ListedEpoch], args: &Args, face: &Face) {
    if args.json {
        return face.say(&json!({ "epochs": epochs }).to_string());
    }
    if epochs.is_empty() {
        return face.tell(NOTHING_YET);
    }
    let mut table =
        plain(["case", "success", "tok/s", "ttft p50", "query p95", "validity", "test id"]);
    let show = |value: Option<f64>, unit: Unit| {
        value.map_or_else(|| "–".to_owned(), |value| unit.show(value))
    };
    for epoch in epochs {
        table.add_row([
            epoch.case_id.clone(),
            format!("{:.1} %", epoch.success_rate_percent),
            show(epoch.tok_s, Unit::TokensPerSecond),
            show(epoch.ttft_p50_s, Unit::Seconds),
            show(epoch.query_p95_s, Unit::Seconds),
            match epoch.provenance.as_str() {
                "measured" => epoch.validity.clone(),
                other => other.to_owned(),
            },
            epoch.test_id.clone(),
        ]);
    }
    face.say(&table.trim_fmt());
}

fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty().set_header(header);
    table
}
