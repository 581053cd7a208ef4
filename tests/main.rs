//! The tests of the whole program, one binary so that it is linked once.
#![allow(clippy::unwrap_used)]

mod ab;
mod alerts;
mod architecture;
mod baseline;
mod cache;
mod comment;
mod datasets;
mod embeddings;
mod faces;
mod gate;
mod gate_broken;
mod github;
mod github_program;
mod history;
mod line;
mod mock;
mod mock_faults;
mod mock_held;
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
mod support;
mod targets;
mod telemetry;
mod verdict;
