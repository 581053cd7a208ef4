//! The command line: one file a sub-command (`Args` and `run`), and the bench target's face.
//!
//! Nothing imports this module. It is the only place that prints.

mod ab;
mod analyze;
mod ask;
mod baseline;
pub mod bench;
mod brought;
mod ceiling;
mod completions;
mod contest;
mod db;
mod doctor;
mod exit;
mod export;
mod face;
mod fellow;
mod gate;
mod github;
mod hardware;
mod history;
mod import;
mod init;
mod invocation;
mod list;
mod man;
#[cfg(feature = "mcp")]
mod mcp;
mod merge;
#[cfg(feature = "parquet")]
mod merged;
#[cfg(feature = "parquet")]
mod merged_figures;
mod mock_server;
mod models;
mod monitor;
mod onlookers;
mod options;
mod page;
mod parts;
mod past;
mod plan;
mod plot;
mod purge;
mod rebuild;
mod recompute;
mod report;
mod resume;
mod rm;
mod run;
mod scenarios;
mod selection;
mod serve;
mod sharing;
mod show;
mod signals;
mod stats;
mod store;
mod stress;
mod stretch;
mod team;
mod together;
mod tree;
mod verdict;
mod watch;
mod worker;
mod written;

use clap::{Parser, Subcommand};
use face::{ColorChoice, Face};
use std::process::ExitCode;
use tokgate_core::diagnostic::line;
use tokgate_core::verdict::Exit;

/// What to try first, under `--help`.
const FIRST_STEPS: &str = "\
First steps:
  tokgate doctor                                   what would make numbers noisy here
  tokgate scenarios list                           what can be measured
  tokgate run quick                                measure without any server
  tokgate run quick --base-url http://HOST:PORT/v1 measure a server
  tokgate stress --breaking-point                  how many workers does it sustain?
  tokgate run --models A,B,C --compare             which of a server's models is fastest?
  tokgate run --resume                             go on with what was interrupted
  tokgate run regression --save-baseline before    keep five epochs to compare with
  tokgate run regression --baseline before         was it slower?
  tokgate estimate --model M --requests 50000      how long does that take?
  tokgate baseline record RUN                      keep it with the project, for everybody
  tokgate init                                     gate a repository of your own

Exit codes:
  0 held · 1 regressed, or a required goal missed · 2 used wrongly
  3 could not measure, or INVALID · 4 nothing to run · 5 storage or internal
  130, 143 interrupted, terminated; what was measured is kept";

/// Benchmark harness and regression gate for language-model inference and vector retrieval.
#[derive(Debug, Parser)]
#[command(name = "tokgate", version, max_term_width = 100, after_help = FIRST_STEPS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t)]
    color: ColorChoice,
    /// More of what happens, on stderr (twice for everything)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// A team's store, postgres://USER@HOST/DATABASE: what is measured is delivered to it, and what is asked is
    /// asked of it; `local` is the results folder alone
    #[arg(long, global = true, env = "TOKGATE_STORE", hide_env_values = true, value_name = "URL")]
    store: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure a scenario, by name or file
    Run(Box<run::Args>),
    /// Stress a target: levels, a ramp, a spike; or look for its breaking point
    Stress(Box<stress::Args>),
    /// Put what the workers of a shared load measured together as one run
    Merge(Box<merge::Args>),
    /// Say which of two is better: measured in pairs, in turns, on one machine
    Ab(Box<ab::Args>),
    /// Say whether a change may pass, by the rules of the commit that it is made to
    Gate(Box<gate::Args>),
    /// Write what a repository needs to be gated: a scenario, settings, workflows
    Init(Box<init::Args>),
    /// List measured runs and models
    List(list::Args),
    /// Show a stored run again, whole
    Show(show::Args),
    /// Where a metric changed over many commits, and whether it crept
    History(history::Args),
    /// How often comparisons of equal sides were convicted, against what is promised
    Stats(stats::Args),
    /// Tell a stored run as a page or to other programs (HTML, JSON, JUnit); or several side by side
    Report(report::Args),
    /// Draw a stored run, or a file of results, as PNG and SVG
    Plot(plot::Args),
    /// Keep results of other tools beside ours
    Import(import::Args),
    /// Write stored results as one file that another tokgate imports
    Export(Box<export::Args>),
    /// Read the answers that a batch wrote into a result beside the measured ones
    Analyze(Box<analyze::Args>),
    /// Judge a stored run again, against another one or a baseline
    Verdict(verdict::Args),
    /// Tell GitHub of a run or a gate: one comment on the pull request, and a check run
    Github(Box<github::Args>),
    /// List, show, record, compare, propose, verify or refresh baselines
    Baseline(baseline::Args),
    /// What was measured of each model, or how long so many requests take
    Query(ask::query::Args),
    /// How long so many requests take, and what they cost
    Estimate(ask::estimate::Args),
    /// Configurations side by side; or models by how long they take
    Compare(ask::compare::Args),
    /// Which model on which hardware to take, and why
    Recommend(ask::recommend::Args),
    /// What was measured so far, what is missing, what is stale
    Status(ask::status::Args),
    /// Answer questions over HTTP: a REST API for programs and agents, which only reads
    Serve(serve::Args),
    /// Look on while a run is measured, from any terminal
    Watch(watch::Args),
    /// Tell a stored run in the terms of other tools: vLLM's bench, guidellm, AIPerf, ...
    Recompute(recompute::Args),
    /// List known GPUs, instances and hosted models, with their prices
    Hardware(hardware::Args),
    /// List, check or describe scenario files
    Scenarios(scenarios::Args),
    /// What this machine has, what is missing, what would make numbers noisy
    Doctor(doctor::Args),
    /// Take a run out: its files go to `trash/`, from where they can come back
    Rm(rm::Args),
    /// Take the answers' texts out of a run; its numbers stay
    Purge(purge::Args),
    /// Recreate the database from the raw lines
    Rebuild(rebuild::Args),
    /// Check, copy or compact the database of the results
    Db(db::Args),
    /// Make a team's store, deliver to it what waits, or copy a whole history
    Store(store::Args),
    /// Play a language model at a planned pace, and say at /truth what was really done
    MockServer(Box<mock_server::Args>),
    /// Answer agents: a server of the Model Context Protocol on standard input and output
    #[cfg(feature = "mcp")]
    Mcp(mcp::Args),
    /// Print what a shell needs to complete command lines
    Completions(completions::Args),
    /// Print the manual page, or write those of all commands
    Man(man::Args),
}

