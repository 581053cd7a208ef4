//! What the scripts of a page draw from: every number of the run in one table, what is told of each case, the
//! figures. Short, since a run may have hundreds of cases.

use super::side::letter;
use super::told::{short, standing};
use super::{Figures, OfCase, Page, top};
use crate::figure::{Figure, Layer, Point};
use crate::report::advice;
use serde_json::{Map, Value, json};
use tokgate_core::doubts::doubts;
use tokgate_core::metric::{CATALOGUE, Metric, Stat};
use tokgate_core::report::{CaseReport, Report};

/// Bytes of the data of a page, about, and those of a case's line beside: a page is sent by mail.
const LARGEST: usize = 4_200_000;
const LINE: usize = 700;
/// Names along an axis from which on a figure has the whole width of the page.
const MANY_NAMES: usize = 8;
/// Answers of a case that a page shows.
const MOST_SAMPLES: usize = 3;
/// Characters of an answer that it shows.
const LONGEST_SAMPLE: usize = 1500;
/// Characters of all answers together: the page stays small enough to be sent.
const ALL_SAMPLES: usize = 300_000;
/// Texts of one kind that are told of a case.
const MOST_TOLD: usize = 12;

/// Everything that the scripts of a run's page need.
pub(super) fn of_run(page: &Page<'_>) -> Value {
    let Page { report, figures } = page;
    let mut answers = ALL_SAMPLES;
    let cases: Vec<Value> = report.cases.iter().map(|one| case(one, &mut answers)).collect();
    let mut island = json!({
        "run": { "run_id": report.run_id, "scenario": report.scenario, "machine": report.machine },
        "metrics": metrics(),
        "stats": stats(),
        "cases": cases,
        "rows": rows(&report.cases),
        "figures": { "run": figures.run.iter().map(figure).collect::<Vec<_>>() },
    });
    let line = LINE * report.cases.len();
    let room = LARGEST.saturating_sub(island.to_string().len() + line);
    let of_cases = of_cases(figures, room);
    island["left_out"] = json!(report.cases.len() - of_cases.len());
    island["figures"]["cases"] = Value::Object(of_cases);
    island
}

/// Everything that the scripts of a page of several runs need. A case has its run with it.
pub(super) fn of_runs(reports: &[Report], figures: &[Figure]) -> Value {
    let cases = reports.iter().enumerate().flat_map(|(place, report)| {
        report.cases.iter().map(move |case| {
            json!({
                "name": case.case.id,
                "label": format!("{} · {}", letter(place), case.case.id),
                "run_id": report.run_id,
                "scenario": report.scenario,
                "machine": report.machine,
            })
        })
    });
    json!({
        "run": { "run_id": "comparison", "scenario": null, "machine": null },
        "metrics": metrics(),
        "stats": stats(),
        "cases": cases.collect::<Vec<_>>(),
        "rows": rows(reports.iter().flat_map(|report| &report.cases)),
        "figures": { "run": figures.iter().map(figure).collect::<Vec<_>>(), "cases": {} },
    })
}

/// The catalogue, by whose places the rows name their metric.
fn metrics() -> Vec<Value> {
    let one = |metric: &&Metric| json!([metric.id, metric.name, metric.unit]);
    CATALOGUE.iter().map(one).collect()
}

/// Statistics by whose places the rows name theirs, with how many samples each needs.
fn stats() -> Vec<Value> {
    ALL_STATS.map(|stat| json!([stat.as_str(), stat.samples_needed()])).to_vec()
}

/// Every statistic.
const ALL_STATS: [Stat; 10] = [
    Stat::Value,
    Stat::Min,
    Stat::Mean,
    Stat::P50,
    Stat::P75,
    Stat::P90,
    Stat::P95,
    Stat::P99,
    Stat::P999,
    Stat::Max,
];

/// `[case, metric, statistic, value, low, high, n]`: one row a number.
fn rows<'a>(cases: impl IntoIterator<Item = &'a CaseReport>) -> Vec<Value> {
    let mut rows = Vec::new();
    for (place, case) in cases.into_iter().enumerate() {
        for summary in &case.summary.metrics {
            let metric = CATALOGUE.iter().position(|known| known.id == summary.metric.id);
            for (stat, estimate) in &summary.stats {
                let stat = ALL_STATS.iter().position(|known| known == stat);
                let (low, high) =
                    estimate.interval.map_or((Value::Null, Value::Null), |interval| {
                        (short(interval.low), short(interval.high))
                    });
                rows.push(json!([
                    place,
                    metric,
                    stat,
                    short(estimate.value),
                    low,
                    high,
                    estimate.n
                ]));
            }
        }
    }
    rows
}

