//! A run in plain text, beside its pictures: `benchmark_summary.txt`.

use super::terminal::Style;
use crate::report::stress;
use comfy_table::{Cell, CellAlignment, Table, presets};
use std::fmt::Write;
use tokgate_core::diagnostic::line;
use tokgate_core::imported::Imported;
use tokgate_core::metric::{self, Metric, MetricRef, Stat};
use tokgate_core::report::{CaseReport, Report};

/// What is told with its spread, where it was measured.
const SPREAD: [&Metric; 7] = [
    &metric::E2E,
    &metric::TTFT,
    &metric::ITL,
    &metric::DECODE_RATE,
    &metric::QUERY,
    &metric::EMBED,
    &metric::OUTPUT_TOKENS,
];
/// What is told by one value.
const VALUES: [&Metric; 8] = [
    &metric::TOK_S,
    &metric::REQ_S,
    &metric::QPS,
    &metric::INPUTS_S,
    &metric::RECALL_AT_10,
    &metric::ERROR_RATE,
    &metric::CPU_MEAN,
    &metric::PEAK_RSS,
];
const COLUMNS: [Stat; 7] =
    [Stat::Min, Stat::Mean, Stat::P50, Stat::P90, Stat::P95, Stat::P99, Stat::Max];
const ABSENT: &str = "–";

/// Every case with its latencies, rates and totals, and the pictures that lie beside.
#[must_use]
pub fn text(report: &Report, pictures: &[String]) -> String {
    let mut text = format!(
        "Benchmark summary\n\nrun       {}\nscenario  {}\nmachine   {}\n",
        line(&report.run_id),
        line(&report.scenario),
        line(&report.machine.0)
    );
    report.cases.iter().for_each(|case| text += &of_case(case));
    if let Some(found) = report.stress() {
        write!(text, "\nLevels of load\n{}", stress::curve(&found, Style { color: false })).ok();
    }
    text += "\n* rests on fewer samples than a verdict would\n";
    text + &listed(pictures)
}

/// The same of results that were read from a file.
#[must_use]
pub fn of_results(file: &str, results: &[Imported], pictures: &[String]) -> String {
    let mut text = format!("Benchmark summary\n\nfile      {}\n", line(file));
    for result in results {
        writeln!(text, "\n{} by {}", line(&result.model.name), line(&result.platform)).ok();
        for told in result.told() {
            let shown = told.metric.metric.unit.show(told.value);
            writeln!(text, "  {:<24} {shown}", told.metric.to_string()).ok();
        }
    }
    text + &listed(pictures)
}

fn listed(pictures: &[String]) -> String {
    let mut text = "\nPictures\n".to_owned();
    for picture in pictures {
        writeln!(text, "  {picture}").ok();
    }
    text
}

fn of_case(case: &CaseReport) -> String {
    let requests = case.requests();
    let mut text = format!("\n{}\n", line(&case.case.id.listed()));
    let invalid = if case.is_valid() { "" } else { "  INVALID: see `tokgate show`" };
    writeln!(text, "  model     {}{invalid}", line(&case.target.model)).ok();
    writeln!(text, "  requests  {} of {} succeeded", requests.succeeded, requests.attempted).ok();
    for metric in VALUES {
        if let Some(shown) = value(case, metric) {
            writeln!(text, "  {}: {shown}", metric.name).ok();
        }
    }
    if let Some(tokens) = generated(case) {
        writeln!(text, "  tokens generated: {tokens:.0}").ok();
    }
    text + &spread(case)
}

fn value(case: &CaseReport, metric: &'static Metric) -> Option<String> {
    let estimate = case.summary.estimate(MetricRef::value(metric))?;
    let show = |value| metric.unit.show(value);
    let interval =
        estimate.interval.map(|ends| format!(" [{}, {}]", show(ends.low), show(ends.high)));
    Some(show(estimate.value) + &interval.unwrap_or_default())
}

/// Output tokens of all successes: their mean, as often as it was counted.
fn generated(case: &CaseReport) -> Option<f64> {
    let mean = MetricRef { metric: &metric::OUTPUT_TOKENS, stat: Stat::Mean };
    case.summary.estimate(mean).map(|estimate| estimate.value * estimate.n as f64)
}

fn spread(case: &CaseReport) -> String {
    let measured: Vec<_> = SPREAD.into_iter().filter_map(|metric| row(case, metric)).collect();
    if measured.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    let head = ["", "min", "mean", "p50", "p90", "p95", "p99", "max", "n"];
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    table.set_header(head.map(|name| right(name.to_owned())));
    for row in measured {
        let mut cells = row.into_iter();
        let name = cells.next().map(Cell::new);
        table.add_row(name.into_iter().chain(cells.map(right)));
    }
    format!("{}\n", table.trim_fmt())
}

/// A percentile that rests on too few samples is marked.
fn row(case: &CaseReport, metric: &'static Metric) -> Option<Vec<String>> {
    let estimate = |stat| case.summary.estimate(MetricRef { metric, stat });
    let n = estimate(Stat::P50)?.n;
    let shown = |stat: Stat| {
        estimate(stat).map_or_else(
            || ABSENT.to_owned(),
            |found| {
                let few = if found.enough_for(stat) { "" } else { "*" };
                metric.unit.show(found.value) + few
            },
        )
    };
    let cells = COLUMNS.into_iter().map(shown);
    Some([format!("  {}", metric.name)].into_iter().chain(cells).chain([n.to_string()]).collect())
}
