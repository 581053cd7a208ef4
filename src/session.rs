//! One invocation: the harness, the store, the machine, and what everything is compared with.

use crate::baselines::Found;
use crate::earlier::{self, Earlier};
use crate::live::Feed;
use crate::part::Sharing;
use crate::store::{self, EpochEnd, EpochName, Journal, Store, StoreError, Stored, ids};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tokgate_baseline::Baseline;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::environment::{Environment, MachineId};
use tokgate_core::record::Record;
use tokgate_core::report::{ComparedWith, Unmeasured};
use tokgate_core::run::{Arm, Head, Run};
use tokgate_core::summary::Summary;
use tokgate_core::validity::{Validity, assess, assess_part};
use tokgate_harness::driver::{Driver, OpenError};
use tokgate_harness::measure::{Epoch, Harness, Measured};
use tokgate_harness::part::Part;
use tokgate_harness::stop::Stop;
use tokgate_harness::telemetry::Sampler;

/// How often the raw lines are forced to the disk while a load runs.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Why a case could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// The target cannot be measured.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It asks to be left out on such a target.
    #[error("{0}")]
    LeftOut(String),
    /// It is another one than its earlier epochs were measured with.
    #[error(
        "what is measured is another than in this run's earlier epochs ({0}): start a run of its own"
    )]
    Changed(String),
    /// Results cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Epochs, and whether each of them may be judged.
pub(crate) type Epochs = (Vec<Run>, Vec<Validity>);

/// Told of every request as it ends; on another thread than the load's.
pub type Watch<'a> = &'a (dyn Fn(&Record) + Sync);

/// Who this invocation is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The invocation.
    pub run_id: String,
    /// The stretch of time on this machine.
    pub booking_id: String,
    /// The machine's key.
    pub machine: MachineId,
    /// The machine.
    pub environment: Environment,
    /// Platform to store results under, instead of the target's own.
    pub platform: Option<String>,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
}

impl Identity {
    /// Who measured an epoch.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        Self {
            run_id: head.run_id.clone(),
            booking_id: head.booking_id.clone(),
            machine: head.machine.clone(),
            environment: head.environment.clone(),
            platform: None,
            started_us: head.started_us,
        }
    }
}

/// One invocation in progress.
pub struct Session {
    /// Who it is.
    pub identity: Identity,
    /// Measures.
    pub harness: Harness,
    /// What looks at the machine while it measures; nothing, where a test must not depend on it.
    pub samplers: fn() -> Vec<Box<dyn Sampler>>,
    /// Keeps.
    pub store: Box<dyn Store + Send>,
    /// What the run has measured already, where it is gone on with.
    pub earlier: Earlier,
    /// Which part of every load is sent here, where others send the rest.
    pub sharing: Option<Sharing>,
    /// What each scenario is compared with, by its name.
    pub baselines: BTreeMap<String, Found>,
    /// Whether what is merely not proven fails the run.
    pub strict: bool,
    /// Tells whoever looks on.
    pub feed: Feed,
    /// Asks for the end.
    pub stop: Arc<Stop>,
    /// The cases that were measured so far.
    pub measured: Vec<MeasuredCase>,
    /// The cases that could not be measured.
    pub unmeasured: Vec<Unmeasured>,
}

/// A case as it was measured and stored.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredCase {
    /// Its epochs, at least one.
    pub epochs: Vec<Run>,
    /// Whether each of them may be judged.
    pub validity: Vec<Validity>,
    /// What they say together.
    pub summary: Summary,
}

/// Which epoch of which side is measured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The side.
    pub(crate) arm: Arm,
    /// The number of the epoch; in pairs, of the pair.
    pub(crate) number: u32,
    /// What keeps its prompts apart from those of any other.
    pub(crate) salt: String,
    /// Which part of its load is sent here, and when that begins.
    pub(crate) part: Part,
    /// The commit that this side was made from, where it is not the project's.
    pub(crate) commit: Option<String>,
    /// What it is stored under, where that is not the target's own platform.
    pub(crate) platform: Option<String>,
}

