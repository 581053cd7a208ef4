//! Which engine a driver names: the one place that knows them all.

use super::cache::{Cache, Craft, Data, Kept, Spec, Unfit, What};
use super::corpus::Wanted;
use super::demand::Demand;
use super::flat::Flat;
use super::flat_q4::FlatQ4;
#[cfg(feature = "hnsw")]
use super::hnsw::Hnsw;
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
    let Demand { driver, knobs, wanted, .. } = demand;
    had(Asked { driver: *driver, knobs: *knobs, wanted: Some(wanted), rows }, cache)
}

/// Builds an engine over rows that are not those of a retrieval case, and keeps nothing on disk.
///
/// # Errors
/// When the driver is no index, or the engine does not take the rows.
pub fn build_over(
    driver: DriverKind,
    knobs: Knobs,
    rows: &Arc<Vectors>,
) -> Result<Kept<Box<dyn VectorIndex>>, OpenError> {
    had(Asked { driver, knobs, wanted: None, rows }, &Cache::off())
}

fn had(asked: Asked<'_>, cache: &Cache) -> Result<Kept<Box<dyn VectorIndex>>, OpenError> {
    match asked.driver {
        DriverKind::Flat => had_as::<Flat>(asked, cache),
        DriverKind::FlatQ4 => had_as::<FlatQ4>(asked, cache),
        DriverKind::IvfSq8 => had_as::<IvfSq8>(asked, cache),
        #[cfg(feature = "hnsw")]
        DriverKind::Hnsw => had_as::<Hnsw>(asked, cache),
        #[cfg(not(feature = "hnsw"))]
        DriverKind::Hnsw => Err(not_built_in()),
        other @ (DriverKind::Auto
        | DriverKind::Embedded
        | DriverKind::Openai
        | DriverKind::Ollama
        | DriverKind::Batch
        | DriverKind::Simulated
        | DriverKind::Pgvector
        | DriverKind::Redis
        | DriverKind::VectorHttp
        | DriverKind::Custom) => no_index(other),
    }
}

/// Whether this build has a driver's engine.
///
/// # Errors
/// When it was left out; the message says how to have it.
pub fn built_in(driver: DriverKind) -> Result<(), OpenError> {
    match driver == DriverKind::Hnsw && !cfg!(feature = "hnsw") {
        true => Err(not_built_in()),
        false => Ok(()),
    }
}

fn not_built_in() -> OpenError {
    OpenError::Unavailable(
        "this build has no `hnsw` index; build with `--features hnsw` (it needs a C++ compiler), or \
         take `flat`, `flat-q4` or `ivf-sq8`"
            .to_owned(),
    )
}

fn no_index<T>(driver: DriverKind) -> Result<T, OpenError> {
    Err(OpenError::Invalid(format!(
        "driver `{}` is no vector index; take `flat`, `flat-q4`, `ivf-sq8` or `hnsw`",
        driver.as_str()
    )))
}

fn had_as<Index: VectorIndex + 'static>(
    asked: Asked<'_>,
    cache: &Cache,
) -> Result<Kept<Box<dyn VectorIndex>>, OpenError> {
    let building = Building::<Index> { asked, index: PhantomData };
    let kept = cache.get(&building)?;
    Ok(kept.map(|index| Box::new(index) as Box<dyn VectorIndex>))
}

/// Which index, over which rows.
struct Asked<'a> {
    driver: DriverKind,
    knobs: Knobs,
    /// The data set that the rows are; `None` for rows that no later run has again.
    wanted: Option<&'a Wanted>,
    rows: &'a Arc<Vectors>,
}

/// How such an index is had.
struct Building<'a, Index> {
    asked: Asked<'a>,
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
        let Asked { driver, knobs, wanted, rows } = self.asked;
        let wanted = wanted?;
        let parts = Parts { data: Data::of(wanted, rows), recipe: Index::recipe(knobs)? };
        let most_bytes = memory::index(&wanted.set, driver, knobs.graph.map(|graph| graph.shape));
        Some(Spec::new(What::Index, parts, most_bytes))
    }

    fn make(&self) -> Result<Index, OpenError> {
        let built = Index::build(Arc::clone(self.asked.rows), self.asked.knobs);
        built.map_err(|error| OpenError::Invalid(error.to_string()))
    }

    fn save(&self, index: &Index, into: &mut dyn Write) -> io::Result<()> {
        index.save(into)
    }

    fn load(&self, payload: &[u8]) -> Result<Index, Unfit> {
        Index::load(Arc::clone(self.asked.rows), self.asked.knobs, payload)
    }
}
