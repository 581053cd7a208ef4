//! Rows for the tests of questions.

use super::measured::{Measured, Provenance};
use crate::price::{Price, Rate};

/// 2027-01-15T08:00:00Z, microseconds since 1970.
pub(super) const NOW_US: i64 = 1_800_000_000_000_000;
pub(super) const DAY_US: i64 = 86_400_000_000;

/// A row of document-like shape: 100 requests by 4 workers, all successful, an hour ago.
pub(super) fn row(model: &str, req_s: f64) -> Measured {
    Measured {
        test_id: format!("t-{model}-{req_s}"),
        run_id: "run-1".to_owned(),
        case_id: "model_comparison/one".to_owned(),
        epoch: 0,
        model: model.to_owned(),
        size_params: None,
        model_category: None,
        platform: "ollama".to_owned(),
        machine: "cpu-16c-test".to_owned(),
        instance: None,
        gpu: None,
        gpus: None,
        vram_bytes: None,
        context_window: None,
        workers: 4,
        requests: 100,
        success_percent: 100.0,
        req_s,
        time_per_request_s: 1.0 / req_s,
        prompt_tokens: None,
        output_tokens: None,
        tok_s: None,
        total_tok_s: None,
        ttft_p50_s: None,
        task: None,
        benchmark_type: "model_comparison".to_owned(),
        price: None,
        provenance: Provenance::Measured,
        started_us: NOW_US - 3_600_000_000,
    }
}

/// The same row of another run, so many days before now.
pub(super) fn in_run(run: &str, days_ago: i64, row: Measured) -> Measured {
    Measured {
        test_id: format!("{}-{run}", row.test_id),
        run_id: run.to_owned(),
        started_us: NOW_US - days_ago * DAY_US,
        ..row
    }
}

pub(super) fn by_the_hour(usd: f64) -> Option<Price> {
    Some(Price { rate: Rate::Hour(usd), source: "test".to_owned() })
}
