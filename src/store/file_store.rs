//! The store of one results folder: journals in `raw/`, their index in SQLite.

use crate::store::atomic::{self, FileError, doing};
use crate::store::begun::BegunError;
use crate::store::database::{Database, DatabaseError, PATIENCE};
use crate::store::ids::is_plain;
use crate::store::imported::{self, Kept, KeptImport};
use crate::store::index::{Index, Raw};
use crate::store::journal::{Journal, JournalError, private};
use crate::store::layout::{Layout, make_folder};
use crate::store::listing::{ListedEpoch, ListedRun};
use crate::store::standing::{is_whole, standing};
use crate::store::stored::{self, First, ReadError, Stored};
use crate::store::team::TeamError;
use crate::store::verdict::StoredVerdict;
use crate::store::{
    CaseEnd, EpochEnd, Rendered, Store, analysis, case, comparison, epoch, listing, question,
    rebuild,
};
use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::Value;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use tokgate_core::case::CaseId;
use tokgate_core::choice::{Coverage, Filter, Measured, Quantity, best_by, coverage};
use tokgate_core::compared::ComparedTests;
use tokgate_core::imported::Imported;
use tokgate_core::price::Prices;
use tokgate_core::run::{Arm, Head};

/// Why something was not kept, or cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Writing the raw lines.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Reading the raw lines.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The index.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A team's store.
    #[error(transparent)]
    Team(#[from] TeamError),
    /// What a run was asked.
    #[error(transparent)]
    Begun(#[from] BegunError),
    /// Somebody measures the run.
    #[error(
        "run {run_id} is being measured by {by}: wait until that has ended, or name another run"
    )]
    Measured {
        /// The run.
        run_id: String,
        /// By whom.
        by: String,
    },
    /// Somebody else needs the store for themselves, or we do.
    #[error("{} is in use {by}: try again when that has ended", path.display())]
    InUse {
        /// The lock.
        path: PathBuf,
        /// By whom.
        by: &'static str,
    },
    /// An epoch, where a whole run is asked for.
    #[error(
        "`{test_id}` is one epoch of the run {run_id}: name the run, which is kept or taken out whole"
    )]
    OneEpoch {
        /// The epoch.
        test_id: String,
        /// Its run.
        run_id: String,
    },
    /// A file is where another one is to be put.
    #[error("{} is there already, and nothing is overwritten: move it away, or name another file", .0.display())]
    Taken(PathBuf),
    /// A result of another tool, where epochs are asked for.
    #[error(
        "`{test_id}` was measured by {tool} and imported: it has no requests to look at, and nothing is \
         judged by it; `tokgate show` tells what it says"
    )]
    Imported {
        /// The result.
        test_id: String,
        /// Who measured it.
        tool: String,
    },
    /// An epoch whose rows are all that there is.
    #[error("{} is neither there nor in `trash/`, so that its rows could not be made again: `tokgate rebuild` makes an index without it, and keeps this one", .0.display())]
    Lost(PathBuf),
    /// No such run or epoch.
    #[error("no run and no epoch is called `{0}`: `tokgate list` names them")]
    Unknown(String),
}

/// The store of one results folder. Any number of processes may have it open; each thread opens
/// its own.
#[derive(Debug)]
pub struct FileStore {
    layout: Layout,
    index: Index,
    // Held for as long as the store is open: a rebuild waits for nobody and replaces nothing
    // under anybody.
    // There is none where the folder takes no writes, and so nobody replaces anything.
    _shared: Option<Lock>,
}

impl FileStore {
    /// Opens the store, and makes it where there is none. Where its folder takes no writes, it is opened to
    /// be read; so is a team's store.
    ///
    /// # Errors
    /// As [`FileStore::open_to_write`].
    pub fn open(layout: Layout) -> Result<Self, StoreError> {
        if let Some(team) = layout.team() {
            let index = Index::Team(team.borrow(PATIENCE)?);
            return Ok(Self { layout, index, _shared: None });
        }
        match Self::open_to_write(layout.clone()) {
            Err(StoreError::File(error)) if error.is_refusal() => {
                Self::open_to_read(layout).map_err(|_| error.into())
            }
            result => result,
        }
    }

