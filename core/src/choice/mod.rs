//! Questions to what was measured: how long will it take, what does it cost, which model on which
//! hardware, and how sure is that.
//!
//! All of it is said of a slice of [`Measured`] rows, and the time is handed in. What does not live
//! here, on purpose: where rows come from, and how an answer looks in a table or as JSON. Nothing
//! here judges a change: that is the baseline's work.

mod best;
mod compare;
mod configuration;
mod coverage;
mod estimate;
mod filter;
mod fit;
#[cfg(test)]
mod fixture;
mod measured;
mod recommend;
mod reliance;
mod size;
mod wish;

pub use best::{NoQuantity, Quantity, best_by};
pub use compare::{Compared, ForCount, compare};
pub use configuration::{
    Configuration, Configurations, NoColumn, SortBy, configurations, configurations_of_all_tasks,
};
pub use coverage::{Breakdown, Coverage, coverage};
pub use estimate::{Basis, Cost, Estimate, Interval, Span, estimate, newest_of_each};
pub use filter::Filter;
pub use fit::{LeftOut, Miss};
pub use measured::{Hardware, Measured, Provenance, cost_per_1k_tokens};
pub use recommend::{Parts, Recommendation, Recommended, recommend};
pub use reliance::{Confidence, STALE_AFTER_DAYS, Warning, is_stale};
pub use size::{of_model, parameters};
pub use wish::{Budget, NoBudget, NoPreference, Preference, Wish};
