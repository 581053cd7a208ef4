//! What is made of the texts of ended requests: token counts, and what the answers are like. On a
//! thread of its own: not between two events of a request, and not before the next one is sent.

use crate::counting::{Counter, counted, with_count};
use crate::measure::Sink;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SendError, Sender};
use tokgate_core::dataset::Message;
use tokgate_core::quality::{Check, Likelihood, Match, Quality};
use tokgate_core::record::Record;

/// A request that has ended, with its texts.
pub(crate) struct Ended {
    pub(crate) record: Record,
    pub(crate) messages: Vec<Message>,
    pub(crate) answer: Option<String>,
    pub(crate) likelihood: Option<Likelihood>,
    /// The answer that was expected.
    pub(crate) expected: Option<String>,
}

/// Where ended requests go.
pub(crate) enum Outlet {
    /// On, as they are.
    Straight(Sink),
    /// To whom reads their texts, and on from there.
    Read(Sender<Ended>),
}

/// Nobody takes ended requests any more.
pub(crate) struct Gone;

impl<T> From<SendError<T>> for Gone {
    fn from(_: SendError<T>) -> Self {
        Self
    }
}

impl Outlet {
    pub(crate) fn send(&self, ended: Ended) -> Result<(), Gone> {
        match self {
            Self::Straight(sink) => Ok(sink.send(ended.record)?),
            Self::Read(reader) => Ok(reader.send(ended)?),
        }
    }
}

/// Reads the texts of the requests of one epoch.
pub(crate) struct Texts<'a> {
    /// Counts their tokens, where the case names a tokenizer.
    pub(crate) counter: Option<&'a Counter>,
    /// How answers are held against the expected ones.
    pub(crate) how: Match,
}

impl Texts<'_> {
    /// Reads requests as they end, and hands their records on. It ends with the load, or when nobody
    /// takes the records.
    pub(crate) fn read(&self, ended: Receiver<Ended>, sink: Sink) {
        let mut checks = HashMap::new();
        for one in ended {
            let record =
                if one.record.counts() { self.read_one(one, &mut checks) } else { one.record };
            if sink.send(record).is_err() {
                return;
            }
        }
    }

    fn read_one(&self, ended: Ended, checks: &mut HashMap<String, Option<Check>>) -> Record {
        let count = self.counter.and_then(|counter| counted(&ended, counter));
        let quality = ended.answer.as_deref().map(|answer| {
            // An expression that is none was refused before anything was sent.
            let correct = ended.expected.as_ref().and_then(|expected| {
                let check = checks
                    .entry(expected.clone())
                    .or_insert_with(|| Check::new(self.how, expected).ok());
                Some(check.as_ref()?.passes(answer))
            });
            let likelihood = ended.likelihood;
            Quality { likelihood, correct, ..Quality::of(&ended.messages, answer) }
        });
        with_count(Record { quality, ..ended.record }, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use tokgate_core::failure::{Failure, FailureClass};
    use tokgate_core::record::{Outcome, Phase};
    use tokgate_core::time::Offset;

    fn ended(answer: &str, expected: Option<&str>) -> Ended {
        let record = Record {
            ordinal: 0,
            worker: 0,
            phase: Phase::Measured,
            trial: None,
            due: Offset::ZERO,
            sent: Offset::ZERO,
            head: None,
            done: Offset::ZERO,
            events: Vec::new(),
            outcome: Outcome::Success,
            usage: None,
            recount: None,
            requested_tokens: None,
            finish_reason: None,
            sample: None,
            quality: None,
            neighbours: None,
            embedded: None,
            parts: None,
        };
        Ended {
            record,
            messages: vec![Message::user("2 + 2?")],
            answer: Some(answer.to_owned()),
            likelihood: None,
            expected: expected.map(str::to_owned),
        }
    }

    fn read(how: Match, ended: Vec<Ended>) -> Vec<Record> {
        let (outlet, incoming) = channel();
        ended.into_iter().for_each(|one| outlet.send(one).unwrap());
        drop(outlet);
        let (sink, records) = channel();
        Texts { counter: None, how }.read(incoming, sink);
        records.iter().collect()
    }

    #[test]
    fn answers_are_held_against_what_was_expected_of_each() {
        let one = |answer, expected| ended(answer, Some(expected));
        let records = read(
            Match::Contains,
            vec![one("It is 4.", "4"), one("It is 5.", "4"), ended("It is 4.", None)],
        );
        let correct = |record: &Record| record.quality.as_ref().unwrap().correct;
        let correct: Vec<_> = records.iter().map(correct).collect();
        assert_eq!(correct, [Some(true), Some(false), None]);
    }

    #[test]
    fn an_expression_of_a_file_that_is_none_checks_nothing() {
        let records = read(Match::Regex, vec![ended("(", Some("("))]);
        assert_eq!(records[0].quality.as_ref().unwrap().correct, None);
    }

    #[test]
    fn only_what_counts_is_read_and_all_is_handed_on() {
        let mut warmup = ended("hello", None);
        warmup.record.phase = Phase::Warmup;
        let mut failed = ended("hel", None);
        failed.record.outcome = Outcome::Failed(Failure::new(FailureClass::Truncated, "cut"));
        let mut silent = ended("", None);
        silent.answer = None;
        let records = read(Match::Exact, vec![warmup, failed, silent, ended("hello", None)]);
        let read: Vec<bool> = records.iter().map(|record| record.quality.is_some()).collect();
        assert_eq!(read, [false, false, false, true]);
    }
}
