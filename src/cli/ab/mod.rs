//! `tokgate ab SCENARIO --a VARIANT --b VARIANT`: which of two is better.

mod variant;

use crate::cli::contest::Contest;
use crate::cli::face::Face;
use crate::cli::invocation::{HOST_NOISE, Invocation, Start, Voice};
use crate::cli::options::Options;
use crate::cli::plan::{self, Planned};
use crate::cli::run::Format;
use crate::cli::stretch::Stretch;
use crate::cli::tree::Tree;
use crate::paired::{Side, Sides};
use crate::project::Project;
use crate::report::{duel, json};
use crate::store::Layout;
use anyhow::{Context, Result, bail};
use std::time::Duration;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::environment::Environment;
use tokgate_core::report::Report;
use tokgate_core::verdict::Exit;
use variant::Variant;

/// How a side may be said.
const VARIANTS: &str = "\
A VARIANT is any number of words:
  NAME                 a target of tokgate.toml, or a driver
  http://HOST:PORT/v1  the address of a server
  KEY=VALUE            any value of the scenario: model=small, target.threads=2
  launch='CMD ARGS'    a server to start; {port} and {model} are filled in, {dir} is the side's folder
  ref=COMMIT           a commit, checked out and built by --build

Examples:
  tokgate ab quick --a model=synthetic-6.8m --b model=synthetic-15m
  tokgate ab full --a http://127.0.0.1:8000/v1 --b http://127.0.0.1:8001/v1
  tokgate ab full --a launch='llama-server -m m.gguf --port {port}' \\
                  --b launch='llama-server -m m.gguf --port {port} -fa on'
  tokgate ab full --a ref=main --b ref=HEAD --build 'make server' \\
                  --set 'target.launch.command=[\"{dir}/server\",\"--port\",\"{port}\"]'";

/// Say which of two is better: measured in pairs, in turns, on one machine.
#[derive(Debug, clap::Args)]
#[command(after_help = VARIANTS)]
pub(super) struct Args {
    /// A scenario's name, or the path of its file
    scenario: String,
    /// What the other is compared with
    #[arg(long, value_name = "VARIANT", num_args = 1.., required = true)]
    a: Vec<String>,
    /// What is asked to be no worse
    #[arg(long, value_name = "VARIANT", num_args = 1.., required = true)]
    b: Vec<String>,
    /// Pairs of each case; as many again where they leave something open
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=100))]
    pairs: u32,
    /// A line of the shell that builds a side, run in its folder
    #[arg(long, value_name = "CMD")]
    build: Option<String>,
    /// Longest time of a build, seconds
    #[arg(long, value_name = "S", default_value_t = 3600.0)]
    build_timeout_s: f64,
    /// Measure no control beside the pairs
    #[arg(long)]
    no_control: bool,
    /// How the result is written to stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    options: Options,
}

/// Measures both sides, judges, tells, and ends as the judgement does.
///
/// # Errors
/// When what was written cannot be run, or results cannot be kept.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let environment = tokgate_harness::machine::detect();
    let variants = [Variant::read("--a", &args.a)?, Variant::read("--b", &args.b)?];
    if args.options.epochs.is_some() {
        bail!("`--epochs` says nothing here: `--pairs` counts the epochs of each side");
    }
    if args.build.is_none() && variants.iter().any(|variant| variant.reference.is_some()) {
        bail!("`ref=` checks a commit out and nothing is built there; say how by `--build 'CMD'`");
    }
    let common = args.options.clone().settle(&project)?;
    let planned = variants.each_ref().map(|variant| args.plan(variant, &project, &environment));
    let [base, head] = planned;
    let (base, head) = (base?, head?);
    if head.cases.is_empty() {
        face.tell(&format!(
            "no case is left; `tokgate scenarios check {}` counts all",
            args.scenario
        ));
        return Ok(Exit::Nothing);
    }
    let start = Start {
        project: &project,
        options: &common,
        machine: plan::declared_machine(head.cases.iter()),
        environment,
        planned: head.all.clone(),
        voice: Voice::Run(args.format),
        stretch: Stretch::Only,
    };
    let mut invocation = Invocation::start(start, *face)?;
    let trees = args.trees(&variants, &project, &invocation)?;
    let sides = paired_up(base, head, &trees)?;
    let mut contest = Contest::new(sides, !args.no_control);
    contest.measure(&mut invocation)?;
    let (report, comparison) = contest.conclude(&mut invocation)?;
    tell(&invocation, &report);
    if report.exit == Exit::Invalid && comparison.is_disturbed() {
        face.tell(HOST_NOISE);
    }
    Ok(report.exit)
}

