//! Rows as the workers of a shared load leave them, of any number: what `tests/real/hundred_million.sh` puts
//! together again. Nothing is measured: times follow from a seed.
//!
//! usage: many_rows FOLDER WORKERS EVENTS
#![allow(clippy::print_stdout)] // it is a program

use anyhow::{Context, bail, ensure};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use tokgate::rows::{
    Begun, EpochFiles, EpochWriter, Facts, Manifest, MeasuredEpoch, PhaseCounts, Slice, VERSION,
    plan_digest, write_epoch,
};
use tokgate_core::case::Case;
use tokgate_core::record::{Counted, Event, EventKind, Outcome, Phase, Record, Usage};
use tokgate_core::run::{Ending, Head, Run};
use tokgate_core::summary::PROTOCOL;
use tokgate_core::time::Offset;
use tokgate_core::validity::Validity;

/// Events of a request: an answer of a page.
const EVENTS: u64 = 250;
/// Who sends at the same time, of all workers together.
const SENDERS: u64 = 64;
/// The load's beginning, by each worker's clock.
const BEGINNING_NS: u64 = 2_000_000_000;
/// Times are of whole microseconds, so that engines that count equal numbers have fewer to count.
const STEP_NS: u64 = 1_000;
/// The name of the run.
const RUN: &str = "hundred-million";

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, workers, events] = words.as_slice() else {
        bail!("see the head of examples/many_rows.rs")
    };
    let (workers, events): (u32, u64) = (workers.parse()?, events.parse()?);
    ensure!(
        workers > 0 && SENDERS.is_multiple_of(u64::from(workers)),
        "WORKERS must divide {SENDERS}"
    );
    let requests = events / EVENTS;
    let next = AtomicU32::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let write = || -> anyhow::Result<()> {
        loop {
            let worker = next.fetch_add(1, Ordering::Relaxed);
            if worker >= workers {
                return Ok(());
            }
            Share { worker, of: workers, requests }.put(Path::new(folder))?;
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(write)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().ok().context("a thread panicked")?)
    })?;
    println!("{} requests with {} events of {workers} workers", requests, requests * EVENTS);
    Ok(())
}

/// What one worker sends.
struct Share {
    worker: u32,
    of: u32,
    requests: u64,
}

impl Share {
    fn put(&self, folder: &Path) -> anyhow::Result<()> {
        let head = head(u32::try_from(self.requests)?)?;
        let slice = Slice::of(&head, self.worker, &format!("made{}", self.worker));
        let begun = self.begun(&head.case, &slice)?;
        put(&folder.join(begun.path()), &begun.to_bytes()?)?;
        let run = Run {
            head,
            records: Vec::new(),
            telemetry: Vec::new(),
            ending: Ending::Completed,
            after: None,
            client: None,
        };
        let validity = Validity::Valid;
        let facts = Facts { validity: &validity, origin_ns: BEGINNING_NS, price: None };
        let EpochFiles { epoch, .. } = write_epoch(folder, &slice, &run, &facts)?;
        let (mut writer, mut counts) =
            (EpochWriter::create(folder, &slice, BEGINNING_NS)?, PhaseCounts::default());
        let mut sent = Sent::new(self.worker);
        for ordinal in
            (0..self.requests).filter(|it| it % u64::from(self.of) == u64::from(self.worker))
        {
            let record = sent.request(ordinal);
            counts.add(record.phase);
            writer.push(&record)?;
        }
        let (requests, events) = writer.close()?;
        let files = EpochFiles { requests, events, epoch };
        let epoch = MeasuredEpoch::of(&run, &validity, BEGINNING_NS, files);
        let epoch = MeasuredEpoch { requests: counts, late_s: Some(0.0), ..epoch };
        let manifest = Manifest { version: VERSION, begun, epochs: vec![epoch] };
        put(&folder.join(manifest.path()), &manifest.to_bytes()?)
    }

    fn begun(&self, case: &Case, slice: &Slice) -> anyhow::Result<Begun> {
        Ok(Begun {
            version: VERSION,
            run: RUN.to_owned(),
            worker: self.worker,
            of: self.of,
            attempt: slice.attempt.clone(),
            tokgate: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            plan: plan_digest([case])?,
            start_at_us: 1_796_000_000_000_000,
            host: format!("host-{}", self.worker),
            clock: None,
        })
    }
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::create_dir_all(path.parent().context("it lies in a folder")?)?;
    Ok(std::fs::write(path, bytes)?)
}

