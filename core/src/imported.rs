//! Results that other tools measured, in our words: told beside ours, and judged never.

use crate::dataset::tasks::Category;
use crate::metric::{self, Kind, Metric, MetricRef, Stat};
use crate::run::Requests;
use crate::summary::Interval;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One result that another tool measured, as far as its file tells. What it does not tell is absent,
/// and nothing is made up for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// Where it comes from.
    pub source: Source,
    /// When it was measured, microseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_us: Option<i64>,
    /// How the model was served: `vllm-serve`, `ollama`, `llama-cpp`, …; `unknown` where nobody says.
    pub platform: String,
    /// What served it, with its version; empty where nobody says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// Where it was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The model, in the file's words.
    pub model: ImportedModel,
    /// What it ran on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub hardware: ImportedHardware,
    /// What kind of requests.
    pub kind: Kind,
    /// What the test varied: `model_comparison`, `worker_optimization`, …
    pub benchmark_type: String,
    /// What the prompts were about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_category: Option<Category>,
    /// How many sent at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u64>,
    /// How many requests, and how they ended.
    pub requests: Requests,
    /// The measured window, seconds. A result without one has no rate: it is kept, and never compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_s: Option<f64>,
    /// What it says of our metrics, where it defines them as we do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// Why they should not be relied on, where it is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid: Vec<String>,
    /// The first answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<String>,
    /// The user's words, and what is to be known of these numbers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// The whole entry as the tool wrote it, so that nothing of it is lost. What lists every request
    /// may be left out of it.
    pub entry: Value,
}

/// Where an imported result comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The tool, with its version where the file says it: `guidellm 0.3.0`.
    pub tool: String,
    /// The kind of file, one word: `vllm-bench-serve`, `guidellm`, `old-sqlite`, …
    pub format: String,
    /// The file's name, without its folder.
    pub file: String,
    /// What names the entry within its file, from what it says and not from where it lies: the same
    /// result imported from a copy, or beside others, has the same digest. Hexadecimal.
    pub digest: String,
}

/// A model, as another tool names it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportedModel {
    /// Its name.
    pub name: String,
    /// Its parameters, as written: `4b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_params: Option<String>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// How its weights are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
    /// Longest prompt with its answer, tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
}

/// What an imported result ran on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportedHardware {
    /// The provider's name of the machine: `g1-gpu-rtx6000-2`.
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
    /// The CPU's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// What an hour of the whole machine cost, US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hourly_usd: Option<f64>,
}

/// One statistic of one of our metrics, as another tool measured it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Which.
    pub metric: MetricRef,
    /// In the metric's own unit: seconds, not milliseconds.
    pub value: f64,
    /// How many samples it is of.
    pub n: u64,
    /// How sure it is, where that is known by the spread of several epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Imported {
    /// Every figure: those of the file, and those that follow from its counts, its window and its
    /// lengths by our definitions, where the file does not say them itself.
    #[must_use]
    pub fn told(&self) -> Vec<Figure> {
        let mut told = self.figures.clone();
        let is_of_kind = |figure: &Figure| figure.metric.metric.kinds.contains(&self.kind);
        for derived in self.derived().into_iter().filter(is_of_kind) {
            if !told.iter().any(|figure| figure.metric == derived.metric) {
                told.push(derived);
            }
        }
        told.retain(|figure| figure.value.is_finite());
        told
    }

    /// One figure of the file.
    #[must_use]
    pub fn figure(&self, metric: &'static Metric, stat: Stat) -> Option<f64> {
        let wanted = MetricRef { metric, stat };
        self.figures.iter().find(|figure| figure.metric == wanted).map(|figure| figure.value)
    }

    fn derived(&self) -> Vec<Figure> {
        let Requests { attempted, succeeded, failed, .. } = self.requests;
        let value = |metric, value: Option<f64>, n| {
            let metric = MetricRef::value(metric);
            value.map(|value| Figure { metric, value, n, interval: None })
        };
        let window_s = self.window_s.filter(|window_s| *window_s > 0.0 && succeeded > 0);
        let rate = |each: Option<f64>| Some(each? * succeeded as f64 / window_s?);
        let prompt = self.figure(&metric::PROMPT_TOKENS, Stat::Mean);
        let output = self.figure(&metric::OUTPUT_TOKENS, Stat::Mean);
        let both = prompt.zip(output).map(|(prompt, output)| prompt + output);
        let failures = (attempted > 0).then(|| failed as f64 / attempted.max(1) as f64);
        [
            value(&metric::ERROR_RATE, failures, attempted),
            value(&metric::REQ_S, rate(Some(1.0)), succeeded),
            value(&metric::TOK_S, rate(output), succeeded),
            value(&metric::TOTAL_TOK_S, rate(both), succeeded),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> Imported {
        Imported {
            source: Source {
                tool: "a tool".to_owned(),
                format: "a-tool".to_owned(),
                file: "a.json".to_owned(),
                digest: "00".to_owned(),
            },
            measured_us: None,
            platform: "vllm-serve".to_owned(),
            engine: String::new(),
            endpoint: None,
            model: ImportedModel { name: "m".to_owned(), ..ImportedModel::default() },
            hardware: ImportedHardware::default(),
            kind: Kind::Generation,
            benchmark_type: "model_comparison".to_owned(),
            task_category: None,
            workers: None,
            requests: Requests { attempted: 10, succeeded: 8, failed: 2, incomplete: 0 },
            window_s: Some(4.0),
            figures: vec![mean(&metric::PROMPT_TOKENS, 100.0), mean(&metric::OUTPUT_TOKENS, 50.0)],
            invalid: Vec::new(),
            samples: Vec::new(),
            notes: String::new(),
            entry: Value::Null,
        }
    }

    fn mean(metric: &'static Metric, value: f64) -> Figure {
        Figure { metric: MetricRef { metric, stat: Stat::Mean }, value, n: 8, interval: None }
    }

    fn told(result: &Imported, metric: &'static Metric) -> Option<f64> {
        let wanted = MetricRef::value(metric);
        result.told().iter().find(|figure| figure.metric == wanted).map(|figure| figure.value)
    }

    #[test]
    fn rates_follow_from_counts_and_the_window() {
        let result = result();
        assert_eq!(told(&result, &metric::REQ_S), Some(2.0));
        assert_eq!(told(&result, &metric::TOK_S), Some(100.0));
        assert_eq!(told(&result, &metric::TOTAL_TOK_S), Some(300.0));
        assert_eq!(told(&result, &metric::ERROR_RATE), Some(0.2));
    }

    #[test]
    fn what_the_file_says_itself_is_not_computed() {
        let mut result = result();
        let said = MetricRef::value(&metric::TOK_S);
        result.figures.push(Figure { metric: said, value: 99.0, n: 8, interval: None });
        assert_eq!(told(&result, &metric::TOK_S), Some(99.0));
    }

    #[test]
    fn without_a_window_there_is_no_rate() {
        for window_s in [None, Some(0.0)] {
            let result = Imported { window_s, ..result() };
            assert_eq!(told(&result, &metric::REQ_S), None);
            assert_eq!(told(&result, &metric::TOK_S), None);
        }
    }

    #[test]
    fn it_is_written_and_read_again() {
        let result = result();
        let text = serde_json::to_string(&result).unwrap();
        assert_eq!(serde_json::from_str::<Imported>(&text).unwrap(), result);
    }
}
