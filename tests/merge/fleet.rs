//! A load as it was sent by one process, dealt to workers who each put their part to a folder.

use crate::faces::{code, command, text};
use crate::store::fixture::{answered, head};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokgate::rows::{Begun, Clock, Facts, Manifest, MeasuredEpoch, Slice, write_epoch};
use tokgate::store::{FileStore, Layout, Store, Stored};
use tokgate_core::case::Workload;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::merge::Shift;
use tokgate_core::record::{Outcome, Phase, Record};
use tokgate_core::run::{ClientCost, Ending, Head, Run};
use tokgate_core::time::Offset;
use tokgate_core::validity::Validity;

/// When the load begins, by the clock of the worker that was there longest.
const BEGINNING_NS: u64 = 2_000_000_000;
/// Requests of the load that most tests send.
pub(super) const REQUESTS: u64 = 120;
/// What is sent before.
const WARMUP: u64 = 5;
/// Workers of the closed loop, as a load knows them.
const SENDERS: u64 = 6;

/// The name of the run.
pub(super) const RUN: &str = "run-1";

/// Requests whose times owe nothing to each other, by the clock of all, in the order of the plan.
fn records(requests: u64) -> Vec<Record> {
    let mut luck = 0x9e37_79b9_7f4a_7c15_u64;
    let mut within = move |most: u64| {
        luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (luck >> 33) % most
    };
    let mut record = |phase, ordinal, at: u64| {
        let mut record = Record { ordinal, phase, sample: None, ..answered(0) };
        record.worker = (ordinal % SENDERS) as u32;
        (record.due, record.sent) = (Offset(at), Offset(at + within(90_000)));
        let mut at = record.sent.0 + 1_000_000;
        record.head = Some(Offset(at));
        for event in &mut record.events {
            at += 3_000_000 + within(9_000_000);
            event.at = Offset(at);
        }
        record.done = Offset(at + within(1_000));
        record
    };
    let warm =
        (0..WARMUP).map(|it| (Phase::Warmup, it, BEGINNING_NS - 1_900_000_000 + it * 50_000_000));
    let measured = (0..requests).map(|it| (Phase::Measured, it, BEGINNING_NS + it * 7_000_000));
    warm.chain(measured).map(|(phase, ordinal, at)| record(phase, ordinal, at)).collect()
}

/// The load as one process would have sent it.
pub(super) fn whole(workload: Workload, epoch: u32) -> Run {
    let mut records = records(workload.planned(7, None).unwrap_or(REQUESTS));
    let failure = Failure::new(FailureClass::Status, "503");
    if let Some(record) = records.get_mut(40) {
        record.outcome = Outcome::Failed(failure);
    }
    let mut head = head(1, "c", epoch);
    head.case.workload = workload;
    head.case.goals.clear();
    Run {
        head,
        records,
        telemetry: Vec::new(),
        ending: Ending::Completed,
        after: None,
        client: Some(ClientCost { cpu_s: 0.5, wall_s: 2.0 }),
    }
}

pub(super) fn closed() -> Workload {
    Workload::closed(SENDERS as u32, 1, REQUESTS as u32, WARMUP as u32)
}

/// Whose request of a number is, as workers share them out.
pub(super) fn owner(workload: &Workload, ordinal: u64, of: u32) -> u32 {
    let sender = match workload {
        Workload::Closed(_) => ordinal % SENDERS,
        Workload::Open(_) | Workload::BreakingPoint(_) => ordinal,
    };
    (sender % u64::from(of)) as u32
}

/// What one worker puts.
#[derive(Clone)]
pub(super) struct Worker {
    pub(super) begun: Begun,
    /// Its epochs, on its own clock.
    pub(super) epochs: Vec<Part>,
}

#[derive(Clone)]
pub(super) struct Part {
    pub(super) run: Run,
    pub(super) validity: Validity,
    pub(super) origin_ns: u64,
    pub(super) late_s: Option<f64>,
}

/// The workers of a load, and where they put their parts.
pub(super) struct Fleet {
    pub(super) folder: TempDir,
    pub(super) workers: Vec<Worker>,
}

impl Fleet {
    /// The epochs dealt to so many workers, each with a clock of its own.
    pub(super) fn of(epochs: &[Run], of: u32) -> Self {
        let worker = |worker| Worker {
            begun: begun(worker, of),
            epochs: epochs.iter().map(|run| part(run, worker, of)).collect(),
        };
        Self { folder: tempfile::tempdir().unwrap(), workers: (0..of).map(worker).collect() }
    }

    /// The usual load of one epoch.
    pub(super) fn usual(of: u32) -> Self {
        Self::of(&[whole(closed(), 0)], of)
    }

