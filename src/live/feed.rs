//! What a run tells whoever looks on: events go in on any thread, and a thread of its own makes a snapshot
//! of them once a second. Telling never fails and waits for nobody.

use super::place::{self, Alive};
use super::progress::{Moment, Progress};
use super::relay::{Counting, Onlooker};
use super::snapshot::Telemetry;
use crate::store::Layout;
use crate::store::atomic::FileError;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokgate_core::case::{Case, CaseId};
use tokgate_core::record::Record;
use tokgate_core::report::{CaseReport, Report};
use tokgate_core::run::{Head, Run};
use tokgate_core::validity::Validity;
use tokgate_core::workload::Shard;
use tokgate_harness::driver::Driver;
use tokgate_harness::telemetry::Sampler;

/// Time from one snapshot to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Which run is told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The run.
    pub run_id: String,
    /// The names of its scenarios.
    pub scenario: String,
    /// The machine's key.
    pub machine: String,
    /// The commit.
    pub commit: Option<String>,
    /// When it began, microseconds since 1970.
    pub started_us: i64,
    /// How many cases there are, where that is known.
    pub cases: Option<usize>,
    /// Whether the machine is looked at alone, without a load.
    pub alone: bool,
    /// Which part of every load is sent here, where others send the rest.
    pub part: Option<Shard>,
}

/// Tells of a run, or of nothing.
#[derive(Debug, Default)]
pub struct Feed(Option<Told>);

/// A run that is told of.
#[derive(Debug)]
struct Told {
    shared: Arc<Shared>,
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    alive: Alive,
}

#[derive(Debug)]
struct Shared {
    layout: Layout,
    progress: Mutex<Progress>,
    telemetry: Arc<Mutex<Telemetry>>,
    sent: Arc<AtomicU64>,
}

impl Feed {
    /// Tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Tells of a run from now on. One that is gone on with goes on where it was.
    ///
    /// # Errors
    /// When nothing can be written beside the results, or somebody else tells of the run.
    pub fn start(layout: &Layout, about: About) -> Result<Self, FileError> {
        let (alive, earlier) = place::begin(layout, &about.run_id)?;
        let sent = Arc::new(AtomicU64::new(0));
        let progress = Progress::new(about, earlier, Arc::clone(&sent));
        let shared = Arc::new(Shared {
            layout: layout.clone(),
            progress: Mutex::new(progress),
            telemetry: Arc::default(),
            sent,
        });
        let (over, until) = channel();
        let telling = Arc::clone(&shared);
        let thread = std::thread::spawn(move || telling.tell(&until));
        Ok(Self(Some(Told { shared, over: Some(over), thread: Some(thread), alive })))
    }

    fn with(&self, event: impl FnOnce(&mut Progress, Moment)) {
        if let Some(told) = &self.0 {
            event(&mut told.shared.progress(), now());
        }
    }

    /// The driver with its requests counted.
    #[must_use]
    pub fn counting<'a>(&self, driver: &'a dyn Driver) -> Counting<'a> {
        let sent = self.0.as_ref().map(|told| Arc::clone(&told.shared.sent));
        Counting::new(driver, sent.unwrap_or_default())
    }

    /// The samplers with one behind them that looks on; none where there are none.
    #[must_use]
    pub fn looking_on(&self, mut samplers: Vec<Box<dyn Sampler>>) -> Vec<Box<dyn Sampler>> {
        if let Some(told) = self.0.as_ref().filter(|_| !samplers.is_empty()) {
            samplers.push(Box::new(Onlooker(Arc::clone(&told.shared.telemetry))));
        }
        samplers
    }

    /// A case is prepared.
    pub fn case_begins(&self, case: &Case) {
        self.with(|progress, _| progress.case_begins(case));
    }

    /// An epoch is measured from now on.
    pub fn epoch_begins(&self, head: &Head) {
        self.with(|progress, now| progress.epoch_begins(head, now));
    }

    /// A request has ended.
    pub fn saw(&self, record: &Record) {
        self.with(|progress, now| progress.saw(record, now));
    }

    /// An epoch has ended, and is kept.
    pub fn epoch_ended(&self, run: &Run, validity: &Validity) {
        self.with(|progress, _| progress.epoch_ended(run, validity));
    }

    /// A case has ended, and is kept.
    pub fn case_ended(&self, report: &CaseReport) {
        self.with(|progress, _| progress.case_ended(report));
    }

    /// A case could not be measured.
    pub fn unmeasured(&self, case: &CaseId, why: &str) {
        self.with(|progress, _| progress.unmeasured(case, why));
    }

    /// What was looked at is over, and there is nothing to be said of it.
    pub fn over(&self) {
        self.with(|progress, _| progress.over());
    }

    /// The run has ended, with everything that was planned, or before.
    pub fn end(&self, report: &Report, is_complete: bool) {
        self.with(|progress, _| progress.end(report, is_complete));
    }
}

impl Drop for Told {
    /// The last word is written before the process is no longer known to live.
    fn drop(&mut self) {
        self.over.take();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said what it could.
            let _ = thread.join();
        }
        self.shared.progress().abandon();
        // Whoever reads it finds nobody alive, and knows as much.
        let _ = self.shared.publish();
        self.alive.end();
    }
}

impl Shared {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A snapshot now and then, until it is over.
    fn tell(&self, until: &Receiver<()>) {
        let mut warned = false;
        loop {
            match self.publish() {
                Err(error) if !warned => {
                    tracing::warn!("nobody can look on: {error}");
                    warned = true;
                }
                Ok(()) | Err(_) => {}
            }
            match until.recv_timeout(EVERY) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn publish(&self) -> Result<(), FileError> {
        let telemetry = *self.telemetry.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.progress().snapshot(now(), telemetry);
        place::publish(&self.layout, &snapshot)
    }
}

fn now() -> Moment {
    Moment { at: Instant::now(), us: jiff::Timestamp::now().as_microsecond() }
}
