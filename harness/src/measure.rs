//! The one step with a clock and a socket: a case, a driver and a workload become records.
//!
//! Which phases an epoch has is said here; how its requests are sent is in `load`.

use crate::cost::Cost;
use crate::driver::{Driver, OpenError};
use crate::drivers::Targets;
use crate::drivers::custom::Drivers;
use crate::inputs::Inputs;
use crate::load::{Load, NoLoad};
use crate::pacer::Pacer;
use crate::part::{Begun, Part};
use crate::pressure::{self, Held};
use crate::retrieval::cache::Cache;
use crate::stop::Stop;
use crate::telemetry::{Family, IsFellow, Pace, Sampler, Sampling, scrape};
use crate::texts::{Outlet, Texts};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tokgate_core::case::{Case, Dataset};
use tokgate_core::dataset::file::Entries;
use tokgate_core::metric::Kind;
use tokgate_core::quality::Match;
use tokgate_core::record::Record;
use tokgate_core::run::{ClientCost, Ending, TargetAfter, TelemetrySample};
use tokgate_core::workload::Shard;
use tokio::runtime::Runtime;

/// Longest life of the pressure beside a load, should everything else fail to end it: a day.
const LONGEST_PRESSURE: Duration = Duration::from_secs(86_400);

/// How long a machine with a GPU is watched idle before each epoch. A second of samples is needed,
/// and what an epoch before has left of its warmth shows for some tenths of one.
const IDLE: Duration = Duration::from_millis(1500);

/// Opens targets and measures cases on them.
///
/// It owns the runtime that drives the sockets: one thread, the caller's, so that the load
/// generator keeps to one core and an engine in process has the others.
pub struct Harness {
    runtime: Runtime,
    /// Whether the runtime's clock is the machine's, so that its timers may be used.
    is_real: bool,
    targets: Targets,
    inputs: Inputs,
    /// Who of this machine sends the rest of a load of which we send a part.
    is_fellow: Option<IsFellow>,
}

/// One epoch to measure.
pub struct Epoch<'a> {
    /// What to measure.
    pub case: &'a Case,
    /// On what.
    pub driver: &'a dyn Driver,
    /// What keeps this epoch's prompts apart from those of any other.
    pub salt: &'a str,
    /// Number of the epoch, which enters every seed.
    pub number: u32,
    /// Which part of the load is sent here, and when it begins.
    pub part: Part,
    /// Asks the measurement to stop.
    pub stop: &'a Stop,
}

/// How an epoch went, beside its records.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The machine while measuring.
    pub telemetry: Vec<TelemetrySample>,
    /// How it ended.
    pub ending: Ending,
    /// The target afterwards; absent where nothing was begun.
    pub after: Option<TargetAfter>,
    /// What the load cost our thread; absent where the platform does not say.
    pub client: Option<ClientCost>,
    /// When its measured part began; absent where none did.
    pub begun: Option<Begun>,
}

/// Takes each record as it ends; the disk is on the other side, off the load's critical path.
pub type Sink = Sender<Record>;

