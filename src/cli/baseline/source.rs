//! What a baseline is made of: stored runs, and what is let through of them.

use crate::again::baseline_admitted;
use crate::cli::face::Face;
use crate::cli::show::{by_case, heads, stored};
use crate::session::MeasuredCase;
use crate::store::{FileStore, Stored};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokgate_baseline::{Admission, Baseline, BaselineError};
use tokgate_core::environment::MachineId;
use tokgate_core::run::Head;

/// Stored runs, why a baseline is made of them, and what is let through.
#[derive(Debug, clap::Args)]
pub(super) struct Source {
    /// Runs, of one machine; `tokgate list` shows them
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// Why it is recorded, kept in the file
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(super) reason: String,
    /// Take INVALID epochs, too; the file is marked
    #[arg(long)]
    allow_invalid: bool,
    /// Take runs of a dirty tree, too; the file is marked
    #[arg(long)]
    allow_dirty: bool,
    /// Take runs of another machine, too; the file is marked
    #[arg(long)]
    allow_other_hardware: bool,
    /// Machine key instead of the detected one
    #[arg(long, env = "TOKGATE_MACHINE", value_name = "KEY")]
    machine: Option<String>,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    pub(super) results_dir: Option<PathBuf>,
}

/// What was read of them.
pub(super) struct Recording {
    epochs: Vec<Stored>,
    here: MachineId,
}

impl Source {
    /// Reads the runs.
    ///
    /// # Errors
    /// When one of them is not there, is no whole run, or cannot be read.
    pub(super) fn read(&self, store: &FileStore, face: &Face) -> Result<Recording> {
        let mut all = Vec::new();
        for name in &self.runs {
            let Some(epochs) = epochs(store, name, face)? else {
                bail!("no run is called `{name}`; `tokgate list` shows what there is");
            };
            if let Some(other) = epochs.iter().find(|it| it.run.head.run_id != *name) {
                let run = &other.run.head.run_id;
                bail!("`{name}` is one epoch of run {run}: a baseline is of whole runs, name that");
            }
            all.extend(epochs);
        }
        let here = self.machine.clone().map(MachineId);
        let here = here.unwrap_or_else(|| tokgate_harness::machine::detect().machine());
        Ok(Recording { epochs: sorted(all), here })
    }

    /// The baseline of all that was read.
    ///
    /// # Errors
    /// With what is not let through, and why.
    pub(super) fn baseline(&self, recording: Recording) -> Result<Baseline> {
        self.of(recording.epochs, &recording.here)
    }

    /// The baseline of each scenario, by its name.
    ///
    /// # Errors
    /// With what is not let through, and why.
    pub(super) fn by_scenario(&self, recording: Recording) -> Result<BTreeMap<String, Baseline>> {
        let Recording { epochs, here } = recording;
        let mut scenarios: BTreeMap<String, Vec<Stored>> = BTreeMap::new();
        for epoch in epochs {
            let scenario = epoch.run.head.case.id.scenario().to_owned();
            scenarios.entry(scenario).or_default().push(epoch);
        }
        let baseline = |(scenario, epochs)| Ok((scenario, self.of(epochs, &here)?));
        scenarios.into_iter().map(baseline).collect()
    }

    fn of(&self, epochs: Vec<Stored>, here: &MachineId) -> Result<Baseline> {
        let admission = Admission {
            invalid: self.allow_invalid,
            dirty: self.allow_dirty,
            other_hardware: self.allow_other_hardware,
            here: Some(here),
        };
        let mut baseline =
            made_of(epochs, &admission)?.context("no baseline can be made of this")?;
        baseline.provenance.reason.clone_from(&self.reason);
        Ok(baseline)
    }
}

impl Recording {
    /// The first epoch of each run, the oldest first.
    pub(super) fn runs(&self) -> Vec<Head> {
        let mut runs: Vec<Head> = Vec::new();
        for head in self.epochs.iter().map(|epoch| &epoch.run.head) {
            if !runs.iter().any(|known| known.run_id == head.run_id) {
                runs.push(head.clone());
            }
        }
        runs
    }
}

/// The epochs of the head that a stored run has; `None` where there is no such run. What the base
/// of a pair said is another commit's, and no part of a recording.
///
/// # Errors
/// When it cannot be read.
pub(super) fn epochs(store: &FileStore, name: &str, face: &Face) -> Result<Option<Vec<Stored>>> {
    let epochs = stored(store, name, face)?.map(heads);
    Ok(epochs.filter(|epochs| !epochs.is_empty()))
}

/// The epochs in the order of their time, each once: the same runs make the same file, however
/// they are named.
pub(super) fn sorted(mut epochs: Vec<Stored>) -> Vec<Stored> {
    let key = |epoch: &Stored| (epoch.run.head.started_us, epoch.run.head.test_id.clone());
    epochs.sort_by_key(key);
    epochs.dedup_by(|one, other| one.run.head.test_id == other.run.head.test_id);
    epochs
}

/// The baseline that these epochs make, by the moment at which the first of them began.
///
/// # Errors
/// In the outer result, when a moment is no date; in the inner one, with what is not let through.
pub(super) fn made_of(
    epochs: Vec<Stored>,
    admission: &Admission<'_>,
) -> Result<Result<Baseline, BaselineError>> {
    let began = epochs.first().map_or(0, |epoch| epoch.run.head.started_us);
    let at = Timestamp::from_microsecond(began).context("a run began at no date")?;
    let cases: Vec<MeasuredCase> = by_case(epochs).into_iter().map(MeasuredCase::of).collect();
    Ok(baseline_admitted(&cases, at, admission))
}
