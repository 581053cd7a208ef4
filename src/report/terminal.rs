//! The report as a person reads it in a terminal. Everything in it is already decided.

use super::{advice, alerts, stress};
use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write;
use tokgate_core::diagnostic::line as plain_line;
use tokgate_core::doubts::doubts;
use tokgate_core::failure::FailureCount;
use tokgate_core::goal::{GoalResult, Grade, Level};
use tokgate_core::metric::{Shape, Stat};
use tokgate_core::report::{CaseReport, ComparedWith, Report};
use tokgate_core::run::Hardness;
use tokgate_core::summary::{Interval, MetricSummary};
use tokgate_core::unit::Unit;
use tokgate_core::verdict::{Comparison, Conclusion, Judged, Verdict};

/// Metrics that are told in JSON and the store, but would only fill the table.
const UNTOLD: &[&str] = &[
    "total_tok_s",
    "prompt_tokens",
    "output_tokens",
    "answer_words",
    "memory_mean",
    "ttfo",
    "error_rate",
    "model_load_s",
    "ingest_s",
    "build_s",
    "load_s",
];

/// Metrics that count under an open load, and say nothing new under a closed one.
const FROM_DUE: &[&str] = &["ttft_due", "e2e_due", "send_lag"];

/// Metrics that are told in a line under the table: one value each, and nobody compares them.
const ASIDE: &[&str] = &[
    "spike_rate_sigma",
    "stall_max",
    "first_query",
    "index_bytes",
    "scan_bytes_s",
    "read_bytes_s",
    "peak_rss",
    "memory_peak",
    "memory_share",
    "cpu_mean",
    "client_busy",
    "in_flight",
    "gpu_util_mean",
    "gpu_mem_peak",
    "gpu_temp_peak",
    "gpu_power_mean",
    "energy",
    "energy_idle_corrected",
    "energy_cpu",
    "energy_total",
    "energy_per_token",
    "tokens_per_joule",
    "energy_per_good_request",
    "repetition",
    "distinct_1",
    "distinct_2",
    "coherence",
    "answer_agreement",
    "cost_per_1k",
    "cost_efficiency",
    "telemetry_dropped",
];

/// Metrics of that line that say nothing where there are none.
const UNLESS_NONE: &[&str] = &["telemetry_dropped"];

/// Widest line of facts; a hundred columns fit side by side on most screens.
const WIDEST: usize = 98;

/// How a report is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether to colour.
    pub color: bool,
}

