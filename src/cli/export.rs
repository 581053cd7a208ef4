//! `tokgate export FILE`: stored results as one file that another tokgate imports; and
//! `tokgate export RUN --format parquet -o URL`: every request and event of runs as rows.

#[cfg(feature = "parquet")]
mod rows;

use crate::cli::ask::Only;
use crate::cli::face::Face;
use crate::cli::monitor;
use crate::cli::parts;
use crate::cli::team;
use crate::config::Config;
use crate::project::Project;
use crate::report::export;
use crate::store::{Exported, FileStore, Layout, StoreError, Taken, atomic};
use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use tokgate_core::price::Prices;
use tokgate_core::verdict::Exit;

/// Stands for stdout.
const STDOUT: &str = "-";
/// Answers of a model may be long and private.
const SAMPLES: &str = "sample_responses";

/// Write stored results as one file that another tokgate imports, or as Parquet for engines of SQL.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, ending in .json or .csv; `-` for stdout. With --format parquet the runs
    #[arg(value_name = "FILE|RUN")]
    named: Vec<PathBuf>,
    /// Where rows are put: file:///the/folder, s3://bucket/prefix, gs:// or az://
    #[arg(long, short = 'o', value_name = "URL", conflicts_with_all = ["telemetry", "with_samples", "force"])]
    out: Option<String>,
    /// Put again what a worker of a shared load (`tokgate run --shard`) kept in this folder, where its place
    /// was not there at its end; to -o, else to where it was to be put
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["named", "format", "run", "telemetry", "with_samples", "force", "Only"])]
    parts: Option<PathBuf>,
    /// Write what `tokgate serve --monitor-only` saw of the machine instead, to a .json or .csv file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["named", "format", "run", "with_samples", "Only"])]
    telemetry: Option<PathBuf>,
    /// What is written, where the file's name does not say it
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only this run, or the one test of this id
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// The first answers of each test, too
    #[arg(long)]
    with_samples: bool,
    /// Take the place of a file that is there
    #[arg(long)]
    force: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
    #[command(flatten)]
    only: Only,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object.
    Json,
    /// A line a result.
    Csv,
    /// A row a request and a row an event, for DuckDB, Spark, Trino, ClickHouse.
    Parquet,
}

/// Writes what was asked for.
///
/// # Errors
/// When the file is there already or cannot be written, or the index cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    if let Some(file) = &args.telemetry {
        return telemetry(file, args, face);
    }
    if let Some(folder) = &args.parts {
        return parts::put_again(folder, args.out.as_deref(), face);
    }
    if args.format == Some(Format::Parquet) {
        #[cfg(feature = "parquet")]
        return rows::write(args, face);
        #[cfg(not(feature = "parquet"))]
        bail!("--format parquet: {}", crate::rows::ABSENT);
    }
    let [named] = &args.named[..] else {
        bail!("name one file that ends in .json or .csv, or `-` for stdout");
    };
    if args.out.is_some() {
        bail!("-o is where rows are put: say --format parquet with it");
    }
    let format = format(args, named)?;
    let path = std::path::absolute(named)?;
    let to_stdout = named == Path::new(STDOUT);
    // A link to nowhere is a name that is taken, too.
    if !to_stdout && !args.force && path.symlink_metadata().is_ok() {
        return Err(StoreError::Taken(named.to_owned()).into());
    }
    let project = Project::find(&std::env::current_dir()?);
    let prices = Prices { catalogue: Config::load(&project)?.catalogue, hourly_usd: None };
    let filter = args.only.filter(Timestamp::now())?;
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    let store = FileStore::open(layout)?;
    let taken = store.taken(&filter, &prices)?;
    let mut exported = store.exported()?;
    exported.rows.retain(|row| is_wanted(row, args.run.as_deref(), &taken));
    if !args.with_samples {
        without_samples(&mut exported);
    }
    if exported.rows.is_empty() {
        face.tell("nothing is kept that was asked for: no file was written");
        return Ok(Exit::Nothing);
    }
    let text = match format {
        Format::Json => export::json(&exported.rows),
        Format::Csv => export::csv(&exported.columns, &exported.rows)?,
        Format::Parquet => unreachable!("rows are written elsewhere"),
    };
    if to_stdout {
        face.say(text.trim_end());
    } else {
        put(&path, text.as_bytes(), args.force)?;
        let count = exported.rows.len();
        let noun = if count == 1 { "result" } else { "results" };
        face.say(&format!("wrote {}: {count} {noun}", named.display()));
    }
    Ok(Exit::Held)
}

/// What was seen of the machine, without a load.
fn telemetry(file: &Path, args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let layout = Layout::new(project.stored(args.results_dir.as_deref())?);
    let count = monitor::export(&layout, file, args.force)?;
    face.say(&format!("wrote {}: {count} moments", file.display()));
    Ok(Exit::Held)
}

fn put(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    match force {
        true => Ok(atomic::write(path, bytes)?),
        false => Ok(atomic::write_new(path, bytes)?),
    }
}

fn format(args: &Args, file: &Path) -> Result<Format> {
    let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    match (args.format, ending.as_deref()) {
        (Some(format), _) => Ok(format),
        (None, Some("json")) => Ok(Format::Json),
        (None, Some("csv")) => Ok(Format::Csv),
        (None, _) => bail!(
            "{}: name a file that ends in .json or .csv, or say --format json or csv",
            file.display()
        ),
    }
}

fn is_wanted(row: &Map<String, Value>, run: Option<&str>, taken: &Taken) -> bool {
    let text = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
    let is_of_run = |run: &str| text("run_id") == run || text("test_id") == run;
    run.is_none_or(is_of_run) && taken.tests.contains(text("test_id"))
}

fn without_samples(exported: &mut Exported) {
    exported.columns.retain(|column| column != SAMPLES);
    exported.rows.iter_mut().for_each(|row| drop(row.remove(SAMPLES)));
}
