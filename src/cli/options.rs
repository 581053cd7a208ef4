//! The options that both faces share: `cargo bench --bench scenarios --` and `tokgate run`.

use crate::config::{Config, GateSettings, Telling};
use crate::project::Project;
use clap::Args;
use std::path::PathBuf;
use tokgate_core::day::Day;
use tokgate_core::price::Prices;
use tokgate_core::scenario::{Override, Roots};
use tokgate_harness::drivers::custom::Drivers;
use tokgate_harness::retrieval::cache::{Cache, Place};

/// What to measure, how, compared with what, and where results go.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Measurement")]
pub(super) struct Options {
    /// A target of `tokgate.toml`, or a driver: auto, embedded, openai, ollama, batch, simulated,
    /// flat, flat-q4, ivf-sq8, hnsw, pgvector, redis, vector-http, custom
    #[arg(long, env = "TOKGATE_TARGET", value_name = "NAME|DRIVER")]
    pub(super) target: Option<String>,
    /// Address of the server, `/v1` included (for Ollama without); `postgres://user@host/database`
    /// and `redis://host` for vector databases
    #[arg(long, env = "TOKGATE_BASE_URL", value_name = "URL")]
    pub(super) base_url: Option<String>,
    /// Environment variable that holds the key (never the key itself)
    #[arg(long, env = "TOKGATE_API_KEY_ENV", value_name = "NAME")]
    pub(super) api_key_env: Option<String>,
    /// Models: names on the server, synthetic shapes, or GGUF files; several make an axis
    #[arg(long, visible_alias = "model", env = "TOKGATE_MODELS", value_name = "MODEL", value_delimiter = ',', num_args = 1..)]
    pub(super) models: Vec<String>,
    /// Measured requests of a case
    #[arg(long, visible_alias = "iterations", env = "TOKGATE_REQUESTS", value_name = "N", value_delimiter = ',', num_args = 1..)]
    pub(super) requests: Vec<u32>,
    /// Workers that send at the same time
    #[arg(long, visible_alias = "workers", env = "TOKGATE_CONCURRENCY", value_name = "N", value_delimiter = ',', num_args = 1..)]
    pub(super) concurrency: Vec<u32>,
    /// Tokens of a prompt
    #[arg(long, env = "TOKGATE_PROMPT_TOKENS", value_name = "N", value_delimiter = ',', num_args = 1..)]
    pub(super) prompt_tokens: Vec<u32>,
    /// Output tokens asked for
    #[arg(long, env = "TOKGATE_OUTPUT_TOKENS", value_name = "N", value_delimiter = ',', num_args = 1..)]
    pub(super) output_tokens: Vec<u32>,
    /// A prompt to send instead of the scenario's; several come in turn
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "dataset")]
    pub(super) prompt: Vec<String>,
    /// A file of prompts to send instead of the scenario's: text, JSON lines, an OpenAI batch, ShareGPT, a trace
    #[arg(long, visible_alias = "prompt-file", env = "TOKGATE_DATASET", value_name = "PATH")]
    pub(super) dataset: Option<String>,
    /// Sampling temperature
    #[arg(long, env = "TOKGATE_TEMPERATURE", value_name = "T", value_delimiter = ',', num_args = 1..)]
    pub(super) temperature: Vec<f64>,
    /// Measured passes of each case
    #[arg(long, env = "TOKGATE_EPOCHS", value_name = "N")]
    pub(super) epochs: Option<u32>,
    /// Anything else of a scenario: `--set dataset.prompt_tokens=512`; a list makes an axis
    #[arg(long, value_name = "PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// Only the cases whose name contains this
    #[arg(long, env = "TOKGATE_CATEGORY", value_name = "NAME")]
    pub(super) category: Option<String>,
    /// Hardware preset instead of the detected one
    #[arg(long, env = "TOKGATE_HARDWARE", value_name = "NAME")]
    pub(super) hardware: Option<String>,
    /// What an hour of the target costs, US dollars; instead of what `runs_on` or the catalogue says
    #[arg(long, env = "TOKGATE_HOURLY_COST", value_name = "USD", value_parser = usd)]
    pub(super) hourly_cost: Option<f64>,
    /// Machine key instead of the detected one
    #[arg(long, env = "TOKGATE_MACHINE", value_name = "KEY")]
    pub(super) machine: Option<String>,
    /// Platform to store results under instead of the detected one
    #[arg(long, env = "TOKGATE_PLATFORM", value_name = "NAME")]
    pub(super) platform: Option<String>,
    /// Free text, kept with every result
    #[arg(long, env = "TOKGATE_NOTES", value_name = "TEXT")]
    pub(super) notes: Option<String>,

    /// Save this run as a baseline
    #[arg(
        long,
        short = 's',
        value_name = "NAME",
        conflicts_with = "no_store",
        help_heading = "Baseline"
    )]
    pub(super) save_baseline: Option<String>,
    /// Compare with this saved baseline or file; an absent one is an error
    #[arg(
        long,
        short = 'b',
        visible_alias = "baseline-file",
        value_name = "NAME|FILE",
        conflicts_with = "baseline_lenient",
        help_heading = "Baseline"
    )]
    pub(super) baseline: Option<String>,
    /// Compare with this saved baseline or file if it is there
    #[arg(long, value_name = "NAME|FILE", help_heading = "Baseline")]
    pub(super) baseline_lenient: Option<String>,
    /// What is merely not proven fails, too
    #[arg(long, env = "TOKGATE_STRICT", help_heading = "Baseline")]
    pub(super) strict: bool,

    /// Folder for results
    #[arg(
        long,
        visible_alias = "output-dir",
        env = "TOKGATE_RESULTS",
        value_name = "DIR",
        help_heading = "Results"
    )]
    pub(super) results_dir: Option<PathBuf>,
    /// Keep nothing: results go to a temporary folder that is removed at the end
    #[arg(long, visible_alias = "no-db", help_heading = "Results")]
    pub(super) no_store: bool,
    /// A `tokgate serve` that keeps this run, too, beside those of others: https://HOST. What it takes is shown
    /// the token of the variable TOKGATE_PUSH_TOKEN
    #[arg(
        long,
        env = "TOKGATE_PUSH",
        value_name = "URL",
        conflicts_with = "no_store",
        help_heading = "Results"
    )]
    pub(super) push: Option<String>,
    /// Build every index and find every exact neighbour anew, and keep neither
    #[arg(long, env = "TOKGATE_NO_CACHE", help_heading = "Cache")]
    pub(super) no_cache: bool,
    /// Folder where built indexes and exact neighbours are kept for later runs
    /// [default: the user's cache folder]
    #[arg(long, env = "TOKGATE_CACHE_DIR", value_name = "DIR", help_heading = "Cache")]
    pub(super) cache_dir: Option<PathBuf>,
    /// Most GiB kept there; what was not used for longest goes first
    #[arg(
        long,
        env = "TOKGATE_CACHE_MAX_GB",
        value_name = "GIB",
        default_value = "10",
        value_parser = gib,
        help_heading = "Cache"
    )]
    pub(super) cache_max_gb: u64,
    /// Name of this stretch of time on this machine, shared by the runs made in it
    #[arg(long, env = "TOKGATE_BOOKING", value_name = "ID", help_heading = "Results")]
    pub(super) booking: Option<String>,

    /// What `tokgate.toml` adds.
    #[arg(skip)]
    pub(super) settled: Settled,
    /// What one side of a comparison has of its own; stronger than every option.
    #[arg(skip)]
    pub(super) strongest: Vec<Override>,
    /// The drivers that this program brings.
    #[arg(skip)]
    pub(super) drivers: Drivers,
}

