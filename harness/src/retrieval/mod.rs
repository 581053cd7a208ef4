//! Retrieval in process: vectors that are seeded or a file's, their exact neighbours, index engines and the threads
//! that search them. What does not live here: when queries are sent, the clock, and metrics.

pub mod bandwidth;
pub mod best;
pub mod cache;
pub mod corpus;
pub mod crew;
pub mod demand;
pub mod desk;
pub mod engines;
#[cfg(test)]
mod engines_test;
mod exact;
pub mod filter;
#[cfg(test)]
pub(crate) mod fixture;
pub mod flat;
pub mod flat_q4;
pub mod generator;
pub mod growing;
mod hardness;
#[cfg(feature = "hnsw")]
pub mod hnsw;
pub mod index;
pub mod inserter;
pub mod ivf_sq8;
mod layout;
pub mod memory;
mod mixture;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(not(feature = "parquet"))]
#[path = "no_parquet.rs"]
mod parquet;
mod rotation;
#[cfg(test)]
mod scale_test;
mod sign_kernel;
mod sign_plane;
pub mod space;
mod stream;
pub mod truth;
pub(crate) mod vectorfile;
pub mod vectors;
