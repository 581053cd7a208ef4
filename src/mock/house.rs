//! What all connections share.

use super::options::Options;
use super::pace::Pace;
use super::schedule::{NoTime, Schedule, milliseconds};
use super::truth::{Deed, Ledger, Truth};
use super::voice::Identity;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The server's state. One thread works on it; the locks are never contended.
pub(super) struct House {
    pub(super) options: Options,
    /// The pace of the model that the server is named after.
    schedule: Schedule,
    /// Those of the models beside it, in the order of the options.
    beside: Vec<Schedule>,
    pub(super) pace: Pace,
    /// Requests beyond these wait, first come, first served.
    pub(super) slots: Semaphore,
    /// When the server started.
    pub(super) started: Instant,
    asked: AtomicU64,
    queued: AtomicU64,
    ledger: Mutex<Ledger>,
}

/// What keeps the house from being set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoHouse {
    #[error(transparent)]
    NoTime(#[from] NoTime),
    #[error("no timer: {0}")]
    NoTimer(#[from] io::Error),
}

impl House {
    /// # Errors
    /// When an option is no time, or the operating system has no timer left.
    pub(super) fn new(options: Options) -> Result<Self, NoHouse> {
        let schedule = Schedule::new(&options)?;
        let beside = options.beside.iter().map(|one| {
            let slow_down = options.slow_down * one.slow_down;
            Schedule::new(&Options { slow_down, ..options.clone() })
        });
        let beside = beside.collect::<Result<_, _>>()?;
        let started = Instant::now();
        let freeze = match options.freeze_at_s {
            None => None,
            Some(at_s) => {
                let begin = started + milliseconds("--freeze-at-s", at_s * 1e3)?;
                Some(begin..begin + milliseconds("--freeze-ms", options.freeze_ms)?)
            }
        };
        Ok(Self {
            schedule,
            beside,
            pace: Pace::new(freeze)?,
            slots: Semaphore::new(all_slots(&options)),
            started,
            asked: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            ledger: Mutex::new(Ledger::new(started)),
            options,
        })
    }

    /// Numbers the next request.
    pub(super) fn next_ordinal(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }

    /// Who is there now: the model that the server is named after, then those beside it.
    pub(super) fn identities(&self) -> Vec<Identity> {
        let first = self.identity_of("", self.asked.load(Ordering::Relaxed));
        let beside = self.options.beside.iter().map(|one| self.identity_of(&one.model, 0));
        std::iter::once(first).chain(beside).collect()
    }

    /// Who answers a request that comes now and names this model.
    pub(super) fn identity(&self, model: &str) -> Identity {
        self.identity_of(model, self.asked.load(Ordering::Relaxed))
    }

    /// Who answers the request with this number: the model beside that it names, else the one that the
    /// server is named after.
    pub(super) fn identity_of(&self, model: &str, ordinal: u64) -> Identity {
        if let Some(at) = self.number_beside(model) {
            let model = self.options.beside[at].model.clone();
            return Identity { model, fingerprint: "fp_mock_1" };
        }
        let model = self.options.model.clone();
        match self.options.swap_model_after.is_some_and(|after| ordinal >= after) {
            true => Identity { model: format!("{model}-swapped"), fingerprint: "fp_mock_2" },
            false => Identity { model, fingerprint: "fp_mock_1" },
        }
    }

    /// The pace at which a model answers.
    pub(super) fn schedule_of(&self, model: &str) -> &Schedule {
        self.number_beside(model).map_or(&self.schedule, |at| &self.beside[at])
    }

    fn number_beside(&self, model: &str) -> Option<usize> {
        self.options.beside.iter().position(|one| one.model == model)
    }

    /// Counts one more, or one less, that waits for a slot.
    pub(super) fn queue(&self) -> Queued<'_> {
        self.queued.fetch_add(1, Ordering::Relaxed);
        Queued(self)
    }

    /// Enters a request into the book.
    pub(super) fn enter(&self, received: Instant, deed: Deed) {
        self.ledger().enter(received, deed);
    }

    /// What was really done.
    pub(super) fn truth(&self, with_requests: bool) -> Truth {
        self.ledger().truth(self.queued.load(Ordering::Relaxed), with_requests)
    }

    /// What vLLM's metrics say of requests, of ours.
    pub(super) fn metrics(&self) -> String {
        let running = all_slots(&self.options) - self.slots.available_permits();
        let waiting = self.queued.load(Ordering::Relaxed);
        format!(
            "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running {running}\n\
             # TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting {waiting}\n"
        )
    }

    /// Begins a new book.
    pub(super) fn reset(&self) {
        *self.ledger() = Ledger::new(Instant::now());
    }

    /// Seconds from the start.
    pub(super) fn seconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.started).as_secs_f64()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn all_slots(options: &Options) -> usize {
    match options.slots {
        0 => Semaphore::MAX_PERMITS,
        slots => slots as usize,
    }
}

/// Counts as one that waits for as long as it lives.
pub(super) struct Queued<'a>(&'a House);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long the server lives.
pub(super) fn lifetime(options: &Options) -> Result<Duration, NoTime> {
    milliseconds("--lifetime-s", options.lifetime_s * 1e3)
}
