//! The catalogue of metrics: every number's one definition.
//!
//! A metric is one constant here. The generated reference, the checks on goals and the tables
//! all read this list; the formulas themselves are functions in [`crate::summary`].

use crate::unit::Unit;
use serde::{Deserialize, Serialize};

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Lower is better.
    Lower,
    /// Higher is better.
    Higher,
    /// Neither: told, never judged.
    Neither,
}

/// How a metric is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Many samples an epoch; a statistic must be named (`ttft.p50`).
    Distribution,
    /// Many samples an epoch, told by their mean (`recall_at_10`).
    Mean,
    /// One value an epoch (`tok_s`).
    Scalar,
}

/// What a case measures, and so which metrics it can produce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text from a language model.
    Generation,
    /// Nearest neighbours from a vector index.
    Retrieval,
    /// Vectors of texts from an embedding model.
    Embedding,
    /// Text from a language model that is given retrieved passages: embed, search, generate.
    Rag,
}

impl Kind {
    /// The name as scenario files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Retrieval => "retrieval",
            Self::Embedding => "embedding",
            Self::Rag => "rag",
        }
    }
}

/// One metric of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// The identifier, letter for letter the same in code, tables, JSON and comments.
    pub id: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which direction is good.
    pub better: Better,
    /// How it is told.
    pub shape: Shape,
    /// Which kinds of case produce it.
    pub kinds: &'static [Kind],
    /// Its formula, in the words of the metric reference.
    pub formula: &'static str,
}

const RETRIEVAL: &[Kind] = &[Kind::Retrieval];
const EMBEDDING: &[Kind] = &[Kind::Embedding];
const RAG: &[Kind] = &[Kind::Rag];
/// What writes text.
const TEXT: &[Kind] = &[Kind::Generation, Kind::Rag];
/// What reads text, and so has tokens.
const TOKENS: &[Kind] = &[Kind::Generation, Kind::Embedding, Kind::Rag];
/// What searches vectors.
const SEARCH: &[Kind] = &[Kind::Retrieval, Kind::Rag];
const ALL: &[Kind] = &[Kind::Generation, Kind::Retrieval, Kind::Embedding, Kind::Rag];

macro_rules! catalogue {
    ($($constant:ident: $id:literal, $name:literal, $unit:ident, $better:ident, $shape:ident, $kinds:ident, $formula:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $formula)]
            pub const $constant: Metric = Metric {
                id: $id, name: $name, unit: Unit::$unit, better: Better::$better,
                shape: Shape::$shape, kinds: $kinds, formula: $formula,
            };
        )*
        /// Every metric, in the order in which tables show them.
        pub static CATALOGUE: &[&Metric] = &[$(&$constant),*];
    };
}

