//! From where on something is worth an alert, and what is not told at all.

use super::rule::{Named, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is worth an alert: the table `[alerts]` of a scenario. Where a case has a goal for a number,
/// the goal is the line, and the key for it here says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// The only alerts that are raised, by rule or by category; all where absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Named>,
    /// Alerts that are not raised, by rule or by category.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Named>,
    /// How long an alert is not raised again for the same case, seconds, unless it became worse.
    #[schemars(range(min = 0, max = 86400))]
    pub cooldown_s: f64,
    /// Tokens a second that a case without a goal for them should reach; what is enough depends on the target, so that there is no default.
    #[schemars(range(max = 1000000000), extend("exclusiveMinimum" = 0, "examples" = [30]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tok_s: Option<f64>,
    /// Longest 95th percentile of the time to first token of a case without a goal for it, seconds.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0, "examples" = [0.5]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft_s: Option<f64>,
    /// Longest 95th percentile of the query latency of a case without a goal for it, seconds.
    #[schemars(range(max = 86400), extend("exclusiveMinimum" = 0, "examples" = [0.02]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_s: Option<f64>,
    /// Highest spike rate of a case without a goal for it; too low a rate is told only where a goal is a band.
    #[schemars(range(min = 0, max = 1))]
    pub spike_rate: f64,
    /// Share of the host's memory in use from which on it is yellow.
    #[schemars(range(min = 0, max = 1))]
    pub memory: f64,
    /// The same for red.
    #[schemars(range(min = 0, max = 1))]
    pub memory_red: f64,
    /// Utilisation of the host's CPUs that is high: yellow where it lasts.
    #[schemars(range(min = 0, max = 1))]
    pub cpu: f64,
    /// The same for red.
    #[schemars(range(min = 0, max = 1))]
    pub cpu_red: f64,
    /// How long the CPUs must be that busy, seconds.
    #[schemars(range(min = 0, max = 86400))]
    pub cpu_for_s: f64,
    /// Temperature of a GPU from which on it is yellow, °C.
    #[schemars(range(min = 0, max = 200))]
    pub gpu_temperature_c: f64,
    /// The same for red, °C.
    #[schemars(range(min = 0, max = 200))]
    pub gpu_temperature_red_c: f64,
    /// Share by which a GPU may draw more than its power limit.
    #[schemars(range(min = 0, max = 10))]
    pub power_over_limit: f64,
    /// Share by which a busy GPU may draw more than the median of its busy samples.
    #[schemars(range(min = 0, max = 10))]
    pub power_over_median: f64,
    /// Share of requests that may fail, where no goal says it.
    #[schemars(range(min = 0, max = 1))]
    pub error_rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            ignore: Vec::new(),
            cooldown_s: 300.0,
            tok_s: None,
            ttft_s: None,
            query_s: None,
            spike_rate: 0.15,
            memory: 0.8,
            memory_red: 0.9,
            cpu: 0.9,
            cpu_red: 0.98,
            cpu_for_s: 10.0,
            gpu_temperature_c: 83.0,
            gpu_temperature_red_c: 90.0,
            power_over_limit: 0.05,
            power_over_median: 0.5,
            error_rate: 0.01,
        }
    }
}

impl Settings {
    /// Whether alerts of `rule` are told: what is ignored is not, whatever `only` says.
    #[must_use]
    pub fn tells(&self, rule: Rule) -> bool {
        let covers = |named: &Named| named.covers(rule);
        (self.only.is_empty() || self.only.iter().any(covers)) && !self.ignore.iter().any(covers)
    }

    /// Pairs of keys of which the second is lower than the first: it would be red before it is yellow.
    #[must_use]
    pub fn reversed(&self) -> Vec<(&'static str, &'static str)> {
        [
            ("memory", "memory_red", self.memory, self.memory_red),
            ("cpu", "cpu_red", self.cpu, self.cpu_red),
            (
                "gpu_temperature_c",
                "gpu_temperature_red_c",
                self.gpu_temperature_c,
                self.gpu_temperature_red_c,
            ),
        ]
        .into_iter()
        .filter(|(_, _, yellow, red)| red < yellow)
        .map(|(yellow, red, ..)| (yellow, red))
        .collect()
    }
}
