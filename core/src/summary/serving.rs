//! The formulas that look at what the target said of itself while measuring.

use super::Whole;
use crate::serving::{CACHE_USE, PREEMPTIONS, PREFIX_HITS, PREFIX_QUERIES, RUNNING, WAITING};

/// `server_running_peak`: the most requests that the target worked on at once.
pub(super) fn running_peak(run: &Whole<'_>) -> Option<f64> {
    peak(run, RUNNING)
}

/// `server_waiting_peak`: the most requests that waited within the target.
pub(super) fn waiting_peak(run: &Whole<'_>) -> Option<f64> {
    peak(run, WAITING)
}

/// `server_cache_peak`: the fullest that its key-value cache was.
pub(super) fn cache_peak(run: &Whole<'_>) -> Option<f64> {
    peak(run, CACHE_USE)
}

/// `server_preemptions`: requests that it put back to make room.
pub(super) fn preemptions(run: &Whole<'_>) -> Option<f64> {
    gained(run, PREEMPTIONS)
}

/// `server_prefix_hits`: prompt tokens found in its prefix cache / looked up.
pub(super) fn prefix_hits(run: &Whole<'_>) -> Option<f64> {
    let queries = gained(run, PREFIX_QUERIES).filter(|queries| *queries > 0.0)?;
    Some(gained(run, PREFIX_HITS)? / queries)
}

fn peak(run: &Whole<'_>, name: &str) -> Option<f64> {
    said(run, name).into_iter().reduce(f64::max)
}

/// By how much a counter grew; `None` after a restart of the server, whose counters begin anew.
fn gained(run: &Whole<'_>, name: &str) -> Option<f64> {
    let counts = said(run, name);
    let fell = counts.windows(2).any(|pair| pair[1] < pair[0]);
    Some(counts.last()? - counts.first()?).filter(|_| !fell && counts.len() > 1)
}

/// What it said within the window, with what it said just before and just after: it is asked seldom.
fn said(run: &Whole<'_>, name: &str) -> Vec<f64> {
    let Some(window) = run.seen.window else { return Vec::new() };
    let told: Vec<_> = run
        .telemetry
        .iter()
        .filter_map(|sample| Some((sample.at, *sample.server.get(name)?)))
        .collect();
    let first = told.partition_point(|(at, _)| *at < window.start).saturating_sub(1);
    let last = told.partition_point(|(at, _)| *at < window.end) + 1;
    told[first..last.min(told.len())].iter().map(|(_, value)| *value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Run, TelemetrySample};
    use crate::summary::fixture;
    use crate::time::Offset;

    /// A window of half a second, and what the target said every 200 ms from its beginning on.
    fn with(name: &str, values: &[f64]) -> Run {
        let mut run = fixture::run(vec![fixture::success(0), fixture::success(300)]);
        let sample = |(number, value): (u64, &f64)| TelemetrySample {
            at: Offset(number * 200_000_000),
            server: [(name.to_owned(), *value)].into(),
            ..TelemetrySample::default()
        };
        run.telemetry = (0..).zip(values).map(sample).collect();
        run
    }

    #[test]
    fn peaks_and_gains_are_those_of_the_window_and_its_edges() {
        let values = [1.0, 9.0, 4.0, 5.0, 99.0];
        assert_eq!(running_peak(&Whole::of(&with(RUNNING, &values))), Some(9.0));
        assert_eq!(
            preemptions(&Whole::of(&with(PREEMPTIONS, &[3.0, 3.0, 4.0, 8.0, 99.0]))),
            Some(5.0)
        );
        assert_eq!(waiting_peak(&Whole::of(&with(RUNNING, &values))), None);
    }

    #[test]
    fn a_restarted_server_has_gained_nothing_that_is_known() {
        assert_eq!(preemptions(&Whole::of(&with(PREEMPTIONS, &[3.0, 0.0, 1.0, 2.0]))), None);
    }

    #[test]
    fn hits_are_a_share_of_what_was_looked_up() {
        let mut run = with(PREFIX_QUERIES, &[100.0, 150.0, 200.0, 300.0]);
        for (hits, sample) in [10.0, 20.0, 30.0, 60.0].into_iter().zip(&mut run.telemetry) {
            sample.server.insert(PREFIX_HITS.to_owned(), hits);
        }
        assert_eq!(prefix_hits(&Whole::of(&run)), Some(0.25));
    }
}
