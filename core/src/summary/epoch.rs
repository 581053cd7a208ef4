//! The formulas that give one value an epoch: throughput, errors, spikes, stalls, preparation.

use super::observe::pooled;
use super::{energy, request, spike};
use crate::price::Rate;
use crate::record::{Outcome, Record};
use crate::run::{Inserted, Run};
use crate::slo;
use crate::time::Offset;

/// `tok_s`: Σ N_out of successes / T.
pub(super) fn tok_s(run: &Run) -> Option<f64> {
    per_second(run, sum_over_successes(run, request::output_tokens)?)
}

/// `total_tok_s`: Σ (N_in + N_out) of successes / T.
pub(super) fn total_tok_s(run: &Run) -> Option<f64> {
    let tokens =
        |record: &Record| Some(request::prompt_tokens(record)? + request::output_tokens(record)?);
    per_second(run, sum_over_successes(run, tokens)?)
}

/// `req_s` and `qps`: successes / T.
pub(super) fn successes_per_second(run: &Run) -> Option<f64> {
    per_second(run, sum_over_successes(run, |_| Some(1.0))?)
}

/// `inputs_s`: Σ inputs of successes / T.
pub(super) fn inputs_s(run: &Run) -> Option<f64> {
    let inputs = |record: &Record| Some(f64::from(record.embedded.as_ref()?.inputs));
    per_second(run, sum_over_successes(run, inputs)?)
}

/// `prompt_tok_s`: Σ N_in of successes / T.
pub(super) fn prompt_tok_s(run: &Run) -> Option<f64> {
    per_second(run, sum_over_successes(run, request::prompt_tokens)?)
}

/// `in_flight`: the most requests between their sent and their done at once.
pub(super) fn in_flight(run: &Run) -> Option<f64> {
    // At one instant those that end go before those that begin.
    let begin = run.measured().map(|record| (record.sent, 1i64));
    let end = run.measured().map(|record| (record.done, -1));
    let mut changes: Vec<(Offset, i64)> = begin.chain(end).collect();
    changes.sort_unstable();
    let running = changes.into_iter().scan(0, |running, (_, change)| {
        *running += change;
        Some(*running)
    });
    running.max().map(|most| most as f64)
}

/// `client_busy`: CPU time of our thread / time.
pub(super) fn client_busy(run: &Run) -> Option<f64> {
    run.client?.busy()
}

/// `error_rate`: failures / attempted.
pub(super) fn error_rate(run: &Run) -> Option<f64> {
    let requests = run.requests();
    (requests.attempted > 0).then(|| requests.failed as f64 / requests.attempted as f64)
}

/// `goodput`: successes that meet all objectives / T, per second.
pub(super) fn goodput(run: &Run) -> Option<f64> {
    per_second(run, good(run)?)
}

/// `attainment`: successes that meet all objectives / attempted.
pub(super) fn attainment(run: &Run) -> Option<f64> {
    slo::attainment(run.measured(), &run.head.case.slos)
}

/// `spike_rate` of the samples that the case names.
pub(super) fn spike_rate(run: &Run) -> Option<f64> {
    spike::rate(&pooled(run, &run.head.case.run.spike_of)?)
}

/// `spike_rate_sigma` of the samples that the case names.
pub(super) fn spike_rate_sigma(run: &Run) -> Option<f64> {
    spike::rate_sigma(&pooled(run, &run.head.case.run.spike_of)?)
}

/// `stall_max`: the longest gap inside a request, seconds.
pub(super) fn stall_max(run: &Run) -> Option<f64> {
    gaps(run).into_iter().reduce(f64::max)
}

/// `stall_count`: gaps above the threshold at which a spike of the gaps begins.
pub(super) fn stall_count(run: &Run) -> Option<f64> {
    let gaps = gaps(run);
    spike::threshold(&gaps).map(|line| spike::count_above(&gaps, line) as f64)
}

/// `energy_per_token`: energy / Σ N_out of successes, joules.
pub(super) fn energy_per_token(run: &Run) -> Option<f64> {
    let tokens = sum_over_successes(run, request::output_tokens)?;
    over(energy::gpus(run)?, tokens)
}

/// `tokens_per_joule`: Σ N_out of successes / energy.
pub(super) fn tokens_per_joule(run: &Run) -> Option<f64> {
    let tokens = sum_over_successes(run, request::output_tokens)?;
    over(tokens, energy::gpus(run)?)
}

