//! Who counted the tokens, whether two counts agree, and whether there are as many as were asked.

use crate::record::{Counted, Record, TokenCount, Usage};
use crate::run::Run;
use serde::Serialize;

/// How far two counts of one answer may differ.
const ALLOWED_SHARE: f64 = 0.01;

/// Runs whose lengths differ by more than a tenth are not comparable.
const SHORT: f64 = 0.9;

/// Servers count the token that ends an answer, of which its text has nothing: one token is no
/// disagreement, however short the answer.
const END_TOKEN: u64 = 1;

/// Who counted the tokens of the successes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TokenCounts {
    /// Answers that only our tokenizer counted: the target said nothing.
    pub by_client: u64,
    /// Answers that both counted.
    pub compared: u64,
    /// Of those, answers whose counts differ by more than 1 % (and more than one token). Prompts
    /// are not held against each other: the target's chat template adds to them.
    pub disagreeing: u64,
    /// Answers with fewer than nine tenths of the tokens that were asked for.
    pub short: u64,
}

impl TokenCounts {
    pub(crate) fn of(epochs: &[Run]) -> Self {
        let mut counts = Self::default();
        epochs.iter().flat_map(Run::successes).for_each(|record| counts.add(record));
        counts
    }

    pub(super) fn add(&mut self, record: &Record) {
        self.short += u64::from(is_short(record));
        match (&record.usage, &record.recount) {
            (Some(Usage { counted: Counted::Client, .. }), _) => self.by_client += 1,
            (Some(usage), Some(recount)) => {
                self.compared += 1;
                self.disagreeing += u64::from(disagree(usage, *recount));
            }
            (Some(_) | None, _) => {}
        }
    }
}

fn is_short(record: &Record) -> bool {
    let produced = record.usage.as_ref().map(|usage| usage.completion_tokens as f64);
    let asked = record.requested_tokens.map(|tokens| f64::from(tokens) * SHORT);
    produced.zip(asked).is_some_and(|(produced, asked)| produced < asked)
}

fn disagree(usage: &Usage, ours: TokenCount) -> bool {
    let apart = usage.completion_tokens.abs_diff(ours.completion_tokens);
    apart > END_TOKEN && apart as f64 > usage.completion_tokens as f64 * ALLOWED_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{run, with_events};

    fn counted(server: u64, ours: u64) -> Record {
        let recount = Some(TokenCount { prompt_tokens: 1, completion_tokens: ours });
        Record { recount, ..with_events(server, &[]) }
    }

    #[test]
    fn counts_that_are_more_than_one_percent_apart_disagree() {
        for (server, ours, disagreeing) in
            [(1000, 1010, 0), (1000, 1011, 1), (1000, 989, 1), (64, 63, 0), (64, 62, 1), (0, 5, 1)]
        {
            let counts = TokenCounts::of(&[run(vec![counted(server, ours)])]);
            assert_eq!((counts.compared, counts.disagreeing), (1, disagreeing), "{server} {ours}");
        }
    }

    #[test]
    fn an_answer_with_less_than_nine_tenths_is_short() {
        let answered = |asked, produced| {
            let record = Record { requested_tokens: asked, ..with_events(produced, &[]) };
            TokenCounts::of(&[run(vec![record])]).short
        };
        assert_eq!((answered(Some(100), 90), answered(Some(100), 89)), (0, 1));
        assert_eq!(answered(None, 1), 0);
    }

    #[test]
    fn what_only_one_side_counted_is_not_compared() {
        let mut by_client = with_events(5, &[]);
        by_client.usage.as_mut().unwrap().counted = Counted::Client;
        let counts = TokenCounts::of(&[run(vec![by_client, with_events(5, &[])])]);
        assert_eq!(counts, TokenCounts { by_client: 1, ..TokenCounts::default() });
    }
}
