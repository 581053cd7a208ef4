//! Whether a run may be judged at all, with the reasons why not.
//!
//! What the requests say is looked at in `load`, what the machine said in `machine`; how much is
//! allowed stands in [`Limits`], which a scenario may change.

mod limits;
mod load;
mod machine;
mod reason;
#[cfg(test)]
mod tests;

use crate::run::Run;
use crate::summary::Whole;
pub use limits::Limits;
pub(crate) use load::LATEST;
pub use reason::Reason;
use serde::{Deserialize, Serialize};

/// Whether a run may be judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", tag = "validity", content = "reasons")]
pub enum Validity {
    /// It may.
    Valid,
    /// It may not.
    Invalid(Vec<Reason>),
}

impl Validity {
    /// The reasons, none for a valid run.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Valid => &[],
            Self::Invalid(reasons) => reasons,
        }
    }

    /// Whether the run may be judged.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self, Self::Valid)
    }

    /// The word, as stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Invalid(_) => "INVALID",
        }
    }
}

/// Says whether a run may be judged. The one place that does.
#[must_use]
pub fn assess(run: &Run) -> Validity {
    assess_counted(&Whole::of(run), load::lag_s(run))
}

/// The same of an epoch whose requests have been counted; `lag_s` is the 99th percentile of how late those that
/// were measured were sent, seconds.
pub(crate) fn assess_counted(run: &Whole<'_>, lag_s: Option<f64>) -> Validity {
    let limits = &run.head.case.validity;
    let of_load = load::reasons(run, limits, lag_s);
    let reasons: Vec<Reason> = of_load.chain(machine::reasons(run, limits)).collect();
    match reasons.is_empty() {
        true => Validity::Valid,
        false => Validity::Invalid(reasons),
    }
}

/// The same of one part of a load that several processes send: how much was sent is asked once all of it
/// is together.
#[must_use]
pub fn assess_part(run: &Run) -> Validity {
    match assess(run) {
        Validity::Valid => Validity::Valid,
        Validity::Invalid(mut reasons) => {
            reasons.retain(|reason| !reason.is_amount());
            match reasons.is_empty() {
                true => Validity::Valid,
                false => Validity::Invalid(reasons),
            }
        }
    }
}