/// What a worker's senders have sent.
struct Sent {
    /// When each of the load's senders is free again.
    free: [u64; SENDERS as usize],
    luck: u64,
}

impl Sent {
    fn new(worker: u32) -> Self {
        Self {
            free: [BEGINNING_NS; SENDERS as usize],
            luck: 0x9e37_79b9_7f4a_7c15 ^ (u64::from(worker) << 40),
        }
    }

    /// A number below `most`.
    fn within(&mut self, most: u64) -> u64 {
        self.luck = self
            .luck
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.luck >> 33) % most
    }

    /// A gap between two tokens: 12 ms with a tail, and now and then a stall.
    fn gap(&mut self) -> u64 {
        let (near, far) = (self.within(6_000), self.within(1_000));
        let tail = if far < 20 { self.within(60_000) } else { 0 };
        let stall = if self.within(20_000) == 0 { 400_000 + self.within(900_000) } else { 0 };
        (9_000 + near + tail + stall) * STEP_NS
    }

    fn request(&mut self, ordinal: u64) -> Record {
        let sender = ordinal % SENDERS;
        let due = self.free[sender as usize];
        let sent = due + self.within(90) * STEP_NS;
        let head = sent + (900 + self.within(400)) * STEP_NS;
        let mut at = sent + (60_000 + self.within(90_000)) * STEP_NS;
        let mut events = Vec::with_capacity(EVENTS as usize);
        for _ in 0..EVENTS {
            events.push(Event { at: Offset(at), kind: EventKind::Content, tokens: None });
            at += self.gap();
        }
        let last = events.last().map_or(sent, |event| event.at.0);
        let done = last + self.within(200) * STEP_NS;
        self.free[sender as usize] = done + self.within(50) * STEP_NS;
        let prompt_tokens = 200 + self.within(800);
        Record {
            ordinal,
            worker: sender as u32,
            phase: Phase::Measured,
            trial: None,
            due: Offset(due),
            sent: Offset(sent),
            head: Some(Offset(head)),
            done: Offset(done),
            events,
            outcome: Outcome::Success,
            usage: Some(Usage {
                prompt_tokens,
                completion_tokens: EVENTS,
                cached_tokens: None,
                counted: Counted::Server,
                raw: None,
            }),
            recount: None,
            requested_tokens: None,
            finish_reason: Some("length".to_owned()),
            sample: None,
            quality: None,
            neighbours: None,
            embedded: None,
            parts: None,
        }
    }
}

/// An epoch of a closed loop with so many requests.
fn head(requests: u32) -> anyhow::Result<Head> {
    Ok(serde_json::from_value(serde_json::json!({
        "test_id": "made", "run_id": RUN, "booking_id": "made", "epoch": 0, "arm": "head",
        "started_us": 1_796_000_000_000_000_i64, "machine": "cpu-2c-made",
        "environment": {
            "cpu_model": "made", "cpu_count": 2, "memory_bytes": 1_u64 << 30,
            "memory_available_bytes": 1_u64 << 29, "gpus": [], "os": "Linux", "kernel": "6", "tool_version": "0"
        },
        "target": { "platform": "simulated", "model": "made", "engine": "made" },
        "case": {
            "id": "made/rows", "kind": "generation",
            "target": { "driver": "simulated", "endpoint": "chat", "body": {}, "threads": 1 },
            "dataset": {
                "of": "prompts", "kind": "synthetic", "prompt_tokens": 600, "output_tokens": EVENTS, "temperature": 0.0
            },
            "workload": { "kind": "closed", "concurrency": SENDERS, "batch": 1, "requests": requests, "warmup": 0 },
            "run": {
                "epochs": 1, "timeout_s": 60.0, "seed": 1, "salt": true, "telemetry_interval_s": 0.1, "spike_of": "itl"
            },
            "requires": {}, "goals": [], "gate": { "tolerances": {}, "required": [] },
            "benchmark_type": "single", "notes": ""
        },
        "preparation": {}
    }))?)
}
