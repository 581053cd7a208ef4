//! Several runs side by side in one page: the same cases on two engines, two models, two days. Nothing is
//! judged here: a number is called best where its interval meets no other, and what differs in what was asked
//! is said first.

use super::told::standing;
use super::top::{moment, number, statistic};
use super::{data, render};
use crate::figure;
use crate::report::terminal::{concluded, grade_level};
use serde_json::{Value, json};
use tokgate_baseline::compat::CompatKey;
use tokgate_core::case::CaseId;
use tokgate_core::metric::{Better, CATALOGUE, Metric, MetricRef, Shape, Stat};
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::summary::Estimate;

/// Cases that are told side by side; the table of everything has the others.
const MOST_CASES: usize = 40;
/// The statistics by which a distribution is told.
const TOLD: [Stat; 3] = [Stat::P50, Stat::P95, Stat::P99];

/// The page of these runs, the first of which the others are compared with.
#[must_use]
pub fn comparison(reports: &[Report]) -> String {
    let names = reports.iter().enumerate().map(|(place, report)| called(place, report));
    let figures = &figure::of_runs(reports, &names.collect::<Vec<_>>());
    let cases = cases(reports);
    let told_cases = cases.iter().take(MOST_CASES).map(|case| side_by_side(reports, case));
    let mut told = json!({
        "title": format!("{} runs side by side", reports.len()),
        "version": reports.first().map(|report| &report.environment.tool_version),
        "runs": reports.iter().enumerate().map(|(place, report)| run(place, report)).collect::<Vec<_>>(),
        "differences": differences(reports),
        "charts": data::slots(figures),
        "cases": told_cases.collect::<Vec<_>>(),
        "more": cases.len().saturating_sub(MOST_CASES),
    });
    let island = data::of_runs(reports, figures);
    render("side.html", &mut told, island)
}

/// The letter that stands for a run: `A` of the first.
pub(super) fn letter(place: usize) -> String {
    let letters = u8::try_from(place)
        .ok()
        .and_then(|place| b'A'.checked_add(place))
        .filter(u8::is_ascii_uppercase);
    letters.map_or_else(|| (place + 1).to_string(), |letter| char::from(letter).to_string())
}

fn run(place: usize, report: &Report) -> Value {
    let (word, level) = concluded(report.conclusion);
    let (met, total) = report.targets();
    json!({
        "letter": letter(place),
        "targets": targets(report),
        "run_id": report.run_id,
        "scenario": report.scenario,
        "machine": report.machine,
        "started": moment(report.started_us),
        "commit": report.environment.commit,
        "standing": standing(level, word),
        "grade": standing(grade_level(report.grade), report.grade.as_str()),
        "goals": format!("{met} of {total}"),
        "requests": report.cases.iter().map(|case| case.requests().attempted).sum::<u64>(),
        "failed": report.cases.iter().map(|case| case.requests().failed).sum::<u64>(),
    })
}

/// A run in a legend: `A · gemma3:12b on ollama`.
fn called(place: usize, report: &Report) -> String {
    let target = report.cases.first().map(|case| &case.target);
    let target = target
        .map_or_else(String::new, |target| format!(" · {} on {}", target.model, target.platform));
    format!("{}{target}", letter(place))
}

/// What a run measured, each once: `gemma3:12b on ollama (0.9.1)`.
fn targets(report: &Report) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for case in &report.cases {
        let target = &case.target;
        let text = format!("{} on {} ({})", target.model, target.platform, target.engine);
        if !told.contains(&text) {
            told.push(text);
        }
    }
    told
}

/// The cases of all runs, in the order in which they are first met.
fn cases(reports: &[Report]) -> Vec<&CaseId> {
    let mut met: Vec<&CaseId> = Vec::new();
    for id in reports.iter().flat_map(|report| &report.cases).map(|case| &case.case.id) {
        if !met.contains(&id) {
            met.push(id);
        }
    }
    met
}

fn case_of<'a>(report: &'a Report, id: &CaseId) -> Option<&'a CaseReport> {
    report.cases.iter().find(|case| case.case.id == *id)
}

/// What keeps numbers from being set beside those of the first run, in words.
fn differences(reports: &[Report]) -> Vec<String> {
    let Some((first, others)) = reports.split_first() else { return Vec::new() };
    let key = CompatKey::new(&first.machine, first.cases.iter().map(|case| &case.case));
    let mut told = Vec::new();
    for (place, report) in (1..).zip(others) {
        let of = letter(place);
        if report.machine != first.machine {
            told.push(format!("{of} was measured on {}, A on {}", report.machine, first.machine));
        }
        let shared = report.cases.iter().filter(|case| key.cases.contains_key(&case.case.id));
        let asked = shared.flat_map(|case| {
            let differences = key.differences(&first.machine, &case.case);
            differences.into_iter().map(move |what| format!("{}: {what}", case.case.id))
        });
        told.extend(asked.map(|what| format!("{of} was asked otherwise than A: {what}")));
        if !report.cases.iter().any(|case| key.cases.contains_key(&case.case.id)) {
            told.push(format!("{of} has no case of A's: nothing of it stands beside A"));
        }
    }
    let invalid = reports
        .iter()
        .enumerate()
        .filter(|(_, report)| report.cases.iter().any(|case| !case.is_valid()));
    told.extend(invalid.map(|(place, _)| {
        format!("{} is INVALID: its numbers may not be what they seem", letter(place))
    }));
    told.truncate(MOST_CASES);
    told
}

