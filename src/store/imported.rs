//! A result of another tool: one line in a file of its own beside our raw lines, and its rows.

use crate::store::atomic::{self, FileError, doing};
use crate::store::cell::{count, json, maybe, or_null, real, text, word};
use crate::store::epoch::{self, Column, Told};
use crate::store::file_store::StoreError;
use crate::store::ids::EpochName;
use crate::store::layout::Layout;
use crate::store::line::{self, LONGEST};
use crate::store::sql::Sql;
use crate::store::stored::{self, First};
use crate::store::{case, digest};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::path::Path;
use tokgate_core::case::RunsOn;
use tokgate_core::imported::{Figure, Imported, ImportedHardware};
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::run::Requests;
use tokgate_core::summary::Estimate;

/// Characters of a digest that name a result.
const DIGITS: usize = 16;
/// Where a result says nothing of its machine.
const UNKNOWN: &str = "unknown";

/// A result of another tool as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptImport {
    /// Its file and row.
    pub test_id: String,
    /// The run that it counts as; it is the only one in it.
    pub run_id: String,
    /// When it was measured, microseconds since 1970; where nobody knows, when it was imported.
    pub started_us: i64,
    /// The result.
    pub result: Imported,
}

/// What became of a result that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is kept now, under this test id.
    New(String),
    /// It was there already, under this test id.
    Known(String),
}

/// The run that a result of this digest counts as: the same result always counts as the same.
#[must_use]
pub fn imported_run(digest: &str) -> String {
    format!("imported-{}", digest.get(..DIGITS).unwrap_or(digest))
}

fn run_id(result: &Imported) -> String {
    imported_run(&result.source.digest)
}

