//! Cases, or results of other tools, side by side: how much each brings, and how long each takes.

use super::cases::{CaseNames, word};
use super::distribution::stat;
use super::unit::{Shown, capitalized, words};
use super::{Axis, Figure, Mark, Point};
use tokgate_core::imported::Imported;
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::report::Report;
use tokgate_core::summary::Estimate;

/// Cases in one figure, at most: the names of more cannot be read.
const MOST_CASES: usize = 24;
const RATES: [&Metric; 4] = [&metric::TOK_S, &metric::REQ_S, &metric::QPS, &metric::INPUTS_S];
/// What is told by its median, with the 95th percentile above it.
const SPREAD: [&Metric; 5] =
    [&metric::DECODE_RATE, &metric::TTFT, &metric::E2E, &metric::QUERY, &metric::EMBED];

/// What stands side by side: a name each, and what is known of each.
struct Beside<'a> {
    what: &'static str,
    names: Vec<String>,
    estimate: Box<dyn Fn(usize, MetricRef) -> Option<Estimate> + 'a>,
}

/// A figure for each rate and latency that at least two cases of a run have.
pub(super) fn figures(report: &Report) -> impl Iterator<Item = Figure> {
    let names = CaseNames::of(report);
    let beside = Beside {
        what: "case",
        names: report.cases.iter().map(|case| names.name(case)).collect(),
        estimate: Box::new(|at, reference| report.cases[at].summary.estimate(reference)),
    };
    beside.figures().into_iter()
}

/// The same of results that were read from a file: each has what its file says. Of a latency that is told by
/// its mean alone, that.
#[must_use]
pub fn of_results(results: &[Imported]) -> Vec<Figure> {
    let told: Vec<Vec<(MetricRef, Estimate)>> = results.iter().map(told).collect();
    let find = |at: usize, reference| {
        told[at].iter().find(|(known, _)| *known == reference).map(|(_, estimate)| *estimate)
    };
    let beside = Beside { what: "result", names: names(results), estimate: Box::new(find) };
    beside.figures()
}

fn told(result: &Imported) -> Vec<(MetricRef, Estimate)> {
    let estimate = |value, n| Estimate { value, interval: None, n };
    let figures = result.told().into_iter();
    figures.map(|told| (told.metric, estimate(told.value, told.n as usize))).collect()
}

/// A model, with what tells results of the same model apart.
fn names(results: &[Imported]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for result in results {
        let workers = result.workers.map(|workers| format!(", {workers} workers"));
        let name =
            format!("{} by {}{}", result.model.name, result.platform, workers.unwrap_or_default());
        let same = names.iter().filter(|known| known.starts_with(&name)).count();
        names.push(if same == 0 { name } else { format!("{name} ({})", same + 1) });
    }
    names
}

impl Beside<'_> {
    fn figures(&self) -> Vec<Figure> {
        let rates = RATES.into_iter().map(|metric| self.figure(&[MetricRef::value(metric)]));
        let spread = SPREAD.into_iter().map(|metric| {
            self.figure(&[stat(metric, Stat::P50), stat(metric, Stat::P95)])
                .or_else(|| self.figure(&[stat(metric, Stat::Mean)]))
        });
        rates.chain(spread).flatten().collect()
    }

    /// The first reference as bars, the others as dots.
    fn figure(&self, references: &[MetricRef]) -> Option<Figure> {
        let first = *references.first()?;
        let all: Vec<usize> =
            (0..self.names.len()).filter(|at| (self.estimate)(*at, first).is_some()).collect();
        let drawn = &all[..all.len().min(MOST_CASES)];
        let told: Vec<Vec<Option<Estimate>>> = references
            .iter()
            .map(|reference| drawn.iter().map(|at| (self.estimate)(*at, *reference)).collect())
            .collect();
        let shown = Shown::of_all(first.metric.unit, told.iter().flatten().flatten());
        let x = Axis::named(self.what, drawn.iter().map(|at| self.names[*at].clone()).collect());
        let title = format!("{} of each {}", capitalized(first.metric.name), self.what);
        let id = format!("comparison-{}", word(first.metric.id));
        let mut figure = Figure::new(id, title, x, shown.axis(first.metric));
        let has_intervals = told.iter().flatten().flatten().any(|found| found.interval.is_some());
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
        if all.len() > drawn.len() {
            figure = figure.note(format!("the first {} of {}", drawn.len(), all.len()));
        }
        if has_intervals {
            figure = figure.note("intervals are at 95 %");
        }
        (drawn.len() > 1).then(|| figure.made()).flatten()
    }
}