catalogue! {
    TOK_S: "tok_s", "output throughput", TokensPerSecond, Higher, Scalar, TEXT, "sum of output tokens of successes / window";
    TOTAL_TOK_S: "total_tok_s", "total throughput", TokensPerSecond, Higher, Scalar, TEXT, "sum of prompt and output tokens of successes / window";
    REQ_S: "req_s", "request throughput", RequestsPerSecond, Higher, Scalar, TOKENS, "successes / window";
    TTFT: "ttft", "time to first token", Seconds, Lower, Distribution, TEXT, "first content event - sent";
    TTFR: "ttfr", "time to first response", Seconds, Lower, Distribution, TEXT, "first data event of any kind - sent (what vLLM's bench calls TTFT)";
    TTFO: "ttfo", "time to first output", Seconds, Lower, Distribution, TEXT, "first non-reasoning content event - sent";
    TTFT_DUE: "ttft_due", "time to first token from due", Seconds, Lower, Distribution, TEXT, "first content event - due: with the wait on our side, free of coordinated omission";
    E2E: "e2e", "end-to-end latency", Seconds, Lower, Distribution, TEXT, "last content event - sent";
    E2E_DUE: "e2e_due", "end-to-end latency from due", Seconds, Lower, Distribution, ALL, "last content event (neighbours or vectors received) - due";
    TPOT: "tpot", "time per output token", Seconds, Lower, Distribution, TEXT, "(last content event - first content event) / (output tokens - tokens of the first event)";
    ITL: "itl", "inter-token latency", Seconds, Lower, Distribution, TEXT, "gap between successive content events, one sample an event, pooled over successes";
    DECODE_RATE: "decode_rate", "decode rate of one stream", TokensPerSecond, Higher, Distribution, TEXT, "1 / tpot";
    EMBED: "embed", "embedding latency", Seconds, Lower, Distribution, EMBEDDING, "last byte of the vectors received - sent, of a request with one or several inputs";
    INPUTS_S: "inputs_s", "embedding throughput", RequestsPerSecond, Higher, Scalar, EMBEDDING, "inputs of successes / window: vectors per second";
    PROMPT_TOK_S: "prompt_tok_s", "prompt token throughput", TokensPerSecond, Higher, Scalar, EMBEDDING, "sum of prompt tokens of successes / window, as the target counts them; absent where it does not";
    RAG_EMBED: "rag_embed", "embedding the question", Seconds, Lower, Distribution, RAG, "vector of the question received - sent";
    RAG_SEARCH: "rag_search", "searching the passages", Seconds, Lower, Distribution, RAG, "passages found - search asked for, the wait for a searcher included";
    RAG_GENERATE: "rag_generate", "first token after retrieval", Seconds, Lower, Distribution, RAG, "first content event - generation request sent: the target's own time to first token, where `ttft` counts from the question";
    QUERY: "query", "query latency", Seconds, Lower, Distribution, RETRIEVAL, "neighbours received - sent";
    QUERY_CPU: "query_cpu", "CPU time of a query", Seconds, Lower, Distribution, RETRIEVAL, "CPU time of the thread that searched; absent where several threads share a query, and where the index is not in process";
    FIRST_QUERY: "first_query", "first query", Seconds, Lower, Scalar, RETRIEVAL, "neighbours received - sent of the first query of all, warm-up included, after the index was built or loaded; absent in later epochs and where an earlier case has asked the index";
    QPS: "qps", "query throughput", RequestsPerSecond, Higher, Scalar, RETRIEVAL, "successes / window";
    RECALL_AT_1: "recall_at_1", "recall@1", Ratio, Higher, Mean, SEARCH, "exact neighbours among the first 1 found / 1, against exact search on the same data, ties by score";
    RECALL_AT_10: "recall_at_10", "recall@10", Ratio, Higher, Mean, SEARCH, "exact neighbours among the first 10 found / 10, against exact search on the same data, ties by score";
    RECALL_AT_100: "recall_at_100", "recall@100", Ratio, Higher, Mean, SEARCH, "exact neighbours among the first 100 found / 100, against exact search on the same data, ties by score";
    INGEST_S: "ingest_s", "ingest time", Seconds, Lower, Scalar, SEARCH, "sending the vectors to a vector database until all are stored, with the index where it is built as rows come; in a rag case embedding the passages";
    BUILD_S: "build_s", "index build time", Seconds, Lower, Scalar, SEARCH, "index construction, without generating the data; of an index from the cache, when it was built";
    LOAD_S: "load_s", "index load time", Seconds, Lower, Scalar, RETRIEVAL, "reading the index from the cache, checks included; absent where it was built";
    INDEX_BYTES: "index_bytes", "index size", Bytes, Lower, Scalar, SEARCH, "bytes of the index itself, without the full-precision rows that a rescore reads";
    SCAN_BYTES_S: "scan_bytes_s", "scan bandwidth", BytesPerSecond, Higher, Scalar, RETRIEVAL, "bytes that each query scans, whatever it asks for, * successes / window; absent where they depend on the query";
    READ_BYTES_S: "read_bytes_s", "memory bandwidth", BytesPerSecond, Neither, Scalar, RETRIEVAL, "bytes that as many threads as search read of the vectors / time, the best of three before the first query: what no scan can beat that is larger than the caches; absent below 256 MiB";
    INSERTS_S: "inserts_s", "insertion throughput", RequestsPerSecond, Higher, Scalar, RETRIEVAL, "rows inserted while the queries ran / time from when the first was due to the end of the last; absent without `insert_rate`";
    INSERT_P95: "insert_p95", "insert of a row, p95", Seconds, Lower, Scalar, RETRIEVAL, "95th percentile of an epoch's inserts, the wait for running searches included: each is one row; absent without `insert_rate`";
    INSERT_LAG_P95: "insert_lag_p95", "insert lag, p95", Seconds, Neither, Scalar, RETRIEVAL, "95th percentile of insert begun - due: grows for as long as the rate is above what the index takes; absent without `insert_rate`";
    SPIKE_RATE: "spike_rate", "spike rate (robust)", Ratio, Lower, Scalar, ALL, "share of latency samples above median + 3 * 1.4826 * MAD, and above the median by at least 1 ms and 10 %";
    SPIKE_RATE_SIGMA: "spike_rate_sigma", "spike rate (classical)", Ratio, Neither, Scalar, ALL, "share of latency samples above mean + 3 standard deviations";
    STALL_MAX: "stall_max", "longest stall", Seconds, Lower, Scalar, TEXT, "longest gap between content events of one request";
    STALL_COUNT: "stall_count", "stalls", Count, Lower, Scalar, TEXT, "gaps between content events above the spike threshold of the gaps";
    GOODPUT: "goodput", "goodput", RequestsPerSecond, Higher, Scalar, ALL, "successes that meet all SLOs / window; absent without SLOs";
    ATTAINMENT: "attainment", "SLO attainment", Ratio, Higher, Scalar, ALL, "successes that meet all SLOs / attempted; absent without SLOs";
    RECOVERY_S: "recovery_s", "time to recover", Seconds, Lower, Scalar, ALL, "from the end of a spike's burst to the first request with at most one late one among the twenty from it on; late: more than 1.5 times the 95th percentile of before the burst (from due), and 5 ms; absent without a spike or a recovery";
    SEND_LAG: "send_lag", "send lag", Seconds, Neither, Distribution, ALL, "sent - due: our own lateness";
    IN_FLIGHT: "in_flight", "concurrency reached", Count, Neither, Scalar, ALL, "most measured requests in flight at once, from sent to done";
    CLIENT_BUSY: "client_busy", "our own thread, busy", Ratio, Neither, Scalar, ALL, "CPU time of the thread that sends and reads / time; at 100 % the client is the limit";
    ERROR_RATE: "error_rate", "error rate", Ratio, Lower, Scalar, ALL, "failures / attempted";
    PROMPT_TOKENS: "prompt_tokens", "prompt tokens", Count, Neither, Distribution, TOKENS, "tokens of the prompt, as the target counts them";
    OUTPUT_TOKENS: "output_tokens", "output tokens", Count, Neither, Distribution, TEXT, "tokens of the answer, as the target counts them";
    ANSWER_WORDS: "answer_words", "words of an answer", Count, Neither, Distribution, TEXT, "runs of anything but white space in the answer's text, reasoning left out";
    REPETITION: "repetition", "repetition", Ratio, Lower, Mean, TEXT, "runs of four words that stood in the same answer before / runs of four words, mean over answers of at least four words (rep-4, Welleck et al., 2020)";
    DISTINCT_1: "distinct_1", "distinct words", Ratio, Neither, Mean, TEXT, "different words / words of an answer, mean over answers (distinct-1, Li et al., 2016); falls as answers grow";
    DISTINCT_2: "distinct_2", "distinct pairs of words", Ratio, Neither, Mean, TEXT, "different pairs of neighbouring words / pairs of an answer, mean over answers (distinct-2); falls as answers grow";
    COHERENCE: "coherence", "coherence", Ratio, Higher, Mean, TEXT, "geometric mean of the probabilities that the target gave its own tokens of an answer, exp(mean log-likelihood per token), 1 / perplexity; mean over answers; absent without `quality.logprobs`, and where the target tells none";
    ACCURACY: "accuracy", "answers as expected", Ratio, Higher, Mean, TEXT, "answers that are as expected / answers of which something was; absent without `dataset.expect`";
    ANSWER_AGREEMENT: "answer_agreement", "agreement of answers", Ratio, Neither, Scalar, TEXT, "over prompts that were answered at least twice in an epoch: answers that are their prompt's most frequent one / answers; 1 where the same prompt always gives the same answer; absent where prompts are salted";
    MODEL_LOAD_S: "model_load_s", "model load time", Seconds, Lower, Scalar, TOKENS, "launch to ready, where we load or launch the model";
    PEAK_RSS: "peak_rss", "peak resident memory", Bytes, Lower, Scalar, ALL, "largest resident set of the target's process while measuring (ours when the target is in process or remote)";
    MEMORY_PEAK: "memory_peak", "host memory, peak", Bytes, Neither, Scalar, ALL, "largest used memory of the host while measuring";
    MEMORY_MEAN: "memory_mean", "host memory, mean", Bytes, Neither, Scalar, ALL, "mean used memory of the host while measuring";
    MEMORY_SHARE: "memory_share", "host memory, share", Ratio, Lower, Scalar, ALL, "memory_peak / memory of the host";
    CPU_MEAN: "cpu_mean", "host CPU, mean", Ratio, Neither, Scalar, ALL, "mean utilisation over all cores of the host";
    GPU_UTIL_MEAN: "gpu_util_mean", "GPU utilisation, mean", Ratio, Neither, Scalar, ALL, "mean over samples of the mean over GPUs";
    GPU_MEM_PEAK: "gpu_mem_peak", "GPU memory, peak", Bytes, Lower, Scalar, ALL, "largest sum over GPUs of used memory";
    GPU_TEMP_PEAK: "gpu_temp_peak", "GPU temperature, peak", Celsius, Neither, Scalar, ALL, "hottest sample of any GPU";
    GPU_POWER_MEAN: "gpu_power_mean", "GPU power, mean", Watts, Neither, Scalar, ALL, "mean over samples of the sum over GPUs";
    ENERGY: "energy", "energy", Joules, Lower, Scalar, ALL, "hardware energy counter at the end - at the start, all GPUs; absent on a reset or without permission";
    ENERGY_IDLE_CORRECTED: "energy_idle_corrected", "energy above idle", Joules, Lower, Scalar, ALL, "energy - mean power of all GPUs while idle before the epoch's first request * window; absent without a second of such samples";
    ENERGY_CPU: "energy_cpu", "CPU energy", Joules, Lower, Scalar, ALL, "energy counter of the CPU packages at the end - at the start; absent without permission";
    ENERGY_TOTAL: "energy_total", "GPU and CPU energy", Joules, Lower, Scalar, ALL, "energy + energy_cpu; absent where one of them is";
    ENERGY_PER_TOKEN: "energy_per_token", "energy per output token", Joules, Lower, Scalar, TEXT, "energy / sum of output tokens of successes";
    TOKENS_PER_JOULE: "tokens_per_joule", "output tokens per joule", TokensPerJoule, Higher, Scalar, TEXT, "sum of output tokens of successes / energy";
    ENERGY_PER_GOOD_REQUEST: "energy_per_good_request", "energy per good request", Joules, Lower, Scalar, ALL, "energy / successes that meet all SLOs; absent without SLOs, and where none meets them";
    COST_PER_1K: "cost_per_1k", "cost of 1000 output tokens", Usd, Lower, Scalar, TEXT, "price of the window (by the hour), or of all tokens of successes (by the token, none of them cached) / sum of output tokens of successes * 1000; absent without a price";
    COST_EFFICIENCY: "cost_efficiency", "cost efficiency", TokensPerSecondPerUsdHour, Higher, Scalar, TEXT, "tok_s / (USD per hour); absent without a price by the hour";
    TELEMETRY_DROPPED: "telemetry_dropped", "telemetry samples dropped", Count, Neither, Scalar, ALL, "samples of the machine that were due in the window at their interval and are not there: a source that hangs or is slow";
    SERVER_RUNNING_PEAK: "server_running_peak", "requests running in the target, peak", Count, Neither, Scalar, TOKENS, "most requests that the target's own metrics say it worked on at once";
    SERVER_WAITING_PEAK: "server_waiting_peak", "requests waiting in the target, peak", Count, Lower, Scalar, TOKENS, "most requests that the target's own metrics say waited for room";
    SERVER_CACHE_PEAK: "server_cache_peak", "key-value cache in use, peak", Ratio, Neither, Scalar, TOKENS, "largest share of its key-value cache that the target's own metrics say was in use";
    SERVER_PREEMPTIONS: "server_preemptions", "preemptions", Count, Lower, Scalar, TOKENS, "requests that the target's own metrics say were put back to make room; absent after a restart";
    SERVER_PREFIX_HITS: "server_prefix_hits", "prefix cache hits", Ratio, Neither, Scalar, TOKENS, "prompt tokens found in the prefix cache / looked up, as the target's own metrics say";
}

/// The metric with this identifier.
#[must_use]
pub fn find(id: &str) -> Option<&'static Metric> {
    CATALOGUE.iter().copied().find(|metric| metric.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_unique() {
        let mut ids: Vec<_> = CATALOGUE.iter().map(|metric| metric.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CATALOGUE.len());
    }
}
