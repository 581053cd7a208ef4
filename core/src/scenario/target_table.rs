//! The table `[target]` of a scenario, as it is written.

use super::file::{ADDRESS, SERVER, VARIABLE};
use crate::case::{DriverKind, Encoding, Endpoint, StopSignal};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is measured.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Target {
    /// How to speak to it; `auto` for generation, `flat-q4` for retrieval, `openai` for embedding and rag where absent.
    pub(super) driver: Option<DriverKind>,
    /// Address of the server: with its `/v1` for an OpenAI-compatible one, without for Ollama; `postgres://user@host:5432/database`, `redis://host:6379` and `http://host:6333` for vector databases.
    #[schemars(regex(pattern = SERVER), extend("examples" = ["http://127.0.0.1:8000/v1"]))]
    pub(super) base_url: Option<String>,
    /// Whose API a vector database has, for `vector-http`: `qdrant`, `milvus`, `weaviate`, `chroma`, `elasticsearch`, `opensearch`, or the path of a file of your own.
    #[schemars(length(min = 1, max = 512), extend("examples" = ["qdrant"]))]
    pub(super) preset: Option<String>,
    /// The name by which the bench target of a crate of yours brings the driver `custom`: see `docs/LIBRARY.md`.
    #[schemars(length(min = 1, max = 128), extend("examples" = ["mine"]))]
    pub(super) custom: Option<String>,
    /// The model's name on the server, a synthetic shape such as `synthetic-6.8m`, or the path of a GGUF file within the project.
    #[schemars(length(min = 1, max = 512), extend("examples" = ["synthetic-6.8m"]))]
    pub(super) model: Option<String>,
    /// Name of the environment variable that holds the key. Never the key itself.
    #[schemars(regex(pattern = VARIABLE), extend("examples" = ["OPENAI_API_KEY"]))]
    pub(super) api_key_env: Option<String>,
    /// Which endpoint of the server.
    pub(super) endpoint: Endpoint,
    /// Whether answers are streamed; `true` where absent. Without, an answer has an end but no first token.
    pub(super) stream: Option<bool>,
    /// How vectors are asked for, in an embedding or rag case; either is read.
    pub(super) encoding_format: Encoding,
    /// Further fields of the request body: `body = { ignore_eos = true }`; for driver `custom`, whatever that one takes.
    pub(super) body: serde_json::Map<String, serde_json::Value>,
    /// Compute threads of an engine in process; 1 where absent.
    #[schemars(range(min = 1, max = 1024), extend("examples" = [1]))]
    pub(super) threads: Option<u32>,
    /// What the `simulated` driver plays.
    pub(super) simulation: Simulation,
    /// Proxy between us and the target. Without it there is none, whatever the environment says.
    #[schemars(regex(pattern = ADDRESS), extend("examples" = ["http://proxy.example:3128"]))]
    pub(super) proxy: Option<String>,
    /// How long each stage of a request may take; `run.timeout_s` is for the whole.
    pub(super) deadlines: Deadlines,
    /// The command that starts the server, or that answers a batch.
    pub(super) launch: Option<Launch>,
    /// What a remote target runs on.
    pub(super) runs_on: Option<RunsOn>,
}

/// How long each stage of a request may take, seconds.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Deadlines {
    /// Name lookup, TCP and TLS together; 10 where absent.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0))]
    pub(super) connect_s: Option<f64>,
    /// From sending to the response head; nearly the whole time where absent.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0))]
    pub(super) head_s: Option<f64>,
    /// From the response head to the first content; nearly the whole time where absent.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0))]
    pub(super) first_token_s: Option<f64>,
    /// Between two reads once there was content; half of the whole time where absent.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0))]
    pub(super) gap_s: Option<f64>,
}