/// The `tokgate` program.
#[must_use]
pub fn main() -> ExitCode {
    one_compute_thread();
    no_core_dumps();
    let cli = Cli::try_parse().unwrap_or_else(|refusal| refused(refusal));
    let face = Face::new(cli.color);
    team::name(cli.store.as_deref());
    log(cli.verbose, face.err.color);
    let result = match &cli.command {
        Command::Run(args) => run::run(args, &face),
        Command::Stress(args) => stress::run(args, &face),
        Command::Merge(args) => merge::run(args, &face),
        Command::Ab(args) => ab::run(args, &face),
        Command::Gate(args) => gate::run(args, &face),
        Command::Init(args) => init::run(args, &face),
        Command::List(args) => list::run(args, &face),
        Command::Show(args) => show::run(args, &face),
        Command::History(args) => history::run(args, &face),
        Command::Stats(args) => stats::run(args, &face),
        Command::Report(args) => report::run(args, &face),
        Command::Plot(args) => plot::run(args, &face),
        Command::Import(args) => import::run(args, &face),
        Command::Export(args) => export::run(args, &face),
        Command::Analyze(args) => analyze::run(args, &face),
        Command::Verdict(args) => verdict::run(args, &face),
        Command::Github(args) => github::run(args, &face),
        Command::Baseline(args) => baseline::run(args, &face),
        Command::Query(args) => ask::query::run(args, &face),
        Command::Estimate(args) => ask::estimate::run(args, &face),
        Command::Compare(args) => ask::compare::run(args, &face),
        Command::Recommend(args) => ask::recommend::run(args, &face),
        Command::Status(args) => ask::status::run(args, &face),
        Command::Serve(args) => serve::run(args, &face),
        Command::Watch(args) => watch::run(args, &face),
        Command::Recompute(args) => recompute::run(args, &face),
        Command::Hardware(args) => hardware::run(args, &face),
        Command::Scenarios(args) => scenarios::run(args, &face),
        Command::Doctor(args) => doctor::run(args, &face),
        Command::Rm(args) => rm::run(args, &face),
        Command::Purge(args) => purge::run(args, &face),
        Command::Rebuild(args) => rebuild::run(args, &face),
        Command::Db(args) => db::run(args, &face),
        Command::Store(args) => store::run(args, &face),
        Command::MockServer(args) => mock_server::run(args, &face),
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::run(args, &face),
        Command::Completions(args) => completions::run(args, &face),
        Command::Man(args) => man::run(args, &face),
    };
    ended(result, &face)
}

/// Ends with what is wrong with the command line, in which nothing of it hides; help and version are told so,
/// too.
fn refused(refusal: clap::Error) -> ! {
    let written = std::env::args_os().map(|word| line(&word.to_string_lossy()));
    Cli::try_parse_from(written).err().unwrap_or(refusal).exit()
}

/// The exit code of a result; an error is told first.
fn ended(result: anyhow::Result<Exit>, face: &Face) -> ExitCode {
    let exit = result.unwrap_or_else(|error| {
        face.tell(&told(&error));
        exit::exit_of(&error)
    });
    let exit = match face.lost() {
        Some(why) => {
            face.tell(&format!("error: cannot write to stdout: {why}"));
            exit.worst(Exit::Storage)
        }
        None => exit,
    };
    ExitCode::from(exit.code())
}

/// An error as people read it; diagnostics already begin with the word.
fn told(error: &anyhow::Error) -> String {
    let text = chain(error);
    match text.starts_with("error") {
        true => text,
        false => format!("error: {text}"),
    }
}

/// An error and its causes, each once: some of them quote their cause themselves.
fn chain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| {
        if text.ends_with(&cause) {
            text
        } else if text.is_empty() {
            cause
        } else {
            format!("{text}: {cause}")
        }
    })
}

/// The embedded engine computes on one thread, and rayon reads how many from the environment
/// once: two spinning threads collapse tenfold when anything else wants a core.
#[allow(unsafe_code)]
fn one_compute_thread() {
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // SAFETY: called first in `main`, before any thread is started that could read the
        // environment at the same time.
        unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
    }
}

/// A core file would hold keys and prompts.
fn no_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = Rlimit { current: Some(0), ..getrlimit(Resource::Core) };
        // Refused where the limit is fixed: then it is somebody else's decision.
        let _ = setrlimit(Resource::Core, limit);
    }
}

/// Logs go to stderr, by `RUST_LOG` or `-v`.
fn log(verbose: u8, color: bool) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        // What octocrab calls an error may be one that we mend; what is none is told by us.
        EnvFilter::new(format!("error,octocrab=off,tokgate={level},tokgate_harness={level}"))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .without_time()
        .with_target(false)
        .init();
}
