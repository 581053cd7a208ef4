//! What is measured, and how to speak to it.

use crate::metric::Kind;
use crate::price::Price;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How to speak to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriverKind {
    /// A server that answers on the usual local ports, else `embedded`.
    Auto,
    /// A transformer in process.
    Embedded,
    /// An OpenAI-compatible server over HTTP.
    Openai,
    /// Ollama's own protocol over HTTP.
    Ollama,
    /// A command that answers a whole file of requests.
    Batch,
    /// Seeded latencies and faults, without a model.
    Simulated,
    /// Exact f32 search in process.
    Flat,
    /// 4-bit scan with f32 rescoring in process.
    FlatQ4,
    /// An inverted file of 8-bit codes with f32 rescoring in process.
    IvfSq8,
    /// A graph of near neighbours with f32 rescoring in process; in builds with the feature `hnsw`.
    Hnsw,
    /// PostgreSQL with pgvector.
    Pgvector,
    /// The vector sets of Redis 8.
    Redis,
    /// A vector database that speaks JSON over HTTP, as a preset describes it.
    VectorHttp,
    /// A driver or a function that the bench target of another crate brings, by its name.
    Custom,
}

impl DriverKind {
    /// The name as scenario files and options write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Embedded => "embedded",
            Self::Openai => "openai",
            Self::Ollama => "ollama",
            Self::Batch => "batch",
            Self::Simulated => "simulated",
            Self::Flat => "flat",
            Self::FlatQ4 => "flat-q4",
            Self::IvfSq8 => "ivf-sq8",
            Self::Hnsw => "hnsw",
            Self::Pgvector => "pgvector",
            Self::Redis => "redis",
            Self::VectorHttp => "vector-http",
            Self::Custom => "custom",
        }
    }

    /// Whether it is a server of language models that anybody can send requests to.
    #[must_use]
    pub fn is_model_server(self) -> bool {
        matches!(self, Self::Openai | Self::Ollama)
    }

    /// Whether it is a vector database of its own, which the vectors are sent to first.
    #[must_use]
    pub fn is_database(self) -> bool {
        matches!(self, Self::Pgvector | Self::Redis | Self::VectorHttp)
    }

    /// Which kinds of case the driver can answer. What `auto` becomes answers generation cases.
    #[must_use]
    pub fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Auto | Self::Embedded | Self::Ollama | Self::Batch => &[Kind::Generation],
            Self::Openai => &[Kind::Generation, Kind::Embedding, Kind::Rag],
            Self::Simulated => &[Kind::Generation, Kind::Retrieval],
            Self::Custom => &[Kind::Generation, Kind::Embedding],
            Self::Flat
            | Self::FlatQ4
            | Self::IvfSq8
            | Self::Hnsw
            | Self::Pgvector
            | Self::Redis
            | Self::VectorHttp => &[Kind::Retrieval],
        }
    }

    /// Whether it compares its best candidates again in full precision.
    #[must_use]
    pub fn rescores(self) -> bool {
        matches!(self, Self::FlatQ4 | Self::IvfSq8 | Self::Hnsw)
    }
}

/// Which endpoint of a server.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/chat/completions`; Ollama's `/api/chat`.
    #[default]
    Chat,
    /// `/completions`; Ollama's `/api/generate`.
    Completions,
}

/// How a server is asked to write vectors.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Lists of numbers: what the protocol means where nothing is said, and what every server can,
    /// so that numbers of different servers are about the same bytes.
    #[default]
    Float,
    /// Little-endian f32 in base64: a quarter to half of the bytes, where a server can.
    Base64,
}

impl Encoding {
    /// The name as requests and scenario files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Base64 => "base64",
        }
    }
}

