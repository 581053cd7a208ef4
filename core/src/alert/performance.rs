//! Numbers of an epoch beyond the line that they should keep to: a goal where the case has one, else the
//! line of the settings, where that has one.

use super::Finding;
use super::rule::Rule;
use super::settings::Settings;
use crate::case::Case;
use crate::goal::{Bound, Goal, Level};
use crate::metric::{self, Kind, Metric, MetricRef, Stat};
use crate::run::Run;
use crate::summary::{Summary, spike_samples, summarize};

/// Samples from which on a spike rate is looked at without a goal: of fewer, a single one decides.
const SPIKES_OF: usize = 24;

/// What an epoch's numbers raise.
pub(super) fn findings(run: &Run, settings: &Settings) -> Vec<Finding> {
    let summary = summarize(std::slice::from_ref(run));
    let case = &run.head.case;
    let goals = case
        .goals
        .iter()
        .filter_map(|goal| Some((rule_of(goal.metric.metric, case)?, goal.clone())));
    let mut lines: Vec<(Rule, Goal)> = goals.collect();
    for (rule, goal) in usual(run, settings) {
        if lines.iter().all(|(known, _)| *known != rule) {
            lines.push((rule, goal));
        }
    }
    lines.iter().filter_map(|(rule, goal)| beyond(*rule, goal, &summary)).collect()
}

/// The rule that a metric belongs to. The wait for a token or a query counts from when it was due, too.
fn rule_of(metric: &Metric, case: &Case) -> Option<Rule> {
    let is = |known: &[&Metric]| known.contains(&metric);
    let is_query = is(&[&metric::QUERY, &metric::RAG_SEARCH]);
    if is(&[&metric::TOK_S, &metric::TOTAL_TOK_S]) {
        Some(Rule::TokenThroughput)
    } else if is(&[&metric::TTFT, &metric::TTFT_DUE]) {
        Some(Rule::Ttft)
    } else if is(&[&metric::SPIKE_RATE]) {
        Some(Rule::SpikeRate)
    } else if is_query || (case.kind == Kind::Retrieval && is(&[&metric::E2E_DUE])) {
        Some(Rule::RetrievalLatency)
    } else {
        None
    }
}

/// The lines of the settings, as goals.
fn usual(run: &Run, settings: &Settings) -> Vec<(Rule, Goal)> {
    let is_open = run.head.case.workload.is_open();
    let ttft = if is_open { &metric::TTFT_DUE } else { &metric::TTFT };
    let query = if is_open { &metric::E2E_DUE } else { &metric::QUERY };
    let line = |rule, metric: &'static Metric, stat, bound: Option<Bound>| {
        Some((rule, Goal { metric: MetricRef { metric, stat }, bound: bound? }))
    };
    let at_most = |value: Option<f64>| value.map(|value| Bound::AtMost { value });
    let at_least = settings.tok_s.map(|value| Bound::AtLeast { value });
    let searches = run.head.case.kind == Kind::Retrieval;
    let spikes = (spike_samples(run) >= SPIKES_OF).then_some(settings.spike_rate);
    [
        line(Rule::TokenThroughput, &metric::TOK_S, Stat::Value, at_least),
        line(Rule::Ttft, ttft, Stat::P95, at_most(settings.ttft_s)),
        line(Rule::SpikeRate, &metric::SPIKE_RATE, Stat::Value, at_most(spikes)),
        line(
            Rule::RetrievalLatency,
            query,
            Stat::P95,
            at_most(settings.query_s).filter(|_| searches),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a number beyond its line raises. One under a band is yellow: it counts as met, and says that the
/// load may have been too light.
fn beyond(rule: Rule, goal: &Goal, summary: &Summary) -> Option<Finding> {
    let value = summary.estimate(goal.metric)?.value;
    let unit = goal.metric.metric.unit;
    let (level, line, side) = match goal.bound {
        Bound::Within { low, .. } if value < low => (Level::Yellow, low, "below"),
        bound if bound.is_met(value) => return None,
        Bound::AtLeast { value: line } | Bound::Above { value: line } => {
            (Level::Red, line, "below")
        }
        Bound::AtMost { value: line } | Bound::Below { value: line } => (Level::Red, line, "above"),
        Bound::Within { high, .. } => (Level::Red, high, "above"),
    };
    Some(Finding {
        rule,
        level,
        of: goal.metric.to_string(),
        value: Some(value),
        bound: Some(line),
        message: format!(
            "{} {} is {side} its line, {}",
            goal.metric,
            unit.show(value),
            goal.bound.show(unit)
        ),
        at: None,
    })
}