impl Harness {
    /// A harness on a runtime of its own.
    ///
    /// # Errors
    /// When the operating system gives no event queue.
    pub fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { is_real: true, ..Self::on(runtime) })
    }

    /// A harness on the given runtime; tests hand in one with a paused clock.
    #[must_use]
    pub fn on(runtime: Runtime) -> Self {
        let targets = Targets::new(std::env::temp_dir());
        Self { runtime, is_real: false, targets, inputs: Inputs::default(), is_fellow: None }
    }

    /// Reads what a case sends, where that is a file, and the tokenizer that it names. The case
    /// that comes back says what was found; [`Harness::measure`] takes that one.
    ///
    /// # Errors
    /// When a file cannot be used; the message says what to do.
    pub fn prepare(&mut self, case: &Case) -> Result<Case, OpenError> {
        self.inputs.prepare(case)
    }

    /// The same, with a folder for the logs of what is launched.
    #[must_use]
    pub fn with_logs(self, logs: PathBuf) -> Self {
        Self { targets: Targets::new(logs), ..self }
    }

    /// The same, keeping built indexes and exact neighbours in `cache` for later runs.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { targets: self.targets.with_cache(cache), ..self }
    }

    /// The same with the drivers that the program brings.
    #[must_use]
    pub fn with_drivers(self, drivers: Drivers) -> Self {
        Self { targets: self.targets.with_drivers(drivers), ..self }
    }

    /// The same for a part of every load.
    #[must_use]
    pub fn with_shard(self, shard: Shard) -> Self {
        Self { targets: self.targets.with_shard(shard), ..self }
    }

    /// The same beside other processes of this machine that send the rest of the load: what they take of its
    /// CPU, one process that sent all of it would take itself.
    #[must_use]
    pub fn with_fellows(self, is_fellow: IsFellow) -> Self {
        Self { is_fellow: Some(is_fellow), ..self }
    }

    /// Opens the target of a case; a stop ends the waiting for a server that starts.
    ///
    /// # Errors
    /// When the target cannot be measured; the message says what to do.
    pub fn open(&mut self, case: &Case, stop: &Stop) -> Result<Arc<dyn Driver>, OpenError> {
        self.runtime.block_on(self.targets.open(case, stop))
    }

    /// The same for a target that runs by itself, beside a server that was started for another
    /// case and is to stay.
    ///
    /// # Errors
    /// When the target cannot be measured; the message says what to do.
    pub fn open_beside(&mut self, case: &Case, stop: &Stop) -> Result<Arc<dyn Driver>, OpenError> {
        self.runtime.block_on(self.targets.open_as_it_is(case, stop))
    }

    /// Measures one epoch: warm-up, then the load, with `samplers` running beside the load.
    ///
    /// Each finished record goes to `sink`; when nobody takes them any more (the disk is full),
    /// the load stops and the epoch is [`Ending::Aborted`].
    #[must_use]
    pub fn measure(
        &self,
        epoch: &Epoch<'_>,
        samplers: Vec<Box<dyn Sampler>>,
        sink: &Sink,
    ) -> Measured {
        let set = match &epoch.case.dataset {
            Dataset::Prompts(set) if epoch.case.kind != Kind::Embedding => set,
            Dataset::Prompts(_) | Dataset::Vectors(_) => {
                return self.load(epoch, samplers, Outlet::Straight(sink.clone()));
            }
        };
        let counter = self.inputs.counter(set);
        if set.tokenizer.is_some() && counter.is_none() {
            return Measured::nothing("the tokenizer of the case was not read");
        }
        let how = set.expect.as_ref().map_or(Match::Exact, |expect| expect.how);
        std::thread::scope(|scope| {
            let (outlet, ended) = channel();
            let texts = Texts { counter, how };
            scope.spawn(move || texts.read(ended, sink.clone()));
            self.load(epoch, samplers, Outlet::Read(outlet))
        })
    }

    /// The phases of an epoch, one after the other.
    fn load(&self, epoch: &Epoch<'_>, samplers: Vec<Box<dyn Sampler>>, outlet: Outlet) -> Measured {
        let entries = self.inputs.entries(&epoch.case.dataset);
        let weigh = |asked| pressure::start(asked, LONGEST_PRESSURE);
        let mut weight = match epoch.case.pressure.as_ref().map(weigh).transpose() {
            Ok(weight) => weight,
            Err(error) => return Measured::nothing(error),
        };
        let measured = self.under_load(epoch, entries, samplers, outlet);
        match weight.as_mut().and_then(Held::ended_early) {
            Some(why) => {
                let why = format!("the pressure beside the load ended before it: {why}");
                Measured { ending: Ending::Aborted(why), ..measured }
            }
            None => measured,
        }
    }

    fn under_load(
        &self,
        epoch: &Epoch<'_>,
        entries: Option<&Entries>,
        mut samplers: Vec<Box<dyn Sampler>>,
        outlet: Outlet,
    ) -> Measured {
        self.runtime.block_on(async {
            let pacer = if self.is_real { Pacer::precise() } else { Ok(Pacer::Runtime) };
            let begun = pacer.map_err(NoLoad::from);
            let load = match begun.and_then(|pacer| Load::new(epoch, entries, outlet, pacer)) {
                Ok(load) => load,
                Err(nothing) => return Measured::nothing(nothing),
            };
            let address = self.targets.address(epoch.case);
            samplers.extend(scrape::of(&epoch.case.run, address.as_deref()));
            let place = self.targets.place(epoch.case);
            let family = Family::new(place).with_fellows(self.is_fellow);
            let pace = Pace::of(&epoch.case.run);
            let sampling = Sampling::start(load.clock, pace, family, samplers);
            if sampling.sees_energy() {
                watch_idle(epoch.stop).await;
            }
            load.warm_up().await;
            let begun = load.begin().await;
            // What the load costs is asked of its own time: nothing is done while it waits to begin.
            let cost = Cost::begin(load.clock);
            load.measure(begun).await;
            let client = cost.end(load.clock);
            let (telemetry, ending) = (sampling.finish(), load.ending());
            let after = Some(epoch.driver.after().await);
            Measured { telemetry, ending, after, client, begun: Some(begun) }
        })
    }
}

