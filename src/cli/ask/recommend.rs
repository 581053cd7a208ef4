//! `tokgate recommend`: which model on which hardware, and why; on a terminal it asks what is wanted.

use super::{Asked, How, Which, wizard};
use crate::choice::{Budget, Preference, Wish, recommend};
use crate::cli::face::Face;
use crate::report::answers;
use anyhow::Result;
use serde_json::json;
use std::ffi::OsString;
use tokgate_core::verdict::Exit;

/// Which model on which hardware to take: the best three, and why. On a terminal, without any of
/// --task-category, --budget, --prefer and --context, it asks what is wanted. Without a kind of task, all
/// kinds count together.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// What an hour may cost, US dollars: under-1, 1-3, over-3, any [default: any]
    #[arg(long, value_name = "BAND")]
    budget: Option<Budget>,
    /// Which models are preferred: smallest, balanced, largest [default: balanced]
    #[arg(long, value_name = "SIZE")]
    prefer: Option<Preference>,
    /// Tokens that prompt and answer need; a model whose window is smaller or unknown is left out
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
    context: Option<u64>,
    /// Ask nothing, also on a terminal
    #[arg(long)]
    no_input: bool,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

/// Recommends and tells. Nothing to recommend is nothing to run, with what was nearest.
///
/// # Errors
/// When the store cannot be read, or somebody leaves the questions.
pub(in crate::cli) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let asked = args.which.all_tasks().ask()?;
    let is_asked = args.asks(&asked) && wizard::somebody_is_there();
    let wish = if is_asked { wizard::ask(face)? } else { args.said() };
    let found = recommend(&asked.rows, &wish, asked.now_us);
    let mut json = json!(found);
    json["advice"] = json!(found.advice());
    args.how.tell(&answers::recommended(&found), &json, face)?;
    if is_asked {
        let called: Vec<OsString> = std::env::args_os().skip(1).collect();
        let same = wizard::same(called.iter().map(OsString::as_os_str), &wish);
        face.tell(&format!("\nthe same without questions:\n  {same}"));
    }
    Ok(if found.top.is_empty() { Exit::Nothing } else { Exit::Held })
}

impl Args {
    /// Whether it is for the questions to say what is wanted; where nothing was measured, they would be in
    /// vain.
    fn asks(&self, asked: &Asked) -> bool {
        let is_said = self.budget.is_some()
            || self.prefer.is_some()
            || self.context.is_some()
            || self.which.task().is_some();
        !is_said && !self.no_input && self.how.is_table() && !asked.rows.is_empty()
    }

    /// What the options say.
    fn said(&self) -> Wish {
        Wish {
            task: self.which.task(),
            budget: self.budget.unwrap_or_default(),
            preference: self.prefer.unwrap_or_default(),
            context: self.context,
        }
    }
}
