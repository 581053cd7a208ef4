//! How the latencies of a case are spread, as HdrHistograms.

use crate::store::case::Key;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2Serializer};
use rusqlite::{Connection, params};
use tokgate_core::metric::Shape;
use tokgate_core::summary::{MetricSummary, Observed, Summary};
use tokgate_core::unit::Unit;

/// Longest latency that is told from a longer one, nanoseconds: a day.
const LONGEST_NS: u64 = 86_400_000_000_000;
/// Significant decimal digits that are kept of one.
const DIGITS: u8 = 3;

/// Replaces the histograms of the case: one of each latency that has samples.
pub(super) fn put(database: &Connection, key: Key<'_>, summary: &Summary) -> rusqlite::Result<()> {
    let Key { run_id, case_id, arm } = key;
    database.execute(
        "DELETE FROM histograms WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3",
        params![run_id, case_id, arm],
    )?;
    let mut insert = database.prepare_cached(
        "INSERT INTO histograms (case_id, metric, run_id, arm, n, hdr)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for latency in summary.metrics.iter().filter(|metric| is_latency(metric)) {
        let spread = spread(&latency.epochs);
        let hdr = written(&spread).map_err(rusqlite::Error::ToSqlConversionFailure)?;
        insert.execute(params![
            case_id,
            latency.metric.id,
            run_id,
            arm,
            spread.len() as i64,
            hdr
        ])?;
    }
    Ok(())
}

fn is_latency(summary: &MetricSummary) -> bool {
    summary.metric.shape == Shape::Distribution && summary.metric.unit == Unit::Seconds
}

/// All samples of all epochs. What is longer than a day counts as a day.
fn spread(epochs: &[Observed]) -> Histogram<u64> {
    let mut spread =
        Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("the bounds are right");
    for seconds in epochs.iter().flat_map(Observed::values) {
        spread.saturating_record((seconds * 1e9).round() as u64);
    }
    spread
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn written(spread: &Histogram<u64>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(spread, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;

    #[test]
    fn percentiles_of_a_read_histogram_are_those_of_the_samples() {
        let samples: Vec<f64> = (1..=10_000).map(|n| f64::from(n) * 1e-4).collect();
        let told = spread(&[Observed::Samples(tokgate_core::summary::Series {
            values: samples,
            requests: Vec::new(),
        })]);
        let bytes = written(&told).unwrap();
        let read: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(read.len(), 10_000);
        for (share, seconds) in [(0.5, 0.5), (0.99, 0.99), (1.0, 1.0)] {
            let found = read.value_at_quantile(share) as f64 / 1e9;
            assert!((found - seconds).abs() <= seconds * 1e-3, "{share}: {found}");
        }
    }
}
