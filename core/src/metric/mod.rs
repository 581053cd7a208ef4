//! Metrics: the catalogue, the statistics by which each is told, and how both are named.

mod catalogue;
mod markdown;
mod reference;
mod stat;

pub use catalogue::*;
pub use markdown::metrics_markdown;
pub use reference::{MetricRef, MetricRefError};
pub use stat::Stat;
