//! How requests went over time: each latency where it was measured, with its spikes, and how many requests
//! were in flight.

use super::thin::{note, thinned};
use super::unit::{Shown, capitalized};
use super::{Across, Axis, Figure, Mark, Point};
use tokgate_core::metric::{self, Metric};
use tokgate_core::quantile::Sorted;
use tokgate_core::record::Record;
use tokgate_core::run::Run;
use tokgate_core::summary::{Series, samples, spike_line};
use tokgate_core::time::Offset;

/// The latencies that are shown over time.
const LATENCIES: [&Metric; 4] = [&metric::TTFT, &metric::ITL, &metric::QUERY, &metric::EMBED];
/// Epochs whose beginnings are marked, at most: the names of more would stand upon each other.
const MOST_MARKED: usize = 12;
/// Stretches of time in each of which the load is told once.
const STRETCHES: usize = 240;
/// Share of a figure's points that spikes may take.
const FOR_SPIKES: usize = 4;

/// What a case's requests did over time.
pub(super) fn figures(epochs: &[Run], most: usize) -> impl Iterator<Item = Figure> {
    let clock = Clock::of(epochs);
    let load = load(&clock, epochs);
    let latencies =
        LATENCIES.into_iter().filter_map(move |metric| over_time(&clock, metric, epochs, most));
    latencies.chain(load)
}

/// The time of a figure, in which the windows of all epochs are laid end to end.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// When each epoch's window began, and where that is in the figure, seconds.
    begins: Vec<Option<(Offset, f64)>>,
}

impl Clock {
    pub(super) fn of(epochs: &[Run]) -> Self {
        let mut passed = 0.0;
        let begin = |run: &Run| {
            let window = run.window()?;
            let begin = (window.start, passed);
            passed += window.end.seconds_since(window.start);
            Some(begin)
        };
        Self { begins: epochs.iter().map(begin).collect() }
    }

    /// Where a moment of an epoch is in the figure, seconds; `None` in an epoch without requests.
    pub(super) fn place(&self, epoch: usize, at: Offset) -> Option<f64> {
        let (start, place) = (*self.begins.get(epoch)?)?;
        Some(place + at.seconds_since(start))
    }

    pub(super) fn axis(&self) -> Axis {
        let of = if self.begins.len() > 1 {
            "of each epoch, end to end"
        } else {
            "since the first request"
        };
        Axis::new(format!("time {of}"), "s")
    }

    /// A figure with the beginnings of the epochs marked.
    pub(super) fn mark(&self, mut figure: Figure) -> Figure {
        let later = (1..).zip(&self.begins).skip(1).filter_map(|(n, begin)| Some((n, (*begin)?.1)));
        if self.begins.len() <= MOST_MARKED {
            for (number, place) in later {
                figure = figure.line(Across::X, place, format!("epoch {number}"));
            }
        }
        match self.begins.len() {
            1 => figure,
            epochs => figure.note(format!("{epochs} epochs, their windows end to end")),
        }
    }
}

/// Every sample where it was measured, and the spikes among them: each epoch has a line of its own.
fn over_time(
    clock: &Clock,
    metric: &'static Metric,
    epochs: &[Run],
    most: usize,
) -> Option<Figure> {
    let mut all: Vec<(Point, bool)> = Vec::new();
    let mut lines = Vec::new();
    for (epoch, run) in epochs.iter().enumerate() {
        let Some(series) = samples(metric, run) else { continue };
        let Some(line) = spike_line(&series.values) else { continue };
        lines.push(line);
        let points = moments(run, &series).into_iter().zip(&series.values);
        let placed = points.filter_map(|(at, value)| Some((clock.place(epoch, at)?, *value)));
        let mut placed: Vec<(f64, f64)> = placed.collect();
        placed.sort_by(|one, other| one.0.total_cmp(&other.0));
        all.extend(placed.into_iter().map(|(x, value)| (Point::at(x, value), value > line)));
    }
    let values = Sorted::new(all.iter().map(|(point, _)| point.y));
    let shown = Shown::of(metric.unit, values.median()?);
    all.iter_mut().for_each(|(point, _)| point.y = shown.scale(point.y));
    let (spikes, usual): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, is_spike)| *is_spike);
    let place = |points: Vec<(Point, bool)>| points.into_iter().map(|(point, _)| point).collect();
    let (spikes, usual): (Vec<Point>, Vec<Point>) = (place(spikes), place(usual));
    let ends = [values.as_slice().first(), values.as_slice().last()];
    let y = shown.axis(metric).fitted(ends.into_iter().flatten().map(|end| shown.scale(*end)));
    let counts = (usual.len(), spikes.len());
    let few_spikes = thinned(spikes, most / FOR_SPIKES);
    let few = thinned(usual, most.saturating_sub(few_spikes.len()).max(2));
    let drawn = few.len() + few_spikes.len();
    let title = format!("{} over time", capitalized(metric.name));
    let each = if *metric == metric::ITL { "each gap" } else { "each request" };
    let mut figure = Figure::new(format!("{}-over-time", metric.id), title, clock.axis(), y)
        .layer(each, Mark::Dots, few)
        .layer(
            format!("spikes ({} of {})", counts.1, counts.0 + counts.1),
            Mark::Rings,
            few_spikes,
        );
    if let [line] = lines.as_slice() {
        let label = format!("spikes are above {}", metric.unit.show(*line));
        figure = figure.line(Across::Y, shown.scale(*line), label);
    }
    figure.notes.extend(note(drawn, counts.0 + counts.1));
    if lines.len() > 1 {
        figure = figure.note("the spikes of each epoch are told by its own samples");
    }
    clock.mark(figure).made()
}