/// `energy_per_good_request`: energy / successes that meet all objectives, joules.
pub(super) fn energy_per_good_request(run: &Run) -> Option<f64> {
    over(energy::gpus(run)?, good(run)?)
}

/// `cost_per_1k`: what the window or its tokens cost / Σ N_out of successes · 1000, US dollars.
pub(super) fn cost_per_1k(run: &Run) -> Option<f64> {
    let rate = run.head.case.target.price.as_ref()?.rate;
    let output = sum_over_successes(run, request::output_tokens)?;
    let prompts = match rate {
        Rate::Hour(_) => 0.0,
        Rate::Tokens { .. } => sum_over_successes(run, request::prompt_tokens)?,
    };
    over(rate.usd(run.window_s()?, prompts, output) * 1000.0, output)
}

/// `cost_efficiency`: tok_s / (USD per hour).
pub(super) fn cost_efficiency(run: &Run) -> Option<f64> {
    match run.head.case.target.price.as_ref()?.rate {
        Rate::Hour(usd) => over(tok_s(run)?, usd),
        Rate::Tokens { .. } => None,
    }
}

/// `model_load_s`
pub(super) fn model_load_s(run: &Run) -> Option<f64> {
    run.preparation().model_load_s
}

/// `ingest_s`
pub(super) fn ingest_s(run: &Run) -> Option<f64> {
    run.preparation().ingest_s
}

/// `build_s`
pub(super) fn build_s(run: &Run) -> Option<f64> {
    run.preparation().build_s
}

/// `inserts_s`: rows inserted / time.
pub(super) fn inserts_s(run: &Run) -> Option<f64> {
    let inserted = inserted(run).filter(|inserted| inserted.seconds > 0.0)?;
    Some(inserted.rows as f64 / inserted.seconds)
}

/// `insert_p95`
pub(super) fn insert_p95(run: &Run) -> Option<f64> {
    Some(inserted(run)?.call_p95_s)
}

/// `insert_lag_p95`
pub(super) fn insert_lag_p95(run: &Run) -> Option<f64> {
    Some(inserted(run)?.lag_p95_s)
}

fn inserted(run: &Run) -> Option<Inserted> {
    run.after.as_ref()?.inserted
}

/// `load_s`
pub(super) fn load_s(run: &Run) -> Option<f64> {
    run.preparation().load_s
}

/// `first_query`: the latency of the query that was sent first, before any warm-up, while nobody
/// had asked the index yet. `None` where it failed: the second one is no first one.
pub(super) fn first_query(run: &Run) -> Option<f64> {
    let asked_before = run.head.epoch > 0 || run.preparation().index_kept;
    let first = run.records.iter().min_by_key(|record| record.sent).filter(|_| !asked_before)?;
    request::query(first).filter(|_| first.outcome == Outcome::Success)
}

/// `index_bytes`
pub(super) fn index_bytes(run: &Run) -> Option<f64> {
    run.preparation().index_bytes.map(|bytes| bytes as f64)
}

/// `scan_bytes_s`: bytes that each query scans * successes / T.
pub(super) fn scan_bytes_s(run: &Run) -> Option<f64> {
    let bytes = run.preparation().scan_bytes? as f64;
    successes_per_second(run).map(|queries| bytes * queries)
}

/// `read_bytes_s`
pub(super) fn read_bytes_s(run: &Run) -> Option<f64> {
    run.preparation().read_bytes_s
}

/// Successes that meet all objectives; `None` without objectives.
fn good(run: &Run) -> Option<f64> {
    let slos = &run.head.case.slos;
    let good = run.measured().filter(|record| slo::is_good(record, slos)).count();
    (!slos.is_empty()).then_some(good as f64)
}

/// `None` where there is nothing to divide by.
fn over(amount: f64, by: f64) -> Option<f64> {
    (by > 0.0).then(|| amount / by)
}

fn gaps(run: &Run) -> Vec<f64> {
    run.successes().flat_map(request::itl).collect()
}

/// `None` without successes, and when one of them does not say: a sum over the others would be
/// another quantity.
fn sum_over_successes(run: &Run, amount: impl Fn(&Record) -> Option<f64>) -> Option<f64> {
    run.successes().next()?;
    run.successes().map(amount).sum()
}

fn per_second(run: &Run, amount: f64) -> Option<f64> {
    run.window_s().filter(|seconds| *seconds > 0.0).map(|seconds| amount / seconds)
}
