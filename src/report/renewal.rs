//! How a newer baseline differs from an older one: a table for people, objects for programs.

use super::terminal::Style;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use tokgate_baseline::Renewed;
use tokgate_baseline::renewal::CREEP_ALLOWED;
use tokgate_baseline::verdict::EPOCHS_NEEDED;
use tokgate_core::case::Tolerance;
use tokgate_core::diagnostic::escape;
use tokgate_core::goal::Level;
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Verdict;

/// What stands where there is nothing to tell.
const NOTHING: &str = "–";

/// A line a metric: case, metric, old, new, change, verdict, change since the first recording.
#[must_use]
pub fn table(rows: &[Renewed], style: Style) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table.set_header(COLUMNS);
    for row in rows {
        let mut cells = cells(row);
        cells[0] = escape(&cells[0]);
        table.add_row(cells);
    }
    let painted = |(line, row): (&str, Option<&Renewed>)| match row.map(level) {
        Some(Some(level)) => style.level(level, line),
        Some(None) | None => line.to_owned(),
    };
    let rows = std::iter::once(None).chain(rows.iter().map(Some));
    let text = table.trim_fmt();
    text.lines().zip(rows).map(painted).collect::<Vec<_>>().join("\n")
}

/// The columns of [`cells`].
pub(super) const COLUMNS: [&str; 7] =
    ["case", "metric", "old", "new", "change", "verdict", "since the first"];

/// What the columns say of a metric.
pub(super) fn cells(row: &Renewed) -> [String; 7] {
    let unit = row.metric.metric.unit;
    let shown = |value: Option<f64>| value.map_or(NOTHING.to_owned(), |value| unit.show(value));
    [
        row.case.0.clone(),
        row.metric.to_string(),
        shown(row.old),
        shown(row.new),
        change(row),
        verdict(row).to_owned(),
        row.since_anchor.map_or(NOTHING.to_owned(), |effect| since(row, effect)),
    ]
}

fn verdict(row: &Renewed) -> &'static str {
    row.judged.as_ref().map_or(NOTHING, |judged| judged.verdict.as_str())
}

fn level(row: &Renewed) -> Option<Level> {
    match (row.is_worse(), row.has_crept()) {
        (true, _) => Some(Level::Red),
        (false, true) => Some(Level::Yellow),
        (false, false) => None,
    }
}

/// `+4.2 % worse`: which way the value went, and what that means.
fn change(row: &Renewed) -> String {
    let (Some(old), Some(new), Some(effect)) = (row.old, row.new, row.effect) else {
        return NOTHING.to_owned();
    };
    let moved = match row.tolerance {
        Tolerance::Relative(_) if old == 0.0 => return word(effect).to_owned(),
        Tolerance::Relative(_) => format!("{:+.1} %", (new / old - 1.0) * 100.0),
        Tolerance::Absolute(_) => {
            let sign = if new < old { '-' } else { '+' };
            format!("{sign}{}", distance(row.metric.metric.unit, (new - old).abs()))
        }
    };
    format!("{moved} {}", word(effect))
}

/// `6.1 % worse`: how far it has come.
fn since(row: &Renewed, effect: f64) -> String {
    let far = match row.tolerance {
        Tolerance::Relative(_) => format!("{:.1} %", effect.abs() * 100.0),
        Tolerance::Absolute(_) => distance(row.metric.metric.unit, effect.abs()),
    };
    format!("{far} {}", word(effect))
}

/// A distance between two values: of shares, in percentage points.
pub(super) fn distance(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ratio => format!("{:.2} pp", value * 100.0),
        _ => unit.show(value),
    }
}

fn word(effect: f64) -> &'static str {
    match effect {
        effect if effect > 0.0 => "worse",
        effect if effect < 0.0 => "better",
        _ => "the same",
    }
}

/// Why each metric that keeps a baseline from being replaced does so.
#[must_use]
pub fn objections(rows: &[Renewed]) -> Vec<String> {
    let worse = rows.iter().filter(|row| row.is_worse()).map(|row| {
        let why = row.judged.as_ref().map_or("", |judged| judged.why.as_str());
        format!("{} {} is {}: {why}", row.case, row.metric, verdict(row))
    });
    let crept = rows.iter().filter(|row| row.has_crept() && !row.is_worse()).map(|row| {
        let effect = row.since_anchor.unwrap_or_default();
        format!(
            "{} {} is {} than the first recording, more than the {:.0} % that may add up",
            row.case,
            row.metric,
            since(row, effect),
            CREEP_ALLOWED * 100.0
        )
    });
    worse.chain(crept).collect()
}

