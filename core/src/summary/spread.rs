//! What only all requests of an epoch say side by side: spikes, stalls, how many were in flight, how soon it
//! recovered, whether answers agree.

use super::agreement::Agreement;
use super::flight::Flight;
use super::pools::Pools;
use super::recovery::Recovery;
use super::spike::Spikes;
use crate::case::Case;
use crate::metric::{self, Metric};
use crate::record::{Phase, Record};
use crate::run::Run;
use crate::spool::{Held, Spools, held};

/// What all requests of an epoch say side by side. What they do not say is absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Spread {
    pub(super) spike_rate: Option<f64>,
    pub(super) spike_rate_sigma: Option<f64>,
    pub(super) stall_max: Option<f64>,
    pub(super) stall_count: Option<f64>,
    pub(super) in_flight: Option<f64>,
    pub(super) recovery_s: Option<f64>,
    pub(super) agreement: Option<f64>,
}

/// What is kept of the requests to say that.
pub(super) struct Spreading<M: Spools> {
    flight: Flight<M>,
    recovery: Option<Recovery<M>>,
    agreement: Agreement<M>,
}

/// The metrics whose samples spikes and stalls of a case are told from.
pub(super) fn spiked(case: &Case) -> impl Iterator<Item = &'static Metric> {
    metric::find(&case.run.spike_of).into_iter().chain([&metric::ITL])
}

impl Spread {
    /// Of an epoch with its requests in memory.
    pub(super) fn of(run: &Run) -> Self {
        let case = &run.head.case;
        let mut spreading = held(Spreading::new(case, &Held));
        let mut pools = held(Pools::new(spiked(case), &Held));
        run.records.iter().for_each(|record| held(spreading.add(record)));
        run.successes().for_each(|record| held(pools.add(record)));
        held(spreading.end(case, &mut pools, &Held))
    }
}

impl<M: Spools> Spreading<M> {
    /// Nothing yet.
    pub(super) fn new(case: &Case, spools: &M) -> Result<Self, M::Error> {
        Ok(Self {
            flight: Flight::new(spools)?,
            recovery: Recovery::of(case, spools)?,
            agreement: Agreement::new(spools)?,
        })
    }

    /// Adds a request.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), M::Error> {
        if record.phase != Phase::Measured {
            return Ok(());
        }
        self.flight.add(record)?;
        if let Some(recovery) = &mut self.recovery {
            recovery.add(record)?;
        }
        self.agreement.add(record)
    }

    /// What all of them say, with the samples of [`spiked`].
    pub(super) fn end(
        self,
        case: &Case,
        pools: &mut Pools<M>,
        spools: &M,
    ) -> Result<Spread, M::Error> {
        let mut spread = Spread {
            in_flight: self.flight.most()?.map(|most| most as f64),
            recovery_s: self.recovery.map(|it| it.seconds(spools)).transpose()?.flatten(),
            agreement: self.agreement.share()?,
            ..Spread::default()
        };
        if let Some(samples) = pools.of(&case.run.spike_of) {
            spread.spike_rate = Spikes::of(samples, spools)?.map(Spikes::rate);
            spread.spike_rate_sigma = Spikes::classical(samples)?.map(Spikes::rate);
        }
        if let Some(gaps) = pools.of(metric::ITL.id) {
            spread.stall_max = gaps.most()?;
            spread.stall_count = Spikes::of(gaps, spools)?.map(|stalls| stalls.count as f64);
        }
        Ok(spread)
    }
}
