//! What is read first: the verdict, the goals, what changed, the figures that count, what went wrong, what to
//! try, and what was measured on which machine. Words and levels are those that were decided.

use super::told::standing;
use crate::figure::CaseNames;
use crate::report::stress;
use crate::report::terminal::{
    concluded, counted, grade_level, judged_cases, level, weight, worst_first,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use tokgate_baseline::compat::CompatKey;
use tokgate_core::advice::Advice;
use tokgate_core::alert::Alert;
use tokgate_core::environment::Environment;
use tokgate_core::goal::{GoalResult, Level};
use tokgate_core::metric::{self, Kind, MetricRef, Stat};
use tokgate_core::report::{CaseReport, ComparedWith, Report};
use tokgate_core::summary::{Estimate, Interval, PROTOCOL};
use tokgate_core::unit::Unit;
use tokgate_core::verdict::{Conclusion, Exit, Judged, Verdict};

/// Goals, changes, remarks of one kind that stand at the top; the others are with their cases.
const MOST_TOLD: usize = 24;
/// Goals that stand at the top, each large; then come rows of a table.
const MOST_GOALS: usize = 12;
/// Rows of such a table.
const MOST_ROWS: usize = 100;
/// Reasons of INVALID that are told before the others are folded.
const MOST_REASONS: usize = 4;
/// Cases that the table of key figures has; the table of everything has the others.
const MOST_CASES: usize = 100;

/// The kinds of cases, in the order in which their key figures are told.
const KINDS: [Kind; 4] = [Kind::Generation, Kind::Rag, Kind::Embedding, Kind::Retrieval];

/// The numbers that people ask for first, of every kind of case.
const KEY: [(&metric::Metric, Stat); 15] = [
    (&metric::TOK_S, Stat::Value),
    (&metric::REQ_S, Stat::Value),
    (&metric::TTFT, Stat::P50),
    (&metric::TTFT, Stat::P95),
    (&metric::ITL, Stat::P50),
    (&metric::E2E, Stat::P95),
    (&metric::GOODPUT, Stat::Value),
    (&metric::QPS, Stat::Value),
    (&metric::QUERY, Stat::P50),
    (&metric::QUERY, Stat::P95),
    (&metric::RECALL_AT_10, Stat::Value),
    (&metric::INPUTS_S, Stat::Value),
    (&metric::EMBED, Stat::P50),
    (&metric::ENERGY_PER_TOKEN, Stat::Value),
    (&metric::COST_PER_1K, Stat::Value),
];

/// What the templates of a run's page are told.
pub(super) fn of_run(report: &Report) -> Value {
    json!({
        "title": format!("{} · {}", report.scenario, report.run_id),
        "run_id": report.run_id,
        "scenario": report.scenario,
        "machine": report.machine,
        "started": moment(report.started_us),
        "version": report.environment.tool_version,
        "hero": hero(report),
        "goals": goals(report),
        "changes": changes(report),
        "sustained": report.stress().map(|found| standing(stress::level(&found), &stress::words(&found))),
        "key": key_figures(report),
        "alerts": alerts(report),
        "advice": advice(report),
        "unmeasured": report.unmeasured.iter().map(|one| json!({ "case": one.case, "why": one.why })).collect::<Vec<_>>(),
        "invalid": invalid(report),
        "failures": failures(report),
        "cases": report.cases.iter().map(|one| listed(report, one)).collect::<Vec<_>>(),
        "system": system(report),
    })
}

/// The name of a case in the page of a run: what tells it from the others, as the figures have it.
pub(super) fn name(report: &Report, case: &str) -> String {
    let found = report.cases.iter().find(|one| one.case.id.0 == case);
    found.map_or_else(|| case.to_owned(), |found| CaseNames::of(report).name(found))
}

/// `2026-11-30 00:05:10 UTC`
pub(super) fn moment(us: i64) -> Option<String> {
    let at = Timestamp::from_microsecond(us).ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn hero(report: &Report) -> Value {
    let (word, level) = concluded(report.conclusion);
    let (met, total) = report.targets();
    let against = match &report.compared_with {
        ComparedWith::Nothing(why) => format!("Compared with nothing: {why}."),
        ComparedWith::Baseline(name) => format!("Compared with {name}: {}.", counted(report)),
    };
    json!({
        "standing": standing(level, word),
        "says": says(report.conclusion),
        "against": against,
        "grade": standing(grade_level(report.grade), report.grade.as_str()),
        "goals": match total { 0 => "no goals".to_owned(), _ => format!("{met} of {total} goals met") },
        "exit": report.exit.code(),
        "ended": match report.exit {
            Exit::Interrupted | Exit::Terminated => Some("The run was interrupted: what is here was measured before."),
            _ => None,
        },
    })
}

/// A conclusion in a sentence.
fn says(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Held => "Nothing that is judged became worse.",
        Conclusion::Regressed => "At least one metric became worse by more than it may.",
        Conclusion::Inconclusive => "What was measured is too uncertain to say more.",
        Conclusion::Invalid => "What was measured may not be judged; the reasons are below.",
    }
}

/// A goal, as it stands.
pub(super) fn goal(case: &CaseReport, result: &GoalResult) -> Value {
    let unit = result.goal.metric.metric.unit;
    let word = match result.level {
        Level::Green => "met",
        Level::Yellow => "met, with a doubt",
        Level::Red => "missed",
    };
    json!({
        "case": case.case.id,
        "metric": result.goal.metric,
        "name": result.goal.metric.metric.name,
        "bound": result.goal.bound.show(unit),
        "value": result.estimate.map(|estimate| unit.show(estimate.value)),
        "interval": result.estimate.and_then(|estimate| estimate.interval).map(|at| span(at, unit)),
        "standing": standing(result.level, word),
        "note": result.note,
    })
}

fn goals(report: &Report) -> Value {
    let all = report.cases.iter().flat_map(|case| case.goals.iter().map(move |goal| (case, goal)));
    let mut all: Vec<(&CaseReport, &GoalResult)> = all.collect();
    all.sort_by_key(|(_, goal)| Reverse(goal.level));
    let mut told = all.iter().take(MOST_ROWS).map(|(case, result)| {
        let mut told = goal(case, result);
        told["case"] = json!(name(report, &case.case.id.0));
        told
    });
    let first: Vec<Value> = told.by_ref().take(MOST_GOALS).collect();
    let rest: Vec<Value> = told.collect();
    json!({ "told": first, "rest": rest, "more": all.len().saturating_sub(MOST_ROWS) })
}

/// `6.78 … 7.01 ms`: a unit that both ends share is written once.
pub(super) fn span(interval: Interval, unit: Unit) -> String {
    let (low, high) = (unit.show(interval.low), unit.show(interval.high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, one)), Some((_, other))) if one == other => format!("{number} … {high}"),
        _ => format!("{low} … {high}"),
    }
}

