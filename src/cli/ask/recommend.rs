//! `tokgate recommend`: which model on which hardware, and why.

use super::{How, Which};
use crate::choice::{Budget, Preference, Wish, recommend};
use crate::cli::face::Face;
use crate::report::answers;
use anyhow::Result;
use serde_json::json;
use tokgate_core::verdict::Exit;

/// Which model on which hardware to take: the best three, and why. The kind of task is
/// --task-category; without it, all kinds count together.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What an hour may cost, US dollars: under-1, 1-3, over-3, any
    #[arg(long, value_name = "BAND", default_value = Budget::Any.as_str())]
    budget: Budget,
    /// Which models are preferred: smallest, balanced, largest
    #[arg(long, value_name = "SIZE", default_value = Preference::Balanced.as_str())]
    prefer: Preference,
    /// Tokens that prompt and answer need; a model whose window is smaller or unknown is left out
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
    context: Option<u64>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Recommends and tells. Nothing to recommend is nothing to run, with what was nearest.
///
/// # Errors
/// When the store cannot be read.
pub(in crate::cli) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let Args { budget, prefer, context, which, how } = args;
    let asked = which.all_tasks().ask()?;
    let wish = Wish { task: which.task(), budget: *budget, preference: *prefer, context: *context };
    let found = recommend(&asked.rows, &wish, asked.now_us);
    let mut json = json!(found);
    json["advice"] = json!(found.advice());
    how.tell(&answers::recommended(&found), &json, face)?;
    Ok(if found.top.is_empty() { Exit::Nothing } else { Exit::Held })
}
