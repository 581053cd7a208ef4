//! A project whose runs are measured on the simulated driver and a paused clock, and stored where
//! the program finds them.

use crate::faces::{code, command, text};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use tempfile::TempDir;
use tokgate::pipeline::measure_case;
use tokgate::session::{Identity, Session};
use tokgate::store::{FileStore, Layout};
use tokgate_core::case::Case;
use tokgate_core::environment::{Environment, HostSettings, MachineId};
use tokgate_core::scenario::{Facts, Scenario, Surroundings, plan};
use tokgate_harness::measure::Harness;

/// The machine that the runs say they are of.
pub(crate) const MACHINE: &str = "test-x1";

/// A run as it is measured.
#[derive(Clone, Copy)]
pub(crate) struct Taken<'a> {
    pub(crate) run: &'a str,
    pub(crate) simulation: &'a str,
    pub(crate) requests: u32,
    pub(crate) epochs: u32,
    pub(crate) commit: Option<&'a str>,
    pub(crate) machine: &'a str,
}

/// A run that may become a baseline.
pub(crate) const SOUND: Taken<'_> = Taken {
    run: "",
    simulation: "",
    requests: 60,
    epochs: 6,
    commit: Some("abc"),
    machine: MACHINE,
};

/// A project in a folder of its own.
pub(crate) struct Lab {
    folder: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokgate.toml"), "").unwrap();
        Self { folder }
    }

    /// A project with a sound run of this name, which is recorded.
    pub(crate) fn recorded(run: &str) -> Self {
        let lab = Self::new();
        lab.measure(Taken { run, ..SOUND });
        lab.did(&["record", run]);
        lab
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("baseline/recorded").join(MACHINE).join("life.json")
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    /// A run whose times to first token are this many times as long.
    pub(crate) fn slower(&self, run: &str, factor: f64) {
        let simulation = format!(", ttft_factor = {factor}");
        self.measure(Taken { run, simulation: &simulation, ..SOUND });
    }

    pub(crate) fn measure(&self, taken: Taken<'_>) {
        let mut session = session(&self.path().join("results"), taken);
        for case in cases(taken) {
            measure_case(&mut session, &case, &|_| {}).unwrap();
        }
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Output {
        let all = [&["baseline"], arguments].concat();
        command(self.path(), &all).env("TOKGATE_MACHINE", MACHINE).output().unwrap()
    }

    /// What it says on both streams, after it ended with this code.
    pub(crate) fn ends(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.call(arguments);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
        told
    }

    pub(crate) fn did(&self, arguments: &[&str]) -> String {
        self.ends(arguments, 0)
    }

    pub(crate) fn object(&self, arguments: &[&str]) -> Value {
        let output = self.call(arguments);
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The raw lines of a run's epochs.
    pub(crate) fn raw(&self) -> Vec<PathBuf> {
        let layout = Layout::new(self.path().join("results"));
        layout.raw_files().unwrap()
    }
}

fn cases(taken: Taken<'_>) -> Vec<Case> {
    let Taken { simulation, requests, epochs, .. } = taken;
    let text = format!(
        r#"
        schema = 1
        [target]
        driver = "simulated"
        simulation = {{ ttft_ms = 500, itl_ms = 100, jitter = 0.05{simulation} }}
        [run]
        epochs = {epochs}
        [[case]]
        name = "one"
        kind = "generation"
        dataset = {{ prompt_tokens = 16, output_tokens = 8 }}
        workload = {{ concurrency = 2, requests = {requests}, warmup = 2 }}
        [case.gate]
        "ttft.p50" = "5 %"
        "tok_s" = "5 %"
        "#
    );
    let scenario = Scenario::parse("life", "life.toml", &text, &Surroundings::closed(&|_| None));
    plan(&scenario.unwrap(), &Facts::default()).unwrap()
}

fn session(results: &Path, taken: Taken<'_>) -> Session {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    Session {
        identity: Identity {
            run_id: taken.run.to_owned(),
            booking_id: format!("booking-{}", taken.run),
            machine: MachineId(taken.machine.to_owned()),
            environment: environment(taken.commit),
            platform: None,
            started_us: 1_795_000_000_000_000,
        },
        harness: Harness::on(runtime),
        samplers: Vec::new,
        earlier: Default::default(),
        sharing: None,
        store: Box::new(FileStore::open(Layout::new(results)).unwrap()),
        baselines: [].into(),
        strict: false,
        feed: Default::default(),
        stop: Arc::default(),
        measured: Vec::new(),
        unmeasured: Vec::new(),
    }
}

fn environment(commit: Option<&str>) -> Environment {
    Environment {
        cpu_model: "test".to_owned(),
        cpu_count: 2,
        memory_bytes: 8 << 30,
        memory_available_bytes: 8 << 30,
        gpus: Vec::new(),
        os: "test".to_owned(),
        kernel: "test".to_owned(),
        tool_version: "0".to_owned(),
        commit: commit.map(str::to_owned),
        host: HostSettings::default(),
        workers: None,
    }
}