/// The numbers that a case is told by.
fn references(metric: &'static Metric) -> Vec<MetricRef> {
    match metric.shape {
        Shape::Distribution => TOLD.map(|stat| MetricRef { metric, stat }).to_vec(),
        Shape::Mean | Shape::Scalar => vec![MetricRef::value(metric)],
    }
}

/// One case: a row a number, a column a run.
fn side_by_side(reports: &[Report], id: &CaseId) -> Value {
    let rows = CATALOGUE.iter().flat_map(|metric| references(metric)).filter_map(|reference| {
        let estimates: Vec<Option<Estimate>> = reports
            .iter()
            .map(|report| case_of(report, id).and_then(|case| case.summary.estimate(reference)))
            .collect();
        estimates.iter().any(Option::is_some).then(|| row(reference, &estimates))
    });
    json!({ "name": id, "rows": rows.collect::<Vec<_>>() })
}

fn row(reference: MetricRef, estimates: &[Option<Estimate>]) -> Value {
    let best = best(reference.metric.better, estimates);
    let first = estimates.first().copied().flatten();
    let cells = estimates.iter().enumerate().map(|(place, estimate)| {
        let estimate = (*estimate)?;
        let mut told = number(reference, &estimate);
        told["best"] = json!(best == Some(place));
        told["against"] =
            json!(first.filter(|_| place > 0).and_then(|first| against(&first, &estimate)));
        Some(told)
    });
    json!({
        "id": reference,
        "name": reference.metric.name,
        "stat": statistic(reference.stat),
        "better": match reference.metric.better {
            Better::Lower => "lower is better",
            Better::Higher => "higher is better",
            Better::Neither => "",
        },
        "cells": cells.collect::<Vec<_>>(),
    })
}

/// `+20.1 %`
fn against(first: &Estimate, other: &Estimate) -> Option<String> {
    (first.value != 0.0).then(|| format!("{:+.1} %", (other.value / first.value - 1.0) * 100.0))
}

/// Whose number is better than every other, beyond both intervals; nobody's where one cannot tell.
fn best(better: Better, estimates: &[Option<Estimate>]) -> Option<usize> {
    let span =
        |estimate: &Estimate| estimate.interval.map(|interval| (interval.low, interval.high));
    let known: Option<Vec<(usize, (f64, f64))>> = estimates
        .iter()
        .enumerate()
        .filter_map(|(place, estimate)| estimate.as_ref().map(|found| Some((place, span(found)?))))
        .collect();
    let known = known.filter(|known| known.len() > 1)?;
    let beats = |one: (f64, f64), other: (f64, f64)| match better {
        Better::Lower => one.1 < other.0,
        Better::Higher => one.0 > other.1,
        Better::Neither => false,
    };
    let wins = |&&(place, one): &&(usize, (f64, f64))| {
        known.iter().filter(|(other, _)| *other != place).all(|(_, other)| beats(one, *other))
    };
    known.iter().find(wins).map(|(place, _)| *place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::summary::Interval;

    fn estimate(value: f64, low: f64, high: f64) -> Option<Estimate> {
        Some(Estimate { value, interval: Some(Interval { low, high }), n: 100 })
    }

    #[test]
    fn best_is_who_is_better_than_all_others_beyond_the_intervals() {
        let apart = [estimate(5.0, 4.0, 6.0), estimate(8.0, 7.0, 9.0), None];
        assert_eq!(best(Better::Lower, &apart), Some(0));
        assert_eq!(best(Better::Higher, &apart), Some(1));
        assert_eq!(best(Better::Neither, &apart), None);
    }

    #[test]
    fn nobody_is_best_where_intervals_meet_or_are_not_known() {
        let meet = [estimate(5.0, 4.0, 7.5), estimate(8.0, 7.0, 9.0)];
        assert_eq!(best(Better::Lower, &meet), None);
        let unknown =
            [estimate(5.0, 4.0, 6.0), Some(Estimate { value: 8.0, interval: None, n: 1 })];
        assert_eq!(best(Better::Lower, &unknown), None);
        assert_eq!(best(Better::Lower, &[estimate(5.0, 4.0, 6.0)]), None);
    }

    #[test]
    fn runs_are_called_by_letters() {
        assert_eq!([letter(0), letter(25), letter(26)], ["A", "Z", "27"]);
    }
}
