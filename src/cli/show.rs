//! `tokgate show RUN`: a stored run again, computed anew from its raw lines.

use crate::cli::face::Face;
use crate::cli::team;
use crate::decided::report_case;
use crate::paired::Comparison;
use crate::project::Project;
use crate::report::{alerts, imported, json, terminal};
use crate::session::MeasuredCase;
use crate::store::{FileStore, Store, StoreError, Stored};
use anyhow::{Result, bail};
use std::path::PathBuf;
use tokgate_core::report::CaseReport;
use tokgate_core::run::{Arm, Head};
use tokgate_core::verdict::Exit;

/// Show a stored run again, whole.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run, or the test id of one epoch; `tokgate list` shows them
    run: String,
    /// One JSON object a case instead of tables
    #[arg(long)]
    json: bool,
    /// The answers that were kept, too
    #[arg(long)]
    responses: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Reads, computes and shows.
///
/// # Errors
/// When there is no such run, or its raw lines cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    let store = FileStore::open(layout)?;
    if let Some(kept) = store.imported(&args.run)? {
        face.say(&match args.json {
            true => serde_json::to_string(&kept)?,
            false => imported::text(&kept.test_id, &kept.result),
        });
        return Ok(Exit::Held);
    }
    let Some(epochs) = stored(&store, &args.run, face)? else {
        bail!("no run or test is called `{}`; `tokgate list` shows what there is", args.run);
    };
    for report in by_case(epochs).into_iter().map(case) {
        face.say(&match args.json {
            true => json::case(&report).to_string(),
            false => terminal::case(&report, face.out) + &alerts::block(&report.alerts, face.out),
        });
        if args.responses {
            report
                .samples
                .iter()
                .for_each(|sample| face.say(&format!("> {}", sample.escape_debug())));
        }
    }
    Ok(Exit::Held)
}

/// The epochs of a stored run, at least one; `None` where there is no such run.
///
/// # Errors
/// When they cannot be read.
pub(super) fn stored(store: &FileStore, name: &str, face: &Face) -> Result<Option<Vec<Stored>>> {
    let epochs = match store.show(name) {
        Ok(epochs) => epochs,
        Err(StoreError::Unknown(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    epochs.iter().flat_map(|epoch| &epoch.notes).for_each(|note| face.tell(note));
    Ok((!epochs.is_empty()).then_some(epochs))
}

/// What was measured of the change itself: neither the other side of a pair nor the control.
pub(super) fn heads(mut epochs: Vec<Stored>) -> Vec<Stored> {
    let is_head = |head: &Head| head.arm == Arm::Head && !Comparison::is_control(head);
    epochs.retain(|epoch| is_head(&epoch.run.head));
    epochs
}

/// The epochs by case and side, in the order in which they were measured.
pub(super) fn by_case(epochs: Vec<Stored>) -> Vec<Vec<Stored>> {
    let key = |epoch: &Stored| (epoch.run.head.case.id.clone(), epoch.run.head.arm);
    let mut groups: Vec<Vec<Stored>> = Vec::new();
    for epoch in epochs {
        match groups.iter_mut().find(|group| key(&group[0]) == key(&epoch)) {
            Some(group) => group.push(epoch),
            None => groups.push(vec![epoch]),
        }
    }
    groups
}

/// What was decided of a case when it was stored.
pub(super) fn case(epochs: Vec<Stored>) -> CaseReport {
    // What an earlier epoch says was said when the run was interrupted there.
    let last = epochs.last().map(|epoch| epoch.verdicts.as_slice());
    let verdicts = last.unwrap_or_default().iter().map(Into::into).collect();
    report_case(&MeasuredCase::of(epochs), verdicts)
}
