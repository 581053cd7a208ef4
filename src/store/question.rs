//! The rows that questions are asked about, from the index.

use crate::store::file_store::{FileStore, StoreError};
use crate::store::sql::{Row, Sql};
use rusqlite::types::Value;

use std::collections::BTreeSet;
use tokgate_core::case::{DriverKind, RunsOn, Target};
use tokgate_core::choice::{Filter, Measured, Provenance, of_model};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::price::{Price, Prices, Rate};

/// Who says what an hour cost.
const THEN: &str = "when it was measured";
/// What is read of a row.
const COLUMNS: &str = "
    SELECT test_id, run_id, case_id, epoch, model_name, model_size_params, platform, machine, instance,
           gpu_name, gpu_count, gpu_vram_bytes, context_window, num_workers, num_requests, success_rate,
           requests_per_second, time_per_request_seconds, avg_prompt_tokens, avg_completion_tokens,
           tok_s, total_tok_s, ttft_p50_s, task_category, benchmark_type, provenance, started_us,
           hourly_usd, driver, endpoint
    FROM benchmark_results";
/// No condition.
const EVERY: &str = "WHERE true";
/// Every row that says something about a model. An epoch that may not be judged, one of a target that
/// is played (also under another platform's name), one that searched vectors and one without times
/// say nothing about one. What was imported may tell tokens a second and no window: it has a speed, and
/// no rate of requests.
const SAYS_SOMETHING: &str = "
    WHERE validity = 'VALID' AND kind <> 'retrieval' AND driver <> 'simulated'
      AND platform <> 'simulated'
      AND (total_time_seconds > 0 OR (provenance = 'imported' AND tok_s > 0))";

/// The rows that a filter takes, in the order in which they began.
pub(super) fn measured(
    database: &Sql<'_>,
    filter: &Filter,
    prices: &Prices,
) -> rusqlite::Result<Vec<Measured>> {
    rows(database, SAYS_SOMETHING, filter, prices)
}

/// The rows of epochs that were committed behind this one, in the same order.
pub(super) fn added(
    database: &Sql<'_>,
    behind: i64,
    prices: &Prices,
) -> rusqlite::Result<Vec<Measured>> {
    found(database, SAYS_SOMETHING, [(" AND id > ?", Value::Integer(behind))], prices)
}

/// The names of rows and of their runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The test ids.
    pub tests: BTreeSet<String>,
    /// The runs that one of them is of.
    pub runs: BTreeSet<String>,
}

impl FileStore {
    /// Which rows a filter takes of all that there are, also of those that say nothing about a model:
    /// INVALID ones, simulated ones, searches in vectors.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn taken(&self, filter: &Filter, prices: &Prices) -> Result<Taken, StoreError> {
        let rows = self.index().read(|database| rows(database, EVERY, filter, prices))?;
        let mut taken = Taken::default();
        for row in rows {
            taken.tests.insert(row.test_id);
            taken.runs.insert(row.run_id);
        }
        Ok(taken)
    }
}

fn rows(
    database: &Sql<'_>,
    which: &str,
    filter: &Filter,
    prices: &Prices,
) -> rusqlite::Result<Vec<Measured>> {
    let mut rows = found(database, which, conditions(filter), prices)?;
    rows.retain(|row| filter.takes(row));
    Ok(rows)
}

