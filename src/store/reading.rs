//! Short reads of the index, each within a time: for whoever answers strangers for as long as it runs.
//!
//! One is opened for each question and closed behind it. A connection that is kept would go on reading the
//! file that a rebuild has replaced, and would remove the new one's log with its own.

use crate::store::atomic::doing;
use crate::store::database::at;
use crate::store::file_store::{Lock, StoreError, lock_file, try_lock};
use crate::store::identity::Identity;
use crate::store::layout::Layout;
use crate::store::listing::{ListedEpoch, ListedRun};
use crate::store::pages::{
    self, Alerts, CaseOfRun, Counted, ListedAlert, ListedCase, ListedMachine, Page, Point, Points,
    Runs, Slice,
};
use crate::store::sql::Sql;
use crate::store::team::{Borrowed, Team, TeamError};
use crate::store::{question, reader};
use rusqlite::{Connection, ErrorCode};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tokgate_core::choice::{Filter, Measured};
use tokgate_core::price::Prices;

/// So many steps of SQLite's machine lie between two looks at the clock: below a millisecond.
const STEPS: i32 = 10_000;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// It took too long.
    #[error("the answer took longer than it may")]
    TooSlow,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The index, open for the questions of one moment. Nothing can be written by it.
#[derive(Debug)]
pub struct Reading {
    opened: Opened,
    layout: Layout,
    // Where the folder may not be written to, nobody rebuilds it either.
    _shared: Option<Lock>,
}

/// What is asked.
#[derive(Debug)]
enum Opened {
    File(Connection),
    Team(Borrowed),
}

impl Opened {
    fn sql(&self) -> Sql<'_> {
        match self {
            Self::File(connection) => connection.into(),
            Self::Team(link) => Sql::Team(link),
        }
    }
}

impl Reading {
    /// Opens the index; all that is read by it together takes at most so long.
    ///
    /// # Errors
    /// When there is none, it is not ours, or it is being made anew.
    pub fn open(layout: &Layout, within: Duration) -> Result<Self, ReadingError> {
        match layout.team() {
            Some(team) => Self::of_team(team, layout, within),
            None => Self::of_file(layout, within),
        }
    }

    fn of_team(team: &Team, layout: &Layout, within: Duration) -> Result<Self, ReadingError> {
        let link = team.borrow(within).map_err(StoreError::from)?;
        Ok(Self { opened: Opened::Team(link), layout: layout.clone(), _shared: None })
    }

    fn of_file(layout: &Layout, within: Duration) -> Result<Self, ReadingError> {
        let shared = match lock_file(layout) {
            Ok(lock) => Some(lock),
            Err(error) if is_refused(error.source.kind()) => None,
            Err(error) => return Err(StoreError::from(error).into()),
        };
        if let Some(lock) = &shared {
            let by = "by `tokgate rebuild` or `tokgate db`";
            try_lock(lock.try_lock_shared(), layout, by)?;
        }
        let connection = reader::open(layout).map_err(StoreError::from)?;
        let end = Instant::now() + within;
        let bounded = connection
            .busy_timeout(within)
            .and_then(|()| connection.progress_handler(STEPS, Some(move || Instant::now() > end)));
        let opened = Opened::File(connection);
        let reading = Self { opened, layout: layout.clone(), _shared: shared };
        reading.read(|_| bounded)?;
        Ok(reading)
    }

