//! Alerts as they are told: a short block for people, JSON for everyone else.

use super::terminal::{Style, paragraph};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use tokgate_core::alert::{Alert, Category, standing};
use tokgate_core::goal::Level;
use tokgate_core::report::Report;

/// Version of what a command or a webhook is told.
const SCHEMA_VERSION: u32 = 1;
/// What is under an alert's rule begins below the rule's name.
const INDENT: usize = 9;
/// Alerts that a block has; there is a number of the others.
const TOLD: usize = 12;

/// A line an alert, the worst first, and the advice once for each rule; empty without alerts.
#[must_use]
pub fn block<'a>(alerts: impl IntoIterator<Item = &'a Alert>, style: Style) -> String {
    let mut alerts: Vec<&Alert> = alerts.into_iter().collect();
    alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.level), alert.rule));
    let (mut text, mut advised) = (String::new(), BTreeSet::new());
    for alert in alerts.iter().take(TOLD) {
        let mark = style.level(alert.level, &format!("{:6}", alert.level.as_str()));
        let rule = format!("{} {}", alert.category.as_str(), alert.rule.as_str());
        let Alert { message, case, advice, .. } = alert;
        let told = paragraph(&format!("{message}, in {case}"), INDENT);
        writeln!(text, "  {mark} {}\n{:INDENT$}{told}", style.bold(&rule), "").ok();
        if advised.insert(alert.rule) {
            writeln!(text, "{:INDENT$}{}", "", style.dim(&paragraph(advice, INDENT))).ok();
        }
    }
    if let Some(more) = alerts.len().checked_sub(TOLD).filter(|more| *more > 0) {
        writeln!(text, "  and {more} more in the JSON and in the database").ok();
    }
    match text.is_empty() {
        true => text,
        false => format!("{}\n{text}", style.bold("alerts")),
    }
}

/// How each category stands: `green` where nothing was raised.
#[must_use]
pub fn standings(report: &Report) -> Value {
    let of = |category: Category| {
        (category.as_str().to_owned(), json!(standing(report.alerts(), category)))
    };
    Value::Object(Category::ALL.map(of).into_iter().collect::<Map<_, _>>())
}

/// What somebody is told of a run: its alerts of `least` and worse, and the cases that could not be
/// measured at all, which are as bad as it gets. `None` where there are neither.
#[must_use]
pub fn notice(report: &Report, least: Level) -> Option<Value> {
    let alerts: Vec<&Alert> = report.alerts().filter(|alert| alert.level >= least).collect();
    let unmeasured: Vec<Value> =
        report.unmeasured.iter().map(|one| json!({ "case": one.case, "why": one.why })).collect();
    let gone = (!unmeasured.is_empty()).then_some(Level::Red);
    let worst = alerts.iter().map(|alert| alert.level).chain(gone).max()?;
    Some(json!({
        "schema_version": SCHEMA_VERSION,
        "tool": { "name": "tokgate", "version": report.environment.tool_version },
        "run_id": report.run_id,
        "scenario": report.scenario,
        "machine": report.machine,
        "conclusion": report.conclusion,
        "exit": report.exit.code(),
        "level": worst,
        "alerts": alerts,
        "unmeasured": unmeasured,
    }))
}
