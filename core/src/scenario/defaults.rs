//! What is judged, and how closely, where a case says nothing of it.

use super::fit;
use super::judging::Planned;
use crate::case::Tolerance;
use crate::metric::{self, CATALOGUE, Metric, MetricRef, Shape, Stat};
use crate::unit::Unit;
use std::collections::BTreeMap;

/// What is judged where a case names nothing: throughput, latency and recall, as far as the
/// planned samples carry. Few on purpose: every further number costs the others their power.
pub(super) fn default_tolerances(planned: Planned<'_>) -> BTreeMap<MetricRef, Tolerance> {
    CATALOGUE
        .iter()
        .copied()
        .filter(|metric| DEFAULT_METRICS.contains(metric) && counts(metric, planned.is_open))
        .flat_map(|metric| {
            let stats = if metric.shape == Shape::Distribution {
                &DEFAULT_STATS[..]
            } else {
                &[Stat::Value]
            };
            stats.iter().map(move |stat| MetricRef { metric, stat: *stat })
        })
        .filter(|metric| fit::metric_fits(*metric, planned.kind, planned.top_k).is_ok())
        .filter(|metric| planned.is_enough(*metric))
        .map(|metric| (metric, default_tolerance(metric)))
        .collect()
}

/// What users feel; the others follow from these.
const DEFAULT_METRICS: [&Metric; 13] = [
    &metric::TOK_S,
    &metric::TTFT,
    &metric::TTFT_DUE,
    &metric::ITL,
    &metric::E2E,
    &metric::E2E_DUE,
    &metric::EMBED,
    &metric::INPUTS_S,
    &metric::QUERY,
    &metric::QPS,
    &metric::RECALL_AT_1,
    &metric::RECALL_AT_10,
    &metric::RECALL_AT_100,
];

/// Whether a latency is judged as it counts: under an open load from when a request was due, so that
/// a target that keeps requests waiting is not the better for it.
fn counts(metric: &Metric, is_open: bool) -> bool {
    match is_open {
        true => ![&metric::TTFT, &metric::E2E, &metric::EMBED].contains(&metric),
        false => ![&metric::TTFT_DUE, &metric::E2E_DUE].contains(&metric),
    }
}

/// The middle and the tail of a distribution.
const DEFAULT_STATS: [Stat; 4] = [Stat::P50, Stat::P90, Stat::P95, Stat::P99];

/// The smallest change that matters: 2 % of a median or a rate, 5 % of the 90th and 95th
/// percentile, 10 % further out, half a percentage point of a share.
#[must_use]
pub fn default_tolerance(metric: MetricRef) -> Tolerance {
    if metric.metric.unit == Unit::Ratio {
        return Tolerance::Absolute(0.005);
    }
    Tolerance::Relative(match metric.stat {
        Stat::Value | Stat::Min | Stat::Mean | Stat::P50 => 0.02,
        Stat::P75 | Stat::P90 | Stat::P95 => 0.05,
        Stat::P99 | Stat::P999 | Stat::Max => 0.10,
    })
}
