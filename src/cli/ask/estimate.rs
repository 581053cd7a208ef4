//! `tokgate estimate`: how long so many requests to a model take, and what they cost.

use super::{How, Which, held, known};
use crate::choice::{Estimate, estimate, newest_of_each};
use crate::cli::face::Face;
use crate::report::answers;
use anyhow::Result;
use serde_json::json;
use tokgate_core::verdict::Exit;

/// How long so many requests take, and what they cost; of every model where none is named.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// So many requests
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Estimates and tells.
///
/// # Errors
/// When the model was not measured, or the store cannot be read.
pub(in crate::cli) fn run(args: &Args, face: &Face) -> Result<Exit> {
    of(args.requests, &args.which, &args.how, face)
}

/// The same for whoever else is asked how long.
pub(super) fn of(requests: u64, which: &Which, how: &How, face: &Face) -> Result<Exit> {
    let asked = which.ask()?;
    if let Some(model) = which.model() {
        known(&asked, model)?;
    }
    let models = newest_of_each(&asked.rows).into_iter().map(|row| row.model.as_str());
    let estimates: Vec<Estimate> =
        models.filter_map(|model| estimate(&asked.rows, model, requests)).collect();
    let json = json!({ "requests": requests, "estimates": estimates });
    how.tell(&answers::estimates(&estimates), &json, face)?;
    Ok(held(!estimates.is_empty(), face))
}
