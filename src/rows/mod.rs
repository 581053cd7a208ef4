//! Rows in the open: every request and every event of an epoch as Apache Parquet, where any engine of SQL
//! reads them, in a folder or an object store.
//!
//! [`schema`] has the columns once: the writer's order, the reader's check and the reference are made of
//! them. [`Slice`] says where the rows of one worker's epoch lie, [`Manifest`] what a worker put there, last
//! of all. Behind the feature `parquet` are `write_epoch`, `Rows` and `Place`.
//!
//! What does not live here, on purpose: who shares a load, and what is made of many workers' rows.

#[cfg(feature = "parquet")]
mod cells;
#[cfg(feature = "parquet")]
mod epoch;
mod manifest;
#[cfg(feature = "parquet")]
mod open;
#[cfg(feature = "parquet")]
mod pages;
#[cfg(feature = "parquet")]
mod place;
#[cfg(feature = "parquet")]
mod read;
#[cfg(feature = "parquet")]
mod rest;
pub mod schema;
#[cfg(feature = "parquet")]
mod sheet;
mod slice;
#[cfg(feature = "parquet")]
mod write;

#[cfg(feature = "parquet")]
pub use epoch::Facts;
pub use manifest::{
    Begun, Clock, EpochFiles, FileFacts, Manifest, ManifestError, MeasuredEpoch, PhaseCounts,
    VERSION, plan_digest,
};
#[cfg(feature = "parquet")]
pub use place::{Listed, Place, PlaceError, Put};
#[cfg(feature = "parquet")]
pub use read::Rows;
pub use slice::{Slice, workers};
#[cfg(feature = "parquet")]
pub use write::{EpochWriter, write_epoch};

use std::path::PathBuf;

/// What to do where a build has no rows.
pub const ABSENT: &str = "this tokgate was built without Parquet and object stores: \
     cargo install tokgate --features parquet";

/// Why rows cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The file system would not.
    #[error(transparent)]
    File(#[from] crate::store::atomic::FileError),
    /// A file is not what was written.
    #[error("{}: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A request that rows cannot say.
    #[error("request {ordinal} cannot be a row: {what}")]
    Request {
        /// Its number.
        ordinal: u64,
        /// What is wrong with it.
        what: String,
    },
}
