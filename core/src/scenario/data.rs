//! The `[dataset]` table of a scenario file, with its ranges and defaults. What its values mean is
//! said in [`super::dataset`].

use crate::case::Similarity;
use crate::dataset::class::PromptClass;
use crate::dataset::file::FileFormat;
use crate::dataset::tasks::Category;
use crate::quality::Match;
use schemars::JsonSchema;
use serde::Deserialize;

/// How the data is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum DatasetKind {
    /// Common words, one token each in most vocabularies.
    Synthetic,
    /// Running text of a given length.
    Text,
    /// The scenario's own prompts, in turn.
    Prompts,
    /// The tasks that come with tokgate, in turn.
    Tasks,
    /// The prompts of a file, in turn.
    File,
    /// Vectors in clusters, hard like real embeddings.
    Mixture,
    /// Independent Gaussian vectors: a stress without neighbourhoods.
    Iid,
    /// The vectors of a file.
    Vectors,
}

impl DatasetKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::Text => "text",
            Self::Prompts => "prompts",
            Self::Tasks => "tasks",
            Self::File => "file",
            Self::Mixture => "mixture",
            Self::Iid => "iid",
            Self::Vectors => "vectors",
        }
    }
}

/// How lengths are distributed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Distribution {
    /// All the same.
    #[default]
    Fixed,
    /// Evenly on both sides of the centre.
    Uniform,
    /// Normal.
    Normal,
    /// Log-normal: few are very long.
    LogNormal,
}

/// What is sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Dataset {
    /// How it is made; `mixture` for retrieval and `synthetic` for all else where absent.
    pub(super) kind: Option<DatasetKind>,
    /// Tokens of each prompt, for `synthetic`; their mean, where the lengths are distributed.
    #[schemars(range(min = 1, max = 1000000))]
    pub(super) prompt_tokens: u32,
    /// The same by name: 16, 64, 256, 1024 or 4096 tokens.
    pub(super) prompt_class: Option<PromptClass>,
    /// How prompt lengths are distributed around `prompt_tokens`, for `synthetic`.
    pub(super) prompt_distribution: Distribution,
    /// How far: `uniform`, half the width as a share of the mean; `normal`, standard deviation as a share of the mean; `log_normal`, standard deviation of the logarithm. No length is below 1.
    #[schemars(range(max = 3), extend("exclusiveMinimum" = 0))]
    pub(super) prompt_spread: f64,
    /// How the output tokens asked for are distributed around `output_tokens`, for `synthetic`.
    pub(super) output_distribution: Distribution,
    /// How far, as for `prompt_spread`.
    #[schemars(range(max = 3), extend("exclusiveMinimum" = 0))]
    pub(super) output_spread: f64,
    /// Tokens that prompts begin with in common, after the salt, for `synthetic`; the prompts are as long as without.
    #[schemars(range(min = 0, max = 1000000))]
    pub(super) shared_prefix_tokens: u32,
    /// How many such beginnings there are; requests take them in turn.
    #[schemars(range(min = 1, max = 1000000))]
    pub(super) prefixes: u32,
    /// Characters of each prompt, for `text`.
    #[schemars(range(min = 1, max = 4000000))]
    pub(super) text_length: u32,
    /// The prompts, for `prompts`.
    #[schemars(extend("x-prose" = true, "examples" = [["Why is the sky blue?"]]))]
    pub(super) prompts: Vec<String>,
    /// The answers that are expected, one for each of the `prompts`; a file of `jsonl` has them as `expected`.
    #[schemars(extend("x-prose" = true, "examples" = [["4"]]))]
    pub(super) expect: Vec<String>,
    /// How answers are held against the expected ones, for `prompts` and `file`.
    pub(super) expect_as: Match,
    /// Which tasks, for `tasks`; all twelve where absent.
    pub(super) category: Option<Category>,
    /// The file within the project, for `file` and `vectors` (`.npy`, `.fvecs`, `.bvecs` or `.parquet`).
    #[schemars(length(min = 1, max = 4096), extend("examples" = ["data/batch.jsonl"]))]
    pub(super) path: Option<String>,
    /// How the file is written; told by its ending and its first line where absent.
    pub(super) format: Option<FileFormat>,
    /// A tokenizer within the project that counts beside the server: a `tokenizer.json`, or a model's `.gguf`.
    #[schemars(length(min = 1, max = 4096), extend("examples" = ["models/tokenizer.json"]))]
    pub(super) tokenizer: Option<String>,
    /// Texts of one request, for embedding; each is a prompt of the data set.
    #[schemars(range(min = 1, max = 2048))]
    pub(super) inputs_per_request: u32,
    /// Output tokens asked for, for generation; where absent, `tasks` and files that say how many ask for their own.
    #[schemars(range(min = 1, max = 1000000))]
    pub(super) output_tokens: u32,
    /// Sampling temperature, for generation; 0 is greedy.
    #[schemars(range(min = 0, max = 2))]
    pub(super) temperature: f64,
    /// Rows of the index, for `mixture` and `iid`; the most of them, for `vectors`, all where absent.
    #[schemars(range(min = 100, max = 100000000))]
    pub(super) entries: u32,
    /// Components of a vector, for `mixture` and `iid`.
    #[schemars(range(min = 8, max = 8192), extend("multipleOf" = 8))]
    pub(super) dimensions: u32,
    /// Components of a vector where less than `low_memory_gb` are free, for `mixture` and `iid`; as many as otherwise where absent.
    #[schemars(range(min = 8, max = 8192), extend("multipleOf" = 8))]
    pub(super) low_memory_dimensions: Option<u32>,
    /// Memory of the host below which vectors have `low_memory_dimensions`, GiB.
    #[schemars(range(max = 65536), extend("exclusiveMinimum" = 0))]
    pub(super) low_memory_gb: f64,
    /// The file of the queries, for `vectors`; its last rows where absent.
    #[schemars(length(min = 1, max = 4096), extend("examples" = ["data/queries.npy"]))]
    pub(super) queries: Option<String>,
    /// How many of the last rows are queries and not in the index, for `vectors` without `queries`.
    #[schemars(range(min = 1, max = 10000))]
    pub(super) held_out: u32,
    /// The column of the vectors in a `.parquet` file, for `vectors`; its only one of lists of floats where absent.
    #[schemars(length(min = 1, max = 256), extend("examples" = ["embedding"]))]
    pub(super) column: Option<String>,
    /// What is near, for `vectors`.
    pub(super) metric: Similarity,
}

impl Default for Dataset {
    fn default() -> Self {
        Self {
            kind: None,
            prompt_tokens: 128,
            prompt_class: None,
            prompt_distribution: Distribution::Fixed,
            prompt_spread: 0.5,
            output_distribution: Distribution::Fixed,
            output_spread: 0.5,
            shared_prefix_tokens: 0,
            prefixes: 1,
            text_length: 500,
            prompts: Vec::new(),
            expect: Vec::new(),
            expect_as: Match::Exact,
            category: None,
            path: None,
            format: None,
            tokenizer: None,
            inputs_per_request: 1,
            output_tokens: 64,
            temperature: 0.0,
            entries: 1_000_000,
            dimensions: 384,
            low_memory_dimensions: None,
            low_memory_gb: 4.0,
            queries: None,
            held_out: 1000,
            column: None,
            metric: Similarity::Cosine,
        }
    }
}
