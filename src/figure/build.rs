//! How a figure is put together.

use super::{Across, Axis, Figure, Layer, Line, Mark, Point, Scale};

/// On a logarithmic axis from here on, as the greatest number over the least.
const WIDE: f64 = 20.0;

impl Figure {
    /// Axes with nothing between them yet.
    pub(super) fn new(id: impl Into<String>, title: impl Into<String>, x: Axis, y: Axis) -> Self {
        let (layers, lines, notes) = (Vec::new(), Vec::new(), Vec::new());
        Self { id: id.into(), title: title.into(), x, y, layers, lines, notes }
    }

    /// With one more layer on top, unless it has no points.
    pub(super) fn layer(mut self, name: impl Into<String>, mark: Mark, points: Vec<Point>) -> Self {
        if !points.is_empty() {
            self.layers.push(Layer { name: name.into(), mark, points });
        }
        self
    }

    /// With a line across.
    pub(super) fn line(mut self, across: Across, at: f64, label: impl Into<String>) -> Self {
        self.lines.push(Line { across, at, label: label.into() });
        self
    }

    /// With something that a reader must know.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The figure, if there is anything to see.
    pub(super) fn made(self) -> Option<Self> {
        (!self.layers.is_empty()).then_some(self)
    }

    /// How many points there are in all layers.
    #[must_use]
    pub fn points(&self) -> usize {
        self.layers.iter().map(|layer| layer.points.len()).sum()
    }
}

impl Axis {
    /// Numbers, by their difference.
    pub(super) fn new(label: impl Into<String>, unit: impl Into<String>) -> Self {
        let (label, unit) = (label.into(), unit.into());
        Self { label, unit, scale: Scale::Linear, names: Vec::new() }
    }

    /// Names in place of numbers.
    pub(super) fn named(label: impl Into<String>, names: Vec<String>) -> Self {
        Self { names, ..Self::new(label, "") }
    }

    /// By ratio, where the numbers that are drawn on it are all above zero and far apart.
    pub(super) fn fitted(self, numbers: impl Iterator<Item = f64>) -> Self {
        let (low, high) = numbers.fold((f64::INFINITY, 0.0_f64), |(low, high), number| {
            (low.min(number), high.max(number))
        });
        let is_wide = low > 0.0 && low.is_finite() && high / low >= WIDE;
        Self { scale: if is_wide { Scale::Logarithmic } else { Scale::Linear }, ..self }
    }
}

impl Point {
    /// A point without an interval.
    pub(super) fn at(x: f64, y: f64) -> Self {
        Self { x, y, interval: None }
    }
}
