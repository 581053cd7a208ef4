//! The impact of each axis of a matrix: batch size, prompt length, temperature, concurrency, rate, whatever
//! a case varies.

use super::cases::{axes, word};
use super::distribution::{LATENCIES, stat};
use super::unit::{Shown, capitalized, words};
use super::{Axis, Figure, Mark, PALETTE, Point};
use std::collections::BTreeMap;
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::summary::Estimate;

/// What is meant by throughput, the first that is there.
const THROUGHPUTS: [&Metric; 4] = [&metric::TOK_S, &metric::INPUTS_S, &metric::QPS, &metric::REQ_S];
/// The percentiles of a latency, where nothing else varies.
const PERCENTILES: [Stat; 3] = [Stat::P50, Stat::P95, Stat::P99];

/// The figures of every axis of every case.
pub(super) fn figures(report: &Report) -> impl Iterator<Item = Figure> {
    let mut groups: Vec<(String, Vec<Cell<'_>>)> = Vec::new();
    for case in &report.cases {
        let cell = Cell::of(case);
        let name = format!("{}/{}", case.case.id.scenario(), case.case.id.case());
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, cells)) => cells.push(cell),
            None => groups.push((name, vec![cell])),
        }
    }
    groups.into_iter().flat_map(|(_, cells)| of_group(&cells))
}

/// One cell of a matrix.
struct Cell<'a> {
    case: &'a CaseReport,
    axes: Vec<(&'a str, String)>,
}

impl<'a> Cell<'a> {
    fn of(case: &'a CaseReport) -> Self {
        Self { case, axes: axes(&case.case.id).collect() }
    }

    fn value(&self, axis: &str) -> Option<&str> {
        self.axes.iter().find(|(name, _)| *name == axis).map(|(_, value)| value.as_str())
    }

    /// What it has on all other axes; empty where there are none.
    fn others(&self, axis: &str) -> String {
        let others = self.axes.iter().filter(|(name, _)| *name != axis);
        let others = others.map(|(name, value)| format!("{}={value}", spaced(name)));
        others.collect::<Vec<_>>().join(", ")
    }
}

fn spaced(axis: &str) -> String {
    axis.replace('_', " ")
}

fn of_group(cells: &[Cell<'_>]) -> Vec<Figure> {
    let names = cells.first().into_iter().flat_map(|cell| &cell.axes).map(|(name, _)| *name);
    let varied = names.filter_map(|name| Varied::of(name, cells));
    varied.flat_map(|varied| varied.figures()).collect()
}

/// An axis with its values, in their order.
struct Varied<'a, 'b> {
    name: &'a str,
    cells: &'b [Cell<'a>],
    values: Vec<String>,
    /// The values as numbers, where all of them are.
    numbers: Option<Vec<f64>>,
}

impl<'a, 'b> Varied<'a, 'b> {
    /// `None` where it has but one value.
    fn of(name: &'a str, cells: &'b [Cell<'a>]) -> Option<Self> {
        let mut values: Vec<String> = Vec::new();
        for value in cells.iter().filter_map(|cell| cell.value(name)) {
            if !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        }
        let number = |value: &String| value.parse().ok().filter(|number: &f64| number.is_finite());
        let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
        (values.len() > 1).then_some(Self { name, cells, values, numbers })
    }

    fn figures(&self) -> Vec<Figure> {
        let throughput = THROUGHPUTS
            .into_iter()
            .find_map(|metric| self.figure("throughput", metric.name, &[MetricRef::value(metric)]));
        let latency = |metric: &'static Metric| {
            let stats: Vec<MetricRef> = PERCENTILES
                .into_iter()
                .filter(|percentile| self.is_told(stat(metric, *percentile)))
                .map(|percentile| stat(metric, percentile))
                .collect();
            self.figure(metric.id, metric.name, &stats)
        };
        throughput.into_iter().chain(LATENCIES.into_iter().filter_map(latency)).collect()
    }

