//! One epoch as a row of `benchmark_results`, with its run and its metrics.
//!
//! Everything is computed from the epoch as it was read back, so that the same file always
//! gives the same rows.

use crate::store::cell::{arm, count, ending, json, maybe, or_null, real, text, word};
use crate::store::machine;
use crate::store::sql::Sql;
use crate::store::stored::Stored;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use tokgate_core::case::{Case, Dataset, PromptSet, PromptSource, RunsOn};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::price::Rate;
use tokgate_core::run::{Requests, Run};
use tokgate_core::summary::{Estimate, MetricSummary, Summary, summarize};

/// Our columns that are one statistic of one metric, in the metric's own unit.
pub(super) const MEASURED: &[(&str, Metric, Stat)] = &[
    ("error_rate", metric::ERROR_RATE, Stat::Value),
    ("tok_s", metric::TOK_S, Stat::Value),
    ("total_tok_s", metric::TOTAL_TOK_S, Stat::Value),
    ("req_s", metric::REQ_S, Stat::Value),
    ("ttft_p50_s", metric::TTFT, Stat::P50),
    ("ttft_p95_s", metric::TTFT, Stat::P95),
    ("ttft_p99_s", metric::TTFT, Stat::P99),
    ("itl_p50_s", metric::ITL, Stat::P50),
    ("itl_p99_s", metric::ITL, Stat::P99),
    ("tpot_p50_s", metric::TPOT, Stat::P50),
    ("e2e_p50_s", metric::E2E, Stat::P50),
    ("e2e_p99_s", metric::E2E, Stat::P99),
    ("spike_rate", metric::SPIKE_RATE, Stat::Value),
    ("query_p50_s", metric::QUERY, Stat::P50),
    ("query_p95_s", metric::QUERY, Stat::P95),
    ("query_p99_s", metric::QUERY, Stat::P99),
    ("qps", metric::QPS, Stat::Value),
    ("recall_at_10", metric::RECALL_AT_10, Stat::Value),
    ("peak_rss_bytes", metric::PEAK_RSS, Stat::Value),
    ("gpu_mem_peak_bytes", metric::GPU_MEM_PEAK, Stat::Value),
    ("gpu_util_mean", metric::GPU_UTIL_MEAN, Stat::Value),
    ("energy_j", metric::ENERGY, Stat::Value),
    ("model_load_s", metric::MODEL_LOAD_S, Stat::Value),
];

