//! What many workers sent together becomes one run of the store.
//!
//! Who they are and whether that is one run is said by [`tokgate_core::merge`]; rows are read by
//! [`crate::rows`]. Here the workers' statements are found at the place that they put them to, and each epoch's
//! records go through the store's own door, so that every number of a merged run is computed as that of any
//! other.
//!
//! Of a load that is too large for that, the figures alone are kept (`figures`): each of them exact, by the same
//! formulas, over lists on a disk ([`crate::spool`]).
//!
//! What does not live here, on purpose: a formula, and a judgement of what was merged.

mod epoch;
#[cfg(feature = "parquet")]
mod figures;
#[cfg(feature = "parquet")]
mod found;
#[cfg(feature = "parquet")]
mod run;

pub use epoch::{Source, Unreadable, keep};
#[cfg(feature = "parquet")]
pub use figures::MOST_EVENTS;
#[cfg(feature = "parquet")]
pub use found::{Found, runs};
#[cfg(feature = "parquet")]
pub use run::{MergeError, Merging};