    /// Whether a percentile rests on enough samples in every cell; the median is told anyway.
    fn is_told(&self, reference: MetricRef) -> bool {
        let mut estimates =
            self.cells.iter().filter_map(|cell| cell.case.summary.estimate(reference)).peekable();
        let is_there = estimates.peek().is_some();
        is_there
            && estimates
                .all(|found| reference.stat == Stat::P50 || found.enough_for(reference.stat))
    }

    /// One figure: a layer for each of `references` where nothing else varies, else one for every
    /// combination of the other axes, of the first reference alone.
    fn figure(&self, quantity: &str, label: &str, references: &[MetricRef]) -> Option<Figure> {
        let first = *references.first()?;
        let mut others: BTreeMap<usize, (String, Vec<&Cell<'_>>)> = BTreeMap::new();
        for cell in self.cells {
            let name = cell.others(self.name);
            let known = others.values().position(|(known, _)| *known == name);
            let at = known.unwrap_or(others.len());
            others.entry(at).or_insert_with(|| (name, Vec::new())).1.push(cell);
        }
        let is_alone = others.len() < 2;
        let told = if is_alone { references } else { &references[..1] };
        let estimates: Vec<Estimate> = self
            .cells
            .iter()
            .flat_map(|cell| told.iter().filter_map(|one| cell.case.summary.estimate(*one)))
            .collect();
        let shown = Shown::of_all(first.metric.unit, estimates.iter());
        let case = self.cells.first()?.case.case.id.case();
        let of = if is_alone { label.to_owned() } else { words(first) };
        let title = format!("{} over {} ({case})", capitalized(&of), spaced(self.name));
        let id = format!("impact-{}-{}-{}", word(self.name), word(quantity), word(case));
        let y =
            shown.axis(first.metric).fitted(estimates.iter().map(|found| shown.scale(found.value)));
        let mut figure = Figure::new(id, title, self.axis(), y);
        let all = others.len();
        for (name, cells) in others.into_values().take(PALETTE.len()) {
            for reference in told {
                let layer = match (is_alone, reference.stat) {
                    (false, _) => name.clone(),
                    (true, Stat::Value) => label.to_owned(),
                    (true, stat) => stat.as_str().to_owned(),
                };
                figure = figure.layer(layer, self.mark(), self.points(&cells, *reference, shown));
            }
        }
        if all > PALETTE.len() {
            figure = figure.note(format!("the first {} of {all} combinations", PALETTE.len()));
        }
        (figure.points() > 1).then(|| figure.note("bars are intervals at 95 %"))
    }

    fn mark(&self) -> Mark {
        if self.numbers.is_some() { Mark::Line } else { Mark::Dots }
    }

    fn axis(&self) -> Axis {
        match &self.numbers {
            Some(numbers) => Axis::new(spaced(self.name), "").fitted_to_steps(numbers),
            None => Axis::named(spaced(self.name), self.values.clone()),
        }
    }

    fn points(&self, cells: &[&Cell<'_>], reference: MetricRef, shown: Shown) -> Vec<Point> {
        let mut points: Vec<Point> = cells
            .iter()
            .filter_map(|cell| {
                let value = cell.value(self.name)?;
                let place = self.values.iter().position(|known| known == value)?;
                let x = self.numbers.as_ref().map_or(place as f64, |numbers| numbers[place]);
                Some(shown.point(x, &cell.case.summary.estimate(reference)?))
            })
            .collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        points
    }
}

impl Axis {
    /// By ratio, where the numbers are above zero and their steps grow: 1, 2, 4, 8.
    pub(super) fn fitted_to_steps(self, numbers: &[f64]) -> Self {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let grows = match sorted.as_slice() {
            [first, .., last] if *first > 0.0 && sorted.len() > 2 => last / first >= 8.0,
            _ => false,
        };
        if grows { Self { scale: super::Scale::Logarithmic, ..self } } else { self }
    }
}
