//! `tokgate github comment RUN`: a stored run as one comment on a pull request, as a check run, and as
//! the summary and the outputs of a step.

use super::place::{Place, Wanted, is_action, page};
use super::posting::Posting;
use super::remarks::remarks;
use crate::cli::face::Face;
use crate::cli::show::stored;
use crate::cli::{report, verdict};
use crate::paired::Comparison;
use crate::project::Project;
use crate::report::comment::{Context, comment, job_summary};
use crate::report::markdown::Link;
use crate::report::marker::Marker;
use crate::report::workflow::{outputs, warning};
use crate::store::{FileStore, Layout, ids};
use anyhow::{Context as _, Result, bail};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use tokgate_core::report::Report;
use tokgate_core::run::Arm;
use tokgate_core::verdict::Exit;

/// Write a run as one comment on a pull request, updated in place. How the run ended is told in the
/// comment; that it could not be posted fails nothing, unless --strict-post asks for it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run; `tokgate list` shows them
    run: String,
    /// The repository
    #[arg(long, env = "GITHUB_REPOSITORY", value_name = "OWNER/NAME")]
    repo: Option<String>,
    /// The pull request, instead of the event's (GITHUB_EVENT_PATH)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pr: Option<u64>,
    /// The commit that was measured, instead of the event's or GITHUB_SHA
    #[arg(long, value_name = "HASH")]
    sha: Option<String>,
    /// Of which gate it is: one comment each. The scenario's name if not given
    #[arg(long, value_name = "ID")]
    gate_id: Option<String>,
    /// Make a check run, too
    #[arg(long)]
    check: bool,
    /// Environment variable that holds the token (never the token itself)
    #[arg(long, value_name = "NAME", default_value = "GITHUB_TOKEN")]
    token_env: String,
    /// Who the token writes as, where it may not say itself: an app's `NAME[bot]`
    #[arg(long, value_name = "LOGIN")]
    author: Option<String>,
    /// Page that the comment links to, instead of this workflow run's
    #[arg(long, value_name = "URL")]
    run_url: Option<String>,
    /// File that the comment is appended to, as the summary of the job
    #[arg(long, env = "GITHUB_STEP_SUMMARY", value_name = "FILE")]
    summary: Option<PathBuf>,
    /// File that the step's outputs are appended to: conclusion, exit, regressed, run
    #[arg(long, env = "GITHUB_OUTPUT", value_name = "FILE")]
    outputs: Option<PathBuf>,
    /// Print the comment, and ask GitHub nothing
    #[arg(long)]
    dry_run: bool,
    /// Exit 3 where it could not be posted
    #[arg(long)]
    strict_post: bool,
    /// What is merely not proven counts as a failure in the conclusion
    #[arg(long, env = "TOKGATE_STRICT")]
    strict: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Reads the run, tells the job, then the pull request.
///
/// # Errors
/// When there is no such run, it cannot be read, a file cannot be written, or what was asked makes no
/// sense. That GitHub did not take it is a warning.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let report = read(args, &project, face)?;
    let wanted = Wanted { repo: args.repo.as_deref(), pull: args.pr, sha: args.sha.as_deref() };
    let place = Place::of(&wanted)?;
    let marker = marker(args, &report, &place)?;
    let link = args.run_url.as_deref().map(link).transpose()?.or_else(page);
    let command = command(&report);
    let from_fork = place.from_fork;
    let context = Context { marker: &marker, link: link.as_ref(), command: &command, from_fork };
    let body = comment(&report, &context);
    if args.dry_run {
        face.say(body.trim_end());
        face.tell(&place.told());
        return Ok(Exit::Held);
    }
    let summary = job_summary(&report, &context);
    if let Some(file) = &args.summary {
        append(file, &summary)?;
    }
    if let Some(file) = &args.outputs {
        append(file, &outputs(&report, &delimiter()))?;
    }
    let remarks = if args.check { remarks(&report, &project) } else { Vec::new() };
    let posting = Posting {
        place: &place,
        marker: &marker,
        report: &report,
        body: &body,
        summary: args.check.then_some(summary.as_str()),
        link: link.as_ref(),
        remarks: &remarks,
        token_env: &args.token_env,
        author: args.author.as_deref(),
    };
    Ok(posted(posting.post(), args.strict_post, face))
}

/// The run as it was judged: pairs by their raw epochs, any other by the verdicts kept with it.
fn read(args: &Args, project: &Project, face: &Face) -> Result<Report> {
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    let Some(epochs) = stored(&FileStore::open(layout.clone())?, &args.run, face)? else {
        bail!("no run is called `{}`; `tokgate list` shows what there is", args.run);
    };
    let is_paired = epochs.iter().any(|epoch| epoch.run.head.arm == Arm::Base);
    match is_paired.then(|| Comparison::of(epochs.clone())).flatten() {
        Some(pairs) => verdict::in_pairs(&pairs, project.root.as_deref(), &layout, args.strict),
        None => report::kept(epochs, &args.run, args.strict),
    }
}

fn marker(args: &Args, report: &Report, place: &Place) -> Result<Marker> {
    let Some(sha) = &place.sha else {
        bail!("which commit is this about? Say it by --sha");
    };
    let id = args.gate_id.as_deref().unwrap_or(&report.scenario);
    Ok(Marker::new(id, sha)?)
}

fn link(address: &str) -> Result<Link> {
    Link::new(address).with_context(|| {
        format!("`{}` is no address that can be linked to", address.escape_debug())
    })
}

/// What measures the same again; of pairs, what judges them again: their sides are not kept in words.
fn command(report: &Report) -> String {
    let is_paired = report.cases.iter().any(|case| case.pairs.is_some());
    let words = match is_paired {
        true => ["tokgate", "verdict", &report.run_id],
        false => ["tokgate", "run", &report.scenario],
    };
    shlex::try_join(words).unwrap_or_else(|_| words.join(" "))
}

/// Nobody who names a case can foresee it.
fn delimiter() -> String {
    format!("tokgate-{:016x}{:016x}", ids::tail(), ids::tail())
}

fn append(file: &Path, text: &str) -> Result<()> {
    let opened = OpenOptions::new().append(true).create(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write to {}", file.display()))
}

/// Tells what became of it, loudly where nothing did.
fn posted(posted: Result<String, String>, strict: bool, face: &Face) -> Exit {
    let why = match posted {
        Ok(told) => {
            face.tell(&told);
            return Exit::Held;
        }
        Err(why) => format!("GitHub was not told: {why}; the run and its verdict stand"),
    };
    face.tell(&format!("warning: {why}"));
    if is_action() {
        face.say(&warning(&why));
    }
    if strict { Exit::Invalid } else { Exit::Held }
}
