//! The files of benchmark tools that others maintain.

mod aiperf;
mod criterion;
mod draft;
mod guidellm;
mod llama_bench;
mod llama_bench_sql;
mod values;
mod vllm;

pub(in crate::imports) use criterion::beside;

use crate::imports::Format;

/// What can be read.
pub(super) const FORMATS: &[Format] = &[
    vllm::FORMAT,
    guidellm::FORMAT,
    aiperf::FORMAT,
    llama_bench::FORMAT,
    llama_bench_sql::FORMAT,
    criterion::FORMAT,
];
