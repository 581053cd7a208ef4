//! The same stored events under the definitions of other tools, so that a number of ours can be
//! held against one of theirs.
//!
//! One file a tool: its table of quantities with the names it prints, and the formulas where they
//! are not ours. Nothing here is measured, judged or gated; our own definitions are in
//! [`crate::summary`].
//!
//! The formulas follow the tools' public sources as of their latest releases: vLLM
//! (`vllm/benchmarks/serve.py`, `lib/endpoint_request_func.py`), guidellm
//! (`schemas/base/request_stats.py`, `statistics.py`), AIPerf (`metrics/types/`), inference-perf
//! (`reportgen/base.py`), genai-perf (`llm_profile_data_parser.py`), llmperf
//! (`token_benchmark_ray.py`, `openai_chat_completions_client.py`).

mod aiperf;
mod genai_perf;
mod guidellm;
mod inference_perf;
mod llmperf;
mod ours;
mod quantity;
mod stream;
#[cfg(test)]
mod tests;
mod vllm;

pub use quantity::{Beside, Percentile, Row, Scale, Told};
use quantity::{Quantity, Rule};
use serde::Serialize;
use stream::Stream;

use crate::metric::Kind;
use crate::run::Run;

/// Whose definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Ours, to compare with.
    Tokgate,
    /// `vllm bench serve`.
    Vllm,
    /// guidellm.
    Guidellm,
    /// NVIDIA's AIPerf.
    Aiperf,
    /// Kubernetes' inference-perf.
    InferencePerf,
    /// NVIDIA's genai-perf, which AIPerf replaces.
    GenaiPerf,
    /// Ray's llmperf.
    Llmperf,
}

impl Tool {
    /// The others, in the order in which they are shown.
    pub const OTHERS: [Self; 6] = [
        Self::Vllm,
        Self::Guidellm,
        Self::Aiperf,
        Self::InferencePerf,
        Self::GenaiPerf,
        Self::Llmperf,
    ];

    /// The name by which it is asked for.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tokgate => "tokgate",
            Self::Vllm => "vllm",
            Self::Guidellm => "guidellm",
            Self::Aiperf => "aiperf",
            Self::InferencePerf => "inference-perf",
            Self::GenaiPerf => "genai-perf",
            Self::Llmperf => "llmperf",
        }
    }

    /// What it calls the mean, the median, p95 and p99.
    #[must_use]
    pub fn statistics(self) -> [&'static str; 4] {
        match self {
            Self::Vllm => ["Mean", "Median", "P95", "P99"],
            Self::Aiperf | Self::GenaiPerf => ["avg", "p50", "p95", "p99"],
            Self::Llmperf => ["mean", "p50", "p95", "p99"],
            Self::Guidellm => ["mean", "median", "p95", "p99"],
            Self::InferencePerf | Self::Tokgate => ["mean", "median", "p95", "p99"],
        }
    }

    /// A statistic of a quantity as it prints it.
    #[must_use]
    pub fn printed(self, name: &str, statistic: &str) -> String {
        match self {
            Self::Vllm => format!("{statistic} {name}"),
            _ => format!("{name} {statistic}"),
        }
    }

    /// How it computes percentiles.
    #[must_use]
    pub fn percentile(self) -> Percentile {
        match self {
            Self::Guidellm => Percentile::Rank,
            Self::Tokgate
            | Self::Vllm
            | Self::Aiperf
            | Self::InferencePerf
            | Self::GenaiPerf
            | Self::Llmperf => Percentile::Linear,
        }
    }

    /// Which requests it counts, where those are others than ours; and other words of caution.
    #[must_use]
    pub fn caution(self) -> Option<&'static str> {
        match self {
            Self::Tokgate | Self::InferencePerf => None,
            Self::Vllm => Some(vllm::CAUTION),
            Self::Guidellm => Some(guidellm::CAUTION),
            Self::Aiperf => Some(aiperf::CAUTION),
            Self::GenaiPerf => Some(genai_perf::CAUTION),
            Self::Llmperf => Some(llmperf::CAUTION),
        }
    }

    fn quantities(self) -> &'static [Quantity] {
        match self {
            Self::Tokgate => &[],
            Self::Vllm => vllm::QUANTITIES,
            Self::Guidellm => guidellm::QUANTITIES,
            Self::Aiperf => aiperf::QUANTITIES,
            Self::InferencePerf => inference_perf::QUANTITIES,
            Self::GenaiPerf => genai_perf::QUANTITIES,
            Self::Llmperf => llmperf::QUANTITIES,
        }
    }
}

