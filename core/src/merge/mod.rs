//! Many workers' rows become one run: who was to send a part of the load, whether each of them did, on which
//! clock their records are, and in which order they come.
//!
//! Nothing of a metric lives here, on purpose: numbers of workers are never combined. Their records are, and
//! [`crate::summary`] computes everything from those, as it does for a run of one process.

mod attempt;
mod epoch;
#[cfg(test)]
mod fixture;
mod machine;
mod order;
mod roster;
mod shift;
mod tally;
mod target;

pub use attempt::{Attempt, Part, Skew};
pub use epoch::{Epoch, EpochKey, Taken};
pub use order::{Broken, Next, Ordered, Standing};
pub use roster::{LATE_S, Roster};
pub use shift::Shift;
pub use tally::Tally;
