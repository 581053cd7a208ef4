//! Ours, in the shape in which the others are told: nothing is computed here that
//! [`crate::summary`] does not compute.

use super::quantity::{Beside, Row, Scale, Told};
use crate::metric::Stat;
use crate::run::Run;
use crate::summary::{MetricSummary, summarize};

const METRICS: [(Beside, &str, Scale); 6] = [
    (Beside::Ttft, "ttft", Scale::Milliseconds),
    (Beside::Tpot, "tpot", Scale::Milliseconds),
    (Beside::Itl, "itl", Scale::Milliseconds),
    (Beside::E2e, "e2e", Scale::Milliseconds),
    (Beside::OutputRate, "tok_s", Scale::PerSecond),
    (Beside::RequestRate, "req_s", Scale::PerSecond),
];

pub(super) fn rows(epochs: &[Run]) -> Vec<Row> {
    let summary = summarize(epochs);
    let row = |(beside, name, scale): (Beside, &'static str, Scale)| {
        let found = summary.metrics.iter().find(|metric| metric.metric.id == name);
        let told = found.map(told).unwrap_or_default();
        Row { beside, name, scale, differs: None, by_token: false, told }
    };
    METRICS.into_iter().map(row).collect()
}

fn told(metric: &MetricSummary) -> Told {
    let stat = |stat| metric.stats.get(&stat).map(|estimate| estimate.value);
    Told {
        n: metric.stats.values().map(|estimate| estimate.n).max().unwrap_or(0),
        mean: stat(Stat::Mean).or_else(|| stat(Stat::Value)),
        median: stat(Stat::P50),
        p95: stat(Stat::P95),
        p99: stat(Stat::P99),
    }
}
