//! From a worker's own clock to that of all workers together.

use crate::record::{Event, Parts, Record};
use crate::run::TelemetrySample;
use crate::time::Offset;

/// How far a worker's clock is behind that of all: each of them started its own before the beginning that they
/// share, and the one that waited longest has the beginning for all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shift(u64);

impl Shift {
    /// From a clock on which the load began at `own` to one on which it begins at `common`, nanoseconds; `None`
    /// where it began later there.
    #[must_use]
    pub fn between(own: u64, common: u64) -> Option<Self> {
        common.checked_sub(own).map(Self)
    }

    /// The nanoseconds.
    #[must_use]
    pub fn ns(self) -> u64 {
        self.0
    }

    /// A request on the clock of all; `None` where it would be at no time that can be told.
    #[must_use]
    pub fn record(self, record: Record) -> Option<Record> {
        let event = |event: &Event| Some(Event { at: self.offset(event.at)?, ..*event });
        Some(Record {
            due: self.offset(record.due)?,
            sent: self.offset(record.sent)?,
            head: self.maybe(record.head)?,
            done: self.offset(record.done)?,
            events: record.events.iter().map(event).collect::<Option<_>>()?,
            parts: match record.parts {
                Some(parts) => Some(self.parts(parts)?),
                None => None,
            },
            ..record
        })
    }

    /// A look at the machine on the clock of all; `None` as [`Shift::record`].
    #[must_use]
    pub fn sample(self, sample: &TelemetrySample) -> Option<TelemetrySample> {
        Some(TelemetrySample { at: self.offset(sample.at)?, ..sample.clone() })
    }

    fn parts(self, parts: Parts) -> Option<Parts> {
        let Parts { embedded, searching, found, asked } = parts;
        Some(Parts {
            embedded: self.maybe(embedded)?,
            searching: self.maybe(searching)?,
            found: self.maybe(found)?,
            asked: self.maybe(asked)?,
        })
    }

    fn maybe(self, at: Option<Offset>) -> Option<Option<Offset>> {
        at.map_or(Some(None), |at| self.offset(at).map(Some))
    }

    fn offset(self, at: Offset) -> Option<Offset> {
        at.0.checked_add(self.0).map(Offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::success;

    #[test]
    fn every_time_of_a_request_is_moved_and_nothing_else() {
        let at = |ns| Some(Offset(ns));
        let parts = Parts { embedded: at(1), searching: at(2), found: None, asked: at(3) };
        let own = Record { head: at(5), parts: Some(parts), ..success(100) };
        let shift = Shift::between(40, 1040).unwrap();
        let moved = shift.record(own.clone()).unwrap();
        assert_eq!(moved.due.0, own.due.0 + 1000);
        assert_eq!(moved.events[1].at.0, own.events[1].at.0 + 1000);
        assert_eq!((moved.head, moved.parts.unwrap().asked), (at(1005), at(1003)));
        // And back again it is what it was.
        let text = serde_json::to_string(&moved).unwrap();
        assert_ne!(text, serde_json::to_string(&own).unwrap());
        assert_eq!(Shift::default().record(own.clone()), Some(own));
    }

    #[test]
    fn a_time_that_cannot_be_told_is_none() {
        assert_eq!(Shift::between(2, 1), None);
        let late = Record { done: Offset(u64::MAX), ..success(0) };
        assert_eq!(Shift::between(0, 1).unwrap().record(late), None);
    }
}
