//! How cases are called in a figure: by what tells them apart, and nothing else.

use tokgate_core::case::CaseId;
use tokgate_core::report::{CaseReport, Report};

/// Characters of a word in a file's name, at most.
const LONGEST_WORD: usize = 60;

/// The names of a run's cases.
#[derive(Debug, Clone, Copy)]
pub struct CaseNames {
    /// Whether they are of several scenarios.
    scenarios: bool,
    /// Whether they are several cases, and not one case's cells.
    cases: bool,
}

impl CaseNames {
    /// Those of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let differ = |of: fn(&CaseId) -> &str| {
            let mut names = report.cases.iter().map(|case| of(&case.case.id));
            let first = names.next();
            names.any(|name| Some(name) != first)
        };
        Self { scenarios: differ(CaseId::scenario), cases: differ(CaseId::case) }
    }

    /// The case's name without what it has in common with all others.
    #[must_use]
    pub fn name(self, case: &CaseReport) -> String {
        let id = &case.case.id;
        let cell = axes(id).map(|(axis, value)| format!("{axis}={value}"));
        let cell = cell.collect::<Vec<_>>().join(", ");
        let mut parts = Vec::new();
        if self.scenarios {
            parts.push(format!("{}::{}", id.scenario(), id.case()));
        } else if self.cases || cell.is_empty() {
            parts.push(id.case().to_owned());
        }
        if !cell.is_empty() {
            parts.push(cell);
        }
        parts.join(" ")
    }
}

/// The axes of a cell, each with its value. A value may have a comma in it.
pub(super) fn axes(id: &CaseId) -> impl Iterator<Item = (&str, String)> {
    let cell = id.0.splitn(3, '/').nth(2).unwrap_or_default();
    let mut axes: Vec<(&str, String)> = Vec::new();
    for part in cell.split(',').filter(|part| !part.is_empty()) {
        match (part.split_once('='), axes.last_mut()) {
            (Some((axis, value)), _) => axes.push((axis, value.to_owned())),
            (None, Some((_, value))) => *value = format!("{value},{part}"),
            (None, None) => axes.push((part, String::new())),
        }
    }
    axes.into_iter()
}

/// A name as a word of small letters, digits and `-`; an empty one is `x`.
#[must_use]
pub fn word(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let spelled: String = name.chars().take(LONGEST_WORD).map(plain).collect();
    let parts: Vec<&str> = spelled.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "x".to_owned() } else { parts.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_read_back_from_the_name_of_a_cell() {
        let id = CaseId("quick/one/model=org/a=b,c,concurrency=4".to_owned());
        let read: Vec<_> = axes(&id).collect();
        assert_eq!(read, [("model", "org/a=b,c".to_owned()), ("concurrency", "4".to_owned())]);
        assert_eq!(axes(&CaseId("quick/one".to_owned())).count(), 0);
    }

    #[test]
    fn any_name_becomes_a_word() {
        assert_eq!(word("quick::one model=Org/A, t=0.7"), "quick-one-model-org-a-t-0-7");
        assert_eq!(word("<script>../\u{202e}\u{0}"), "script");
        assert_eq!(word("\u{1f600}"), "x");
        assert!(word(&"a".repeat(10_000)).len() <= 60);
    }
}
