//! A run: the record of one epoch of one case, kept whole, so that every number can be had again.

use crate::case::{Case, RunsOn};
use crate::environment::{Environment, Gpu, MachineId};
use crate::identity::Fact;
use crate::record::{Outcome, Phase, Record};
use crate::time::Offset;
pub use crate::window::Window;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which side of a comparison an epoch belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// What the change is compared with.
    Base,
    /// The change, or simply what was measured.
    #[default]
    Head,
}

/// What the target says of itself, and what we know of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetIdentity {
    /// `embedded`, `vllm-serve`, `llama-cpp`, `openai`, `simulated`, `retrieval-flat-q4`, ...
    pub platform: String,
    /// The model as the target names it.
    pub model: String,
    /// Name and version of the server or engine.
    pub engine: String,
    /// Parameters, in the field's words: `135m`, `8b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_params: Option<String>,
    /// Bytes of the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Quantisation as the engine computes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Longest prompt and answer together, tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// Engine settings, as they were in force.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, serde_json::Value>,
}

/// What had to happen before the first request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Loading the model, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_load_s: Option<f64>,
    /// Sending the vectors to a vector database, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingest_s: Option<f64>,
    /// Building the index, seconds: when it was built, also where it was read from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_s: Option<f64>,
    /// Reading the index from the cache, where it was there, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_s: Option<f64>,
    /// What the cache did for the index; absent where there is no index that can be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheUse>,
    /// Whether the index is that of an earlier case, and so is the time that building it took.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub index_kept: bool,
    /// Size of the index, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_bytes: Option<u64>,
    /// By how much our resident memory grew while the index was built or read, bytes; absent where
    /// the platform does not say, and where it did not grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_rss_bytes: Option<u64>,
    /// Bytes that each query scans, whatever it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_bytes: Option<u64>,
    /// Bytes a second that as many threads as search read from memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_bytes_s: Option<f64>,
    /// Generating the vectors, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate_s: Option<f64>,
    /// Finding the exact neighbours, seconds: when they were found, also where they were read from
    /// the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth_s: Option<f64>,
    /// What the cache did for the exact neighbours; absent where none are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth_cache: Option<CacheUse>,
    /// How hard the vectors are to search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardness: Option<Hardness>,
}

/// What the cache did for something dear to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheUse {
    /// It was there.
    Hit,
    /// It was not there, or was not to be trusted, and was made.
    Miss,
    /// There is no cache: it was made.
    Off,
}

impl CacheUse {
    /// The name as JSON writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Off => "off",
        }
    }
}

/// How hard vectors are to search, measured on their exact neighbours: medians over the queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hardness {
    /// Local intrinsic dimension: how fast the number of neighbours grows with the distance. The
    /// higher, the harder.
    pub intrinsic_dimension: f64,
    /// Relative contrast: how many times as far as the tenth neighbour any row is. The nearer to
    /// 1, the harder.
    pub contrast: f64,
}

/// The target once a load had ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TargetAfter {
    /// As it was seen first, the first reply included.
    pub first: TargetIdentity,
    /// As it was seen last.
    pub last: TargetIdentity,
    /// What had to happen before the first request, where it was known only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation: Option<Preparation>,
    /// What was inserted while it was searched; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inserted: Option<Inserted>,
}

/// Rows that were inserted into an index while it was searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Inserted {
    /// How many.
    pub rows: u64,
    /// From when the first was due to the end of the last, seconds.
    pub seconds: f64,
    /// 95th percentile of what an insert took, the wait for running searches included, seconds.
    pub call_p95_s: f64,
    /// 95th percentile of how long after it was due an insert began, seconds.
    pub lag_p95_s: f64,
}

impl TargetAfter {
    /// A target that says the same of itself all along.
    #[must_use]
    pub fn unchanged(identity: TargetIdentity) -> Self {
        Self { first: identity.clone(), last: identity, preparation: None, inserted: None }
    }

    /// What became another while it was measured, in words; empty if nothing did. What only one
    /// of both says is no change.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let last = self.last.facts();
        let changed = |(fact, value): (Fact<'_>, String)| {
            let other = last.get(&fact).filter(|other| **other != value)?;
            Some(format!("{fact} `{value}` became `{other}`"))
        };
        self.first.facts().into_iter().filter_map(changed).collect()
    }
}

/// What one GPU said at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuSample {
    /// Utilisation, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Memory in use, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Temperature, degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_c: Option<f64>,
    /// Power draw, watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_w: Option<f64>,
    /// The hardware's energy counter, joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
    /// Clock of the streaming multiprocessors, MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sm_clock_mhz: Option<u32>,
    /// Clock of its memory, MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_clock_mhz: Option<u32>,
    /// Why its clocks are lower than they could be: NVML's `nvmlClocksEventReasons` bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<u64>,
    /// Processes on it that are neither the target's nor ours; where the target's are not known,
    /// those that were not there at the first sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_processes: Option<u32>,
    /// Whether it did not answer: lost, or taken away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// The target's processes at one moment: the one that serves and its children.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessSample {
    /// Resident memory of all of them, bytes.
    pub rss_bytes: u64,
    /// CPU time that they took since the last sample / time: 2 for two busy cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<f64>,
    /// Their threads.
    pub threads: u32,
}

/// Shares of the time since the last sample in which some task waited for something, 0 to 1 (Linux'
/// pressure stall information).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Stalled {
    /// For a CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// For memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<f64>,
    /// For a disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<f64>,
}

