//! A case: one fully resolved cell of a scenario's matrix. Nothing in it is left to a default
//! that lives elsewhere, so that a stored case says all that was asked.

use crate::alert::Settings;
use crate::dataset::file::FileFormat;
use crate::dataset::synthetic::Synthetic;
use crate::dataset::tasks::Category;
pub use crate::gate::{Gate, Quarantine, Tolerance};
use crate::goal::Goal;
use crate::metric::Kind;
use crate::pressure::Pressure;
use crate::quality::{self, Expect};
use crate::share::Share;
use crate::slo::Slo;
pub use crate::target::{
    Deadlines, DriverKind, Encoding, Endpoint, Launch, RunsOn, Simulation, StopSignal, Target,
};
use crate::validity::Limits;
pub use crate::vectors::{
    QuerySource, Similarity, VectorContents, VectorFile, VectorKind, VectorSet,
};
pub use crate::workload::Workload;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `scenario/case/axis=value,axis=value`; stable over runs, so that history and baselines match.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub String);

impl CaseId {
    /// The id of a cell; `axes` in the file's order, only those with more than one value.
    #[must_use]
    pub fn new(scenario: &str, case: &str, axes: &[(String, String)]) -> Self {
        let cell: Vec<String> =
            axes.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        match cell.is_empty() {
            true => Self(format!("{scenario}/{case}")),
            false => Self(format!("{scenario}/{case}/{}", cell.join(","))),
        }
    }

    /// The id as listings and filters spell it, with `::` for the first two `/`.
    #[must_use]
    pub fn listed(&self) -> String {
        self.0.replacen('/', "::", 2)
    }

    /// The id without an axis that has this value: what the cells of all its values have in common.
    ///
    /// ```
    /// # use tokgate_core::case::CaseId;
    /// let id = CaseId("a/b/model=org/c:4b,concurrency=4".to_owned());
    /// assert_eq!(id.without("model", "org/c:4b").0, "a/b/concurrency=4");
    /// assert_eq!(id.without("model", "org/c"), id);
    /// ```
    #[must_use]
    pub fn without(&self, axis: &str, value: &str) -> Self {
        let Some((at, _)) = self.0.match_indices('/').nth(1) else { return self.clone() };
        let (case, cell) = (&self.0[..at], &self.0[at + 1..]);
        let (axis, between) = (format!("{axis}={value}"), format!(",{axis}={value},"));
        let rest = match cell.split_once(&between) {
            _ if cell == axis => return Self(case.to_owned()),
            Some((before, after)) => format!("{before},{after}"),
            None => {
                match (cell.strip_prefix(&between[1..]), cell.strip_suffix(&format!(",{axis}"))) {
                    (Some(rest), _) | (None, Some(rest)) => rest.to_owned(),
                    (None, None) => return self.clone(),
                }
            }
        };
        Self(format!("{case}/{rest}"))
    }

    /// The scenario's name.
    #[must_use]
    pub fn scenario(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The case's name within its scenario.
    #[must_use]
    pub fn case(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the prompts come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum PromptSource {
    /// Common words, one token each in most vocabularies.
    Synthetic(Synthetic),
    /// Running text of a given length.
    Text {
        /// Characters of each prompt.
        text_length: u32,
    },
    /// The scenario's own prompts, in turn.
    Prompts {
        /// The prompts.
        prompts: Vec<String>,
    },
    /// The tasks that come with tokgate, in turn.
    Tasks {
        /// Which of them; all where absent.
        category: Option<Category>,
    },
    /// What a file holds, in turn.
    File(DataFile),
}

/// A file of prompts. Its text is not kept with the case, only what identifies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Where it lies, as it was opened.
    pub path: String,
    /// How it is written; told by its ending and first line where the scenario does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// What was found in it; absent until it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// What was found in a file of prompts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Requests that it gives.
    pub entries: u64,
    /// Lines that could not be read, and are left out.
    pub bad_lines: u64,
}

/// Whose word on the length of an answer counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputTokens {
    /// The scenario's, for every request.
    #[default]
    Asked,
    /// Each prompt's own, where it has one.
    Own,
}

/// What is sent to a language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptSet {
    /// Where the prompts come from.
    #[serde(flatten)]
    pub source: PromptSource,
    /// Output tokens asked for.
    pub output_tokens: u32,
    /// Whether prompts that bring a limit of their own are asked for that.
    #[serde(default, skip_serializing_if = "OutputTokens::is_asked")]
    pub output: OutputTokens,
    /// Sampling temperature; 0 is greedy.
    pub temperature: f64,
    /// The answers that are expected, where any are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
    /// The file of the tokenizer that counts beside the server, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
}

