//! `tokgate github comment`: a stored run, or what another job measured, as one comment on a pull request,
//! as a check run, and as the summary and the outputs of a step.

use super::past::past;
use super::place::{Place, Wanted, is_action};
use super::posting::Posting;
use super::subject::{Subject, Words, page_of};
use crate::cli::face::Face;
use crate::git;
use crate::project::Project;
use crate::report::comment::Past;
use crate::report::marker::Marker;
use crate::report::workflow::warning;
use crate::store::ids;
use anyhow::{Context as _, Result, bail};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use tokgate_core::verdict::Exit;

/// Write a run as one comment on a pull request, updated in place. How the run ended is told in the
/// comment; that it could not be posted fails nothing, unless --strict-post asks for it.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["run", "artifact"]))]
pub(super) struct Args {
    /// A run; `tokgate list` shows them
    pub(super) run: Option<String>,
    /// What another job left by `tokgate gate --out`, instead of a run: judged here as `tokgate gate
    /// --artifact` judges it; what cannot be judged is told, too, and exits 2
    #[arg(long, value_name = "DIR")]
    pub(super) artifact: Option<PathBuf>,
    /// What the change of an artifact is made to: a branch, a tag, a commit [default: as the CI says]
    #[arg(long, env = "TOKGATE_BASE", value_name = "COMMIT")]
    pub(super) base: Option<String>,
    /// The commit that an artifact is of [default: the event's on `workflow_run`, else what is checked out]
    #[arg(long, value_name = "COMMIT")]
    pub(super) head: Option<String>,
    /// Scenarios of the base that an artifact is of [default: as `tokgate gate`]
    #[arg(long, value_name = "NAME")]
    pub(super) scenario: Vec<String>,
    /// The repository
    #[arg(long, env = "GITHUB_REPOSITORY", value_name = "OWNER/NAME")]
    repo: Option<String>,
    /// The pull request, instead of the event's (GITHUB_EVENT_PATH)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pr: Option<u64>,
    /// The commit that was measured, instead of the event's or GITHUB_SHA
    #[arg(long, value_name = "HASH")]
    sha: Option<String>,
    /// Of which gate it is: one comment each [default: the scenario's name; of an artifact, `gate`]
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
    pub(super) strict: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    pub(super) results_dir: Option<PathBuf>,
}

/// Reads the run or judges the artifact, tells the job, then the pull request.
///
/// # Errors
/// When there is no such run, it cannot be read, a file cannot be written, or what was asked makes no
/// sense. That GitHub did not take it is a warning, and what cannot be judged is told.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    if args.artifact.is_none() && (args.head.is_some() || !args.scenario.is_empty()) {
        bail!(
            "`--head` and `--scenario` say how an artifact is judged: give `--artifact DIR`, too"
        );
    }
    let here = std::env::current_dir()?;
    let project = Project::find(&here);
    let resolved = |head: &String| git::resolve(&here, head).unwrap_or_else(|_| head.clone());
    let head = args.head.as_ref().map(resolved);
    let place = Place::of(&Wanted {
        repo: args.repo.as_deref(),
        pull: args.pr,
        sha: args.sha.as_deref(),
        head: head.as_deref(),
    })?;
    let subject = Subject::of(args, &place, &project, face)?;
    if let Subject::Unjudged { why, .. } = &subject {
        face.tell(&format!("error: not judged: {why}"));
    }
    let (marker, link) =
        (marker(args, &subject, &place)?, page_of(args.run_url.as_deref(), &place)?);
    let words = Words {
        marker: &marker,
        link: link.as_ref(),
        from_fork: place.from_fork,
        delimiter: &delimiter(),
    };
    let results = args.results_dir.clone().map_or_else(|| project.results(), Ok);
    let told = subject.told(&words, &project, |report| match &results {
        Ok(results) => past(report, &project, results, face),
        Err(_) => Past::new(),
    });
    if args.dry_run {
        face.say(told.comment.trim_end());
        face.tell(&place.told());
        return Ok(told.exit);
    }
    if let Some(file) = &args.summary {
        append(file, &told.summary)?;
    }
    if let Some(file) = &args.outputs {
        append(file, &told.outputs)?;
    }
    let posting = Posting {
        place: &place,
        marker: &marker,
        told: &told,
        check: args.check,
        link: link.as_ref(),
        token_env: &args.token_env,
        author: args.author.as_deref(),
    };
    Ok(posted(posting.post(), args.strict_post, face).worst(told.exit))
}

fn marker(args: &Args, subject: &Subject, place: &Place) -> Result<Marker> {
    let Some(sha) = &place.sha else {
        bail!("which commit is this about? Say it by --sha");
    };
    Ok(Marker::new(args.gate_id.as_deref().unwrap_or_else(|| subject.gate()), sha)?)
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