/// Bytes that went through the host's disks and network since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Read from disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_read: Option<u64>,
    /// Written to disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_written: Option<u64>,
    /// Received by network interfaces, the loopback one left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// Sent by them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
}

/// What the machine said at one moment. What could not be read is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TelemetrySample {
    /// When.
    pub at: Offset,
    /// Utilisation of the host's CPUs since the last sample, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Share of CPU time that the hypervisor gave to others since the last sample, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<f64>,
    /// Memory in use on the host, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Resident set of the target's process, or ours, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    /// The GPUs, in the driver's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuSample>,
    /// Utilisation of each of the host's CPUs since the last sample, 0 to 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cores: Vec<f64>,
    /// Utilisation of the host's CPUs since the last sample by others than us, the target and the
    /// other workers of our load, 0 to 1; absent where the target runs here and its processes are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others_cpu: Option<f64>,
    /// Load average of the last minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// Bytes read back from swap since the host was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swapped_in_bytes: Option<u64>,
    /// Swap in use, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<u64>,
    /// What tasks of the host waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled: Option<Stalled>,
    /// The target's processes, where it runs here and they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ProcessSample>,
    /// What went through disks and network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// Energy counter of the CPU packages, joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_energy_j: Option<f64>,
    /// By how much the wall clock was moved since the first sample, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_moved_s: Option<f64>,
    /// How long the machine was suspended since the first sample, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_s: Option<f64>,
    /// What the target's own metrics endpoint said, by our names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub server: BTreeMap<String, f64>,
}

/// Who an epoch is: written first, so that everything after it has a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// One file, one row: `{platform}-{model}-{requests}-{time}-{tail}`.
    pub test_id: String,
    /// The invocation.
    pub run_id: String,
    /// The stretch of time on one machine.
    pub booking_id: String,
    /// Number of the epoch within the run, from 0.
    pub epoch: u32,
    /// Base or head of a comparison.
    pub arm: Arm,
    /// Wall-clock start, microseconds since 1970: a label, never used for durations.
    pub started_us: i64,
    /// The machine's key.
    pub machine: MachineId,
    /// The facts about the machine.
    pub environment: Environment,
    /// What was measured.
    pub target: TargetIdentity,
    /// What was asked.
    pub case: Case,
    /// What happened before the first request.
    pub preparation: Preparation,
}

impl Head {
    /// The GPU that was measured: the one that the target declares, else this machine's first.
    #[must_use]
    pub fn gpu(&self) -> Option<Gpu> {
        let declared = self.case.target.runs_on.as_ref().and_then(RunsOn::card);
        declared.or_else(|| self.environment.gpus.first().cloned())
    }
}

/// What our own thread that sends and reads was busy with while the load was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClientCost {
    /// Its CPU time, seconds.
    pub cpu_s: f64,
    /// Time that passed, seconds.
    pub wall_s: f64,
}

impl ClientCost {
    /// How busy our thread was: its CPU time / time. `None` over no time.
    #[must_use]
    pub fn busy(&self) -> Option<f64> {
        (self.wall_s > 0.0).then(|| self.cpu_s / self.wall_s)
    }
}

/// How an epoch ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every planned request was sent and ended.
    Completed,
    /// Stopped by a signal.
    Interrupted,
    /// Stopped because it could not go on.
    Aborted(String),
}

/// One epoch of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Who it is.
    pub head: Head,
    /// Every request, in the order in which they ended.
    pub records: Vec<Record>,
    /// The machine while measuring.
    pub telemetry: Vec<TelemetrySample>,
    /// How it ended.
    pub ending: Ending,
    /// The target afterwards; absent where the epoch did not come to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<TargetAfter>,
    /// What the load cost us; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientCost>,
}

impl Run {
    /// What had to happen before the first request.
    #[must_use]
    pub fn preparation(&self) -> &Preparation {
        let known_later = self.after.as_ref().and_then(|after| after.preparation.as_ref());
        known_later.unwrap_or(&self.head.preparation)
    }

    /// The measured requests, warm-up left out.
    pub fn measured(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.phase == Phase::Measured)
    }

    /// The measured requests that succeeded.
    pub fn successes(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.counts())
    }

    /// The window: from the first sent to the last end, over measured requests. `None` without any.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        let with = |window, record: &Record| Some(Window::with(window, record.sent, record.done));
        self.measured().fold(None, with)
    }

    /// The length of the [`Run::window`] in seconds, T in the formulas.
    #[must_use]
    pub fn window_s(&self) -> Option<f64> {
        self.window().map(Window::seconds)
    }

    /// What the machine said while the measured requests ran: [`Window::watched`].
    #[must_use]
    pub fn watched(&self) -> &[TelemetrySample] {
        self.window().map_or(&[], |window| window.watched(&self.telemetry))
    }

    /// How many were attempted, and how they ended.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let mut requests = Requests::default();
        self.measured().for_each(|record| requests.add(record));
        requests
    }
}

/// Measured requests by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Sent.
    pub attempted: u64,
    /// Answered to the end.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// Cut off by the end of the run.
    pub incomplete: u64,
}

impl Requests {
    /// Counts one more.
    pub fn add(&mut self, record: &Record) {
        self.attempted += 1;
        match record.outcome {
            Outcome::Success => self.succeeded += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Incomplete => self.incomplete += 1,
        }
    }
}

impl std::ops::AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        self.attempted += other.attempted;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.incomplete += other.incomplete;
    }
}
