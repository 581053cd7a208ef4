//! The store of one worker's part: raw lines in a folder of their own, in no index.

use super::kept::{Kept, KeptEpoch};
use crate::store::{
    self, CaseEnd, EpochEnd, Journal, ListedEpoch, ListedRun, Rendered, Store, StoreError, Stored,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tokgate_core::run::Head;
use tokgate_core::time::Offset;

/// Keeps what one attempt of one worker measures.
#[derive(Debug)]
pub struct PartStore {
    folder: PathBuf,
    kept: Kept,
    /// When the loads of epochs began that are not committed yet.
    began: BTreeMap<String, (Offset, Option<f64>)>,
}

impl PartStore {
    /// Keeps it in `folder`, which is there; when this comes back, it is known whose it is.
    ///
    /// # Errors
    /// When the folder takes no files.
    pub fn open(folder: PathBuf, kept: Kept) -> Result<Self, StoreError> {
        kept.write(&folder)?;
        Ok(Self { folder, kept, began: BTreeMap::new() })
    }

    /// Where it keeps it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Store for PartStore {
    fn begin(&mut self, head: &Head) -> Result<Journal, StoreError> {
        Ok(Journal::create(&self.folder, head)?)
    }

    fn began(&mut self, test_id: &str, at: Offset, late_s: Option<f64>) {
        self.began.insert(test_id.to_owned(), (at, late_s));
    }

    fn commit_epoch(&mut self, journal: Journal, end: &EpochEnd) -> Result<Stored, StoreError> {
        let path = journal.finish(end)?;
        let stored = store::read(&path)?;
        let test_id = stored.run.head.test_id.clone();
        // Of an epoch that never began there is nothing whose times were to be told.
        let (at, late_s) = self.began.remove(&test_id).unwrap_or((Offset::ZERO, None));
        self.kept.epochs.push(KeptEpoch { test_id, origin_ns: at.0, late_s });
        self.kept.write(&self.folder)?;
        Ok(stored)
    }

    /// What a part says alone is nobody's result.
    fn commit_case(&mut self, _: CaseEnd<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn finish_run(&mut self, _: Rendered<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn runs(&self, _: usize) -> Result<Vec<ListedRun>, StoreError> {
        Ok(Vec::new())
    }

    fn epochs(&self, _: usize) -> Result<Vec<ListedEpoch>, StoreError> {
        Ok(Vec::new())
    }

    fn show(&self, id: &str) -> Result<Vec<Stored>, StoreError> {
        Err(StoreError::Unknown(id.to_owned()))
    }
}
