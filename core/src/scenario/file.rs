//! The tables and keys of a scenario file, with their ranges and defaults.
//!
//! These structs are the one source: the checks, the published schema and the field reference are
//! all read from the schema that is generated from them. What a value means is not said here.

use super::data::Dataset;
use super::load::Workload;
use super::rag::Rag;
use super::target_table::Target;
use crate::alert::Settings;
use crate::metric::Kind;
use crate::quality;
use crate::validity::Limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the scenario format that this program reads.
pub const SCHEMA: u32 = 1;

/// A name: letters, digits, `_`, `.` and `-`, as it stands in ids and file names.
pub(super) const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";
/// The name of an environment variable.
pub(super) const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// A file of the same folder.
pub(super) const SIBLING: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]*\\.toml$";
/// An HTTP address.
pub(super) const ADDRESS: &str = "^https?://[^/]+";
/// The address of a server of any kind.
pub(super) const SERVER: &str = "^(https?|postgres|redis)://[^/]+";

/// A benchmark scenario of tokgate.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "tokgate scenario")]
pub(super) struct File {
    /// Version of the scenario format.
    #[schemars(range(min = 1, max = 4294967295u32), extend("examples" = [1]))]
    #[expect(dead_code, reason = "checked before anything else, in `read`")]
    schema: u32,
    #[serde(flatten)]
    pub(super) header: Header,
    #[serde(flatten)]
    pub(super) tables: Tables,
    #[serde(flatten)]
    #[expect(dead_code, reason = "read with its places")]
    judging: Judging,
    /// The cases; each overrides the tables above, key by key.
    #[serde(default)]
    #[expect(dead_code, reason = "read with its places")]
    case: Vec<CaseTable>,
    /// Changes for a machine, applied over the above when it is detected or named: `rtx_4090`, `rtx_3080`, `cpu_only`. Axes, goals and tolerances replace those that a case has.
    #[serde(default)]
    #[expect(dead_code, reason = "read with its places")]
    hardware: BTreeMap<String, Preset>,
}

/// What a file says of itself.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Header {
    /// One line for listings.
    #[schemars(extend("examples" = ["token throughput of the embedded model"]))]
    pub(super) summary: String,
    /// Whether a run without a filter includes it.
    pub(super) default: bool,
    /// A file of the same folder whose tables and cases this one changes.
    #[schemars(regex(pattern = SIBLING), extend("examples" = ["quick.toml"]))]
    pub(super) extends: Option<String>,
}

/// The tables of a case, each also at the top of the file as the default for every case.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Tables {
    /// What is measured.
    pub(super) target: Target,
    /// What the machine must have; without it nothing is measured.
    pub(super) requires: Requires,
    /// How the run is made.
    pub(super) run: Run,
    /// How the machine is watched.
    pub(super) telemetry: Telemetry,
    /// What is sent.
    pub(super) dataset: Dataset,
    /// When it is sent.
    pub(super) workload: Workload,
    /// How the index is searched.
    pub(super) retrieval: Retrieval,
    /// What questions are answered from, in a rag case.
    pub(super) rag: Rag,
    /// What weighs on this host beside the load; released with its end, and with ours.
    pub(super) pressure: Pressure,
    /// What a run may have and still be judged; more makes it INVALID.
    pub(super) validity: Limits,
    /// What is looked at in answers, for generation and rag.
    pub(super) quality: quality::Settings,
    /// From where on something is worth an alert, and what is not told at all.
    pub(super) alerts: Settings,
    /// Free text, kept with the result.
    #[schemars(extend("x-prose" = true))]
    pub(super) notes: String,
    /// Kind of benchmark in the results; derived from the axis that varies where absent.
    #[schemars(regex(pattern = NAME), extend("examples" = ["model_comparison"]))]
    pub(super) benchmark_type: Option<String>,
}

/// What a case is held against.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[allow(dead_code, reason = "read with their places, for the diagnostics")]
pub(super) struct Judging {
    /// Axes: any scalar of `target`, `dataset`, `workload`, `retrieval` or `rag` by its short name, with a list of values. Every combination is measured.
    matrix: BTreeMap<String, Vec<serde_json::Value>>,
    /// Lines to reach, by metric: `"ttft.p50" = "< 5 ms"`, `tok_s = ">= 30"`, `spike_rate = "5 .. 15 %"`.
    #[schemars(extend("examples" = [">= 30"]))]
    goals: BTreeMap<String, String>,
    /// What each request should keep to, for `goodput` and `attainment`, by a number that a request has once: `ttft = "< 200 ms"`, `e2e = "< 5 s"`.
    #[schemars(extend("examples" = ["< 200 ms"]))]
    slo: BTreeMap<String, String>,
    /// How far a metric may move before it counts as changed: `"ttft.p50" = "2 %"`, `recall_at_10 = "0.5 pp"`.
    gate: Gate,
}

