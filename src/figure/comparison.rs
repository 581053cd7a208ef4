//! The cases of a run side by side: how much each brings, and how long each takes.

use super::cases::{CaseNames, word};
use super::distribution::stat;
use super::unit::{Shown, capitalized, words};
use super::{Axis, Figure, Mark, Point};
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::report::Report;
use tokgate_core::summary::Estimate;

/// Cases in one figure, at most: the names of more cannot be read.
const MOST_CASES: usize = 24;
const RATES: [&Metric; 4] = [&metric::TOK_S, &metric::REQ_S, &metric::QPS, &metric::INPUTS_S];
/// What is told by its median, with the 95th percentile above it.
const SPREAD: [&Metric; 5] =
    [&metric::DECODE_RATE, &metric::TTFT, &metric::E2E, &metric::QUERY, &metric::EMBED];

/// A figure for each rate and latency that at least two cases have.
pub(super) fn figures(report: &Report) -> impl Iterator<Item = Figure> {
    let rates = RATES.into_iter().map(|metric| vec![MetricRef::value(metric)]);
    let spread =
        SPREAD.into_iter().map(|metric| vec![stat(metric, Stat::P50), stat(metric, Stat::P95)]);
    rates.chain(spread).filter_map(move |references| figure(report, &references))
}

/// The first reference as bars, the others as dots.
fn figure(report: &Report, references: &[MetricRef]) -> Option<Figure> {
    let first = *references.first()?;
    let names = CaseNames::of(report);
    let has = |case: &&tokgate_core::report::CaseReport| case.summary.estimate(first).is_some();
    let all = report.cases.iter().filter(has).count();
    let cases: Vec<_> = report.cases.iter().filter(has).take(MOST_CASES).collect();
    let told: Vec<Vec<Option<Estimate>>> = references
        .iter()
        .map(|reference| cases.iter().map(|case| case.summary.estimate(*reference)).collect())
        .collect();
    let shown = Shown::of_all(first.metric.unit, told.iter().flatten().flatten());
    let x = Axis::named("case", cases.iter().map(|case| names.name(case)).collect());
    let title = format!("{} of each case", capitalized(first.metric.name));
    let id = format!("comparison-{}", word(first.metric.id));
    let mut figure = Figure::new(id, title, x, shown.axis(first.metric));
    for (reference, estimates) in references.iter().zip(told) {
        let is_bars = *reference == first;
        // What rests on too few samples is not drawn as if it were known.
        let enough = |found: &Estimate| is_bars || found.enough_for(reference.stat);
        let points = (0..).zip(estimates).filter_map(|(place, estimate)| {
            Some(shown.point(f64::from(place), &estimate.filter(enough)?))
        });
        let points: Vec<Point> = points.collect();
        let mark = if is_bars { Mark::Bars } else { Mark::Dots };
        figure = figure.layer(words(*reference), mark, points);
    }
    if all > cases.len() {
        figure = figure.note(format!("the first {} of {all} cases", cases.len()));
    }
    (cases.len() > 1).then(|| figure.note("intervals are at 95 %").made()).flatten()
}
