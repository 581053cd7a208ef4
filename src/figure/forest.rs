//! What changed against the baseline: each judged metric with its effect, the interval of that, and what is
//! said of it.

use super::cases::CaseNames;
use super::unit::{Shown, words};
use super::{Across, Axis, Figure, Layer, Mark, Point};
use tokgate_core::case::Tolerance;
use tokgate_core::report::{ComparedWith, Report};
use tokgate_core::unit::Unit;
use tokgate_core::verdict::{Comparison, Judged, Verdict};

/// Rows of a forest, at most: the names of more cannot be read.
const MOST_ROWS: usize = 40;
/// What is said, in a few words for the legend.
const SAID: [&str; 4] = ["within the tolerance", "worse", "better", "not decided"];

/// The place of a verdict in [`SAID`].
fn said(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Unchanged | Verdict::Cleared | Verdict::New => 0,
        Verdict::Regressed | Verdict::RegressedUnpaired | Verdict::Missing => 1,
        Verdict::Improved => 2,
        Verdict::Inconclusive
        | Verdict::Underpowered
        | Verdict::InsufficientSamples
        | Verdict::Incomparable
        | Verdict::Invalid => 3,
    }
}

/// One judged metric of one case.
struct Row {
    name: String,
    said: usize,
    /// The effect, positive = worse, in the unit of the figure.
    effect: f64,
    interval: Option<(f64, f64)>,
    tolerance: f64,
}

/// A forest for relative effects, and one for those in percentage points.
pub(super) fn figures(report: &Report) -> impl Iterator<Item = Figure> {
    let shares = forest(report, "change-in-points", "Change of shares", is_points);
    [forest(report, "change", "Change", is_relative), shares].into_iter().flatten()
}

fn is_relative(comparison: &Comparison) -> bool {
    matches!(comparison.tolerance, Tolerance::Relative(_))
}

fn is_points(comparison: &Comparison) -> bool {
    !is_relative(comparison) && comparison.metric.metric.unit == Unit::Ratio
}

fn forest(report: &Report, id: &str, title: &str, of: fn(&Comparison) -> bool) -> Option<Figure> {
    let ComparedWith::Baseline(baseline) = &report.compared_with else { return None };
    let names = CaseNames::of(report);
    let mut rows: Vec<Row> = Vec::new();
    for case in &report.cases {
        let name = if report.cases.len() > 1 { names.name(case) } else { String::new() };
        let compared =
            case.verdicts.iter().filter(|judged| judged.comparison.as_ref().is_some_and(of));
        rows.extend(compared.filter_map(|judged| Row::of(judged, &name)));
    }
    let all = rows.len();
    if all == 0 {
        return None;
    }
    let mut rows = first_of(rows);
    // The first row is the highest.
    rows.reverse();
    let unit = if id == "change" { "%" } else { "pp" };
    let x = Axis::new("change, to the right is worse", unit);
    let y = Axis::named("", rows.iter().map(|row| row.name.clone()).collect());
    let title = format!("{title} against {baseline}");
    let mut figure = Figure::new(id, title, x, y).line(Across::X, 0.0, "no change");
    for (at, name) in SAID.into_iter().enumerate() {
        let points = (0..).zip(&rows).filter(|(_, row)| row.said == at);
        let points = points.map(|(place, row)| row.point(place)).collect();
        // Also without points, so that a colour means the same in every forest.
        figure.layers.push(Layer { name: name.to_owned(), mark: Mark::Dots, points });
    }
    if let Some(tolerance) = shared_tolerance(&rows) {
        figure = figure.line(Across::X, tolerance, format!("tolerance {tolerance} {unit}"));
    }
    if all > rows.len() {
        figure =
            figure.note(format!("{} of {all}: what is decided, and what moved most", rows.len()));
    }
    figure.note("intervals are at 95 %; the verdict stands in the name").made()
}

impl Row {
    fn of(judged: &Judged, case: &str) -> Option<Self> {
        let comparison = judged.comparison.as_ref().filter(|found| found.effect.is_finite())?;
        let share = Shown::of(Unit::Ratio, 1.0);
        let (Tolerance::Relative(tolerance) | Tolerance::Absolute(tolerance)) =
            comparison.tolerance;
        let ends = |interval: tokgate_core::summary::Interval| {
            (share.scale(interval.low), share.scale(interval.high))
        };
        let parts =
            [case.to_owned(), format!("{}: {}", words(judged.metric), judged.verdict.as_str())];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Some(Self {
            name: parts.join(" · "),
            said: said(judged.verdict),
            effect: share.scale(comparison.effect),
            interval: comparison.interval.map(ends),
            tolerance: share.scale(tolerance),
        })
    }

    fn point(&self, place: u32) -> Point {
        Point { x: self.effect, y: f64::from(place), interval: self.interval }
    }
}

/// All rows, or of too many those that moved most, what is decided before what is not, in the order in
/// which they were.
fn first_of(rows: Vec<Row>) -> Vec<Row> {
    let mut ranked: Vec<usize> = (0..rows.len()).collect();
    let moved = |at: &usize| {
        let row = &rows[*at];
        (!matches!(row.said, 1 | 2), row.effect.abs())
    };
    ranked.sort_by(|one, other| {
        let (one, other) = (moved(one), moved(other));
        one.0.cmp(&other.0).then(other.1.total_cmp(&one.1))
    });
    ranked.truncate(MOST_ROWS);
    let kept = (0..).zip(rows).filter(|(at, _)| ranked.contains(at));
    kept.map(|(_, row)| row).collect()
}

/// The tolerance of all rows, where it is one.
fn shared_tolerance(rows: &[Row]) -> Option<f64> {
    let first = rows.first()?.tolerance;
    rows.iter().all(|row| row.tolerance == first).then_some(first)
}
