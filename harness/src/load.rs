//! A load in progress: requests are sent as the workload plans them, and each becomes a record.
//!
//! Opening targets, telemetry and the order of an epoch's phases are in [`crate::measure`].

use crate::clock::Clock;
use crate::counting::{Outlet, Uncounted};
use crate::driver::{Answer, Payload, Request, WARMUP_QUERIES};
use crate::measure::Epoch;
use crate::recorder::{Reply, Stamps};
use futures_util::future::join_all;
use std::cell::Cell;
use std::time::Duration;
use tokgate_core::case::{Dataset, Workload};
use tokgate_core::dataset::file::Entries;
use tokgate_core::dataset::{NoPrompts, Prompt, Prompts, fnv1a};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::{Outcome, Phase, Record};
use tokgate_core::run::Ending;
use tokgate_core::time::Offset;
use tokio::time::timeout;

/// Answers whose text is kept with the result.
const SAMPLES_KEPT: u64 = 5;

/// Characters of a kept answer.
const SAMPLE_LENGTH: usize = 2_000;

/// How long requests in flight may go on after a stop before they are cut off.
const GRACE: Duration = Duration::from_secs(3);

/// A load in progress: what all its workers share.
pub(crate) struct Load<'a> {
    epoch: &'a Epoch<'a>,
    /// When the epoch began; its telemetry is stamped by the same clock.
    pub(crate) clock: Clock,
    prompts: Option<Prompts<'a>>,
    outlet: Outlet,
    sink_gone: Cell<bool>,
}

impl<'a> Load<'a> {
    /// The load of an epoch, whose clock starts now; its records go to `outlet`. `entries` are
    /// those of the case's file, where it has one.
    ///
    /// # Errors
    /// When there is nothing to send.
    pub(crate) fn new(
        epoch: &'a Epoch<'a>,
        entries: Option<&'a Entries>,
        outlet: Outlet,
    ) -> Result<Self, NoPrompts> {
        let run = &epoch.case.run;
        let prompts = match &epoch.case.dataset {
            Dataset::Prompts(set) => {
                let salt = run.salt.then_some(epoch.salt);
                Some(Prompts::new(set, entries, run.seed, salt)?)
            }
            Dataset::Vectors(_) => None,
        };
        Ok(Self { epoch, clock: Clock::start(), prompts, outlet, sink_gone: Cell::new(false) })
    }

    /// How the epoch ended, asked after its last phase.
    pub(crate) fn ending(&self) -> Ending {
        if self.sink_gone.get() {
            Ending::Aborted("results could not be written".to_owned())
        } else if self.epoch.stop.is_requested() {
            Ending::Interrupted
        } else {
            Ending::Completed
        }
    }

    fn should_stop(&self) -> bool {
        self.sink_gone.get() || self.epoch.stop.is_requested()
    }

    /// Closed loop: each worker releases a batch, waits for all of its answers, and goes on.
    pub(crate) async fn closed(&self, phase: Phase, requests: u32) {
        let Workload::Closed { concurrency, batch, .. } = self.epoch.case.workload;
        let next = &Cell::new(0u64);
        let total = u64::from(requests);
        let workers = (0..concurrency).map(|worker| async move {
            while next.get() < total && !self.should_stop() {
                let first = next.get();
                let end = total.min(first + u64::from(batch));
                next.set(end);
                let due = self.clock.now();
                let place = |ordinal| Place { ordinal, worker, phase, due };
                join_all((first..end).map(|ordinal| self.one(place(ordinal)))).await;
            }
        });
        join_all(workers).await;
    }

    /// Sends one request, waits for its end, and hands the record on.
    async fn one(&self, place: Place) {
        let request = self.request(&place);
        let reply = Reply::new(self.clock);
        reply.sent();
        let deadline = Duration::from_secs_f64(self.epoch.case.run.timeout_s);
        let answer = tokio::select! {
            answer = timeout(deadline, self.epoch.driver.send(&request, &reply)) => Some(answer),
            () = self.cut_off() => None,
        };
        let answer = match answer {
            Some(Ok(answer)) => Ended::of(answer),
            Some(Err(_)) => Ended::failed(Failure::new(
                FailureClass::TimeoutTotal,
                format!("no end within {} s", self.epoch.case.run.timeout_s),
            )),
            None => Ended::incomplete(),
        };
        let ended = answer.into_record(place, request, reply.take(), self.clock.now());
        if self.outlet.send(ended).is_err() {
            self.sink_gone.set(true);
        }
    }

    /// Ends when a stop was asked for and the grace period is over.
    async fn cut_off(&self) {
        self.epoch.stop.requested().await;
        tokio::time::sleep(GRACE).await;
    }

    fn request(&self, place: &Place) -> Request {
        let payload = match (&self.epoch.case.dataset, &self.prompts) {
            (Dataset::Prompts(set), Some(prompts)) => {
                let Prompt { messages, max_tokens } = prompts.prompt(place.phase, place.ordinal);
                Payload::Prompt { messages, max_tokens, temperature: set.temperature }
            }
            _ => Payload::Query { index: place.query() },
        };
        Request { ordinal: place.ordinal, seed: self.seed(place), payload }
    }

    /// A seed that no other request of any epoch has; the same again for the same salt.
    fn seed(&self, place: &Place) -> u64 {
        let run = &self.epoch.case.run;
        let salt = if run.salt { self.epoch.salt } else { "" };
        let Place { phase, ordinal, .. } = place;
        fnv1a(format!("{}/{salt}/{}/{phase:?}/{ordinal}", run.seed, self.epoch.number).as_bytes())
    }
}

/// Where a request stands in its epoch.
struct Place {
    ordinal: u64,
    worker: u32,
    phase: Phase,
    due: Offset,
}

impl Place {
    fn query(&self) -> u32 {
        let number = (self.ordinal % u64::from(WARMUP_QUERIES)) as u32;
        match self.phase {
            Phase::Measured => number,
            Phase::Warmup => WARMUP_QUERIES | number,
        }
    }
}

/// How a request ended, and what it brought.
struct Ended {
    outcome: Outcome,
    answer: Answer,
}

impl Ended {
    fn of(answer: Result<Answer, Failure>) -> Self {
        match answer {
            Ok(answer) => Self { outcome: Outcome::Success, answer },
            Err(failure) => Self::failed(failure),
        }
    }

    fn failed(failure: Failure) -> Self {
        Self { outcome: Outcome::Failed(failure), answer: Answer::default() }
    }

    fn incomplete() -> Self {
        Self { outcome: Outcome::Incomplete, answer: Answer::default() }
    }

    fn into_record(self, place: Place, request: Request, stamps: Stamps, now: Offset) -> Uncounted {
        let keep_text = place.phase == Phase::Measured && place.ordinal < SAMPLES_KEPT;
        let Answer { usage, finish_reason, text, neighbours } = self.answer;
        let (requested_tokens, messages) = match request.payload {
            Payload::Prompt { max_tokens, messages, .. } => (Some(max_tokens), messages),
            Payload::Query { .. } => (None, Vec::new()),
        };
        let sample = text.as_deref().filter(|_| keep_text);
        let record = Record {
            ordinal: place.ordinal,
            worker: place.worker,
            phase: place.phase,
            due: place.due,
            sent: stamps.sent,
            head: stamps.head,
            done: stamps.done.unwrap_or(now),
            events: stamps.events,
            outcome: self.outcome,
            usage,
            recount: None,
            requested_tokens,
            finish_reason,
            sample: sample.map(|text| text.chars().take(SAMPLE_LENGTH).collect()),
            neighbours,
        };
        Uncounted { record, messages, answer: text }
    }
}
