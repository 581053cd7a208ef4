//! What was measured, drawn.

use super::canvas::{Area, BLACK, Canvas, Ink, Place};
use super::frame::{Frame, edges, is_forest};
use crate::figure::{Figure, Layer, Mark, PALETTE, Point};

/// Points above which dots become small and pale, so that many show where they are dense.
const MANY: usize = 200;
/// Points above which a line has no dots.
const MOST_DOTTED: usize = 80;
/// Width of the bars of one place, as a share of it.
const BARS: f64 = 0.7;
/// How far layers of one place stand apart, as a share of it.
const APART: f64 = 0.12;
/// The same where places have numbers.
const PIXELS_APART: f64 = 7.0;

/// The colour of a layer, by its place.
pub(super) fn ink(layer: usize) -> Ink {
    PALETTE[layer % PALETTE.len()]
}

/// All layers, the first one lowest.
pub(super) fn draw(canvas: &mut Canvas, figure: &Figure, frame: &Frame) {
    for (at, layer) in figure.layers.iter().enumerate() {
        match layer.mark {
            Mark::Bars => bars(canvas, figure, frame, at),
            Mark::Line => line(canvas, &placed(figure, frame, at), ink(at)),
            Mark::Steps => steps(canvas, &placed(figure, frame, at), ink(at)),
            Mark::Dots => dots(canvas, &placed(figure, frame, at), ink(at)),
            Mark::Rings => placed(figure, frame, at)
                .iter()
                .for_each(|(place, _)| canvas.ring(*place, 5.0, ink(at))),
        }
        intervals(canvas, figure, frame, at);
    }
}

/// How a mark looks in the legend.
pub(super) fn sample(canvas: &mut Canvas, mark: Mark, (x, y): Place, ink: Ink) {
    match mark {
        Mark::Bars => canvas.bar(
            Area { left: x - 8.0, top: y - 6.0, right: x + 8.0, bottom: y + 6.0 },
            ink,
            1.0,
        ),
        Mark::Line => {
            canvas.line((x - 10.0, y), (x + 10.0, y), ink, 2.0);
            canvas.dot((x, y), 3.5, ink, 1.0);
        }
        Mark::Steps => canvas.line((x - 10.0, y), (x + 10.0, y), ink, 2.5),
        Mark::Dots => canvas.dot((x, y), 4.5, ink, 1.0),
        Mark::Rings => canvas.ring((x, y), 5.5, ink),
    }
}

/// The points of a layer that can be drawn, each where it is. Layers of one named place stand side by side.
fn placed<'a>(figure: &'a Figure, frame: &Frame, at: usize) -> Vec<(Place, &'a Point)> {
    let aside = aside(figure, frame, at);
    let place = |point: &'a Point| frame.at(point).map(|(x, y)| ((x + aside, y), point));
    figure.layers[at].points.iter().filter_map(place).collect()
}

/// How far a layer is drawn to the right of where it is, so that intervals of one place do not hide each
/// other.
fn aside(figure: &Figure, frame: &Frame, at: usize) -> f64 {
    let has_intervals = |layer: &Layer| layer.points.iter().any(|point| point.interval.is_some());
    let is_named = !figure.x.names.is_empty();
    let stands_aside = |layer: &Layer| match layer.mark {
        Mark::Dots => is_named || has_intervals(layer),
        Mark::Line => has_intervals(layer),
        Mark::Bars | Mark::Steps | Mark::Rings => false,
    };
    let count = figure.layers.len();
    if is_forest(figure) || count < 2 || !figure.layers.iter().all(stands_aside) {
        return 0.0;
    }
    let apart = match is_named {
        true => (0.6 / count as f64).min(APART) * slot(figure, frame),
        false => PIXELS_APART,
    };
    (at as f64 - (count as f64 - 1.0) / 2.0) * apart
}

/// How much room a named place has.
fn slot(figure: &Figure, frame: &Frame) -> f64 {
    (frame.area.right - frame.area.left) / figure.x.names.len().max(1) as f64
}

fn line(canvas: &mut Canvas, points: &[(Place, &Point)], ink: Ink) {
    let path: Vec<Place> = points.iter().map(|(place, _)| *place).collect();
    let is_dotted = path.len() <= MOST_DOTTED;
    if path.len() > 1 {
        canvas.path(path.clone(), ink, 2.0);
    }
    if is_dotted {
        path.into_iter().for_each(|place| canvas.dot(place, 3.5, ink, 1.0));
    }
}

