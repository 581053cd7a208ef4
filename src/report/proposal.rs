//! A proposed baseline as text, for whoever decides about it.

use super::markdown::{code, code_within};
use super::renewal::{COLUMNS, cells, objections};
use std::collections::BTreeSet;
use std::fmt::Write;
use tokgate_baseline::{Anchor, Baseline, Provenance, Renewed};
use tokgate_core::run::Head;

/// Most characters of a name, and of a sentence that somebody wrote.
const NAME: usize = 200;
const REASON: usize = 1000;
/// Bytes kept for the line that counts what is left out.
const MORE: usize = 40;

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
    /// The first epoch of each run that it was made from; empty where the runs are not stored here.
    pub runs: &'a [&'a Head],
    /// The version of tokgate that made it.
    pub tool_version: &'a str,
}

impl Proposal<'_> {
    /// Whether `tokgate baseline refresh` would refuse it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.rows.iter().any(|row| row.is_worse() || row.has_crept())
    }
}

/// The text. Everything from outside stands in code spans.
#[must_use]
pub fn markdown(proposal: &Proposal<'_>) -> String {
    within(proposal, usize::MAX)
}

/// The text in `room` bytes: of metrics, reasons and runs those that stand first, and how many there are
/// more. It is longer where what is always said has no room.
#[must_use]
pub fn within(proposal: &Proposal<'_>, room: usize) -> String {
    let Proposal { new, rows, tool_version, .. } = *proposal;
    let (top, bottom) = (heading(proposal), closing(tool_version));
    let mut left = Left(room.saturating_sub(top.len() + bottom.len()));
    let changes = left.less(changes(proposal, left.0 / 2));
    let against = left.less(section("Before this is merged", &objections(rows), left.0 / 2));
    let marks = left.less(section("Why to trust it less", &new.provenance.marks, left.0 / 2));
    let runs = match proposal.runs {
        [] => sources(new, left.0),
        heads => runs(heads, left.0),
    };
    [top, changes, against, marks, runs, bottom].concat()
}

/// Bytes that are left.
struct Left(usize);

impl Left {
    fn less(&mut self, text: String) -> String {
        self.0 = self.0.saturating_sub(text.len());
        text
    }
}

fn closing(tool_version: &str) -> String {
    format!(
        "\nMade by tokgate {}. `tokgate baseline verify` derives the numbers again where the runs are \
         stored.\n",
        code_within(tool_version, NAME)
    )
}

fn heading(proposal: &Proposal<'_>) -> String {
    let Proposal { scenario, new, old, rows, .. } = *proposal;
    let from = &new.provenance;
    let name = |text: &str| code_within(text, NAME);
    let mut text = String::new();
    writeln!(text, "# Baseline of {} on {}\n", name(scenario), name(&from.machine.0)).ok();
    if proposal.is_refused() {
        let count = objections(rows).len();
        writeln!(
            text,
            "🔴 **`tokgate baseline refresh` refuses this**: {count} metrics became worse or are \
             missing, see *Before this is merged*.\n"
        )
        .ok();
    }
    writeln!(text, "Reason: {}\n", code_within(&from.reason, REASON)).ok();
    writeln!(text, "Target: {} by {}\n", name(&from.model), name(&from.engine)).ok();
    writeln!(text, "{}\n", replaces(old)).ok();
    text
}

fn replaces(old: Option<&Baseline>) -> String {
    match old {
        Some(old) => format!(
            "Replaces the baseline of {} at {}.",
            code_within(&old.provenance.date, NAME),
            commit(old.provenance.commit.as_deref())
        ),
        None => "There is no baseline of it yet.".to_owned(),
    }
}

fn since(anchor: &Anchor) -> String {
    format!(
        "The first recording was on {} at {}.",
        code_within(&anchor.date, NAME),
        commit(anchor.commit.as_deref())
    )
}

fn commit(commit: Option<&str>) -> String {
    commit.map_or_else(|| "no commit".to_owned(), |commit| code_within(commit, NAME))
}

fn changes(proposal: &Proposal<'_>, room: usize) -> String {
    let Proposal { new, rows, .. } = *proposal;
    let row = |row: &Renewed| {
        let [case, metric, rest @ ..] = cells(row);
        format!("| {} | {} | {} |\n", code(&case), code(&metric), rest.join(" | "))
    };
    // What speaks against it first, so that it is the last that has no room.
    let (against, fine): (Vec<&Renewed>, Vec<&Renewed>) =
        rows.iter().partition(|row| row.is_worse() || row.has_crept());
    let rows: Vec<String> = against.into_iter().chain(fine).map(row).collect();
    let since = new.anchor.as_ref().map(|anchor| since(anchor) + "\n\n").unwrap_or_default();
    let room = room.saturating_sub(since.len());
    fitting(format!("## Change\n\n{}", head(&COLUMNS)), &rows, "metrics", room) + "\n" + &since
}

/// Where the runs are stored: what each of them was.
fn runs(heads: &[&Head], room: usize) -> String {
    let row = |head: &&Head| {
        let commit = head.environment.commit.as_deref().unwrap_or_default();
        let version = &head.environment.tool_version;
        let cells = [&head.run_id, &head.booking_id, commit, version].map(code);
        format!("| {} |\n", cells.join(" | "))
    };
    let rows: Vec<String> = heads.iter().map(row).collect();
    let top = format!("## Runs\n\n{}", head(&["run", "booking", "commit", "tokgate"]));
    fitting(top, &rows, "runs", room)
}

/// Where they are not: what the file says of them.
fn sources(new: &Baseline, room: usize) -> String {
    let from = &new.provenance;
    let epochs = new.cases.values().flat_map(|case| case.values()).flat_map(|it| &it.epochs);
    let bookings: BTreeSet<&str> = epochs.map(|epoch| epoch.booking.as_str()).collect();
    let lines = |word: &str, names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        names.map(|name| format!("- {word} {}\n", code(name))).collect()
    };
    let mut all = lines("run", &mut from.runs.iter().map(String::as_str));
    all.extend(lines("booking", &mut bookings.into_iter()));
    let top = format!("## Runs\n\n{}\n\n", measured(from));
    fitting(top, &all, "runs and bookings", room)
}

fn measured(from: &Provenance) -> String {
    format!(
        "Measured on {} at {} by tokgate {}.",
        code_within(&from.date, NAME),
        commit(from.commit.as_deref()),
        code_within(&from.tool_version, NAME)
    )
}

fn head(columns: &[&str]) -> String {
    format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()))
}

fn section(title: &str, lines: &[String], room: usize) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("- {}\n", code(line))).collect();
    fitting(format!("## {title}\n\n"), &lines, "reasons", room) + "\n"
}

/// The text with as many whole lines below it as there is room for, and how many there are more.
fn fitting(mut text: String, lines: &[String], what: &str, room: usize) -> String {
    for (at, line) in lines.iter().enumerate() {
        if text.len() + line.len() + MORE > room {
            write!(text, "\nand {} {what} more\n", lines.len() - at).ok();
            break;
        }
        text.push_str(line);
    }
    text
}
