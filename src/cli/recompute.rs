//! `tokgate recompute RUN --as TOOL`: a stored run under the definitions of other tools.

use crate::cli::face::Face;
use crate::cli::show::by_case;
use crate::cli::team;
use crate::project::Project;
use crate::report::recompute::{Retold, json, side_by_side, tables};
use crate::store::{FileStore, Store, Stored};
use anyhow::{Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;
use tokgate_core::case::CaseId;
use tokgate_core::recompute::{Events, NoEvents, Tool};
use tokgate_core::run::Run;
use tokgate_core::verdict::Exit;

/// Tell a stored run in the terms of other tools.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run, or the test id of one epoch; `tokgate list` shows them
    run: String,
    /// Whose definitions; may be given several times [default: all, side by side]
    #[arg(long = "as", value_name = "TOOL", value_parser = tool())]
    tools: Vec<Tool>,
    /// How to print; JSON is one object a case
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

fn tool() -> impl TypedValueParser<Value = Tool> {
    PossibleValuesParser::new(Tool::OTHERS.map(Tool::as_str)).map(|name| {
        let named = Tool::OTHERS.into_iter().find(|tool| tool.as_str() == name);
        named.expect("the parser lets no other name through")
    })
}

/// Reads, computes and shows.
///
/// # Errors
/// When there is no such run, its raw lines cannot be read, or it has no events.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    let epochs = FileStore::open(layout)?.show(&args.run)?;
    for note in epochs.iter().flat_map(|epoch| &epoch.notes) {
        face.tell(note);
    }
    let mut told = false;
    for group in by_case(epochs) {
        let runs = runs(group);
        match retold(&runs, &args.tools) {
            Ok(retold) => {
                face.say(&shown(&retold, args, face));
                told = true;
            }
            Err(why) => face.tell(&format!("{} is left out: {why}", case_of(&runs))),
        }
    }
    if !told {
        bail!("`{}` has no streamed answers to tell in the terms of other tools", args.run);
    }
    Ok(Exit::Held)
}

fn runs(epochs: Vec<Stored>) -> Vec<Run> {
    epochs.into_iter().map(|epoch| epoch.run).collect()
}

fn case_of(epochs: &[Run]) -> CaseId {
    epochs.first().expect("a group has an epoch").head.case.id.clone()
}

/// The case as ours and these tools tell it; all where none is named.
fn retold(epochs: &[Run], tools: &[Tool]) -> Result<Retold, NoEvents> {
    let events = Events::of(epochs)?;
    let others = if tools.is_empty() { &Tool::OTHERS } else { tools };
    let tools = std::iter::once(Tool::Tokgate).chain(others.iter().copied());
    Ok(Retold {
        case: case_of(epochs),
        split: events.split(),
        tools: tools.map(|tool| events.told_by(tool)).collect(),
    })
}

fn shown(retold: &Retold, args: &Args, face: &Face) -> String {
    match (args.format, args.tools.is_empty()) {
        (Format::Json, _) => json(retold).to_string(),
        (Format::Table, true) => side_by_side(retold, face.out),
        (Format::Table, false) => tables(retold, face.out),
    }
}
