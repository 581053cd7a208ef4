//! Several runs in one figure: what each brings and how long it takes, case by case.

use super::cases::{CaseNames, word};
use super::unit::{Shown, capitalized, words};
use super::{Axis, Figure, Mark, Point};
use tokgate_core::case::CaseId;
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::summary::Estimate;

/// Cases in one figure, at most: the names of more cannot be read.
const MOST_CASES: usize = 16;

/// What is compared.
const TOLD: [(&Metric, Stat); 9] = [
    (&metric::TOK_S, Stat::Value),
    (&metric::REQ_S, Stat::Value),
    (&metric::TTFT, Stat::P50),
    (&metric::TTFT, Stat::P95),
    (&metric::ITL, Stat::P50),
    (&metric::E2E, Stat::P95),
    (&metric::QPS, Stat::Value),
    (&metric::QUERY, Stat::P50),
    (&metric::RECALL_AT_10, Stat::Value),
];

/// A figure for each number that at least two of the runs have: a bar each, run beside run. The runs are
/// called by `names`, which are as many.
#[must_use]
pub fn of_runs(reports: &[Report], names: &[String]) -> Vec<Figure> {
    let references = TOLD.map(|(metric, stat)| MetricRef { metric, stat });
    references.into_iter().filter_map(|reference| figure(reports, names, reference)).collect()
}

fn figure(reports: &[Report], names: &[String], reference: MetricRef) -> Option<Figure> {
    let cases = cases(reports, reference);
    let told: Vec<Vec<Option<Estimate>>> = reports
        .iter()
        .map(|report| cases.iter().map(|(id, _)| estimate(report, id, reference)).collect())
        .collect();
    let runs = told.iter().filter(|run| run.iter().any(Option::is_some)).count();
    let shown = Shown::of_all(reference.metric.unit, told.iter().flatten().flatten());
    let x = Axis::named("case", cases.iter().map(|(_, name)| name.clone()).collect());
    let id = format!("runs-{}-{}", word(reference.metric.id), word(reference.stat.as_str()));
    let title = capitalized(&words(reference));
    let mut figure = Figure::new(id, title, x, shown.axis(reference.metric));
    for (name, estimates) in names.iter().zip(told) {
        let points = (0..)
            .zip(estimates)
            .filter_map(|(place, found)| Some(shown.point(f64::from(place), &found?)));
        let points: Vec<Point> = points.collect();
        figure = figure.layer(name, Mark::Bars, points);
    }
    (runs > 1).then(|| figure.note("intervals are at 95 %").made()).flatten()
}

/// The cases that have the number in any run, with their names, in the order in which they are first met.
fn cases(reports: &[Report], reference: MetricRef) -> Vec<(&CaseId, String)> {
    let mut met: Vec<(&CaseId, String)> = Vec::new();
    for report in reports {
        let names = CaseNames::of(report);
        let has = |case: &&CaseReport| case.summary.estimate(reference).is_some();
        for case in report.cases.iter().filter(has) {
            if !met.iter().any(|(id, _)| **id == case.case.id) {
                met.push((&case.case.id, names.name(case)));
            }
        }
    }
    met.truncate(MOST_CASES);
    met
}

fn estimate(report: &Report, id: &CaseId, reference: MetricRef) -> Option<Estimate> {
    report.cases.iter().find(|case| case.case.id == *id)?.summary.estimate(reference)
}
