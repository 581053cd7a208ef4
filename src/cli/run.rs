//! `tokgate run SCENARIO`: measure one scenario. Going on with a run is `resume`.

use crate::cli::face::Face;
use crate::cli::invocation::{Invocation, Start, Voice};
use crate::cli::models::Contest;
use crate::cli::options::Options;
use crate::cli::plan::{self, Planned};
use crate::cli::resume;
use crate::cli::sharing::Sharing;
use crate::cli::stretch::{First, Stretch};
use crate::cli::tree::Tree;
use crate::cli::worker;
use crate::project::Project;
use anyhow::Result;
use tokgate_core::case::Case;
use tokgate_core::environment::Environment;
use tokgate_core::verdict::Exit;
use tokgate_core::workload::Shard;
use tokgate_harness::http::host;

/// What is measured where options say which models, how many requests or workers, and nothing else.
const USUAL: &str = "model_comparison";

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

/// How the result is told.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct Told {
    /// How the result is written to stdout
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// At the end, the models beside each other: how long each takes for every number of `--requests`
    #[arg(long)]
    pub(super) compare: bool,
}

/// Measure a scenario, by name or file; or go on with a run that was interrupted.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A scenario's name, or the path of its file [default: `model_comparison`, where an option says what
    /// to compare]
    #[arg(
        required_unless_present_any = ["resume", "models", "requests", "concurrency", "compare"],
        conflicts_with = "resume"
    )]
    scenario: Option<String>,
    /// Go on with this run, or with the newest that is not complete: what is missing of it is measured,
    /// as it was asked then
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = "", conflicts_with = "no_store")]
    resume: Option<String>,
    #[command(flatten)]
    told: Told,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    sharing: Sharing,
}

/// Measures and reports.
///
/// # Errors
/// When what was written cannot be run, or results cannot be kept.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let environment = |name: &str| std::env::var(name).ok();
    let worker = args.sharing.worker(environment, &args.options, args.told)?;
    match (&args.resume, &args.scenario) {
        (Some(_), _) if worker.is_some() => anyhow::bail!(
            "`--resume` goes on with a run of this host alone: a part of a load is sent anew, by all its \
             workers and with another `--start-at`"
        ),
        (Some(run), _) => {
            let named = Some(run.as_str()).filter(|run| !run.is_empty());
            resume::run(named, args.told, &args.options, face)
        }
        (None, name) => {
            let name = name.as_deref().unwrap_or(USUAL);
            if let Some(worker) = worker {
                return worker::run(name, &worker, &args.options, face);
            }
            scenario(name, args.told, &args.options, face)
        }
    }
}

/// Measures and reports the scenario of this name or file.
///
/// # Errors
/// When what was written cannot be run, or results cannot be kept.
pub(super) fn scenario(name: &str, told: Told, options: &Options, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let environment = tokgate_harness::machine::detect();
    let options = options.clone().settle(&project)?;
    let mut planned = cases(name, &options, &environment, &project)?;
    if planned.cases.is_empty() {
        face.tell(&format!("no case is left; `tokgate scenarios check {}` counts all", name));
        return Ok(Exit::Nothing);
    }
    plan::decide_auto(planned.cases.iter_mut(), |found| face.tell(found));
    let asked = resume::asked(name, &options)?;
    let first = First { asked, cases: planned.cases.clone() };
    let start = Start {
        project: &project,
        options: &options,
        machine: plan::declared_machine(planned.cases.iter()),
        environment,
        planned: planned.all,
        voice: Voice::Run(told.format),
        stretch: Stretch::First(Box::new(first)),
    };
    let mut invocation = Invocation::start(start, *face)?;
    invocation.contest = told.contest(&planned.cases, &options);
    measure(&planned.cases, invocation)
}

impl Told {
    /// What is compared at the end, where that is asked for.
    pub(super) fn contest(self, cases: &[Case], options: &Options) -> Option<Contest> {
        self.compare.then(|| Contest::of(cases, &options.settled.prices))
    }
}

/// The cases of a scenario as they are asked for. Of those that take whatever server there is, the
/// target is not decided.
///
/// # Errors
/// When what was written cannot be run.
pub(super) fn cases(
    name: &str,
    options: &Options,
    environment: &Environment,
    project: &Project,
) -> Result<Planned> {
    let source = project.scenario(name)?;
    let mut planned = plan::read(&source, options, environment, &|_, _| true)?;
    planned.locate()?;
    plan::check_built_in(planned.cases.iter())?;
    let tree = Tree::here(project)?;
    planned.cases.iter_mut().for_each(|case| tree.settle(case));
    Ok(planned)
}

/// Measures each case that can be measured here, and concludes.
///
/// # Errors
/// When results cannot be kept.
pub(super) fn measure(cases: &[Case], mut invocation: Invocation) -> Result<Exit> {
    for case in cases {
        match invocation.why_not(case) {
            Some(why) => invocation.skip(case, &why),
            None => {
                let near = host::near(case, Shard::WHOLE);
                near.iter().for_each(|near| invocation.face.tell(near));
                // What went wrong was told, and counts at the end.
                drop(invocation.measure(case));
            }
        }
    }
    invocation.finish()
}
