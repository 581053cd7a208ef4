//! `tokgate run SCENARIO`: measure one scenario.

use crate::cli::face::Face;
use crate::cli::invocation::{Invocation, Start, Voice};
use crate::cli::options::Options;
use crate::cli::plan;
use crate::cli::tree::Tree;
use crate::project::Project;
use anyhow::Result;
use tokgate_core::verdict::Exit;

/// How the result is written to stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// One JSON object at the end.
    Json,
    /// One JSON object an event, while measuring.
    Jsonl,
}

/// Measure a scenario, by name or file.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario's name, or the path of its file
    scenario: String,
    /// How the result is written to stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    options: Options,
}

/// Measures and reports.
///
/// # Errors
/// When what was written cannot be run, or results cannot be kept.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    scenario(&args.scenario, args.format, &args.options, face)
}

/// Measures and reports the scenario of this name or file.
///
/// # Errors
/// When what was written cannot be run, or results cannot be kept.
pub(super) fn scenario(name: &str, format: Format, options: &Options, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let environment = tokgate_harness::machine::detect();
    let options = options.clone().settle(&project)?;
    let source = project.scenario(name)?;
    let mut planned = plan::read(&source, &options, &environment, &|_, _| true)?;
    if planned.cases.is_empty() {
        face.tell(&format!("no case is left; `tokgate scenarios check {}` counts all", name));
        return Ok(Exit::Nothing);
    }
    planned.locate()?;
    plan::check_built_in(planned.cases.iter())?;
    plan::decide_auto(planned.cases.iter_mut(), |found| face.tell(found));
    let tree = Tree::here(&project)?;
    planned.cases.iter_mut().for_each(|case| tree.settle(case));
    let start = Start {
        project: &project,
        options: &options,
        machine: plan::declared_machine(planned.cases.iter()),
        environment,
        planned: planned.all,
        voice: Voice::Run(format),
    };
    let mut invocation = Invocation::start(start, *face)?;
    for case in &planned.cases {
        match invocation.why_not(case) {
            Some(why) => invocation.skip(case, &why),
            // What went wrong was told, and counts at the end.
            None => drop(invocation.measure(case)),
        }
    }
    invocation.finish()
}
