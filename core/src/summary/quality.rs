//! The formulas that look at the text of answers.

use crate::quality::{Likelihood, Quality};
use crate::record::Record;
use crate::run::Run;
use std::collections::BTreeMap;

fn of(record: &Record) -> Option<&Quality> {
    record.quality.as_ref()
}

/// `answer_words`
pub(super) fn words(record: &Record) -> Option<f64> {
    Some(of(record)?.words as f64)
}

/// `repetition`
pub(super) fn repetition(record: &Record) -> Option<f64> {
    of(record)?.repetition
}

/// `distinct_1`
pub(super) fn distinct_1(record: &Record) -> Option<f64> {
    of(record)?.distinct_1
}

/// `distinct_2`
pub(super) fn distinct_2(record: &Record) -> Option<f64> {
    of(record)?.distinct_2
}

/// `coherence`: exp(mean log-likelihood per token).
pub(super) fn coherence(record: &Record) -> Option<f64> {
    of(record)?.likelihood.as_ref().and_then(Likelihood::mean_probability)
}

/// `accuracy`: 1 for an answer that is as expected.
pub(super) fn accuracy(record: &Record) -> Option<f64> {
    Some(f64::from(u8::from(of(record)?.correct?)))
}

/// `answer_agreement`: answers that are their prompt's most frequent one / answers, over prompts
/// that were answered at least twice.
pub(super) fn agreement(run: &Run) -> Option<f64> {
    let mut prompts: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    for quality in run.successes().filter_map(of) {
        *prompts.entry(quality.prompt).or_default().entry(quality.answer).or_default() += 1;
    }
    let counts = prompts.values().map(|answers| {
        (answers.values().max().copied().unwrap_or(0), answers.values().sum::<u64>())
    });
    let (most, all) = counts
        .filter(|(_, all)| *all > 1)
        .fold((0, 0), |(most, all), (one, of)| (most + one, all + of));
    (all > 0).then(|| most as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Message;
    use crate::summary::fixture::{run, success};

    fn answered(prompt: &str, answer: &str) -> Record {
        let quality = Quality::of(&[Message::user(prompt)], answer);
        Record { quality: Some(quality), ..success(0) }
    }

    #[test]
    fn agreement_counts_the_most_frequent_answer_of_each_prompt_that_came_again() {
        let four = ["yes", "yes", "no", "yes"].map(|answer| answered("a", answer));
        let two = ["up", "down"].map(|answer| answered("b", answer));
        let once = answered("c", "only");
        let records: Vec<Record> = four.into_iter().chain(two).chain([once.clone()]).collect();
        assert_eq!(agreement(&run(records)), Some(4.0 / 6.0));
        assert_eq!(agreement(&run(vec![once, success(0)])), None);
    }

    #[test]
    fn what_was_not_checked_or_not_told_is_absent() {
        let mut record = answered("a", "one two three");
        assert_eq!((accuracy(&record), coherence(&record)), (None, None));
        assert_eq!((words(&record), repetition(&record)), (Some(3.0), None));
        let quality = record.quality.as_mut().unwrap();
        quality.correct = Some(false);
        quality.likelihood = Some(Likelihood { tokens: 2, sum: 2.0 * 0.5f64.ln() });
        assert_eq!((accuracy(&record), coherence(&record)), (Some(0.0), Some(0.5)));
        assert_eq!(words(&success(0)), None);
    }
}
