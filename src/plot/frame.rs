//! Where everything of a figure lies on paper, so that no label stands upon another: title and legend above,
//! then the names of standing lines, then what is drawn, then the axis and the notes.

use super::canvas::{Area, Place};
use super::span::{Span, Tick};
use super::text::{broken, cut, harmless, squeezed, widest, width, wrapped};
use crate::figure::{Across, Axis, Figure, Layer, Mark, Point, Scale};

/// Wide enough for a page; everything else follows from it.
pub(super) const WIDTH: f64 = 960.0;
/// Height of what is drawn, where no names stand along it.
const HEIGHT: f64 = 360.0;
/// Height of a row, where names do.
const ROW: f64 = 28.0;
pub(super) const EDGE: f64 = 20.0;
pub(super) const TITLE: u32 = 18;
pub(super) const LABEL: u32 = 13;
pub(super) const SMALL: u32 = 12;
pub(super) const LINE: f64 = 16.0;
/// The widest that the names of rows may be.
const WIDEST_NAME: f64 = 400.0;
/// The longest that a slanted name may be.
const LONGEST_NAME: f64 = 230.0;
/// How slanted names go up, as the sine and the cosine of 40°.
pub(super) const SLANT: (f64, f64) = (0.643, 0.766);
/// Lines that names of places may take before they are slanted.
const NAME_LINES: usize = 4;
/// Numbers that begin below this share of the greatest are shown from zero on: heights are compared as
/// lengths, places are not.
const FROM_ZERO_UP: f64 = 0.75;
const FROM_ZERO_ACROSS: f64 = 0.25;
/// Width of a name in the legend, and of one beside a line.
const WIDEST_KEY: f64 = 400.0;
const WIDEST_FLAG: f64 = 260.0;

/// An entry of the legend.
pub(super) struct Key {
    pub(super) at: Place,
    pub(super) layer: usize,
    pub(super) name: String,
}

/// The name of a standing line, above what is drawn.
pub(super) struct Flag {
    /// Where the line is.
    pub(super) at: f64,
    /// Where the middle of the name is.
    pub(super) middle: Place,
    pub(super) name: String,
}

/// The names of places from left to right.
pub(super) struct Names {
    pub(super) is_slanted: bool,
    /// The middle of each place, and its name in lines.
    pub(super) names: Vec<(f64, Vec<String>)>,
}

pub(super) struct Frame {
    pub(super) height: f64,
    pub(super) title: Vec<String>,
    pub(super) keys: Vec<Key>,
    pub(super) flags: Vec<Flag>,
    /// What is drawn in.
    pub(super) area: Area,
    pub(super) x: Span,
    pub(super) y: Span,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    pub(super) x_names: Option<Names>,
    /// Names of the rows, the lowest first.
    pub(super) y_names: Vec<Vec<String>>,
    pub(super) x_label: String,
    pub(super) y_label: String,
    pub(super) y_label_y: f64,
    pub(super) x_label_y: f64,
    pub(super) notes: Vec<String>,
    pub(super) notes_y: f64,
}

impl Frame {
    pub(super) fn of(figure: &Figure) -> Self {
        let (x, y) = (x_span(figure), y_span(figure));
        let title = wrapped(&harmless(&figure.title), TITLE, WIDTH - 2.0 * EDGE, 2);
        let mut top = EDGE + 24.0 * title.len() as f64;
        let (keys, rows) = keys(figure, top);
        top += rows as f64 * 22.0 + 10.0;
        let y_label = label(&figure.y, WIDTH - 2.0 * EDGE);
        let y_label_y = top + 6.0;
        top += if y_label.is_empty() { 0.0 } else { 18.0 };
        let y_ticks = if figure.y.names.is_empty() { y.ticks(6) } else { Vec::new() };
        let y_names = rows_of(&figure.y);
        let left = match y_names.is_empty() {
            true => EDGE + 10.0 + widest(y_ticks.iter().map(|tick| &tick.text), SMALL),
            false => EDGE + 10.0 + widest(y_names.iter().flatten(), SMALL),
        };
        let left = left.max(overhang(&figure.x));
        let right = WIDTH - EDGE - 10.0;
        let (flags, rows) = flags(figure, x, (left, right), top);
        top += rows as f64 * LINE + 4.0;
        let bottom =
            top + if y_names.is_empty() { HEIGHT } else { ROW * y_names.len().max(3) as f64 };
        let area = Area { left, top, right, bottom };
        let x_names = names_of(&figure.x, x, area);
        let x_ticks = if x_names.is_some() { Vec::new() } else { x_ticks(figure, x, right - left) };
        let x_label_y = bottom + under(x_names.as_ref()) + 20.0;
        let notes = figure.notes.iter().map(|note| harmless(note));
        let notes: Vec<String> =
            notes.flat_map(|note| wrapped(&note, SMALL, WIDTH - 2.0 * EDGE, 3)).collect();
        let notes_y = x_label_y + 26.0;
        let height = notes_y + LINE * notes.len() as f64;
        let x_label = label(&figure.x, right - left);
        Self {
            height: height.ceil(),
            title,
            keys,
            flags,
            area,
            x,
            y,
            x_ticks,
            y_ticks,
            x_names,
            y_names,
            x_label,
            y_label,
            y_label_y,
            x_label_y,
            notes,
            notes_y,
        }
    }

