//! Which stretch of time an invocation is of its run: the only one, the first, or a further one.

use crate::cli::options::Options;
use crate::earlier::Earlier;
use crate::session::{Identity, now_us};
use crate::store::{self, Asked, Begun, Found, Layout, Measuring, StoreError, ids};
use anyhow::Result;
use tokgate_core::case::Case;

/// A stretch of time in which a run is measured.
pub(super) enum Stretch {
    /// The only one of a run that is not gone on with when it is interrupted.
    Only,
    /// The first one.
    First(Box<First>),
    /// A further one.
    Further(Box<Further>),
}

/// A run that can be gone on with.
pub(super) struct First {
    /// What is asked.
    pub(super) asked: Asked,
    /// What is planned.
    pub(super) cases: Vec<Case>,
}

/// A run that is gone on with.
pub(super) struct Further {
    /// As it was begun.
    pub(super) begun: Begun,
    /// What there is of it.
    pub(super) found: Vec<Found>,
    /// That nobody else measures it.
    pub(super) measuring: Measuring,
}

impl Stretch {
    /// Gives the run its name: a further stretch is of the same run, at another time.
    pub(super) fn name(&self, identity: &mut Identity, options: &Options) {
        let Self::Further(further) = self else { return };
        let stretch = std::mem::replace(&mut identity.run_id, further.begun.run_id.clone());
        identity.booking_id = options.booking.clone().unwrap_or(stretch);
        identity.started_us = further.begun.started_us;
    }

    /// How many cases there are in the whole run, where that is known.
    pub(super) fn cases(&self) -> Option<usize> {
        match self {
            Self::Only => None,
            Self::First(first) => Some(first.cases.len()),
            Self::Further(further) => Some(further.begun.cases.len()),
        }
    }

    /// Keeps what was asked, before anything is measured; and what there is already.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub(super) fn keep(
        self,
        layout: &Layout,
        identity: &Identity,
    ) -> Result<(Option<Measuring>, Earlier)> {
        match self {
            Self::Only => Ok((None, Earlier::default())),
            Self::First(first) => {
                let First { asked, cases } = *first;
                let measuring = Measuring::start(layout, &identity.run_id)?;
                begun(identity, asked, cases).keep(layout).map_err(StoreError::from)?;
                Ok((Some(measuring), Earlier::default()))
            }
            Self::Further(further) => {
                let stretch = store::run_id(now_us(), ids::tail());
                Ok((Some(further.measuring), Earlier::of(further.found, stretch)))
            }
        }
    }
}

fn begun(identity: &Identity, asked: Asked, cases: Vec<Case>) -> Begun {
    Begun {
        schema_version: Begun::VERSION,
        run_id: identity.run_id.clone(),
        started_us: identity.started_us,
        machine: identity.machine.clone(),
        commit: identity.environment.commit.clone(),
        tool_version: identity.environment.tool_version.clone(),
        memory_available_bytes: identity.environment.memory_available_bytes,
        asked,
        cases,
    }
}
