//! When the bytes of one connection went and came: written by its socket, asked by whoever sends a
//! request on it. One request at a time, which HTTP/1.1 without pipelining guarantees.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The times of the request that a connection carries now.
#[derive(Debug, Clone, Default)]
pub(super) struct Times(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    asked: Option<Instant>,
    received: Option<Instant>,
}

impl Times {
    /// What is written from now on belongs to a new request.
    pub(super) fn begin(&self) {
        *self.lock() = Seen::default();
    }

    /// A write begins.
    pub(super) fn writes(&self) {
        let mut seen = self.lock();
        if seen.asked.is_none() {
            seen.asked = Some(Instant::now());
        }
    }

    /// A read brought something that was here `at` this moment. No answer was here before the
    /// question or before an earlier part of it, whatever a wall clock that was set says.
    pub(super) fn read(&self, at: Instant) {
        let mut seen = self.lock();
        seen.received = Some(at).max(seen.received).max(seen.asked);
    }

    /// When the first write of the request began.
    pub(super) fn asked(&self) -> Option<Instant> {
        self.lock().asked
    }

    /// When that was here which the last read brought.
    pub(super) fn received(&self) -> Instant {
        self.lock().received.unwrap_or_else(Instant::now)
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // Whoever panicked has left whole moments behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_request_is_sent_when_its_first_write_begins() {
        let times = Times::default();
        times.writes();
        let handshake = times.asked();
        times.begin();
        assert_eq!(times.asked(), None, "what was written before is not the request's");
        times.writes();
        let asked = times.asked();
        times.writes();
        assert!(asked >= handshake && times.asked() == asked);
    }

    #[test]
    fn an_answer_is_never_earlier_than_its_question() {
        let times = Times::default();
        times.writes();
        let asked = times.asked().unwrap();
        times.read(asked - Duration::from_millis(1));
        assert_eq!(times.received(), asked);
        let later = asked + Duration::from_secs(9);
        times.read(later);
        times.read(asked);
        assert_eq!(times.received(), later);
    }
}
