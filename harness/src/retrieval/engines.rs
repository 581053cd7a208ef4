//! Which engine a driver names: the one place that knows them all.

use super::demand::Demand;
use super::flat::Flat;
use super::flat_q4::FlatQ4;
use super::index::{Knobs, VectorIndex};
use super::ivf_sq8::IvfSq8;
use super::vectors::Vectors;
use crate::driver::OpenError;
use std::sync::Arc;
use tokgate_core::case::DriverKind;

/// Builds the engine of a driver over the rows, on the threads of the current pool.
///
/// # Errors
/// When the driver is no index, or the engine does not take the rows.
pub fn build(demand: &Demand, rows: &Arc<Vectors>) -> Result<Box<dyn VectorIndex>, OpenError> {
    build_over(demand.driver, demand.knobs, rows)
}

/// The same, where the rows are not those of a retrieval case.
///
/// # Errors
/// As [`build`].
pub fn build_over(
    driver: DriverKind,
    knobs: Knobs,
    rows: &Arc<Vectors>,
) -> Result<Box<dyn VectorIndex>, OpenError> {
    match driver {
        DriverKind::Flat => build_as::<Flat>(knobs, rows),
        DriverKind::FlatQ4 => build_as::<FlatQ4>(knobs, rows),
        DriverKind::IvfSq8 => build_as::<IvfSq8>(knobs, rows),
        other @ (DriverKind::Auto
        | DriverKind::Embedded
        | DriverKind::Openai
        | DriverKind::Ollama
        | DriverKind::Batch
        | DriverKind::Simulated
        | DriverKind::Pgvector
        | DriverKind::Redis) => Err(OpenError::Invalid(format!(
            "driver `{}` is no vector index; take `flat`, `flat-q4` or `ivf-sq8`",
            other.as_str()
        ))),
    }
}

fn build_as<Index: VectorIndex + 'static>(
    knobs: Knobs,
    rows: &Arc<Vectors>,
) -> Result<Box<dyn VectorIndex>, OpenError> {
    match Index::build(Arc::clone(rows), knobs) {
        Ok(index) => Ok(Box::new(index)),
        Err(error) => Err(OpenError::Invalid(error.to_string())),
    }
}
