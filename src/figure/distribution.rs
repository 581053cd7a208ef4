//! How latencies are spread: how many lie where, and how many are at most so long.

use super::cases::CaseNames;
use super::thin::spaced;
use super::unit::{Shown, capitalized};
use super::{Across, Axis, Figure, MOST_POINTS, Mark, PALETTE, Point, Scale};
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::quantile::Sorted;
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::summary::{MetricSummary, Observed};

/// The latencies that are shown, in their order.
pub(super) const LATENCIES: [&Metric; 5] =
    [&metric::TTFT, &metric::ITL, &metric::E2E, &metric::QUERY, &metric::EMBED];
/// Bars of a histogram, at most: more are thinner than the eye tells apart.
const MOST_BARS: usize = 60;
/// Bars that few samples are given.
const FEWEST_BARS: usize = 8;
/// The percentiles that are marked.
const MARKED: [Stat; 3] = [Stat::P50, Stat::P95, Stat::P99];

/// The histogram and the empirical distribution of each latency of a case.
pub(super) fn figures(case: &CaseReport, most: usize) -> impl Iterator<Item = Figure> {
    let measured = LATENCIES.into_iter().filter_map(|metric| summary(case, metric));
    measured
        .flat_map(move |latency| [histogram(latency), distribution(case, latency, most)])
        .flatten()
}

/// The empirical distributions of the cases of a run, in one figure a latency; none for a single case.
pub(super) fn beside(report: &Report) -> impl Iterator<Item = Figure> {
    LATENCIES.into_iter().filter_map(|metric| of_all(report, metric))
}

fn summary<'a>(case: &'a CaseReport, metric: &Metric) -> Option<&'a MetricSummary> {
    case.summary.metrics.iter().find(|summary| summary.metric == metric)
}

fn pooled(latency: &MetricSummary) -> Sorted {
    Sorted::new(latency.epochs.iter().flat_map(Observed::values).copied())
}

fn shown(sorted: &Sorted) -> Shown {
    Shown::of(tokgate_core::unit::Unit::Seconds, sorted.median().unwrap_or_default())
}

/// The axis of a latency, by ratio where its longest samples are far from the shortest.
fn axis(metric: &Metric, shown: Shown, sorted: &Sorted) -> Axis {
    let ends = [sorted.as_slice().first(), sorted.as_slice().last()];
    shown.axis(metric).fitted(ends.into_iter().flatten().map(|end| shown.scale(*end)))
}

fn histogram(latency: &MetricSummary) -> Option<Figure> {
    let (metric, sorted) = (latency.metric, pooled(latency));
    let shown = shown(&sorted);
    let x = axis(metric, shown, &sorted);
    let bars = bars(&sorted, shown, x.scale);
    let title = format!("{}: how often", capitalized(metric.name));
    let mut figure =
        Figure::new(format!("{}-histogram", metric.id), title, x, Axis::new("samples", ""))
            .layer(metric.id, Mark::Bars, bars)
            .note(samples(latency, &sorted));
    for stat in MARKED {
        if let Some(estimate) = latency.stats.get(&stat).filter(|found| found.enough_for(stat)) {
            let label = format!("{} {}", stat.as_str(), metric.unit.show(estimate.value));
            figure = figure.line(Across::X, shown.scale(estimate.value), label);
        }
    }
    figure.made()
}

fn samples(latency: &MetricSummary, sorted: &Sorted) -> String {
    let epochs = match latency.epochs.len() {
        1 => String::new(),
        epochs => format!(" of {epochs} epochs"),
    };
    format!(
        "{} samples{epochs}; {} = {}",
        sorted.as_slice().len(),
        latency.metric.id,
        latency.metric.formula
    )
}