    /// Where a number of the horizontal axis is; `None` for what cannot be drawn.
    pub(super) fn across(&self, x: f64) -> Option<f64> {
        let place = self.x.place(x)?;
        Some(self.area.left + place * (self.area.right - self.area.left))
    }

    /// Where a number of the vertical axis is.
    pub(super) fn up(&self, y: f64) -> Option<f64> {
        Some(self.height_of(self.y.place(y)?))
    }

    /// Where a bar begins.
    pub(super) fn floor(&self) -> f64 {
        self.height_of(self.y.floor())
    }

    fn height_of(&self, place: f64) -> f64 {
        self.area.bottom - place * (self.area.bottom - self.area.top)
    }

    pub(super) fn at(&self, point: &Point) -> Option<Place> {
        Some((self.across(point.x)?, self.up(point.y)?))
    }
}

/// Whether intervals lie, since rows have names.
pub(super) fn is_forest(figure: &Figure) -> bool {
    !figure.y.names.is_empty()
}

fn label(axis: &Axis, room: f64) -> String {
    let unit = if axis.unit.is_empty() { String::new() } else { format!(" ({})", axis.unit) };
    let scale = if axis.scale == Scale::Logarithmic { ", by ratio" } else { "" };
    cut(&harmless(&format!("{}{unit}{scale}", axis.label)), LABEL, room)
}

fn points(figure: &Figure) -> impl Iterator<Item = &Point> {
    figure.layers.iter().flat_map(|layer| &layer.points)
}

fn ends(point: &Point) -> impl Iterator<Item = f64> {
    point.interval.into_iter().flat_map(|(low, high)| [low, high])
}

fn lines(figure: &Figure, across: Across) -> impl Iterator<Item = f64> {
    figure.lines.iter().filter(move |line| line.across == across).map(|line| line.at)
}

fn x_span(figure: &Figure) -> Span {
    if !figure.x.names.is_empty() {
        return Span::exactly(-0.5, figure.x.names.len() as f64 - 0.5);
    }
    let intervals = points(figure).filter(|_| is_forest(figure)).flat_map(ends);
    let bars = figure.layers.iter().filter(|layer| layer.mark == Mark::Bars);
    let edges =
        bars.flat_map(|layer| edges(layer, figure.x.scale)).flat_map(|(low, high)| [low, high]);
    let all = points(figure).map(|point| point.x).chain(intervals).chain(edges);
    let span = Span::around(all.chain(lines(figure, Across::X)), figure.x.scale, FROM_ZERO_ACROSS);
    if figure.x.unit == "%" { span.at_most(100.0) } else { span }
}

fn y_span(figure: &Figure) -> Span {
    if is_forest(figure) {
        return Span::exactly(-0.5, figure.y.names.len() as f64 - 0.5);
    }
    let has_bars = figure.layers.iter().any(|layer| layer.mark == Mark::Bars);
    let zero = has_bars.then_some(0.0);
    let all = points(figure).map(|point| point.y).chain(points(figure).flat_map(ends));
    let span =
        Span::around(all.chain(lines(figure, Across::Y)).chain(zero), figure.y.scale, FROM_ZERO_UP);
    if figure.y.unit == "%" { span.at_most(100.0) } else { span }
}

/// From where to where each bar of a layer reaches, half way to its neighbours.
pub(super) fn edges(layer: &Layer, scale: Scale) -> Vec<(f64, f64)> {
    let is_log = scale == Scale::Logarithmic;
    let middles: Vec<f64> =
        layer.points.iter().map(|point| if is_log { point.x.ln() } else { point.x }).collect();
    let between = middles.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    // A bar alone is as wide as it likes.
    let alone =
        middles.first().map_or(1.0, |middle| if is_log { 0.2 } else { middle.abs() * 0.05 });
    let half = if between.is_finite() { between / 2.0 } else { alone.max(f64::MIN_POSITIVE) };
    let back = |number: f64| if is_log { number.exp() } else { number };
    middles.into_iter().map(|middle| (back(middle - half), back(middle + half))).collect()
}

/// The legend, row by row, and how many rows there are; none for a single layer, whose title says it.
fn keys(figure: &Figure, top: f64) -> (Vec<Key>, usize) {
    if figure.layers.len() < 2 {
        return (Vec::new(), 0);
    }
    let (mut x, mut row) = (EDGE, 0);
    let mut keys = Vec::new();
    for (layer, named) in figure.layers.iter().enumerate() {
        let name = squeezed(&harmless(&named.name), LABEL, WIDEST_KEY);
        let wide = 28.0 + width(&name, LABEL) + 22.0;
        if x + wide > WIDTH - EDGE && x > EDGE {
            (x, row) = (EDGE, row + 1);
        }
        keys.push(Key { at: (x, top + 8.0 + 22.0 * row as f64), layer, name });
        x += wide;
    }
    (keys, row + 1)
}