/// The rows under some conditions, which are constants of ours; values are bound.
fn found(
    database: &Sql<'_>,
    which: &str,
    conditions: impl IntoIterator<Item = (&'static str, Value)>,
    prices: &Prices,
) -> rusqlite::Result<Vec<Measured>> {
    let mut sql = format!("{COLUMNS} {which}");
    let mut bound = Vec::new();
    for (condition, value) in conditions {
        sql.push_str(condition);
        bound.push(value);
    }
    sql.push_str(" ORDER BY started_us, test_id");
    database.all(&sql, &bound, |row| measured_of(row, prices))
}

/// What of a filter a database can say: sizes and names of hardware need the catalogue's words.
fn conditions(filter: &Filter) -> impl Iterator<Item = (&'static str, Value)> {
    let text = |it: &Option<String>| it.clone().map(Value::Text);
    let task = filter.task.and_then(|task| serde_json::to_value(task).ok());
    let task = task.and_then(|task| Some(Value::Text(task.as_str()?.to_owned())));
    let provenance = filter.provenance.map(|it| Value::Text(it.as_str().to_owned()));
    [
        (" AND run_id = ?", text(&filter.run)),
        (" AND model_name = ?", text(&filter.model)),
        (" AND platform = ?", text(&filter.platform)),
        (" AND machine = ?", text(&filter.machine)),
        (" AND benchmark_type = ?", text(&filter.benchmark_type)),
        (" AND task_category = ?", task),
        (" AND started_us >= ?", filter.since_us.map(Value::Integer)),
        (" AND provenance = ?", provenance),
    ]
    .into_iter()
    .filter_map(|(condition, value)| Some((condition, value?)))
}

fn measured_of(row: &Row<'_>, prices: &Prices) -> rusqlite::Result<Measured> {
    let (model, size_params): (String, Option<String>) = (row.get(4)?, row.get(5)?);
    let parameters = of_model(size_params.as_deref(), &model);
    let category = parameters.and_then(|it| prices.catalogue.category(it)).map(str::to_owned);
    let (task, provenance): (Option<String>, String) = (row.get(23)?, row.get(25)?);
    let measured = Measured {
        test_id: row.get(0)?,
        run_id: row.get(1)?,
        case_id: row.get(2)?,
        epoch: row.whole(3)?,
        model,
        size_params,
        model_category: category,
        platform: row.get(6)?,
        machine: row.get(7)?,
        instance: row.get(8)?,
        gpu: row.get(9)?,
        gpus: row.get(10)?,
        vram_bytes: maybe_whole(row, 11)?,
        context_window: maybe_whole(row, 12)?,
        workers: row.whole(13)?,
        requests: row.whole(14)?,
        success_percent: row.get(15)?,
        req_s: row.get(16)?,
        time_per_request_s: row.get(17)?,
        prompt_tokens: maybe_whole(row, 18)?,
        output_tokens: maybe_whole(row, 19)?,
        tok_s: row.get(20)?,
        total_tok_s: row.get(21)?,
        ttft_p50_s: row.get(22)?,
        task: task.and_then(category_called),
        benchmark_type: row.get(24)?,
        price: None,
        provenance: match provenance.as_str() {
            "imported" => Provenance::Imported,
            _ => Provenance::Measured,
        },
        started_us: row.get(26)?,
    };
    let told = Told { hourly_usd: row.get(27)?, driver: row.get(28)?, endpoint: row.get(29)? };
    Ok(Measured { price: told.price(&measured, prices), ..measured })
}

/// A count that may be absent, and that a sound table never holds below zero.
fn maybe_whole(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<u64>> {
    row.get::<Option<i64>>(at)?.map(|_| row.whole(at)).transpose()
}

/// A kind of task by the database's word; one that we do not know is none.
fn category_called(word: String) -> Option<Category> {
    serde_json::from_value(serde_json::Value::String(word)).ok()
}

/// What a row tells of its price.
struct Told {
    /// An hour, as it was when it was measured: declared, or by the catalogue of then.
    hourly_usd: Option<f64>,
    /// How the target was spoken to.
    driver: String,
    /// Where.
    endpoint: Option<String>,
}

impl Told {
    /// As the user says now, else as it was when it was measured, else as the catalogue has it for the
    /// instance or the hosted model.
    fn price(self, row: &Measured, prices: &Prices) -> Option<Price> {
        if let (None, Some(usd)) = (prices.hourly_usd, self.hourly_usd) {
            return Some(Price { rate: Rate::Hour(usd), source: THEN.to_owned() });
        }
        let is_hosted = self.driver == DriverKind::Openai.as_str();
        let runs_on = RunsOn { instance: row.instance.clone(), ..RunsOn::default() };
        prices.of(&Target {
            base_url: self.endpoint.filter(|_| is_hosted),
            model: Some(row.model.clone()),
            runs_on: Some(runs_on),
            ..Target::of(DriverKind::Openai)
        })
    }
}
