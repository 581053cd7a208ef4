//! The one recorder: it stamps what drivers report, so that a time to first token means the same
//! for server-sent events, JSON lines and an engine in process.

use crate::clock::Clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokgate_core::record::{Event, EventKind};
use tokgate_core::time::Offset;

/// The times of one request, as they are stamped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stamps {
    /// First poll of the request.
    pub sent: Offset,
    /// The response head.
    pub head: Option<Offset>,
    /// The events in order of arrival.
    pub events: Vec<Event>,
    /// The end that the target announced.
    pub done: Option<Offset>,
    /// The last read that returned.
    arrived: Offset,
}

/// A driver's handle to the recorder, for one request. Cheap to clone, so that an engine thread
/// can hold it and a timed-out request still leaves its partial times behind.
///
/// A driver calls [`Reply::arrived`] as soon as bytes (or a token) are there and *before* it
/// looks at them; what it then reports carries that time.
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
        let now = self.clock.now();
        let mut stamps = self.lock();
        stamps.sent = now;
        stamps.arrived = now;
    }

    /// A read returned: everything reported until the next call came with it.
    pub fn arrived(&self) {
        let now = self.clock.now();
        self.lock().arrived = now;
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

    /// Takes what was stamped; the request is over.
    #[must_use]
    pub fn take(&self) -> Stamps {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Stamps> {
        // A panicking engine thread leaves whole stamps behind: each call writes one field.
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
