//! Whether the same prompt always gives the same answer.

use crate::record::Record;
use crate::spool::{Spool, Spools};

/// Prompts and answers, by their digests.
pub(super) struct Agreement<M: Spools> {
    answers: M::Of<2>,
}

/// The answers to one prompt, those of one text side by side.
#[derive(Debug, Clone, Copy)]
struct Told {
    prompt: u64,
    answer: u64,
    /// How many have this answer.
    same: u64,
    /// How many have the most frequent one so far.
    most: u64,
    all: u64,
}

impl<M: Spools> Agreement<M> {
    pub(super) fn new(spools: &M) -> Result<Self, M::Error> {
        Ok(Self { answers: spools.spool()? })
    }

    pub(super) fn add(&mut self, record: &Record) -> Result<(), M::Error> {
        match &record.quality {
            Some(text) if record.counts() => self.answers.push([text.prompt, text.answer]),
            Some(_) | None => Ok(()),
        }
    }

    /// `answer_agreement`: answers that are their prompt's most frequent one / answers, over prompts that were
    /// answered at least twice.
    pub(super) fn share(mut self) -> Result<Option<f64>, M::Error> {
        let (mut most, mut all) = (0, 0);
        let mut end = |told: Option<Told>| {
            if let Some(told) = told.filter(|told| told.all > 1) {
                most += told.most;
                all += told.all;
            }
        };
        let mut told: Option<Told> = None;
        for entry in self.answers.ascending()? {
            let [prompt, answer] = entry?;
            told = match told {
                Some(told) if told.prompt == prompt => Some(told.with(answer)),
                before => {
                    end(before);
                    Some(Told { prompt, answer, same: 1, most: 1, all: 1 })
                }
            };
        }
        end(told);
        Ok((all > 0).then(|| most as f64 / all as f64))
    }
}

impl Told {
    fn with(self, answer: u64) -> Self {
        let same = if answer == self.answer { self.same + 1 } else { 1 };
        Self { answer, same, most: self.most.max(same), all: self.all + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Message;
    use crate::quality::Quality;
    use crate::spool::{Held, held};
    use crate::summary::fixture::success;

    fn answered(prompt: &str, answer: &str) -> Record {
        let quality = Quality::of(&[Message::user(prompt)], answer);
        Record { quality: Some(quality), ..success(0) }
    }

    fn agreement(records: &[Record]) -> Option<f64> {
        let mut agreement = held(Agreement::new(&Held));
        records.iter().for_each(|record| held(agreement.add(record)));
        held(agreement.share())
    }

    #[test]
    fn agreement_counts_the_most_frequent_answer_of_each_prompt_that_came_again() {
        let four = ["yes", "yes", "no", "yes"].map(|answer| answered("a", answer));
        let two = ["up", "down"].map(|answer| answered("b", answer));
        let once = answered("c", "only");
        let records: Vec<Record> = four.into_iter().chain(two).chain([once.clone()]).collect();
        assert_eq!(agreement(&records), Some(4.0 / 6.0));
        assert_eq!(agreement(&[once, success(0)]), None);
    }
}