    fn open_to_read(layout: Layout) -> Result<Self, StoreError> {
        let index = Index::File(Database::open_to_read(&layout)?);
        Ok(Self { layout, index, _shared: None })
    }

    /// Opens the store, and makes it where there is none. An index that was lost is not made
    /// anew in silence: that is what `rebuild` is for.
    ///
    /// # Errors
    /// When the folder takes no writes, or its index is lost, damaged, or not ours.
    pub fn open_to_write(layout: Layout) -> Result<Self, StoreError> {
        layout.create()?;
        let shared = lock_file(&layout)?;
        try_lock(shared.try_lock_shared(), &layout, "by `tokgate rebuild` or `tokgate db`")?;
        // In this order: another process may be making both right now, the index first.
        let has_results = !layout.raw_files()?.is_empty();
        let path = layout.database();
        let mut database = match has_results && !path.exists() {
            true => return Err(DatabaseError::Missing(path).into()),
            false => Database::open_or_create(&path)?,
        };
        if database.was_older() {
            rebuild::fill_in(&mut database, &layout)?;
        }
        Ok(Self { layout, index: Index::File(database), _shared: Some(shared) })
    }

    /// Where everything lies.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The runs that measured pairs of base and head and began since then, microseconds since 1970,
    /// oldest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn paired_runs(&self, since_us: i64) -> Result<Vec<String>, StoreError> {
        self.index.read(|database| listing::paired_runs(database, since_us))
    }

    /// The tests that may be compared with each other, in the order in which they began.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn compared(&self) -> Result<ComparedTests, StoreError> {
        self.index.read(comparison::find)
    }

    /// The rows that say something about a model and that a filter takes, in the order in which they
    /// began: VALID ones with a measured window, of no simulation and no retrieval. Prices are told by
    /// `prices` where nothing was declared. [`tokgate_core::choice`] answers questions about them.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn measured(&self, filter: &Filter, prices: &Prices) -> Result<Vec<Measured>, StoreError> {
        self.index.read(|database| question::measured(database, filter, prices))
    }

    /// The `limit` best of these rows by a quantity, the best first; rows without it are left out.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn best_by(
        &self,
        quantity: Quantity,
        filter: &Filter,
        prices: &Prices,
        limit: usize,
    ) -> Result<Vec<Measured>, StoreError> {
        Ok(best_by(self.measured(filter, prices)?, quantity, limit))
    }

    /// What was measured so far, and what is missing of what the catalogue of `prices` knows. Time is
    /// microseconds since 1970.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn coverage(&self, prices: &Prices, now_us: i64) -> Result<Coverage, StoreError> {
        let rows = self.measured(&Filter::default(), prices)?;
        Ok(coverage(&rows, &prices.catalogue, now_us))
    }

    /// Writes the comparison of all tests, as the end of a run does.
    ///
    /// # Errors
    /// When the index cannot be read, or the file cannot be written.
    pub fn write_comparison(&mut self, rendered: Rendered<'_>) -> Result<(), StoreError> {
        let layout = &self.layout;
        match &mut self.index {
            Index::File(file) => {
                Ok(file.write(|database| comparison::write(database, layout, rendered))??)
            }
            Index::Team(_) => {
                let text = rendered(&self.compared()?);
                make_folder(&layout.reports())?;
                Ok(atomic::write(&layout.comparison_file(), text.as_bytes())?)
            }
        }
    }

    /// Keeps a result of another tool, unless it is there already. When this comes back, it is
    /// durable: its file in `raw/`, and its rows.
    ///
    /// # Errors
    /// When the index cannot be read, or the file or the rows cannot be written.
    pub fn keep_imported(&mut self, result: &Imported) -> Result<Kept, StoreError> {
        if let Some(test_id) = self.known_import(result)? {
            return Ok(Kept::Known(test_id));
        }
        let kept = imported::named(result, Timestamp::now().as_microsecond());
        // Whoever was killed between file and row left the file.
        let kept = imported::left(&self.layout, &kept)?.unwrap_or(kept);
        imported::write(&self.layout, &kept)?;
        self.index.file_mut()?.write(|database| imported::put(database, &kept, None))?;
        Ok(Kept::New(kept.test_id))
    }

    /// The test id of a result of another tool, where it is kept already.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn known_import(&self, result: &Imported) -> Result<Option<String>, StoreError> {
        self.index.read(|database| imported::known(database, result))
    }

    /// How many results of other tools there are.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn imported_count(&self) -> Result<u64, StoreError> {
        self.index.read(listing::imported)
    }

    /// The result of another tool of this test id or run; `None` where it is none.
    ///
    /// # Errors
    /// When the index or its file cannot be read.
    pub fn imported(&self, id: &str) -> Result<Option<KeptImport>, StoreError> {
        let ids = self.index.read(|database| listing::test_ids(database, id))?;
        // The index may have come from elsewhere: no path is made of what is not a plain name.
        let [test_id] = ids.as_slice() else { return Ok(None) };
        if !is_plain(test_id) {
            return Ok(None);
        }
        match Raw::of(self).first(test_id)? {
            First::Imported(kept) => Ok(Some(*kept)),
            First::Epoch(..) => Ok(None),
        }
    }

    /// Every benchmark of the index in one document: what `analysis/summary.json` holds.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn analysis(&self) -> Result<Value, StoreError> {
        self.index.read(analysis::analysis)
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Writes rows in one transaction.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        Ok(self.index.file_mut()?.write(work)?)
    }

    /// SQLite's thorough look at every page, index and reference; a team's store is looked after by its
    /// server.
    ///
    /// # Errors
    /// When something is not sound.
    pub fn look_through(&self) -> Result<(), StoreError> {
        match &self.index {
            Index::File(database) => Ok(database.check()?),
            Index::Team(_) => Ok(()),
        }
    }
}

