//! Everything around what was measured: title, legend, axes, names, lines across and notes.

use super::canvas::{Anchor, Area, BLACK, Canvas, GRAY, PALE, Style, WHITE, style};
use super::frame::{EDGE, Flag, Frame, Key, LABEL, LINE, Names, SMALL, TITLE};
use super::marks::{self, ink};
use super::text::{cut, harmless, width};
use crate::figure::{Across, Figure};

/// What lies under what was measured: the grid with its numbers and names, and lines across.
pub(super) fn behind(canvas: &mut Canvas, figure: &Figure, frame: &Frame) {
    let Area { left, top, right, bottom } = frame.area;
    for tick in &frame.y_ticks {
        let y = bottom - tick.place * (bottom - top);
        canvas.line((left, y), (right, y), PALE, 1.0);
        canvas.text((left - 8.0, y + 4.0), &tick.text, at_end(SMALL));
    }
    for tick in &frame.x_ticks {
        let x = left + tick.place * (right - left);
        canvas.line((x, top), (x, bottom), PALE, 1.0);
        canvas.text((x, bottom + 18.0), &tick.text, centered(SMALL));
    }
    for (row, name) in frame.y_names.iter().enumerate() {
        row_name(canvas, frame, row, name);
    }
    if let Some(names) = &frame.x_names {
        place_names(canvas, frame, names);
    }
    frame.flags.iter().for_each(|flag| standing(canvas, frame, flag));
    for line in figure.lines.iter().filter(|line| line.across == Across::Y) {
        lying(canvas, frame, line.at);
    }
    canvas.line((left, bottom), (right, bottom), GRAY, 1.2);
    if figure.y.names.is_empty() {
        canvas.line((left, top), (left, bottom), GRAY, 1.2);
    }
}

/// What lies above it: the names of those lines, labels, legend, title and notes.
pub(super) fn before(canvas: &mut Canvas, figure: &Figure, frame: &Frame) {
    frame.flags.iter().for_each(|flag| flag_name(canvas, flag));
    for line in figure.lines.iter().filter(|line| line.across == Across::Y) {
        lying_name(canvas, frame, line.at, &line.label);
    }
    for (row, line) in frame.title.iter().enumerate() {
        canvas.text((EDGE, EDGE + 14.0 + 24.0 * row as f64), line, style(TITLE));
    }
    frame.keys.iter().for_each(|key| legend(canvas, figure, key));
    labels(canvas, frame);
    for (row, note) in frame.notes.iter().enumerate() {
        let at = (EDGE, frame.notes_y + LINE * row as f64);
        canvas.text(at, note, Style { ink: GRAY, ..style(SMALL) });
    }
}

fn centered(size: u32) -> Style {
    Style { anchor: Anchor::Middle, ..style(size) }
}

fn at_end(size: u32) -> Style {
    Style { anchor: Anchor::End, ..style(size) }
}

fn row_name(canvas: &mut Canvas, frame: &Frame, row: usize, lines: &[String]) {
    let Some(y) = frame.up(row as f64) else { return };
    let Area { left, right, .. } = frame.area;
    canvas.line((left, y), (right, y), PALE, 1.0);
    let first = y + 4.0 - 7.0 * (lines.len() as f64 - 1.0);
    for (at, line) in lines.iter().enumerate() {
        canvas.text((left - 8.0, first + 14.0 * at as f64), line, at_end(SMALL));
    }
}

fn place_names(canvas: &mut Canvas, frame: &Frame, names: &Names) {
    let bottom = frame.area.bottom;
    for (middle, lines) in &names.names {
        canvas.line((*middle, bottom), (*middle, bottom + 4.0), GRAY, 1.0);
        for (row, line) in lines.iter().enumerate() {
            let (at, look) = match names.is_slanted {
                true => {
                    ((*middle + 4.0, bottom + 16.0), Style { turned: Some(-40.0), ..at_end(SMALL) })
                }
                false => ((*middle, bottom + 18.0 + LINE * row as f64), centered(SMALL)),
            };
            canvas.text(at, line, look);
        }
    }
}

fn standing(canvas: &mut Canvas, frame: &Frame, flag: &Flag) {
    canvas.dashes((flag.at, flag.middle.1 + 3.0), (flag.at, frame.area.bottom), GRAY, 1.2);
}

fn flag_name(canvas: &mut Canvas, flag: &Flag) {
    let half = width(&flag.name, SMALL) / 2.0 + 3.0;
    let (x, y) = flag.middle;
    let under = Area { left: x - half, top: y - 11.0, right: x + half, bottom: y + 3.0 };
    canvas.bar(under, WHITE, 1.0);
    canvas.text(flag.middle, &flag.name, Style { ink: GRAY, ..centered(SMALL) });
}

fn lying(canvas: &mut Canvas, frame: &Frame, at: f64) {
    let Some(y) = frame.up(at) else { return };
    canvas.dashes((frame.area.left, y), (frame.area.right, y), GRAY, 1.2);
}

/// The name of a lying line stands on it, at its right end.
fn lying_name(canvas: &mut Canvas, frame: &Frame, at: f64, label: &str) {
    let Some(y) = frame.up(at) else { return };
    let Area { left, right, top, .. } = frame.area;
    let name = cut(&harmless(label), SMALL, right - left);
    let base = if y - 18.0 > top { y - 6.0 } else { y + 16.0 };
    let before = right - width(&name, SMALL) - 6.0;
    let under = Area { left: before, top: base - 12.0, right, bottom: base + 4.0 };
    canvas.bar(under, WHITE, 0.85);
    canvas.text((right - 3.0, base), &name, Style { ink: BLACK, ..at_end(SMALL) });
}

fn legend(canvas: &mut Canvas, figure: &Figure, key: &Key) {
    let (x, y) = key.at;
    let layer = &figure.layers[key.layer];
    marks::sample(canvas, layer.mark, (x + 10.0, y), ink(key.layer));
    canvas.text((x + 28.0, y + 5.0), &key.name, style(LABEL));
}

fn labels(canvas: &mut Canvas, frame: &Frame) {
    let Area { left, right, .. } = frame.area;
    canvas.text(((left + right) / 2.0, frame.x_label_y), &frame.x_label, centered(LABEL));
    canvas.text((EDGE, frame.y_label_y), &frame.y_label, style(LABEL));
}
