//! Telling somebody of alerts: a command of the user's, a webhook. Both have a deadline, and neither
//! changes a result: what went wrong comes back as a line of warning.
//!
//! What is told is `report`'s business, and who is told stands in `tokgate.toml`, never in a scenario: a
//! scenario may come from somebody else.

mod command;
mod webhook;

use crate::config::Telling;
use crate::report::alerts;
use std::time::Duration;
use tokgate_core::report::Report;

/// How long a command or a webhook may take: a run does not wait longer for anybody's attention.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells whoever wants to be told of a run's alerts; what could not be told comes back in words.
#[must_use]
pub fn tell(telling: &Telling, report: &Report) -> Vec<String> {
    let Some(notice) = alerts::notice(report, telling.min_level) else { return Vec::new() };
    let notice = notice.to_string();
    let command =
        telling.command.as_deref().map(|command| command::run(command, &notice, PATIENCE));
    let webhook =
        telling.webhook_env.as_deref().map(|variable| webhook::post(variable, &notice, PATIENCE));
    let failed = [command, webhook].into_iter().flatten().filter_map(Result::err);
    failed.map(|why| format!("alerts were not told: {why}; the results are unchanged")).collect()
}
