//! The formulas that look at the text of answers.

use crate::quality::{Likelihood, Quality};
use crate::record::Record;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Message;
    use crate::summary::fixture::success;

    fn answered(prompt: &str, answer: &str) -> Record {
        let quality = Quality::of(&[Message::user(prompt)], answer);
        Record { quality: Some(quality), ..success(0) }
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