impl OutputTokens {
    fn is_asked(&self) -> bool {
        matches!(self, Self::Asked)
    }
}

impl PromptSet {
    /// Synthetic prompts of one length.
    #[must_use]
    pub fn synthetic(prompt_tokens: u32, output_tokens: u32) -> Self {
        Self {
            source: PromptSource::Synthetic(Synthetic::of(prompt_tokens)),
            output_tokens,
            output: OutputTokens::Asked,
            temperature: 0.0,
            expect: None,
            tokenizer: None,
        }
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Dataset {
    /// Prompts for a language model.
    Prompts(PromptSet),
    /// Vectors to search, and queries from the same distribution.
    Vectors(VectorSet),
}

impl Dataset {
    /// Whether every request has the same prompt, but for its salt.
    #[must_use]
    pub fn has_one_prompt(&self) -> bool {
        match self {
            Self::Prompts(PromptSet { source: PromptSource::Prompts { prompts }, .. }) => {
                prompts.len() < 2
            }
            Self::Prompts(_) | Self::Vectors(_) => false,
        }
    }
}

/// How the index is searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Neighbours asked for: 1, 10 or 100.
    pub top_k: u32,
    /// Candidates rescored in full precision, for engines that rescore.
    pub rescore: u32,
    /// Cells scanned, for an inverted file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nprobe: Option<u32>,
    /// Queries whose recall is checked against the exact answer.
    pub truth_queries: u32,
    /// The graph that `hnsw` or a vector database is asked to build and search; absent for other
    /// engines, and where the database searches exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hnsw: Option<Hnsw>,
    /// Which share of the rows passes the filter that every query has; absent without a filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_share: Option<Share>,
    /// Rows that are inserted while queries run; absent where the index has all of them before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inserts: Option<Inserts>,
}

/// Rows that are inserted while queries run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inserts {
    /// Rows a second.
    pub rate: u32,
    /// Which share of the rows is held back when the index is built: the last ones.
    pub share: Share,
}

/// A graph of near neighbours (HNSW), as `hnsw` and vector databases build and search it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hnsw {
    /// Links of a row in each layer.
    pub m: u32,
    /// Candidates kept while a row is linked.
    pub ef_construction: u32,
    /// Candidates kept while a query is searched.
    pub ef_search: u32,
}

/// What is asked of an embedding model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedding {
    /// Texts of one request.
    pub inputs_per_request: u32,
    /// How the vectors are asked for; servers may answer otherwise, and both are read.
    pub encoding: Encoding,
}

/// What a question is answered from, and how it is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rag {
    /// The index in process over the passages' vectors: `flat`, `flat-q4` or `ivf-sq8`.
    pub engine: DriverKind,
    /// What is searched.
    pub passages: Passages,
    /// Who embeds passages and questions.
    pub embedder: Embedder,
}

/// Where passages come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Passages {
    /// Common words, drawn from the seed.
    Seeded {
        /// How many there are.
        count: u32,
        /// Words of each.
        words: u32,
    },
    /// The lines of a text file, one passage each; empty ones are left out.
    File {
        /// Where it lies, as it was opened.
        path: String,
        /// The most that are taken, from the first on.
        most: u32,
        /// What was found in it; absent until it is read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contents: Option<Contents>,
    },
}

/// A server with an embedding model, where it is not the one that generates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedder {
    /// Where it listens, with its `/v1`; the target's own address where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The model's name; the first that is listed where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Name of the environment variable that holds the key. Never the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
}