/// What was judged of one metric.
pub(super) fn verdict(case: &str, judged: &Judged) -> Value {
    let unit = judged.metric.metric.unit;
    let comparison = judged.comparison.as_ref();
    json!({
        "case": case,
        "metric": judged.metric,
        "standing": standing(level(judged.verdict), judged.verdict.as_str()),
        "base": comparison.map(|found| unit.show(found.base.value)),
        "head": comparison.map(|found| unit.show(found.head.value)),
        "moved": comparison
            .filter(|found| found.base.value != 0.0)
            .map(|found| format!("{:+.1} %", (found.head.value / found.base.value - 1.0) * 100.0)),
        "why": judged.why,
        "finds": comparison.and_then(tokgate_core::verdict::Comparison::shown_mde),
    })
}

/// What changed, the worst first, and how many did not.
fn changes(report: &Report) -> Value {
    let all =
        judged_cases(report).flat_map(|(case, judged)| judged.iter().map(move |one| (case, one)));
    let mut changed: Vec<(&str, &Judged)> =
        all.filter(|(_, one)| one.verdict != Verdict::Unchanged).collect();
    changed.sort_by(|(_, one), (_, other)| worst_first(weight(one), weight(other)));
    let told = |open: bool| -> Vec<Value> {
        let of = changed.iter().filter(|(_, one)| is_open(one.verdict) == open);
        of.take(MOST_TOLD).map(|(case, one)| verdict(&name(report, case), one)).collect()
    };
    let (decided, open) = (told(false), told(true));
    json!({
        "judged": judged_cases(report).any(|(_, judged)| !judged.is_empty()),
        "counted": counted(report),
        "more": changed.len() - decided.len() - open.len(),
        "decided": decided,
        "open": open,
    })
}

/// Whether a verdict says that nothing can be said.
fn is_open(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Inconclusive | Verdict::Underpowered | Verdict::InsufficientSamples => true,
        Verdict::Unchanged
        | Verdict::Improved
        | Verdict::Cleared
        | Verdict::New
        | Verdict::RegressedUnpaired
        | Verdict::Regressed
        | Verdict::Missing
        | Verdict::Incomparable
        | Verdict::Invalid => false,
    }
}

