//! What a target sustains, as a table and in words. Which levels hold is already decided.

use super::terminal::Style;
use comfy_table::{Cell, CellAlignment, Table, presets};
use tokgate_core::goal::Level;
use tokgate_core::stress::{Latency, Stability, Stress, Tried};
use tokgate_core::unit::Unit;

/// The curve over the levels, and what it says.
#[must_use]
pub(super) fn curve(stress: &Stress, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    let head = ["workers", "throughput", "ttft p50", "p95", "e2e p95", "errors", "attained", ""];
    table.set_header(head.map(|name| Cell::new(name).set_alignment(CellAlignment::Right)));
    for tried in &stress.levels {
        table.add_row(row(tried).map(|text| Cell::new(text).set_alignment(CellAlignment::Right)));
    }
    format!("{}\n  {}\n", table.trim_fmt(), style.bold(&style.level(level(stress), &words(stress))))
}

fn row(tried: &Tried) -> [String; 8] {
    let level = &tried.level;
    let unit = match level.ttft {
        Some(_) => Unit::TokensPerSecond,
        None => Unit::RequestsPerSecond,
    };
    let time = |latency: Option<Latency>, of: fn(Latency) -> f64| {
        latency.map_or_else(|| "–".to_owned(), |latency| Unit::Seconds.show(of(latency)))
    };
    [
        format!(" {}", level.concurrency),
        unit.show(level.throughput),
        time(level.ttft, |ttft| ttft.p50),
        time(level.ttft, |ttft| ttft.p95),
        time(level.e2e, |e2e| e2e.p95),
        Unit::Ratio.show(level.error_rate()),
        level.attainment.map_or_else(|| "–".to_owned(), |share| Unit::Ratio.show(share)),
        if tried.holds { "holds" } else { "breaks" }.to_owned(),
    ]
}

/// How far what was found is from trouble.
pub(super) fn level(stress: &Stress) -> Level {
    match stress.stability {
        Stability::Stable => Level::Green,
        Stability::Unsteady | Stability::NotReached => Level::Yellow,
        Stability::Overloaded => Level::Red,
    }
}

/// What was found, in words.
pub(super) fn words(stress: &Stress) -> String {
    let word = stress.stability.as_str();
    match (stress.max_sustainable, stress.breaks_at) {
        (0, _) => format!("not even the lowest level holds ({word})"),
        (most, Some(breaks)) => {
            format!("sustains {most} workers and breaks at {breaks} ({word})")
        }
        (most, None) => format!("sustains {most} workers, and more were not tried ({word})"),
    }
}
