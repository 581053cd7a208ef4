//! What the machine did while the load ran, over the same time as the requests.

use super::thin::{note, thinned};
use super::timeline::{Clock, in_flight};
use super::unit::Shown;
use super::{Axis, Figure, Mark, Point};
use tokgate_core::run::{GpuSample, Run, TelemetrySample};
use tokgate_core::serving::{CACHE_USE, RUNNING, WAITING};
use tokgate_core::unit::Unit;

/// One line: its name, and what it is of a sample, in the unit of its figure.
type Gauge = (&'static str, fn(&TelemetrySample) -> Option<f64>);

/// One figure: what has one unit.
struct Panel {
    id: &'static str,
    title: &'static str,
    label: &'static str,
    unit: Unit,
    gauges: &'static [Gauge],
}

const PANELS: [Panel; 6] = [
    Panel {
        id: "utilization",
        title: "How busy the machine was",
        label: "busy",
        unit: Unit::Ratio,
        gauges: &[
            ("GPU, mean of all", |sample| mean(sample, |gpu| gpu.utilization)),
            ("CPU of the host", |sample| sample.cpu),
            ("CPU, by others", |sample| sample.others_cpu),
            ("CPU, stolen", |sample| sample.steal),
        ],
    },
    Panel {
        id: "memory",
        title: "Memory in use",
        label: "memory",
        unit: Unit::Bytes,
        gauges: &[
            ("GPU, all", |sample| sum(sample, |gpu| gpu.memory_bytes.map(|bytes| bytes as f64))),
            ("host", |sample| sample.memory_bytes.map(|bytes| bytes as f64)),
            ("target's process", |sample| sample.rss_bytes.map(|bytes| bytes as f64)),
        ],
    },
    Panel {
        id: "power",
        title: "Power",
        label: "power",
        unit: Unit::Watts,
        gauges: &[("GPU, all", |sample| sum(sample, |gpu| gpu.power_w))],
    },
    Panel {
        id: "temperature",
        title: "Temperature",
        label: "temperature",
        unit: Unit::Celsius,
        gauges: &[("GPU, the hottest", |sample| {
            told(sample, |gpu| gpu.temperature_c).reduce(f64::max)
        })],
    },
    Panel {
        id: "server-requests",
        title: "Requests within the server, as it says",
        label: "requests",
        unit: Unit::Count,
        gauges: &[
            ("running", |sample| sample.server.get(RUNNING).copied()),
            ("waiting", |sample| sample.server.get(WAITING).copied()),
        ],
    },
    Panel {
        id: "server-cache",
        title: "Key-value cache in use, as the server says",
        label: "in use",
        unit: Unit::Ratio,
        gauges: &[("key-value cache", |sample| sample.server.get(CACHE_USE).copied())],
    },
];

/// A figure for each unit in which the machine said anything while requests were measured.
pub(super) fn figures(epochs: &[Run], most: usize) -> impl Iterator<Item = Figure> {
    let clock = Clock::of(epochs);
    PANELS.into_iter().filter_map(move |panel| panel.figure(&clock, epochs, most))
}

impl Panel {
    fn figure(&self, clock: &Clock, epochs: &[Run], most: usize) -> Option<Figure> {
        let told: Vec<(&str, Vec<Point>)> = self
            .gauges
            .iter()
            .map(|(name, of)| (*name, points(clock, epochs, *of)))
            .filter(|(_, points)| !points.is_empty())
            .collect();
        if told.is_empty() {
            return None;
        }
        let most_of_one = most / (told.len() + 1);
        let highest = told.iter().flat_map(|(_, points)| points).map(|point| point.y);
        let shown = Shown::of(self.unit, highest.fold(0.0, f64::max));
        let y = Axis::new(self.label, shown.unit);
        let id = format!("{}-over-time", self.id);
        let mut figure = Figure::new(id, self.title, clock.axis(), y);
        if self.unit == Unit::Ratio {
            figure = with_load(figure, clock, epochs);
        }
        let (mut drawn, mut all) = (0, 0);
        for (name, mut points) in told {
            all += points.len();
            points.iter_mut().for_each(|point| point.y = shown.scale(point.y));
            let few = thinned(points, most_of_one);
            drawn += few.len();
            figure = figure.layer(name, Mark::Line, few);
        }
        figure.notes.extend(note(drawn, all));
        clock.mark(figure).made()
    }
}

/// A figure of shares with the load below, as a share of its peak: what the machine did, beside what was
/// asked of it.
fn with_load(figure: Figure, clock: &Clock, epochs: &[Run]) -> Figure {
    let mut load = in_flight(clock, epochs);
    let peak = load.iter().map(|point| point.y).fold(0.0, f64::max);
    if peak <= 0.0 {
        return figure;
    }
    load.iter_mut().for_each(|point| point.y *= 100.0 / peak);
    figure.layer(format!("load (100 % = {peak} in flight)"), Mark::Steps, load)
}

fn points(clock: &Clock, epochs: &[Run], of: fn(&TelemetrySample) -> Option<f64>) -> Vec<Point> {
    let mut points = Vec::new();
    for (epoch, run) in epochs.iter().enumerate() {
        let told = run.watched().iter().filter_map(|sample| Some((sample.at, of(sample)?)));
        let placed = told.filter_map(|(at, y)| Some(Point::at(clock.place(epoch, at)?, y)));
        // What was before the first request is no time of the figure.
        points.extend(placed.filter(|point| point.x >= 0.0));
    }
    // The samples around a window lie in those of its neighbours.
    points.sort_by(|one: &Point, other| one.x.total_cmp(&other.x));
    points
}

fn told<'a>(
    sample: &'a TelemetrySample,
    of: impl Fn(&GpuSample) -> Option<f64> + 'a,
) -> impl Iterator<Item = f64> + 'a {
    sample.gpus.iter().filter_map(of)
}

fn sum(sample: &TelemetrySample, of: fn(&GpuSample) -> Option<f64>) -> Option<f64> {
    told(sample, of).reduce(|one, other| one + other)
}

fn mean(sample: &TelemetrySample, of: fn(&GpuSample) -> Option<f64>) -> Option<f64> {
    let all: Vec<f64> = told(sample, of).collect();
    tokgate_core::quantile::mean(&all)
}