/// What keeps cases from being judged, each once.
#[must_use]
pub fn obstacles(rows: &[Renewed]) -> Vec<String> {
    let told = rows.iter().filter_map(|row| {
        let judged = row.judged.as_ref()?;
        let stands = matches!(judged.verdict, Verdict::Incomparable | Verdict::Invalid);
        stands.then(|| format!("{} is {}: {}", row.case, verdict(row), judged.why))
    });
    let mut told: Vec<String> = told.collect();
    told.dedup();
    told
}

/// That metrics have no verdict, where some have none.
#[must_use]
pub fn unjudged(rows: &[Renewed]) -> Option<String> {
    let count = rows.iter().filter(|row| row.judged.is_none()).count();
    (count > 0).then(|| {
        format!(
            "no verdict on {count} of {} metrics: it takes {EPOCHS_NEEDED} epochs on either side",
            rows.len()
        )
    })
}

/// One object a metric.
#[must_use]
pub fn json(rows: &[Renewed]) -> Value {
    rows.iter()
        .map(|row| {
            json!({
                "case": row.case,
                "metric": row.metric.to_string(),
                "unit": row.metric.metric.unit.symbol(),
                "tolerance": row.tolerance,
                "old": row.old,
                "new": row.new,
                "effect": row.effect,
                "direction": row.effect.map(word),
                "verdict": row.judged.as_ref().map(|judged| judged.verdict.as_str()),
                "why": row.judged.as_ref().map(|judged| &judged.why),
                "since_anchor": row.since_anchor,
                "has_crept": row.has_crept(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::case::CaseId;
    use tokgate_core::metric::{self, MetricRef};

    fn row(tolerance: Tolerance, old: f64, new: f64, effect: f64) -> Renewed {
        let metric = match tolerance {
            Tolerance::Relative(_) => MetricRef::value(&metric::TOK_S),
            Tolerance::Absolute(_) => MetricRef::value(&metric::RECALL_AT_10),
        };
        Renewed {
            case: CaseId("quick/one".to_owned()),
            metric,
            tolerance,
            old: Some(old),
            new: Some(new),
            effect: Some(effect),
            judged: None,
            since_anchor: Some(effect),
        }
    }

    #[test]
    fn a_change_says_which_way_and_whether_that_is_worse() {
        let slower = row(Tolerance::Relative(0.02), 100.0, 90.0, 0.1);
        assert_eq!(change(&slower), "-10.0 % worse");
        assert_eq!(cells(&slower)[6], "10.0 % worse");
        let found = row(Tolerance::Absolute(0.005), 0.95, 0.96, -0.01);
        assert_eq!(change(&found), "+1.00 pp better");
    }

    #[test]
    fn what_crept_objects_with_how_far_it_came() {
        let crept = row(Tolerance::Relative(0.02), 100.0, 94.0, 0.06);
        let told = objections(&[crept, row(Tolerance::Relative(0.02), 100.0, 99.0, 0.01)]);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("quick/one tok_s is 6.0 % worse"), "{told:?}");
    }

    #[test]
    fn what_has_no_verdict_is_counted() {
        let rows = [row(Tolerance::Relative(0.02), 100.0, 99.0, 0.01)];
        let told = unjudged(&rows).unwrap();
        assert_eq!(told, "no verdict on 1 of 1 metrics: it takes 5 epochs on either side");
        assert_eq!(unjudged(&[]), None);
    }

    #[test]
    fn a_table_has_a_line_a_metric_and_hides_nothing() {
        let mut odd = row(Tolerance::Relative(0.02), 100.0, 99.0, 0.01);
        odd.case = CaseId("quick/\u{1b}[2J".to_owned());
        let text = table(&[odd], Style { color: false });
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("\\u{1b}") && !text.contains('\u{1b}'), "{text}");
    }
}
