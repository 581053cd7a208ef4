//! The one row about an epoch: what questions over many runs are asked by.

use super::cells::Cell;
use tokgate_core::price::Rate;
use tokgate_core::run::{Ending, Run};
use tokgate_core::validity::Validity;

/// What an epoch does not say itself.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whether it may be judged.
    pub validity: &'a Validity,
    /// The load's common beginning on the epoch's clock, nanoseconds: what is taken from every time.
    pub origin_ns: u64,
    /// What its target costs, where that is known.
    pub price: Option<Rate>,
}

/// The cells of its row.
pub(super) fn cells(run: &Run, facts: &Facts<'_>) -> Vec<Cell> {
    let (head, requests) = (&run.head, run.requests());
    let (target, environment) = (&head.target, &head.environment);
    let gpu = head.gpu();
    let count = |count: u64| Cell::int(i64::try_from(count).unwrap_or(i64::MAX));
    let (hour, prompt, output) = prices(facts.price);
    vec![
        Cell::text(&head.test_id),
        Cell::text(head.case.id.scenario()),
        Cell::text(&head.booking_id),
        Cell::int(head.started_us),
        count(facts.origin_ns),
        Cell::maybe_text(environment.commit.as_deref()),
        Cell::text(&environment.tool_version),
        Cell::text(&target.platform),
        Cell::text(&target.model),
        Cell::text(&target.engine),
        Cell::maybe_text(target.quantization.as_deref()),
        Cell::text(&head.machine.0),
        Cell::maybe_text(gpu.as_ref().map(|gpu| gpu.name.as_str())),
        Cell::int(environment.gpus.len() as i64),
        Cell::text(&environment.cpu_model),
        Cell::Real(hour),
        Cell::Real(prompt),
        Cell::Real(output),
        Cell::word(match run.ending {
            Ending::Completed => "completed",
            Ending::Interrupted => "interrupted",
            Ending::Aborted(_) => "aborted",
        }),
        Cell::text(facts.validity.as_str()),
        Cell::Int(run.window().and_then(|window| {
            i64::try_from(window.end.0).ok()?.checked_sub_unsigned(window.start.0)
        })),
        count(requests.attempted),
        count(requests.succeeded),
        count(requests.failed),
        count(requests.incomplete),
    ]
}

/// US dollars an hour, for a million prompt tokens, for a million output tokens.
fn prices(rate: Option<Rate>) -> (Option<f64>, Option<f64>, Option<f64>) {
    match rate {
        Some(Rate::Hour(usd)) => (Some(usd), None, None),
        Some(Rate::Tokens { prompt_usd_per_million, output_usd_per_million }) => {
            (None, Some(prompt_usd_per_million), Some(output_usd_per_million))
        }
        None => (None, None, None),
    }
}
