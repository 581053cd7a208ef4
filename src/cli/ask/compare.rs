//! `tokgate compare`: configurations side by side, or models for numbers of requests.

use super::{How, Which, held};
use crate::choice::{Quantity, SortBy, compare, configurations};
use crate::cli::face::Face;
use crate::report::answers;
use anyhow::Result;
use serde_json::json;
use tokgate_core::verdict::Exit;

/// Configurations side by side: speed, cost, efficiency; or, with --requests, models by how long they
/// take.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Compare models by the time for so many requests: 50000,200000
    #[arg(long, short = 'n', value_name = "N,N", value_delimiter = ',', conflicts_with = "sort_by", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Vec<u64>,
    /// Column of the order: tokens_per_sec, cost_per_1k_tokens, cost_efficiency, ttft, ...
    #[arg(long, short, value_name = "COLUMN", default_value = Quantity::TokS.as_str())]
    sort_by: SortBy,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Compares and tells.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::cli) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let asked = args.which.ask()?;
    if !args.requests.is_empty() {
        let compared = compare(&asked.rows, &args.requests);
        let json = json!({ "num_requests": args.requests, "models": compared });
        args.how.tell(&answers::models(&compared, &args.requests), &json, face)?;
        return Ok(held(!compared.is_empty(), face));
    }
    let found = configurations(&asked.rows, asked.now_us).sorted_by(args.sort_by);
    let json = json!({
        "configurations": found.all,
        "tasks": found.tasks,
        "tasks_mixed": found.are_tasks_mixed(),
    });
    args.how.tell(&answers::configurations(&found), &json, face)?;
    Ok(held(!found.all.is_empty(), face))
}
