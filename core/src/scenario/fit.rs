//! Which keys belong to which kind of case, driver and data: one table of rules.

use super::data::DatasetKind;
use super::load::{self, LoadKind};
use crate::case::DriverKind;
use crate::metric::{Kind, MetricRef};

/// What decides which keys a cell has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    pub(super) kind: Kind,
    pub(super) driver: DriverKind,
    pub(super) data: DatasetKind,
    pub(super) load: LoadKind,
}

/// Why a key does not belong, and the key that decided so, as `(table, key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) why: String,
    pub(super) decided_by: (&'static str, &'static str),
}

/// The kind of the case.
pub(super) const BY_CASE: (&str, &str) = ("", "kind");
const BY_DRIVER: (&str, &str) = ("target", "driver");
const BY_DATA: (&str, &str) = ("dataset", "kind");

/// The drivers that can answer a kind of case, in words.
pub(super) fn drivers_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Generation => {
            "`auto`, `embedded`, `openai`, `ollama`, `batch`, `simulated` or `custom`"
        }
        Kind::Retrieval => {
            "`flat`, `flat-q4`, `ivf-sq8`, `hnsw`, `pgvector`, `redis`, `vector-http` or `simulated`"
        }
        Kind::Embedding => "`openai` or `custom`",
        Kind::Rag => "`openai`",
    }
}

/// The data that a kind of case is sent, in words.
pub(super) fn data_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Generation | Kind::Embedding | Kind::Rag => {
            "`synthetic`, `text`, `prompts`, `tasks` or `file`"
        }
        Kind::Retrieval => "`mixture`, `iid` or `vectors`",
    }
}

/// The article before the name of a kind.
pub(super) fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Generation | Kind::Retrieval | Kind::Rag => "a",
        Kind::Embedding => "an",
    }
}

/// Whether a driver can answer a kind of case.
pub(super) fn driver_fits(driver: DriverKind, kind: Kind) -> bool {
    driver.kinds().contains(&kind)
}

/// Whether a kind of data is for a kind of case: vectors are searched, and all else reads text.
pub(super) fn data_fits(data: DatasetKind, kind: Kind) -> bool {
    match data {
        DatasetKind::Synthetic
        | DatasetKind::Text
        | DatasetKind::Prompts
        | DatasetKind::Tasks
        | DatasetKind::File => kind != Kind::Retrieval,
        DatasetKind::Mixture | DatasetKind::Iid | DatasetKind::Vectors => kind == Kind::Retrieval,
    }
}

