//! Kept for good: the raw lines of every epoch, and the database that indexes them.
//!
//! The JSON lines under `raw/` are the truth. The database says nothing that [`rebuild()`] could
//! not say again from them, and [`FileStore`] derives its rows from what it reads back, so that
//! the two cannot drift apart.
//!
//! What does not live here, on purpose: rendering (reports hand in their text, [`atomic::write`]
//! puts it down) and judgement (verdicts are handed in as they were decided).

mod alert;
mod alone;
mod analysis;
pub mod atomic;
mod backup;
pub mod begun;
mod case;
mod cell;
mod check;
mod columns;
mod comparison;
pub mod database;
mod digest;
mod epoch;
mod exported;
mod file_store;
mod fingerprint;
mod histogram;
mod identity;
pub mod ids;
mod imported;
mod index;
pub mod journal;
pub mod layout;
mod line;
mod listing;
mod machine;
pub mod outbox;
pub mod pages;
mod past;
mod purge;
mod question;
mod reader;
mod reading;
mod rebuild;
mod remembered;
mod report_page;
mod schema;
mod sql;
mod standing;
pub mod stored;
mod tables;
pub mod team;
mod trash;
mod vacuum;
mod verdict;

pub use backup::{BackedUp, backup};
pub use begun::{Asked, Begun, BegunError, Measuring, Setting};
pub use case::summary;
pub use check::{Checked, Depth, Fault, Finding, check};
pub use comparison::Rendered;
pub use database::{Database, DatabaseError};
pub use exported::Exported;
pub use file_store::{FileStore, Found, StoreError};
pub use fingerprint::Fingerprint;
pub use ids::{EpochName, run_id};
pub use imported::{Kept, KeptImport, imported_run};
pub use journal::{Journal, JournalError};
pub use layout::Layout;
pub use listing::{ListedEpoch, ListedRun};
pub use past::{Past, PastOf};
pub use purge::{Purged, purge, rehearse_purge};
pub use question::Taken;
pub use reading::{Reading, ReadingError};
pub use rebuild::{RebuildReport, Skipped, rebuild};
pub use remembered::Remembered;
pub use report_page::report_page;
pub use stored::{ReadError, Stored, read, read_bytes};
pub use tables::schema_markdown;
pub use trash::{Move, Trashed, rehearse, remove};
pub use vacuum::{Vacuumed, vacuum};
pub use verdict::StoredVerdict;

use tokgate_core::run::{ClientCost, Ending, Head, Run, TargetAfter};
use tokgate_core::summary::Summary;
use tokgate_core::time::Offset;
use tokgate_core::validity::Validity;
use tokgate_core::verdict::Judged;

/// How an epoch ended, and whether it may be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochEnd {
    /// How it ended.
    pub ending: Ending,
    /// Whether it may be judged.
    pub validity: Validity,
    /// The target afterwards.
    pub after: Option<TargetAfter>,
    /// What the load cost us.
    pub client: Option<ClientCost>,
}

/// Everything decided about one case on one side of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct CaseEnd<'a> {
    /// Its epochs as [`Store::commit_epoch`] gave them back, in order; at least one.
    pub epochs: &'a [Run],
    /// Whether each of them may be judged.
    pub validity: &'a [Validity],
    /// What they say together; [`summary()`] of them.
    pub summary: &'a Summary,
    /// What the judge said; empty without a baseline.
    pub verdicts: &'a [Judged],
}

/// Where measurements are kept. Synchronous, and small enough for a second database to follow.
///
/// A caller announces an epoch or a case only after the matching `commit` came back: by then the
/// raw lines are on the disk and the row is committed.
pub trait Store {
    /// Opens the journal of a new epoch; the harness appends to it while it measures.
    fn begin(&mut self, head: &Head) -> Result<Journal, StoreError>;

    /// When the load of the epoch of this test id began by the epoch's clock, and how late that was, seconds,
    /// where it was to begin with others. Told before its commit; of no use where nothing is shared.
    fn began(&mut self, _test_id: &str, _at: Offset, _late_s: Option<f64>) {}

    /// Ends the journal, reads it back and commits its row. Gives back what was read: the truth
    /// from which everything further is computed.
    fn commit_epoch(&mut self, journal: Journal, end: &EpochEnd) -> Result<Stored, StoreError>;

    /// Appends the verdicts to the last epoch's journal and commits the case's rows.
    fn commit_case(&mut self, case: CaseEnd<'_>) -> Result<(), StoreError>;

    /// Writes what is made from all runs together; for the end of a run. `comparison` is what is
    /// said of all tests side by side.
    fn finish_run(&mut self, comparison: Rendered<'_>) -> Result<(), StoreError>;

    /// The runs, newest first.
    fn runs(&self, limit: usize) -> Result<Vec<ListedRun>, StoreError>;

    /// The epochs, newest first.
    fn epochs(&self, limit: usize) -> Result<Vec<ListedEpoch>, StoreError>;

    /// The raw epochs of a run, or the one epoch of a test id, in the order of their commit. Of a run,
    /// those are left out that were cut off and measured again.
    fn show(&self, id: &str) -> Result<Vec<Stored>, StoreError>;
}