/// What the gate is told.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(dead_code, reason = "read with their places, for the diagnostics")]
pub(super) struct Gate {
    /// Goals that fail the run when they are missed.
    #[schemars(extend("examples" = [["tok_s"]]))]
    required: Vec<String>,
    /// The effect that must be found, as a share of the baseline's value: what is not decided and could hide more is `underpowered`.
    #[schemars(extend("examples" = ["10 %"]))]
    must_detect: String,
    /// Metrics that are measured and recorded, but not judged up to a day, by name: `"ttft.p99" = { until = "2027-01-31", why = "..." }`. After that day they are judged again.
    quarantine: BTreeMap<String, Quarantine>,
    #[serde(flatten)]
    tolerances: BTreeMap<String, String>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            required: Vec::new(),
            must_detect: "10 %".to_owned(),
            quarantine: BTreeMap::new(),
            tolerances: BTreeMap::new(),
        }
    }
}

/// A metric that is not judged for now.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read with its place, for the diagnostics")]
pub(super) struct Quarantine {
    /// The last day on which it is not judged, at most a year ahead.
    #[schemars(extend("examples" = ["2027-01-31"]))]
    until: String,
    /// Why it is not judged.
    #[schemars(length(min = 1, max = 200), extend("examples" = ["the cache is cold"]))]
    why: String,
}

/// One case.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read with its places, for the diagnostics")]
pub(super) struct CaseTable {
    /// Its name; unique in the file, whatever the case of its letters.
    #[schemars(regex(pattern = NAME), extend("examples" = ["token_throughput"]))]
    name: String,
    /// What it measures.
    kind: Option<Kind>,
    #[serde(flatten)]
    tables: Tables,
    #[serde(flatten)]
    judging: Judging,
}

/// Changes for a machine.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "read with its places, for the diagnostics")]
pub(super) struct Preset {
    #[serde(flatten)]
    tables: Tables,
    #[serde(flatten)]
    judging: Judging,
}

/// What the machine must have.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Requires {
    /// Part of a GPU's name.
    #[schemars(length(min = 1, max = 128), extend("examples" = ["RTX 4090"]))]
    pub(super) gpu: Option<String>,
    /// GPU memory, GiB.
    #[schemars(range(max = 65536), extend("exclusiveMinimum" = 0))]
    pub(super) min_vram_gb: Option<f64>,
    /// Free memory of the host, GiB.
    #[schemars(range(max = 65536), extend("exclusiveMinimum" = 0))]
    pub(super) free_memory_gb: Option<f64>,
    /// Leave cells out whose prompt and answer exceed the context window that the target tells.
    pub(super) within_window: bool,
}

/// How the run is made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Run {
    /// Measured passes of every case. A verdict needs at least 5.
    #[schemars(range(min = 1, max = 1000))]
    pub(super) epochs: u32,
    /// Longest a request may take, seconds.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0))]
    pub(super) timeout_s: f64,
    /// Seed of everything random.
    #[schemars(range(min = 0, max = 9007199254740991u64))]
    pub(super) seed: u64,
    /// Whether prompts carry the run's id, so that a repeated run does not measure the server's cache.
    pub(super) salt: bool,
    /// Whose samples the spike rate is computed from; `itl` for generation and rag, `query` for retrieval, `embed` for embedding where absent.
    pub(super) spike_of: Option<SpikeOf>,
    /// Whether every request is kept in the raw log's detail.
    pub(super) detailed_logs: bool,
    /// Whether an HTML report is written.
    pub(super) html_report: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            epochs: 1,
            timeout_s: 300.0,
            seed: 1,
            salt: true,
            spike_of: None,
            detailed_logs: true,
            html_report: true,
        }
    }
}

/// Samples for the spike rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SpikeOf {
    /// Gaps between tokens.
    Itl,
    /// Whole requests.
    E2e,
    /// Times to first token.
    Ttft,
    /// Query latencies.
    Query,
    /// Embedding latencies.
    Embed,
}

