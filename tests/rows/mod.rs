//! Rows in the open: what was measured, had back from Parquet; and places, which keep it whole or not at all.

mod bucket;
mod export;
mod place;
mod record;
mod s3;
mod spoilt;

use crate::store::fixture::{head, run};
use std::path::Path;
use tempfile::TempDir;
use tokgate::rows::{EpochFiles, Facts, Rows, RowsError, Slice, write_epoch};
use tokgate_core::record::Record;
use tokgate_core::run::Run;
use tokgate_core::validity::Validity;

/// The rows of one epoch in a folder of their own.
pub(crate) struct Written {
    folder: TempDir,
    slice: Slice,
    files: EpochFiles,
}

impl Written {
    pub(crate) fn of(run: &Run, origin_ns: u64) -> Result<Self, RowsError> {
        let folder = tempfile::tempdir().unwrap();
        let slice = Slice::of(&run.head, 3, "attempt");
        let facts = Facts { validity: &Validity::Valid, origin_ns, price: None };
        let files = write_epoch(folder.path(), &slice, run, &facts)?;
        Ok(Self { folder, slice, files })
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn rows(&self, shift_ns: u64) -> Result<Rows, RowsError> {
        let at = |path: &str| self.root().join(path);
        let (requests, events) = (&self.files.requests.path, &self.files.events.path);
        Rows::open(&at(requests), &at(events), &self.slice, shift_ns)
    }

    fn records(&self, shift_ns: u64) -> Result<Vec<Record>, RowsError> {
        self.rows(shift_ns)?.collect()
    }
}

pub(crate) fn epoch(records: Vec<Record>) -> Run {
    Run { records, ..run(head(0, "one", 0)) }
}
