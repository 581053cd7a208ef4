//! The one recorder: it stamps what drivers report, so that a time to first token means the same
//! for server-sent events, JSON lines and an engine in process.

use crate::clock::Clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokgate_core::record::{Event, EventKind, Parts};
use tokgate_core::time::Offset;

/// The times of one request, as they are stamped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stamps {
    /// First poll of the request; its first write, where the driver sees its socket.
    pub sent: Offset,
    /// The response head.
    pub head: Option<Offset>,
    /// The events in order of arrival.
    pub events: Vec<Event>,
    /// The end that the target announced.
    pub done: Option<Offset>,
    /// The parts of a question that is answered from retrieved passages.
    pub parts: Option<Parts>,
    /// The last arrival.
    arrived: Offset,
}

/// A driver's handle to the recorder, for one request. Cheap to clone, so that an engine thread
/// can hold it and a timed-out request still leaves its partial times behind.
///
/// A driver calls [`Reply::arrived`] as soon as bytes (or a token) are there and *before* it
/// looks at them; what it then reports carries that time. One whose socket knows better when bytes
/// went and came says so: [`Reply::sent_at`], [`Reply::arrived_at`].
#[derive(Debug, Clone)]
pub struct Reply {
    clock: Clock,
    stamps: Arc<Mutex<Stamps>>,
}

impl Reply {
    /// A recorder for one request.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { clock, stamps: Arc::default() }
    }

    /// The request is being polled for the first time.
    pub fn sent(&self) {
        self.stamp_sent(self.clock.now());
    }

    /// The request's first bytes were written at this moment.
    pub fn sent_at(&self, moment: Instant) {
        self.stamp_sent(self.clock.at(moment));
    }

    /// A read returned: everything reported until the next call came with it.
    pub fn arrived(&self) {
        self.stamp_arrived(self.clock.now());
    }

    /// What the last read brought was here at this moment: everything reported until the next call
    /// came with it.
    pub fn arrived_at(&self, moment: Instant) {
        self.stamp_arrived(self.clock.at(moment));
    }

    /// The response head came with the last read.
    pub fn head(&self) {
        let mut stamps = self.lock();
        stamps.head = Some(stamps.arrived);
    }

    /// An event was completed by the last read. `tokens` where the target says how many.
    pub fn event(&self, kind: EventKind, tokens: Option<u32>) {
        let mut stamps = self.lock();
        let at = stamps.arrived;
        stamps.events.push(Event { at, kind, tokens });
    }

    /// The target announced the end with the last read.
    pub fn done(&self) {
        let mut stamps = self.lock();
        stamps.done = Some(stamps.arrived);
    }

    /// The question's vector came with the last read. What is sent from now on is a request for the
    /// answer to the same question, which began when its first byte was written.
    pub fn embedded(&self) {
        let mut stamps = self.lock();
        let embedded = Some(stamps.arrived);
        stamps.parts = Some(Parts { embedded, ..Parts::default() });
    }

    /// The question's vector is being searched for from now on.
    pub fn searching(&self) {
        let now = self.clock.now();
        self.lock().parts.get_or_insert_default().searching = Some(now);
    }

    /// The passages are found.
    pub fn found(&self) {
        let now = self.clock.now();
        self.lock().parts.get_or_insert_default().found = Some(now);
    }

    /// Takes what was stamped; the request is over.
    #[must_use]
    pub fn take(&self) -> Stamps {
        std::mem::take(&mut *self.lock())
    }

    fn stamp_sent(&self, at: Offset) {
        let mut stamps = self.lock();
        match &mut stamps.parts {
            Some(parts) => parts.asked = Some(at),
            None => stamps.sent = at,
        }
        stamps.arrived = at;
    }

    fn stamp_arrived(&self, at: Offset) {
        self.lock().arrived = at;
    }

    fn lock(&self) -> MutexGuard<'_, Stamps> {
        // A panicking engine thread leaves whole stamps behind: each call writes one field.
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
