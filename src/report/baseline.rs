//! Baselines as they are listed and shown: tables for people, objects for programs.

use super::renewal::distance;
use super::terminal::Style;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use tokgate_baseline::file::MetricBaseline;
use tokgate_baseline::outline::FRESH_PAIRS;
use tokgate_baseline::{Baseline, Outline};
use tokgate_core::case::{CaseId, Tolerance};
use tokgate_core::diagnostic::escape;
use tokgate_core::goal::Level;
use tokgate_core::metric::MetricRef;

/// A baseline file, as it is listed.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it lies.
    pub file: &'a str,
    /// What it says, or why it cannot be read.
    pub said: Result<&'a Baseline, &'a str>,
}

/// How much a baseline rests on. Of epochs and pairs it is the metric with the fewest that counts.
struct Extent {
    scenario: String,
    metrics: usize,
    epochs: usize,
    bookings: usize,
    aa_pairs: usize,
}

impl Extent {
    fn of(baseline: &Baseline) -> Self {
        let scenarios: BTreeSet<&str> = baseline.cases.keys().map(CaseId::scenario).collect();
        let metrics = || baseline.cases.values().flat_map(|case| case.values());
        let fewest = |of: fn(&MetricBaseline) -> usize| metrics().map(of).min().unwrap_or_default();
        let epochs = metrics().flat_map(|metric| &metric.epochs);
        Self {
            scenario: scenarios.into_iter().collect::<Vec<_>>().join("+"),
            metrics: metrics().count(),
            epochs: fewest(|metric| metric.epochs.len()),
            bookings: epochs.map(|epoch| epoch.booking.as_str()).collect::<BTreeSet<_>>().len(),
            aa_pairs: fewest(|metric| metric.aa_pairs.len()),
        }
    }
}

