//! Paper to draw on: lines, bars, dots and text, in kuva's primitives.

use super::text::harmless;
use crate::figure::Figure;
use kuva::render::color::Color;
use kuva::render::render::{Primitive, Scene, TextAnchor};

/// What the text of an SVG is drawn with: the font that was measured, or one that is no wider.
const FONTS: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// A colour as `0xRRGGBB`.
pub(super) type Ink = u32;

/// Text: nearly black.
pub(super) const BLACK: Ink = 0x22_2222;
/// Text that is less important.
pub(super) const GRAY: Ink = 0x59_5959;
/// Lines that one need not look at.
pub(super) const PALE: Ink = 0xE4_E4E4;
pub(super) const WHITE: Ink = 0xFF_FFFF;

/// Where a text is fastened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) size: u32,
    pub(super) ink: Ink,
    pub(super) anchor: Anchor,
    /// Degrees, clockwise.
    pub(super) turned: Option<f64>,
}

/// A text of this size, from its place on.
pub(super) fn style(size: u32) -> Style {
    Style { size, ink: BLACK, anchor: Anchor::Start, turned: None }
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A place on paper, from the upper left corner.
pub(super) type Place = (f64, f64);

pub(super) struct Canvas {
    pub(super) scene: Scene,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut scene = Scene::new(width, height);
        scene.font_family = Some(FONTS.to_owned());
        Self { scene }
    }

    fn add(&mut self, primitive: Primitive) {
        self.scene.elements.push(primitive);
    }

    pub(super) fn line(&mut self, from: Place, to: Place, ink: Ink, width: f64) {
        self.stroke(from, to, ink, width, None);
    }

    pub(super) fn dashes(&mut self, from: Place, to: Place, ink: Ink, width: f64) {
        self.stroke(from, to, ink, width, Some("6 4".to_owned()));
    }

    fn stroke(&mut self, from: Place, to: Place, ink: Ink, width: f64, dashes: Option<String>) {
        self.add(Primitive::Line {
            x1: from.0,
            y1: from.1,
            x2: to.0,
            y2: to.1,
            stroke: color(ink),
            stroke_width: width,
            stroke_dasharray: dashes,
        });
    }

    pub(super) fn path(&mut self, points: Vec<Place>, ink: Ink, width: f64) {
        let (stroke, stroke_dasharray) = (color(ink), None);
        self.add(Primitive::PolyLine { points, stroke, stroke_width: width, stroke_dasharray });
    }

    pub(super) fn bar(&mut self, area: Area, ink: Ink, opacity: f64) {
        self.add(Primitive::Rect {
            x: area.left.min(area.right),
            y: area.top.min(area.bottom),
            width: (area.right - area.left).abs(),
            height: (area.bottom - area.top).abs(),
            fill: color(ink),
            stroke: None,
            stroke_width: None,
            opacity: Some(opacity),
        });
    }

    pub(super) fn dot(&mut self, at: Place, radius: f64, ink: Ink, opacity: f64) {
        self.add(Primitive::Circle {
            cx: at.0,
            cy: at.1,
            r: radius,
            fill: color(ink),
            fill_opacity: Some(opacity),
            stroke: None,
            stroke_width: None,
        });
    }

    pub(super) fn ring(&mut self, at: Place, radius: f64, ink: Ink) {
        self.add(Primitive::Circle {
            cx: at.0,
            cy: at.1,
            r: radius,
            fill: Color::None,
            fill_opacity: None,
            stroke: Some(color(ink)),
            stroke_width: Some(1.8),
        });
    }

    /// A text that was made harmless and fits where it is put.
    pub(super) fn text(&mut self, at: Place, text: &str, style: Style) {
        self.add(Primitive::Text {
            x: at.0,
            y: at.1,
            // Between two dollars stands a formula, unless they are marked.
            content: text.replace('$', "\\$"),
            size: style.size,
            anchor: match style.anchor {
                Anchor::Start => TextAnchor::Start,
                Anchor::Middle => TextAnchor::Middle,
                Anchor::End => TextAnchor::End,
            },
            rotate: style.turned,
            bold: false,
            color: Some(color(style.ink)),
        });
    }

    /// What an SVG of this says of itself.
    pub(super) fn described(&self, figure: &Figure) -> Described {
        let Scene { width, height, .. } = self.scene;
        let title = escaped(&harmless(&figure.title));
        let notes: Vec<String> = figure.notes.iter().map(|note| escaped(&harmless(note))).collect();
        Described {
            size: format!(r#"viewBox="0 0 {width} {height}" role="img""#),
            title,
            notes: notes.join(". "),
        }
    }
}

/// What is told to whoever cannot see a picture.
pub(super) struct Described {
    size: String,
    title: String,
    notes: String,
}

impl Described {
    /// An SVG that says it, in place of who wrote it.
    pub(super) fn apply(&self, svg: &str) -> String {
        let Self { size, title, notes } = self;
        let told = format!("<title>{title}</title><desc>{notes}</desc>");
        let generated = svg.find("<!--").zip(svg.find("-->"));
        let body = match generated {
            Some((from, to)) => format!("{}{told}{}", &svg[..from], &svg[to + "-->".len()..]),
            None => svg.to_owned(),
        };
        body.replacen("<svg ", &format!("<svg {size} "), 1) + "\n"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn color(ink: Ink) -> Color {
    let [_, red, green, blue] = ink.to_be_bytes();
    Color::Rgb(red, green, blue)
}
