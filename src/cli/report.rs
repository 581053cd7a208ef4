//! `tokgate report RUN --json|--junit|--html`: a stored run as other programs read it, or as a page. What is
//! told of all of them is in `together`, pages are written by `page`.

use crate::again::report_stored;
use crate::cli::face::Face;
use crate::cli::page;
use crate::cli::show::{by_case, heads, stored};
use crate::cli::team;
use crate::cli::together::{self, Form};
use crate::project::Project;
use crate::report::{json, junit};
use crate::session::MeasuredCase;
use crate::store::{FileStore, Stored, atomic};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokgate_core::report::Report;
use tokgate_core::verdict::{Exit, Judged};

/// Standard output, where a file may be named.
pub(super) const STDOUT: &str = "-";

/// Every test that may be compared, side by side.
const COMPARISON: &str = "comparison";
/// Every benchmark in one document.
const SUMMARY: &str = "summary";

/// Tell a stored run to other programs or as a page, by the verdicts that were kept with it; or several runs
/// side by side; or all of them together.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("format"))]
pub(super) struct Args {
    /// A run, or with --html several; `tokgate list` shows them. `comparison` writes
    /// reports/COMPARISON.md, every measured model side by side, `summary` tells every benchmark
    #[arg(value_name = "RUN|comparison|summary", required = true)]
    runs: Vec<String>,
    /// One page that opens offline, into a file where one is named, else into reports/ of the results; of
    /// several runs, a page that has them side by side
    #[arg(long, group = "format", value_name = "FILE", num_args = 0..=1)]
    html: Option<Option<PathBuf>>,
    /// JUnit XML, into a file where one is named
    #[arg(long, group = "format", value_name = "FILE", num_args = 0..=1, default_missing_value = STDOUT)]
    junit: Option<PathBuf>,
    /// One JSON object; of a run, the one that `tokgate run --format json` prints
    #[arg(long, group = "format")]
    json: bool,
    /// Markdown, of the comparison
    #[arg(long, group = "format")]
    markdown: bool,
    /// What is merely not proven counts as a failure in the conclusion
    #[arg(long, env = "TOKGATE_STRICT")]
    strict: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Reads the run and writes it. How the run ended is told in what is written, and is no failure of
/// writing it.
///
/// # Errors
/// When there is no such run, its raw lines cannot be read, or the file cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let told = told(args)?;
    let mut store = FileStore::open(team::layout(&project, args.results_dir.as_deref())?)?;
    match told {
        Told::Comparison(form) => together::comparison(&mut store, form, face)?,
        Told::Summary(form) => together::summary(&store, form, face)?,
        Told::Pages(file) => {
            let told = |run: &String| {
                let cases = cases(stored(&store, run, face)?.unwrap_or_default(), run)?;
                Ok(page::Told { report: report_stored(&cases, args.strict), cases })
            };
            let told = args.runs.iter().map(told).collect::<Result<Vec<_>>>()?;
            page::write(store.layout(), &told, file, face)?;
        }
        Told::Run(run, file) => {
            let epochs = stored(&store, run, face)?;
            let report = kept(epochs.unwrap_or_default(), run, args.strict)?;
            match file {
                Some(file) => put(file, &junit::report(&report), face)?,
                None => face.say(&json::report(&report).to_string()),
            }
        }
    }
    Ok(Exit::Held)
}

/// What is told, and how.
enum Told<'a> {
    Comparison(Form),
    Summary(Form),
    /// Runs as a page, into a file where one is named.
    Pages(Option<&'a Path>),
    /// One run, as JUnit XML where a file is named, else as JSON.
    Run(&'a str, Option<&'a Path>),
}

/// # Errors
/// When it cannot be told in that form.
fn told(args: &Args) -> Result<Told<'_>> {
    let form = match (args.json, args.markdown) {
        (true, _) => Form::Json,
        (false, true) => Form::Markdown,
        (false, false) => Form::File,
    };
    let together = |run: &&String| matches!(run.as_str(), COMPARISON | SUMMARY);
    let (run, junit) = match (&*args.runs, &args.html) {
        (runs, Some(file)) => match runs.iter().find(together) {
            Some(name) => {
                bail!("the {name} is no page: name the runs that stand side by side in one")
            }
            None => return Ok(Told::Pages(file.as_deref())),
        },
        ([run], None) => (run.as_str(), &args.junit),
        (_, None) => bail!("several runs are told side by side, by `--html`; name one, or say so"),
    };
    match (run, junit, form) {
        (name @ (COMPARISON | SUMMARY), Some(_), _) => {
            bail!("the {name} is no test: tell it by `--json`, or leave `--junit` out")
        }
        (COMPARISON, None, form) => Ok(Told::Comparison(form)),
        (SUMMARY, None, form) => Ok(Told::Summary(form)),
        (run, Some(file), _) => Ok(Told::Run(run, Some(file))),
        (run, None, Form::Json) => Ok(Told::Run(run, None)),
        (run, None, Form::Markdown | Form::File) => {
            bail!("`{run}` is told by `--json`, `--junit` or `--html`: say which")
        }
    }
}

/// A run by the verdicts that were kept with it. Its own side: what it was compared with pair by pair
/// is another commit's.
///
/// # Errors
/// When it has no epoch of its own.
pub(super) fn kept(epochs: Vec<Stored>, run: &str, strict: bool) -> Result<Report> {
    Ok(report_stored(&cases(epochs, run)?, strict))
}

/// The cases of a run, at least one, with the verdicts that were kept with them.
fn cases(epochs: Vec<Stored>, run: &str) -> Result<Vec<(MeasuredCase, Vec<Judged>)>> {
    let cases: Vec<_> = by_case(heads(epochs)).into_iter().map(case_of).collect();
    if cases.is_empty() {
        bail!("`{run}` has no epoch to tell; `tokgate list` shows what there is");
    }
    Ok(cases)
}

/// A case with the verdicts that were kept with it.
pub(super) fn case_of(epochs: Vec<Stored>) -> (MeasuredCase, Vec<Judged>) {
    let verdicts = epochs.iter().flat_map(|epoch| &epoch.verdicts).map(Into::into).collect();
    (MeasuredCase::of(epochs), verdicts)
}

/// Writes a report to a file, or to standard output.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn put(file: &Path, text: &str, face: &Face) -> Result<()> {
    if file.as_os_str() == STDOUT {
        face.say(text.trim_end());
        return Ok(());
    }
    let refused = || format!("cannot write the report to {}", file.display());
    // Written beside itself first, which takes a folder's name.
    let path = std::path::absolute(file).with_context(refused)?;
    Ok(atomic::write(&path, text.as_bytes())?)
}