/// When each sample was known: a gap at its end, everything else when its request was sent.
fn moments(run: &Run, series: &Series) -> Vec<Offset> {
    let mut gaps_before = Vec::with_capacity(series.requests.len());
    for (at, request) in series.requests.iter().enumerate() {
        let same = at > 0 && series.requests[at - 1] == *request;
        gaps_before.push(if same { gaps_before[at - 1] + 1 } else { 0_usize });
    }
    let is_gaps = gaps_before.iter().any(|before| *before > 0);
    let successes: Vec<_> = run.successes().collect();
    let moment = |(request, before): (&u32, usize)| {
        let record = successes[*request as usize];
        let end = is_gaps.then(|| record.content().nth(before + 1)).flatten();
        end.map_or(record.sent, |event| event.at)
    };
    series.requests.iter().zip(gaps_before).map(moment).collect()
}

/// How many measured requests were in flight, from sent to done: the most of each of so many stretches of
/// equal length. Between an answer and the next request of a worker there is one fewer for a moment, which
/// nobody wants to see a thousand times.
pub(super) fn in_flight(clock: &Clock, epochs: &[Run]) -> Vec<Point> {
    let changes = changes(clock, epochs);
    let Some(end) = changes.last().map(|(x, _)| *x) else { return Vec::new() };
    let width = if end > 0.0 { end / STRETCHES as f64 } else { 1.0 };
    let mut peaks = vec![0_i64; STRETCHES];
    let (mut level, mut reached) = (0, 0);
    for (x, next) in changes {
        let at = ((x / width) as usize).min(STRETCHES - 1);
        // What was in flight when a stretch began was so within it, too.
        (reached..=at).for_each(|stretch| peaks[stretch] = peaks[stretch].max(level));
        (level, reached) = (next, at);
        peaks[at] = peaks[at].max(level);
    }
    let point = |(at, peak): (usize, i64)| Point::at(at as f64 * width, peak as f64);
    peaks.into_iter().enumerate().map(point).chain([Point::at(end, 0.0)]).collect()
}

/// When how many were in flight from then on, in order of time.
fn changes(clock: &Clock, epochs: &[Run]) -> Vec<(f64, i64)> {
    let mut all = Vec::new();
    for (epoch, run) in epochs.iter().enumerate() {
        let ends = |record: &Record| [(record.sent, 1), (record.done, -1)];
        let mut steps: Vec<(Offset, i64)> = run.measured().flat_map(ends).collect();
        steps.sort_unstable();
        let mut level = 0;
        for (at, step) in steps {
            level += step;
            all.extend(clock.place(epoch, at).map(|x| (x, level)));
        }
    }
    all
}

fn load(clock: &Clock, epochs: &[Run]) -> Option<Figure> {
    let y = Axis::new("requests in flight", "");
    let figure = Figure::new("load-over-time", "Load over time", clock.axis(), y);
    let figure = figure.layer("requests in flight", Mark::Steps, in_flight(clock, epochs));
    let figure = figure.note(format!("the most of each of {STRETCHES} stretches"));
    clock.mark(figure).made()
}