/// What is told of a case, in words.
fn case(case: &CaseReport, answers: &mut usize) -> Value {
    let requests = case.requests();
    let reasons = case
        .epochs
        .iter()
        .flat_map(|epoch| epoch.validity.reasons().iter().map(ToString::to_string));
    let failures = case.failures.iter().take(MOST_TOLD);
    json!({
        "name": case.case.id,
        "facts": facts(case),
        "requests": { "attempted": requests.attempted, "succeeded": requests.succeeded, "failed": requests.failed },
        "goals": case.goals.iter().map(|goal| without_case(top::goal(case, goal))).collect::<Vec<_>>(),
        "verdicts": case.verdicts.iter().map(|judged| without_case(top::verdict("", judged))).collect::<Vec<_>>(),
        "invalid": reasons.take(MOST_TOLD).collect::<Vec<_>>(),
        "doubts": doubts(case),
        "stalls": case.stalls.iter().flat_map(advice::stalls).map(|line| line.trim().to_owned()).collect::<Vec<_>>(),
        "alerts": case.alerts.iter().take(MOST_TOLD).map(|alert| json!({
            "standing": standing(alert.level, alert.rule.as_str()), "text": alert.message,
        })).collect::<Vec<_>>(),
        "advice": case.advice.iter().map(|one| json!([one.evidence, one.suggestion])).collect::<Vec<_>>(),
        "failures": failures.map(|counted| json!([counted.count, counted.failure.to_string()])).collect::<Vec<_>>(),
        "notes": case.case.gate.notes(),
        "samples": samples(case, answers),
        "tests": case.epochs.iter().map(|epoch| &epoch.test_id).collect::<Vec<_>>(),
    })
}

/// What is told within its case need not name it.
fn without_case(mut told: Value) -> Value {
    if let Some(told) = told.as_object_mut() {
        told.remove("case");
        told.remove("name");
    }
    told
}

fn facts(case: &CaseReport) -> Vec<Value> {
    let target = &case.target;
    let mut facts = vec![
        json!(["model", target.model]),
        json!(["platform", target.platform]),
        json!(["engine", target.engine]),
        json!(["epochs", case.epochs.len().to_string()]),
    ];
    let more = [
        ("size", target.size_params.clone()),
        ("quantization", target.quantization.clone()),
        ("context window", target.context_window.map(|tokens| format!("{tokens} tokens"))),
        ("price", case.case.target.price.as_ref().map(ToString::to_string)),
    ];
    facts.extend(more.into_iter().filter_map(|(name, value)| Some(json!([name, value?]))));
    facts.push(json!(["workload", brief(&json!(case.case.workload))]));
    facts.push(json!(["dataset", brief(&json!(case.case.dataset))]));
    facts
}

/// `kind closed, concurrency 4, requests 100`: what an object says, without its absent fields.
fn brief(value: &Value) -> String {
    let Some(object) = value.as_object() else { return value.to_string() };
    let told = object.iter().filter(|(_, value)| !value.is_null() && **value != json!(0.0)).map(
        |(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{} {text}", name.replace('_', " "))
        },
    );
    told.collect::<Vec<_>>().join(", ")
}

/// The first answers that were kept, as long as there is room.
fn samples(case: &CaseReport, room: &mut usize) -> Vec<String> {
    let mut told = Vec::new();
    for sample in case.samples.iter().take(MOST_SAMPLES) {
        let most = LONGEST_SAMPLE.min(*room);
        if most == 0 {
            break;
        }
        let text: String = sample.chars().take(most).collect();
        *room -= text.chars().count();
        let is_cut = text.len() < sample.len();
        told.push(if is_cut { format!("{text}…") } else { text });
    }
    told
}

/// The figures of the cases, by the place of their case, as many as there are bytes for.
fn of_cases(figures: &Figures, room: usize) -> Map<String, Value> {
    let (mut told, mut used) = (Map::new(), 0);
    for OfCase { place, figures } in &figures.cases {
        let figures: Value = figures.iter().map(figure).collect();
        used += figures.to_string().len();
        if used > room {
            break;
        }
        told.insert(place.to_string(), figures);
    }
    told
}

/// Where the figures of a whole run are drawn: each one's place, and whether it is wide.
pub(super) fn slots(figures: &[Figure]) -> Value {
    figures.iter().enumerate().map(|(place, one)| json!({ "place": place, "wide": !one.y.names.is_empty() || one.x.names.len() > MANY_NAMES })).collect()
}

/// A figure whose points are `[x, y]` or `[x, y, low, high]`, with short numbers.
fn figure(figure: &Figure) -> Value {
    let mut told = json!(figure);
    told["layers"] = figure.layers.iter().map(layer).collect();
    told
}

fn layer(layer: &Layer) -> Value {
    json!({ "name": layer.name, "mark": layer.mark, "points": layer.points.iter().map(point).collect::<Vec<_>>() })
}

fn point(point: &Point) -> Value {
    let Point { x, y, interval } = point;
    match interval {
        None => json!([short(*x), short(*y)]),
        Some((low, high)) => json!([short(*x), short(*y), short(*low), short(*high)]),
    }
}