/// Why nothing can be computed from the events of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEvents {
    /// A search has no tokens.
    #[error(
        "it is a retrieval or embedding case, and the tools' definitions are about tokens of an answer"
    )]
    Retrieval,
    /// Nothing to look at.
    #[error("none of its measured requests succeeded")]
    NoSuccess,
    /// Only ends are known.
    #[error(
        "its answers were not streamed, so that no event has a time; measure it with \
         `stream = true` in [target]"
    )]
    NotStreamed,
}

/// How well it is known which event brought how many tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Split {
    /// Streamed answers.
    pub answers: u64,
    /// Of those, answers whose tokens are not told by event: the target says a number in all
    /// that differs from that of the events, or none. One token an event is assumed there.
    pub assumed: u64,
}

/// What one tool would say of the epochs of one case.
#[derive(Debug, Clone, PartialEq)]
pub struct Recomputed {
    /// Whose definitions.
    pub tool: Tool,
    /// What it prints.
    pub rows: Vec<Row>,
}

/// The streamed answers of a case's epochs, ready to be told in anybody's terms.
#[derive(Debug)]
pub struct Events<'a> {
    epochs: &'a [Run],
    streams: Vec<Vec<Stream<'a>>>,
}

impl<'a> Events<'a> {
    /// The events of these epochs of one case.
    ///
    /// # Errors
    /// When there are none.
    pub fn of(epochs: &'a [Run]) -> Result<Self, NoEvents> {
        let retrieval = epochs
            .iter()
            .any(|run| matches!(run.head.case.kind, Kind::Retrieval | Kind::Embedding));
        let streams: Vec<Vec<Stream<'a>>> =
            epochs.iter().map(|run| run.successes().filter_map(Stream::of).collect()).collect();
        match (retrieval, epochs.iter().any(|run| run.successes().next().is_some())) {
            (true, _) => Err(NoEvents::Retrieval),
            (false, false) => Err(NoEvents::NoSuccess),
            (false, true) if streams.iter().all(Vec::is_empty) => Err(NoEvents::NotStreamed),
            (false, true) => Ok(Self { epochs, streams }),
        }
    }

    /// How well the tokens of each event are known.
    #[must_use]
    pub fn split(&self) -> Split {
        let answers = self.streams.iter().flatten();
        let assumed = answers.clone().filter(|stream| !stream.is_split_known()).count() as u64;
        Split { answers: answers.count() as u64, assumed }
    }

    /// What `tool` would say.
    #[must_use]
    pub fn told_by(&self, tool: Tool) -> Recomputed {
        let rows = match tool {
            Tool::Tokgate => ours::rows(self.epochs),
            _ => tool.quantities().iter().map(|quantity| self.row(tool, quantity)).collect(),
        };
        Recomputed { tool, rows }
    }

    fn row(&self, tool: Tool, quantity: &Quantity) -> Row {
        let values: Vec<f64> = match quantity.rule {
            Rule::Requests(of) | Rule::Tokens(of) => {
                self.streams.iter().flatten().flat_map(of).collect()
            }
            Rule::Epoch(of) => {
                self.epochs.iter().zip(&self.streams).filter_map(|(run, it)| of(run, it)).collect()
            }
        };
        quantity.row(tool, &values)
    }
}
