//! What is looked at, in which category it belongs, and what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of trouble an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The target is slower than it should be.
    Performance,
    /// The machine is near one of its limits.
    Resource,
    /// The target fails, or became worse.
    Stability,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Performance, Self::Resource, Self::Stability];

    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Performance => "performance",
            Self::Resource => "resource",
            Self::Stability => "stability",
        }
    }
}

/// What is looked at. The whole list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Tokens a second below their line.
    TokenThroughput,
    /// Time to first token above its line.
    Ttft,
    /// The spike rate outside its band.
    SpikeRate,
    /// Query latency above its line.
    RetrievalLatency,
    /// Memory of the host nearly full.
    Memory,
    /// CPUs of the host busy for long.
    Cpu,
    /// A GPU that is hot, or is slowed down already.
    GpuThrottling,
    /// A GPU that draws more power than is usual for it.
    Power,
    /// Too many failures, or more and more.
    ErrorRate,
    /// Worse than the baseline.
    Regression,
    /// Crashes, timeouts, a target or a GPU that is gone.
    Instability,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::TokenThroughput,
        Self::Ttft,
        Self::SpikeRate,
        Self::RetrievalLatency,
        Self::Memory,
        Self::Cpu,
        Self::GpuThrottling,
        Self::Power,
        Self::ErrorRate,
        Self::Regression,
        Self::Instability,
    ];

    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenThroughput => "token_throughput",
            Self::Ttft => "ttft",
            Self::SpikeRate => "spike_rate",
            Self::RetrievalLatency => "retrieval_latency",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::GpuThrottling => "gpu_throttling",
            Self::Power => "power",
            Self::ErrorRate => "error_rate",
            Self::Regression => "regression",
            Self::Instability => "instability",
        }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn category(self) -> Category {
        match self {
            Self::TokenThroughput | Self::Ttft | Self::SpikeRate | Self::RetrievalLatency => {
                Category::Performance
            }
            Self::Memory | Self::Cpu | Self::GpuThrottling | Self::Power => Category::Resource,
            Self::ErrorRate | Self::Regression | Self::Instability => Category::Stability,
        }
    }

    /// What to look at first.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::TokenThroughput => {
                "try larger batches or a smaller quantisation, and see how busy the GPU was"
            }
            Self::Ttft => {
                "see whether requests wait in the server, and whether long prompts hold up others"
            }
            Self::SpikeRate => {
                "above the band: look for throttling, memory pressure and preemptions; below: the load may be too light to tell"
            }
            Self::RetrievalLatency => {
                "search fewer candidates, or an index that scans less; is the index in memory?"
            }
            Self::Memory => {
                "free memory on this host, or ask for less: the next step is swapping, which measures the disk"
            }
            Self::Cpu => "see who takes the CPUs; a client without CPU time stamps late",
            Self::GpuThrottling => {
                "see to the cooling, or lower the power limit, and measure again"
            }
            Self::Power => "compare with an earlier run on this card, and see its power limit",
            Self::ErrorRate => "read the failures below the case, and the server's log",
            Self::Regression => {
                "measure both versions side by side before believing the size of it"
            }
            Self::Instability => "read the server's log from this moment on",
        }
    }
}

/// What a scenario may name to have it told alone, or not at all: a rule, or a whole category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of `Category` and `Rule`")]
pub enum Named {
    Performance,
    Resource,
    Stability,
    TokenThroughput,
    Ttft,
    SpikeRate,
    RetrievalLatency,
    Memory,
    Cpu,
    GpuThrottling,
    Power,
    ErrorRate,
    Regression,
    Instability,
}

impl Named {
    /// Whether `rule` is meant.
    #[must_use]
    pub fn covers(self, rule: Rule) -> bool {
        let of = |category| rule.category() == category;
        match self {
            Self::Performance => of(Category::Performance),
            Self::Resource => of(Category::Resource),
            Self::Stability => of(Category::Stability),
            Self::TokenThroughput => rule == Rule::TokenThroughput,
            Self::Ttft => rule == Rule::Ttft,
            Self::SpikeRate => rule == Rule::SpikeRate,
            Self::RetrievalLatency => rule == Rule::RetrievalLatency,
            Self::Memory => rule == Rule::Memory,
            Self::Cpu => rule == Rule::Cpu,
            Self::GpuThrottling => rule == Rule::GpuThrottling,
            Self::Power => rule == Rule::Power,
            Self::ErrorRate => rule == Rule::ErrorRate,
            Self::Regression => rule == Rule::Regression,
            Self::Instability => rule == Rule::Instability,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_and_every_category_can_be_named_by_its_own_word() {
        let named = |word: &str| serde_json::from_value::<Named>(word.into()).unwrap();
        for rule in Rule::ALL {
            let covered: Vec<Rule> =
                Rule::ALL.into_iter().filter(|other| named(rule.as_str()).covers(*other)).collect();
            assert_eq!(covered, [rule]);
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
        }
        for category in Category::ALL {
            let covers = |rule: &Rule| named(category.as_str()).covers(*rule);
            let own = |rule: &Rule| rule.category() == category;
            assert!(Rule::ALL.iter().all(|rule| covers(rule) == own(rule)), "{category:?}");
        }
    }
}
