//! What a gate leaves for others: everything that the same judgement can be had from again.

use super::referee::Referee;
use crate::git::Edited;
use crate::paired::Comparison;
use crate::report::{json, junit};
use crate::store::{Layout, atomic, ids};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;
use tokgate_core::report::Report;
use tokgate_core::verdict::Conclusion;

/// Version of the shape of `gate.json`.
const SCHEMA_VERSION: u32 = 1;

/// `gate.json`: what is there, and what was made of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Left {
    schema_version: u32,
    /// The commit that it was compared with, as whoever measured says.
    pub(super) base: String,
    edited: Vec<Value>,
    /// The run that screened the head.
    pub(super) run: String,
    /// The run that measured pairs, where there was one.
    pub(super) pairs: Option<String>,
    /// Every epoch, by its test id: `raw/<test id>.jsonl`.
    pub(super) epochs: Vec<String>,
    conclusion: Conclusion,
    exit: u8,
}

/// Writes `gate.json`, `report.json`, `junit.xml` and the raw epochs below `folder`.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn artifact(
    folder: &Path,
    layout: &Layout,
    report: &Report,
    pairs: Option<&Comparison>,
    referee: &Referee,
) -> Result<()> {
    let raw = folder.join("raw");
    std::fs::create_dir_all(&raw).with_context(|| format!("cannot create {}", raw.display()))?;
    let screened = report.cases.iter().flat_map(|case| &case.epochs).map(|it| it.test_id.clone());
    let mut epochs: Vec<String> =
        screened.chain(pairs.into_iter().flat_map(|pairs| pairs.test_ids())).collect();
    epochs.sort_unstable();
    epochs.dedup();
    for test_id in epochs.iter().filter(|id| ids::is_plain(id)) {
        let from = layout.raw_file(test_id);
        let to = raw.join(format!("{test_id}.jsonl"));
        std::fs::copy(&from, &to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    let left = Left {
        schema_version: SCHEMA_VERSION,
        base: referee.base.clone(),
        edited: edited(referee),
        run: report.run_id.clone(),
        pairs: pairs.and_then(Comparison::run_id).map(str::to_owned),
        epochs,
        conclusion: report.conclusion,
        exit: report.exit.code(),
    };
    put(&folder.join("gate.json"), &format!("{:#}\n", json!(left)))?;
    put(&folder.join("report.json"), &format!("{:#}\n", object(report, referee)))?;
    put(&folder.join("junit.xml"), &junit::report(report))
}

/// The report as one object, with who judged and what was not taken from the change: `base`, the full
/// hash, and `edited`, each a `path` and `how` (`added`, `removed`, `changed`).
pub(super) fn object(report: &Report, referee: &Referee) -> Value {
    let mut object = json::report(report);
    object["base"] = json!(referee.base);
    object["edited"] = edited(referee).into();
    object
}

fn edited(referee: &Referee) -> Vec<Value> {
    let told = |one: &Edited| json!({ "path": one.path, "how": one.how });
    referee.edited.iter().map(told).collect()
}

fn put(path: &Path, text: &str) -> Result<()> {
    Ok(atomic::write(&std::path::absolute(path)?, text.as_bytes())?)
}
