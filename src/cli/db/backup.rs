//! `tokgate db backup`: a copy of the index that is whole, whoever writes meanwhile.

use super::layout;
use crate::cli::face::Face;
use crate::session::now_us;
use crate::store;
use anyhow::Result;
use std::path::PathBuf;
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Exit;

/// Copy the database, also while something is measured. It takes nobody's name.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to [default: the folder `backups` of the results, by the time]
    #[arg(value_name = "FILE")]
    to: Option<PathBuf>,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Copies and says where to.
///
/// # Errors
/// When the name is taken, the database is not sound or the copy cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let layout = layout(args.results_dir.as_deref())?;
    let made = store::backup(&layout, args.to.as_deref(), now_us())?;
    let size = Unit::Bytes.show(made.bytes as f64);
    face.say(&format!("copied {} to {}: {size}", layout.database().display(), made.path.display()));
    Ok(Exit::Held)
}
