//! The tests of the whole program, one binary so that it is linked once.
#![allow(clippy::unwrap_used)]

mod ab;
mod alerts;
mod architecture;
mod baseline;
mod cache;
mod datasets;
mod embeddings;
mod faces;
mod history;
mod library;
mod line;
mod mock;
mod mock_faults;
mod mock_held;
mod nextest;
mod pressure;
mod prices;
mod quality;
mod quarantine;
mod recompute;
mod recorded;
mod references;
mod report;
mod scenarios;
mod spoilt;
mod store;
mod supply;
mod support;
mod targets;
mod telemetry;
mod verdict;
