//! What spoils a run by what was sent, and by what came back.

use super::limits::Limits;
use super::reason::Reason;
use crate::case::{Dataset, Gate, PromptSet, PromptSource};
use crate::metric::{self, MetricRef};
use crate::quantile::Sorted;
use crate::run::{Ending, Requests, Run};
use crate::summary::{Cache, TokenCounts, Whole, sample};
use crate::workload::Workload;

/// A load that was sent for this share of its time was sent to its end: the last requests are
/// answered at different moments.
const WHOLE: f64 = 0.9;
/// Tokens of a prompt that may be cached in any case: chat templates begin alike.
const TEMPLATE_TOKENS: f64 = 64.0;
/// Which percentile of the lags must not be late: one in a hundred is a hiccup of ours.
pub(crate) const LATEST: f64 = 0.99;
/// Characters below which answers may well be the same: `yes`, a name, a number.
const TELLING: u64 = 16;

/// Every reason that the requests give.
pub(super) fn reasons(
    run: &Whole<'_>,
    limits: &Limits,
    lag_s: Option<f64>,
) -> impl Iterator<Item = Reason> {
    let sent = [stopped(run), nothing_measured(run), not_all_sent(run), too_short(run)];
    let failed = [error_share(run, limits), truncated(run, limits), client_limit(run)];
    let client = [client_busy(run, limits), sent_late(run, limits, lag_s)];
    let target = [
        target_changed(run),
        cached(run, limits),
        counts_disagree(run, limits),
        same_answer(run, limits),
    ];
    let all = sent.into_iter().chain(failed).chain(client).chain(target).flatten();
    all.chain(too_few_samples(run))
}

fn stopped(run: &Whole<'_>) -> Option<Reason> {
    match run.ending {
        Ending::Completed => None,
        Ending::Interrupted => Some(Reason::Stopped { why: "interrupted".to_owned() }),
        Ending::Aborted(why) => Some(Reason::Stopped { why: why.clone() }),
    }
}

fn nothing_measured(run: &Whole<'_>) -> Option<Reason> {
    (run.seen.requests.succeeded == 0).then_some(Reason::NothingMeasured)
}

fn not_all_sent(run: &Whole<'_>) -> Option<Reason> {
    let (planned, sent) = (run.head.case.planned_requests()?, run.seen.requests.attempted);
    (sent < planned).then_some(Reason::NotAllSent { planned, sent })
}

/// Of a load that goes by time; one that goes by number has sent all or not. Where requests are
/// many, the last of them was sent near the end.
fn too_short(run: &Whole<'_>) -> Option<Reason> {
    let by_number = run.head.case.planned_requests().is_some();
    let planned_s = run.head.case.workload.duration_s().filter(|_| !by_number)?;
    let lasted_s = run.window_s()?;
    (lasted_s < planned_s * WHOLE).then_some(Reason::TooShort { lasted_s, planned_s })
}

fn error_share(run: &Whole<'_>, limits: &Limits) -> Option<Reason> {
    let Requests { attempted, failed, .. } = run.seen.requests;
    (failed as f64 > attempted as f64 * limits.error_rate).then_some(Reason::ErrorShare {
        failed,
        attempted,
        allowed_percent: limits.error_rate * 100.0,
    })
}

fn truncated(run: &Whole<'_>, limits: &Limits) -> Option<Reason> {
    let (attempted, truncated) = (run.seen.requests.attempted, run.seen.truncated);
    (truncated as f64 > attempted as f64 * limits.truncated_rate).then_some(Reason::Truncated {
        truncated,
        attempted,
        allowed_percent: limits.truncated_rate * 100.0,
    })
}

fn client_limit(run: &Whole<'_>) -> Option<Reason> {
    let failed = run.seen.client_limit;
    (failed > 0).then_some(Reason::ClientLimit { failed })
}

fn client_busy(run: &Whole<'_>, limits: &Limits) -> Option<Reason> {
    let busy = run.client?.busy()?;
    (busy > limits.client_busy).then_some(Reason::ClientBusy { busy_percent: busy * 100.0 })
}

