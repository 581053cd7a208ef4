//! `tokgate baseline verify NAME|FILE`: a baseline's numbers derived again from its raw epochs.

use crate::baselines;
use crate::cli::baseline::home::Home;
use crate::cli::baseline::source::{epochs, made_of, sorted};
use crate::cli::face::Face;
use crate::store::{FileStore, Stored};
use anyhow::Result;
use std::path::PathBuf;
use tokgate_baseline::{Admission, Baseline, differing};
use tokgate_core::case::CaseId;
use tokgate_core::diagnostic::escape;
use tokgate_core::verdict::Exit;

/// Derive a baseline's numbers again from the raw lines of its runs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A saved baseline's name, or a file
    #[arg(value_name = "NAME|FILE")]
    baseline: String,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Says `verified`, or what differs, or which runs are not stored here.
///
/// # Errors
/// When the file is no baseline, or stored runs cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let home = Home::find(args.results_dir.as_deref())?;
    let baseline = baselines::load(&home.file(&args.baseline)?)?;
    let stored = Found::read(&baseline, home.store_if_any()?.as_ref(), face)?;
    if !stored.absent.is_empty() || stored.epochs.is_empty() {
        let absent = match stored.absent.is_empty() {
            true => "the file names none".to_owned(),
            false => escape(&stored.absent.join(", ")),
        };
        face.tell(&format!(
            "not verified: its runs are not stored here ({absent}); fetch the results that it was \
             recorded from, and name their folder with --results-dir"
        ));
        return Ok(Exit::Invalid);
    }
    let differences = match made_of(sorted(stored.epochs), &Admission::LOOKING)? {
        Ok(again) => differing(&baseline, &again)
            .into_iter()
            .map(|one| {
                format!("{} is {} in the file, {} by its runs", one.place, one.file, one.again)
            })
            .collect(),
        Err(why) => vec![format!("its runs make no baseline: {why}")],
    };
    for difference in &differences {
        face.say(&format!("differs: {}", escape(difference)));
    }
    match differences.is_empty() {
        true => {
            face.say(&format!("verified  {}", args.baseline));
            Ok(Exit::Held)
        }
        false => Ok(Exit::Regressed),
    }
}

/// The runs of a baseline, as far as they are stored.
struct Found {
    epochs: Vec<Stored>,
    absent: Vec<String>,
}

impl Found {
    /// Reads what the baseline's runs say of its scenarios.
    fn read(baseline: &Baseline, store: Option<&FileStore>, face: &Face) -> Result<Self> {
        let (mut all, mut absent) = (Vec::new(), Vec::new());
        for run in &baseline.provenance.runs {
            let stored = store.map(|store| epochs(store, run, face)).transpose()?;
            match stored.flatten() {
                Some(epochs) => all.extend(epochs),
                None => absent.push(run.clone()),
            }
        }
        let scenarios: Vec<&str> = baseline.cases.keys().map(CaseId::scenario).collect();
        all.retain(|epoch: &Stored| scenarios.contains(&epoch.run.head.case.id.scenario()));
        Ok(Self { epochs: all, absent })
    }
}
