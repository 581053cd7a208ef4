//! A load in progress: requests are sent as the workload plans them, and each becomes a record.
//!
//! When they are sent is said by one file for each kind of workload (`closed`, `open`, `search`);
//! here is what one request goes through. Opening targets, telemetry and the order of an epoch's
//! phases are in [`crate::measure`].

mod closed;
mod open;
mod search;

use crate::clock::Clock;
use crate::driver::{Answer, Payload, Request, WARMUP_QUERIES};
use crate::measure::Epoch;
use crate::pacer::Pacer;
use crate::part::Begun;
use crate::recorder::{Reply, Stamps};
use crate::texts::{self, Outlet};
use std::cell::{Cell, RefCell};
use std::time::{Duration, SystemTime};
use tokgate_core::case::{Dataset, Workload};
use tokgate_core::dataset::file::Entries;
use tokgate_core::dataset::{NoPrompts, Prompt, Prompts, fnv1a, joined};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::metric::Kind;
use tokgate_core::record::{Outcome, Phase, Record};
use tokgate_core::run::Ending;
use tokgate_core::time::Offset;
use tokgate_core::workload::{Arrival, Closed, NoTimes, Open};
use tokio::time::timeout;

/// Characters of a kept answer.
const SAMPLE_LENGTH: usize = 2_000;

/// How long requests in flight may go on after a stop before they are cut off.
const GRACE: Duration = Duration::from_secs(3);

/// Workers of the warm-up of a load that has none.
const WARMUP_WORKERS: u32 = 16;

/// A load in progress: what all its workers share.
pub(crate) struct Load<'a> {
    epoch: &'a Epoch<'a>,
    /// When the epoch began; its telemetry is stamped by the same clock.
    pub(crate) clock: Clock,
    pacer: Pacer,
    prompts: Option<Prompts<'a>>,
    /// The arrivals of an open loop.
    arrivals: Vec<Arrival>,
    outlet: Outlet,
    sink_gone: Cell<bool>,
    /// Number of the next request of the load, in the order of the plan.
    next: Cell<u64>,
    /// The requests of the trial in progress, for the search that decides what is tried next.
    tried: RefCell<Vec<Record>>,
}

