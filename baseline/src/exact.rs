//! What the same question must answer every time: compared as it stands, without statistics.

use crate::arms::{Arms, ArmsError, Gated};
use crate::compare::{Chances, Finding, What};
use crate::pairs::Pair;
use std::collections::BTreeMap;
use tokgate_core::run::Run;

/// Compares values that do not vary by chance, pair by pair: any that is worse, with none that is
/// better, is beyond doubt; tolerances are not asked.
///
/// # Errors
/// Where nothing can be compared; see [`Arms::new`].
pub fn compare_exact(gated: Gated, pairs: &[Pair]) -> Result<Finding, ArmsError> {
    let side = |of: fn(&Pair) -> f64| pairs.iter().map(of).collect::<Vec<f64>>();
    let arms = Arms::new(gated, &side(|pair| pair.base), &side(|pair| pair.head))?;
    let changes = || pairs.iter().map(|pair| arms.sign.worse(pair.head - pair.base));
    let chances = certain(changes().any(|change| change > 0.0), changes().any(|it| it < 0.0));
    let mut what = arms.compare(|_, _| None);
    if let What::Both(both) = &mut what {
        both.chances = Some(chances);
    }
    Ok(Finding { metric: gated.metric, what })
}

/// Chances of what does not vary. What is both worse and better does vary, and proves nothing.
fn certain(worse: bool, better: bool) -> Chances {
    let chance = |this: bool, other: bool| if this && !other { 0.0 } else { 1.0 };
    Chances { worse: chance(worse, better), better: chance(better, worse), within: !worse }
}

/// What both sides answered to the same questions, compared as it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Alike {
    /// Questions that both sides answered.
    pub compared: u64,
    /// Answers that are the same.
    pub same: u64,
}

impl Alike {
    /// The answers of a pair: texts by their hash, found rows one by one. Only what was asked of both
    /// is compared, which salted prompts of different epochs are not.
    #[must_use]
    pub fn of(base: &Run, head: &Run) -> Self {
        let theirs: BTreeMap<u64, Answer<'_>> = answers(base).collect();
        let both = answers(head).filter_map(|(ordinal, ours)| {
            let theirs =
                theirs.get(&ordinal).filter(|theirs| theirs.question() == ours.question())?;
            Some(*theirs == ours)
        });
        both.fold(Self::default(), |sum, same| sum.and(Self { compared: 1, same: u64::from(same) }))
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { compared: self.compared + other.compared, same: self.same + other.same }
    }
}

/// What one request was answered.
#[derive(PartialEq, Eq)]
enum Answer<'a> {
    Text { prompt: u64, hash: u64 },
    Rows(&'a [u32]),
}

impl Answer<'_> {
    /// What tells the question from others, beside its number.
    fn question(&self) -> Option<u64> {
        match self {
            Self::Text { prompt, .. } => Some(*prompt),
            Self::Rows(_) => None,
        }
    }
}

/// The answers of the successes, by the number of their request.
fn answers(run: &Run) -> impl Iterator<Item = (u64, Answer<'_>)> {
    run.successes().filter_map(|record| {
        let rows = record.neighbours.as_ref().map(|found| found.ids.as_slice());
        let rows = rows.filter(|ids| !ids.is_empty()).map(Answer::Rows);
        let text = record.quality.as_ref();
        let text = text.map(|text| Answer::Text { prompt: text.prompt, hash: text.answer });
        Some((record.ordinal, rows.or(text)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Luck, gated};
    use tokgate_core::metric::INDEX_BYTES;
    use tokgate_core::quality::Quality;

    fn chances(heads: &[f64]) -> Chances {
        let pairs: Vec<Pair> = heads.iter().map(|head| Pair { base: 10.0, head: *head }).collect();
        let finding = compare_exact(gated(&INDEX_BYTES), &pairs).unwrap();
        finding.both().unwrap().chances.unwrap()
    }

    #[test]
    fn a_byte_more_is_worse_however_small() {
        assert_eq!(chances(&[10.0, 10.001]).worse, 0.0);
        assert_eq!(chances(&[10.0, 9.999]).better, 0.0);
        assert!(chances(&[10.0, 10.0]).within);
    }

    #[test]
    fn what_goes_both_ways_proves_nothing() {
        let both = chances(&[9.0, 11.0]);
        assert_eq!((both.worse, both.better, both.within), (1.0, 1.0, false));
    }

    #[test]
    fn answers_to_the_same_questions_are_compared_as_they_stand() {
        let run = |rows: &[&[u32]]| {
            let mut run = fixture::searches(&mut Luck::new(1), 1.0, 0.9);
            run.records.truncate(rows.len());
            for (record, rows) in run.records.iter_mut().zip(rows) {
                record.neighbours.as_mut().unwrap().ids = rows.to_vec();
            }
            run
        };
        let alike = |base: &[&[u32]], head: &[&[u32]]| Alike::of(&run(base), &run(head));
        assert_eq!(alike(&[&[1, 2], &[3]], &[&[1, 2], &[4]]), Alike { compared: 2, same: 1 });
        assert_eq!(alike(&[&[1, 2]], &[&[2, 1]]), Alike { compared: 1, same: 0 });
        assert_eq!(alike(&[&[1], &[]], &[&[1], &[5]]), Alike { compared: 1, same: 1 });
    }

    #[test]
    fn texts_are_compared_where_their_prompts_are_the_same() {
        let text = |prompt, answer| {
            let mut run = fixture::run(&mut Luck::new(1), 1.0);
            run.records.truncate(1);
            run.records[0].quality = Some(Quality {
                characters: 1,
                words: 1,
                repetition: None,
                distinct_1: None,
                distinct_2: None,
                likelihood: None,
                correct: None,
                prompt,
                answer,
            });
            run
        };
        let alike = |base, head| Alike::of(&base, &head);
        assert_eq!(alike(text(1, 7), text(1, 7)), Alike { compared: 1, same: 1 });
        assert_eq!(alike(text(1, 7), text(1, 8)), Alike { compared: 1, same: 0 });
        assert_eq!(alike(text(1, 7), text(2, 7)), Alike::default(), "another question");
    }
}
