//! The formulas that give one value an epoch: throughput, errors, preparation.
//! What looks at all requests side by side lives in [`super::spread`].

use super::{Whole, energy};
use crate::price::Rate;
use crate::run::Inserted;

/// `tok_s`: Σ N_out of successes / T.
pub(super) fn tok_s(run: &Whole<'_>) -> Option<f64> {
    per_second(run, run.seen.output.known()?)
}

/// `total_tok_s`: Σ (N_in + N_out) of successes / T.
pub(super) fn total_tok_s(run: &Whole<'_>) -> Option<f64> {
    per_second(run, run.seen.both.known()?)
}

/// `req_s` and `qps`: successes / T.
pub(super) fn successes_per_second(run: &Whole<'_>) -> Option<f64> {
    let succeeded = run.seen.requests.succeeded;
    per_second(run, (succeeded > 0).then_some(succeeded as f64)?)
}

/// `inputs_s`: Σ inputs of successes / T.
pub(super) fn inputs_s(run: &Whole<'_>) -> Option<f64> {
    per_second(run, run.seen.inputs.known()?)
}

/// `prompt_tok_s`: Σ N_in of successes / T.
pub(super) fn prompt_tok_s(run: &Whole<'_>) -> Option<f64> {
    per_second(run, run.seen.prompts.known()?)
}

/// `client_busy`: CPU time of our thread / time.
pub(super) fn client_busy(run: &Whole<'_>) -> Option<f64> {
    run.client?.busy()
}

/// `error_rate`: failures / attempted.
pub(super) fn error_rate(run: &Whole<'_>) -> Option<f64> {
    let requests = run.seen.requests;
    (requests.attempted > 0).then(|| requests.failed as f64 / requests.attempted as f64)
}

/// `goodput`: successes that meet all objectives / T, per second.
pub(super) fn goodput(run: &Whole<'_>) -> Option<f64> {
    per_second(run, good(run)?)
}

/// `attainment`: successes that meet all objectives / attempted.
pub(super) fn attainment(run: &Whole<'_>) -> Option<f64> {
    let attempted = run.seen.requests.attempted;
    good(run).filter(|_| attempted > 0).map(|good| good / attempted as f64)
}

/// `energy_per_token`: energy / Σ N_out of successes, joules.
pub(super) fn energy_per_token(run: &Whole<'_>) -> Option<f64> {
    let tokens = run.seen.output.known()?;
    over(energy::gpus(run)?, tokens)
}

/// `tokens_per_joule`: Σ N_out of successes / energy.
pub(super) fn tokens_per_joule(run: &Whole<'_>) -> Option<f64> {
    let tokens = run.seen.output.known()?;
    over(tokens, energy::gpus(run)?)
}

/// `energy_per_good_request`: energy / successes that meet all objectives, joules.
pub(super) fn energy_per_good_request(run: &Whole<'_>) -> Option<f64> {
    over(energy::gpus(run)?, good(run)?)
}

/// `cost_per_1k`: what the window or its tokens cost / Σ N_out of successes · 1000, US dollars.
pub(super) fn cost_per_1k(run: &Whole<'_>) -> Option<f64> {
    let rate = run.head.case.target.price.as_ref()?.rate;
    let output = run.seen.output.known()?;
    let prompts = match rate {
        Rate::Hour(_) => 0.0,
        Rate::Tokens { .. } => run.seen.prompts.known()?,
    };
    over(rate.usd(run.window_s()?, prompts, output) * 1000.0, output)
}

/// `cost_efficiency`: tok_s / (USD per hour).
pub(super) fn cost_efficiency(run: &Whole<'_>) -> Option<f64> {
    match run.head.case.target.price.as_ref()?.rate {
        Rate::Hour(usd) => over(tok_s(run)?, usd),
        Rate::Tokens { .. } => None,
    }
}

/// `model_load_s`
pub(super) fn model_load_s(run: &Whole<'_>) -> Option<f64> {
    run.preparation().model_load_s
}

/// `ingest_s`
pub(super) fn ingest_s(run: &Whole<'_>) -> Option<f64> {
    run.preparation().ingest_s
}

/// `build_s`
pub(super) fn build_s(run: &Whole<'_>) -> Option<f64> {
    run.preparation().build_s
}

/// `inserts_s`: rows inserted / time.
pub(super) fn inserts_s(run: &Whole<'_>) -> Option<f64> {
    let inserted = inserted(run).filter(|inserted| inserted.seconds > 0.0)?;
    Some(inserted.rows as f64 / inserted.seconds)
}

/// `insert_p95`
pub(super) fn insert_p95(run: &Whole<'_>) -> Option<f64> {
    Some(inserted(run)?.call_p95_s)
}

/// `insert_lag_p95`
pub(super) fn insert_lag_p95(run: &Whole<'_>) -> Option<f64> {
    Some(inserted(run)?.lag_p95_s)
}

fn inserted(run: &Whole<'_>) -> Option<Inserted> {
    run.after?.inserted
}

/// `load_s`
pub(super) fn load_s(run: &Whole<'_>) -> Option<f64> {
    run.preparation().load_s
}

/// `first_query`: the latency of the query that was sent first, before any warm-up, while nobody
/// had asked the index yet. `None` where it failed: the second one is no first one.
pub(super) fn first_query(run: &Whole<'_>) -> Option<f64> {
    let asked_before = run.head.epoch > 0 || run.preparation().index_kept;
    run.seen.first.filter(|_| !asked_before)?.query_s
}

/// `index_bytes`
pub(super) fn index_bytes(run: &Whole<'_>) -> Option<f64> {
    run.preparation().index_bytes.map(|bytes| bytes as f64)
}

/// `scan_bytes_s`: bytes that each query scans * successes / T.
pub(super) fn scan_bytes_s(run: &Whole<'_>) -> Option<f64> {
    let bytes = run.preparation().scan_bytes? as f64;
    successes_per_second(run).map(|queries| bytes * queries)
}

/// `read_bytes_s`
pub(super) fn read_bytes_s(run: &Whole<'_>) -> Option<f64> {
    run.preparation().read_bytes_s
}

/// Successes that meet all objectives; `None` without objectives.
fn good(run: &Whole<'_>) -> Option<f64> {
    (!run.head.case.slos.is_empty()).then_some(run.seen.good as f64)
}

/// `None` where there is nothing to divide by.
fn over(amount: f64, by: f64) -> Option<f64> {
    (by > 0.0).then(|| amount / by)
}

fn per_second(run: &Whole<'_>, amount: f64) -> Option<f64> {
    run.window_s().filter(|seconds| *seconds > 0.0).map(|seconds| amount / seconds)
}
