//! What a target sustains: throughput and tail over the number of workers, and where it breaks.

use super::unit::Shown;
use super::{Across, Axis, Figure, Mark, Point};
use tokgate_core::stress::{Stress, Tried};
use tokgate_core::unit::Unit;

/// The degradation curve: throughput over workers, the tail over workers, and the tail over throughput,
/// whose bend is the knee.
pub(super) fn figures(stress: &Stress) -> impl Iterator<Item = Figure> {
    let figures = match stress.levels.len() {
        0 | 1 => [None, None, None],
        _ => [throughput(stress), tail(stress), knee(stress)],
    };
    figures.into_iter().flatten()
}

fn workers(stress: &Stress) -> Axis {
    let numbers: Vec<f64> =
        stress.levels.iter().map(|tried| f64::from(tried.level.concurrency)).collect();
    let mut distinct = numbers.clone();
    distinct.dedup();
    Axis::new("workers", "").fitted_to_steps(&distinct)
}

/// What came a second: tokens where there is a first one.
fn rate(stress: &Stress) -> Axis {
    let has_tokens = stress.levels.iter().any(|tried| tried.level.ttft.is_some());
    let unit = if has_tokens { "tok/s" } else { "/s" };
    Axis::new("throughput", unit)
}

/// The unit of the tail, and the axis of it.
fn latency(stress: &Stress) -> (Shown, Axis) {
    let tails = stress.levels.iter().filter_map(|tried| tried.level.tail());
    let shown = Shown::of(Unit::Seconds, tails.clone().fold(0.0, f64::max));
    let has_tokens = stress.levels.iter().any(|tried| tried.level.ttft.is_some());
    let name = if has_tokens { "time to first token, p95" } else { "latency, p95" };
    (shown, Axis::new(name, shown.unit).fitted(tails.map(|tail| shown.scale(tail))))
}

fn throughput(stress: &Stress) -> Option<Figure> {
    let of =
        |tried: &Tried| Some(Point::at(f64::from(tried.level.concurrency), tried.level.throughput));
    let figure = Figure::new(
        "degradation-throughput",
        "Throughput over workers",
        workers(stress),
        rate(stress),
    );
    bounded(levels(figure, stress, of)?, stress).made()
}

fn tail(stress: &Stress) -> Option<Figure> {
    let (shown, y) = latency(stress);
    let of = |tried: &Tried| {
        let tail = shown.scale(tried.level.tail()?);
        Some(Point::at(f64::from(tried.level.concurrency), tail))
    };
    let figure =
        Figure::new("degradation-latency", "Tail latency over workers", workers(stress), y);
    bounded(levels(figure, stress, of)?, stress).made()
}

fn knee(stress: &Stress) -> Option<Figure> {
    let (shown, y) = latency(stress);
    let of =
        |tried: &Tried| Some(Point::at(tried.level.throughput, shown.scale(tried.level.tail()?)));
    let figure = Figure::new(
        "knee",
        "Tail latency over throughput: where it bends, more load brings waiting alone",
        rate(stress),
        y,
    );
    let mut figure = levels(figure, stress, of)?;
    let last =
        stress.levels.iter().rfind(|tried| tried.level.concurrency == stress.max_sustainable);
    if let Some(last) = last {
        let label = format!("{} workers hold", stress.max_sustainable);
        figure = figure.line(Across::X, last.level.throughput, label);
    }
    figure.note("a point is a number of workers, fewest first").made()
}

/// The levels in the order of the load, those that do not hold ringed.
fn levels(figure: Figure, stress: &Stress, of: impl Fn(&Tried) -> Option<Point>) -> Option<Figure> {
    let all = stress.levels.iter().filter_map(&of).collect();
    let broken = stress.levels.iter().filter(|tried| !tried.holds).filter_map(&of).collect();
    figure.layer("each level", Mark::Line, all).layer("does not hold", Mark::Rings, broken).made()
}

fn bounded(mut figure: Figure, stress: &Stress) -> Figure {
    if stress.max_sustainable > 0 {
        let label = format!("holds: {}", stress.max_sustainable);
        figure = figure.line(Across::X, f64::from(stress.max_sustainable), label);
    }
    if let Some(breaks) = stress.breaks_at {
        figure = figure.line(Across::X, f64::from(breaks), format!("breaks: {breaks}"));
    }
    figure.note(format!("how sure that is: {}", stress.stability.as_str()))
}
