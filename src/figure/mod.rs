//! What there is to see, before anybody draws it: one figure for the HTML report, for the live page and for
//! PNG and SVG files, so that they all show the same points under the same names.
//!
//! A figure is plain data, made from what was measured and decided. Whoever draws it adds no number.
//! Here is the noun; each file beside makes figures of one kind, and makes none without data. What is
//! foreign in them (names of cases and models) is as it was: whoever draws makes it harmless.

mod axes;
mod beside;
mod build;
mod cases;
mod comparison;
mod distribution;
mod forest;
mod history;
mod recall;
mod stress;
mod telemetry;
mod thin;
mod timeline;
mod unit;

pub use beside::of_runs;
pub use cases::{CaseNames, word};
pub use comparison::of_results;
pub use history::of_history;

use serde::Serialize;
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::run::Run;

/// Points of one figure, at most, where nobody says otherwise: more than a picture has room for.
pub const MOST_POINTS: usize = 4000;

/// The figures of one case: how its latencies are spread, how they and the machine went over time, what it
/// sustained. `epochs` are those that the report was made from, `most` is how many points a figure may
/// have.
#[must_use]
pub fn of_case(case: &CaseReport, epochs: &[Run], most: usize) -> Vec<Figure> {
    let stress = case.stress.iter().flat_map(stress::figures);
    distribution::figures(case, most)
        .chain(timeline::figures(epochs, most))
        .chain(telemetry::figures(epochs, most))
        .chain(stress)
        .map(|figure| doubted(figure, !case.is_valid()))
        .collect()
}

/// The figures of a whole run, in which its cases stand side by side: what changed against the baseline,
/// throughput and latency of each case, the impact of each axis of a matrix, what was sustained, recall
/// against latency.
#[must_use]
pub fn of_run(report: &Report) -> Vec<Figure> {
    let swept = report.swept();
    let sustained = swept.iter().flat_map(stress::figures);
    forest::figures(report)
        .chain(comparison::figures(report))
        .chain(distribution::beside(report))
        .chain(axes::figures(report))
        .chain(sustained)
        .chain(recall::figure(report))
        .map(|figure| doubted(figure, !report.cases.iter().all(CaseReport::is_valid)))
        .collect()
}

/// A figure that says it, where what it shows may not be judged.
fn doubted(figure: Figure, is_invalid: bool) -> Figure {
    match is_invalid {
        true => figure.note("INVALID epochs are among them: `tokgate show` says why"),
        false => figure,
    }
}

/// A picture with two axes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// A word of small letters, digits and `-`: the name of its file and its place in a page.
    pub id: String,
    /// What is shown, in a few words.
    pub title: String,
    /// From left to right.
    pub x: Axis,
    /// From below.
    pub y: Axis,
    /// What is drawn, the first one lowest. Its place in this list is its colour.
    pub layers: Vec<Layer>,
    /// Straight lines across: a goal, a baseline, a knee.
    pub lines: Vec<Line>,
    /// What a reader must know to read it rightly: how many samples, whose percentile.
    pub notes: Vec<String>,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// What is measured, without its unit.
    pub label: String,
    /// The unit as it is written behind a number (`ms`, `tok/s`, `%`); empty for a count.
    pub unit: String,
    /// How far apart numbers stand.
    pub scale: Scale,
    /// Names of the places 0, 1, 2, …, where the axis has names in place of numbers; else empty.
    pub names: Vec<String>,
}

/// How far apart numbers stand on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// By their difference.
    Linear,
    /// By their ratio; whatever is not above zero is left out.
    Logarithmic,
}

/// Points of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layer {
    /// What they are, for the legend.
    pub name: String,
    /// How they are drawn.
    pub mark: Mark,
    /// From left to right.
    pub points: Vec<Point>,
}

/// How points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A dot each, joined by straight lines.
    Line,
    /// A stair that rises at each point: an empirical distribution.
    Steps,
    /// A dot each.
    Dots,
    /// A hollow, larger dot each, above everything: what stands out.
    Rings,
    /// A bar from zero to each, around its `x`; on an axis without names as wide as the distance to the
    /// next, by ratio where the axis is logarithmic.
    Bars,
}

/// One point, with how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Along [`Figure::x`], in its unit.
    pub x: f64,
    /// Along [`Figure::y`], in its unit.
    pub y: f64,
    /// The interval around `y`, its lower and upper end. Of a figure whose `y` axis has names
    /// (a forest), around `x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

/// A straight line across a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Whose number stays the same along it.
    pub across: Across,
    /// That number.
    pub at: f64,
    /// What it is.
    pub label: String,
}

/// Which number stays the same along a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// That of `x`: the line stands.
    X,
    /// That of `y`: the line lies.
    Y,
}

/// The colours of layers, in their order, as `0xRRGGBB`: told apart by colour-blind eyes, on white and on
/// black. A ninth layer begins again.
///
/// The first six are of Okabe and Ito, "Color Universal Design", 2008, without its black and its yellow, which
/// one of the two grounds swallows; the last two are dark, and ours.
pub const PALETTE: [u32; 8] =
    [0x00_72B2, 0xD5_5E00, 0x00_9E73, 0xCC_79A7, 0xE6_9F00, 0x56_B4E9, 0x7A_6A00, 0x8C_3B00];