/// A command that is started, waited for, and ended with everything it started.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Launch {
    /// Program and arguments. `{model}`, `{port}` and `{dir}` (the project's folder) are replaced; for a batch `{input}` and `{output}`, too.
    #[schemars(extend("x-prose" = true, "examples" = [["vllm", "serve", "{model}", "--port", "{port}"]]))]
    pub(super) command: Vec<String>,
    /// Environment variables; `env:NAME` hands on the value of one of ours.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// Server: the path that answers 200 once it is ready; its list of models where absent. Batch: words of the line of output that ends loading.
    #[schemars(length(min = 1, max = 256), extend("examples" = ["/health"]))]
    pub(super) ready: Option<String>,
    /// Longest time until it is ready (server) or done (batch), seconds; 600 where absent.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0))]
    pub(super) timeout_s: Option<f64>,
    /// The signal that asks it to end.
    #[serde(default)]
    pub(super) stop_signal: StopSignal,
    /// How long it may take to end before it is killed, seconds; 10 where absent.
    #[schemars(range(max = 600), extend("exclusiveMinimum" = 0))]
    pub(super) stop_timeout_s: Option<f64>,
    /// Whether a server that already answers at the address is measured instead of starting one.
    #[serde(default)]
    pub(super) reuse: bool,
}

/// What a remote target runs on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct RunsOn {
    /// The provider's name for the machine; the catalogue of `tokgate hardware` says the rest.
    #[schemars(length(min = 1, max = 128), extend("examples" = ["g1-gpu-rtx6000-2"]))]
    pub(super) instance: Option<String>,
    /// The GPU's name.
    #[schemars(length(min = 1, max = 128), extend("examples" = ["NVIDIA H100 80GB"]))]
    pub(super) gpu: Option<String>,
    /// How many of them; 1 where absent.
    #[schemars(range(min = 1, max = 100000))]
    pub(super) gpus: Option<u32>,
    /// Memory of one of them, GiB.
    #[schemars(range(max = 65536), extend("exclusiveMinimum" = 0))]
    pub(super) vram_gb: Option<f64>,
    /// Price of all of it, US dollars an hour.
    #[schemars(range(max = 1000000), extend("exclusiveMinimum" = 0))]
    pub(super) price_per_hour_usd: Option<f64>,
    /// Longest prompt and answer together, tokens.
    #[schemars(range(min = 1, max = 1000000000))]
    pub(super) context_window: Option<u64>,
}

/// Seeded latencies and planted faults.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Simulation {
    /// Median time to first token, milliseconds.
    #[schemars(range(max = 600000), extend("exclusiveMinimum" = 0))]
    pub(super) ttft_ms: f64,
    /// Median gap between tokens, or median query latency, milliseconds.
    #[schemars(range(max = 600000), extend("exclusiveMinimum" = 0))]
    pub(super) itl_ms: f64,
    /// Standard deviation of the logarithm of each latency.
    #[schemars(range(min = 0, max = 3))]
    pub(super) jitter: f64,
    /// Factor on every time to first token: a planted slow-down.
    #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
    pub(super) ttft_factor: f64,
    /// Factor on every gap: a planted slow-down.
    #[schemars(range(max = 1000), extend("exclusiveMinimum" = 0))]
    pub(super) itl_factor: f64,
    /// Share of gaps that stall.
    #[schemars(range(min = 0, max = 1))]
    pub(super) stall_rate: f64,
    /// A stalled gap is this many times as long.
    #[schemars(range(min = 1, max = 100000))]
    pub(super) stall_factor: f64,
    /// Share of requests that fail with a server error.
    #[schemars(range(min = 0, max = 1))]
    pub(super) error_rate: f64,
    /// Share of requests whose stream ends early.
    #[schemars(range(min = 0, max = 1))]
    pub(super) truncate_rate: f64,
}

impl Default for Simulation {
    /// A quiet, quick server, so that a scenario states only what it plants.
    fn default() -> Self {
        Self {
            ttft_ms: 20.0,
            itl_ms: 5.0,
            jitter: 0.1,
            ttft_factor: 1.0,
            itl_factor: 1.0,
            stall_rate: 0.0,
            stall_factor: 10.0,
            error_rate: 0.0,
            truncate_rate: 0.0,
        }
    }
}