impl MeasuredCase {
    /// The case that these epochs make; at least one.
    ///
    /// # Panics
    /// Without an epoch.
    #[must_use]
    pub fn of(epochs: Vec<Stored>) -> Self {
        let (epochs, validity): (Vec<Run>, Vec<Validity>) =
            epochs.into_iter().map(|epoch| (epoch.run, epoch.validity)).unzip();
        let summary = store::summary(&epochs).expect("a case has an epoch");
        Self { epochs, validity, summary }
    }

    /// Who the case is, by its first epoch.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.first().head
    }

    /// Its first epoch.
    #[must_use]
    pub fn first(&self) -> &Run {
        self.epochs.first().expect("a measured case has an epoch")
    }
}

impl Session {
    /// The epochs of a case of which nothing is left to measure; `None` where something is.
    pub(crate) fn whole(&self, case: &Case) -> Result<Option<Epochs>, CaseError> {
        if !self.earlier.is_whole(case) {
            return Ok(None);
        }
        let stored = (0..case.run.epochs).map(|number| self.earlier.epoch(&case.id, number));
        let stored: Vec<Option<Stored>> =
            stored.collect::<Result<_, _>>().map_err(StoreError::from)?;
        let pair = |stored: Stored| (stored.run, stored.validity);
        Ok(Some(stored.into_iter().flatten().map(pair).unzip()))
    }

    /// Refuses to put epochs beside earlier ones of the same case that were measured otherwise.
    pub(crate) fn refuse_another(&self, case: &Case, driver: &dyn Driver) -> Result<(), CaseError> {
        let Some(first) = self.earlier.first(case).map_err(StoreError::from)? else {
            return Ok(());
        };
        let then = &first.run.head;
        let mut changed = earlier::changes(&then.case, case);
        changed.extend(earlier::other_target(&then.target, &driver.identity()));
        match changed.is_empty() {
            true => Ok(()),
            false => Err(CaseError::Changed(changed.join("; "))),
        }
    }

    /// Measures the epochs of a case that there are not yet, each durable before the next begins.
    /// Stops after the epoch in which a stop was asked for.
    pub(crate) fn epochs(
        &mut self,
        case: &Case,
        driver: &dyn Driver,
        watch: Watch<'_>,
    ) -> Result<Epochs, CaseError> {
        let (mut epochs, mut validity) = (Vec::new(), Vec::new());
        for number in 0..case.run.epochs {
            let kept = self.earlier.epoch(&case.id, number).map_err(StoreError::from)?;
            let part = self.sharing.as_ref().map(|sharing| sharing.part(&case.id, number));
            let part = part.unwrap_or_default();
            let turn = Turn { number, salt: self.salt(number), part, ..Turn::default() };
            let stored = kept.map_or_else(|| self.epoch(case, driver, &turn, watch), Ok)?;
            epochs.push(stored.run);
            validity.push(stored.validity);
            if self.stop.is_requested() {
                break;
            }
        }
        Ok((epochs, validity))
    }

    /// The baseline that a case is compared with, and whether it is the recorded one.
    #[must_use]
    pub fn baseline_of(&self, case: &CaseId) -> Option<(&Baseline, bool)> {
        let found = self.baselines.get(case.scenario())?;
        Some((found.baseline.as_ref()?, found.recorded))
    }

    /// The scenarios of this invocation, by name.
    #[must_use]
    pub fn scenarios(&self) -> String {
        self.baselines.keys().map(String::as_str).collect::<Vec<_>>().join("+")
    }

    /// What this invocation is compared with, in words.
    #[must_use]
    pub fn compared_with(&self) -> ComparedWith {
        let found = self.baselines.values().map(|found| &found.compared_with);
        let is_baseline = |one: &&ComparedWith| matches!(one, ComparedWith::Baseline(_));
        let first = found.clone().find(is_baseline).or_else(|| found.clone().next());
        first.cloned().unwrap_or(ComparedWith::Nothing("nothing was measured".to_owned()))
    }

    /// What keeps the prompts of the epoch of this number apart from those of any other.
    pub(crate) fn salt(&self, number: u32) -> String {
        self.earlier.salt(&self.identity.run_id, number)
    }