/// Bars of equal width, on the scale of their axis: as wide as Freedman and Diaconis (1981) say,
/// 2 · IQR / n^⅓, within bounds.
fn bars(sorted: &Sorted, shown: Shown, scale: Scale) -> Vec<Point> {
    let onto = |value: f64| match scale {
        Scale::Linear => shown.scale(value),
        Scale::Logarithmic => shown.scale(value).ln(),
    };
    let back = |place: f64| match scale {
        Scale::Linear => place,
        Scale::Logarithmic => place.exp(),
    };
    let places: Vec<f64> = sorted.as_slice().iter().map(|value| onto(*value)).collect();
    let (Some(low), Some(high)) = (places.first().copied(), places.last().copied()) else {
        return Vec::new();
    };
    let count = match high > low {
        true => bar_count(&Sorted::new(places.iter().copied()), high - low),
        false => 1,
    };
    let width = if high > low { (high - low) / count as f64 } else { 1.0 };
    let mut heights = vec![0_u64; count];
    for place in places {
        heights[(((place - low) / width) as usize).min(count - 1)] += 1;
    }
    let middle = |at: usize| match high > low {
        true => low + (at as f64 + 0.5) * width,
        false => low,
    };
    let bar = |(at, height): (usize, u64)| Point::at(back(middle(at)), height as f64);
    heights.into_iter().enumerate().map(bar).collect()
}

fn bar_count(places: &Sorted, span: f64) -> usize {
    let quarter = |p| places.quantile(p).unwrap_or_default();
    let width = 2.0 * (quarter(0.75) - quarter(0.25)) / (places.as_slice().len() as f64).cbrt();
    let count = if width > 0.0 { (span / width).ceil() as usize } else { MOST_BARS };
    count.clamp(FEWEST_BARS, MOST_BARS)
}

fn distribution(case: &CaseReport, latency: &MetricSummary, most: usize) -> Option<Figure> {
    let (metric, sorted) = (latency.metric, pooled(latency));
    let shown = shown(&sorted);
    let stairs = stairs(&sorted, shown, most);
    let title = format!("{}: how many are at most so long", capitalized(metric.name));
    let x = axis(metric, shown, &sorted);
    let mut figure = Figure::new(format!("{}-ecdf", metric.id), title, x, share())
        .layer(metric.id, Mark::Steps, stairs)
        .note(samples(latency, &sorted));
    for goal in
        case.goals.iter().map(|result| &result.goal).filter(|goal| goal.metric.metric == metric)
    {
        let label = format!("goal: {} {}", goal.metric.stat.as_str(), goal.bound.show(metric.unit));
        for at in goal.bound.ends() {
            figure = figure.line(Across::X, shown.scale(at), label.clone());
        }
    }
    figure.made()
}

fn share() -> Axis {
    Axis::new("samples at most so long", "%")
}

/// The empirical distribution: at each sample the share that is at most as long, percent.
fn stairs(sorted: &Sorted, shown: Shown, most: usize) -> Vec<Point> {
    let values = sorted.as_slice();
    let share = |rank: usize| 100.0 * (rank + 1) as f64 / values.len() as f64;
    let stair = |rank: usize| Point::at(shown.scale(values[rank]), share(rank));
    spaced(values.len(), most).map(stair).collect()
}

fn of_all(report: &Report, metric: &'static Metric) -> Option<Figure> {
    let names = CaseNames::of(report);
    let measured: Vec<(&CaseReport, Sorted)> = report
        .cases
        .iter()
        .filter_map(|case| Some((case, pooled(summary(case, metric)?))))
        .collect();
    let few = &measured[..measured.len().min(PALETTE.len())];
    let all = Sorted::new(few.iter().flat_map(|(_, sorted)| sorted.as_slice()).copied());
    let shown = shown(&all);
    let title = format!("{} of each case", capitalized(metric.name));
    let x = axis(metric, shown, &all);
    let mut figure = Figure::new(format!("latency-distribution-{}", metric.id), title, x, share());
    for (case, sorted) in few {
        let stairs = stairs(sorted, shown, MOST_POINTS / few.len());
        figure = figure.layer(names.name(case), Mark::Steps, stairs);
    }
    let left_out = measured.len() - few.len();
    if left_out > 0 {
        figure =
            figure.note(format!("the first {} cases; {left_out} more are not drawn", few.len()));
    }
    (measured.len() > 1).then(|| figure.made()).flatten()
}

/// The statistic of a metric that a case has.
pub(super) fn stat(metric: &'static Metric, stat: Stat) -> MetricRef {
    MetricRef { metric, stat }
}
