//! How the figures of a run are kept and told whose rows are too many to be kept.

use crate::cli::face::Face;
use crate::cli::merge::Args;
use crate::cli::run::Format;
use crate::cli::written;
use crate::merge::Merging;
use crate::report::{comparison, imported};
use crate::store::{FileStore, Kept, KeptImport, Store, imported_run};
use anyhow::{Result, bail};
use serde_json::json;
use tokgate_core::imported::Imported;
use tokgate_core::verdict::Exit;

/// What was kept, or was before.
pub(super) struct Outcome {
    /// The runs that it counts as, one a case.
    pub(super) runs: Vec<String>,
    pub(super) exit: Exit,
}

impl Outcome {
    fn of(kept: &[KeptImport]) -> Self {
        let is_valid = kept.iter().all(|kept| kept.result.invalid.is_empty());
        let exit = if is_valid { Exit::Held } else { Exit::Invalid };
        Self { runs: kept.iter().map(|kept| kept.run_id.clone()).collect(), exit }
    }
}

/// Keeps the figures of each case among the results that are told and judged never.
pub(super) fn run(
    args: &Args,
    merging: &Merging<'_>,
    mut store: FileStore,
    face: &Face,
) -> Result<Outcome> {
    let run = &merging.found.run;
    if args.baseline.is_some() {
        bail!(
            "run {run}: --baseline compares epochs, and of this load figures alone are kept: leave it out"
        );
    }
    if let Some(known) = known(merging, &store)? {
        face.say(&format!(
            "the figures of run {run} are kept already, from the same files: {}",
            shown_by(&known)
        ));
        return Ok(Outcome::of(&known));
    }
    face.tell(&format!(
        "run {run}: its requests stay at {}, and every figure is computed from all of them",
        merging.place.url()
    ));
    let tell = |result: &Imported| {
        face.tell(&format!("{}: {} requests", result.notes, result.requests.attempted))
    };
    let results = merging.figures(&tell)?;
    let mut kept = Vec::new();
    for result in &results {
        let (Kept::New(test_id) | Kept::Known(test_id)) = written::keep(&mut store, result)?;
        kept.extend(store.imported(&test_id)?);
    }
    store.finish_run(&comparison::markdown)?;
    tell_all(args.format, run, &kept, face);
    Ok(Outcome::of(&kept))
}

/// The figures of every case, where all of them are kept already.
fn known(merging: &Merging<'_>, store: &FileStore) -> Result<Option<Vec<KeptImport>>> {
    let mut known = Vec::new();
    for digest in merging.digests() {
        let Some(kept) = store.imported(&imported_run(&digest))? else { return Ok(None) };
        known.push(kept);
    }
    Ok(Some(known))
}

fn shown_by(kept: &[KeptImport]) -> String {
    let shown: Vec<String> =
        kept.iter().map(|kept| format!("`tokgate show {}`", kept.test_id)).collect();
    shown.join(", ")
}

fn tell_all(format: Format, run: &str, kept: &[KeptImport], face: &Face) {
    match format {
        Format::Json => face.say(&json!({ "run_id": run, "figures": kept }).to_string()),
        Format::Jsonl => {
            for kept in kept {
                face.say(
                    &json!({ "event": "figures", "run_id": run, "figures": kept }).to_string(),
                );
            }
        }
        Format::Table => {
            kept.iter().for_each(|kept| face.say(&imported::text(&kept.test_id, &kept.result)));
        }
    }
}
