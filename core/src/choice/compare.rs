//! All models side by side: how long each takes for the same numbers of requests.

use super::estimate::{Estimate, Span, by, newest_of_each};
use super::measured::Measured;
use serde::Serialize;

/// A model among others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The model.
    pub model: String,
    /// Its parameters, as written.
    pub size_params: Option<String>,
    /// Longest prompt with its answer, tokens.
    pub context_window: Option<u64>,
    /// Successful requests a second of its newest row.
    pub req_s: f64,
    /// How many times the rate of the slowest: 1 for itself.
    pub speedup: f64,
    /// What that means for each number of requests, in the order in which they were asked for.
    pub for_counts: Vec<ForCount>,
}

/// A model and a number of requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForCount {
    /// How long they take, and what they cost.
    pub estimate: Estimate,
    /// How much less time than the slowest takes.
    #[serde(rename = "saved_s")]
    pub saved: Span,
}

/// The newest row of each model, the fastest first.
#[must_use]
pub fn compare(rows: &[Measured], counts: &[u64]) -> Vec<Compared> {
    let mut newest = newest_of_each(rows);
    newest.sort_by(|a, b| b.req_s.total_cmp(&a.req_s).then_with(|| a.model.cmp(&b.model)));
    let Some(slowest) = newest.last().map(|row| row.req_s) else { return Vec::new() };
    newest.into_iter().map(|row| compared(row, rows, counts, slowest)).collect()
}

fn compared(row: &Measured, rows: &[Measured], counts: &[u64], slowest: f64) -> Compared {
    let for_count = |count: &u64| {
        let estimate = by(row, rows, *count);
        let saved = Span(*count as f64 / slowest - estimate.time.seconds());
        ForCount { estimate, saved }
    };
    Compared {
        model: row.model.clone(),
        size_params: row.size_params.clone(),
        context_window: row.context_window,
        req_s: row.req_s,
        speedup: row.req_s / slowest,
        for_counts: counts.iter().map(for_count).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{in_run, row};

    fn three() -> Vec<Measured> {
        vec![row("gemma3:12b", 0.23), row("gemma3:1b", 0.92), row("gemma3:4b", 0.52)]
    }

    #[test]
    fn the_fastest_model_is_first_and_the_others_are_told_by_the_slowest() {
        // 200 000 / 0.92 = 217 391.3 s = 60.386 h = 2.5161 d; / 0.52 = 106.838 h = 4.4516 d;
        // / 0.23 = 241.546 h = 10.0644 d. Saved: 241.546 - 60.386 = 181.159 h; - 106.838 = 134.708 h.
        // Speed-ups: 0.92 / 0.23 = 4; 0.52 / 0.23 = 2.2609.
        let told: Vec<String> = compare(&three(), &[200_000])
            .iter()
            .map(|it| {
                let ForCount { estimate, saved } = &it.for_counts[0];
                let (hours, days) = (estimate.time.hours(), estimate.time.days());
                format!("{} {hours:.1} {days:.2} {:.2} {:.1}", it.model, it.speedup, saved.hours())
            })
            .collect();
        let expected = [
            "gemma3:1b 60.4 2.52 4.00 181.2",
            "gemma3:4b 106.8 4.45 2.26 134.7",
            "gemma3:12b 241.5 10.06 1.00 0.0",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn each_number_of_requests_is_answered_in_its_place() {
        let compared = compare(&three(), &[50_000, 200_000]);
        // 50 000 / 0.92 = 15.097 h.
        let hours = compared[0].for_counts.iter().map(|it| it.estimate.time.hours());
        let hours: Vec<String> = hours.map(|hours| format!("{hours:.1}")).collect();
        assert_eq!(hours, ["15.1", "60.4"]);
        assert!(compare(&[], &[1]).is_empty());
        assert!(compare(&three(), &[])[0].for_counts.is_empty());
    }

    #[test]
    fn a_model_is_told_by_its_newest_row_alone() {
        let rows =
            [in_run("old", 9, row("a", 5.0)), in_run("new", 1, row("a", 1.0)), row("b", 2.0)];
        let models: Vec<_> =
            compare(&rows, &[]).into_iter().map(|it| (it.model, it.req_s)).collect();
        assert_eq!(models, [("b".to_owned(), 2.0), ("a".to_owned(), 1.0)]);
    }
}
