//! The report as one JSON object (FORMATS.md, "What comes out"). Absent is `null` or left out.

use super::alerts;
use serde_json::{Map, Value, json};
use tokgate_core::case::{Gate, Quarantine};
use tokgate_core::doubts::doubts;
use tokgate_core::failure::FailureCount;
use tokgate_core::goal::GoalResult;
use tokgate_core::metric::Stat;
use tokgate_core::report::{CaseReport, ComparedWith, Report};
use tokgate_core::summary::{Estimate, MetricSummary};
use tokgate_core::verdict::Judged;

/// Version of the object's shape.
const SCHEMA_VERSION: u32 = 1;

/// The whole report.
#[must_use]
pub fn report(report: &Report) -> Value {
    let (targets_met, total_targets) = report.targets();
    json!({
        "schema_version": SCHEMA_VERSION,
        "run_id": report.run_id,
        "tool": { "name": "tokgate", "version": report.environment.tool_version },
        "scenario": report.scenario,
        "machine": report.machine,
        "environment": report.environment,
        "started_us": report.started_us,
        "compared_with": match &report.compared_with {
            ComparedWith::Baseline(name) => json!(name),
            ComparedWith::Nothing(_) => Value::Null,
        },
        "not_compared_because": match &report.compared_with {
            ComparedWith::Baseline(_) => Value::Null,
            ComparedWith::Nothing(why) => json!(why),
        },
        "cases": report.cases.iter().map(case).collect::<Vec<_>>(),
        "unmeasured": report.unmeasured.iter().map(|one| json!({ "case": one.case, "why": one.why })).collect::<Vec<_>>(),
        "dropped": report.dropped.iter().map(|one| json!({
            "case": one.case,
            "verdicts": one.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "control": report.control.iter().map(verdict).collect::<Vec<_>>(),
        "stress": report.stress(),
        "alert_levels": alerts::standings(report),
        "recommendations": report.advice_on_levels().into_iter().collect::<Vec<_>>(),
        "grade": report.grade,
        "targets_met": targets_met,
        "total_targets": total_targets,
        "conclusion": report.conclusion,
        "exit": report.exit.code(),
    })
}

/// One case of the report.
#[must_use]
pub fn case(case: &CaseReport) -> Value {
    let epochs = case.epochs.iter().map(|epoch| {
        json!({
            "test_id": epoch.test_id,
            "validity": epoch.validity.as_str(),
            "reasons": epoch.validity.reasons().iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    });
    let metrics: Map<String, Value> = case
        .summary
        .metrics
        .iter()
        .map(|metric| (metric.metric.id.to_owned(), self::metric(metric)))
        .collect();
    json!({
        "case": case.case.id,
        "kind": case.case.kind,
        "target": case.target,
        "price": case.case.target.price,
        "dataset": case.case.dataset,
        "workload": case.case.workload,
        "slos": case.case.slos,
        "stress": case.stress,
        "preparation": case.preparation,
        "epochs": epochs.collect::<Vec<_>>(),
        "metrics": metrics,
        "goals": case.goals.iter().map(goal).collect::<Vec<_>>(),
        "verdicts": case.verdicts.iter().map(verdict).collect::<Vec<_>>(),
        "pairs": case.pairs,
        "quarantine": quarantine(&case.case.gate),
        "requests": case.requests(),
        "token_counts": case.summary.token_counts,
        "doubts": doubts(case),
        "stalls": case.stalls,
        "alerts": case.alerts,
        "recommendations": case.advice,
        "failures": case.failures.iter().map(failure).collect::<Vec<_>>(),
        "sample_responses": case.samples,
    })
}

/// The metrics that are not judged for now, and those that are again: `expired` tells them apart.
fn quarantine(gate: &Gate) -> Vec<Value> {
    let kept = gate.quarantine.iter().map(|(metric, Quarantine { until, why, .. })| {
        json!({ "metric": metric, "until": until, "why": why, "expired": false })
    });
    let released = gate
        .released
        .iter()
        .map(|(metric, until)| json!({ "metric": metric, "until": until, "expired": true }));
    kept.chain(released).collect()
}

fn failure(counted: &FailureCount) -> Value {
    let FailureCount { failure, count } = counted;
    json!({
        "class": failure.class,
        "message": failure.message,
        "count": count,
        "advice": failure.class.advice(),
    })
}

/// `{unit, n, mean, p50: {value, low, high}, ...}`, or `{unit, n, value: {...}}`.
fn metric(summary: &MetricSummary) -> Value {
    let n = summary.stats.values().map(|estimate| estimate.n).max();
    let mut object = Map::from_iter([
        ("unit".to_owned(), json!(summary.metric.unit)),
        ("n".to_owned(), json!(n)),
    ]);
    for (stat, value) in &summary.stats {
        let shown = match stat {
            Stat::Mean | Stat::Min | Stat::Max => json!(value.value),
            _ => estimate(value),
        };
        object.insert(stat.as_str().to_owned(), shown);
    }
    Value::Object(object)
}

fn estimate(estimate: &Estimate) -> Value {
    json!({
        "value": estimate.value,
        "low": estimate.interval.map(|interval| interval.low),
        "high": estimate.interval.map(|interval| interval.high),
    })
}

fn goal(result: &GoalResult) -> Value {
    json!({
        "metric": result.goal.metric,
        "bound": result.goal.bound,
        "value": result.estimate.map(|estimate| estimate.value),
        "level": result.level,
        "met": result.is_met(),
        "note": result.note,
    })
}

fn verdict(judged: &Judged) -> Value {
    json!({
        "metric": judged.metric,
        "verdict": judged.verdict.as_str(),
        "why": judged.why,
        "base": judged.comparison.as_ref().map(|comparison| comparison.base.value),
        "head": judged.comparison.as_ref().map(|comparison| comparison.head.value),
        "effect": judged.comparison.as_ref().map(|comparison| comparison.effect),
        "low": judged.comparison.as_ref().and_then(|comparison| comparison.interval).map(|interval| interval.low),
        "high": judged.comparison.as_ref().and_then(|comparison| comparison.interval).map(|interval| interval.high),
        "mde": judged.comparison.as_ref().and_then(|comparison| comparison.mde),
    })
}
