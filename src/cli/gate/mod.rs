//! `tokgate gate`: whether a change may pass, by the rules of the commit that it is made to.

mod again;
mod artifact;
mod referee;
mod rules;
mod written;

pub(super) use again::{Asked, Rejudged, judge_again};
pub(super) use referee::Referee;

use crate::cli::contest::Contest;
use crate::cli::face::Face;
use crate::cli::invocation::{HOST_NOISE, Invocation, Start, Voice};
use crate::cli::options::Options;
use crate::cli::plan;
use crate::cli::run::Format;
use crate::cli::stretch::Stretch;
use crate::cli::tree::Tree;
use crate::gating::{Gating, Measured, Suspects};
use crate::git::Commit;
use crate::paired::{Comparison, Side, Sides};
use crate::project::Project;
use crate::report::terminal;
use anyhow::{Context, Result, bail};
use rules::{Rules, root};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::diagnostic::line;
use tokgate_core::report::{Report, Unmeasured};
use tokgate_core::verdict::Exit;

/// Say whether a change may pass, by the rules of the commit that it is made to.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenarios of the base [default: those of `[gate]` in its tokgate.toml, else `regression`]
    scenarios: Vec<String>,
    /// What the change is made to: a branch, a tag, a commit [default: as the CI says]
    #[arg(long, env = "TOKGATE_BASE", value_name = "COMMIT")]
    base: Option<String>,
    /// A line of the shell that builds what is measured, run in a checkout of the base and here
    #[arg(long, value_name = "CMD", conflicts_with = "base_server")]
    build: Option<String>,
    /// Longest time of a build, seconds
    #[arg(long, value_name = "S", default_value_t = 3600.0)]
    build_timeout_s: f64,
    /// A server of the base that runs already
    #[arg(long, value_name = "URL")]
    base_server: Option<String>,
    /// Pairs of each suspect; as many again where they leave something open
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(5..=100))]
    pairs: u32,
    /// Measure no control beside the pairs
    #[arg(long)]
    no_control: bool,
    /// Measure nothing where one of several scenarios has no case left
    #[arg(long)]
    require_match: bool,
    /// A regression is told, and fails nobody
    #[arg(long)]
    warn_only: bool,
    /// Measure nothing, and judge again what another job left by `--out`, trusting its numbers alone
    #[arg(long, value_name = "DIR", conflicts_with_all = ["build", "base_server", "out"])]
    artifact: Option<PathBuf>,
    /// The commit that the other job measured, where another is checked out here: fetched is enough
    #[arg(long, value_name = "COMMIT")]
    head: Option<String>,
    /// Folder for what another job judges again: raw epochs, report.json, junit.xml, gate.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is written to stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    options: Options,
}

/// Screens the change, measures suspects in pairs, judges, tells, and ends as the judgement does.
///
/// # Errors
/// When nobody says what the change is made to, what was written there cannot be run, or results
/// cannot be kept.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    if args.options.baseline.is_some() || args.options.baseline_lenient.is_some() {
        bail!("`--baseline` says nothing here: the recorded baselines of the base commit decide");
    }
    if let Some(folder) = &args.artifact {
        return args.decide_again(folder, face);
    }
    if let Some(head) = &args.head {
        bail!(
            "`--head {head}` says which commit an artifact is of: give `--artifact DIR`, too, or check \
             that commit out to measure it"
        );
    }
    let project = Project::find(&std::env::current_dir()?);
    let referee = Referee::of(&root(&project)?, args.base.as_deref(), None)?;
    referee.tell(face);
    Bench::new(args, &project, &referee)?.decide(&referee, face)
}

impl Args {
    /// Judges what another job measured.
    fn decide_again(&self, folder: &Path, face: &Face) -> Result<Exit> {
        let asked = Asked {
            folder,
            base: self.base.as_deref(),
            head: self.head.as_deref(),
            scenarios: &self.scenarios,
            options: &self.options,
        };
        let Rejudged { report, referee } = judge_again(&asked, face)?;
        for Unmeasured { case, why, .. } in &report.unmeasured {
            face.tell(&line(&format!("not judged: {case}: {why}")));
        }
        face.tell(
            "measured by somebody else: the numbers are theirs, the rules and the verdict are not",
        );
        self.say(&report, &referee, face);
        Ok(self.forgiven(report.exit, face))
    }

