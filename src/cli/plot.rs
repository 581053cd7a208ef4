//! `tokgate plot [RUN|FILE]`: pictures of a stored run, or of a file of results.

use crate::again::report_stored;
use crate::cli::face::Face;
use crate::cli::history::metric;
use crate::cli::import::{bytes, recognised};
use crate::cli::report::case_of;
use crate::cli::show::{by_case, heads, stored};
use crate::cli::team;
use crate::figure::{self, CaseNames, Figure, MOST_POINTS};
use crate::git;
use crate::history::{self, Question};
use crate::plot;
use crate::project::Project;
use crate::report::terminal::Style;
use crate::report::{self, benchmark_summary};
use crate::session::MeasuredCase;
use crate::store::{self, FileStore, Layout, PastOf, Store, Stored, atomic};
use anyhow::{Context, Result, anyhow, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokgate_core::report::Report;
use tokgate_core::verdict::{Exit, Judged};

/// The text beside the pictures.
const SUMMARY: &str = "benchmark_summary.txt";

/// Draw a stored run, or a file of results, as PNG and SVG.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A run, or the test id of one epoch; or a file: what `run --format json` printed, raw lines of an
    /// epoch, an export, results of other tools. The newest run where nothing is named
    #[arg(value_name = "RUN|FILE")]
    what: Option<PathBuf>,
    /// Each case with this in its name by itself, too; of a run with one case it is anyway
    #[arg(long, value_name = "FILTER")]
    case: Option<String>,
    /// This metric over commits, in place of a run: ttft.p50, tok_s. `--case` narrows it
    #[arg(long, value_name = "METRIC", conflicts_with = "what")]
    history: Option<String>,
    /// Which pictures
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Where to; the folder `plots` of the results where nothing is named
    #[arg(long, short, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// What is written of each figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Pixels.
    Png,
    /// Shapes, which any size suits.
    Svg,
    /// One of each.
    #[default]
    Both,
}

/// The text beside pictures of these names.
type Summary = Box<dyn Fn(&[String]) -> String>;

/// What is drawn, and the text beside it.
struct Drawn {
    figures: Vec<Figure>,
    summary: Summary,
}

/// Draws what was asked for, and says which files were written.
///
/// # Errors
/// When there is no such run or file, nothing in it can be drawn, or a picture cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let file = args.what.as_deref().filter(|what| what.is_file());
    let printed = file.and_then(run_of);
    let file = file.filter(|_| printed.is_none());
    let layout = match (file, &args.results_dir) {
        // A file is drawn wherever it lies, also where nothing was ever measured.
        (Some(_), Some(named)) => Layout::new(named),
        (Some(_), None) => Layout::new(project.results()?),
        (None, named) => team::layout(&project, named.as_deref())?,
    };
    let folder = args.output_dir.clone().unwrap_or_else(|| layout.plots());
    let drawn = match (file, &args.history) {
        (Some(file), _) => Some(of_file(file, args)?),
        (None, Some(metric)) => Some(of_history(layout, metric, &project, args, face)?),
        (None, None) => of_run(layout, printed, args, face)?,
    };
    let Some(drawn) = drawn else { return Ok(Exit::Nothing) };
    if drawn.figures.is_empty() {
        face.tell("nothing was measured that a picture could show: no file was written");
        return Ok(Exit::Nothing);
    }
    let written = write(&drawn, &folder, args.format)?;
    if args.output_dir.is_none() {
        remove_others(&folder, &written)?;
    }
    written.iter().for_each(|name| face.say(&folder.join(name).display().to_string()));
    Ok(Exit::Held)
}

/// The run that a file is about, where it is what `tokgate run --format json` or `tokgate report --json` printed: its
/// numbers are there, but not what pictures are drawn from.
fn run_of(file: &Path) -> Option<String> {
    let object: serde_json::Value = serde_json::from_slice(&bytes(file).ok()?).ok()?;
    let is_ours = object.get("cases")?.is_array() && object.get("conclusion").is_some();
    is_ours.then(|| object.get("run_id")?.as_str().map(str::to_owned)).flatten()
}

/// `None` where there is no run yet, which is told.
fn of_run(
    layout: Layout,
    printed: Option<String>,
    args: &Args,
    face: &Face,
) -> Result<Option<Drawn>> {
    let store = FileStore::open(layout)?;
    let newest = || Ok::<_, anyhow::Error>(store.runs(1)?.into_iter().next().map(|run| run.run_id));
    let name = match (printed, &args.what) {
        (Some(run), _) => Some(run),
        (None, Some(name)) => name.to_str().map(str::to_owned),
        (None, None) => newest()?,
    };
    let Some(name) = name else {
        face.tell("nothing is measured yet: `tokgate run quick` measures without any server");
        return Ok(None);
    };
    let Some(epochs) = stored(&store, &name, face)? else {
        bail!(
            "`{}` is no file, and no run or test is called so; `tokgate list` shows what there is",
            name.escape_debug()
        );
    };
    let all = epochs.len();
    let epochs = heads(epochs);
    if epochs.is_empty() && all > 0 {
        bail!("`{name}` is the other side of a comparison, or its control: name a run");
    }
    of_epochs(epochs, args).map(Some)
}