impl SpikeOf {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Itl => "itl",
            Self::E2e => "e2e",
            Self::Ttft => "ttft",
            Self::Query => "query",
            Self::Embed => "embed",
        }
    }
}

/// How the machine is watched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Telemetry {
    /// Interval of the samples, milliseconds.
    #[schemars(range(min = 10, max = 60000))]
    pub(super) interval_ms: u32,
    /// Interval of the energy counter's samples, milliseconds.
    #[schemars(range(min = 100, max = 60000))]
    pub(super) energy_interval_ms: u32,
    /// Whether the target is asked for its own metrics once a second, at `/metrics` beside its address.
    pub(super) server_metrics: bool,
    /// Where a DCGM exporter tells of the GPUs of a target on another machine.
    #[schemars(regex(pattern = ADDRESS), extend("examples" = ["http://gpu-host:9400/metrics"]))]
    pub(super) dcgm_url: Option<String>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { interval_ms: 100, energy_interval_ms: 1000, server_metrics: false, dcgm_url: None }
    }
}

/// What weighs on this host beside the load.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Pressure {
    /// Memory to hold, GiB.
    #[schemars(range(max = 65536), extend("exclusiveMinimum" = 0))]
    pub(super) memory_gb: Option<f64>,
    /// Memory to hold, as a share of what is available when it starts.
    #[schemars(range(max = 0.9), extend("exclusiveMinimum" = 0))]
    pub(super) memory_share: Option<f64>,
    /// Threads that compute without end.
    #[schemars(range(min = 0, max = 4096))]
    pub(super) cpu_workers: u32,
}

/// How the index is searched.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Retrieval {
    /// Neighbours asked for.
    #[schemars(extend("enum" = [1, 10, 100]))]
    pub(super) top_k: u32,
    /// Candidates rescored in full precision, for `flat-q4`, `ivf-sq8` and `hnsw`.
    #[schemars(range(min = 1, max = 100000))]
    pub(super) rescore: u32,
    /// Cells that `ivf-sq8` scans: more find more and take longer.
    #[schemars(range(min = 1, max = 4096))]
    pub(super) nprobe: u32,
    /// Queries whose recall is checked against the exact answer.
    #[schemars(range(min = 1, max = 100000))]
    pub(super) truth_queries: u32,
    /// What a vector database searches: the graph that it builds, or every row.
    pub(super) index: IndexKind,
    /// Links of a row in each layer of the graph, for driver or index `hnsw`.
    #[schemars(range(min = 2, max = 4096))]
    pub(super) m: u32,
    /// Candidates kept while the graph is built, for driver or index `hnsw`.
    #[schemars(range(min = 4, max = 1000000))]
    pub(super) ef_construction: u32,
    /// Candidates kept while a query is searched, for driver or index `hnsw`; at least `top_k`.
    #[schemars(range(min = 1, max = 1000000))]
    pub(super) ef_search: u32,
    /// Which share of the rows every query may find, by a seeded attribute that has nothing to do with the vector; in steps of 0.0001, no filter where absent.
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0, "examples" = [0.1]))]
    pub(super) filter_share: Option<f64>,
    /// Rows a second that are inserted into the index while the queries run, in process; none where absent.
    #[schemars(range(min = 1, max = 1000000), extend("examples" = [1000]))]
    pub(super) insert_rate: Option<u32>,
    /// Which share of the rows is held back when the index is built, to be inserted; in steps of 0.0001, 0.1 where absent.
    #[schemars(range(max = 0.5), extend("exclusiveMinimum" = 0, "examples" = [0.1]))]
    pub(super) insert_share: Option<f64>,
}

impl Default for Retrieval {
    /// The graph is pgvector's by default, but for a wider search: the same for every database, so
    /// that they are compared on equal terms.
    fn default() -> Self {
        Self {
            top_k: 10,
            rescore: 30,
            nprobe: 16,
            truth_queries: 200,
            index: IndexKind::Hnsw,
            m: 16,
            ef_construction: 64,
            ef_search: 100,
            filter_share: None,
            insert_rate: None,
            insert_share: None,
        }
    }
}

/// What a vector database searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum IndexKind {
    /// A graph of near neighbours.
    Hnsw,
    /// Every row.
    Exact,
}
