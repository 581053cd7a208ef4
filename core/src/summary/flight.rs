//! How many requests were in flight at once.

use crate::record::Record;
use crate::spool::{Spool, Spools};

/// When requests began and ended.
pub(super) struct Flight<M: Spools> {
    begins: M::Of<1>,
    ends: M::Of<1>,
}

impl<M: Spools> Flight<M> {
    pub(super) fn new(spools: &M) -> Result<Self, M::Error> {
        Ok(Self { begins: spools.spool()?, ends: spools.spool()? })
    }

    pub(super) fn add(&mut self, record: &Record) -> Result<(), M::Error> {
        self.begins.push([record.sent.0])?;
        self.ends.push([record.done.0])
    }

    /// `in_flight`: the most requests between their sent and their done at once; `None` without any.
    pub(super) fn most(mut self) -> Result<Option<i64>, M::Error> {
        let mut ends = self.ends.ascending()?;
        let (mut end, mut running, mut most) = (ends.next().transpose()?, 0, None);
        for begin in self.begins.ascending()? {
            let begin = begin?;
            // At one instant those that end go before those that begin.
            while end.is_some_and(|end| end <= begin) {
                running -= 1;
                end = ends.next().transpose()?;
            }
            running += 1;
            most = most.max(Some(running));
        }
        Ok(most)
    }
}