/// What the simulated driver plays: log-normal latencies around the given medians, and planted
/// slow-downs and faults. All draws come from the epoch's seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Simulation {
    /// Median time to first token, seconds.
    pub ttft_s: f64,
    /// Median gap between tokens (or median query latency), seconds.
    pub itl_s: f64,
    /// Standard deviation of the logarithm of each latency.
    pub jitter: f64,
    /// Every time to first token is multiplied by this: a planted slow-down.
    pub ttft_factor: f64,
    /// Every gap is multiplied by this.
    pub itl_factor: f64,
    /// Share of gaps that stall.
    pub stall_rate: f64,
    /// A stalled gap is this many times as long.
    pub stall_factor: f64,
    /// Share of requests that fail with a server error.
    pub error_rate: f64,
    /// Share of requests whose stream ends early.
    pub truncate_rate: f64,
}

/// How long each stage of a request may take, where a scenario says so; seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Deadlines {
    /// Name lookup, TCP and TLS together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_s: Option<f64>,
    /// From sending to the response head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_s: Option<f64>,
    /// From the response head to the first content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_s: Option<f64>,
    /// Between two reads once there was content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_s: Option<f64>,
}

/// The signal that asks a launched server to end.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum StopSignal {
    /// SIGTERM.
    #[default]
    Term,
    /// SIGINT, as Ctrl-C sends it.
    Int,
    /// SIGKILL.
    Kill,
}

/// A command that is started, waited for, and ended with everything it started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// Program and arguments. `{model}`, `{port}`, `{input}` and `{output}` are replaced, and `{dir}` by
    /// the project's folder: of two commits that are compared, by each one's own.
    pub command: Vec<String>,
    /// Environment variables; `env:NAME` takes the value of ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Server: the path that answers 200 once it is ready. Batch: the words of the log line that
    /// ends loading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// Longest time to become ready (server) or to end (batch), seconds.
    pub timeout_s: f64,
    /// How it is asked to end.
    pub stop_signal: StopSignal,
    /// How long it may take to end before it is killed, seconds.
    pub stop_timeout_s: f64,
    /// Whether a server that already answers at the address is measured instead.
    pub reuse: bool,
    /// The folder that `{dir}` was replaced by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// What a remote target runs on, as its owner says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunsOn {
    /// The provider's name for the machine, as the catalogue has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The GPU's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// How many of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u32>,
    /// Memory of one of them, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vram_bytes: Option<u64>,
    /// Price of all of it, US dollars an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_per_hour_usd: Option<f64>,
    /// Longest prompt and answer together, tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// How to speak to it.
    pub driver: DriverKind,
    /// Where it listens: OpenAI-compatible servers with their `/v1`, vector databases as
    /// `postgres://user@host:port/database` and `redis://host:port`.
    pub base_url: Option<String>,
    /// Whose API a vector database has: the name of a preset, or the path of a file with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The name by which a bench target brings the driver `custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<String>,
    /// The model's name on the server, a synthetic shape, or the path of a GGUF file.
    pub model: Option<String>,
    /// Name of the environment variable that holds the key. Never the key.
    pub api_key_env: Option<String>,
    /// Chat or completions.
    pub endpoint: Endpoint,
    /// Whether answers are streamed; without it they have an end, but no first token.
    #[serde(default = "streamed")]
    pub stream: bool,
    /// Further fields of the request body, as the scenario writes them.
    pub body: serde_json::Map<String, serde_json::Value>,
    /// Compute threads of an engine in process.
    pub threads: u32,
    /// What the simulated driver plays.
    pub simulation: Option<Simulation>,
    /// Proxy between us and the target; none without it, whatever the environment says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The command that starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Launch>,
    /// What it runs on, where it is not this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_on: Option<RunsOn>,
    /// What it costs, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// How long each stage of a request may take.
    #[serde(default)]
    pub deadlines: Deadlines,
}

/// Cases stored by earlier versions were all streamed.
fn streamed() -> bool {
    true
}

impl Target {
    /// The target of a driver, everything else as it is where nothing is said.
    #[must_use]
    pub fn of(driver: DriverKind) -> Self {
        Self {
            driver,
            base_url: None,
            preset: None,
            custom: None,
            model: None,
            api_key_env: None,
            endpoint: Endpoint::Chat,
            stream: true,
            body: serde_json::Map::new(),
            threads: 1,
            simulation: None,
            proxy: None,
            launch: None,
            runs_on: None,
            price: None,
            deadlines: Deadlines::default(),
        }
    }
}
