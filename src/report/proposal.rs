//! A proposed baseline as the text of a pull request.

use super::markdown::code;
use super::renewal::{COLUMNS, cells, objections};
use std::fmt::Write;
use tokgate_baseline::{Anchor, Baseline, Renewed};
use tokgate_core::run::Head;

/// What is proposed.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The scenario.
    pub scenario: &'a str,
    /// The baseline that is proposed.
    pub new: &'a Baseline,
    /// The one that it would replace, where there is one.
    pub old: Option<&'a Baseline>,
    /// What would change.
    pub rows: &'a [Renewed],
    /// The first epoch of each run that it was made from.
    pub runs: &'a [&'a Head],
    /// The version of tokgate that made it.
    pub tool_version: &'a str,
}

/// The text. Everything from outside stands in code spans.
#[must_use]
pub fn markdown(proposal: &Proposal<'_>) -> String {
    let Proposal { scenario, new, old, rows, tool_version, .. } = *proposal;
    let from = &new.provenance;
    let mut text = String::new();
    writeln!(text, "# Baseline of {} on {}\n", code(scenario), code(&from.machine.0)).ok();
    writeln!(text, "Reason: {}\n", code(&from.reason)).ok();
    writeln!(text, "Target: {} by {}\n", code(&from.model), code(&from.engine)).ok();
    writeln!(text, "{}\n", replaces(old)).ok();
    writeln!(text, "## Change\n\n{}", changes(rows)).ok();
    if let Some(anchor) = &new.anchor {
        writeln!(text, "{}\n", since(anchor)).ok();
    }
    section(&mut text, "Before this is merged", &objections(rows));
    section(&mut text, "Why to trust it less", &from.marks);
    writeln!(text, "## Runs\n\n{}", runs(proposal.runs)).ok();
    writeln!(
        text,
        "Made by tokgate {}. `tokgate baseline verify` derives the numbers again where the runs are \
         stored.",
        code(tool_version)
    )
    .ok();
    text
}

fn replaces(old: Option<&Baseline>) -> String {
    match old {
        Some(old) => format!(
            "Replaces the baseline of {} at {}.",
            code(&old.provenance.date),
            commit(old.provenance.commit.as_deref())
        ),
        None => "There is no baseline of it yet.".to_owned(),
    }
}

fn since(anchor: &Anchor) -> String {
    format!(
        "The first recording was on {} at {}.",
        code(&anchor.date),
        commit(anchor.commit.as_deref())
    )
}

fn commit(commit: Option<&str>) -> String {
    commit.map_or_else(|| "no commit".to_owned(), code)
}

fn changes(rows: &[Renewed]) -> String {
    let mut text = head(&COLUMNS);
    for row in rows {
        let [case, metric, rest @ ..] = cells(row);
        writeln!(text, "| {} | {} | {} |", code(&case), code(&metric), rest.join(" | ")).ok();
    }
    text
}

fn runs(heads: &[&Head]) -> String {
    let mut text = head(&["run", "booking", "commit", "tokgate"]);
    for head in heads {
        let commit = head.environment.commit.as_deref().unwrap_or_default();
        let version = &head.environment.tool_version;
        let cells = [&head.run_id, &head.booking_id, commit, version].map(code);
        writeln!(text, "| {} |", cells.join(" | ")).ok();
    }
    text
}

fn head(columns: &[&str]) -> String {
    format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()))
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    writeln!(text, "## {title}\n").ok();
    for line in lines {
        writeln!(text, "- {}", code(line)).ok();
    }
    text.push('\n');
}
