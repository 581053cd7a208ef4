//! tokgate: a benchmark harness and CI regression gate for language-model inference and vector
//! retrieval. This package is the edges: the command line, the store, reports, git.

pub mod again;
pub mod baselines;
pub mod cli;
pub mod config;
pub mod datasets;
pub mod decided;
pub mod gating;
pub mod git;
pub mod github;
pub mod history;
pub mod mock;
pub mod notify;
pub mod paired;
pub mod pipeline;
pub mod project;
pub mod report;
pub mod servers;
pub mod session;
pub mod store;
