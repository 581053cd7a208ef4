//! A run that is too large to be kept request by request: its rows stay where they are, and every figure of each
//! case is computed from all of them, as they pass by.

use crate::imports::digest;
use crate::merge::epoch::passing;
use crate::merge::found::Found;
use crate::merge::run::{MergeError, Merging, Opened};
use crate::spool::FileSpools;
use crate::store;
use serde_json::{Value, json};
use std::slice;
use tokgate_core::case::{CaseId, Dataset, PromptSet, PromptSource};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::imported::{Figure, Imported, ImportedHardware, ImportedModel, Source};
use tokgate_core::merge::Epoch;
use tokgate_core::metric::Stat;
use tokgate_core::price::Rate;
use tokgate_core::run::{Arm, Head, Requests, Run};
use tokgate_core::summary::{PROTOCOL, Streamed, Streaming};
use tokgate_core::validity::Validity;

/// Events of one epoch that are kept one by one. An event takes up to some 200 bytes of memory while its epoch is
/// stored and summarised: so many are four gigabytes, which most machines can spare.
pub const MOST_EVENTS: u64 = 20_000_000;
/// What such results are called among those of others.
const FORMAT: &str = "merged";

/// An epoch whose requests have passed by.
struct Passed {
    head: Head,
    validity: Validity,
    streamed: Streamed<FileSpools>,
    /// What it says alone.
    figures: Vec<Figure>,
}

impl Merging<'_> {
    /// The figures of every case, as results that have no requests.
    ///
    /// # Errors
    /// When files cannot be had, or there is no room to sort what they say.
    pub fn figures(&self, tell: &dyn Fn(&Imported)) -> Result<Vec<Imported>, MergeError> {
        let spools = FileSpools::new(self.folder);
        let mut results = Vec::new();
        for ((case, arm), epochs) in self.cases() {
            let passed: Result<Vec<Passed>, MergeError> =
                epochs.iter().map(|epoch| self.passed(epoch, &spools)).collect();
            let result = self.result(&case, arm, passed?)?;
            tell(&result);
            results.push(result);
        }
        Ok(results)
    }

    /// What names the figures of each case among the results that are kept.
    #[must_use]
    pub fn digests(&self) -> Vec<String> {
        self.cases().iter().map(|((case, arm), _)| self.digest(case, *arm)).collect()
    }

    /// Files that are the same say the same.
    fn digest(&self, case: &CaseId, arm: Arm) -> String {
        let Found { run, digest: files, .. } = self.found;
        digest(FORMAT, &json!({ "run": run, "case": case, "arm": arm, "files": files }))
    }

    fn passed(&self, epoch: &Epoch<'_>, spools: &FileSpools) -> Result<Passed, MergeError> {
        let head = epoch.head(String::new(), &self.found.digest);
        let Opened { sources, lost } = self.opened(epoch)?;
        let mut streaming = Streaming::begin(&head.case, spools)?;
        let found = passing(epoch, &head.case, sources, &mut |record| streaming.add(record))?;
        let run = Run {
            records: Vec::new(),
            telemetry: epoch.telemetry(),
            ending: epoch.ending(),
            after: epoch.after(),
            client: epoch.client(),
            head: head.clone(),
        };
        let mut streamed = streaming.end(&run)?;
        // Its lists are then on the disk, before those of the next epoch are made.
        let figures = Streamed::figures(slice::from_mut(&mut streamed))?;
        let found = lost.into_iter().chain(found).collect();
        let validity = epoch.validity(&streamed.validity, found);
        Ok(Passed { head, validity, streamed, figures })
    }

    /// What all epochs of one side of a case say together.
    fn result(&self, case: &CaseId, arm: Arm, passed: Vec<Passed>) -> Result<Imported, MergeError> {
        let (mut requests, mut window_s) = (Requests::default(), 0.0);
        for Passed { streamed, .. } in &passed {
            requests += streamed.seen.requests;
            window_s += streamed.seen.window.map_or(0.0, |window| window.seconds());
        }
        let epochs: Vec<Value> = passed.iter().map(told).collect();
        let invalid = passed.iter().flat_map(reasons).collect();
        let head = passed.first().map(|one| one.head.clone()).expect("a case has an epoch");
        let (mut all, alone): (Vec<Streamed<FileSpools>>, Vec<Vec<Figure>>) =
            passed.into_iter().map(|it| (it.streamed, it.figures)).unzip();
        let mut figures = Streamed::figures(&mut all)?;
        store::add_intervals(&mut figures, &alone);
        let run = &self.found.run;
        let side = match arm {
            Arm::Head => "",
            Arm::Base => ", what it is compared with,",
        };
        let entry = json!({
            "run": run,
            "case": case,
            "arm": arm,
            "url": self.place.url(),
            "files": self.found.digest,
            "workers": head.environment.workers,
            "machine": head.machine,
            "protocol": PROTOCOL,
            "epochs": epochs,
        });
        Ok(Imported {
            source: Source {
                tool: format!("tokgate merge {}", env!("CARGO_PKG_VERSION")),
                format: FORMAT.to_owned(),
                file: self.place.url().to_owned(),
                digest: self.digest(case, arm),
            },
            measured_us: Some(head.started_us),
            engine: head.target.engine.clone(),
            endpoint: head.case.target.base_url.clone(),
            model: model(&head),
            hardware: hardware(&head),
            kind: head.case.kind,
            benchmark_type: head.case.benchmark_type.clone(),
            task_category: task(&head),
            workers: head.case.workload.concurrency().map(u64::from),
            requests,
            window_s: (window_s > 0.0).then_some(window_s),
            figures,
            invalid,
            samples: Vec::new(),
            notes: format!(
                "{case}{side} of run {run}: figures of all rows at {}",
                self.place.url()
            ),
            entry,
            platform: head.target.platform,
        })
    }
}

