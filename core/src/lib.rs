//! The nouns of tokgate, and the pure steps between them.
//!
//! A scenario file becomes cases ([`scenario`]), a measured case becomes [`run::Run`]s, runs
//! become a [`summary::Summary`], and the words in which the result is told live in
//! [`verdict`], [`goal`] and [`report`].
//!
//! What does not live here, on purpose: clocks, files, the environment, async code, printing.
//! Time, text and seeds are handed in, so that everything below `measure` can be had again from
//! a stored run on any machine.
#![forbid(unsafe_code)]

pub mod advice;
pub mod alert;
pub mod batch;
pub mod case;
pub mod choice;
pub mod compared;
pub mod dataset;
pub mod day;
pub mod diagnostic;
pub mod doubts;
pub mod environment;
pub mod failure;
pub mod gate;
pub mod goal;
pub mod hardware;
pub mod identity;
pub mod imported;
pub mod merge;
pub mod metric;
pub mod pressure;
pub mod price;
pub mod quality;
pub mod quantile;
pub mod recompute;
pub mod record;
pub mod report;
pub mod run;
pub mod scenario;
pub mod serving;
pub mod share;
pub mod slo;
pub mod spool;
pub mod stress;
pub mod summary;
pub mod target;
mod throttle;
pub mod time;
pub mod unit;
pub mod validity;
pub mod vectors;
pub mod verdict;
mod window;
pub mod words;
pub mod workload;
