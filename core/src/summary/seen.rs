//! What the requests of an epoch say together, in a few numbers: counted one request after the other, and as small
//! for a hundred million of them as for one.

use super::{TokenCounts, request};
use crate::case::Case;
use crate::failure::FailureClass;
use crate::quality::Quality;
use crate::record::{Outcome, Phase, Record, Usage};
use crate::run::{Requests, Run, Window};
use crate::slo;
use crate::time::Offset;
use std::collections::BTreeSet;

/// Different prompts whose answers say whether they are all the same: further ones need not be told apart.
const PROMPTS: usize = 3;

/// What the requests of an epoch say together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Measured requests by how they ended.
    pub requests: Requests,
    /// From the first measured request to the end of the last.
    pub window: Option<Window>,
    /// Who counted the tokens of the successes.
    pub token_counts: TokenCounts,
    /// The request of all that was sent first, warm-up included.
    pub(super) first: Option<First>,
    /// Σ N_out of successes.
    pub(super) output: Sum,
    /// Σ N_in of successes.
    pub(super) prompts: Sum,
    /// Σ (N_in + N_out) of successes.
    pub(super) both: Sum,
    /// Σ inputs of successes.
    pub(super) inputs: Sum,
    /// Successes that meet all objectives.
    pub(super) good: u64,
    /// Failures whose stream ended without its end.
    pub(crate) truncated: u64,
    /// Failures of our own machine.
    pub(crate) client_limit: u64,
    /// Gaps between content events of successes.
    pub(crate) gaps: u64,
    /// What targets say of their caches.
    pub(crate) cache: Cache,
    /// The texts of the answers.
    pub(crate) answers: Answers,
}

/// The request that was sent first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct First {
    pub(super) sent: Offset,
    /// How long it took as a query, seconds; absent where it failed or was none.
    pub(super) query_s: Option<f64>,
}

/// A sum over all successes.
///
/// `None` without successes, and when one of them does not say: a sum over the others would be another quantity.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Sum {
    /// Of none so far.
    #[default]
    Nothing,
    /// So much so far.
    Of(f64),
    /// Somebody did not say.
    Unknown,
}

impl Sum {
    fn add(&mut self, amount: Option<f64>) {
        *self = match (*self, amount) {
            (Self::Nothing, Some(amount)) => Self::Of(amount),
            (Self::Of(sum), Some(amount)) => Self::Of(sum + amount),
            (Self::Unknown, _) | (_, None) => Self::Unknown,
        };
    }

    pub(super) fn known(self) -> Option<f64> {
        match self {
            Self::Of(sum) => Some(sum),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

/// Prompt tokens of the successes whose target counted them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Cache {
    pub(crate) answers: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) cached_tokens: u64,
}

impl Cache {
    fn add(&mut self, usage: &Usage) {
        self.answers += 1;
        // A target may say any number.
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        let cached_tokens = usage.cached_tokens.unwrap_or(0);
        self.cached_tokens = self.cached_tokens.saturating_add(cached_tokens);
    }
}

/// Whether answers with a text are all the same.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Answers {
    pub(crate) count: u64,
    /// The first one, and its characters.
    first: Option<(u64, u64)>,
    prompts: BTreeSet<u64>,
    differ: bool,
}

impl Answers {
    fn add(&mut self, text: &Quality) {
        self.count += 1;
        let (first, _) = *self.first.get_or_insert((text.answer, text.characters));
        self.differ |= first != text.answer;
        if self.prompts.len() < PROMPTS {
            self.prompts.insert(text.prompt);
        }
    }

    /// The characters of the one answer that several prompts have; `None` where answers differ, or prompts are
    /// fewer.
    pub(crate) fn same(&self) -> Option<u64> {
        let (_, characters) = self.first?;
        (!self.differ && self.prompts.len() >= PROMPTS).then_some(characters)
    }
}

impl Seen {
    /// Counts the requests of an epoch.
    pub(crate) fn of(run: &Run) -> Self {
        let mut seen = Self::default();
        run.records.iter().for_each(|record| seen.add(record, &run.head.case));
        seen
    }

    /// Counts one more.
    pub(super) fn add(&mut self, record: &Record, case: &Case) {
        if self.first.is_none_or(|first| record.sent < first.sent) {
            self.first = Some(First::of(record));
        }
        if record.phase == Phase::Measured {
            self.add_measured(record, case);
        }
    }

    fn add_measured(&mut self, record: &Record, case: &Case) {
        self.requests.add(record);
        self.window = Some(Window::with(self.window, record.sent, record.done));
        self.good += u64::from(slo::is_good(record, &case.slos));
        match &record.outcome {
            Outcome::Success => self.add_success(record),
            Outcome::Failed(failure) => {
                self.truncated += u64::from(failure.class == FailureClass::Truncated);
                self.client_limit += u64::from(failure.class == FailureClass::ClientLimit);
            }
            Outcome::Incomplete => {}
        }
    }

    fn add_success(&mut self, record: &Record) {
        self.token_counts.add(record);
        let (prompt, output) = (request::prompt_tokens(record), request::output_tokens(record));
        self.output.add(output);
        self.prompts.add(prompt);
        self.both.add(prompt.zip(output).map(|(prompt, output)| prompt + output));
        self.inputs.add(record.embedded.as_ref().map(|embedded| f64::from(embedded.inputs)));
        self.gaps += record.content().count().saturating_sub(1) as u64;
        record.usage.iter().for_each(|usage| self.cache.add(usage));
        record.quality.iter().for_each(|text| self.answers.add(text));
    }
}

impl First {
    fn of(record: &Record) -> Self {
        let query_s = request::query(record).filter(|_| record.outcome.is_success());
        Self { sent: record.sent, query_s }
    }
}
