//! `tokgate status`: what was measured so far, and what is missing.

use super::{How, Which};
use crate::choice::coverage;
use crate::cli::face::Face;
use crate::report::answers;
use anyhow::Result;
use serde_json::json;
use tokgate_core::verdict::Exit;

/// What was measured so far: configurations with their runs, GPU types of the catalogue, what is stale.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Looks at everything and tells.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::cli) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let asked = args.which.ask()?;
    let found = coverage(&asked.rows, &asked.prices.catalogue, asked.now_us);
    args.how.tell(&answers::coverage(&found), &json!(found), face)?;
    Ok(Exit::Held)
}
