//! The tests of the whole program, one binary so that it is linked once.
#![allow(clippy::unwrap_used)]

mod ab;
mod action;
mod alerts;
mod analyze;
mod architecture;
mod ask;
mod baseline;
mod book;
mod cache;
#[cfg(unix)]
mod command_line;
mod comment;
mod comparison;
mod datasets;
mod db;
#[cfg(all(unix, feature = "parquet"))]
mod deploy;
mod embeddings;
mod faces;
mod failing;
mod full_disk;
mod gate;
mod gate_broken;
mod gate_told;
mod github;
mod github_program;
mod github_propose;
mod history;
#[cfg(target_os = "linux")]
mod host;
mod import_earlier;
mod imported;
mod imports;
mod imports_broken;
mod init;
mod kill;
mod library;
mod line;
mod live;
mod manuals;
mod mcp;
#[cfg(feature = "parquet")]
mod merge;
mod mock;
mod mock_faults;
mod mock_held;
mod models;
mod nextest;
mod pages;
mod pages_written;
mod pasted;
mod plot;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
mod pressure;
mod prices;
mod purge;
mod push;
mod quality;
mod quarantine;
mod questions;
mod recompute;
mod recorded;
mod references;
mod report;
mod resume;
mod rm;
#[cfg(feature = "parquet")]
mod rows;
mod scenarios;
mod seeds;
mod serve;
mod serve_faults;
mod serve_guarded;
mod serve_measured;
#[cfg(feature = "parquet")]
mod shards;
mod spoilt;
mod store;
mod supply;
mod support;
mod tables;
mod targets;
mod telemetry;
mod tour;
mod verdict;
#[cfg(target_os = "linux")]
mod wizard;
mod writers;