fn of_epochs(epochs: Vec<Stored>, args: &Args) -> Result<Drawn> {
    let cases: Vec<(MeasuredCase, Vec<Judged>)> =
        by_case(epochs).into_iter().map(case_of).collect();
    let measured: Vec<MeasuredCase> = cases.iter().map(|(case, _)| case.clone()).collect();
    let report = report_stored(&cases, false);
    let mut figures = figure::of_run(&report);
    let before = figures.len();
    for (case, measured) in report.cases.iter().zip(&measured) {
        if is_wanted(&report, &case.case.id.0, &case.case.id.listed(), args) {
            let own = figure::of_case(case, &measured.epochs, MOST_POINTS);
            figures.extend(own.into_iter().map(|one| named(one, &report, case)));
        }
    }
    if let Some(filter) = args.case.as_ref().filter(|_| figures.len() == before) {
        let names: Vec<String> = report.cases.iter().map(|case| case.case.id.listed()).collect();
        bail!("--case {filter}: no case of the run has that in its name: {}", names.join(", "));
    }
    let summary = Box::new(move |names: &[String]| benchmark_summary::text(&report, names));
    Ok(Drawn { figures: unique(figures), summary })
}

fn is_wanted(report: &Report, id: &str, listed: &str, args: &Args) -> bool {
    match &args.case {
        Some(filter) => id.contains(filter) || listed.contains(filter),
        None => report.cases.len() == 1,
    }
}

/// A case's own figure with the case in its name, where there are several.
fn named(figure: Figure, report: &Report, case: &tokgate_core::report::CaseReport) -> Figure {
    if report.cases.len() == 1 {
        return figure;
    }
    let name = CaseNames::of(report).name(case);
    Figure {
        id: format!("{}-{}", figure::word(&name), figure.id),
        title: format!("{} ({name})", figure.title),
        ..figure
    }
}

/// Each figure under an id of its own: names that differ may be written alike.
fn unique(figures: Vec<Figure>) -> Vec<Figure> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let free = |figure: Figure| {
        let others = (2..).map(|number| format!("{}-{number}", figure.id));
        let mut ids = std::iter::once(figure.id.clone()).chain(others);
        let id = ids.find(|id| taken.insert(id.clone())).unwrap_or_else(|| figure.id.clone());
        Figure { id, ..figure }
    };
    figures.into_iter().map(free).collect()
}

/// A metric over commits, each series by itself.
fn of_history(
    layout: Layout,
    name: &str,
    project: &Project,
    args: &Args,
    face: &Face,
) -> Result<Drawn> {
    let here = std::env::current_dir()?;
    let metric = metric(name)?;
    let PastOf { epochs, notes } = FileStore::open(layout)?.past(metric)?;
    notes.iter().for_each(|note| face.tell(note));
    let ages = git::ages(project.root.as_deref().unwrap_or(&here), &history::commits(&epochs));
    let (case, budget) = (args.case.clone(), history::usual_budget(metric.metric));
    let question = Question { metric, case, machine: None, since_us: None, anchor: None, budget };
    let series = history::series(epochs, &question, &ages);
    let figures = series.iter().filter_map(|one| figure::of_history(one, metric)).collect();
    let text: Vec<String> = series
        .iter()
        .map(|one| report::history::series(one, &question, Style { color: false }))
        .collect();
    let summary = Box::new(move |_: &[String]| text.join("\n"));
    Ok(Drawn { figures: unique(figures), summary })
}

fn of_file(file: &Path, args: &Args) -> Result<Drawn> {
    let shown = || format!("cannot draw {}", file.display());
    let text = bytes(file).with_context(shown)?;
    if let Ok(epoch) = store::read_bytes(&text, file) {
        return of_epochs(vec![epoch], args).with_context(shown);
    }
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let results = recognised(&name, &text, None).with_context(shown)?.found.results;
    if results.is_empty() {
        return Err(anyhow!("no result in it can be read; `tokgate import --dry-run` says why"))
            .with_context(shown);
    }
    let figures = unique(figure::of_results(&results));
    let summary =
        Box::new(move |names: &[String]| benchmark_summary::of_results(&name, &results, names));
    Ok(Drawn { figures, summary })
}

/// Writes every picture, and then the text that lists them. The names, in that order.
fn write(drawn: &Drawn, folder: &Path, format: Format) -> Result<Vec<String>> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let folder = std::path::absolute(folder)?;
    let mut names = Vec::new();
    for figure in &drawn.figures {
        if format != Format::Svg {
            names.push(put(&folder, figure, "png", &plot::png(figure)?)?);
        }
        if format != Format::Png {
            names.push(put(&folder, figure, "svg", plot::svg(figure).as_bytes())?);
        }
    }
    atomic::write(&folder.join(SUMMARY), (drawn.summary)(&names).as_bytes())?;
    names.push(SUMMARY.to_owned());
    Ok(names)
}

fn put(folder: &Path, figure: &Figure, ending: &str, bytes: &[u8]) -> Result<String> {
    let name = format!("{}.{ending}", figure.id);
    atomic::write(&folder.join(&name), bytes)?;
    Ok(name)
}

/// Removes pictures of another run from the folder that has those of the one that was drawn last.
fn remove_others(folder: &Path, written: &[String]) -> Result<()> {
    let is_picture = |name: &str| name.ends_with(".png") || name.ends_with(".svg");
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_picture(&name) && !written.contains(&name) {
            let path = entry.path();
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove the old {}", path.display()))?;
        }
    }
    Ok(())
}