/// What a case needs from the machine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Requires {
    /// Part of a GPU's name.
    pub gpu: Option<String>,
    /// GPU memory.
    pub min_vram_bytes: Option<u64>,
    /// Free memory of the host.
    pub free_memory_bytes: Option<u64>,
    /// Room for prompt and answer in the target's context window, where it tells how large that is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub within_window: bool,
}

/// How the run is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Measured passes.
    pub epochs: u32,
    /// Longest a request may take, seconds.
    pub timeout_s: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// Whether prompts are salted with the run id.
    pub salt: bool,
    /// Telemetry interval, seconds.
    pub telemetry_interval_s: f64,
    /// Interval of the energy counters' readings, seconds.
    #[serde(default = "usual_energy_interval_s")]
    pub energy_interval_s: f64,
    /// Whether the target is asked for its own metrics.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub server_metrics: bool,
    /// Where a DCGM exporter tells of the target's GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dcgm_url: Option<String>,
    /// Whose samples the spike rate is computed from: `itl`, `e2e`, `ttft`, `query` or `embed`.
    pub spike_of: String,
    /// Whether a page for people is written at the end of a run of it.
    #[serde(default = "usual_html_report", skip_serializing_if = "is_usual_html_report")]
    pub html_report: bool,
}

/// As scenarios have it where they say nothing.
fn usual_energy_interval_s() -> f64 {
    1.0
}

/// As scenarios have it where they say nothing.
fn usual_html_report() -> bool {
    true
}

fn is_usual_html_report(html_report: &bool) -> bool {
    *html_report == usual_html_report()
}

/// One cell of the matrix: everything that is needed to measure it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: CaseId,
    /// What it measures.
    pub kind: Kind,
    /// What is measured.
    pub target: Target,
    /// What is sent.
    pub dataset: Dataset,
    /// When it is sent.
    pub workload: Workload,
    /// How the index is searched; present for retrieval, and where answers need it.
    pub retrieval: Option<Retrieval>,
    /// What is asked of an embedding model; present where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
    /// What questions are answered from; present for retrieval-augmented generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rag: Option<Rag>,
    /// What weighs on this host beside the load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pressure: Option<Pressure>,
    /// How the run is made.
    pub run: RunSettings,
    /// What it needs from the machine.
    pub requires: Requires,
    /// What it should reach.
    pub goals: Vec<Goal>,
    /// What each request should keep to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slos: Vec<Slo>,
    /// What the judge is told.
    pub gate: Gate,
    /// How far from a clean run it may be and still be judged.
    #[serde(default)]
    pub validity: Limits,
    /// What is looked at in the answers.
    #[serde(default)]
    pub quality: quality::Settings,
    /// From where on something is worth an alert.
    #[serde(default)]
    pub alerts: Settings,
    /// The axis that varies, in a word: `model_comparison`, `worker_optimization`, ...
    pub benchmark_type: String,
    /// Free text, kept with the result.
    pub notes: String,
}

impl Case {
    /// Why its prompts and answers have no room in a context window of so many tokens, where it must
    /// be left out then. Lengths are known of synthetic prompts alone.
    #[must_use]
    pub fn exceeds(&self, window: u64) -> Option<String> {
        let Dataset::Prompts(PromptSet { source, output_tokens, .. }) = &self.dataset else {
            return None;
        };
        let PromptSource::Synthetic(Synthetic { prompt_tokens, .. }) = source else { return None };
        let tokens = u64::from(*prompt_tokens) + u64::from(*output_tokens);
        (self.requires.within_window && tokens > window).then(|| {
            format!("{tokens} tokens of prompt and answer, and the window has room for {window}")
        })
    }

    /// Measured requests of one epoch by plan; `None` where time decides how many they are.
    #[must_use]
    pub fn planned_requests(&self) -> Option<u64> {
        let entries = match &self.dataset {
            Dataset::Prompts(PromptSet { source: PromptSource::File(file), .. }) => {
                file.contents.as_ref().map(|contents| contents.entries)
            }
            Dataset::Prompts(_) | Dataset::Vectors(_) => None,
        };
        self.workload.planned(self.run.seed, entries)
    }
}
