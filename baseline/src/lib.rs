//! The judge: intervals, comparison with a baseline, verdicts. Pure: no files, no clock, no luck.
//!
//! ```text
//! Summary --with_intervals--> Summary
//!         --Measured::against(&Baseline)--> Evidence --judge--> Judged --conclude--> Exit
//! ```
//!
//! Text and seeds are handed in, so that any verdict can be had again from stored epochs.
#![forbid(unsafe_code)]

pub mod compare;
pub mod compat;
pub mod conclusion;
pub mod file;
pub mod interval;
pub mod recorded;
pub mod verdict;

mod blocks;
mod dependence;
#[cfg(test)]
mod fixture;
mod parse;
mod resample;
mod scale;
mod shift;
#[cfg(test)]
mod simulation;
mod student;

pub use compare::{Finding, Pair, What, compare};
pub use conclusion::{Findings, conclude};
pub use file::{Baseline, BaselineError, Provenance};
pub use interval::with_intervals;
pub use recorded::Recorded;
pub use verdict::{Evidence, Measured, judge, judge_dropped};
