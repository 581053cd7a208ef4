//! `tokgate export --parts FOLDER`: what a worker of a shared load measured, put again where all put theirs.

use crate::cli::face::Face;
use crate::config::Config;
use crate::part::{Kept, Putting};
use crate::project::Project;
use crate::store::{self, Stored};
use anyhow::{Result, bail};
use std::path::Path;
use tokgate_core::price::Prices;
use tokgate_core::verdict::Exit;

/// Puts the part that lies in `folder`; to `out` instead of where it was to be put, if that is said.
///
/// # Errors
/// When there is none, when it cannot be read, or the place would not take it.
pub(super) fn put_again(folder: &Path, out: Option<&str>, face: &Face) -> Result<Exit> {
    if !Kept::is_in(folder) {
        bail!(
            "{} holds no part of a load: name a folder of `parts/RUN/` in the results of the worker that \
             measured it",
            folder.display()
        );
    }
    let kept = Kept::read(folder)?;
    let project = Project::find(&std::env::current_dir()?);
    let prices = Prices { catalogue: Config::load(&project)?.catalogue, hourly_usd: None };
    let putting = Putting::open(out.unwrap_or(&kept.place))?;
    face.say(&format!("put {}", putting.put(folder, &kept, &prices)?));
    for lines in kept.without_end(folder)? {
        face.tell(&left(&lines));
    }
    Ok(Exit::Held)
}

/// What is not put of an epoch that has no end: nobody knows what else was sent of it, or when its load began.
fn left(lines: &Path) -> String {
    let what = match store::read(lines) {
        Ok(Stored { run, .. }) => format!(
            "epoch {} of {}: {} requests of it",
            run.head.epoch,
            run.head.case.id,
            run.records.len()
        ),
        Err(error) => format!("an epoch that cannot be read ({error}); its raw lines"),
    };
    format!("not put, since it was cut off and has no end: {what} are in {}", lines.display())
}
