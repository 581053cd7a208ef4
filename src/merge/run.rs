//! A whole run, epoch by epoch: each worker's files are fetched, put together, kept, and removed again.

use crate::merge::epoch::{Source, keep};
use crate::merge::found::Found;
use crate::merge::scratch::Scratch;
use crate::rows::{FileFacts, Place, PlaceError, Rows, RowsError, Slice};
use crate::session::MeasuredCase;
use crate::spool::SpoolError;
use crate::store::atomic::FileError;
use crate::store::{self, CaseEnd, Store, StoreError, Stored};
use std::path::{Path, PathBuf};
use tokgate_core::case::CaseId;
use tokgate_core::merge::{Epoch, EpochKey, Roster, Taken};
use tokgate_core::run::Arm;
use tokgate_core::validity::Reason;

/// Why a run was not put together.
#[derive(Debug)]
pub enum MergeError {
    /// The place would not give its files.
    Place(PlaceError),
    /// The results cannot be kept.
    Store(StoreError),
    /// What is too much for memory cannot be sorted on a disk.
    Spool(SpoolError),
}

impl From<SpoolError> for MergeError {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

impl From<StoreError> for MergeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<FileError> for MergeError {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}

/// A run while it is put together.
pub struct Merging<'a> {
    /// Where its files lie.
    pub place: &'a Place,
    /// What its workers state.
    pub found: &'a Found,
    /// Those of them that make the run.
    pub roster: &'a Roster<'a>,
    /// What was put together of it before, and lies in the store.
    pub earlier: &'a [store::Found],
    /// The folder in which its files are kept for the while.
    pub folder: &'a Path,
    /// Told of each epoch that is there.
    pub tell: &'a dyn Fn(&Stored),
}

/// The records of all workers of an epoch.
pub(super) struct Opened {
    pub(super) sources: Vec<Source<'static>>,
    /// What could not be had.
    pub(super) lost: Vec<Reason>,
    /// Where the files lie; they go when this does.
    pub(super) scratch: Scratch,
}

/// The epochs of one side of a case.
pub(super) type OfCase<'a> = ((CaseId, Arm), Vec<Epoch<'a>>);

