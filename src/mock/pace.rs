//! Waiting for the moment at which something is due, to a fraction of a millisecond.
//!
//! One timer serves all streams: those that wait stand in a heap, and the timer rings for the
//! first of them. That costs a stream no system call of its own.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokgate_harness::alarm::Alarm;

/// The clock that all streams go by.
pub(super) struct Pace {
    alarm: Alarm,
    waiting: Mutex<BinaryHeap<Reverse<Waiting>>>,
    /// When nothing is written at all.
    freeze: Option<Range<Instant>>,
}

/// A stream that waits.
struct Waiting {
    due: Instant,
    waker: Waker,
}

impl Pace {
    /// # Errors
    /// When the operating system has no timer left.
    pub(super) fn new(freeze: Option<Range<Instant>>) -> io::Result<Self> {
        Ok(Self { alarm: Alarm::new()?, waiting: Mutex::default(), freeze })
    }

    /// Waits until `due`, and to the end of a freeze that then is. Returns when it was due after
    /// all: a frozen stream goes on at its pace from there and does not catch up.
    pub(super) async fn until(&self, due: Instant) -> Instant {
        self.reach(due).await;
        let now = Instant::now();
        match self.freeze.clone().filter(|freeze| freeze.contains(&now)) {
            Some(freeze) => {
                self.reach(freeze.end).await;
                due.max(freeze.end)
            }
            None => due,
        }
    }

    async fn reach(&self, due: Instant) {
        match due <= Instant::now() {
            // A stream that is late must not keep the others from being on time.
            true => tokio::task::yield_now().await,
            false => Until { pace: self, due, waits: false }.await,
        }
    }

    /// Wakes those who are due, for ever.
    ///
    /// # Errors
    /// When the timer fails.
    pub(super) async fn run(&self) -> io::Result<()> {
        loop {
            self.alarm.ring().await?;
            self.wake_due()?;
        }
    }

    fn wake_due(&self) -> io::Result<()> {
        let mut waiting = self.lock();
        let now = Instant::now();
        while let Some(Reverse(first)) = waiting.peek() {
            if first.due > now {
                return self.alarm.set(first.due);
            }
            if let Some(Reverse(first)) = waiting.pop() {
                first.waker.wake();
            }
        }
        Ok(())
    }

    /// Puts a stream among those that wait.
    fn wait(&self, due: Instant, waker: Waker) {
        let mut waiting = self.lock();
        let is_first = waiting.peek().is_none_or(|Reverse(first)| due < first.due);
        waiting.push(Reverse(Waiting { due, waker }));
        if is_first && let Err(error) = self.alarm.set(due) {
            // The next ring serves it, late; the truth will show that.
            tracing::warn!("the timer cannot be set: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BinaryHeap<Reverse<Waiting>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The future of one moment.
struct Until<'a> {
    pace: &'a Pace,
    due: Instant,
    waits: bool,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.due {
            return Poll::Ready(());
        }
        if !self.waits {
            self.waits = true;
            self.pace.wait(self.due, context.waker().clone());
        }
        Poll::Pending
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.due.cmp(&other.due)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Waiting {}