impl Style {
    fn paint(self, text: &str, code: &str) -> String {
        match self.color {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.paint(text, "1")
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.paint(text, "2")
    }

    /// `text` in the colour of its level.
    #[must_use]
    pub fn level(self, level: Level, text: &str) -> String {
        self.paint(
            text,
            match level {
                Level::Green => "32",
                Level::Yellow => "33",
                Level::Red => "31",
            },
        )
    }
}

/// One case: what was measured, the table, the goals, the verdicts.
#[must_use]
pub fn case(case: &CaseReport, style: Style) -> String {
    let mut text = String::new();
    writeln!(text, "{}", heading(case, style)).ok();
    writeln!(text, "{}", table(case, style).trim_fmt()).ok();
    if case.summary.metrics.iter().any(greyed) {
        writeln!(text, "{}", style.dim("  ~ too few samples to gate on")).ok();
    }
    if let Some(found) = &case.stress {
        text.push_str(&stress::curve(found, style));
    }
    for line in aside(case) {
        writeln!(text, "{}", style.dim(&line)).ok();
    }
    if let Some(price) = &case.case.target.price {
        writeln!(text, "{}", style.dim(&format!("  {price}"))).ok();
    }
    for line in case.stalls.iter().flat_map(advice::stalls) {
        writeln!(text, "{}", style.dim(&line)).ok();
    }
    for doubt in doubts(case) {
        writeln!(text, "  {} {doubt}", style.level(Level::Yellow, "!")).ok();
    }
    for FailureCount { failure, count } in &case.failures {
        let failed = plain_line(&failure.to_string());
        writeln!(text, "  {} {count} × {failed}", style.level(Level::Red, "failed")).ok();
        if let Some(advice) = failure.class.advice() {
            writeln!(text, "    {}", style.dim(advice)).ok();
        }
    }
    for reason in case.epochs.iter().flat_map(|epoch| epoch.validity.reasons()) {
        // Workers elsewhere may have written some of it.
        let reason = plain_line(&reason.to_string());
        writeln!(text, "  {} {reason}", style.level(Level::Red, "INVALID")).ok();
    }
    for result in &case.goals {
        writeln!(text, "  {}", goal(result, style)).ok();
    }
    for judged in &case.verdicts {
        writeln!(text, "  {}", verdict(judged, style)).ok();
    }
    for note in case.case.gate.notes() {
        writeln!(text, "  {} {note}", style.level(Level::Yellow, "!")).ok();
    }
    text + &advice::lines(&case.advice, style)
}

fn heading(case: &CaseReport, style: Style) -> String {
    let requests = case.requests();
    let hardness = case.preparation.hardness.map_or_else(String::new, |hardness| {
        let Hardness { intrinsic_dimension, contrast } = hardness;
        format!(" (LID {intrinsic_dimension:.1}, contrast {contrast:.2})")
    });
    let mut facts = vec![
        plain_line(&format!("{}{hardness} on {}", case.target.model, case.target.platform)),
        format!("{} requests, {} failed", requests.attempted, requests.failed),
    ];
    if case.epochs.len() > 1 {
        facts.push(format!("{} epochs", case.epochs.len()));
    }
    if let Some(load) = case.preparation.model_load_s {
        facts.push(format!("loaded in {}", Unit::Seconds.show(load)));
    }
    if let Some(ingest) = case.preparation.ingest_s {
        facts.push(format!("ingested in {}", Unit::Seconds.show(ingest)));
    }
    if let Some(build) = case.preparation.build_s {
        let kept = if case.preparation.index_kept { ", by an earlier case" } else { "" };
        facts.push(format!("index built in {}{kept}", Unit::Seconds.show(build)));
    }
    if let Some(load) = case.preparation.load_s {
        facts.push(format!("loaded in {}", Unit::Seconds.show(load)));
    }
    if let Some(cache) = case.preparation.cache {
        facts.push(format!("cache: {}", cache.as_str()));
    }
    format!("{}  {}", style.bold(&case.case.id.0), style.dim(&facts.join(" · ")))
}

fn table(case: &CaseReport, style: Style) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if style.color {
        table.enforce_styling();
    }
    table.set_header(["", "p50 / value", "95 % interval", "p90", "p95", "p99", "n"].map(|name| {
        Cell::new(name).set_alignment(CellAlignment::Right).add_attribute(Attribute::Dim)
    }));
    let is_open = case.case.workload.is_open();
    let told = |metric: &&MetricSummary| {
        let id = metric.metric.id;
        !UNTOLD.contains(&id) && !ASIDE.contains(&id) && (is_open || !FROM_DUE.contains(&id))
    };
    let mut rows: Vec<&MetricSummary> = case.summary.metrics.iter().filter(told).collect();
    // What counts under an open load stands first.
    rows.sort_by_key(|metric| !FROM_DUE.contains(&metric.metric.id));
    for metric in rows {
        table.add_row(row(metric));
    }
    table
}

/// `  peak_rss 42.2 MiB · cpu_mean 51 %`
fn aside(case: &CaseReport) -> Vec<String> {
    let told = ASIDE.iter().filter_map(|id| {
        let summary = case.summary.metrics.iter().find(|summary| summary.metric.id == *id)?;
        let value = summary.stats.get(&Stat::Value)?.value;
        (value > 0.0 || !UNLESS_NONE.contains(id)).then_some(())?;
        Some(format!("{id} {}", summary.metric.unit.show(value)))
    });
    told.fold(Vec::new(), wrapped)
}

/// A text whose lines end before the screen does, and all but the first begin `indent` further in.
pub(super) fn paragraph(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if indent + line.chars().count() + 1 + word.chars().count() <= WIDEST => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines.join(&format!("\n{:indent$}", ""))
}

/// One more fact on the last line, or on a new one where it would be too wide.
pub(super) fn wrapped(mut lines: Vec<String>, fact: String) -> Vec<String> {
    match lines.last_mut() {
        Some(line) if line.chars().count() + 3 + fact.chars().count() <= WIDEST => {
            line.push_str(" · ");
            line.push_str(&fact);
        }
        Some(_) | None => lines.push(format!("  {fact}")),
    }
    lines
}

