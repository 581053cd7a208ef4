//! A whole run, epoch by epoch: each worker's files are fetched, put together, kept, and removed again.

use crate::merge::epoch::{Source, Unreadable, keep};
use crate::merge::found::{Found, torn};
use crate::rows::{EpochFiles, FileFacts, Place, PlaceError, Rows, RowsError, Slice};
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

impl From<MergeError> for anyhow::Error {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Place(error) => error.into(),
            MergeError::Store(error) => error.into(),
            MergeError::Spool(error) => error.into(),
        }
    }
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
        let Opened { sources, lost } = self.opened(epoch)?;
        Ok(keep(store, epoch, &self.found.digest, sources, lost)?)
    }

    /// The records of all workers of an epoch, in files of ours that are gone with the process.
    pub(super) fn opened(&self, epoch: &Epoch<'_>) -> Result<Opened, MergeError> {
        let (mut sources, mut lost) = (Vec::new(), self.found.torn.clone());
        for taken in &epoch.taken {
            match self.source(epoch, taken) {
                Ok(source) => sources.push(source),
                Err(Unread::Torn(reason)) => lost.push(reason),
                Err(Unread::Failed(error)) => return Err(error),
            }
            match self.about(taken) {
                Ok(()) => {}
                Err(Unread::Torn(reason)) => lost.push(reason),
                Err(Unread::Failed(error)) => return Err(error),
            }
        }
        Ok(Opened { sources, lost })
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
    fn about(&self, taken: &Taken<'_>) -> Result<(), Unread> {
        let Some(files) = self.found.files(taken) else { return Ok(()) };
        let verified = self.place.verify(&files.epoch);
        verified.map_err(|error| Unread::of(taken, &files.epoch.path, error))
    }

    /// A worker's records, fetched and looked at.
    fn source(&self, epoch: &Epoch<'_>, taken: &Taken<'_>) -> Result<Source<'static>, Unread> {
        let Taken { worker, part } = taken;
        let torn = |path: &str, what: &str| Unread::Torn(torn(worker.worker, path, &what));
        let Some(EpochFiles { requests, events, .. }) = self.found.files(taken) else {
            return Err(torn("its manifest", "it names no files of this epoch"));
        };
        let copied = |facts: &FileFacts| {
            let copied = self.place.copied(facts, self.folder);
            copied.map_err(|error| Unread::of(taken, &facts.path, error))
        };
        let slice = Slice::of(&part.head, worker.worker, &worker.name);
        let opened = Rows::opened(copied(requests)?, copied(events)?, &slice, part.origin_ns);
        let rows = opened.map_err(|error| match error {
            RowsError::File(error) => Unread::Failed(error.into()),
            error => {
                let Unreadable { path, what } = unreadable(&requests.path, &error);
                torn(&path, &what)
            }
        })?;
        if rows.origin_ns() != part.origin_ns {
            let what = "its load began at another moment than its manifest says";
            return Err(torn(&requests.path, what));
        }
        // By what its manifest says was decided whether there is memory for it.
        for (facts, found) in [(requests, rows.len()), (events, rows.events())] {
            if facts.rows != found {
                let what = format!("it has {found} rows, and its manifest says {}", facts.rows);
                return Err(torn(&facts.path, &what));
            }
        }
        let (path, shift) = (requests.path.clone(), epoch.shift(part));
        let whose = path.clone();
        let records =
            Box::new(rows.map(move |read| read.map_err(|error| unreadable(&whose, &error))));
        Ok(Source { worker: worker.worker, path, shift, records })
    }
}

/// Why a worker's file is not there to be read.
enum Unread {
    /// It is not what the worker put: the run goes on without it.
    Torn(Reason),
    /// Nobody can say.
    Failed(MergeError),
}

impl Unread {
    /// What an error of the place says of a file.
    fn of(taken: &Taken<'_>, path: &str, error: PlaceError) -> Self {
        match error {
            PlaceError::Missing(_) => {
                Self::Torn(torn(taken.worker.worker, path, &"it is not there"))
            }
            PlaceError::Changed { what, .. } => Self::Torn(torn(taken.worker.worker, path, &what)),
            error => Self::Failed(MergeError::Place(error)),
        }
    }
}

/// What is wrong with rows, and in which file where the error has one; the copy in which it was seen is nobody's.
fn unreadable(requests: &str, error: &RowsError) -> Unreadable {
    match error {
        RowsError::Damaged { path, what } => {
            Unreadable { path: path.display().to_string(), what: what.clone() }
        }
        RowsError::File(_) | RowsError::Request { .. } => {
            Unreadable { path: requests.to_owned(), what: error.to_string() }
        }
    }
}
