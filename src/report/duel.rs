//! Two sides in a terminal, metric by metric, and which of them is better.

use super::terminal::{self, Style};
use comfy_table::{Attribute, Cell, CellAlignment, Table, presets};
use std::fmt::Write;
use tokgate_core::case::Tolerance;
use tokgate_core::metric::Better;
use tokgate_core::report::{CaseReport, Pairs, Report};
use tokgate_core::summary::Interval;
use tokgate_core::verdict::{Comparison, Judged, Verdict};

/// The whole comparison: each case, the control, the conclusion.
#[must_use]
pub fn report(report: &Report, style: Style) -> String {
    let mut text: String = report.cases.iter().map(|one| case(one, style) + "\n").collect();
    if let Some(line) = control(report) {
        writeln!(text, "{}  {line}", style.bold("control")).ok();
    }
    writeln!(text, "{}   {}", style.bold("gate"), terminal::conclusion(report, style)).ok();
    writeln!(text, "{}    {} on {}", style.bold("run"), report.run_id, report.machine).ok();
    text
}

fn case(case: &CaseReport, style: Style) -> String {
    let mut text = String::new();
    let Some(pairs) = &case.pairs else { return text };
    let counted = format!("{} pairs", pairs.counted);
    writeln!(text, "{}  {}", style.bold(&case.case.id.0), style.dim(&counted)).ok();
    writeln!(text, "  A  {}\n  B  {}", pairs.base, pairs.head).ok();
    writeln!(text, "{}", table(&case.verdicts, style).trim_fmt()).ok();
    if let Some(line) = aside(pairs) {
        writeln!(text, "  {line}").ok();
    }
    if pairs.asked > 0 {
        let line = format!("{} of {} answers are alike", pairs.alike, pairs.asked);
        writeln!(text, "  {}", style.dim(&line)).ok();
    }
    for line in reasons(&case.verdicts) {
        writeln!(text, "  {}", style.dim(&line)).ok();
    }
    writeln!(text, "  {} {}", style.bold("→"), answer(&case.verdicts)).ok();
    text
}

fn table(judged: &[Judged], style: Style) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if style.color {
        table.enforce_styling();
    }
    let names = ["", "A", "B", "B to A", "95 % interval", "finds", ""];
    table.set_header(names.map(|name| {
        Cell::new(name).set_alignment(CellAlignment::Right).add_attribute(Attribute::Dim)
    }));
    table.add_rows(judged.iter().map(|one| row(one, style)));
    table
}

fn row(judged: &Judged, style: Style) -> Vec<Cell> {
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let unit = judged.metric.metric.unit;
    let mut cells = vec![Cell::new(format!("  {}", judged.metric))];
    match &judged.comparison {
        Some(comparison) => cells.extend([
            right(unit.show(comparison.base.value)),
            right(unit.show(comparison.head.value)),
            right(change(comparison)),
            right(comparison.interval.map_or_else(String::new, |it| interval(comparison, it))),
            right(comparison.shown_mde().unwrap_or_default()),
        ]),
        None => cells.extend(std::iter::repeat_n(String::new(), 5).map(right)),
    }
    let level = terminal::level(judged.verdict);
    cells.push(Cell::new(style.level(level, judged.verdict.as_str())));
    cells
}

/// A change in the metric's own direction, where an effect is positive when it is worse.
fn direction(comparison: &Comparison) -> f64 {
    match comparison.metric.metric.better {
        Better::Higher => -1.0,
        Better::Lower | Better::Neither => 1.0,
    }
}

/// `+4.2 %`: the change in the metric's own direction.
pub(super) fn change(comparison: &Comparison) -> String {
    signed(comparison, direction(comparison) * comparison.effect)
}

/// `+3.1 % … +5.3 %`: an interval of the change, its lower end first.
pub(super) fn interval(comparison: &Comparison, interval: Interval) -> String {
    let ends = [interval.low, interval.high].map(|end| direction(comparison) * end);
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    format!("{} … {}", signed(comparison, low), signed(comparison, high))
}

fn signed(comparison: &Comparison, change: f64) -> String {
    match comparison.tolerance {
        Tolerance::Relative(_) => format!("{:+.1} %", 100.0 * change),
        Tolerance::Absolute(_) => {
            let sign = if change < 0.0 { "-" } else { "+" };
            format!("{sign}{}", comparison.metric.metric.unit.show(change.abs()))
        }
    }
}

fn aside(pairs: &Pairs) -> Option<String> {
    (pairs.set_aside > 0)
        .then(|| format!("{} pairs set aside: {}", pairs.set_aside, pairs.reasons.join("; ")))
}

/// Why metrics could not be compared at all, each reason once.
fn reasons(judged: &[Judged]) -> Vec<String> {
    let told = judged.iter().filter(|one| {
        matches!(one.verdict, Verdict::Invalid | Verdict::Incomparable | Verdict::Missing)
    });
    let mut told: Vec<String> =
        told.map(|one| format!("{}: {}", one.verdict.as_str(), one.why)).collect();
    told.dedup();
    told
}

/// Which is better, in a sentence.
fn answer(judged: &[Judged]) -> String {
    let told = |verdict: Verdict| -> Vec<String> {
        judged.iter().filter(|one| one.verdict == verdict).filter_map(moved).collect()
    };
    let (better, worse) = (told(Verdict::Improved), told(Verdict::Regressed));
    let said: Vec<String> = [("better", better), ("worse", worse)]
        .into_iter()
        .filter(|(_, metrics)| !metrics.is_empty())
        .map(|(word, metrics)| format!("B is {word} in {}", metrics.join(", ")))
        .collect();
    let undecided = judged
        .iter()
        .filter(|one| matches!(one.verdict, Verdict::Inconclusive | Verdict::Underpowered));
    let compared = judged.iter().any(|one| one.comparison.is_some());
    match (said.is_empty(), undecided.count(), compared) {
        (_, _, false) => "nothing can be said".to_owned(),
        (true, 0, true) => "no difference beyond the tolerances".to_owned(),
        (true, open, true) => format!("no difference was shown; {open} undecided"),
        (false, 0, true) => said.join("; "),
        (false, open, true) => format!("{}; {open} undecided", said.join("; ")),
    }
}

fn moved(judged: &Judged) -> Option<String> {
    let comparison = judged.comparison.as_ref()?;
    Some(format!("{} ({})", judged.metric, change(comparison)))
}

/// How the control did.
pub(super) fn control(report: &Report) -> Option<String> {
    let told: Vec<String> = report.control.iter().filter_map(moved).collect();
    let moved = report
        .control
        .iter()
        .any(|one| matches!(one.verdict, Verdict::Regressed | Verdict::Improved));
    let word = if moved { "MOVED" } else { "held" };
    (!told.is_empty()).then(|| format!("{word}: {}", told.join(", ")))
}
