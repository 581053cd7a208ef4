//! `tokgate export FILE`: stored results as one file that another tokgate imports.

use crate::cli::face::Face;
use crate::cli::history::began;
use crate::cli::monitor;
use crate::project::Project;
use crate::report::export;
use crate::store::{Exported, FileStore, Layout, StoreError, atomic};
use anyhow::{Result, bail};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use tokgate_core::verdict::Exit;

/// Stands for stdout.
const STDOUT: &str = "-";
/// Answers of a model may be long and private.
const SAMPLES: &str = "sample_responses";

/// Write stored results as one file that another tokgate imports.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, ending in .json or .csv; `-` for stdout
    #[arg(required_unless_present = "telemetry")]
    file: Option<PathBuf>,
    /// Write what `tokgate serve --monitor-only` saw of the machine instead, to a .json or .csv file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "format", "model", "platform", "machine", "since", "run", "with_samples"])]
    telemetry: Option<PathBuf>,
    /// What is written, where the file's name does not say it
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only what this model did
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Only what was served this way
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Only what was measured on this machine
    #[arg(long, value_name = "KEY")]
    machine: Option<String>,
    /// Only what began since then: 30d, 8w, or a day such as 2026-11-01
    #[arg(long, value_name = "30d|DATE")]
    since: Option<String>,
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
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object.
    Json,
    /// A line a result.
    Csv,
}

/// Writes what was asked for.
///
/// # Errors
/// When the file is there already or cannot be written, or the index cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    if let Some(file) = &args.telemetry {
        return telemetry(file, args, face);
    }
    let named = args.file.as_deref().unwrap_or(Path::new(STDOUT));
    let format = format(args, named)?;
    let path = std::path::absolute(named)?;
    let to_stdout = named == Path::new(STDOUT);
    // A link to nowhere is a name that is taken, too.
    if !to_stdout && !args.force && path.symlink_metadata().is_ok() {
        return Err(StoreError::Taken(named.to_owned()).into());
    }
    let since_us = args.since.as_deref().map(|since| began(since, Timestamp::now())).transpose()?;
    let project = Project::find(&std::env::current_dir()?);
    let root = project.stored(args.results_dir.as_deref())?;
    let mut exported = FileStore::open(Layout::new(root))?.exported()?;
    exported.rows.retain(|row| is_wanted(row, args, since_us));
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

fn is_wanted(row: &Map<String, Value>, args: &Args, since_us: Option<i64>) -> bool {
    let is = |column: &str, wanted: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| row.get(column).is_some_and(|found| found == wanted))
    };
    let began = row.get("started_us").and_then(Value::as_i64).unwrap_or(i64::MIN);
    is("model_name", &args.model)
        && is("platform", &args.platform)
        && is("machine", &args.machine)
        && (is("run_id", &args.run) || is("test_id", &args.run))
        && since_us.is_none_or(|since_us| began >= since_us)
}

fn without_samples(exported: &mut Exported) {
    exported.columns.retain(|column| column != SAMPLES);
    exported.rows.iter_mut().for_each(|row| drop(row.remove(SAMPLES)));
}
