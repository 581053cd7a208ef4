//! Advice and stalls as a person reads them: a few lines, since everything is in the JSON.

use super::terminal::{Style, paragraph, wrapped};
use std::fmt::Write;
use tokgate_core::advice::Advice;
use tokgate_core::summary::{Stall, Stalls};
use tokgate_core::unit::Unit;

/// Pieces of advice that are told of a case.
const TOLD: usize = 4;

/// A line a piece of advice; empty without any.
#[must_use]
pub fn lines<'a>(advice: impl IntoIterator<Item = &'a Advice>, style: Style) -> String {
    let advice: Vec<&Advice> = advice.into_iter().collect();
    let mut text = String::new();
    for one in advice.iter().take(TOLD) {
        let said = paragraph(&format!("{}; {}", one.evidence, one.suggestion), "  try ".len());
        writeln!(text, "  {} {said}", style.bold("try")).ok();
    }
    if let Some(more) = advice.len().checked_sub(TOLD).filter(|more| *more > 0) {
        writeln!(text, "      and {more} more in the JSON").ok();
    }
    text
}

/// `  stalls: 4 of 200 gaps, 3 in first halves · the longest 200 ms after token 13 of 51 (request 0)`
#[must_use]
pub fn stalls(stalls: &Stalls) -> Vec<String> {
    let Stalls { count, gaps, in_first_half, .. } = stalls;
    let all = format!("stalls: {count} of {gaps} gaps, {in_first_half} in first halves");
    let longest = stalls.longest.first().map(|longest| {
        let gap = Unit::Seconds.show(longest.gap_s);
        let Stall { after_token, of_tokens, request, .. } = longest;
        format!("the longest {gap} after token {after_token} of {of_tokens} (request {request})")
    });
    let meanwhile =
        [(stalls.preempted, "requests were put back"), (stalls.queued, "requests waited")];
    let meanwhile = meanwhile.into_iter().filter_map(|(some, did)| {
        let some = some.filter(|some| *some > 0)?;
        Some(format!("{did} during {some}"))
    });
    [Some(all), longest].into_iter().flatten().chain(meanwhile).fold(Vec::new(), wrapped)
}
