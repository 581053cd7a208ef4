//! Questions to what was measured: `query`, `estimate`, `compare`, `recommend`, `status`.
//!
//! What they share lives here: which rows are asked about, what is paid, and in which form it is told.

pub(super) mod compare;
pub(super) mod estimate;
pub(super) mod query;
pub(super) mod recommend;
pub(super) mod status;
mod wizard;

use crate::choice::{Category, Filter, Measured, Prices};
use crate::cli::face::Face;
use crate::cli::history::began;
use crate::cli::options::usd;
use crate::cli::team;
use crate::config::Config;
use crate::project::Project;
use crate::report::sheet::Sheet;
use crate::store::{FileStore, atomic};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokgate_core::verdict::Exit;

/// Which rows are taken.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which rows")]
pub(super) struct Only {
    /// Only this model, by its whole name
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Only what was served by it: vllm-serve, ollama, ...
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Only this instance or GPU: g1-gpu-rtx6000-2, "RTX 4090", "RTX 4090 x2"
    #[arg(long, short = 'g', value_name = "NAME")]
    gpu_type: Option<String>,
    /// Only models of this size: 7b, 14b, 30b, 70b
    #[arg(long, short = 'm', value_name = "SIZE")]
    model_category: Option<String>,
    /// Only prompts about this: coding, context_heavy, reasoning
    #[arg(long, short = 't', value_name = "TASK", value_parser = task)]
    task_category: Option<Category>,
    /// Only this machine, by its key
    #[arg(long, value_name = "KEY")]
    machine: Option<String>,
    /// Only what began since then: 30d, 8w, or a day such as 2026-11-01
    #[arg(long, value_name = "30d|DATE")]
    since: Option<String>,
    /// Only what varied this: model_comparison, worker_optimization, ...
    #[arg(long = "type", value_name = "TYPE")]
    benchmark_type: Option<String>,
}

/// Which rows are asked about, and what they cost.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Which {
    #[command(flatten)]
    only: Only,
    /// What an hour costs, US dollars, of everything; instead of what was declared
    #[arg(long, env = "TOKGATE_HOURLY_COST", value_name = "USD", value_parser = usd)]
    hourly_cost: Option<f64>,
    /// What time it is, where it is not now: for what is stale, and for --since; 2026-11-29T12:00:00Z
    #[arg(long, env = "TOKGATE_NOW", value_name = "TIME")]
    now: Option<Timestamp>,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// In which form it is told, and where.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Form")]
pub(super) struct How {
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    format: Form,
    /// Into this file instead of to stdout; - is stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people
    #[default]
    Table,
    /// One object, with every figure
    Json,
    /// For spreadsheets
    Csv,
    /// For documents
    Markdown,
}

/// What is asked, and by what prices.
pub(super) struct Asked {
    pub(super) store: FileStore,
    pub(super) rows: Vec<Measured>,
    pub(super) prices: Prices,
    /// Microseconds since 1970.
    pub(super) now_us: i64,
}

impl Only {
    /// The same as a filter of rows.
    ///
    /// # Errors
    /// When the time is none.
    pub(super) fn filter(&self, now: Timestamp) -> Result<Filter> {
        Ok(Filter {
            run: None,
            model: self.model.clone(),
            platform: self.platform.clone(),
            machine: self.machine.clone(),
            gpu_type: self.gpu_type.clone(),
            model_category: self.model_category.clone(),
            task: self.task_category,
            benchmark_type: self.benchmark_type.clone(),
            since_us: self.since.as_deref().map(|since| began(since, now)).transpose()?,
            provenance: None,
        })
    }
}

impl Which {
    /// The rows that are asked about.
    ///
    /// # Errors
    /// When a file of the configuration is wrong, the time is none, or the store cannot be read.
    pub(super) fn ask(&self) -> Result<Asked> {
        let project = Project::find(&std::env::current_dir()?);
        let catalogue = Config::load(&project)?.catalogue;
        let prices = Prices { catalogue, hourly_usd: self.hourly_cost };
        let now = self.now.unwrap_or_else(Timestamp::now);
        let filter = self.only.filter(now)?;
        let store = FileStore::open(team::layout(&project, self.results_dir.as_deref())?)?;
        let rows = store.measured(&filter, &prices)?;
        Ok(Asked { store, rows, prices, now_us: now.as_microsecond() })
    }

    /// The model, where one is named.
    pub(super) fn model(&self) -> Option<&str> {
        self.only.model.as_deref()
    }

    /// The same of tasks of every kind.
    pub(super) fn all_tasks(&self) -> Self {
        Self { only: Only { task_category: None, ..self.only.clone() }, ..self.clone() }
    }

    /// The kind of task, where one is named.
    pub(super) fn task(&self) -> Option<Category> {
        self.only.task_category
    }
}

impl How {
    /// The same as JSON.
    pub(super) fn in_json(self) -> Self {
        Self { format: Form::Json, ..self }
    }

    /// Whether it is for people.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.format, Form::Table)
    }

    /// Tells an answer in its form.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn tell(&self, sheet: &Sheet, json: &Value, face: &Face) -> Result<()> {
        let text = match self.format {
            Form::Table => sheet.table(),
            Form::Json => json.to_string(),
            Form::Csv => sheet.csv()?,
            Form::Markdown => sheet.markdown(),
        };
        let Some(file) = self.output.as_deref().filter(|file| *file != Path::new("-")) else {
            face.say(text.trim_end());
            return Ok(());
        };
        let refused = || format!("cannot write the answer to {}", file.display());
        let path = std::path::absolute(file).with_context(refused)?;
        let end = if text.ends_with('\n') { "" } else { "\n" };
        atomic::write(&path, format!("{text}{end}").as_bytes())?;
        face.tell(&format!("wrote {}", file.display()));
        Ok(())
    }
}

/// Held where there is an answer; else nothing, with the reason.
pub(super) fn held(is_answered: bool, face: &Face) -> Exit {
    if is_answered {
        return Exit::Held;
    }
    face.tell(
        "nothing that says something about a model is measured, or a filter leaves nothing: \
         `tokgate status` says what there is, `tokgate run` measures",
    );
    Exit::Nothing
}

/// The named model's rows, or who else there is.
///
/// # Errors
/// When there is no row of it.
pub(super) fn known<'a>(asked: &'a Asked, model: &str) -> Result<&'a [Measured]> {
    if asked.rows.iter().any(|row| row.model == model) {
        return Ok(&asked.rows);
    }
    let all = asked.store.measured(&Filter::default(), &asked.prices)?;
    let mut names: Vec<&str> = all.iter().map(|row| row.model.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match tokgate_core::diagnostic::nearest(model, names.iter().copied()) {
        Some(name) if name == model => bail!("the filters leave no row of `{model}`"),
        Some(near) => bail!("no model `{model}` was measured; did you mean `{near}`?"),
        None => bail!("no model `{model}` was measured; `tokgate query` lists those that were"),
    }
}

/// A kind of task by its word.
fn task(word: &str) -> Result<Category, String> {
    serde_json::from_value(Value::String(word.replace('-', "_")))
        .map_err(|_| "expected coding, context_heavy or reasoning".to_owned())
}
