//! `tokgate analyze`: what a batch wrote, and how long it took, as a result beside the others.

use crate::cli::face::Face;
use crate::cli::{brought, import, team, written};
use crate::imports::answers::{self, Answers, Test};
use crate::project::Project;
use crate::report::comparison;
use crate::store::{FileStore, Kept, Layout, Store, imported_run};
use anyhow::{Context, Result, anyhow, bail};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use tokgate_core::day::Day;
use tokgate_core::diagnostic::line;
use tokgate_core::imported::Imported;
use tokgate_core::metric::{self, Metric, Stat};
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Exit;

/// Failed lines that are told.
const TOLD_FAILURES: usize = 20;

/// Read the answers that a batch wrote, one a line, into a result beside the measured ones.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How the model was served: vllm-offline, vllm-serve, ollama, ...
    #[arg(long, value_name = "NAME")]
    platform: String,
    /// The model
    #[arg(long, value_name = "NAME")]
    model: String,
    /// The answers, one a line: of OpenAI's or vLLM's batch, or of Ollama; `-` for stdin
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// How it was configured, as a JSON object: '{"max_model_len": 4096}'
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// How long the whole of it took, seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    total_time: f64,
    /// How long loading the model took before, seconds
    #[arg(long, value_name = "S", value_parser = seconds)]
    model_load_time: Option<f64>,
    /// How many requests were sent at the same time
    #[arg(long, value_name = "N")]
    workers: Option<u64>,
    /// When, where the answers do not say it: 2026-11-22, or 2026-11-22T10:11:12Z
    #[arg(long, value_name = "DATE")]
    date: Option<String>,
    /// Words to keep with it
    #[arg(long, default_value = "", value_name = "TEXT")]
    notes: String,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0);
    seconds.ok_or_else(|| "expected seconds above 0, such as 2400 or 25.8".to_owned())
}

/// Reads the answers, keeps the result, and tells it.
///
/// # Errors
/// When an option cannot be read, no line is in the file, or the result cannot be kept.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let config = config(&args.config)?;
    let date_us = args.date.as_deref().map(moment).transpose()?;
    let bytes = import::bytes(&args.input).with_context(|| args.input.display().to_string())?;
    let answers = answers::read(&bytes);
    if answers.requests.attempted == 0 {
        bail!("{}: no line is in it: expected an answer a line", args.input.display());
    }
    let test = Test {
        platform: &args.platform,
        model: &args.model,
        config: &config,
        file: &args.input.file_name().unwrap_or(args.input.as_os_str()).to_string_lossy(),
        bytes: &bytes,
        total_time_s: args.total_time,
        model_load_s: args.model_load_time,
        workers: args.workers,
        date_us,
        notes: &args.notes,
    };
    let result = test.result(&answers);
    let project = Project::find(&std::env::current_dir()?);
    let root = args.results_dir.clone().map_or_else(|| project.results(), Ok)?;
    let team = team::meant(&project)?;
    let mut store = FileStore::open(Layout::new(root))?;
    let kept = written::keep(&mut store, &result)?;
    store.finish_run(&comparison::markdown)?;
    tell_failures(&answers, face);
    match args.json {
        true => face.say(&object(&result, &answers, &kept, store.layout()).to_string()),
        false => face.say(&summary(&result, &answers, &kept, store.layout())),
    }
    let run = imported_run(&result.source.digest);
    brought::bring(team.as_ref(), store.layout(), &[run], face);
    Ok(Exit::Held)
}

fn config(text: &str) -> Result<Map<String, Value>> {
    let example = "expected a JSON object such as '{\"max_model_len\": 4096}'";
    match serde_json::from_str(text) {
        Ok(Value::Object(config)) => Ok(config),
        Ok(_) => bail!("--config {text}: {example}"),
        Err(why) => Err(anyhow!("--config {text}: {why}; {example}")),
    }
}

fn moment(text: &str) -> Result<i64> {
    let at = text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
    let day = || text.parse::<Day>().ok().map(Day::begin_us);
    at.or_else(day).ok_or_else(|| {
        anyhow!("--date {text}: expected a day such as 2026-11-22, or 2026-11-22T10:11:12Z")
    })
}

/// What failed, by its line.
fn tell_failures(answers: &Answers, face: &Face) {
    for (number, why) in answers.failures.iter().take(TOLD_FAILURES) {
        face.tell(&format!("line {number}: {}", line(why)));
    }
    let more = answers.failures.len().saturating_sub(TOLD_FAILURES);
    if more > 0 {
        face.tell(&format!("and {more} more lines"));
    }
    if answers.requests.failed > 0 {
        face.tell(&format!(
            "warning: {} of {} requests failed: they are in no average and no throughput",
            answers.requests.failed, answers.requests.attempted
        ));
    }
    match answers.without_tokens() {
        0 => {}
        n => face.tell(&format!(
            "warning: {n} answers do not say all of their tokens, so that a throughput that needs them is absent"
        )),
    }
}

fn value(result: &Imported, metric: &'static Metric) -> Option<f64> {
    result.figure(metric, Stat::Value)
}

fn test_id(kept: &Kept) -> (&str, &'static str) {
    match kept {
        Kept::New(test_id) => (test_id, "kept as"),
        Kept::Known(test_id) => (test_id, "known already as"),
    }
}

fn summary(result: &Imported, answers: &Answers, kept: &Kept, layout: &Layout) -> String {
    let (test_id, became) = test_id(kept);
    let requests = answers.requests;
    let rate = |metric| {
        let value = value(result, metric);
        value.map_or_else(|| "–".to_owned(), |value| Unit::TokensPerSecond.show(value))
    };
    let forms: Vec<&str> = answers.forms.keys().map(|form| form.as_str()).collect();
    format!(
        "Platform    {}\nModel       {}\nRequests    {}/{} ({})\n\
         Throughput  {} prompt and output, {} output\nTime        {:.1} s\n\
         {became} {test_id}\n  {}\n  {}",
        line(&result.platform),
        line(&result.model.name),
        requests.succeeded,
        requests.attempted,
        forms.join(", "),
        rate(&metric::TOTAL_TOK_S),
        rate(&metric::TOK_S),
        result.window_s.unwrap_or_default(),
        layout.raw_file(test_id).display(),
        layout.metadata_file(test_id).display(),
    )
}

fn object(result: &Imported, answers: &Answers, kept: &Kept, layout: &Layout) -> Value {
    let (test_id, _) = test_id(kept);
    let path = |path: &Path| path.display().to_string();
    let forms: Map<String, Value> =
        answers.forms.iter().map(|(form, n)| (form.as_str().to_owned(), (*n).into())).collect();
    let failures: Vec<Value> =
        answers.failures.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect();
    json!({
        "schema_version": 1,
        "test_id": test_id,
        "new": matches!(kept, Kept::New(_)),
        "platform": result.platform,
        "model": result.model.name,
        "num_requests": answers.requests.attempted,
        "success_count": answers.requests.succeeded,
        "failure_count": answers.requests.failed,
        "total_time_seconds": result.window_s,
        "throughput_tokens_per_sec": value(result, &metric::TOTAL_TOK_S),
        "output_tokens_per_sec": value(result, &metric::TOK_S),
        "throughput_requests_per_sec": value(result, &metric::REQ_S),
        "status": answers.status(),
        "forms": forms,
        "failures": failures,
        "raw": path(&layout.raw_file(test_id)),
        "metadata": path(&layout.metadata_file(test_id)),
    })
}
