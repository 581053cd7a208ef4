//! A case in the terms of other tools, as tables or as JSON. The numbers are computed in
//! [`tokgate_core::recompute`].

use super::terminal::Style;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value, json};
use tokgate_core::case::CaseId;
use tokgate_core::recompute::{Beside, Recomputed, Row, Scale, Split, Tool};
use tokgate_core::unit::Unit;

/// The statistics as JSON calls them, in the order of [`Tool::statistics`].
const STATISTICS: [&str; 4] = ["mean", "median", "p95", "p99"];

/// A case as several tools tell it; ours first.
#[derive(Debug, Clone, PartialEq)]
pub struct Retold {
    /// The case.
    pub case: CaseId,
    /// How well the tokens of each event are known.
    pub split: Split,
    /// What each tool would say.
    pub tools: Vec<Recomputed>,
}

/// One object: for each tool its quantities under the names and in the units that it prints.
#[must_use]
pub fn json(retold: &Retold) -> Value {
    json!({
        "case": retold.case,
        "tokens_by_event": retold.split,
        "tools": retold.tools.iter().map(tool).collect::<Vec<_>>(),
    })
}

fn tool(recomputed: &Recomputed) -> Value {
    json!({
        "tool": recomputed.tool.as_str(),
        "caution": recomputed.tool.caution(),
        "quantities":
            recomputed.rows.iter().map(|row| quantity(recomputed.tool, row)).collect::<Vec<_>>(),
    })
}

fn quantity(tool: Tool, row: &Row) -> Value {
    let mut object = Map::from_iter([
        ("name".to_owned(), json!(row.name)),
        ("beside".to_owned(), json!(row.beside.as_str())),
        ("unit".to_owned(), json!(row.scale.symbol())),
        ("differs".to_owned(), json!(row.differs)),
        ("n".to_owned(), json!(row.told.n)),
    ]);
    let mut printed = Map::new();
    let told = STATISTICS.into_iter().zip(tool.statistics()).zip(row.told.statistics());
    for ((key, word), value) in told {
        object.insert(key.to_owned(), json!(value.map(|value| row.scale.of(value))));
        printed.insert(key.to_owned(), json!(tool.printed(row.name, word)));
    }
    if is_distribution(row) {
        object.insert("printed_as".to_owned(), Value::Object(printed));
    }
    Value::Object(object)
}

/// What has one value an epoch has a mean alone, and no word for it.
fn is_distribution(row: &Row) -> bool {
    row.told.median.is_some()
}

/// One table a tool.
#[must_use]
pub fn tables(retold: &Retold, style: Style) -> String {
    let heading = style.bold(&retold.case.0);
    let tables = retold.tools.iter().map(|told| table(told, retold.split, style));
    std::iter::once(heading).chain(tables).collect::<Vec<_>>().join("\n")
}

fn table(told: &Recomputed, split: Split, style: Style) -> String {
    let mut table = plain();
    let header = std::iter::once("n").chain(told.tool.statistics());
    table.set_header(std::iter::once(told.tool.as_str()).chain(header));
    for row in &told.rows {
        let statistics = row.told.statistics().map(|value| number(row.scale, value));
        let n = row.told.n.to_string();
        table.add_row([row.name.to_owned(), n].into_iter().chain(statistics));
    }
    align(&mut table);
    let lines = differences(told, split);
    format!(
        "{}\n{}",
        table.trim_fmt(),
        lines.iter().map(|line| noted(line, style)).collect::<String>()
    )
}

/// All tools side by side: for each quantity the mean, and p99 where it is a distribution.
#[must_use]
pub fn side_by_side(retold: &Retold, style: Style) -> String {
    let mut table = plain();
    let names = retold.tools.iter().map(|told| told.tool.as_str());
    table.set_header(std::iter::once("").chain(names));
    for beside in Beside::ALL {
        for (word, p99) in [("mean", false), ("p99", true)] {
            let cells: Vec<String> =
                retold.tools.iter().map(|told| cell(told, beside, p99)).collect();
            if cells.iter().any(|cell| cell != ABSENT) {
                let label = if beside.is_time() || p99 { word } else { "" };
                let label = format!("{} {label}", beside.as_str());
                table.add_row(std::iter::once(label.trim_end().to_owned()).chain(cells));
            }
        }
    }
    align(&mut table);
    let mut text = format!("{}\n{}\n", style.bold(&retold.case.0), table.trim_fmt());
    for told in &retold.tools {
        let lines = differences(told, retold.split);
        if !lines.is_empty() {
            text.push_str(&format!("{}\n", told.tool.as_str()));
            text.extend(lines.iter().map(|line| noted(line, style)));
        }
    }
    text
}

fn cell(told: &Recomputed, beside: Beside, p99: bool) -> String {
    let row = told.rows.iter().find(|row| row.beside == beside);
    let value = row.and_then(|row| if p99 { row.told.p99 } else { row.told.mean });
    let show = |value| match beside.is_time() {
        true => Unit::Seconds.show(value),
        false => format!("{value:.1} /s"),
    };
    value.map_or_else(|| ABSENT.to_owned(), show)
}

/// What is said of a number that does not exist.
const ABSENT: &str = "–";

/// How a tool's numbers differ from ours, a line each.
fn differences(told: &Recomputed, split: Split) -> Vec<String> {
    let differs = |row: &Row| row.differs.map(|how| format!("{}: {how}", row.name));
    let mut lines: Vec<String> = told.rows.iter().filter_map(differs).collect();
    lines.extend(told.tool.caution().map(str::to_owned));
    let assumed = told.rows.iter().any(|row| row.by_token).then(|| assumption(split)).flatten();
    lines.extend(assumed);
    lines
}

/// What was assumed where the tokens of an event are not known.
fn assumption(split: Split) -> Option<String> {
    let Split { answers, assumed } = split;
    (assumed > 0).then(|| {
        format!(
            "in {assumed} of {answers} answers the target does not say which event brought how \
             many tokens, and there are not as many events as tokens: one token an event is \
             assumed, the others are left out"
        )
    })
}

fn noted(line: &str, style: Style) -> String {
    wrapped(line).into_iter().map(|line| format!("{}\n", style.dim(&line))).collect()
}

/// A line of notes, broken to fit.
fn wrapped(text: &str) -> Vec<String> {
    const WIDEST: usize = 98;
    let mut lines = vec!["  ".to_owned()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        if line.chars().count() + 1 + word.chars().count() > WIDEST {
            lines.push(format!("    {word}"));
        } else {
            let space = if line.trim().is_empty() { "" } else { " " };
            line.push_str(&format!("{space}{word}"));
        }
    }
    lines
}

/// Two decimals, as the tools print; four of a second.
fn number(scale: Scale, value: Option<f64>) -> String {
    let show = |value| match scale {
        Scale::Seconds => format!("{:.4}", scale.of(value)),
        Scale::Milliseconds | Scale::PerSecond | Scale::PerMinute => {
            format!("{:.2}", scale.of(value))
        }
    };
    value.map_or_else(|| ABSENT.to_owned(), show)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table
}

fn align(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_broken_between_words() {
        let lines = wrapped(&"word ".repeat(40));
        assert!(lines.len() == 3 && lines.iter().all(|line| line.chars().count() <= 98));
        assert!(lines[0].starts_with("  word") && lines[1].starts_with("    word"));
    }
}