/// What `tokgate.toml` adds to the options.
#[derive(Debug, Clone, Default)]
pub(super) struct Settled {
    /// Folders that scenarios may name.
    pub(super) roots: Roots,
    /// What hardware is known, and what targets cost.
    pub(super) prices: Prices,
    /// Who is told of alerts.
    pub(super) telling: Telling,
    /// What a gate measures.
    pub(super) gate: GateSettings,
    /// The day on which it was planned, where that was not today.
    pub(super) today: Option<Day>,
    /// The keys of the named target; weaker than every option.
    target: Option<Vec<Override>>,
}

impl Settled {
    /// Leaves out the keys of the named target: a run that is gone on with has them among what it was
    /// asked.
    pub(super) fn forget_target(&mut self) {
        self.target = None;
    }
}

impl Options {
    /// The options in a project: the target by its name, the folders that are allowed.
    ///
    /// # Errors
    /// When `tokgate.toml` is wrong, or there is no such target.
    pub(super) fn settle(mut self, project: &Project) -> anyhow::Result<Self> {
        let config = Config::load(project)?;
        let named = self.target.as_deref().map(|name| config.target(name)).transpose()?.flatten();
        if named.is_some() {
            self.target = None;
        }
        let prices = Prices { catalogue: config.catalogue, hourly_usd: self.hourly_cost };
        let (roots, telling, gate) = (Roots(config.allow_paths), config.telling, config.gate);
        self.settled = Settled { roots, prices, telling, gate, today: None, target: named };
        Ok(self)
    }