/// Leaves the machine alone before the warm-up, so that its samples say what it draws idle.
async fn watch_idle(stop: &Stop) {
    tokio::select! {
        () = tokio::time::sleep(IDLE) => {}
        () = stop.requested() => {}
    }
}

impl Measured {
    /// Not even begun, for a reason.
    fn nothing(why: impl ToString) -> Self {
        let (telemetry, ending) = (Vec::new(), Ending::Aborted(why.to_string()));
        Self { telemetry, ending, after: None, client: None, begun: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Answer, Request};
    use crate::recorder::Reply;
    use futures_util::future::BoxFuture;
    use std::sync::Mutex;
    use tokgate_core::case::Workload;
    use tokgate_core::failure::{Failure, FailureClass};
    use tokgate_core::record::{EventKind, Outcome, Phase};
    use tokgate_core::run::TargetIdentity;
    use tokgate_core::workload::{Arrivals, Open, Shape, Spacing};

    /// Answers after a second, and remembers how many requests were in flight at once.
    #[derive(Default)]
    struct Slow {
        in_flight: Mutex<(u32, u32)>,
        takes: Duration,
    }

    impl Driver for Slow {
        fn identity(&self) -> TargetIdentity {
            TargetIdentity::default()
        }

        fn send<'a>(
            &'a self,
            _: &'a Request,
            reply: &'a Reply,
        ) -> BoxFuture<'a, Result<Answer, Failure>> {
            Box::pin(async move {
                {
                    let mut in_flight = self.in_flight.lock().unwrap();
                    in_flight.0 += 1;
                    in_flight.1 = in_flight.1.max(in_flight.0);
                }
                tokio::time::sleep(self.takes).await;
                reply.arrived();
                reply.event(EventKind::Content, Some(1));
                self.in_flight.lock().unwrap().0 -= 1;
                Ok(Answer::default())
            })
        }
    }

    fn measure(driver: &Slow, workload: Workload, stop: &Stop) -> (Vec<Record>, Ending) {
        measure_epoch(0, driver, workload, stop)
    }

    fn measure_epoch(
        number: u32,
        driver: &Slow,
        workload: Workload,
        stop: &Stop,
    ) -> (Vec<Record>, Ending) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let mut case = crate::test_case();
        case.workload = workload;
        let (sink, records) = channel();
        let part = Part::WHOLE;
        let epoch = Epoch { case: &case, driver, salt: "run", number, part, stop };
        let measured = Harness::on(runtime).measure(&epoch, Vec::new(), &sink);
        drop(sink);
        (records.iter().collect(), measured.ending)
    }

    fn slow(takes_s: u64) -> Slow {
        Slow { takes: Duration::from_secs(takes_s), ..Slow::default() }
    }

    #[test]
    fn a_closed_load_keeps_its_concurrency_and_sends_what_was_planned() {
        let driver = slow(1);
        let workload = Workload::closed(3, 1, 9, 2);
        let (records, ending) = measure(&driver, workload, &Stop::default());
        assert_eq!(driver.in_flight.lock().unwrap().1, 3);
        assert_eq!(records.iter().filter(|record| record.phase == Phase::Warmup).count(), 2);
        assert_eq!(records.iter().filter(|record| record.counts()).count(), 9);
        assert_eq!(ending, Ending::Completed);
    }

    #[test]
    fn a_batch_is_released_at_one_instant_and_waited_for() {
        let workload = Workload::closed(1, 4, 8, 0);
        let (records, _) = measure(&slow(1), workload, &Stop::default());
        let due: Vec<u64> = records.iter().map(|record| record.due.0 / 1_000_000_000).collect();
        assert_eq!(due, [0, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn a_request_over_its_deadline_fails_with_its_class() {
        let workload = Workload::closed(1, 1, 1, 0);
        let (records, _) = measure(&slow(3_600), workload, &Stop::default());
        let Outcome::Failed(failure) = &records[0].outcome else {
            panic!("a failure was expected: {:?}", records[0].outcome);
        };
        assert_eq!(failure.class, FailureClass::TimeoutTotal);
    }

    fn open(spacing: Spacing, max_in_flight: Option<u32>) -> Workload {
        let shape = Shape::constant(10.0, 3.0);
        let arrivals = Arrivals::Rate { shape, spacing, requests: None };
        Workload::Open(Open { arrivals, warmup: 0, max_in_flight })
    }

    fn due_ms(record: &Record) -> u64 {
        record.due.0 / 1_000_000
    }

    #[test]
    fn a_burst_does_not_wait_for_earlier_answers() {
        let driver = slow(1);
        let (records, ending) = measure(&driver, open(Spacing::Even, None), &Stop::default());
        let due: Vec<u64> = records.iter().map(due_ms).collect();
        assert_eq!(due, (0..30).map(|number| number * 100).collect::<Vec<u64>>());
        // Ten a second that take a second each, and one that begins as the first ends.
        assert!(driver.in_flight.lock().unwrap().1 >= 10);
        assert!(records.iter().all(|record| record.sent.seconds_since(record.due) < 0.002));
        assert_eq!(ending, Ending::Completed);
    }

    #[test]
    fn a_request_that_waits_for_a_slot_is_sent_later_and_due_all_the_same() {
        let driver = slow(1);
        let (records, _) = measure(&driver, open(Spacing::Even, Some(2)), &Stop::default());
        assert_eq!((driver.in_flight.lock().unwrap().1, records.len()), (2, 30));
        let last = records.last().unwrap();
        // Two a second: the thirtieth begins after fourteen of them, though due after three.
        assert_eq!((due_ms(last), last.sent.0 / 1_000_000_000), (2900, 14));
    }

    #[test]
    fn every_epoch_sends_what_the_case_planned() {
        let workload = open(Spacing::Poisson, None);
        let planned = workload.planned(crate::test_case().run.seed, None);
        for number in 0..3 {
            let (records, _) = measure_epoch(number, &slow(0), workload.clone(), &Stop::default());
            assert_eq!(Some(records.len() as u64), planned, "epoch {number}");
        }
    }

    #[test]
    fn after_a_stop_nothing_new_is_sent() {
        let stop = Stop::default();
        stop.request();
        let workload = Workload::closed(2, 1, 9, 3);
        let (records, ending) = measure(&slow(1), workload, &stop);
        assert!(records.is_empty());
        assert_eq!(ending, Ending::Interrupted);
    }
}
