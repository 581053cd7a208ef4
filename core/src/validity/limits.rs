//! How far a run may be from a clean one and still be judged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run may have and still be judged: the table `[validity]` of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// Share of requests that may fail: with more, latencies are those of the survivors.
    #[schemars(range(min = 0, max = 1))]
    pub error_rate: f64,
    /// Share of requests whose stream may end without its end: servers that drop streams answer the others faster.
    #[schemars(range(min = 0, max = 1))]
    pub truncated_rate: f64,
    /// How busy our own thread may be: above, it is the client that is measured.
    #[schemars(range(min = 0, max = 1))]
    pub client_busy: f64,
    /// How late the 99th percentile of the requests may be sent, seconds; not where `max_in_flight` holds them back.
    #[schemars(range(min = 0, max = 3600))]
    pub send_lag_s: f64,
    /// Share of CPU time that the hypervisor may give to others: less moves p95 by less than its interval.
    #[schemars(range(min = 0, max = 1))]
    pub steal: f64,
    /// Share of the host's CPU time that processes other than the target's and ours may take.
    #[schemars(range(min = 0, max = 1))]
    pub others_cpu: f64,
    /// How long nothing of ours may run, seconds: longer is a suspended machine or a stopped process.
    #[schemars(range(min = 0, max = 3600))]
    pub gap_s: f64,
    /// How far the wall clock may be moved, seconds: times are not measured by it, but nothing moves it on a machine left alone.
    #[schemars(range(min = 0, max = 3600))]
    pub clock_moved_s: f64,
    /// How much may be read back from swap, MiB: what swaps, measures its disk.
    #[schemars(range(min = 0, max = 1000000))]
    pub swapped_mib: f64,
    /// Share of the samples in which heat or hardware may slow a GPU down.
    #[schemars(range(min = 0, max = 1))]
    pub throttled: f64,
    /// How far the clock of a busy GPU may spread (5th to 95th percentile), as a share of its median.
    #[schemars(range(min = 0, max = 1))]
    pub clock_spread: f64,
    /// Share of the prompts' tokens that may come from the target's cache, where the scenario does not share prefixes: chat templates begin alike.
    #[schemars(range(min = 0, max = 1))]
    pub cached_prompt: f64,
    /// Share of the answers whose tokens the target may count otherwise than our tokenizer.
    #[schemars(range(min = 0, max = 1))]
    pub token_disagreement: f64,
    /// Whether different prompts may all have one answer.
    pub same_answer: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            error_rate: 0.01,
            truncated_rate: 0.01,
            client_busy: 0.95,
            send_lag_s: 0.05,
            steal: 0.1,
            others_cpu: 0.25,
            gap_s: 1.0,
            clock_moved_s: 0.5,
            swapped_mib: 16.0,
            throttled: 0.05,
            clock_spread: 0.25,
            cached_prompt: 0.5,
            token_disagreement: 0.05,
            same_answer: false,
        }
    }
}
