//! Advice and stalls as a person reads them: a few lines, since everything is in the JSON.

use super::terminal::Style;
use std::fmt::Write;
use tokgate_core::advice::Advice;
use tokgate_core::summary::Stalls;
use tokgate_core::unit::Unit;

/// Pieces of advice that are told of a case.
const TOLD: usize = 4;

/// A line a piece of advice; empty without any.
#[must_use]
pub fn lines<'a>(advice: impl IntoIterator<Item = &'a Advice>, style: Style) -> String {
    let advice: Vec<&Advice> = advice.into_iter().collect();
    let mut text = String::new();
    for one in advice.iter().take(TOLD) {
        writeln!(text, "  {} {}; {}", style.bold("try"), one.evidence, one.suggestion).ok();
    }
    if let Some(more) = advice.len().checked_sub(TOLD).filter(|more| *more > 0) {
        writeln!(text, "      and {more} more in the JSON").ok();
    }
    text
}

/// `  4 stalls of 200 gaps, 3 in the first half; the longest 200 ms after token 13 of 51 (request 0)`
#[must_use]
pub fn stalls(stalls: &Stalls) -> String {
    let mut text = format!(
        "  {} stalls of {} gaps, {} in the first half of their stream",
        stalls.count, stalls.gaps, stalls.in_first_half
    );
    if let Some(longest) = stalls.longest.first() {
        write!(
            text,
            "; the longest {} after token {} of {} (request {})",
            Unit::Seconds.show(longest.gap_s),
            longest.after_token,
            longest.of_tokens,
            longest.request
        )
        .ok();
    }
    for (some, did) in
        [(stalls.preempted, "requests were put back"), (stalls.queued, "requests waited")]
    {
        if let Some(some) = some.filter(|some| *some > 0) {
            write!(text, "; {did} during {some}").ok();
        }
    }
    text
}