fn steps(canvas: &mut Canvas, points: &[(Place, &Point)], ink: Ink) {
    let mut path: Vec<Place> = Vec::with_capacity(2 * points.len());
    for (place, _) in points {
        if let Some((_, height)) = path.last() {
            path.push((place.0, *height));
        }
        path.push(*place);
    }
    if path.len() > 1 {
        canvas.path(path, ink, 2.0);
    } else {
        path.into_iter().for_each(|place| canvas.dot(place, 3.5, ink, 1.0));
    }
}

fn dots(canvas: &mut Canvas, points: &[(Place, &Point)], ink: Ink) {
    let (radius, opacity) = if points.len() > MANY { (2.2, 0.5) } else { (4.0, 0.9) };
    points.iter().for_each(|(place, _)| canvas.dot(*place, radius, ink, opacity));
}

/// From where to where each bar of a layer reaches on paper, left to right.
fn sides(figure: &Figure, frame: &Frame, at: usize) -> Vec<Option<(f64, f64)>> {
    let layer = &figure.layers[at];
    if figure.x.names.is_empty() {
        let side = |(low, high)| Some((frame.across(low)?, frame.across(high)?));
        return edges(layer, figure.x.scale).into_iter().map(side).collect();
    }
    let is_bars = |layer: &Layer| layer.mark == Mark::Bars;
    let count = figure.layers.iter().filter(|layer| is_bars(layer)).count().max(1);
    let before = figure.layers[..at].iter().filter(|layer| is_bars(layer)).count();
    let wide = (BARS * slot(figure, frame)).min(90.0 * count as f64) / count as f64;
    let side = |point: &Point| {
        let left = frame.across(point.x)? - wide * count as f64 / 2.0 + wide * before as f64;
        Some((left, left + wide))
    };
    layer.points.iter().map(side).collect()
}

fn bars(canvas: &mut Canvas, figure: &Figure, frame: &Frame, at: usize) {
    let sides = sides(figure, frame, at);
    for (point, side) in figure.layers[at].points.iter().zip(sides) {
        let Some(((left, right), top)) = side.zip(frame.up(point.y)) else { continue };
        // Bars that touch are told apart.
        let area = Area {
            left: left + 0.5,
            top,
            right: (right - 0.5).max(left + 0.6),
            bottom: frame.floor(),
        };
        canvas.bar(area, ink(at), 0.85);
    }
}

/// How sure each point of a layer is: a line with ends, dark where it stands on a bar.
fn intervals(canvas: &mut Canvas, figure: &Figure, frame: &Frame, at: usize) {
    let layer = &figure.layers[at];
    let (ink, is_bars) = match layer.mark {
        Mark::Bars => (BLACK, true),
        Mark::Line | Mark::Steps | Mark::Dots | Mark::Rings => (ink(at), false),
    };
    let sides = if is_bars { sides(figure, frame, at) } else { Vec::new() };
    let aside = aside(figure, frame, at);
    for (index, point) in layer.points.iter().enumerate() {
        let Some((low, high)) = point.interval else { continue };
        if is_forest(figure) {
            let ends = frame.across(low).zip(frame.across(high)).zip(frame.up(point.y));
            if let Some(((low, high), y)) = ends {
                whisker(canvas, (low, y), (high, y), ink);
            }
            continue;
        }
        let bar = sides.get(index).copied().flatten().map(|(left, right)| (left + right) / 2.0);
        let middle = bar.or_else(|| frame.across(point.x).map(|x| x + aside));
        if let Some((x, (low, high))) = middle.zip(frame.up(low).zip(frame.up(high))) {
            whisker(canvas, (x, low), (x, high), ink);
        }
    }
}

fn whisker(canvas: &mut Canvas, from: Place, to: Place, ink: Ink) {
    const HALF: f64 = 4.0;
    canvas.line(from, to, ink, 1.6);
    let is_standing = from.0 == to.0;
    for (x, y) in [from, to] {
        match is_standing {
            true => canvas.line((x - HALF, y), (x + HALF, y), ink, 1.6),
            false => canvas.line((x, y - HALF), (x, y + HALF), ink, 1.6),
        }
    }
}
