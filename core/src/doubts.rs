//! Why the numbers of a case may not be what they seem, though it may be judged: what a reader should
//! know of the prompts, the token counts and the load behind them.

use crate::case::{Dataset, PromptSet, PromptSource, Workload};
use crate::metric::{self, Kind, Metric, MetricRef, Stat};
use crate::report::CaseReport;
use crate::workload::Closed;

/// Why the numbers of a case may not be what they seem, a line each; mostly none.
#[must_use]
pub fn doubts(case: &CaseReport) -> Vec<String> {
    let inputs = [
        left_out(case),
        fewer_dimensions(case),
        uncounted(case),
        without_tokens(case),
        disagreeing(case),
        short(case),
        alike(case),
    ];
    let load = [not_reached(case), sent_late(case), busy(case), not_recovered(case), noisy(case)];
    inputs.into_iter().chain(load).flatten().collect()
}

/// A wait on our side above this, of one request in a hundred, is no longer the scheduler's.
const LATE_S: f64 = 0.005;
/// Queries that take this many times their own CPU time were not alone on the machine.
const NOISY: f64 = 1.5;
/// A thread that is busier than this has queues of its own.
const BUSY: f64 = 0.8;

fn value(case: &CaseReport, metric: &'static Metric, stat: Stat) -> Option<f64> {
    case.summary.estimate(MetricRef { metric, stat }).map(|estimate| estimate.value)
}

/// Fewer requests in flight at once than were asked for.
fn not_reached(case: &CaseReport) -> Option<String> {
    let Workload::Closed(closed) = &case.case.workload else { return None };
    let asked = f64::from(closed.concurrency) * f64::from(closed.batch);
    let Closed { think_time_s: 0.0, shape: None, .. } = closed else { return None };
    let reached = value(case, &metric::IN_FLIGHT, Stat::Value).filter(|it| *it < asked)?;
    Some(format!(
        "at most {reached} of the {asked} requests that were asked for were in flight at once"
    ))
}

/// Requests of an open loop that were sent long after they were due.
fn sent_late(case: &CaseReport) -> Option<String> {
    let Workload::Open(open) = &case.case.workload else { return None };
    let lag = value(case, &metric::SEND_LAG, Stat::P99).filter(|lag| *lag > LATE_S)?;
    let why = match open.max_in_flight {
        Some(most) => format!("no more than {most} may be in flight"),
        None => "our side did not keep up".to_owned(),
    };
    Some(format!(
        "1 % of the requests were sent {:.1} ms or more after they were due: {why}; `ttft_due` and `e2e_due` count from when they were due",
        lag * 1e3
    ))
}

/// Our own thread as the limit.
fn busy(case: &CaseReport) -> Option<String> {
    let busy = value(case, &metric::CLIENT_BUSY, Stat::Value).filter(|busy| *busy > BUSY)?;
    Some(format!(
        "our own thread was busy {:.0} % of the time: the client may be the limit; `tokgate doctor --ceiling` says what it can take",
        busy * 100.0
    ))
}

/// Queries, one at a time, that waited for something other than the index.
fn noisy(case: &CaseReport) -> Option<String> {
    let alone = case.case.workload.most_in_flight() == Some(1);
    let wall = value(case, &metric::QUERY, Stat::P95).filter(|_| alone)?;
    let cpu = value(case, &metric::QUERY_CPU, Stat::P95).filter(|cpu| *cpu * NOISY < wall)?;
    Some(format!(
        "noisy: 95 % of the queries took up to {:.2} ms, and {:.2} ms of CPU time: other work was in their way",
        wall * 1e3,
        cpu * 1e3
    ))
}

/// A burst that the target did not get over.
fn not_recovered(case: &CaseReport) -> Option<String> {
    let is_spike = case.case.workload.shape().is_some_and(|shape| shape.burst().is_some());
    let recovered = value(case, &metric::RECOVERY_S, Stat::Value).is_some();
    (is_spike && !recovered).then(|| "the target did not recover from the burst".to_owned())
}

/// Lines of a data file that were not sent.
fn left_out(case: &CaseReport) -> Option<String> {
    let Dataset::Prompts(PromptSet { source: PromptSource::File(file), .. }) = &case.case.dataset
    else {
        return None;
    };
    let contents = file.contents.as_ref().filter(|contents| contents.bad_lines > 0)?;
    let (bad, entries) = (contents.bad_lines, contents.entries);
    Some(format!(
        "{}: {bad} lines could not be read; {entries} requests are in the others",
        file.path
    ))
}

/// Vectors that are not as long as the scenario would have them.
fn fewer_dimensions(case: &CaseReport) -> Option<String> {
    let Dataset::Vectors(set) = &case.case.dataset else { return None };
    let asked = set.instead_of?;
    Some(format!(
        "the vectors have {} dimensions instead of {asked}: memory was short; `--set dataset.dimensions={asked}` tries it all the same",
        set.dimensions
    ))
}

/// Tokens that the target did not count.
fn uncounted(case: &CaseReport) -> Option<String> {
    let (ours, all) = (case.summary.token_counts.by_client, case.requests().succeeded);
    let told = || {
        format!(
            "tokens of {ours} of {all} answers are counted by our tokenizer: the target said nothing"
        )
    };
    (ours > 0).then(told)
}

/// Vectors of texts whose tokens nobody counted.
fn without_tokens(case: &CaseReport) -> Option<String> {
    let told = value(case, &metric::PROMPT_TOK_S, Stat::Value).is_some();
    let silent = case.case.kind == Kind::Embedding && !told && case.requests().succeeded > 0;
    silent.then(|| {
        "the target does not say how many tokens the inputs have: there is no `prompt_tok_s`"
            .to_owned()
    })
}

/// Answers that ended before they had the length that was asked for.
fn short(case: &CaseReport) -> Option<String> {
    let (short, all) = (case.summary.token_counts.short, case.requests().succeeded);
    let told = || {
        format!(
            "{short} of {all} answers are shorter than asked: times are comparable only with runs of the same lengths; most servers take `body = {{ ignore_eos = true }}`"
        )
    };
    (short * 10 > all).then(told)
}

/// The same answer to different prompts: a cache, or no model at all.
fn alike(case: &CaseReport) -> Option<String> {
    if case.case.dataset.has_one_prompt() {
        return None;
    }
    let first = case.samples.first().filter(|text| !text.trim().is_empty())?;
    let same = case.samples.len() > 1 && case.samples.iter().all(|text| text == first);
    same.then(|| "the target gives every prompt the same answer".to_owned())
}

/// Tokens that the target counted otherwise than our tokenizer.
fn disagreeing(case: &CaseReport) -> Option<String> {
    let counts = case.summary.token_counts;
    let (bad, all) = (counts.disagreeing, counts.compared);
    let told = || {
        format!(
            "the target counts the tokens of {bad} of {all} answers more than 1 % otherwise than our tokenizer; the numbers go by the target"
        )
    };
    (bad > 0).then(told)
}