/// How late the 99th percentile of the measured requests was sent, seconds; `None` without any.
pub(super) fn lag_s(run: &Run) -> Option<f64> {
    let lag = run.measured().filter_map(|record| sample(&metric::SEND_LAG, record));
    Sorted::new(lag).quantile(LATEST)
}

/// A load that our own limit on requests in flight holds back is late on purpose.
fn sent_late(run: &Whole<'_>, limits: &Limits, lag_s: Option<f64>) -> Option<Reason> {
    if let Workload::Open(open) = &run.head.case.workload
        && open.max_in_flight.is_some()
    {
        return None;
    }
    let lag_s = lag_s?;
    (lag_s > limits.send_lag_s).then_some(Reason::SentLate { lag_s })
}

/// Percentiles that the scenario names, of which each needs its samples over all epochs. Those that
/// are judged without being named are left out instead.
fn too_few_samples(run: &Whole<'_>) -> impl Iterator<Item = Reason> {
    let Gate { named, tolerances, required, .. } = &run.head.case.gate;
    let named = tolerances.keys().filter(|_| *named).chain(required);
    named.filter_map(move |metric| {
        let n = samples(run, *metric);
        let needed = metric.stat.probability().map(|_| metric.stat.samples_needed() as u64)?;
        (n < needed).then_some(Reason::TooFewSamples { metric: *metric, n, needed })
    })
}

/// Samples of a metric that as many epochs like this one give as are planned: one a success, for
/// gaps between tokens one less than it has events.
fn samples(run: &Whole<'_>, metric: MetricRef) -> u64 {
    let own = match metric.metric.id == metric::ITL.id {
        true => run.seen.gaps,
        false => run.seen.requests.succeeded,
    };
    own * u64::from(run.head.case.run.epochs)
}

fn target_changed(run: &Whole<'_>) -> Option<Reason> {
    let changes = run.after?.changes();
    (!changes.is_empty()).then(|| Reason::TargetChanged { what: changes.join(", ") })
}

/// Where the scenario neither shares prefixes nor leaves the salt out, prompts are new.
fn cached(run: &Whole<'_>, limits: &Limits) -> Option<Reason> {
    let asked = !run.head.case.run.salt || shares_prefixes(&run.head.case.dataset);
    let Cache { answers, prompt_tokens, cached_tokens } =
        if asked { Cache::default() } else { run.seen.cache };
    let cached = cached_tokens as f64;
    let share = cached / (prompt_tokens as f64).max(1.0);
    let is_more = share > limits.cached_prompt && cached > TEMPLATE_TOKENS * answers as f64;
    is_more.then_some(Reason::Cached { cached_percent: share * 100.0 })
}

fn shares_prefixes(dataset: &Dataset) -> bool {
    match dataset {
        Dataset::Prompts(PromptSet { source: PromptSource::Synthetic(synthetic), .. }) => {
            synthetic.shared.is_some()
        }
        // Conversations go on, and traces say what was shared.
        Dataset::Prompts(PromptSet { source: PromptSource::File(_), .. }) => true,
        Dataset::Prompts(_) | Dataset::Vectors(_) => false,
    }
}

fn counts_disagree(run: &Whole<'_>, limits: &Limits) -> Option<Reason> {
    let TokenCounts { disagreeing, compared, .. } = run.seen.token_counts;
    let allowed = compared as f64 * limits.token_disagreement;
    (disagreeing as f64 > allowed).then_some(Reason::CountsDisagree { disagreeing, compared })
}

/// Of the answers with a text, to prompts that differ.
fn same_answer(run: &Whole<'_>, limits: &Limits) -> Option<Reason> {
    if limits.same_answer || run.head.case.dataset.has_one_prompt() {
        return None;
    }
    let characters = run.seen.answers.same()?;
    let answers = run.seen.answers.count;
    (characters >= TELLING).then_some(Reason::SameAnswer { answers })
}