impl Store for FileStore {
    fn begin(&mut self, head: &Head) -> Result<Journal, StoreError> {
        Ok(Journal::create(&self.layout.raw(), head)?)
    }

    fn commit_epoch(&mut self, journal: Journal, end: &EpochEnd) -> Result<Stored, StoreError> {
        let path = journal.finish(end)?;
        let stored = stored::read(&path)?;
        self.index.file_mut()?.write(|database| epoch::put(database, &stored, None))?;
        Ok(stored)
    }

    fn commit_case(&mut self, case: CaseEnd<'_>) -> Result<(), StoreError> {
        let verdicts = self.keep_verdicts(case)?;
        let put = |database: &_| case::put(database, case, &verdicts);
        Ok(self.index.file_mut()?.write(put)?)
    }

    fn finish_run(&mut self, comparison: Rendered<'_>) -> Result<(), StoreError> {
        write_together(self.index.file_mut()?, &self.layout, comparison)
    }

    fn runs(&self, limit: usize) -> Result<Vec<ListedRun>, StoreError> {
        self.index.read(|database| listing::runs(database, limit))
    }

    fn epochs(&self, limit: usize) -> Result<Vec<ListedEpoch>, StoreError> {
        self.index.read(|database| listing::epochs(database, limit))
    }

    fn show(&self, id: &str) -> Result<Vec<Stored>, StoreError> {
        let ids = self.index.read(|database| listing::test_ids(database, id))?;
        // The index may have come from elsewhere: no path is made of what is not a plain name.
        if ids.is_empty() || !ids.iter().all(|id| is_plain(id)) {
            return Err(StoreError::Unknown(id.to_owned()));
        }
        let epochs = ids.iter().map(|id| self.epoch(id)).collect::<Result<_, _>>()?;
        Ok(standing(epochs, |epoch: &Stored| &epoch.run))
    }
}