    /// Where they put their parts.
    pub(super) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// Puts everything.
    pub(super) fn put(&self) -> &Self {
        self.workers.iter().for_each(|worker| drop(worker.put(&self.out())));
        self
    }

    pub(super) fn call(&self, arguments: &[&str]) -> Output {
        let out = self.out().display().to_string();
        let results: &[&str] = match arguments.contains(&"--results-dir") {
            true => &[],
            false => &["--results-dir", "r"],
        };
        let all = [&["merge", &out], results, arguments].concat();
        command(self.folder.path(), &all).output().unwrap()
    }

    /// What it says on both streams, once it ended with this code.
    pub(super) fn ends(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.call(arguments);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(code(&output), Some(exit), "{told}");
        told
    }

    /// The run as JSON, once it ended with this code.
    pub(super) fn merged(&self, exit: i32) -> Value {
        let output = self.call(&["--format", "json"]);
        assert_eq!(code(&output), Some(exit), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::new(self.folder.path().join("r"))
    }

    /// The epochs that are kept of the run.
    pub(super) fn kept(&self) -> Vec<Stored> {
        FileStore::open(self.layout()).unwrap().show(RUN).unwrap()
    }
}

/// Files of this ending beneath a folder, by name.
pub(super) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path(), ending)),
            false => {
                found.extend(Some(entry.path()).filter(|it| it.to_string_lossy().ends_with(ending)))
            }
        }
    }
    found.sort();
    found
}

fn begun(worker: u32, of: u32) -> Begun {
    Begun {
        version: 1,
        run: RUN.to_owned(),
        worker,
        of,
        attempt: format!("try{worker}"),
        tokgate: "0.1.0".to_owned(),
        protocol: 1,
        plan: "plan".to_owned(),
        start_at_us: crate::store::fixture::STARTED_US,
        host: "host".to_owned(),
        clock: Some(Clock { skew_s: 0.001 * f64::from(worker), uncertainty_s: 0.002 }),
    }
}

/// A worker's part of an epoch, by its own clock: the last one was there longest, the others came later.
fn part(run: &Run, worker: u32, of: u32) -> Part {
    let behind = u64::from(of - 1 - worker) * 10_000_000;
    let origin_ns = BEGINNING_NS - behind;
    let mine = |record: &&Record| owner(&run.head.case.workload, record.ordinal, of) == worker;
    let earlier = |record: &Record| back(record, behind);
    let head = Head { test_id: format!("{}-{worker}", run.head.test_id), ..run.head.clone() };
    let cost = run
        .client
        .map(|client| ClientCost { cpu_s: client.cpu_s / f64::from(1 + worker), ..client });
    let records = run.records.iter().filter(mine).map(earlier).collect();
    let run = Run { head, records, client: cost, ..run.clone() };
    Part { run, validity: Validity::Valid, origin_ns, late_s: Some(0.002) }
}

/// The record on a clock that was started so much later.
fn back(record: &Record, by: u64) -> Record {
    let earlier = |at: Offset| Offset(at.0 - by);
    let mut record = record.clone();
    (record.due, record.sent, record.done) =
        (earlier(record.due), earlier(record.sent), earlier(record.done));
    record.head = record.head.map(earlier);
    record.events.iter_mut().for_each(|event| event.at = earlier(event.at));
    assert_eq!(
        Shift::between(0, by).unwrap().record(record.clone()).unwrap().done.0,
        record.done.0 + by
    );
    record
}

impl Worker {
    /// Puts its beginning, its rows and its manifest, and says where the manifest lies.
    pub(super) fn put(&self, out: &Path) -> PathBuf {
        self.begin(out);
        let mut manifest = Manifest { version: 1, begun: self.begun.clone(), epochs: Vec::new() };
        for part in &self.epochs {
            let Part { run, validity, origin_ns, late_s } = part;
            let slice = Slice::of(&run.head, self.begun.worker, &self.begun.attempt);
            let facts = Facts { validity, origin_ns: *origin_ns, price: None };
            let files = write_epoch(out, &slice, run, &facts).unwrap();
            let epoch = MeasuredEpoch::of(run, validity, *origin_ns, files);
            manifest.epochs.push(MeasuredEpoch { late_s: *late_s, ..epoch });
        }
        let path = out.join(manifest.path());
        std::fs::write(&path, manifest.to_bytes().unwrap()).unwrap();
        path
    }

    /// Says that it begins, and nothing more.
    pub(super) fn begin(&self, out: &Path) {
        let path = out.join(self.begun.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.begun.to_bytes().unwrap()).unwrap();
    }
}