    /// Measures one epoch; when this comes back, it is durable.
    pub(crate) fn epoch(
        &mut self,
        case: &Case,
        driver: &dyn Driver,
        turn: &Turn,
        watch: Watch<'_>,
    ) -> Result<Stored, CaseError> {
        let head = self.head(case, driver, turn);
        let journal = self.store.begin(&head)?;
        self.feed.epoch_begins(&head);
        let counted = self.feed.counting(driver);
        let samplers = self.feed.looking_on((self.samplers)());
        let Turn { number, salt, .. } = turn;
        let part = turn.part;
        let epoch = Epoch { case, driver: &counted, salt, number: *number, part, stop: &self.stop };
        let feed = &self.feed;
        let watch = |record: &Record| {
            watch(record);
            feed.saw(record);
        };
        let (sink, records) = channel();
        let (measured, written) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| write(journal, records, &watch));
            let measured = self.harness.measure(&epoch, samplers, &sink);
            drop(sink);
            (measured, writer.join().expect("the writer does not panic"))
        });
        let mut journal = written?;
        for sample in &measured.telemetry {
            journal.append_telemetry(sample).map_err(StoreError::from)?;
        }
        // Nothing of a load is held in memory while it runs: the requests are where they are kept.
        let records = store::read(journal.path()).map_err(StoreError::from)?.run.records;
        let Measured { telemetry, ending, after, client, begun } = measured;
        if let Some(begun) = begun {
            self.store.began(&head.test_id, begun.at, begun.late_s);
        }
        let run = Run { head, records, telemetry, ending, after, client };
        let validity = match self.sharing {
            Some(_) => assess_part(&run),
            None => assess(&run),
        };
        let end = EpochEnd { validity, ending: run.ending, after: run.after, client };
        drop(run.records);
        let stored = self.store.commit_epoch(journal, &end)?;
        self.feed.epoch_ended(&stored.run, &stored.validity);
        Ok(stored)
    }

    fn head(&self, case: &Case, driver: &dyn Driver, turn: &Turn) -> Head {
        let identity = &self.identity;
        let mut target = driver.identity();
        if let Some(platform) = turn.platform.as_ref().or(identity.platform.as_ref()) {
            target.platform.clone_from(platform);
        }
        if let Some(proxy) = &case.target.proxy {
            target.config.insert("proxy".to_owned(), proxy.as_str().into());
        }
        let declared = case.target.runs_on.as_ref().and_then(|machine| machine.context_window);
        target.context_window = target.context_window.or(declared);
        let mut environment = identity.environment.clone();
        environment.commit = turn.commit.clone().or(environment.commit);
        let started_us = now_us();
        let name = EpochName {
            platform: &target.platform,
            model: &target.model,
            size: &size(case),
            started_us,
        };
        Head {
            test_id: name.test_id(ids::tail()),
            run_id: identity.run_id.clone(),
            booking_id: identity.booking_id.clone(),
            epoch: turn.number,
            arm: turn.arm,
            started_us,
            machine: identity.machine.clone(),
            environment,
            target,
            case: case.clone(),
            preparation: driver.preparation(),
        }
    }
}

/// How large an epoch is: its requests by plan, else how long it lasts.
pub(crate) fn size(case: &Case) -> String {
    match (case.planned_requests(), case.workload.duration_s()) {
        (Some(requests), _) => requests.to_string(),
        (None, Some(seconds)) => format!("{seconds:.0}s"),
        (None, None) => "search".to_owned(),
    }
}

/// Microseconds since 1970, for people.
#[must_use]
pub fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// Writes records as they end. An error ends the writing, and with it the load: the harness finds
/// nobody taking its records.
fn write(
    mut journal: Journal,
    incoming: Receiver<Record>,
    watch: Watch<'_>,
) -> Result<Journal, StoreError> {
    let mut synced = Instant::now();
    for record in incoming {
        journal.append_request(&record)?;
        if synced.elapsed() > SYNC_EVERY {
            journal.sync()?;
            synced = Instant::now();
        }
        watch(&record);
    }
    Ok(journal)
}
