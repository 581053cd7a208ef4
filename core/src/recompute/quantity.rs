//! A quantity that a tool prints: its name, its unit, its formula, and how it differs from ours.

use super::Tool;
use super::stream::{Stream, requests_per_content_span, tokens_per_content_span};
use crate::quantile::{Sorted, mean};
use crate::run::Run;

/// Which number of ours a quantity stands beside: what its tool means by the same word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Time to first token.
    Ttft,
    /// Time per output token.
    Tpot,
    /// What the tool calls inter-token latency.
    Itl,
    /// What the tool computes from the gaps between events, under another name.
    Gaps,
    /// End-to-end latency.
    E2e,
    /// Output throughput.
    OutputRate,
    /// Output throughput of one request.
    RequestOutputRate,
    /// Request throughput.
    RequestRate,
}

impl Beside {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Ttft,
        Self::Tpot,
        Self::Itl,
        Self::Gaps,
        Self::E2e,
        Self::OutputRate,
        Self::RequestOutputRate,
        Self::RequestRate,
    ];

    /// In a word or two; ours where we have one.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::Gaps => "also itl",
            Self::E2e => "e2e",
            Self::OutputRate => "tok_s",
            Self::RequestOutputRate => "tok_s of one",
            Self::RequestRate => "req_s",
        }
    }

    /// Whether it is a time; else it is a rate.
    #[must_use]
    pub fn is_time(self) -> bool {
        match self {
            Self::Ttft | Self::Tpot | Self::Itl | Self::Gaps | Self::E2e => true,
            Self::OutputRate | Self::RequestOutputRate | Self::RequestRate => false,
        }
    }
}

/// The unit in which a tool prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// A rate per second.
    PerSecond,
    /// A rate per minute.
    PerMinute,
}

impl Scale {
    /// A value of ours (seconds, or a rate per second) in this unit.
    #[must_use]
    pub fn of(self, value: f64) -> f64 {
        match self {
            Self::Milliseconds => value * 1e3,
            Self::Seconds | Self::PerSecond => value,
            Self::PerMinute => value * 60.0,
        }
    }

    /// The symbol.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "1/s",
            Self::PerMinute => "1/min",
        }
    }
}

/// How percentiles are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Percentile {
    /// Interpolated linearly at (n − 1) p, as numpy and pandas do, and we.
    Linear,
    /// The smallest sample with a share of at least p at or below it.
    Rank,
}

impl Percentile {
    fn of(self, samples: &Sorted, p: f64) -> Option<f64> {
        match self {
            Self::Linear => samples.quantile(p),
            Self::Rank => {
                let n = samples.as_slice().len();
                let rank = (p * n as f64).ceil().max(1.0) as usize;
                samples.as_slice().get(rank - 1).copied()
            }
        }
    }
}

/// What is said of a quantity, in seconds or per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Told {
    /// Samples: gaps, requests, or epochs.
    pub n: usize,
    /// Their mean; the value itself where there is one an epoch.
    pub mean: Option<f64>,
    /// Their median; absent for what is one value an epoch.
    pub median: Option<f64>,
    /// Their 95th percentile.
    pub p95: Option<f64>,
    /// Their 99th percentile.
    pub p99: Option<f64>,
}

/// A quantity with its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Which number of ours it stands beside.
    pub beside: Beside,
    /// The name that the tool prints.
    pub name: &'static str,
    /// The unit that it prints.
    pub scale: Scale,
    /// How it differs from ours; `None` where it does not.
    pub differs: Option<&'static str>,
    /// Whether it depends on which event brought how many tokens.
    pub by_token: bool,
    /// What is said.
    pub told: Told,
}

/// How a quantity comes about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// Samples of each request.
    Requests(fn(&Stream<'_>) -> Vec<f64>),
    /// The same, and the tokens of each event matter.
    Tokens(fn(&Stream<'_>) -> Vec<f64>),
    /// One value an epoch.
    Epoch(fn(&Run, &[Stream<'_>]) -> Option<f64>),
}

/// One line of a tool's table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantity {
    pub(super) beside: Beside,
    pub(super) name: &'static str,
    pub(super) scale: Scale,
    pub(super) differs: Option<&'static str>,
    pub(super) rule: Rule,
}

/// What several tools print, each under its own name.
impl Quantity {
    /// The end of the stream − sent, seconds.
    pub(super) const fn latency_to_end(name: &'static str) -> Self {
        Self {
            beside: Beside::E2e,
            name,
            scale: Scale::Seconds,
            differs: Some("to the end of the stream, not to the last content"),
            rule: Rule::Requests(|stream| vec![stream.to_end()]),
        }
    }

    /// Σ N / (last content − first sent).
    pub(super) const fn tokens_until_last_content(name: &'static str) -> Self {
        Self::until_last_content(Beside::OutputRate, name, tokens_per_content_span)
    }

    /// Successes / (last content − first sent).
    pub(super) const fn requests_until_last_content(name: &'static str) -> Self {
        Self::until_last_content(Beside::RequestRate, name, requests_per_content_span)
    }

    const fn until_last_content(
        beside: Beside,
        name: &'static str,
        rate: fn(&Run, &[Stream<'_>]) -> Option<f64>,
    ) -> Self {
        Self {
            beside,
            name,
            scale: Scale::PerSecond,
            differs: Some(
                "until the last content of a success, not until the last end of any request",
            ),
            rule: Rule::Epoch(rate),
        }
    }
}

impl Quantity {
    /// The quantity with its numbers.
    pub(super) fn row(&self, tool: Tool, values: &[f64]) -> Row {
        let &Self { beside, name, scale, differs, rule } = self;
        let told = match rule {
            Rule::Requests(_) | Rule::Tokens(_) => Told::of_samples(values, tool.percentile()),
            Rule::Epoch(_) => Told { n: values.len(), mean: mean(values), ..Told::default() },
        };
        Row { beside, name, scale, differs, by_token: matches!(rule, Rule::Tokens(_)), told }
    }
}

impl Told {
    fn of_samples(values: &[f64], percentile: Percentile) -> Self {
        let sorted = Sorted::new(values.iter().copied());
        Self {
            n: sorted.as_slice().len(),
            mean: mean(sorted.as_slice()),
            median: percentile.of(&sorted, 0.5),
            p95: percentile.of(&sorted, 0.95),
            p99: percentile.of(&sorted, 0.99),
        }
    }

    /// The four statistics in the order of [`Tool::statistics`].
    #[must_use]
    pub fn statistics(&self) -> [Option<f64>; 4] {
        [self.mean, self.median, self.p95, self.p99]
    }
}
