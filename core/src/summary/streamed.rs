//! An epoch of any number of requests: counted as they pass, none of them kept, and every figure exact.
//!
//! The formulas are those of epochs in memory; what has to be looked at more than once is put into spools.
//! Absent is what single requests are needed for afterwards: intervals, and the places of single stalls.

use super::observe::{sampled, values};
use super::pools::Pools;
use super::samples::{Samples, estimates};
use super::seen::Seen;
use super::spread::{Spreading, spiked};
use super::{Estimate, MetricSummary, Observed, Whole, request};
use crate::case::Case;
use crate::imported::Figure;
use crate::metric::{CATALOGUE, Kind, Metric, MetricRef, Stat};
use crate::record::{Phase, Record};
use crate::run::Run;
use crate::spool::{Merged, Spools};
use crate::validity::{LATEST, Validity, assess_counted};
use std::collections::BTreeMap;

/// An epoch whose requests pass by.
pub struct Streaming<'a, M: Spools> {
    case: &'a Case,
    spools: &'a M,
    seen: Seen,
    spreading: Spreading<M>,
    pools: Pools<M>,
    /// How late each measured request was sent, seconds.
    lags: Samples<M::Of<1>>,
}

/// An epoch whose requests have passed by.
pub struct Streamed<M: Spools> {
    /// What they say together.
    pub seen: Seen,
    /// Whether it may be judged.
    pub validity: Validity,
    kind: Kind,
    values: Vec<(&'static Metric, f64)>,
    pools: Pools<M>,
}

impl<'a, M: Spools> Streaming<'a, M> {
    /// An epoch of a case of which no request has come yet.
    ///
    /// # Errors
    /// When there is no room for a spool.
    pub fn begin(case: &'a Case, spools: &'a M) -> Result<Self, M::Error> {
        Ok(Self {
            case,
            spools,
            seen: Seen::default(),
            spreading: Spreading::new(case, spools)?,
            pools: Pools::new(sampled(case.kind).chain(spiked(case)), spools)?,
            lags: Samples::new(spools)?,
        })
    }

    /// Counts a request. Whatever depends on the order is as for requests in memory in the order of these calls.
    ///
    /// # Errors
    /// When there is no room for what it says.
    pub fn add(&mut self, record: &Record) -> Result<(), M::Error> {
        self.seen.add(record, self.case);
        self.spreading.add(record)?;
        if record.phase == Phase::Measured
            && let Some(lag_s) = request::send_lag(record)
        {
            self.lags.push(lag_s)?;
        }
        match record.counts() {
            true => self.pools.add(record),
            false => Ok(()),
        }
    }

    /// What the epoch says. `run` is the epoch without its requests: if it has any, they are not looked at.
    ///
    /// # Errors
    /// When what was put into spools cannot be had again.
    pub fn end(mut self, run: &Run) -> Result<Streamed<M>, M::Error> {
        let spread = self.spreading.end(self.case, &mut self.pools, self.spools)?;
        let whole = Whole::with(run, self.seen);
        let validity = assess_counted(&whole, self.lags.quantile(LATEST)?);
        let values = values(&whole, &spread);
        Ok(Streamed { seen: whole.seen, validity, kind: self.case.kind, values, pools: self.pools })
    }
}

impl<M: Spools> Streamed<M> {
    /// What some epochs of a case say together: every figure that [`super::summarize`] has of the same epochs in
    /// memory, in the catalogue's order.
    ///
    /// # Errors
    /// When what was put into spools cannot be had again.
    pub fn figures(epochs: &mut [Self]) -> Result<Vec<Figure>, M::Error> {
        let mut figures = Vec::new();
        let kind = epochs.first().map(|epoch| epoch.kind);
        let is_told = |metric: &&&Metric| kind.is_some_and(|kind| metric.kinds.contains(&kind));
        for metric in CATALOGUE.iter().filter(is_told) {
            let told = match epochs.iter().any(|epoch| epoch.pools.has(metric)) {
                true => pooled(metric, epochs)?,
                false => averaged(metric, epochs),
            };
            figures.extend(told.into_iter().map(|(stat, Estimate { value, n, .. })| Figure {
                metric: MetricRef { metric, stat },
                value,
                n: n as u64,
                interval: None,
            }));
        }
        Ok(figures)
    }

    /// The one value that the epoch says of a metric.
    fn value(&self, metric: &Metric) -> Option<f64> {
        self.values.iter().find(|(known, _)| known.id == metric.id).map(|(_, value)| *value)
    }
}

/// The statistics of a metric over the samples of all epochs.
fn pooled<M: Spools>(
    metric: &'static Metric,
    epochs: &mut [Streamed<M>],
) -> Result<BTreeMap<Stat, Estimate>, M::Error> {
    let (mut n, mut lists) = (0, Vec::new());
    for samples in epochs.iter_mut().filter_map(|epoch| epoch.pools.of(metric.id)) {
        n += samples.n();
        lists.push(samples.ascending()?);
    }
    estimates(metric.shape.stats(), n, Merged::of(lists)?)
}

/// The statistics of a metric that is one value an epoch.
fn averaged<M: Spools>(
    metric: &'static Metric,
    epochs: &[Streamed<M>],
) -> BTreeMap<Stat, Estimate> {
    let values = epochs.iter().filter_map(|epoch| epoch.value(metric)).map(Observed::Value);
    MetricSummary::of(metric, values.collect()).map(|summary| summary.stats).unwrap_or_default()
}

#[cfg(test)]
#[path = "streamed_tests.rs"]
mod tests;
