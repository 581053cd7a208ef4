//! Figures as pictures: SVG and PNG, drawn alike. Nothing is computed here but where on the paper a point
//! is, and nothing is read or written: text and bytes go back to whoever asked.
//!
//! kuva draws: it writes primitives as SVG and as pixels, with a font of its own. Where they lie is
//! decided here, so that no label stands upon another. Text is foreign, and made harmless before it is
//! measured (`text.rs`).

mod canvas;
mod frame;
mod furniture;
mod marks;
mod span;
mod text;

use crate::figure::Figure;
use canvas::Canvas;
use frame::Frame;
use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;

/// Pixels of a PNG for one unit of its drawing: sharp on the screens of today, and in print.
const PNG_SCALE: f32 = 2.0;

/// Why a picture cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the figure `{id}` cannot be drawn as PNG: {why}")]
pub struct PlotError {
    /// Which figure.
    pub id: String,
    /// What the encoder said.
    pub why: String,
}

/// A figure as SVG: one self-contained document without script, link or anything to fetch. Its title and
/// notes are told to whoever cannot see it.
#[must_use]
pub fn svg(figure: &Figure) -> String {
    let canvas = drawn(figure);
    let described = canvas.described(figure);
    described.apply(&SvgBackend::new().render_scene(&canvas.scene))
}

/// A figure as PNG.
///
/// # Errors
/// When the encoder refuses; it has no reason to.
pub fn png(figure: &Figure) -> Result<Vec<u8>, PlotError> {
    let canvas = drawn(figure);
    let drawn = PngBackend::new().with_scale(PNG_SCALE).render_scene(&canvas.scene);
    drawn.map_err(|why| PlotError { id: figure.id.clone(), why })
}

fn drawn(figure: &Figure) -> Canvas {
    let frame = Frame::of(figure);
    let mut canvas = Canvas::new(frame::WIDTH, frame.height);
    furniture::behind(&mut canvas, figure, &frame);
    marks::draw(&mut canvas, figure, &frame);
    furniture::before(&mut canvas, figure, &frame);
    canvas
}