fn row(summary: &MetricSummary) -> Vec<Cell> {
    let unit = summary.metric.unit;
    let main = match summary.metric.shape {
        Shape::Distribution => Stat::P50,
        Shape::Mean | Shape::Scalar => Stat::Value,
    };
    let main = summary.stats.get(&main);
    let mut cells = vec![
        Cell::new(format!(" {}", summary.metric.id)),
        Cell::new(main.map_or_else(|| "–".to_owned(), |main| unit.show(main.value))),
        Cell::new(
            main.and_then(|main| main.interval).map_or_else(String::new, |at| span(at, unit)),
        ),
    ];
    cells.extend([Stat::P90, Stat::P95, Stat::P99].map(|stat| percentile(summary, stat)));
    cells.push(Cell::new(main.map_or(0, |main| main.n)));
    let numbers = cells.split_off(1);
    cells.extend(numbers.into_iter().map(|cell| cell.set_alignment(CellAlignment::Right)));
    cells
}

/// `6.78 … 7.01 ms`: a unit that both ends share is written once.
fn span(interval: Interval, unit: Unit) -> String {
    let (low, high) = (unit.show(interval.low), unit.show(interval.high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, one)), Some((_, other))) if one == other => format!("{number} … {high}"),
        _ => format!("{low} … {high}"),
    }
}

fn percentile(summary: &MetricSummary, stat: Stat) -> Cell {
    let Some(estimate) = summary.stats.get(&stat) else {
        return Cell::new("");
    };
    let shown = summary.metric.unit.show(estimate.value);
    match estimate.enough_for(stat) {
        true => Cell::new(shown),
        false => Cell::new(format!("~{shown}")).fg(Color::DarkGrey),
    }
}

/// Whether the row has a percentile with too few samples.
fn greyed(summary: &MetricSummary) -> bool {
    !UNTOLD.contains(&summary.metric.id)
        && [Stat::P90, Stat::P95, Stat::P99]
            .iter()
            .any(|stat| summary.stats.get(stat).is_some_and(|estimate| !estimate.enough_for(*stat)))
}

fn goal(result: &GoalResult, style: Style) -> String {
    let unit = result.goal.metric.metric.unit;
    let symbol = match result.level {
        Level::Green => "✓",
        Level::Yellow => "!",
        Level::Red => "✗",
    };
    let value =
        result.estimate.map_or_else(|| "–".to_owned(), |estimate| unit.show(estimate.value));
    let goal = format!("{symbol} {} {}", result.goal.metric, result.goal.bound.show(unit));
    let note = match result.note.is_empty() {
        true => String::new(),
        false => format!("  ({})", result.note),
    };
    format!("{}  {value}{}", style.level(result.level, &goal), style.dim(&note))
}

/// How serious a verdict is.
pub(super) fn level(verdict: Verdict) -> Level {
    match verdict {
        Verdict::Unchanged | Verdict::Improved | Verdict::Cleared | Verdict::New => Level::Green,
        Verdict::Inconclusive
        | Verdict::Underpowered
        | Verdict::InsufficientSamples
        | Verdict::RegressedUnpaired => Level::Yellow,
        Verdict::Regressed | Verdict::Missing | Verdict::Incomparable | Verdict::Invalid => {
            Level::Red
        }
    }
}

/// How bad a verdict is beside others: how serious, then how far the metric moved. What was not compared
/// moved nowhere.
pub(super) fn weight(judged: &Judged) -> (Level, f64) {
    let moved = judged.comparison.as_ref().map(|comparison| comparison.effect.abs());
    (level(judged.verdict), moved.filter(|moved| !moved.is_nan()).unwrap_or(0.0))
}

/// Puts the worst first.
pub(super) fn worst_first(one: (Level, f64), other: (Level, f64)) -> Ordering {
    other.0.cmp(&one.0).then(other.1.total_cmp(&one.1))
}