/// The result as it is kept; `now_us` stands for the time of measuring where nobody knows it.
pub(super) fn named(result: &Imported, now_us: i64) -> KeptImport {
    let started_us = result.measured_us.unwrap_or(now_us);
    let size = result.requests.attempted.to_string();
    let Imported { platform, model, source, .. } = result;
    let name = EpochName { platform, model: &model.name, size: &size, started_us };
    let tail = source.digest.get(..DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    KeptImport {
        test_id: name.test_id(tail.unwrap_or_default()),
        run_id: run_id(result),
        started_us,
        result: result.clone(),
    }
}

/// The test id of a result that is kept already.
pub(super) fn known(database: &Sql<'_>, result: &Imported) -> rusqlite::Result<Option<String>> {
    let find = "SELECT test_id FROM benchmark_results WHERE run_id = ?1";
    database.one(find, &[Value::Text(run_id(result))], |row| row.get(0))
}

/// The same result in a file that has no row yet.
pub(super) fn left(layout: &Layout, kept: &KeptImport) -> Result<Option<KeptImport>, StoreError> {
    // What a name ends in follows from what the result says, whenever it is imported.
    let tail = kept.test_id.rsplit('-').next().unwrap_or_default();
    let ending = format!("-{tail}.jsonl");
    for path in layout.raw_files()? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let found = name.ends_with(&ending).then(|| stored::read_first(&path));
        match found {
            Some(Ok(First::Imported(other))) if other.run_id == kept.run_id => {
                return Ok(Some(*other));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Writes the file of a result; when this comes back, it is durable.
pub(super) fn write(layout: &Layout, kept: &KeptImport) -> Result<(), StoreError> {
    let path = layout.raw_file(&kept.test_id);
    let bytes = bytes(&path, kept)?;
    Ok(atomic::write(&path, &bytes)?)
}

/// What stands in the file of a result.
pub(super) fn bytes(path: &Path, kept: &KeptImport) -> Result<Vec<u8>, FileError> {
    let bytes = line::imported(kept).map_err(|why| doing("write", path)(why.into()))?;
    match bytes.len() > LONGEST {
        true => {
            let why = std::io::Error::other(format!("its entry is longer than {LONGEST} bytes"));
            Err(doing("write", path)(why))
        }
        false => Ok(bytes),
    }
}

/// Puts the rows of a result down; a second time changes nothing. `id` fixes the row's number.
pub(super) fn put(
    database: &Connection,
    kept: &KeptImport,
    id: Option<i64>,
) -> rusqlite::Result<()> {
    put_run(database, kept)?;
    let id = id.map(|id| ("id", Value::Integer(id)));
    let columns: Vec<Column> = id
        .into_iter()
        .chain(named_columns(kept))
        .chain(given(kept))
        .chain(hardware(&kept.result.hardware))
        .chain(measured(&kept.result))
        .collect();
    epoch::upsert(database, columns)?;
    epoch::put_metrics(database, &kept.test_id, told(&kept.result))?;
    put_case(database, kept)?;
    let key = case::Key { run_id: &kept.run_id, case_id: &case_id(&kept.result), arm: "head" };
    case::put_metrics(database, key, told(&kept.result))?;
    digest::put(database, key)
}

fn case_id(result: &Imported) -> String {
    format!("imported/{}", result.source.format)
}

fn put_run(database: &Connection, kept: &KeptImport) -> rusqlite::Result<()> {
    let KeptImport { run_id, started_us, result, .. } = kept;
    database.execute(
        "INSERT INTO runs
             (run_id, scenario, machine, started_us, tool_version, git_commit, hardware_info)
         VALUES (?1, 'imported', ?2, ?3, ?4, NULL, ?5)
         ON CONFLICT (run_id) DO NOTHING",
        params![
            run_id,
            machine(&result.hardware),
            started_us,
            result.source.tool,
            json(&result.hardware)
        ],
    )?;
    Ok(())
}

/// The key of the machine: its GPUs, else its name where it was rented.
fn machine(hardware: &ImportedHardware) -> String {
    let ImportedHardware { instance, gpu, gpus, vram_bytes, .. } = hardware.clone();
    let declared = RunsOn { gpu, gpus, vram_bytes, ..RunsOn::default() };
    let named = instance.unwrap_or_else(|| UNKNOWN.to_owned());
    declared.machine().map_or(named, |machine| machine.0)
}

/// Why a result should not be relied on.
fn invalid(result: &Imported) -> Vec<String> {
    let requests = result.requests;
    let failed = requests.attempted > 0 && requests.succeeded == 0 && result.invalid.is_empty();
    let reason = failed.then(|| "no request succeeded, as its file says".to_owned());
    result.invalid.iter().cloned().chain(reason).collect()
}

/// Who the result is.
fn named_columns(kept: &KeptImport) -> Vec<Column> {
    let result = &kept.result;
    let requests = result.requests;
    let reasons = invalid(result);
    let invalid = (!reasons.is_empty()).then(|| Value::Text(json(&reasons)));
    let validity = if invalid.is_some() { "INVALID" } else { "VALID" };
    vec![
        ("test_id", text(&kept.test_id)),
        ("run_id", text(&kept.run_id)),
        ("case_id", text(&case_id(result))),
        ("kind", text(&word(&result.kind))),
        ("epoch", Value::Integer(0)),
        ("booking_id", text(&kept.run_id)),
        ("arm", text("head")),
        ("started_us", Value::Integer(kept.started_us)),
        ("ending", text("completed")),
        ("validity", text(validity)),
        ("invalid_reasons", or_null(invalid)),
        ("platform", text(&result.platform)),
        ("engine", text(&result.engine)),
        ("quantization", maybe(result.model.quantization.as_deref())),
        ("driver", text("imported")),
        ("endpoint", maybe(result.endpoint.as_deref())),
        ("machine", text(&machine(&result.hardware))),
        ("concurrency", count(result.workers.unwrap_or_default())),
        ("incomplete_requests", count(requests.incomplete)),
        ("provenance", text("imported")),
        ("imported_from", Value::Text(format!("{}, {}", result.source.tool, result.source.file))),
        ("task_category", or_null(result.task_category.map(|task| Value::Text(word(&task))))),
    ]
}

/// The columns that other tools know.
fn given(kept: &KeptImport) -> Vec<Column> {
    let result = &kept.result;
    let Requests { attempted, succeeded, failed, .. } = result.requests;
    let window_s = result.window_s.unwrap_or(0.0);
    let each_s = window_s / succeeded.max(1) as f64;
    let per_second = if window_s > 0.0 { succeeded as f64 / window_s } else { 0.0 };
    let percent = 100.0 * succeeded as f64 / attempted.max(1) as f64;
    let tokens = |metric| result.figure(metric, Stat::Mean).map(|mean| mean.round() as i64);
    let notes = Some(result.notes.as_str()).filter(|notes| !notes.is_empty());
    let samples = Some(&result.samples).filter(|samples| !samples.is_empty());
    vec![
        ("model_name", text(&result.model.name)),
        ("model_size_params", maybe(result.model.size_params.as_deref())),
        ("model_size_bytes", or_null(result.model.size_bytes.map(count))),
        ("num_workers", count(result.workers.unwrap_or_default())),
        ("context_window", or_null(result.model.context_window.map(count))),
        ("num_requests", count(attempted)),
        ("avg_prompt_tokens", or_null(tokens(&metric::PROMPT_TOKENS).map(Value::Integer))),
        ("avg_completion_tokens", or_null(tokens(&metric::OUTPUT_TOKENS).map(Value::Integer))),
        ("total_time_seconds", Value::Real(window_s)),
        ("requests_per_second", Value::Real(per_second)),
        ("time_per_request_seconds", Value::Real(each_s)),
        ("successful_requests", count(succeeded)),
        ("failed_requests", count(failed)),
        ("success_rate", Value::Real(percent)),
        ("sample_responses", or_null(samples.map(|samples| Value::Text(json(samples))))),
        ("created_at", Value::Integer(kept.started_us.div_euclid(1_000_000))),
        ("benchmark_type", text(&result.benchmark_type)),
        ("notes", maybe(notes)),
        ("hardware_info", Value::Text(json(&result.hardware))),
    ]
}

fn hardware(hardware: &ImportedHardware) -> Vec<Column> {
    vec![
        ("gpu_name", maybe(hardware.gpu.as_deref())),
        ("instance", maybe(hardware.instance.as_deref())),
        ("gpu_count", or_null(hardware.gpus.map(|gpus| Value::Integer(gpus.into())))),
        ("gpu_vram_bytes", or_null(hardware.vram_bytes.map(count))),
        ("hourly_usd", real(hardware.hourly_usd)),
    ]
}

fn measured(result: &Imported) -> Vec<Column> {
    let told = result.told();
    let value = |metric: &'static Metric, stat: Stat| {
        let wanted = MetricRef { metric, stat };
        told.iter().find(|figure| figure.metric == wanted).map(|figure| figure.value)
    };
    let columns = epoch::MEASURED.iter();
    columns.map(|(name, metric, stat)| (*name, real(value(metric, *stat)))).collect()
}

/// The figures as statistics.
fn told(result: &Imported) -> impl Iterator<Item = Told> {
    result.told().into_iter().map(
        |Figure { metric: MetricRef { metric, stat }, value, n, interval }| {
            let n = usize::try_from(n).unwrap_or(usize::MAX);
            Told { metric, stat, estimate: Estimate { value, interval, n } }
        },
    )
}

fn put_case(database: &Connection, kept: &KeptImport) -> rusqlite::Result<()> {
    let result = &kept.result;
    let Requests { attempted, succeeded, failed, incomplete } = result.requests;
    database.execute(
        "INSERT OR REPLACE INTO cases
             (run_id, case_id, arm, kind, benchmark_type, platform, model, epochs, valid_epochs,
              attempted, succeeded, failed, incomplete, targets_met, total_targets)
         VALUES (?1, ?2, 'head', ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9, ?10, ?11, 0, 0)",
        params![
            kept.run_id,
            case_id(result),
            word(&result.kind),
            result.benchmark_type,
            result.platform,
            result.model.name,
            i64::from(invalid(result).is_empty()),
            count(attempted),
            count(succeeded),
            count(failed),
            count(incomplete),
        ],
    )?;
    Ok(())
}