/// The names of the standing lines, in as many rows as it takes.
fn flags(figure: &Figure, x: Span, (left, right): (f64, f64), top: f64) -> (Vec<Flag>, usize) {
    let standing = figure.lines.iter().filter(|line| line.across == Across::X);
    let mut placed: Vec<(f64, String)> = standing
        .filter_map(|line| {
            let at = left + x.place(line.at)? * (right - left);
            Some((at, cut(&harmless(&line.label), SMALL, WIDEST_FLAG)))
        })
        .collect();
    placed.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut ends: Vec<f64> = Vec::new();
    let mut flags = Vec::new();
    for (at, name) in placed {
        let half = width(&name, SMALL) / 2.0;
        let middle = at.clamp(left + half, (right - half).max(left + half));
        let free = ends.iter().position(|end| *end + 10.0 < middle - half);
        let row = free.unwrap_or(ends.len());
        ends.resize(ends.len().max(row + 1), f64::NEG_INFINITY);
        ends[row] = middle + half;
        flags.push(Flag { at, middle: (middle, row as f64), name });
    }
    // The first row is the lowest, next to what is drawn.
    let rows = ends.len();
    for flag in &mut flags {
        flag.middle.1 = top + (rows as f64 - flag.middle.1) * LINE - 2.0;
    }
    (flags, rows)
}

fn x_ticks(figure: &Figure, x: Span, room: f64) -> Vec<Tick> {
    const ROOM_OF_ONE: f64 = 70.0;
    let is_measured =
        figure.layers.iter().all(|layer| matches!(layer.mark, Mark::Line | Mark::Rings));
    let mut numbers: Vec<f64> = points(figure).map(|point| point.x).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let own = (is_measured && numbers.len() <= 12).then(|| x.ticks_at(&numbers)).flatten();
    let fits = |ticks: &Vec<Tick>| {
        let half = |tick: &Tick| width(&tick.text, SMALL) / 2.0 + 4.0;
        let apart = |pair: &[Tick]| {
            (pair[1].place - pair[0].place) * room > half(&pair[0]) + half(&pair[1])
        };
        ticks.windows(2).all(apart)
    };
    own.filter(fits).unwrap_or_else(|| x.ticks((room / ROOM_OF_ONE) as usize))
}

/// The names of rows, each on at most two lines.
fn rows_of(axis: &Axis) -> Vec<Vec<String>> {
    axis.names.iter().map(|name| wrapped(&harmless(name), SMALL, WIDEST_NAME, 2)).collect()
}

/// How far the first name reaches to the left of what is drawn, were it slanted; nothing where all names
/// have room.
fn overhang(axis: &Axis) -> f64 {
    let slot = (WIDTH - 5.0 * EDGE) / axis.names.len().max(1) as f64;
    let upright = |name: &String| broken(&harmless(name), SMALL, slot - 8.0, NAME_LINES).is_some();
    match axis.names.first() {
        Some(first) if !axis.names.iter().all(upright) => {
            width(&harmless(first), SMALL).min(LONGEST_NAME) * SLANT.1 - slot / 2.0 + 10.0
        }
        Some(_) | None => 0.0,
    }
}

/// The names of places: upright where all have room, else slanted, and of too many every so many.
fn names_of(axis: &Axis, x: Span, area: Area) -> Option<Names> {
    if axis.names.is_empty() {
        return None;
    }
    let slot = (area.right - area.left) / axis.names.len() as f64;
    let names: Vec<String> = axis.names.iter().map(|name| harmless(name)).collect();
    let upright = |name: &String| broken(name, SMALL, slot - 8.0, NAME_LINES);
    let middle =
        |at: usize| area.left + x.place(at as f64).unwrap_or(0.5) * (area.right - area.left);
    if let Some(lines) = names.iter().map(upright).collect::<Option<Vec<_>>>() {
        let names = lines.into_iter().enumerate().map(|(at, lines)| (middle(at), lines)).collect();
        return Some(Names { is_slanted: false, names });
    }
    let every = ((f64::from(SMALL) + 4.0) / slot).ceil().max(1.0) as usize;
    let slanted = |(at, name): (usize, String)| {
        let room = LONGEST_NAME.min((middle(at) - 8.0) / SLANT.1);
        (middle(at), vec![squeezed(&name, SMALL, room)])
    };
    let names = names.into_iter().enumerate().step_by(every).map(slanted).collect();
    Some(Names { is_slanted: true, names })
}

/// How far numbers or names reach down.
fn under(names: Option<&Names>) -> f64 {
    let Some(Names { is_slanted, names }) = names else { return 20.0 };
    let texts = || names.iter().flat_map(|(_, lines)| lines);
    match is_slanted {
        true => widest(texts(), SMALL) * SLANT.0 + 22.0,
        false => LINE * names.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0) as f64 + 8.0,
    }
}
