//! What is worth telling somebody: numbers beyond their line, a machine near its limits, a target that
//! fails. The one place that decides it, by pure functions over what was recorded, so that the alerts of
//! a stored run can be had again.
//!
//! There is no alert without a measured fact: what is absent raises nothing. Whether a run may be judged
//! is [`crate::validity`]'s business, and who is told is that of the edges.

mod cooldown;
mod performance;
mod resource;
mod rule;
mod settings;
mod stability;
#[cfg(test)]
mod tests;

use crate::case::CaseId;
use crate::goal::Level;
use crate::run::Run;
use crate::time::Offset;
use crate::validity::Validity;
use crate::verdict::Judged;
pub use cooldown::{About, Cooldown};
pub use rule::{Category, Named, Rule};
use serde::Serialize;
pub use settings::Settings;

/// Something that is worth telling somebody.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// What was looked at.
    pub rule: Rule,
    /// What kind of trouble it is.
    pub category: Category,
    /// How bad it is: yellow or red. What is green is not told.
    pub level: Level,
    /// The number or the part of the machine: `ttft.p50`, `gpu 0`.
    pub of: String,
    /// What was measured, in the unit that the message has.
    pub value: Option<f64>,
    /// The line that it should have kept to.
    pub bound: Option<f64>,
    /// What was seen, with its numbers.
    pub message: String,
    /// What to look at first.
    pub advice: &'static str,
    /// The case.
    pub case: CaseId,
    /// The epoch.
    pub test_id: String,
    /// When in the epoch, seconds from its start; absent where it is about the whole of it.
    pub at_s: Option<f64>,
    /// The same on the wall clock, microseconds since 1970; the epoch's end where there is no moment.
    pub raised_us: i64,
}

/// Something that a rule found in one epoch, before it is known whether it is told.
#[derive(Debug, Clone, PartialEq)]
struct Finding {
    rule: Rule,
    level: Level,
    of: String,
    value: Option<f64>,
    bound: Option<f64>,
    message: String,
    at: Option<Offset>,
}

/// The alerts of a case: those of its epochs in their order, each after its cooldown. `verdicts` are
/// said of all epochs together, and come with the last one.
///
/// The cooldown goes by the case's own time, its epochs laid end to end: the wall clock is a label, and
/// an epoch's own clock begins with it.
#[must_use]
pub fn alerts(epochs: &[Run], validity: &[Validity], verdicts: &[Judged]) -> Vec<Alert> {
    let Some(first) = epochs.first() else { return Vec::new() };
    let settings = &first.head.case.alerts;
    let mut cooldown = Cooldown::new(settings.cooldown_s);
    let (mut raised, mut began_s) = (Vec::new(), 0.0);
    for (number, (run, validity)) in (1..).zip(epochs.iter().zip(validity)) {
        let judged = if number == epochs.len() { verdicts } else { &[] };
        let end = end(run);
        for finding in findings(run, validity, judged) {
            let at_s = began_s + finding.at.unwrap_or(end).seconds();
            let about = About {
                case: run.head.case.id.clone(),
                rule: finding.rule,
                of: finding.of.clone(),
            };
            if cooldown.raises(&about, finding.level, at_s) {
                raised.push(finding.of_run(run, end));
            }
        }
        began_s += end.seconds();
    }
    raised
}

/// What the rules find in one epoch, in the order of time.
///
/// An epoch that may not be judged has no performance: its numbers are those of whatever spoilt it. What
/// the machine did and what failed are facts all the same, and often the reason.
fn findings(run: &Run, validity: &Validity, verdicts: &[Judged]) -> Vec<Finding> {
    let settings = &run.head.case.alerts;
    let performance = validity.is_valid().then(|| performance::findings(run, settings));
    let mut found: Vec<Finding> = performance
        .into_iter()
        .flatten()
        .chain(resource::findings(run, settings))
        .chain(stability::findings(run, settings, verdicts))
        .filter(|finding| settings.tells(finding.rule))
        .collect();
    found.sort_by_key(|finding| (finding.at.is_none(), finding.at));
    found
}

/// When an epoch ended, by the last that was heard in it.
fn end(run: &Run) -> Offset {
    let records = run.records.iter().map(|record| record.done).max();
    let telemetry = run.telemetry.last().map(|sample| sample.at);
    records.max(telemetry).unwrap_or_default()
}

impl Finding {
    fn of_run(self, run: &Run, end: Offset) -> Alert {
        let at_us = self.at.unwrap_or(end).0 / 1000;
        Alert {
            rule: self.rule,
            category: self.rule.category(),
            level: self.level,
            of: self.of,
            value: self.value,
            bound: self.bound,
            message: self.message,
            advice: self.rule.advice(),
            case: run.head.case.id.clone(),
            test_id: run.head.test_id.clone(),
            at_s: self.at.map(Offset::seconds),
            raised_us: run.head.started_us.saturating_add_unsigned(at_us),
        }
    }
}

/// How a category stands: the worst of its alerts, green without any.
#[must_use]
pub fn standing<'a>(alerts: impl IntoIterator<Item = &'a Alert>, category: Category) -> Level {
    let own = alerts.into_iter().filter(|alert| alert.category == category);
    own.map(|alert| alert.level).max().unwrap_or(Level::Green)
}
