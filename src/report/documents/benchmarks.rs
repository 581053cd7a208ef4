//! Answers about models in the shape that other programs ask for: `/v1/benchmarks/…`.
//!
//! Its numbers are rounded for people, to so many decimals; a number that would lose all but one of its
//! digits keeps two of them.

use super::number;
use serde_json::{Value, json};
use std::cmp::Reverse;
use tokgate_core::choice::{Compared, Estimate, ForCount, Measured, newest_of_each};

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;

/// The newest row of each model, the fastest first.
#[must_use]
pub fn benchmarked_models(rows: &[Measured]) -> Value {
    let mut newest = newest_of_each(rows);
    newest.sort_by(|a, b| b.req_s.total_cmp(&a.req_s).then_with(|| a.model.cmp(&b.model)));
    let models: Vec<Value> = newest.into_iter().map(listed).collect();
    json!({ "total": models.len(), "models": models })
}

/// The newest rows of one model, at most so many; `total` counts all of them.
#[must_use]
pub fn benchmarks_of(model: &str, rows: &[Measured], limit: usize) -> Value {
    let mut own: Vec<&Measured> = rows.iter().filter(|row| row.model == model).collect();
    own.sort_by_key(|row| Reverse((row.started_us, &row.test_id)));
    let benchmarks: Vec<Value> = own.iter().take(limit).map(|row| benchmark(row)).collect();
    json!({ "model": model, "benchmarks": benchmarks, "total": own.len() })
}

/// How long so many requests take.
#[must_use]
pub fn estimated(estimate: &Estimate) -> Value {
    let Estimate { time, based_on, .. } = estimate;
    json!({
        "model": estimate.model,
        "num_requests": estimate.requests,
        "estimate": {
            "total_time_seconds": figure(time.seconds(), 1),
            "total_time_hours": figure(time.hours(), 1),
            "total_time_days": figure(time.days(), 2),
            "rate_req_per_sec": figure(estimate.req_s, 2),
            "time_per_request_sec": figure(estimate.time_per_request_s, 2),
        },
        "based_on_benchmark": {
            "test_size": based_on.requests,
            "workers": based_on.workers,
            "success_rate_pct": share(based_on.success_percent),
            "date": seconds(based_on.started_us),
        },
    })
}

/// Models side by side for a number of requests, in the order in which they come: the fastest first.
#[must_use]
pub fn compared(compared: &[Compared], requests: u64) -> Value {
    let models: Vec<Value> = compared
        .iter()
        .flat_map(|one| one.for_counts.iter().map(|for_count| beside(one, for_count)))
        .collect();
    json!({ "num_requests": requests, "total_models": models.len(), "models": models })
}

fn listed(row: &Measured) -> Value {
    json!({
        "model": row.model,
        "rate_req_per_sec": figure(row.req_s, 2),
        "success_rate_pct": share(row.success_percent),
        "workers": row.workers,
        "last_benchmarked": seconds(row.started_us),
    })
}

fn benchmark(row: &Measured) -> Value {
    json!({
        "model": row.model,
        "model_size_params": row.size_params,
        "num_requests": row.requests,
        "num_workers": row.workers,
        "rate_req_per_sec": figure(row.req_s, 2),
        "time_per_request_sec": figure(row.time_per_request_s, 2),
        "success_rate_pct": share(row.success_percent),
        "avg_prompt_tokens": row.prompt_tokens,
        "avg_completion_tokens": row.output_tokens,
        "benchmark_type": row.benchmark_type,
        "created_at": seconds(row.started_us),
    })
}

fn beside(one: &Compared, ForCount { estimate, saved }: &ForCount) -> Value {
    json!({
        "model": one.model,
        "model_size_params": one.size_params,
        "rate_req_per_sec": figure(one.req_s, 2),
        "estimated_time_hours": figure(estimate.time.hours(), 1),
        "estimated_time_days": figure(estimate.time.days(), 2),
        "success_rate_pct": share(estimate.based_on.success_percent),
        "workers": estimate.based_on.workers,
        "speedup_vs_slowest": figure(one.speedup, 2),
        "time_saved_hours": figure(saved.hours(), 1),
    })
}

/// Seconds since 1970.
fn seconds(us: i64) -> i64 {
    us.div_euclid(SECOND_US)
}

/// A number to so many decimals, and to more where fewer than two digits of it would be left.
fn figure(value: f64, decimals: i32) -> Value {
    let first_digit = value.abs().log10().floor();
    let decimals = match first_digit.is_finite() {
        true => decimals.max(1 - first_digit as i32).min(15),
        false => decimals,
    };
    let scale = 10_f64.powi(decimals);
    number(Some((value * scale).round() / scale))
}

/// A share in percent to two decimals, downwards: 99.996 is not all of them.
fn share(percent: f64) -> Value {
    number(Some((percent * 100.0).floor() / 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_as_people_read_them_and_never_to_nothing() {
        for (value, decimals, shown) in [
            (0.521_7, 2, 0.52),
            (0.92, 2, 0.92),
            (96_153.846, 1, 96_153.8),
            (1.923, 2, 1.92),
            (0.004_321, 2, 0.004_3),
            (0.0, 1, 0.0),
            (12.0, 1, 12.0),
            (3e-7, 1, 3e-7),
        ] {
            assert_eq!(figure(value, decimals), json!(shown), "{value}");
        }
        assert_eq!(figure(f64::NAN, 1), Value::Null);
    }

    #[test]
    fn a_failure_among_many_requests_is_not_rounded_away() {
        assert_eq!(
            [share(99.996), share(100.0), share(90.0)],
            [json!(99.99), json!(100.0), json!(90.0)]
        );
    }
}
