//! What another job measured, judged again by those who trust it with nothing but its numbers.
//!
//! Every byte of it may be made up. It is bounded, read strictly, and of what it says of itself only
//! the raw epochs are used: what was asked, how closely it is judged and what it is compared with are
//! the base's; whether an epoch is valid is found out anew.

use super::written::Left;
use crate::paired::Comparison;
use crate::session::MeasuredCase;
use crate::store::{self, Stored, ids};
use anyhow::{Context, Result, anyhow, bail};
use std::collections::BTreeMap;
use std::path::Path;
use tokgate_baseline::compat::CompatKey;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::diagnostic::line;
use tokgate_core::environment::MachineId;
use tokgate_core::run::Arm;
use tokgate_core::validity::assess;

/// Largest `gate.json` that is read.
const LARGEST_LIST: u64 = 1 << 20;
/// Most bytes of all raw epochs together.
const LARGEST_RAW: u64 = 512 << 20;
/// Most epochs.
const MOST_EPOCHS: usize = 4096;

/// The epochs of an artifact, as the base's plan has their cases.
pub(super) struct Artifact {
    /// The head's cases, each with its epochs.
    pub(super) screen: Vec<MeasuredCase>,
    /// The pairs, where there are any.
    pub(super) pairs: Option<Comparison>,
    /// The commit that it says it was compared with.
    pub(super) base: String,
    /// The machine that the epochs say they were measured on.
    pub(super) machine: MachineId,
}

impl Artifact {
    /// Reads the artifact in `folder`; `planned` are the base's cases.
    ///
    /// # Errors
    /// When something is missing, too large, no epoch, or of a case that the base does not have or
    /// asks otherwise.
    pub(super) fn read(folder: &Path, planned: &[Case]) -> Result<Self> {
        // What is said of it quotes it.
        Self::read_strictly(folder, planned).map_err(|error| anyhow!(line(&format!("{error:#}"))))
    }

    fn read_strictly(folder: &Path, planned: &[Case]) -> Result<Self> {
        let left = list(&folder.join("gate.json"))?;
        if left.epochs.len() > MOST_EPOCHS {
            bail!("{}: more than {MOST_EPOCHS} epochs", folder.display());
        }
        let mut bytes = 0;
        let mut epochs = Vec::new();
        for test_id in &left.epochs {
            if !ids::is_plain(test_id) {
                bail!("gate.json names `{}`, which is no name of an epoch", test_id.escape_debug());
            }
            let path = folder.join("raw").join(format!("{test_id}.jsonl"));
            let metadata = std::fs::symlink_metadata(&path)
                .map_err(|error| anyhow!("the artifact lacks {}: {error}", path.display()))?;
            bytes += metadata.len();
            if bytes > LARGEST_RAW {
                bail!("the raw epochs are larger than {LARGEST_RAW} bytes");
            }
            // Whatever is wrong with it is the artifact's fault, and not our disk's.
            let epoch = store::read(&path).map_err(|error| anyhow!("{error}"))?;
            if epoch.run.head.test_id != *test_id {
                bail!("{} says that it is another epoch", path.display());
            }
            epochs.push(epoch);
        }
        let first = epochs.first().context("the artifact has no epoch")?;
        let machine = first.run.head.machine.clone();
        if epochs.iter().any(|epoch| epoch.run.head.machine != machine) {
            bail!("the epochs are of several machines");
        }
        // Its baseline is found by that name, and must not be one that the artifact brings.
        if !ids::is_plain(&machine.0) {
            bail!("the epochs name `{}`, which is no machine's key", machine.0.escape_debug());
        }
        Self::of(epochs, &left, planned, machine)
    }

    fn of(epochs: Vec<Stored>, left: &Left, planned: &[Case], machine: MachineId) -> Result<Self> {
        let (mut screen, mut pairs) = (Vec::new(), Vec::new());
        for epoch in epochs {
            let is_pair = Some(&epoch.run.head.run_id) == left.pairs.as_ref();
            if !is_pair && epoch.run.head.run_id != left.run {
                bail!("epoch {} is of neither of the gate's runs", epoch.run.head.test_id);
            }
            let control = Comparison::is_control(&epoch.run.head);
            let epoch = if control { assessed(epoch) } else { as_planned(epoch, planned)? };
            if is_pair { pairs.push(epoch) } else { screen.push(epoch) }
        }
        let (base, pairs) = (left.base.clone(), Comparison::of(pairs));
        Ok(Self { screen: cases(screen), pairs, base, machine })
    }
}

fn list(path: &Path) -> Result<Left> {
    let unreadable =
        |error| anyhow!("no artifact of a gate: cannot read {}: {error}", path.display());
    let metadata = std::fs::symlink_metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        bail!("{} is not a plain file", path.display());
    }
    if metadata.len() > LARGEST_LIST {
        bail!("{} is larger than {LARGEST_LIST} bytes", path.display());
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    serde_json::from_str(&text).with_context(|| format!("{} is no list of a gate", path.display()))
}

/// The epoch with the case that the base planned in the place of its own: the same question, judged as
/// the base says. In pairs, `run.epochs` is how many the first look had.
fn as_planned(mut epoch: Stored, planned: &[Case]) -> Result<Stored> {
    let head = &mut epoch.run.head;
    let Some(case) = planned.iter().find(|case| case.id == head.case.id) else {
        bail!("the base has no case {}", head.case.id);
    };
    let key = CompatKey::new(&head.machine, [case]);
    let differences = key.differences(&head.machine, &head.case);
    if !differences.is_empty() {
        bail!("{} asks something else than the base's: {}", case.id, differences.join("; "));
    }
    let (epochs, mut own) = (head.case.run.epochs, head.case.clone());
    own.gate = case.gate.clone();
    own.goals.clone_from(&case.goals);
    own.validity = case.validity;
    own.run = case.run.clone();
    own.run.epochs = epochs;
    head.case = own;
    Ok(assessed(epoch))
}

fn assessed(mut epoch: Stored) -> Stored {
    epoch.validity = assess(&epoch.run);
    epoch.verdicts.clear();
    epoch
}

/// The head's epochs by case.
fn cases(epochs: Vec<Stored>) -> Vec<MeasuredCase> {
    let mut order: Vec<CaseId> = Vec::new();
    let mut groups: BTreeMap<CaseId, Vec<Stored>> = BTreeMap::new();
    for epoch in epochs.into_iter().filter(|epoch| epoch.run.head.arm == Arm::Head) {
        let id = epoch.run.head.case.id.clone();
        if !groups.contains_key(&id) {
            order.push(id.clone());
        }
        groups.entry(id).or_default().push(epoch);
    }
    order.into_iter().filter_map(|id| groups.remove(&id)).map(MeasuredCase::of).collect()
}