/// A line a baseline, and one more for what is wrong with it.
#[must_use]
pub fn list(entries: &[Entry<'_>], style: Style) -> String {
    let mut table = plain();
    table.set_header([
        "name",
        "machine",
        "scenario",
        "cases",
        "metrics",
        "epochs",
        "bookings",
        "A/A pairs",
        "date",
        "commit",
    ]);
    let readable = entries.iter().filter_map(|entry| Some((entry, entry.said.ok()?)));
    for (entry, baseline) in readable.clone() {
        table.add_row(line(entry.name, baseline).map(|cell| escape(&cell)));
    }
    let mut text = match readable.clone().next() {
        Some(_) => table.trim_fmt() + "\n",
        None => String::new(),
    };
    for (entry, baseline) in readable {
        for mark in &baseline.provenance.marks {
            let bang = style.level(Level::Yellow, "!");
            writeln!(text, "{bang} {}: {}", escape(entry.name), escape(mark)).ok();
        }
    }
    for entry in entries {
        if let Err(why) = entry.said {
            let cross = style.level(Level::Red, "✗");
            writeln!(text, "{cross} {}: {}", escape(entry.name), escape(why)).ok();
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn line(name: &str, baseline: &Baseline) -> [String; 10] {
    let (extent, from) = (Extent::of(baseline), &baseline.provenance);
    [
        name.to_owned(),
        from.machine.0.clone(),
        extent.scenario,
        baseline.cases.len().to_string(),
        extent.metrics.to_string(),
        extent.epochs.to_string(),
        extent.bookings.to_string(),
        extent.aa_pairs.to_string(),
        from.date.clone(),
        short(from.commit.as_deref()),
    ]
}

/// A commit as people name it.
fn short(commit: Option<&str>) -> String {
    commit.map_or_else(|| "–".to_owned(), |commit| commit.chars().take(10).collect())
}

/// An object with one entry a baseline.
#[must_use]
pub fn list_json(entries: &[Entry<'_>]) -> Value {
    let listed: Vec<Value> = entries.iter().map(entry_json).collect();
    json!({ "baselines": listed })
}

fn entry_json(entry: &Entry<'_>) -> Value {
    let baseline = match entry.said {
        Ok(baseline) => baseline,
        Err(why) => return json!({ "name": entry.name, "file": entry.file, "error": why }),
    };
    let (extent, from) = (Extent::of(baseline), &baseline.provenance);
    json!({
        "name": entry.name,
        "file": entry.file,
        "machine": from.machine,
        "scenario": extent.scenario,
        "cases": baseline.cases.len(),
        "metrics": extent.metrics,
        "epochs": extent.epochs,
        "bookings": extent.bookings,
        "aa_pairs": extent.aa_pairs,
        "date": from.date,
        "commit": from.commit,
        "marks": from.marks,
        "error": null,
    })
}

/// Where it comes from, what it asks, and what it says of each metric.
#[must_use]
pub fn show(name: &str, baseline: &Baseline, style: Style) -> String {
    let mut text = String::new();
    writeln!(text, "{}", style.bold(&escape(name))).ok();
    for (what, value) in provenance(baseline) {
        writeln!(text, "  {what:<9} {}", escape(&value)).ok();
    }
    for mark in &baseline.provenance.marks {
        writeln!(text, "  {} {}", style.level(Level::Yellow, "!"), escape(mark)).ok();
    }
    writeln!(text, "\n{}", metrics(baseline)).ok();
    let found = format!(
        "  found: the smallest effect that {FRESH_PAIRS} fresh pairs would find with this noise"
    );
    writeln!(text, "{}", style.dim(&found)).ok();
    writeln!(text, "\n{}", style.bold("what is asked")).ok();
    for (case, asked) in &baseline.compat_key.cases {
        writeln!(text, "  {}  {}", escape(&case.0), style.dim(&escape(&asked.to_string()))).ok();
    }
    text.truncate(text.trim_end().len());
    text
}

fn provenance(baseline: &Baseline) -> Vec<(&'static str, String)> {
    let from = &baseline.provenance;
    let anchor = baseline.anchor.as_ref().map(|anchor| {
        format!("first recorded {} at {}", anchor.date, short(anchor.commit.as_deref()))
    });
    let dirty = if from.dirty { " (dirty)" } else { "" };
    let told = [
        ("machine", from.machine.0.clone()),
        ("date", from.date.clone()),
        ("commit", from.commit.clone().unwrap_or_else(|| "none".to_owned()) + dirty),
        ("runs", from.runs.join(", ")),
        ("target", format!("{} by {}", from.model, from.engine)),
        ("tokgate", from.tool_version.clone()),
        ("reason", from.reason.clone()),
        ("notes", from.notes.clone()),
        ("anchor", anchor.unwrap_or_default()),
        ("protocol", baseline.compat_key.protocol.to_string()),
        ("question", baseline.scenario_hash.clone()),
    ];
    told.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn metrics(baseline: &Baseline) -> String {
    let mut table = plain();
    table.set_header([
        "case",
        "metric",
        "middle",
        "spread",
        "epochs",
        "bookings",
        "A/A pairs",
        "tolerance",
        "found",
    ]);
    for (case, metric, known) in all(baseline) {
        let outline = known.outline(metric);
        let unit = metric.metric.unit;
        let shown = |value: Option<f64>| {
            value.map_or_else(|| "–".to_owned(), |value| effect(metric, known.tolerance, value))
        };
        let (Tolerance::Relative(allowed) | Tolerance::Absolute(allowed)) = known.tolerance;
        table.add_row([
            escape(&case.0),
            metric.to_string(),
            outline.middle.map_or_else(|| "–".to_owned(), |middle| unit.show(middle)),
            shown(outline.spread),
            outline.epochs.to_string(),
            outline.bookings.to_string(),
            outline.aa_pairs.to_string(),
            shown(Some(allowed)),
            shown(outline.detectable),
        ]);
    }
    table.trim_fmt()
}

/// A share, or a distance in the metric's unit.
fn effect(metric: MetricRef, tolerance: Tolerance, value: f64) -> String {
    match tolerance {
        Tolerance::Relative(_) => format!("{:.1} %", value * 100.0),
        Tolerance::Absolute(_) => distance(metric.metric.unit, value),
    }
}

fn all(baseline: &Baseline) -> impl Iterator<Item = (&CaseId, MetricRef, &MetricBaseline)> {
    baseline
        .cases
        .iter()
        .flat_map(|(case, metrics)| metrics.iter().map(move |(metric, it)| (case, *metric, it)))
}

/// The same as one object.
#[must_use]
pub fn show_json(name: &str, baseline: &Baseline) -> Value {
    let metrics: Vec<Value> = all(baseline)
        .map(|(case, metric, known)| {
            let Outline { middle, spread, epochs, bookings, aa_pairs, detectable } =
                known.outline(metric);
            json!({
                "case": case, "metric": metric.to_string(), "unit": metric.metric.unit.symbol(),
                "tolerance": known.tolerance, "middle": middle, "spread": spread, "epochs": epochs,
                "bookings": bookings, "aa_pairs": aa_pairs, "detectable": detectable,
            })
        })
        .collect();
    json!({
        "name": name,
        "provenance": baseline.provenance,
        "anchor": baseline.anchor,
        "scenario_hash": baseline.scenario_hash,
        "compat_key": baseline.compat_key,
        "metrics": metrics,
    })
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table
}