/// Whether `table.key` belongs to a cell.
pub(super) fn key_fits(table: &str, key: &str, choice: Choice) -> Result<(), Misfit> {
    let misfit = |why: &str, decided_by| Err(Misfit { why: why.to_owned(), decided_by });
    let of_kind = |kinds: &[Kind], what: &str| match kinds.contains(&choice.kind) {
        true => Ok(()),
        false => misfit(&format!("belongs to {what}"), BY_CASE),
    };
    let (rag, embedding) = (choice.kind == Kind::Rag, choice.kind == Kind::Embedding);
    let driver = |kinds: &[DriverKind], names: &str| match kinds.contains(&choice.driver) {
        true => Ok(()),
        false => misfit(
            &format!("belongs to driver {names}, and this is `{}`", choice.driver.as_str()),
            BY_DRIVER,
        ),
    };
    let data = |kinds: &[DatasetKind], names: &str| match kinds.contains(&choice.data) {
        true => Ok(()),
        false => misfit(
            &format!("belongs to data of kind {names}, and this is `{}`", choice.data.as_str()),
            BY_DATA,
        ),
    };
    use DriverKind::{
        Auto, Batch, Custom, Embedded, Flat, FlatQ4, Hnsw, IvfSq8, Ollama, Openai, Pgvector, Redis,
        Simulated, VectorHttp,
    };
    match (table, key) {
        ("retrieval", _) if !matches!(choice.kind, Kind::Retrieval | Kind::Rag) => {
            misfit("belongs to a retrieval or rag case", BY_CASE)
        }
        ("retrieval", "top_k" | "rescore" | "nprobe" | "truth_queries") if rag => Ok(()),
        ("retrieval", "filter_share" | "insert_rate" | "insert_share") if rag => {
            misfit("belongs to a retrieval case", BY_CASE)
        }
        ("rag", _) => of_kind(&[Kind::Rag], "a rag case"),
        ("dataset", "inputs_per_request") => of_kind(&[Kind::Embedding], "an embedding case"),
        ("target", "encoding_format") => {
            of_kind(&[Kind::Embedding, Kind::Rag], "an embedding or rag case")
        }
        ("retrieval", "rescore") => {
            driver(&[FlatQ4, IvfSq8, Hnsw, Simulated], "`flat-q4`, `ivf-sq8` or `hnsw`")
        }
        ("retrieval", "nprobe") => driver(&[IvfSq8], "`ivf-sq8`"),
        ("retrieval", "filter_share") => driver(
            &[Flat, FlatQ4, IvfSq8, Hnsw, Pgvector, Redis, VectorHttp],
            "`flat`, `flat-q4`, `ivf-sq8`, `hnsw`, `pgvector`, `redis` or `vector-http`",
        ),
        ("retrieval", "insert_rate" | "insert_share") => {
            driver(&[Flat, FlatQ4, IvfSq8, Hnsw], "`flat`, `flat-q4`, `ivf-sq8` or `hnsw`")
        }
        ("retrieval", "index") => {
            driver(&[Pgvector, Redis, VectorHttp], "`pgvector`, `redis` or `vector-http`")
        }
        ("quality", _) => of_kind(&[Kind::Generation, Kind::Rag], "a generation or rag case"),
        ("dataset", "expect" | "expect_as")
            if !matches!(choice.kind, Kind::Generation | Kind::Rag) =>
        {
            misfit("belongs to a generation or rag case", BY_CASE)
        }
        ("dataset", "expect") => data(&[DatasetKind::Prompts], "`prompts`"),
        ("dataset", "expect_as") => {
            data(&[DatasetKind::Prompts, DatasetKind::File], "`prompts` or `file`")
        }
        ("retrieval", "m" | "ef_construction" | "ef_search") => driver(
            &[Hnsw, Pgvector, Redis, VectorHttp],
            "`hnsw`, `pgvector`, `redis` or `vector-http`",
        ),
        ("dataset", "output_tokens" | "temperature") => {
            of_kind(&[Kind::Generation, Kind::Rag], "a generation or rag case")
        }
        // Ours would count the question, and the target what is answered: other texts.
        ("dataset", "tokenizer") => of_kind(&[Kind::Generation], "a generation case"),
        ("target", "model") if choice.kind == Kind::Retrieval => {
            misfit("belongs to a case with a language model", BY_CASE)
        }
        ("target", "model") => driver(
            &[Openai, Ollama, Batch, Embedded, Custom, Auto],
            "`openai`, `ollama`, `batch`, `embedded`, `custom` or `auto`",
        ),
        ("dataset", "output_distribution" | "output_spread")
        | ("target", "stream" | "endpoint")
            if embedding =>
        {
            misfit("belongs to a case with answers", BY_CASE)
        }
        (
            "dataset",
            "prompt_tokens"
            | "prompt_class"
            | "prompt_distribution"
            | "prompt_spread"
            | "output_distribution"
            | "output_spread"
            | "shared_prefix_tokens"
            | "prefixes",
        ) => data(&[DatasetKind::Synthetic], "`synthetic`"),
        ("dataset", "text_length") => data(&[DatasetKind::Text], "`text`"),
        ("dataset", "prompts") => data(&[DatasetKind::Prompts], "`prompts`"),
        ("dataset", "category") => data(&[DatasetKind::Tasks], "`tasks`"),
        ("dataset", "path") => {
            data(&[DatasetKind::File, DatasetKind::Vectors], "`file` or `vectors`")
        }
        ("dataset", "format") => data(&[DatasetKind::File], "`file`"),
        ("dataset", "entries") => data(
            &[DatasetKind::Mixture, DatasetKind::Iid, DatasetKind::Vectors],
            "`mixture`, `iid` or `vectors`",
        ),
        ("dataset", "dimensions" | "low_memory_dimensions" | "low_memory_gb") => {
            data(&[DatasetKind::Mixture, DatasetKind::Iid], "`mixture` or `iid`")
        }
        ("dataset", "queries" | "held_out" | "metric" | "column") => {
            data(&[DatasetKind::Vectors], "`vectors`")
        }
        ("target", "preset") => driver(&[VectorHttp], "`vector-http`"),
        ("target", "custom") => driver(&[Custom], "`custom`"),
        ("target", "base_url" | "api_key_env") => driver(
            &[Openai, Ollama, Auto, Pgvector, Redis, VectorHttp, Custom],
            "`openai`, `ollama`, `pgvector`, `redis`, `vector-http`, `custom` or `auto`",
        ),
        ("target", "deadlines") => driver(
            &[Openai, Ollama, Auto, Pgvector, Redis, VectorHttp],
            "`openai`, `ollama`, `pgvector`, `redis`, `vector-http` or `auto`",
        ),
        ("target", "stream" | "proxy") => {
            driver(&[Openai, Ollama, Auto], "`openai`, `ollama` or `auto`")
        }
        ("target", "runs_on") => driver(
            &[Openai, Ollama, Batch, Auto, Pgvector, Redis, VectorHttp, Custom],
            "`openai`, `ollama`, `batch`, `pgvector`, `redis`, `vector-http`, `custom` or `auto`",
        ),
        ("target", "endpoint") => {
            driver(&[Openai, Ollama, Batch, Auto], "`openai`, `ollama`, `batch` or `auto`")
        }
        ("target", "body") => driver(
            &[Openai, Ollama, Batch, Auto, Custom],
            "`openai`, `ollama`, `batch`, `custom` or `auto`",
        ),
        ("workload", "kind") if choice.driver == Batch && choice.load != LoadKind::Closed => {
            misfit(
                "belongs to a load that is sent: the requests of driver `batch` are one file",
                BY_DRIVER,
            )
        }
        ("workload", "concurrency" | "batch" | "warmup") if choice.driver == Batch => misfit(
            "belongs to a load that is sent: the requests of driver `batch` are one file",
            BY_DRIVER,
        ),
        ("workload", key) => load::key_fits(key, choice.load),
        ("target", "launch") => driver(&[Openai, Ollama, Batch], "`openai`, `ollama` or `batch`"),
        ("target", "threads") => driver(
            &[Embedded, Auto, Flat, FlatQ4, IvfSq8, Hnsw],
            "`embedded`, `flat`, `flat-q4`, `ivf-sq8` or `hnsw`",
        ),
        ("simulation", _) => driver(&[Simulated], "`simulated`"),
        _ => Ok(()),
    }
}

/// Whether two keys of a table say the same thing: `prompt_class` is `prompt_tokens` by name.
pub(super) fn say_the_same(one: &str, other: &str) -> bool {
    const LENGTH: [&str; 2] = ["prompt_tokens", "prompt_class"];
    one == other
        || (LENGTH.contains(&one) && LENGTH.contains(&other))
        || load::say_the_same(one, other)
}

/// Whether a case can produce a metric; `top_k` for retrieval.
pub(super) fn metric_fits(metric: MetricRef, kind: Kind, top_k: u32) -> Result<(), Misfit> {
    if !metric.metric.kinds.contains(&kind) {
        let why = format!("is not produced by {} {} case", article(kind), kind.as_str());
        return Err(Misfit { why, decided_by: BY_CASE });
    }
    if recall_depth(metric).is_some_and(|k| k > top_k) {
        let why = format!("needs at least as many neighbours, and `top_k` is {top_k}");
        return Err(Misfit { why, decided_by: ("retrieval", "top_k") });
    }
    Ok(())
}

/// The `k` of `recall_at_k`.
fn recall_depth(metric: MetricRef) -> Option<u32> {
    metric.metric.id.strip_prefix("recall_at_")?.parse().ok()
}