impl Merging<'_> {
    /// Keeps every case. When this comes back, all of it is durable.
    ///
    /// # Errors
    /// When files cannot be had, or results cannot be kept.
    pub fn keep(&self, store: &mut dyn Store) -> Result<Vec<MeasuredCase>, MergeError> {
        let mut cases = Vec::new();
        for (_, epochs) in self.cases() {
            let mut kept = Vec::new();
            for epoch in &epochs {
                let stored = self.epoch(epoch, store)?;
                (self.tell)(&stored);
                kept.push(stored);
            }
            let case = MeasuredCase::of(kept);
            let MeasuredCase { epochs, validity, summary } = &case;
            store.commit_case(CaseEnd { epochs, validity, summary, verdicts: &[] })?;
            cases.push(case);
        }
        Ok(cases)
    }

    pub(super) fn cases(&self) -> Vec<OfCase<'_>> {
        let mut cases: Vec<OfCase<'_>> = Vec::new();
        for epoch in self.roster.epochs() {
            let EpochKey { case, arm, .. } = EpochKey::of(&epoch.first().part.head);
            match cases.iter_mut().find(|(known, _)| *known == (case.clone(), arm)) {
                Some((_, epochs)) => epochs.push(epoch),
                None => cases.push(((case, arm), vec![epoch])),
            }
        }
        cases
    }

    fn epoch(&self, epoch: &Epoch<'_>, store: &mut dyn Store) -> Result<Stored, MergeError> {
        if let Some(path) = self.kept_before(epoch) {
            return Ok(store::read(path).map_err(StoreError::from)?);
        }
        let Opened { sources, lost, scratch: _scratch } = self.opened(epoch)?;
        Ok(keep(store, epoch, &self.found.digest, sources, lost)?)
    }

    /// The records of all workers of an epoch, in files of ours for the while.
    pub(super) fn opened(&self, epoch: &Epoch<'_>) -> Result<Opened, MergeError> {
        let scratch = Scratch::new(self.folder)?;
        let (mut sources, mut lost) = (Vec::new(), self.found.torn.clone());
        for taken in &epoch.taken {
            match self.source(epoch, taken, &scratch)? {
                Ok(source) => sources.push(source),
                Err(reason) => lost.push(reason),
            }
            lost.extend(self.about(taken, &scratch)?);
        }
        Ok(Opened { sources, lost, scratch })
    }

    /// The raw lines of an epoch that was put together before.
    fn kept_before(&self, epoch: &Epoch<'_>) -> Option<&PathBuf> {
        let key = EpochKey::of(&epoch.first().part.head);
        let is_it = |it: &&store::Found| {
            it.whole && it.case == key.case && it.arm == key.arm && it.number == key.epoch
        };
        self.earlier.iter().find(is_it).map(|it| &it.path)
    }

    /// Looks whether the row about a worker's epoch is as it was put: it says nothing that is needed here, and
    /// others ask it.
    fn about(&self, taken: &Taken<'_>, scratch: &Scratch) -> Result<Option<Reason>, MergeError> {
        let Some(files) = self.found.files(taken) else { return Ok(None) };
        let to = scratch.path().join("epoch.parquet");
        self.fetched(taken.worker.worker, &files.epoch, &to).map(Result::err)
    }

    /// Fetches a file; a reason, where it is not what was put.
    fn fetched(
        &self,
        worker: u32,
        facts: &FileFacts,
        to: &Path,
    ) -> Result<Result<(), Reason>, MergeError> {
        match self.place.fetch(facts, to) {
            Ok(()) => Ok(Ok(())),
            Err(why @ (PlaceError::Missing(_) | PlaceError::Changed { .. })) => {
                let (path, what) = (facts.path.clone(), why.to_string());
                Ok(Err(Reason::TornFile { worker, path, what }))
            }
            Err(error) => Err(MergeError::Place(error)),
        }
    }

    /// A worker's records, fetched and looked at; a reason, where they are not what it put.
    fn source(
        &self,
        epoch: &Epoch<'_>,
        taken: &Taken<'_>,
        scratch: &Scratch,
    ) -> Result<Result<Source<'static>, Reason>, MergeError> {
        let Taken { worker, part } = taken;
        let number = worker.worker;
        let torn = |path: &str, what: String| {
            Ok(Err(Reason::TornFile { worker: number, path: path.to_owned(), what }))
        };
        let Some(files) = self.found.files(taken) else {
            return torn("its manifest", "it names no files of this epoch".to_owned());
        };
        let local = |table: &str| scratch.path().join(format!("{number}.{table}.parquet"));
        let (requests, events) = (local("requests"), local("events"));
        for (facts, to) in [(&files.requests, &requests), (&files.events, &events)] {
            if let Err(reason) = self.fetched(number, facts, to)? {
                return Ok(Err(reason));
            }
        }
        let slice = Slice::of(&part.head, number, &worker.name);
        let path = files.requests.path.clone();
        let rows = match Rows::open(&requests, &events, &slice, part.origin_ns) {
            Ok(rows) if rows.origin_ns() == part.origin_ns => rows,
            Ok(_) => {
                let what = "its load began at another moment than its manifest says";
                return torn(&path, what.to_owned());
            }
            Err(RowsError::File(error)) => return Err(error.into()),
            Err(error) => return torn(&path, what(&error)),
        };
        let shift = epoch.shift(part);
        let records = Box::new(rows.map(|read| read.map_err(|error| what(&error))));
        Ok(Ok(Source { worker: number, path, shift, records }))
    }
}

/// What is wrong with rows, without the place of the copy in which that was seen.
fn what(error: &RowsError) -> String {
    match error {
        RowsError::Damaged { what, .. } => what.clone(),
        RowsError::File(_) | RowsError::Request { .. } => error.to_string(),
    }
}