/// The numbers that count: a table for each kind of case, a column for each number, a row for each case.
fn key_figures(report: &Report) -> Value {
    let told: Vec<(usize, &CaseReport)> =
        report.cases.iter().enumerate().take(MOST_CASES).collect();
    let kinds = KINDS.iter().map(|kind| {
        let cases: Vec<_> =
            told.iter().filter(|(_, case)| case.case.kind == *kind).copied().collect();
        (kind, cases)
    });
    let tables = kinds.filter(|(_, cases)| !cases.is_empty());
    json!({
        "tables": tables.map(|(kind, cases)| key_table(report, *kind, &cases)).collect::<Vec<_>>(),
        "more": report.cases.len().saturating_sub(MOST_CASES),
    })
}

fn key_table(report: &Report, kind: Kind, cases: &[(usize, &CaseReport)]) -> Value {
    let has = |reference: &MetricRef| {
        cases.iter().any(|(_, case)| case.summary.estimate(*reference).is_some())
    };
    let columns: Vec<MetricRef> =
        KEY.iter().map(|(metric, stat)| MetricRef { metric, stat: *stat }).filter(has).collect();
    let cell = |case: &CaseReport, reference: &MetricRef| {
        case.summary.estimate(*reference).map(|estimate| number(*reference, &estimate))
    };
    let rows = cases.iter().map(|(index, case)| {
        let cells: Vec<_> = columns.iter().map(|reference| cell(case, reference)).collect();
        json!({ "index": index, "case": name(report, &case.case.id.0), "standing": stands(case), "cells": cells })
    });
    json!({
        "kind": kind.as_str(),
        "columns": columns.iter().map(|one| json!({ "id": one, "name": one.metric.name, "stat": statistic(one.stat) })).collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

/// A statistic behind the name of its metric; nothing where there is only one.
pub(super) fn statistic(stat: Stat) -> &'static str {
    match stat {
        Stat::Value => "",
        stat => stat.as_str(),
    }
}

/// A number as people read it, with its interval.
pub(super) fn number(reference: MetricRef, estimate: &Estimate) -> Value {
    let unit = reference.metric.unit;
    json!({
        "value": unit.show(estimate.value),
        "raw": estimate.value,
        "interval": estimate.interval.map(|at| span(at, unit)),
        "n": estimate.n,
        "few": !estimate.enough_for(reference.stat),
    })
}

/// How a case stands: INVALID, or the worst of its verdicts and goals.
fn stands(case: &CaseReport) -> Value {
    if !case.is_valid() {
        return standing(Level::Red, "INVALID");
    }
    let verdict = case
        .verdicts
        .iter()
        .map(|judged| (level(judged.verdict), judged.verdict.as_str()))
        .max_by_key(|(level, _)| *level);
    let goals = case.goals.iter().map(|goal| goal.level).max();
    match (verdict, goals) {
        (Some((Level::Red, word)), _) => standing(Level::Red, word),
        (_, Some(Level::Red)) => standing(Level::Red, "goal missed"),
        (Some((Level::Yellow, word)), _) => standing(Level::Yellow, word),
        (_, Some(Level::Yellow)) => standing(Level::Yellow, "goal in doubt"),
        (Some((Level::Green, _)), _) => standing(Level::Green, "held"),
        (None, Some(Level::Green)) => standing(Level::Green, "goals met"),
        (None, None) => standing(Level::Green, "VALID"),
    }
}

/// What stands in the line of a case that is not opened.
fn listed(report: &Report, case: &CaseReport) -> Value {
    let requests = case.requests();
    json!({
        "name": name(report, &case.case.id.0),
        "standing": stands(case),
        "target": format!("{} on {}", case.target.model, case.target.platform),
        "requests": match requests.failed {
            0 => format!("{} requests", requests.attempted),
            failed => format!("{} requests, {failed} failed", requests.attempted),
        },
    })
}

/// Alerts, the worst first, and what each rule advises, once.
fn alerts(report: &Report) -> Value {
    let mut alerts: Vec<&Alert> = report.alerts().collect();
    alerts.sort_by_key(|alert| (Reverse(alert.level), alert.rule));
    let mut advised = BTreeSet::new();
    let told = alerts.iter().take(MOST_TOLD).map(|alert| {
        json!({
            "standing": standing(alert.level, alert.level.as_str()),
            "rule": alert.rule.as_str(),
            "category": alert.category.as_str(),
            "text": alert.message,
            "case": name(report, &alert.case.0),
            "advice": advised.insert(alert.rule).then_some(alert.advice),
        })
    });
    json!({ "told": told.collect::<Vec<_>>(), "more": alerts.len().saturating_sub(MOST_TOLD) })
}

/// What to try, each suggestion once with the first evidence for it, and how often else it is made.
fn advice(report: &Report) -> Vec<Value> {
    let on_levels = report.advice_on_levels();
    let all: Vec<&Advice> =
        on_levels.iter().chain(report.cases.iter().flat_map(|case| &case.advice)).collect();
    let again = |about| all.iter().filter(|one| one.about == about).count() - 1;
    let mut seen = BTreeSet::new();
    let told = all.iter().filter(|one| seen.insert(one.about)).take(MOST_TOLD);
    told.map(|one| {
        json!({ "evidence": one.evidence, "suggestion": one.suggestion, "again": again(one.about) })
    })
    .collect()
}

fn invalid(report: &Report) -> Value {
    let reasons = report.cases.iter().flat_map(|case| {
        let reasons = case.epochs.iter().flat_map(|epoch| epoch.validity.reasons());
        reasons.map(|reason| (name(report, &case.case.id.0), reason.to_string()))
    });
    let reasons: BTreeSet<_> = reasons.collect();
    let told = |(case, why): &(String, String)| json!({ "case": case, "why": why });
    let mut told = reasons.iter().take(MOST_ROWS).map(told);
    let first: Vec<Value> = told.by_ref().take(MOST_REASONS).collect();
    let rest: Vec<Value> = told.collect();
    json!({ "told": first, "rest": rest, "more": reasons.len().saturating_sub(MOST_ROWS) })
}

/// Why requests failed, over all cases, the most frequent first.
fn failures(report: &Report) -> Value {
    let mut counts: BTreeMap<(String, Option<&str>), u64> = BTreeMap::new();
    for counted in report.cases.iter().flat_map(|case| &case.failures) {
        *counts
            .entry((counted.failure.to_string(), counted.failure.class.advice()))
            .or_default() += counted.count;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let told = counts
        .iter()
        .take(MOST_TOLD)
        .map(|((what, advice), count)| json!({ "what": what, "count": count, "advice": advice }));
    json!({ "told": told.collect::<Vec<_>>(), "more": counts.len().saturating_sub(MOST_TOLD) })
}

/// The machine, what measured, and what a comparison with this run depends on.
fn system(report: &Report) -> Vec<Value> {
    let key = CompatKey::new(&report.machine, report.cases.iter().map(|case| &case.case));
    let mut facts = vec![
        ("machine", Some(report.machine.0.clone())),
        ("commit", report.environment.commit.clone()),
    ];
    facts.extend(machine(&report.environment));
    facts.push(("tokgate", Some(report.environment.tool_version.clone())));
    facts.push((
        "compatibility key",
        Some(format!("{} on {}, protocol {PROTOCOL}", key.scenario_hash(), report.machine)),
    ));
    facts
        .into_iter()
        .filter_map(|(name, value)| Some(json!({ "name": name, "value": value? })))
        .collect()
}

/// The machine that the load came from.
pub(super) fn machine(environment: &Environment) -> Vec<(&'static str, Option<String>)> {
    let host = &environment.host;
    let gpus = environment.gpus.iter().map(|gpu| {
        let settings = &gpu.settings;
        let more = [
            Some(Unit::Bytes.show(gpu.vram_bytes as f64)),
            gpu.driver.as_ref().map(|driver| format!("driver {driver}")),
            settings.cuda.as_ref().map(|cuda| format!("CUDA {cuda}")),
            settings.power_limit_w.map(|watts| format!("limit {watts} W")),
            settings.replayed.as_ref().map(|trace| format!("played from {trace}")),
        ];
        format!("{} ({})", gpu.name, more.into_iter().flatten().collect::<Vec<_>>().join(", "))
    });
    let gpus = gpus.collect::<Vec<_>>().join("; ");
    vec![
        ("GPU", (!gpus.is_empty()).then_some(gpus)),
        ("CPU", Some(format!("{}, {} threads", environment.cpu_model, environment.cpu_count))),
        ("memory", Some(Unit::Bytes.show(environment.memory_bytes as f64))),
        ("system", Some(format!("{}, kernel {}", environment.os, environment.kernel))),
        ("CPU governor", host.governor.clone()),
        (
            "CPU limit",
            host.cpu_limit_millicpus.map(|limit| format!("{} CPUs", f64::from(limit) / 1000.0)),
        ),
        ("memory limit", host.memory_limit_bytes.map(|limit| Unit::Bytes.show(limit as f64))),
        ("container", host.container.clone()),
        ("virtualization", host.virtualization.clone()),
        ("clock", host.clock_source.clone()),
    ]
}