    fn say(&self, report: &Report, referee: &Referee, face: &Face) {
        if report.compared_with.is_nothing() {
            face.tell("no recorded baseline and no base to measure: nothing was judged");
        }
        match self.format {
            Format::Json => face.say(&written::object(report, referee).to_string()),
            Format::Jsonl => {
                let run = written::object(report, referee);
                face.say(&serde_json::json!({ "event": "run_done", "run": run }).to_string());
            }
            Format::Table => face.say(&terminal::closing(report, face.out)),
        }
    }

    /// The exit, unless a regression is only to be told.
    fn forgiven(&self, exit: Exit, face: &Face) -> Exit {
        match (self.warn_only, exit) {
            (true, Exit::Regressed) => {
                face.tell("regressed; --warn-only lets it pass");
                Exit::Held
            }
            (_, exit) => exit,
        }
    }
}

/// Where the base comes from in pairs.
enum Base {
    /// Built from its commit.
    Built(String),
    /// A server that runs already.
    Served(String),
    /// From the same files: the model in process, an engine of tokgate's own.
    Nowhere,
}

/// What is measured and by whose rules.
struct Bench<'a> {
    args: &'a Args,
    rules: Rules,
    /// The files of the head.
    head: Tree,
    commit: Option<String>,
}

/// What came of the screen.
struct Screened {
    invocation: Invocation,
    /// The cases as they were planned, before their folder was settled.
    cases: Vec<Case>,
    planned: Vec<CaseId>,
}

impl<'a> Bench<'a> {
    fn new(args: &'a Args, project: &Project, referee: &Referee) -> Result<Self> {
        let rules = Rules::of(referee, project, &args.options, &args.scenarios)?;
        let head = Tree::of(None, project, &rules.layout)?;
        let commit = project.root.as_deref().and_then(Commit::at).map(|it| it.to_string());
        Ok(Self { args, rules, head, commit })
    }

    fn base(&self) -> Base {
        let settled = &self.rules.options.settled.gate;
        let build = self.args.build.clone().or_else(|| settled.build.clone());
        let served = self.args.base_server.clone().or_else(|| settled.base_url.clone());
        match (&self.args.base_server, build, served) {
            (Some(url), ..) => Base::Served(url.clone()),
            (None, Some(build), _) => Base::Built(build),
            (None, None, Some(url)) => Base::Served(url),
            (None, None, None) => Base::Nowhere,
        }
    }

    fn start(&self, planned: &[CaseId], cases: &[Case], face: &Face) -> Result<Invocation> {
        let mut invocation = Invocation::start(
            Start {
                project: &self.rules.project,
                options: &self.rules.options,
                machine: plan::declared_machine(cases.iter()),
                environment: self.rules.environment.clone(),
                planned: planned.to_vec(),
                voice: Voice::Run(self.args.format),
                stretch: Stretch::Only,
            },
            *face,
        )?;
        invocation.session.identity.environment.commit.clone_from(&self.commit);
        Ok(invocation)
    }

    fn decide(&self, referee: &Referee, face: &Face) -> Result<Exit> {
        let Some(mut screened) = self.screen(face)? else {
            return Ok(Exit::Nothing);
        };
        let baselines = screened.invocation.session.baselines.clone();
        let gating = Gating { baselines: &baselines, strict: self.rules.options.strict };
        let suspects = gating.suspects(&screened.invocation.session.measured);
        let pairs = self.pairs(&mut screened, &suspects, face)?;
        let session = &screened.invocation.session;
        let mut report = gating.report(&Measured {
            identity: &session.identity,
            screen: &session.measured,
            planned: &screened.planned,
            pairs: pairs.as_ref(),
            unmeasured: &session.unmeasured,
        });
        report.exit = screened.invocation.exit(&report);
        session.feed.end(&report, screened.invocation.is_complete());
        self.tell(&screened, &report, pairs.as_ref(), referee, face)
    }

    /// All cases of the scenarios, and those that are measured; `None` where that is not enough.
    fn planned(&self, face: &Face) -> Result<Option<(Vec<CaseId>, Vec<Case>)>> {
        let planned = self.rules.plan(face)?;
        let empty = planned.iter().filter(|one| one.cases.is_empty());
        let empty: Vec<&str> = empty.map(|one| one.name.as_str()).collect();
        if empty.len() == planned.len() || (self.args.require_match && !empty.is_empty()) {
            face.tell(&format!("no case is left of {}: nothing was measured", empty.join(", ")));
            return Ok(None);
        }
        let all = planned.iter().flat_map(|one| one.all.clone()).collect();
        Ok(Some((all, planned.into_iter().flat_map(|one| one.cases).collect())))
    }

