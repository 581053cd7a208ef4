//! `tokgate verdict RUN`: a stored run judged again, without measuring: against another run or a
//! baseline, or by the pairs that it has.

use crate::again::{Twice, baseline_of, judge_pairs, judge_stored, judge_twice};
use crate::baselines::{Places, Wanted};
use crate::cli::face::Face;
use crate::cli::show::{by_case, heads, stored};
use crate::cli::team;
use crate::paired::Comparison;
use crate::project::Project;
use crate::report::{duel, json, terminal};
use crate::session::{Identity, MeasuredCase};
use crate::store::{FileStore, Layout, Stored};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use tokgate_baseline::Baseline;
use tokgate_core::case::CaseId;
use tokgate_core::report::Report;
use tokgate_core::verdict::Exit;

/// Judge a stored run again, against another one or a baseline.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run; `tokgate list` shows them
    run: String,
    /// What it is compared with: a run, a saved baseline, or a file; pairs have their base with them
    #[arg(long, short, visible_alias = "baseline-file", value_name = "RUN|NAME|FILE")]
    baseline: Option<String>,
    /// A second booking of the same, where no base can be measured: judged with the first against
    /// the bookings of the baseline, and at most *regressed (unpaired)*
    #[arg(long, value_name = "RUN", requires = "baseline")]
    again: Option<String>,
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
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    let store = FileStore::open(layout.clone())?;
    let epochs = named(&store, &args.run, face)?;
    let report = match &args.baseline {
        Some(baseline) => {
            let head = cases(epochs);
            let places = Places {
                project: project.root.as_deref(),
                layout: &layout,
                machine: &head[0].head().machine,
            };
            let against = against(baseline, &store, &places, &head[0], face)?;
            match &args.again {
                Some(again) => {
                    let again = another_booking(&head[0], cases(named(&store, again, face)?))?;
                    let twice = Twice { first: &head, again: &again };
                    judge_twice(&twice, &against, baseline, args.strict)
                }
                None => judge_stored(&head, &against, baseline, args.strict),
            }
        }
        None => {
            let Some(comparison) = Comparison::of(epochs) else {
                bail!(
                    "{} was not measured in pairs: name what it is compared with by `--baseline`",
                    args.run
                );
            };
            in_pairs(&comparison, project.root.as_deref(), &layout, args.strict)?
        }
    };
    let is_paired = report.cases.iter().any(|case| case.pairs.is_some());
    match (args.json, is_paired) {
        (true, _) => face.say(&json::report(&report).to_string()),
        (false, true) => face.say(&duel::report(&report, face.out)),
        (false, false) => {
            report.cases.iter().for_each(|case| face.say(&terminal::case(case, face.out)));
            face.say(&terminal::closing(&report, face.out));
        }
    }
    Ok(report.exit)
}

fn named(store: &FileStore, run: &str, face: &Face) -> Result<Vec<Stored>> {
    let epochs = stored(store, run, face)?;
    epochs.with_context(|| format!("no run is called `{run}`; `tokgate list` shows what there is"))
}

/// The verdict of pairs, from their raw epochs.
///
/// # Errors
/// When the recorded baseline, which knows how pairs vary, is there and cannot be read.
pub(super) fn in_pairs(
    comparison: &Comparison,
    project: Option<&Path>,
    layout: &Layout,
    strict: bool,
) -> Result<Report> {
    let first = comparison.cases[0].head[0].run.head.clone();
    let places = Places { project, layout, machine: &first.machine };
    let found = places.find(&Wanted::Recorded, first.case.id.scenario())?;
    let known = |case: &CaseId| found.baseline.as_ref()?.cases.get(case);
    let unmeasured = Vec::new();
    Ok(judge_pairs(&Identity::of(&first), comparison, &known, unmeasured, strict))
}

/// The cases of a second booking.
fn another_booking(first: &MeasuredCase, again: Vec<MeasuredCase>) -> Result<Vec<MeasuredCase>> {
    let booking = &first.head().booking_id;
    if again.iter().any(|case| case.head().booking_id == *booking) {
        bail!(
            "both runs are of booking {booking}: what differs from one to the next is not seen in one"
        );
    }
    Ok(again)
}

/// What is named: a run, else a baseline.
fn against(
    name: &str,
    store: &FileStore,
    places: &Places<'_>,
    head: &MeasuredCase,
    face: &Face,
) -> Result<Baseline> {
    match stored(store, name, face)? {
        Some(base) => {
            of_run(&cases(base)).with_context(|| format!("run {name} cannot be a baseline"))
        }
        None => saved(name, places, head),
    }
}

/// The cases of a run; of pairs, the heads. At least one.
fn cases(epochs: Vec<Stored>) -> Vec<MeasuredCase> {
    by_case(heads(epochs)).into_iter().map(MeasuredCase::of).collect()
}

fn of_run(cases: &[MeasuredCase]) -> Result<Baseline> {
    let began = cases.first().map_or(0, |case| case.head().started_us);
    Ok(baseline_of(cases, Timestamp::from_microsecond(began)?)?)
}

fn saved(name: &str, places: &Places<'_>, head: &MeasuredCase) -> Result<Baseline> {
    let found = places.find(&Wanted::Strict(name.to_owned()), head.head().case.id.scenario());
    let found = found.with_context(|| format!("no run is called `{name}`"))?;
    found.baseline.with_context(|| format!("`{name}` is neither a run nor a baseline"))
}
