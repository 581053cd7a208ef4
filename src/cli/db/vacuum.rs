//! `tokgate db vacuum`: the index without the room that removed rows have left in it.

use super::layout;
use crate::cli::face::Face;
use crate::store;
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Exit;

/// Write the database anew without the room that removed rows have left; refused while it is in use.
///
/// It needs room on the disk for the database twice more.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Compacts and says both sizes.
///
/// # Errors
/// When the database is in use or not sound, or the disk is full.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let layout = layout(args.results_dir.as_deref())?;
    let store::Vacuumed { before, after } = store::vacuum(&layout)?;
    let size = |bytes: u64| Unit::Bytes.show(bytes as f64);
    let database = layout.database();
    face.say(&format!("{}: {} before, {} now", database.display(), size(before), size(after)));
    Ok(Exit::Held)
}