    /// The head's epochs; `None` where there is no case.
    fn screen(&self, face: &Face) -> Result<Option<Screened>> {
        let Some((all, cases)) = self.planned(face)? else { return Ok(None) };
        let mut invocation = self.start(&all, &cases, face)?;
        if let Base::Built(command) = self.base() {
            self.build(&self.head, &command, &invocation)?;
        }
        for case in &cases {
            let case = settled(case, &self.head);
            match invocation.why_not(&case) {
                Some(why) => invocation.skip(&case, &why),
                None => drop(invocation.measure(&case)),
            }
        }
        invocation.keep_screen()?;
        Ok(Some(Screened { invocation, cases, planned: all }))
    }

    fn build(&self, tree: &Tree, command: &str, invocation: &Invocation) -> Result<()> {
        let patience = Duration::try_from_secs_f64(self.args.build_timeout_s)
            .context("--build-timeout-s is no time")?;
        invocation.face.tell(&format!("building {tree}"));
        tree.build(command, &self.rules.layout.logs(), patience, &invocation.session.stop)
    }

    /// The pairs of the suspects; `None` where there is none, or no base.
    fn pairs(
        &self,
        screened: &mut Screened,
        suspects: &Suspects,
        face: &Face,
    ) -> Result<Option<Comparison>> {
        if suspects.is_empty() || screened.invocation.signals.exit().is_some() {
            return Ok(None);
        }
        let count: usize = suspects.values().map(|metrics| metrics.len()).sum();
        let base = self.base();
        match &base {
            Base::Nowhere => {
                face.tell(&format!(
                    "{count} metrics seem worse, and no base can be measured beside the change: give \
                     `--build` or `--base-server`, or measure a second booking (`tokgate verdict --again`)"
                ));
                return Ok(None);
            }
            Base::Built(command) => self.build(&self.rules.tree, command, &screened.invocation)?,
            Base::Served(_) => {}
        }
        face.tell(&format!("{count} metrics are measured again in pairs with the base"));
        let sides: Vec<Sides> =
            screened.cases.iter().filter_map(|case| self.sides(case, suspects, &base)).collect();
        let mut second = self.start(&screened.planned, &screened.cases, face)?;
        second
            .session
            .identity
            .booking_id
            .clone_from(&screened.invocation.session.identity.booking_id);
        let mut contest = Contest::new(sides, !self.args.no_control);
        contest.measure(&mut second)?;
        let (_, comparison) = contest.conclude(&mut second)?;
        screened.invocation.session.unmeasured.append(&mut second.session.unmeasured);
        Ok((!comparison.cases.is_empty()).then_some(comparison))
    }

    /// Both sides of a suspected case; `None` for one that is not.
    fn sides(&self, case: &Case, suspects: &Suspects, base: &Base) -> Option<Sides> {
        let metrics = suspects.get(&case.id)?;
        let mut case = case.clone();
        case.run.epochs = self.args.pairs;
        case.gate.suspected = true;
        case.gate.tolerances.retain(|metric, _| metrics.contains(metric));
        let (before, after) = (&self.rules.tree, &self.head);
        let mut there = settled(&case, before);
        if let Base::Served(url) = base {
            there.target.base_url = Some(url.clone());
            there.target.launch = None;
        }
        Some(Sides {
            base: Side { case: there, commit: before.commit.clone() },
            head: Side { case: settled(&case, after), commit: None },
        })
    }

    fn tell(
        &self,
        screened: &Screened,
        report: &Report,
        pairs: Option<&Comparison>,
        referee: &Referee,
        face: &Face,
    ) -> Result<Exit> {
        if let Some(out) = &self.args.out {
            written::artifact(out, &self.rules.layout, report, pairs, referee)?;
        }
        self.args.say(report, referee, face);
        if report.exit == Exit::Nothing {
            face.tell("nothing was measured");
        }
        if report.exit == Exit::Invalid && screened.invocation.is_disturbed(report) {
            face.tell(HOST_NOISE);
        }
        Ok(self.args.forgiven(report.exit, face))
    }
}

/// A case with its side's folder in the words of its launch.
fn settled(case: &Case, tree: &Tree) -> Case {
    let mut case = case.clone();
    tree.settle(&mut case);
    case
}