/// One epoch of the entry: what it says alone.
fn told(passed: &Passed) -> Value {
    let Passed { head, validity, streamed, figures } = passed;
    let figure = |it: &Figure| {
        let Figure { metric, value, n, .. } = it;
        let name = match metric.stat {
            Stat::Value => metric.metric.id.to_owned(),
            stat => format!("{}.{}", metric.metric.id, stat.as_str()),
        };
        (name, json!({ "value": value, "n": n }))
    };
    let figures: serde_json::Map<String, Value> = figures.iter().map(figure).collect();
    json!({
        "epoch": head.epoch,
        "requests": streamed.seen.requests,
        "window_s": streamed.seen.window.map(|window| window.seconds()),
        "token_counts": streamed.seen.token_counts,
        "validity": validity,
        "figures": figures,
    })
}

fn reasons(passed: &Passed) -> impl Iterator<Item = String> {
    let epoch = passed.head.epoch;
    passed.validity.reasons().iter().map(move |reason| format!("epoch {epoch}: {reason}"))
}

fn model(head: &Head) -> ImportedModel {
    let target = &head.target;
    ImportedModel {
        name: target.model.clone(),
        size_params: target.size_params.clone(),
        size_bytes: target.size_bytes,
        quantization: target.quantization.clone(),
        context_window: target.context_window,
    }
}

fn hardware(head: &Head) -> ImportedHardware {
    let gpu = head.gpu();
    let gpus = u32::try_from(head.environment.gpus.len()).ok().filter(|gpus| *gpus > 0);
    let hourly_usd = match head.case.target.price.as_ref().map(|price| price.rate) {
        Some(Rate::Hour(usd)) => Some(usd),
        Some(Rate::Tokens { .. }) | None => None,
    };
    ImportedHardware {
        instance: gpu.is_none().then(|| head.machine.0.clone()),
        gpus: gpus.filter(|_| gpu.is_some()),
        vram_bytes: gpu.as_ref().map(|gpu| gpu.vram_bytes),
        gpu: gpu.map(|gpu| gpu.name),
        cpu: Some(head.environment.cpu_model.clone()),
        hourly_usd,
    }
}

fn task(head: &Head) -> Option<Category> {
    match &head.case.dataset {
        Dataset::Prompts(PromptSet { source: PromptSource::Tasks { category }, .. }) => *category,
        Dataset::Prompts(_) | Dataset::Vectors(_) => None,
    }
}
