//! `tokgate scenarios list|check|schema`: what scenario files there are, and whether they are right.

use crate::cli::exit::exit_of;
use crate::cli::face::Face;
use crate::cli::options::Options;
use crate::cli::plan;
use crate::project::{Project, Source};
use anyhow::Result;
use tokgate_core::scenario::schema_json;
use tokgate_core::verdict::Exit;

/// List, check or describe scenario files.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Every case of every scenario
    List,
    /// Check files, or all scenarios; nothing is measured
    Check {
        /// Names or files; all scenarios without any
        scenarios: Vec<String>,
    },
    /// The JSON Schema of a scenario file
    Schema,
}

/// Lists, checks or prints the schema.
///
/// # Errors
/// With every diagnostic of a wrong file.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    match &args.action {
        Action::List => list(&project, face),
        Action::Check { scenarios } => check(&project, scenarios, face),
        Action::Schema => {
            face.say(schema_json().trim_end());
            Ok(Exit::Held)
        }
    }
}

fn list(project: &Project, face: &Face) -> Result<Exit> {
    let environment = tokgate_harness::machine::detect();
    let options = Options::default().settle(project)?;
    for scenario in plan::read_all(project, &options, &environment, &|_, _| true)? {
        let mark = if scenario.default { " (runs without a filter)" } else { "" };
        face.say(&format!("{}: {}{mark}", scenario.name, scenario.summary));
        for case in &scenario.cases {
            let unmet = plan::unmet(&case.requires, &environment);
            let unmet = unmet.map_or_else(String::new, |why| format!("  ({why})"));
            face.say(&format!("  {}{unmet}", case.id.listed()));
        }
    }
    Ok(Exit::Held)
}

fn check(project: &Project, names: &[String], face: &Face) -> Result<Exit> {
    let environment = tokgate_harness::machine::detect();
    let options = Options::default().settle(project)?;
    let sources: Vec<Source> = match names {
        [] => project.scenarios()?,
        names => names.iter().map(|name| project.scenario(name)).collect::<Result<_>>()?,
    };
    let mut exit = if sources.is_empty() { Exit::Nothing } else { Exit::Held };
    for source in &sources {
        let read = plan::read(source, &options, &environment, &|_, _| true);
        match read.and_then(|mut planned| planned.locate().map(|()| planned)) {
            Ok(planned) => {
                face.say(&format!("{}: {} cases", source.file, planned.cases.len()));
                for case in &planned.cases {
                    let notes = case.gate.notes().into_iter();
                    notes.for_each(|note| face.say(&format!("  {}: {note}", case.id.listed())));
                }
            }
            Err(error) => {
                face.tell(&format!("{error:#}"));
                exit = exit.worst(exit_of(&error));
            }
        }
    }
    Ok(exit)
}
