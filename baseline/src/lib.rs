//! The judge: intervals, comparison with a baseline, verdicts. Pure: no files, no clock, no luck.
//!
//! ```text
//! Summary --with_intervals--> Summary
//!         --Measured::against(&Baseline)--> Evidence --judge--> Judged --conclude--> Exit
//!
//! Summary --Measured::screened(&Baseline)--> Evidence --screen--> Screened: suspects, or Judged
//! suspects --compare_pairs, _queries, _counts, _exact--> Evidence --judge_pairs--> Judged
//!          --twice as many pairs--> Evidence --judge_extended--> Judged
//!
//! History --changes, drift--> Change, Drift
//!
//! Runs --Admission::marks, Baseline::admitted--> Baseline --in_place_of(&old)--> Baseline
//! Baselines --renewed--> Renewed; differing--> Differing
//! ```
//!
//! Text and seeds are handed in, so that any verdict can be had again from stored epochs.
#![forbid(unsafe_code)]

pub mod anchor;
pub mod arms;
pub mod canary;
pub mod compare;
pub mod compat;
pub mod conclusion;
pub mod counts;
pub mod exact;
pub mod file;
pub mod history;
pub mod interval;
pub mod outline;
pub mod paired;
pub mod pairs;
pub mod queries;
pub mod rate;
pub mod recorded;
pub mod renewal;
pub mod screen;
pub mod trust;
pub mod verdict;
pub mod verified;

mod blocks;
mod correction;
mod dependence;
#[cfg(test)]
mod fixture;
mod noise;
mod parse;
#[cfg(test)]
mod proof;
mod resample;
mod scale;
mod shift;
#[cfg(test)]
mod simulation;
mod student;

pub use anchor::Anchor;
pub use arms::{Arms, ArmsError, Gated};
pub use canary::FalseAlarms;
pub use compare::{Both, Chances, Finding, What, compare};
pub use conclusion::{Findings, conclude};
pub use counts::{Count, compare_counts};
pub use exact::{Alike, compare_exact};
pub use file::{Baseline, BaselineError, Provenance};
pub use history::{Change, Commit, Drift, History, changes, drift};
pub use interval::with_intervals;
pub use outline::Outline;
pub use paired::{Paired, TwoBookings};
pub use pairs::{Pair, compare_pairs};
pub use queries::{Queries, compare_queries};
pub use rate::Rate;
pub use recorded::Recorded;
pub use renewal::{Renewed, renewed};
pub use screen::compare_bookings;
pub use trust::Admission;
pub use verdict::suspects::{
    Nomination, Rules, Screened, is_open, judge_bookings, judge_extended, judge_pairs, screen,
};
pub use verdict::{Evidence, Measured, judge, judge_dropped};
pub use verified::{Differing, differing};
