//! tokgate: a benchmark harness and CI regression gate for language-model inference and vector
//! retrieval. This package is the edges: the command line, the store, reports, git.

pub mod git;
pub mod report;
pub mod store;
