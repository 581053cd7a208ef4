//! The records of several workers in one order: that of the plan.

use crate::record::{Phase, Record};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Where a request stands among the others of its epoch, in the order of the plan: by phase (warm-up, probe,
/// measured), trial and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing(Phase, Option<u32>, u64);

impl Standing {
    /// Where `record` stands.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self(record.phase, record.trial, record.ordinal)
    }
}

/// A record, and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    /// The place of its worker among the sources.
    pub source: usize,
    /// The record.
    pub record: Record,
}

/// A worker whose records end before their end.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken<E> {
    /// The place of the worker among the sources.
    pub source: usize,
    /// Why; absent where a record came behind one that it belongs before.
    pub why: Option<E>,
}

/// The records of sources that are each in the order of the plan, in that order; of two in the same place the
/// one of the earlier source comes first. In memory is one record of each source. A source that breaks has no
/// further records, and the others go on.
#[derive(Debug)]
pub struct Ordered<I> {
    sources: Vec<Source<I>>,
    queue: BinaryHeap<Reverse<(Standing, usize)>>,
    /// Sources whose next record is not read yet.
    unread: Vec<usize>,
}

#[derive(Debug)]
struct Source<I> {
    rest: I,
    /// The record that was read last, until it is handed on.
    next: Option<Record>,
    /// Where it stands.
    at: Option<Standing>,
}

impl<I> Ordered<I> {
    /// The records of `sources`, of which none is read yet.
    pub fn new(sources: impl IntoIterator<Item = I>) -> Self {
        let source = |rest| Source { rest, next: None, at: None };
        let sources: Vec<Source<I>> = sources.into_iter().map(source).collect();
        let unread = (0..sources.len()).collect();
        Self { sources, queue: BinaryHeap::new(), unread }
    }
}

impl<I, E> Source<I>
where
    I: Iterator<Item = Result<Record, E>>,
{
    /// Reads the next record; where it stands, or `None` at the end.
    fn read(&mut self) -> Result<Option<Standing>, Option<E>> {
        let Some(record) = self.rest.next().transpose().map_err(Some)? else { return Ok(None) };
        let standing = Standing::of(&record);
        if self.at.is_some_and(|before| before > standing) {
            return Err(None);
        }
        (self.next, self.at) = (Some(record), Some(standing));
        Ok(Some(standing))
    }
}

impl<I, E> Iterator for Ordered<I>
where
    I: Iterator<Item = Result<Record, E>>,
{
    type Item = Result<Next, Broken<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(source) = self.unread.pop() {
            match self.sources[source].read() {
                Ok(Some(standing)) => self.queue.push(Reverse((standing, source))),
                Ok(None) => {}
                Err(why) => return Some(Err(Broken { source, why })),
            }
        }
        let Reverse((_, source)) = self.queue.pop()?;
        self.unread.push(source);
        let record = self.sources[source].next.take()?;
        Some(Ok(Next { source, record }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::fixture::{dealt, numbered};
    use proptest::prelude::*;

    type Read = Result<Record, String>;

    fn ordered(sources: Vec<Vec<Read>>) -> Vec<Result<Next, Broken<String>>> {
        Ordered::new(sources.into_iter().map(Vec::into_iter)).collect()
    }

    fn numbers(read: &[Result<Next, Broken<String>>]) -> Vec<(usize, u64)> {
        let whole = read.iter().filter_map(|next| next.as_ref().ok());
        whole.map(|next| (next.source, next.record.ordinal)).collect()
    }

    fn well(records: impl IntoIterator<Item = Record>) -> Vec<Read> {
        records.into_iter().map(Ok).collect()
    }

    #[test]
    fn the_warm_up_comes_first_then_probes_by_trial_then_what_is_measured() {
        let of = |phase, trial, ordinal| Record { phase, trial, ..numbered(ordinal) };
        let one = well([of(Phase::Warmup, None, 2), of(Phase::Probe, Some(1), 5)]);
        let other = well([of(Phase::Probe, Some(0), 9), of(Phase::Measured, None, 0)]);
        assert_eq!(numbers(&ordered(vec![one, other])), [(0, 2), (1, 9), (0, 5), (1, 0)]);
    }

    #[test]
    fn a_source_that_breaks_is_told_and_the_others_go_on() {
        let mut broken = well([numbered(0)]);
        broken.push(Err("torn".to_owned()));
        let read = ordered(vec![broken, well([numbered(1), numbered(2)])]);
        assert_eq!(numbers(&read), [(0, 0), (1, 1), (1, 2)]);
        let why = Some("torn".to_owned());
        assert!(read.contains(&Err(Broken { source: 0, why })), "{read:?}");
    }

    #[test]
    fn a_source_out_of_order_breaks_and_one_that_repeats_itself_does_not() {
        let read = ordered(vec![well([3, 3, 2, 9].map(numbered))]);
        assert_eq!(numbers(&read), [(0, 3), (0, 3)]);
        assert_eq!(read[2], Err(Broken { source: 0, why: None }));
    }

    proptest! {
        #[test]
        fn what_was_dealt_to_workers_is_had_back_in_its_order(
            owners in prop::collection::vec(0_usize..8, 0..200)
        ) {
            let records: Vec<Record> = (0..owners.len() as u64).map(numbered).collect();
            let parts = dealt(&records, |ordinal| owners[ordinal as usize], 8);
            let read = ordered(parts.into_iter().map(well).collect());
            let back: Vec<Record> =
                read.into_iter().map(|next| next.map(|it| it.record)).collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(back, records);
        }
    }
}