impl Args {
    fn plan(
        &self,
        variant: &Variant,
        project: &Project,
        environment: &Environment,
    ) -> Result<Planned> {
        let mut options = variant.over(&self.options).settle(project)?;
        options.epochs = Some(self.pairs);
        let source = project.scenario(&self.scenario)?;
        let mut planned = plan::read(&source, &options, environment, &|_, _| true)?;
        planned.locate()?;
        plan::check_built_in(planned.cases.iter())?;
        plan::decide_auto(planned.cases.iter_mut(), |_| ());
        Ok(planned)
    }

    /// The files of both sides, built.
    fn trees(
        &self,
        variants: &[Variant; 2],
        project: &Project,
        invocation: &Invocation,
    ) -> Result<[Tree; 2]> {
        let layout: &Layout = &invocation.layout;
        let patience = Duration::try_from_secs_f64(self.build_timeout_s)
            .context("--build-timeout-s is no time")?;
        let trees = variants
            .each_ref()
            .map(|variant| Tree::of(variant.reference.as_deref(), project, layout));
        let [base, head] = trees;
        let trees = [base?, head?];
        for tree in self.build.iter().flat_map(|_| &trees) {
            let command = self.build.as_deref().unwrap_or_default();
            invocation.face.tell(&format!("building {tree}"));
            tree.build(command, &layout.logs(), patience, &invocation.session.stop)?;
        }
        Ok(trees)
    }
}

/// The cases of both sides, by their names.
fn paired_up(base: Planned, head: Planned, trees: &[Tree; 2]) -> Result<Vec<Sides>> {
    let names = |planned: &Planned| -> Vec<CaseId> {
        planned.cases.iter().map(|case| case.id.clone()).collect()
    };
    let (ours, theirs) = (names(&base), names(&head));
    if ours != theirs {
        let only = |one: &[CaseId], other: &[CaseId]| {
            let only = one.iter().filter(|case| !other.contains(case)).map(ToString::to_string);
            only.collect::<Vec<_>>().join(", ")
        };
        bail!(
            "the sides have different cases (only --a: {}; only --b: {}): give an axis one value",
            only(&ours, &theirs),
            only(&theirs, &ours)
        );
    }
    let side = |mut case: Case, tree: &Tree| {
        tree.settle(&mut case);
        Side { case, commit: tree.commit.clone() }
    };
    let both = base.cases.into_iter().zip(head.cases);
    Ok(both
        .map(|(base, head)| Sides { base: side(base, &trees[0]), head: side(head, &trees[1]) })
        .collect())
}

fn tell(invocation: &Invocation, report: &Report) {
    let face = invocation.face;
    match invocation.voice {
        Voice::Run(Format::Json) => face.say(&json::report(report).to_string()),
        Voice::Run(Format::Jsonl) => {
            let end = serde_json::json!({ "event": "run_done", "run": json::report(report) });
            face.say(&end.to_string());
        }
        Voice::Run(Format::Table) | Voice::Bench { .. } if report.cases.is_empty() => {}
        Voice::Run(Format::Table) | Voice::Bench { .. } => {
            face.say(&duel::report(report, face.out));
        }
    }
    if report.exit == Exit::Nothing {
        face.tell("nothing was measured");
    }
}