/// Writes what is made from all runs together. Both are of one moment of the index.
pub(super) fn write_together(
    database: &mut Database,
    layout: &Layout,
    rendered: Rendered<'_>,
) -> Result<(), StoreError> {
    let both = |database: &Connection| {
        let written = analysis::write(database, layout)?;
        Ok(written.and(comparison::write(database, layout, rendered)?))
    };
    Ok(database.write(both)??)
}

/// An epoch of a run that is gone on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its case.
    pub case: CaseId,
    /// Its side.
    pub arm: Arm,
    /// Its number.
    pub number: u32,
    /// Its raw lines.
    pub path: PathBuf,
    /// Whether it was measured to its end.
    pub whole: bool,
}

impl FileStore {
    /// What there is of a run, in the order in which it was measured. An epoch that a process was
    /// killed in before it had a row gets one; one whose raw lines cannot be read is left out with a
    /// note.
    ///
    /// # Errors
    /// When the index cannot be read or written.
    pub fn gather(&mut self, run_id: &str) -> Result<(Vec<Found>, Vec<String>), StoreError> {
        let indexed = self.index.read(|database| listing::test_ids(database, run_id))?;
        let (mut found, mut notes) = (Vec::new(), Vec::new());
        for path in self.layout.raw_files()? {
            let Ok(First::Epoch(head, _)) = rebuild::first_of(&path) else { continue };
            if head.run_id != run_id {
                continue;
            }
            match stored::read(&path) {
                Ok(stored) => {
                    if !indexed.contains(&head.test_id) {
                        self.index
                            .file_mut()?
                            .write(|database| epoch::put(database, &stored, None))?;
                    }
                    let (case, whole) = (head.case.id.clone(), is_whole(&stored.run));
                    let one = Found { case, arm: head.arm, number: head.epoch, path, whole };
                    found.push((head.started_us, one));
                }
                Err(why) => notes.push(format!("left out: {why}")),
            }
        }
        found.sort_by(|(a, one), (b, other)| (a, &one.path).cmp(&(b, &other.path)));
        Ok((found.into_iter().map(|(_, one)| one).collect(), notes))
    }

    fn epoch(&self, test_id: &str) -> Result<Stored, StoreError> {
        let raw = Raw::of(self);
        match raw.first(test_id)? {
            First::Imported(kept) => {
                Err(StoreError::Imported { test_id: kept.test_id, tool: kept.result.source.tool })
            }
            First::Epoch(..) => raw.whole(test_id),
        }
    }

    /// Appends the verdicts to the journal of the last epoch and reads back what it now says.
    fn keep_verdicts(&self, case: CaseEnd<'_>) -> Result<Vec<StoredVerdict>, StoreError> {
        let Some(last) = case.epochs.last().filter(|_| !case.verdicts.is_empty()) else {
            return Ok(Vec::new());
        };
        let path = self.layout.raw_file(&last.head.test_id);
        let verdicts: Vec<StoredVerdict> = case.verdicts.iter().map(StoredVerdict::from).collect();
        Journal::reopen(&path, &last.head)?.append_verdicts(&verdicts)?;
        Ok(stored::read(&path)?.verdicts)
    }
}

/// The lock's file, which is nothing but a lock. It is let go of by name: a child that is being
/// started at that moment has the file open, too, until it has become another program.
#[derive(Debug)]
pub(super) struct Lock(pub(super) File);

impl std::ops::Deref for Lock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Where that fails, closing the file does it.
        let _ = self.0.unlock();
    }
}

/// Opens the lock's file.
pub(super) fn lock_file(layout: &Layout) -> Result<Lock, FileError> {
    let path = layout.lock();
    private().read(true).create(true).open(&path).map(Lock).map_err(doing("open", &path))
}

/// A lock that was had, or the reason why not.
pub(super) fn try_lock(
    result: Result<(), TryLockError>,
    layout: &Layout,
    by: &'static str,
) -> Result<(), StoreError> {
    match result {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: layout.lock(), by }),
        Err(TryLockError::Error(error)) => Err(doing("lock", &layout.lock())(error).into()),
    }
}