    /// The rows that say something about a model, as [`crate::store::FileStore::measured`] has them.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn measured(
        &self,
        filter: &Filter,
        prices: &Prices,
    ) -> Result<Vec<Measured>, ReadingError> {
        self.read(|database| question::measured(database, filter, prices))
    }

    /// The runs that tokgate measured, newest first.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn runs(&self, which: &Runs, slice: &Slice) -> Result<Page<ListedRun>, ReadingError> {
        self.read(|database| pages::runs(database, which, slice))
    }

    /// The run of this name.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn run(&self, run_id: &str) -> Result<Option<ListedRun>, ReadingError> {
        self.read(|database| pages::run(database, run_id))
    }

    /// The epochs of a run, at most so many.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn epochs_of_run(
        &self,
        run_id: &str,
        limit: u32,
    ) -> Result<Vec<ListedEpoch>, ReadingError> {
        self.read(|database| pages::epochs_of_run(database, run_id, limit))
    }

    /// The cases of a run with what was said of them, at most so many.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn cases_of_run(&self, run_id: &str, limit: u32) -> Result<Vec<CaseOfRun>, ReadingError> {
        self.read(|database| pages::cases_of_run(database, run_id, limit))
    }

    /// The cases that tokgate measured, by name.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn cases(&self, slice: &Slice) -> Result<Page<ListedCase>, ReadingError> {
        self.read(|database| pages::cases(database, slice))
    }

    /// One case with what was measured and said of it, in the latest runs first.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn case(&self, case_id: &str, slice: &Slice) -> Result<Page<CaseOfRun>, ReadingError> {
        self.read(|database| pages::case(database, case_id, slice))
    }

    /// What each VALID epoch said of a metric, newest first.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn points(&self, which: &Points, slice: &Slice) -> Result<Page<Point>, ReadingError> {
        self.read(|database| pages::points(database, which, slice))
    }

    /// What was worth an alert, newest first.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn alerts(&self, which: &Alerts, slice: &Slice) -> Result<Page<ListedAlert>, ReadingError> {
        self.read(|database| pages::alerts(database, which, slice))
    }

    /// How many epochs there are of each sort.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn counted(&self) -> Result<Vec<Counted>, ReadingError> {
        self.read(pages::counted)
    }

    /// The machines that were measured.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn machines(&self) -> Result<Vec<ListedMachine>, ReadingError> {
        self.read(pages::machines)
    }

    /// Which file it is, of a file; while this is open, nobody puts another one in its place.
    pub(super) fn identity(&self) -> Result<Option<Identity>, ReadingError> {
        if let Opened::Team(_) = self.opened {
            return Ok(None);
        }
        let path = self.layout.database();
        let identity = Identity::of(&path).map_err(doing("look at", &path));
        Ok(Some(identity.map_err(StoreError::from)?))
    }

    /// Does several reads of one moment of the index.
    pub(super) fn at_once<T>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, ReadingError> {
        self.read(|database| database.at_once(work))
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, ReadingError> {
        work(&self.opened.sql()).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted | ErrorCode::DatabaseBusy) => {
                ReadingError::TooSlow
            }
            _ => match TeamError::of(error) {
                Ok(TeamError::TooSlow(_)) => ReadingError::TooSlow,
                Ok(error) => StoreError::from(error).into(),
                Err(error) => StoreError::from(at(&self.layout.database())(error)).into(),
            },
        })
    }
}

fn is_refused(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::FileStore;

    const LONG: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                        SELECT count(*) FROM n";

    fn store() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        drop(FileStore::open(layout.clone()).unwrap());
        (folder, layout)
    }

    #[test]
    fn what_takes_too_long_is_ended_and_said_so() {
        let (_folder, layout) = store();
        let reading = Reading::open(&layout, Duration::from_millis(20)).unwrap();
        let ended = reading.read(|database| database.number(LONG, &[]));
        assert!(matches!(ended, Err(ReadingError::TooSlow)), "{ended:?}");
    }

    #[test]
    fn nothing_can_be_written_and_nothing_is_left_behind() {
        let (folder, layout) = store();
        let reading = Reading::open(&layout, Duration::from_secs(9)).unwrap();
        assert!(reading.read(|database| database.execute("DELETE FROM runs", &[])).is_err());
        assert_eq!(reading.counted().unwrap(), []);
        drop(reading);
        assert!(!folder.path().join("tokgate.sqlite-wal").exists());
    }

    #[test]
    fn a_rebuild_is_let_by_between_two_questions_and_waited_for() {
        let (_folder, layout) = store();
        drop(Reading::open(&layout, Duration::from_secs(9)).unwrap());
        let alone = lock_file(&layout).unwrap();
        alone.try_lock().unwrap();
        let refused = Reading::open(&layout, Duration::from_secs(9));
        let in_use = matches!(refused, Err(ReadingError::Store(StoreError::InUse { .. })));
        assert!(in_use, "{refused:?}");
    }
}