fn verdict(judged: &Judged, style: Style) -> String {
    let change = judged.comparison.as_ref().map_or_else(String::new, |comparison| {
        let unit = comparison.metric.metric.unit;
        let (base, head) = (comparison.base.value, comparison.head.value);
        format!("  {} → {}{}", unit.show(base), unit.show(head), moved(base, head))
    });
    let found = judged.comparison.as_ref().and_then(Comparison::shown_mde);
    let found = found.map_or_else(String::new, |mde| format!("; finds {mde}"));
    let word = style.level(level(judged.verdict), judged.verdict.as_str());
    format!("{} {word}{change}  {}", judged.metric, style.dim(&format!("{}{found}", judged.why)))
}

/// `(+20.1 %)`, in the metric's own direction.
fn moved(base: f64, head: f64) -> String {
    match base == 0.0 {
        true => String::new(),
        false => format!(" ({:+.1} %)", (head / base - 1.0) * 100.0),
    }
}

/// What changed, or could not be judged, by case: cases are told before they are judged.
fn changes(report: &Report, style: Style) -> String {
    let mut text = String::new();
    for (case, judged) in judged_cases(report) {
        let mut told = judged.iter().filter(|one| one.verdict != Verdict::Unchanged).peekable();
        if told.peek().is_some() {
            writeln!(text, "{}", style.bold(case)).ok();
        }
        for one in told {
            writeln!(text, "  {}", verdict(one, style)).ok();
        }
    }
    match text.is_empty() {
        true => text,
        false => text + "\n",
    }
}

/// What was judged, by case, of the baseline's cases that the run has not, too.
pub(super) fn judged_cases(report: &Report) -> impl Iterator<Item = (&str, &[Judged])> {
    let measured = report.cases.iter().map(|case| (case.case.id.0.as_str(), &*case.verdicts));
    measured.chain(report.dropped.iter().map(|case| (case.case.0.as_str(), &*case.verdicts)))
}

/// `1 regressed, 2 unchanged`
pub(super) fn counted(report: &Report) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for judged in judged_cases(report).flat_map(|(_, judged)| judged) {
        *counts.entry(judged.verdict.as_str()).or_default() += 1;
    }
    let told = counts.iter().map(|(word, count)| format!("{count} {word}"));
    match counts.is_empty() {
        true => "no metric was judged".to_owned(),
        false => told.collect::<Vec<_>>().join(", "),
    }
}

/// The end of the report: what changed, alerts, goals met, grade, conclusion.
#[must_use]
pub fn closing(report: &Report, style: Style) -> String {
    let mut text = changes(report, style);
    if let Some(swept) = report.swept() {
        text.push_str(&stress::curve(&swept, style));
    }
    text.push_str(&advice::lines(&report.advice_on_levels(), style));
    text.push_str(&alerts::block(report.alerts(), style));
    let (met, total) = report.targets();
    let grade = style.level(grade_level(report.grade), report.grade.as_str());
    let goals = match total {
        0 => "no goals".to_owned(),
        _ => format!("{met} of {total} goals met"),
    };
    writeln!(text, "{}  {goals}  {}", style.bold("grade"), style.bold(&grade)).ok();
    writeln!(text, "{}  {}", style.bold("gate "), conclusion(report, style)).ok();
    let machine = plain_line(&report.machine.to_string());
    writeln!(text, "{}  {} on {machine}", style.bold("run  "), report.run_id).ok();
    text
}

/// What is said of the whole, and what it was compared with.
pub(super) fn conclusion(report: &Report, style: Style) -> String {
    let against = match &report.compared_with {
        ComparedWith::Nothing(why) => format!("compared with nothing: {why}"),
        ComparedWith::Baseline(name) => format!("compared with {name}: {}", counted(report)),
    };
    let (word, level) = concluded(report.conclusion);
    format!("{}  {}", style.level(level, word), style.dim(&against))
}

/// The word of a conclusion, and how serious it is.
pub(super) fn concluded(conclusion: Conclusion) -> (&'static str, Level) {
    match conclusion {
        Conclusion::Held => ("held", Level::Green),
        Conclusion::Regressed => ("REGRESSED", Level::Red),
        Conclusion::Inconclusive => ("inconclusive", Level::Yellow),
        Conclusion::Invalid => ("INVALID", Level::Red),
    }
}

/// How well a grade speaks of a run.
pub(super) fn grade_level(grade: Grade) -> Level {
    match grade {
        Grade::Excellent | Grade::Good => Level::Green,
        Grade::Acceptable | Grade::Ungraded => Level::Yellow,
        Grade::Poor => Level::Red,
    }
}
