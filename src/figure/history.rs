//! A metric over commits, with what changed it.

use super::cases::word;
use super::unit::{Shown, capitalized, words};
use super::{Across, Axis, Figure, Mark, Point};
use crate::history::{Entry, Series};
use tokgate_core::case::Tolerance;
use tokgate_core::metric::MetricRef;

/// Letters of a commit's hash that tell it from others.
const SHORT: usize = 10;

/// The figure of one series: each epoch, the median of each entry, the changes that were found, and where
/// the environment became another. `None` without an entry.
#[must_use]
pub fn of_history(series: &Series, metric: MetricRef) -> Option<Figure> {
    let values = series.entries.iter().map(Entry::value);
    let shown =
        Shown::of(metric.metric.unit, values.fold(0.0, |most, value| value.abs().max(most)));
    let names = series.entries.iter().map(|entry| short(&entry.id)).collect();
    let id = format!("history-{}-{}", word(&metric.to_string()), word(&series.key.case));
    let title = format!("{}: {}", series.key.case, capitalized(&words(metric)));
    let mut figure =
        Figure::new(id, title, Axis::named("commit or run", names), shown.axis(metric.metric))
            .layer("each epoch", Mark::Dots, epochs(series, shown))
            .layer("median", Mark::Line, medians(series, shown));
    for found in &series.changes {
        let place = series.entries.iter().position(|entry| entry.id == found.change.likeliest);
        if let Some(place) = place {
            let label = effect(found.change.effect, series.tolerance, metric);
            figure = figure.line(Across::X, place as f64, label);
        }
    }
    if let Some((first, differences)) = series.cut() {
        figure = figure.line(Across::X, first as f64 - 0.5, "another environment");
        figure = figure.note(differences.join("; "));
    }
    let key = &series.key;
    figure.note(format!("{} on {} by {}", key.model, key.machine, key.platform)).made()
}

fn short(id: &str) -> String {
    let is_hash = id.len() >= 40 && id[..].chars().take(40).all(|c| c.is_ascii_hexdigit());
    match (is_hash, id.get(..SHORT)) {
        (true, Some(short)) => short.to_owned() + if id.contains("-dirty") { "-dirty" } else { "" },
        _ => id.to_owned(),
    }
}

fn medians(series: &Series, shown: Shown) -> Vec<Point> {
    let place =
        |(place, entry): (u32, &Entry)| Point::at(f64::from(place), shown.scale(entry.value()));
    (0..).zip(&series.entries).map(place).collect()
}

/// Every epoch, where an entry has several.
fn epochs(series: &Series, shown: Shown) -> Vec<Point> {
    let several = (0..).zip(&series.entries).filter(|(_, entry)| entry.epochs.len() > 1);
    let points = |(place, entry): (u32, &Entry)| {
        let point = |value: &f64| Point::at(f64::from(place), shown.scale(*value));
        entry.epochs.iter().map(point).collect::<Vec<_>>()
    };
    several.flat_map(points).collect()
}

fn effect(effect: f64, tolerance: Tolerance, metric: MetricRef) -> String {
    let word = if effect > 0.0 { "worse" } else { "better" };
    match tolerance {
        Tolerance::Relative(_) => format!("{:.1} % {word}", 100.0 * effect.abs()),
        Tolerance::Absolute(_) => format!("{} {word}", metric.metric.unit.show(effect.abs())),
    }
}
