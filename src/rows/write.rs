//! Writing the rows of an epoch, beneath a folder, as they are to lie in the open.

use super::RowsError;
use super::cells::{of_events, of_request};
use super::epoch::{self, Facts};
use super::manifest::{EpochFiles, FileFacts};
use super::schema::{EPOCHS, EVENTS, REQUESTS};
use super::sheet::Sheet;
use super::slice::Slice;
use std::path::Path;
use tokgate_core::merge::Standing;
use tokgate_core::record::Record;
use tokgate_core::run::Run;

/// Events of one request at most: as many as fit the line that the request was before.
pub(super) const MOST_EVENTS: usize = 1 << 21;

/// The rows of one epoch in the making; of any length, in the memory of one group of rows.
pub struct EpochWriter {
    requests: Sheet,
    events: Sheet,
    origin_ns: u64,
    last: Option<Standing>,
}

impl EpochWriter {
    /// Begins the files of a slice beneath `folder`. From every time `origin_ns` is taken, the load's common
    /// beginning by the records' clock.
    ///
    /// # Errors
    /// When the folder takes no files.
    pub fn create(folder: &Path, slice: &Slice, origin_ns: u64) -> Result<Self, RowsError> {
        let sheet = |table| Sheet::create(folder, table, slice, origin_ns);
        Ok(Self { requests: sheet(&REQUESTS)?, events: sheet(&EVENTS)?, origin_ns, last: None })
    }

    /// Adds a request, which must not come before the one that was added last (phase, trial, ordinal).
    ///
    /// # Errors
    /// When it does, when a time or its number is more than 63 bits hold, or when the file cannot be written.
    pub fn push(&mut self, record: &Record) -> Result<(), RowsError> {
        let cannot = |what| RowsError::Request { ordinal: record.ordinal, what };
        let standing = Standing::of(record);
        if self.last.is_some_and(|last| last > standing) {
            return Err(cannot("it comes after one that it stands before".to_owned()));
        }
        if record.events.len() > MOST_EVENTS {
            return Err(cannot(format!("it has more than {MOST_EVENTS} events")));
        }
        self.last = Some(standing);
        self.requests.push(of_request(record, self.origin_ns).map_err(cannot)?)?;
        for event in of_events(record, self.origin_ns) {
            self.events.push(event.map_err(cannot)?)?;
        }
        Ok(())
    }

    /// Gives the files of the requests and of the events their names.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn close(self) -> Result<(FileFacts, FileFacts), RowsError> {
        Ok((self.requests.close()?, self.events.close()?))
    }
}

/// Writes all rows of an epoch beneath `folder`, each file where it is to lie in the open; what is there of the
/// same name is replaced.
///
/// # Errors
/// When a file cannot be written, or a request has a time that 63 bits do not hold.
pub fn write_epoch(
    folder: &Path,
    slice: &Slice,
    run: &Run,
    facts: &Facts<'_>,
) -> Result<EpochFiles, RowsError> {
    let mut records: Vec<&Record> = run.records.iter().collect();
    records.sort_by_key(|record| Standing::of(record));
    let mut writer = EpochWriter::create(folder, slice, facts.origin_ns)?;
    records.into_iter().try_for_each(|record| writer.push(record))?;
    let (requests, events) = writer.close()?;
    let mut about = Sheet::create(folder, &EPOCHS, slice, facts.origin_ns)?;
    about.push(epoch::cells(run, facts))?;
    Ok(EpochFiles { requests, events, epoch: about.close()? })
}