    /// Where built indexes are kept; nowhere if that is asked for, or where there is no home folder.
    pub(super) fn cache(&self) -> Cache {
        let folder = self.cache_dir.clone().or_else(user_cache).filter(|_| !self.no_cache);
        folder.map_or_else(Cache::off, |folder| {
            Cache::at(Place { folder, max_bytes: self.cache_max_gb })
        })
    }

    /// The overrides of scenario values, weakest first: the named target, `--set`, the named
    /// options, then those of one side of a comparison.
    ///
    /// # Errors
    /// When a `--set` is not `path=value`; the message names it.
    pub(super) fn overrides(&self) -> anyhow::Result<Vec<Override>> {
        let set = self.set.iter().map(|text| match text.split_once('=') {
            Some((path, value)) => Ok(over(path.trim(), value.trim().to_owned(), "--set")),
            None => Err(anyhow::anyhow!(
                "`--set {text}` is not `path=value`, such as `--set dataset.prompt_tokens=512`"
            )),
        });
        let mut all = self.settled.target.clone().unwrap_or_default();
        all.extend(set.collect::<anyhow::Result<Vec<_>>>()?);
        all.extend(self.named());
        all.extend(self.strongest.iter().cloned());
        Ok(all)
    }

    fn named(&self) -> Vec<Override> {
        let one = |path, value: &Option<String>, flag| {
            value.as_ref().map(|value| over(path, quoted(value), flag))
        };
        let models: Vec<String> = self.models.iter().map(|model| quoted(model)).collect();
        [
            one("target.driver", &self.driver(), "--target"),
            one("target.base_url", &self.base_url, "--base-url"),
            one("target.api_key_env", &self.api_key_env, "--api-key-env"),
            list("model", &models, "--models"),
            list("requests", &self.requests, "--requests"),
            list("concurrency", &self.concurrency, "--concurrency"),
            list("prompt_tokens", &self.prompt_tokens, "--prompt-tokens"),
            list("output_tokens", &self.output_tokens, "--output-tokens"),
            self.data_kind(),
            self.prompts(),
            one("dataset.path", &self.dataset, "--dataset"),
            list("temperature", &self.temperature, "--temperature"),
            self.epochs.map(|epochs| over("run.epochs", epochs.to_string(), "--epochs")),
            one("notes", &self.notes, "--notes"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is sent, where the command line says it.
    fn data_kind(&self) -> Option<Override> {
        match (self.prompt.is_empty(), &self.dataset) {
            (false, _) => Some(over("dataset.kind", quoted("prompts"), "--prompt")),
            (true, Some(_)) => Some(over("dataset.kind", quoted("file"), "--dataset")),
            (true, None) => None,
        }
    }

    fn prompts(&self) -> Option<Override> {
        let prompts: Vec<String> = self.prompt.iter().map(|prompt| quoted(prompt)).collect();
        let list = || over("dataset.prompts", format!("[{}]", prompts.join(", ")), "--prompt");
        (!prompts.is_empty()).then(list)
    }

    /// An address alone means an OpenAI-compatible server, or the database of its scheme.
    fn driver(&self) -> Option<String> {
        let alone = self.base_url.as_deref().filter(|_| self.settled.target.is_none());
        self.target.clone().or_else(|| alone.map(driver_at).map(str::to_owned))
    }
}

/// The user's own folder for what can be made again: `$XDG_CACHE_HOME/tokgate`.
fn user_cache() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.cache_dir().join("tokgate"))
}

/// GiB in bytes.
fn gib(text: &str) -> Result<u64, String> {
    match text.parse::<f64>() {
        Ok(gib) if gib.is_finite() && gib >= 0.0 => Ok((gib * f64::from(1 << 30)) as u64),
        Ok(_) | Err(_) => Err("expected GiB, such as 10 or 0.5".to_owned()),
    }
}

/// A price.
pub(super) fn usd(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(usd) if usd.is_finite() && usd > 0.0 => Ok(usd),
        Ok(_) | Err(_) => Err("expected US dollars an hour, such as 3 or 0.52".to_owned()),
    }
}

fn driver_at(address: &str) -> &'static str {
    match address.split_once("://") {
        Some(("postgres", _)) => "pgvector",
        Some(("redis", _)) => "redis",
        _ => "openai",
    }
}

fn over(path: &str, value: String, source: &str) -> Override {
    Override { path: path.to_owned(), value, source: source.to_owned() }
}

/// One value, or a list that makes an axis; `None` when the option was not given.
fn list(path: &str, values: &[impl ToString], flag: &str) -> Option<Override> {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    match values.as_slice() {
        [] => None,
        [one] => Some(over(path, one.clone(), flag)),
        several => Some(over(path, format!("[{}]", several.join(", ")), flag)),
    }
}

/// A TOML string. JSON's escapes are TOML's, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
