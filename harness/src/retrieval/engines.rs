//! Which engine a driver names: the one place that knows them all.

use super::cache::{Cache, Craft, Data, Kept, Spec, Unfit, What};
use super::demand::Demand;
use super::flat::Flat;
use super::flat_q4::FlatQ4;
use super::index::{Knobs, Recipe, VectorIndex};
use super::ivf_sq8::IvfSq8;
use super::memory;
use super::vectors::Vectors;
use crate::driver::OpenError;
use serde::Serialize;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::sync::Arc;
use tokgate_core::case::DriverKind;

/// The index of a driver over the rows: the one that was kept, else one that is built on the threads
/// of the current pool.
///
/// # Errors
/// When the driver is no index, or the engine does not take the rows.
pub fn open(
    demand: &Demand,
    rows: &Arc<Vectors>,
    cache: &Cache,
) -> Result<Kept<Box<dyn VectorIndex>>, OpenError> {
    match demand.driver {
        DriverKind::Flat => open_as::<Flat>(demand, rows, cache),
        DriverKind::FlatQ4 => open_as::<FlatQ4>(demand, rows, cache),
        DriverKind::IvfSq8 => open_as::<IvfSq8>(demand, rows, cache),
        other @ (DriverKind::Auto
        | DriverKind::Embedded
        | DriverKind::Openai
        | DriverKind::Ollama
        | DriverKind::Batch
        | DriverKind::Simulated
        | DriverKind::Pgvector
        | DriverKind::Redis
        | DriverKind::VectorHttp) => Err(no_index(other)),
    }
}

/// Builds an engine over rows that are not those of a retrieval case, and keeps nothing on disk.
///
/// # Errors
/// When the driver is no index, or the engine does not take the rows.
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
        | DriverKind::Redis
        | DriverKind::VectorHttp) => Err(no_index(other)),
    }
}

fn no_index(driver: DriverKind) -> OpenError {
    OpenError::Invalid(format!(
        "driver `{}` is no vector index; take `flat`, `flat-q4` or `ivf-sq8`",
        driver.as_str()
    ))
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

fn open_as<Index: VectorIndex + 'static>(
    demand: &Demand,
    rows: &Arc<Vectors>,
    cache: &Cache,
) -> Result<Kept<Box<dyn VectorIndex>>, OpenError> {
    let building = Building::<Index> { demand, rows, index: PhantomData };
    let kept = cache.get(&building)?;
    Ok(kept.map(|index| Box::new(index) as Box<dyn VectorIndex>))
}

/// How an index is had over these rows.
struct Building<'a, Index> {
    demand: &'a Demand,
    rows: &'a Arc<Vectors>,
    index: PhantomData<Index>,
}

/// What an index depends on.
#[derive(Serialize)]
struct Parts {
    data: Data,
    recipe: Recipe,
}

impl<Index: VectorIndex> Craft for Building<'_, Index> {
    type Product = Index;
    type Fault = OpenError;

    fn spec(&self) -> Option<Spec> {
        let Demand { wanted, driver, .. } = self.demand;
        let parts = Parts { data: Data::of(wanted, self.rows), recipe: Index::recipe()? };
        Some(Spec::new(What::Index, parts, memory::index(&wanted.set, *driver)))
    }

    fn make(&self) -> Result<Index, OpenError> {
        let built = Index::build(Arc::clone(self.rows), self.demand.knobs);
        built.map_err(|error| OpenError::Invalid(error.to_string()))
    }

    fn save(&self, index: &Index, into: &mut dyn Write) -> io::Result<()> {
        index.save(into)
    }

    fn load(&self, payload: &[u8]) -> Result<Index, Unfit> {
        Index::load(Arc::clone(self.rows), self.demand.knobs, payload)
    }
}
