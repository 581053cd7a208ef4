//! Real workers, each a process of its own, against the mock server; and what they are together.

use super::bits;
use super::fleet::files;
use crate::faces::{code, command, text};
use crate::mock::mock;
use std::path::Path;
use std::process::Stdio;
use tokgate::rows::{Manifest, Rows};
use tokgate::store::{FileStore, Layout, Store, Stored};
use tokgate_core::record::{Phase, Record};
use tokgate_core::run::Run;
use tokgate_core::validity::Reason;

/// Long ago: every worker begins at once, and says that it is late.
const PAST: &str = "2026-01-01T00:00:00Z";

const LOAD: &str = r#"
[run]
salt = false
[dataset]
prompt_tokens = 12
output_tokens = 4
[[case]]
name = "open"
kind = "generation"
workload = { kind = "poisson", rate = 60, duration_s = 1, warmup = 4 }
[[case]]
name = "closed"
kind = "generation"
workload = { concurrency = 5, requests = 61, warmup = 7, batch = 2 }
"#;

/// Has `of` workers send the load at the same time; each is left to end.
fn send(folder: &Path, of: u32) {
    let start = |index| {
        let (shard, results) = (format!("{index}/{of}"), format!("r{index}"));
        let own = ["run", "load.toml", "--shard", &shard, "--results-dir", &results];
        let common = ["--start-at", PAST, "--slot", "3", "--out", "out"];
        let mut worker = command(folder, &[&own[..], &common].concat());
        worker.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let workers: Vec<_> = (0..of).map(start).collect();
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    }
}

/// The rows of all workers in one heap, in the order of the plan, on the clock of the one that was there longest.
fn concatenated(out: &Path, stored: &Stored) -> Vec<Record> {
    let statements = files(&out.join("workers"), ".json").into_iter();
    let ended = statements.filter(|path| !path.to_string_lossy().ends_with(".begun.json"));
    let read = |path: &std::path::PathBuf| {
        let place = path.strip_prefix(out).unwrap().to_str().unwrap();
        Manifest::read(&std::fs::read(path).unwrap(), place).unwrap()
    };
    let manifests: Vec<Manifest> = ended.map(|path| read(&path)).collect();
    let of_case = |manifest: &Manifest| {
        manifest
            .epochs
            .iter()
            .find(|it| it.head.case.id == stored.run.head.case.id)
            .unwrap()
            .clone()
    };
    let beginning = manifests.iter().map(|it| of_case(it).origin_ns).max().unwrap();
    let mut all: Vec<Record> = Vec::new();
    for manifest in &manifests {
        let epoch = of_case(manifest);
        let (requests, events) =
            (out.join(&epoch.files.requests.path), out.join(&epoch.files.events.path));
        let rows = Rows::open(&requests, &events, &manifest.slice(&epoch), beginning).unwrap();
        all.extend(rows.map(Result::unwrap));
    }
    all.sort_by_key(|record| (record.phase as u8, record.ordinal));
    all
}

/// Whether a reason may be there although every request was sent: the start is past, and the host busy.
fn is_of_time(reason: &Reason) -> bool {
    match reason {
        Reason::StartedLate { .. } | Reason::SentLate { .. } | Reason::ClientBusy { .. } => true,
        Reason::WorkerInvalid { because, .. } => is_of_time(because),
        other => other.is_host(),
    }
}

#[test]
fn what_one_three_and_eight_processes_sent_is_one_run_with_each_request_once() {
    let server = mock("");
    let target = format!(
        "schema = 1\n[target]\ndriver = \"openai\"\nbase_url = \"http://{}/v1\"\nmodel = \"mock\"\n",
        server.address()
    );
    for of in [1, 3, 8] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("load.toml"), format!("{target}{LOAD}")).unwrap();
        send(folder.path(), of);
        let output =
            command(folder.path(), &["merge", "out", "--results-dir", "all"]).output().unwrap();
        assert_eq!(code(&output), Some(3), "{}", text(&output.stderr));
        let store = FileStore::open(Layout::new(folder.path().join("all"))).unwrap();
        let run = &store.runs(9).unwrap()[0].run_id;
        let kept = store.show(run).unwrap();
        assert_eq!(kept.len(), 2);
        for stored in &kept {
            let reasons = stored.validity.reasons();
            assert!(reasons.iter().all(is_of_time), "{of} workers: {reasons:?}");
            assert!(reasons.iter().any(|it| matches!(it, Reason::StartedLate { .. })));
            let planned = stored.run.head.case.planned_requests().unwrap();
            let numbers: Vec<u64> = stored.run.measured().map(|record| record.ordinal).collect();
            assert_eq!(numbers, (0..planned).collect::<Vec<u64>>());
            let warm = |record: &&Record| record.phase == Phase::Warmup;
            let warmup = stored.run.head.case.workload.warmup() as usize;
            assert_eq!(stored.run.records.iter().filter(warm).count(), warmup);
            let records = concatenated(&folder.path().join("out"), stored);
            assert_eq!(records, stored.run.records);
            let all = Run { records, ..stored.run.clone() };
            assert_eq!(bits(&all), bits(&stored.run));
        }
    }
}
