//! The samples of several metrics, over all successes of an epoch.

use super::observe::{Formula, formula};
use super::samples::Samples;
use crate::metric::Metric;
use crate::record::Record;
use crate::spool::Spools;

/// The samples of several metrics.
pub(super) struct Pools<M: Spools> {
    pools: Vec<Pool<M>>,
}

/// The samples of one of them.
struct Pool<M: Spools> {
    metric: &'static Metric,
    formula: &'static Formula,
    samples: Samples<M::Of<1>>,
}

impl<M: Spools> Pools<M> {
    /// None yet of each of `metrics`; of those that are one value an epoch there are never any.
    pub(super) fn new(
        metrics: impl Iterator<Item = &'static Metric>,
        spools: &M,
    ) -> Result<Self, M::Error> {
        let mut pools: Vec<Pool<M>> = Vec::new();
        for metric in metrics {
            let is_new = pools.iter().all(|pool| pool.metric.id != metric.id);
            if let Some(formula) = formula(metric).filter(|_| is_new) {
                pools.push(Pool { metric, formula, samples: Samples::new(spools)? });
            }
        }
        Ok(Self { pools })
    }

    /// Adds what a success says of each of them.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), M::Error> {
        for Pool { formula, samples, .. } in &mut self.pools {
            formula.samples(record).into_iter().try_for_each(|value| samples.push(value))?;
        }
        Ok(())
    }

    /// The samples of the metric called `id`; `None` where it is not among them, or has none.
    pub(super) fn of(&mut self, id: &str) -> Option<&mut Samples<M::Of<1>>> {
        let found = self.pools.iter_mut().find(|pool| pool.metric.id == id)?;
        Some(&mut found.samples).filter(|samples| samples.n() > 0)
    }

    /// Whether a metric is among them and has samples.
    pub(super) fn has(&self, metric: &Metric) -> bool {
        self.pools.iter().any(|pool| pool.metric.id == metric.id && pool.samples.n() > 0)
    }
}
