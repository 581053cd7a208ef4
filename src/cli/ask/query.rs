//! `tokgate query`: what was measured of a model.

use super::{How, Which, estimate, held, known};
use crate::choice::newest_of_each;
use crate::cli::face::Face;
use crate::report::answers;
use anyhow::Result;
use serde_json::json;
use tokgate_core::verdict::Exit;

/// What was measured: the newest epoch of each model, or how long so many requests take.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// How long so many requests take
    #[arg(long, short = 'n', value_name = "N", conflicts_with = "details", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// Every epoch instead of the newest
    #[arg(long)]
    details: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Looks up and tells.
///
/// # Errors
/// When the model was not measured, or the store cannot be read.
pub(in crate::cli) fn run(args: &Args, face: &Face) -> Result<Exit> {
    if let Some(requests) = args.requests {
        return estimate::of(requests, &args.which, &args.how, face);
    }
    let asked = args.which.ask()?;
    if let Some(model) = args.which.model() {
        known(&asked, model)?;
    }
    let rows = match args.details {
        true => asked.rows,
        false => newest_of_each(&asked.rows).into_iter().cloned().collect(),
    };
    args.how.tell(&answers::rows(&rows), &json!({ "rows": rows }), face)?;
    Ok(held(!rows.is_empty(), face))
}