pub(super) type Column = (&'static str, Value);

/// Puts the epoch, its run and its metrics down; a second time changes nothing. `id` fixes the
/// row's number, which otherwise counts on.
pub(super) fn put(database: &Connection, stored: &Stored, id: Option<i64>) -> rusqlite::Result<()> {
    let run = &stored.run;
    let summary = summarize(std::slice::from_ref(run));
    put_run(database, run)?;
    let columns: Vec<Column> = id
        .map(|id| ("id", Value::Integer(id)))
        .into_iter()
        .chain(named(stored))
        .chain(given(run, &summary))
        .chain(identity(run, &summary))
        .chain(rented(run))
        .chain(measured(&summary))
        .collect();
    upsert(database, columns)?;
    machine::refresh(&Sql::from(database), &run.head.machine.0)?;
    put_metrics(database, &run.head.test_id, told(&summary))
}

/// The invocation; its start is the start of its first epoch.
fn put_run(database: &Connection, run: &Run) -> rusqlite::Result<()> {
    let head = &run.head;
    database.execute(
        "INSERT INTO runs
             (run_id, scenario, machine, started_us, tool_version, git_commit, hardware_info)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (run_id) DO UPDATE SET started_us = min(started_us, excluded.started_us)",
        params![
            head.run_id,
            head.case.id.scenario(),
            head.machine.0,
            head.started_us,
            head.environment.tool_version,
            head.environment.commit,
            json(&head.environment),
        ],
    )?;
    Ok(())
}

/// Who the epoch is.
fn named(stored: &Stored) -> Vec<Column> {
    let head = &stored.run.head;
    let reasons = stored.validity.reasons();
    vec![
        ("test_id", text(&head.test_id)),
        ("run_id", text(&head.run_id)),
        ("case_id", text(&head.case.id.0)),
        ("kind", text(&word(&head.case.kind))),
        ("epoch", Value::from(head.epoch)),
        ("booking_id", text(&head.booking_id)),
        ("arm", text(arm(head.arm))),
        ("started_us", Value::Integer(head.started_us)),
        ("ending", text(ending(&stored.run.ending))),
        ("validity", text(stored.validity.as_str())),
        ("invalid_reasons", or_null((!reasons.is_empty()).then(|| Value::Text(json(&reasons))))),
    ]
}

/// What was measured, with what and where.
fn identity(run: &Run, summary: &Summary) -> Vec<Column> {
    let head = &run.head;
    let gpu = head.gpu();
    let gpu = gpu.as_ref();
    vec![
        ("platform", text(&head.target.platform)),
        ("engine", text(&head.target.engine)),
        ("quantization", maybe(head.target.quantization.as_deref())),
        ("driver", text(head.case.target.driver.as_str())),
        ("endpoint", maybe(head.case.target.base_url.as_deref())),
        ("machine", text(&head.machine.0)),
        ("gpu_name", maybe(gpu.map(|gpu| gpu.name.as_str()))),
        ("gpu_driver", maybe(gpu.and_then(|gpu| gpu.driver.as_deref()))),
        ("concurrency", workers(run, summary)),
        ("incomplete_requests", count(run.requests().incomplete)),
    ]
}

/// Where a row comes from, and what questions are asked by.
fn rented(run: &Run) -> Vec<Column> {
    let head = &run.head;
    let declared = head.case.target.runs_on.as_ref();
    let count_of = |declared: &RunsOn| declared.gpu.as_ref().map(|_| declared.gpus.unwrap_or(1));
    let found = u32::try_from(head.environment.gpus.len()).ok().filter(|found| *found > 0);
    let gpus = declared.and_then(count_of).or(found);
    vec![
        ("provenance", text("measured")),
        ("task_category", or_null(task(&head.case).map(|task| text(&word(&task))))),
        ("instance", maybe(declared.and_then(|declared| declared.instance.as_deref()))),
        ("gpu_count", or_null(gpus.map(Value::from))),
        ("gpu_vram_bytes", or_null(head.gpu().map(|gpu| count(gpu.vram_bytes)))),
        ("hourly_usd", real(hourly(&head.case))),
    ]
}

/// What all prompts of a case are about, where they are about one thing.
fn task(case: &Case) -> Option<Category> {
    match &case.dataset {
        Dataset::Prompts(PromptSet { source: PromptSource::Tasks { category }, .. }) => *category,
        Dataset::Prompts(_) | Dataset::Vectors(_) => None,
    }
}

/// What an hour cost when it was measured, US dollars.
fn hourly(case: &Case) -> Option<f64> {
    match case.target.price.as_ref()?.rate {
        Rate::Hour(usd) => Some(usd),
        Rate::Tokens { .. } => None,
    }
}

/// How many sent at the same time: as many as were asked for; of an open load without a cap, as many
/// as there were.
fn workers(run: &Run, summary: &Summary) -> Value {
    let asked = run.head.case.workload.concurrency().map(u64::from);
    let most = MetricRef { metric: &metric::IN_FLIGHT, stat: Stat::Value };
    let reached = || summary.estimate(most).map(|most| most.value as u64);
    count(asked.or_else(reached).unwrap_or_default())
}

/// The columns that other tools know.
///
/// Five of them may not be NULL, even in an epoch in which nothing succeeded. They then hold
/// what is still true: 0 successes a second, 0 % of requests, and as the time per request the
/// whole window, which is how long it takes at least. Such a row is INVALID, and our own columns
/// beside them (`req_s`, `ttft_p50_s`, ...) are NULL.
fn given(run: &Run, summary: &Summary) -> Vec<Column> {
    let (head, requests) = (&run.head, run.requests());
    let window_s = run.window_s().unwrap_or(0.0);
    let tokens = |metric| mean(summary, metric).map(|tokens| Value::Integer(tokens.round() as i64));
    vec![
        ("model_name", text(&head.target.model)),
        ("model_size_params", maybe(head.target.size_params.as_deref())),
        ("model_size_bytes", or_null(head.target.size_bytes.map(count))),
        ("num_workers", workers(run, summary)),
        ("context_window", or_null(head.target.context_window.map(count))),
        ("num_requests", count(requests.attempted)),
        ("avg_prompt_tokens", or_null(tokens(&metric::PROMPT_TOKENS))),
        ("avg_completion_tokens", or_null(tokens(&metric::OUTPUT_TOKENS))),
        ("total_time_seconds", Value::Real(window_s)),
        ("requests_per_second", Value::Real(per_second(requests, window_s))),
        ("time_per_request_seconds", Value::Real(window_s / requests.succeeded.max(1) as f64)),
        ("successful_requests", count(requests.succeeded)),
        ("failed_requests", count(requests.failed)),
        ("success_rate", Value::Real(success_percent(requests))),
        ("sample_responses", or_null(samples(run).map(Value::Text))),
        ("created_at", Value::Integer(head.started_us.div_euclid(1_000_000))),
        ("benchmark_type", text(&head.case.benchmark_type)),
        ("notes", maybe(Some(head.case.notes.as_str()).filter(|notes| !notes.is_empty()))),
        ("hardware_info", Value::Text(json(&head.environment))),
    ]
}

fn per_second(requests: Requests, window_s: f64) -> f64 {
    match requests.succeeded {
        0 => 0.0,
        // A window too short for the clock would give infinity: it is one nanosecond at least.
        n => n as f64 / window_s.max(1e-9),
    }
}

fn success_percent(requests: Requests) -> f64 {
    100.0 * requests.succeeded as f64 / requests.attempted.max(1) as f64
}

/// The texts of the first answers, as a JSON array.
fn samples(run: &Run) -> Option<String> {
    let samples: Vec<&str> = run.measured().filter_map(|record| record.sample.as_deref()).collect();
    (!samples.is_empty()).then(|| json(&samples))
}

fn mean(summary: &Summary, metric: &'static Metric) -> Option<f64> {
    summary.estimate(MetricRef { metric, stat: Stat::Mean }).map(|estimate| estimate.value)
}

fn measured(summary: &Summary) -> impl Iterator<Item = Column> {
    MEASURED.iter().map(|(column, metric, stat)| {
        let reference = MetricRef { metric, stat: *stat };
        (*column, real(summary.estimate(reference).map(|estimate| estimate.value)))
    })
}

/// Replaces every statistic of the epoch.
pub(super) fn put_metrics(
    database: &Connection,
    test_id: &str,
    told: impl Iterator<Item = Told>,
) -> rusqlite::Result<()> {
    let find = "SELECT id FROM benchmark_results WHERE test_id = ?1";
    let id: i64 = database.query_row(find, params![test_id], |row| row.get(0))?;
    database.execute("DELETE FROM epoch_metrics WHERE result_id = ?1", params![id])?;
    let mut insert = database.prepare_cached(
        "INSERT INTO epoch_metrics (result_id, metric, stat, unit, value, n)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for Told { metric, stat, estimate } in told {
        let (unit, n) = (metric.unit.symbol(), estimate.n as i64);
        insert.execute(params![id, metric.id, stat.as_str(), unit, estimate.value, n])?;
    }
    Ok(())
}

/// One statistic of one metric.
pub(super) struct Told {
    pub(super) metric: &'static Metric,
    pub(super) stat: Stat,
    pub(super) estimate: Estimate,
}

/// Every statistic of a summary.
pub(super) fn told(summary: &Summary) -> impl Iterator<Item = Told> {
    summary.metrics.iter().flat_map(|MetricSummary { metric, stats, .. }| {
        let finite = stats.iter().filter(|(_, estimate)| estimate.value.is_finite());
        finite.map(|(stat, estimate)| Told { metric, stat: *stat, estimate: *estimate })
    })
}

/// Inserts the row, or changes the one with the same test id.
pub(super) fn upsert(database: &Connection, columns: Vec<Column>) -> rusqlite::Result<()> {
    // Names are constants of ours; values are bound.
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
    let changes: Vec<String> =
        names.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    let sql = format!(
        "INSERT INTO benchmark_results ({}) VALUES ({}) ON CONFLICT (test_id) DO UPDATE SET {}",
        names.join(", "),
        places.join(", "),
        changes.join(", "),
    );
    database.execute(&sql, params_from_iter(columns.into_iter().map(|(_, value)| value)))?;
    Ok(())
}