/// Why a load cannot be begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoLoad {
    #[error(transparent)]
    Prompts(#[from] NoPrompts),
    #[error(transparent)]
    Times(#[from] NoTimes),
    #[error("the operating system has no timer left: {0}")]
    Timer(#[from] std::io::Error),
}

impl<'a> Load<'a> {
    /// The load of an epoch, whose clock starts now; its records go to `outlet`. `entries` are
    /// those of the case's file, where it has one.
    ///
    /// # Errors
    /// When there is nothing to send, or it is not known when.
    pub(crate) fn new(
        epoch: &'a Epoch<'a>,
        entries: Option<&'a Entries>,
        outlet: Outlet,
        pacer: Pacer,
    ) -> Result<Self, NoLoad> {
        let run = &epoch.case.run;
        let prompts = match &epoch.case.dataset {
            Dataset::Prompts(set) => {
                let salt = run.salt.then_some(epoch.salt);
                Some(Prompts::new(set, entries, run.seed, salt)?)
            }
            Dataset::Vectors(_) => None,
        };
        let arrivals = match &epoch.case.workload {
            Workload::Open(Open { arrivals, .. }) => {
                // The same in every epoch, so that epochs differ in the target alone.
                arrivals.plan(run.seed, &times(entries), epoch.part.shard)?
            }
            Workload::Closed(_) | Workload::BreakingPoint(_) => Vec::new(),
        };
        Ok(Self {
            epoch,
            clock: Clock::start(),
            pacer,
            prompts,
            arrivals,
            outlet,
            sink_gone: Cell::new(false),
            next: Cell::new(0),
            tried: RefCell::default(),
        })
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

    /// Warms the target up, and with it our connections.
    pub(crate) async fn warm_up(&self) {
        let workload = &self.epoch.case.workload;
        let requests = workload.warmup();
        if requests == 0 {
            return;
        }
        let (workers, batch) = match workload {
            Workload::Closed(closed) => (closed.concurrency, closed.batch),
            Workload::Open(_) | Workload::BreakingPoint(_) => (WARMUP_WORKERS.min(requests), 1),
        };
        self.closed(&Closed::counted(workers, batch, requests, 0), Stage::of(Phase::Warmup)).await;
        self.next.set(0);
    }

    /// Waits for the moment at which all parts of the load begin. One that has passed is waited for no
    /// more: the part begins at once, as late as it is.
    pub(crate) async fn begin(&self) -> Begun {
        let Some(start) = self.epoch.part.start else {
            return Begun { at: self.clock.now(), late_s: None };
        };
        // The wall clock is read once: what moves it later moves nothing here.
        let (now, wall) = (self.clock.now(), SystemTime::now());
        let wait = start.duration_since(wall).unwrap_or_default();
        let due = Offset(now.0.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)));
        self.reach(Some(due)).await;
        let passed = wall.duration_since(start).unwrap_or_default().as_secs_f64();
        // Negative where a stop came before the moment did.
        let woken = self.clock.now().seconds_since(due).max(0.0);
        Begun { at: due, late_s: Some(passed + woken) }
    }

    /// Sends what is measured, from its beginning on.
    pub(crate) async fn measure(&self, begun: Begun) {
        match &self.epoch.case.workload {
            Workload::Closed(closed) => self.closed(closed, Stage::of(Phase::Measured)).await,
            Workload::Open(open) => self.open(open, begun.at).await,
            Workload::BreakingPoint(search) => self.search(search).await,
        }
    }

    /// Sends one request, waits for its end, and hands the record on.
    async fn one(&self, place: Place) {
        let request = self.request(&place);
        let reply = Reply::new(self.clock);
        reply.sent();
        let deadline = Duration::from_secs_f64(self.epoch.case.run.timeout_s);
        let answer = tokio::select! {
            biased;
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
        let mut ended = answer.into_record(place, request, reply.take(), self.clock.now());
        self.about_the_text(place, &mut ended);
        if place.stage.phase == Phase::Probe {
            self.tried.borrow_mut().push(ended.record.clone());
        }
        if self.outlet.send(ended).is_err() {
            self.sink_gone.set(true);
        }
    }

    /// What only the case knows of a text: what was expected, and whether it is kept.
    fn about_the_text(&self, place: Place, ended: &mut texts::Ended) {
        if place.stage.phase != Phase::Measured {
            return;
        }
        let expected = self.prompts.as_ref().and_then(|it| it.expected(place.ordinal));
        ended.expected = expected.map(str::to_owned);
        if place.ordinal < self.epoch.case.quality.sample_responses.into() {
            let text = ended.answer.as_deref();
            ended.record.sample = text.map(|text| text.chars().take(SAMPLE_LENGTH).collect());
        }
    }

    /// Ends when a stop was asked for and the grace period is over.
    async fn cut_off(&self) {
        self.epoch.stop.requested().await;
        tokio::time::sleep(GRACE).await;
    }

    fn request(&self, place: &Place) -> Request {
        let payload = match (&self.epoch.case.dataset, &self.prompts) {
            (Dataset::Prompts(_), Some(prompts)) if self.epoch.case.kind == Kind::Embedding => {
                Payload::Texts { inputs: self.inputs(prompts, place) }
            }
            (Dataset::Prompts(set), Some(prompts)) => {
                let Prompt { messages, max_tokens } =
                    prompts.prompt(place.stage.phase, place.ordinal);
                Payload::Prompt { messages, max_tokens, temperature: set.temperature }
            }
            _ => Payload::Query { index: place.query() },
        };
        Request { ordinal: place.ordinal, seed: self.seed(place), payload }
    }

    /// The texts of one request: each is a prompt of its own, and all come in turn.
    fn inputs(&self, prompts: &Prompts<'_>, place: &Place) -> Vec<String> {
        let each = self.epoch.case.embedding.map_or(1, |asked| asked.inputs_per_request);
        let first = place.ordinal * u64::from(each);
        let text = |number| joined(&prompts.prompt(place.stage.phase, number).messages);
        (first..first + u64::from(each)).map(text).collect()
    }

    /// A seed that no other request of any epoch has; the same again for the same salt.
    fn seed(&self, place: &Place) -> u64 {
        let run = &self.epoch.case.run;
        let salt = if run.salt { self.epoch.salt } else { "" };
        let (phase, ordinal) = (place.stage.phase, place.ordinal);
        fnv1a(format!("{}/{salt}/{}/{phase:?}/{ordinal}", run.seed, self.epoch.number).as_bytes())
    }
}

/// The times of a trace by the numbers of its requests; none for anything else.
fn times(entries: Option<&Entries>) -> Vec<Option<f64>> {
    match entries {
        Some(Entries::Traced(traced)) => traced.iter().map(|one| one.at_s).collect(),
        Some(Entries::Written(_)) | None => Vec::new(),
    }
}

/// Which part of an epoch a request belongs to.
#[derive(Debug, Clone, Copy)]
struct Stage {
    phase: Phase,
    /// The trial of a search.
    trial: Option<u32>,
}

impl Stage {
    fn of(phase: Phase) -> Self {
        Self { phase, trial: None }
    }
}

/// Where a request stands in its epoch.
#[derive(Debug, Clone, Copy)]
struct Place {
    ordinal: u64,
    worker: u32,
    stage: Stage,
    due: Offset,
}

impl Place {
    fn query(&self) -> u32 {
        let number = (self.ordinal % u64::from(WARMUP_QUERIES)) as u32;
        match self.stage.phase {
            Phase::Measured | Phase::Probe => number,
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

    fn into_record(
        self,
        place: Place,
        request: Request,
        stamps: Stamps,
        now: Offset,
    ) -> texts::Ended {
        let Answer { usage, finish_reason, text, likelihood, neighbours, embedded } = self.answer;
        let (requested_tokens, messages) = match request.payload {
            Payload::Prompt { max_tokens, messages, .. } => (Some(max_tokens), messages),
            Payload::Query { .. } | Payload::Texts { .. } => (None, Vec::new()),
        };
        let record = Record {
            ordinal: place.ordinal,
            worker: place.worker,
            phase: place.stage.phase,
            trial: place.stage.trial,
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
            sample: None,
            quality: None,
            neighbours,
            embedded,
            parts: stamps.parts,
        };
        texts::Ended { record, messages, answer: text, likelihood, expected: None }
    }
}
