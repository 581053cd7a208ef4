//! One epoch as all workers sent it, put together in the store.

use crate::session::size;
use crate::store::{self, EpochEnd, EpochName, Store, StoreError, Stored, ids};
use tokgate_core::case::Case;
use tokgate_core::merge::{Broken, Epoch, Next, Ordered, Shift, Tally};
use tokgate_core::record::Record;
use tokgate_core::run::{Head, Run};
use tokgate_core::validity::{Reason, assess};

/// Said of a source whose records are in no order.
const DISORDERED: &str = "a request comes before one that belongs in front of it";
/// Said of a time that no clock shows.
const NO_TIME: &str = "a request was at no time that can be told";

/// The records of one worker.
pub struct Source<'a> {
    /// The worker's number.
    pub worker: u32,
    /// Where its requests lie.
    pub path: String,
    /// From its clock to that of all.
    pub shift: Shift,
    /// The records, in the order of the plan, on its own clock; or why there are no further ones.
    pub records: Box<dyn Iterator<Item = Result<Record, Unreadable>> + 'a>,
}

/// A file that is not what its worker put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which of the worker's files: where it lies.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

/// Puts the records of `sources` together as one epoch of the store and computes what they say, as of any other.
/// `lost` is what could not be had; `files` the digest of what the run is merged from. When this comes back, the
/// epoch is durable.
///
/// # Errors
/// When it cannot be kept.
pub fn keep(
    store: &mut dyn Store,
    epoch: &Epoch<'_>,
    files: &str,
    sources: Vec<Source<'_>>,
    lost: Vec<Reason>,
) -> Result<Stored, StoreError> {
    let head = named(epoch.head(String::new(), files));
    let mut journal = store.begin(&head)?;
    let found = passing(epoch, &head.case, sources, &mut |record| journal.append_request(record))?;
    let found = lost.into_iter().chain(found).collect();
    let telemetry = epoch.telemetry();
    for sample in &telemetry {
        journal.append_telemetry(sample)?;
    }
    let records = store::read(journal.path())?.run.records;
    let (ending, after, client) = (epoch.ending(), epoch.after(), epoch.client());
    let run = Run { head, records, telemetry, ending, after, client };
    let validity = epoch.validity(&assess(&run), found);
    let end = EpochEnd { validity, ending: run.ending, after: run.after, client };
    // The store reads them again: they are held once.
    drop(run.records);
    store.commit_epoch(journal, &end)
}

/// Hands on the records of all `sources`, on the clock of all and in the order of the plan, and says what is wrong
/// with them.
pub(super) fn passing<E>(
    epoch: &Epoch<'_>,
    case: &Case,
    sources: Vec<Source<'_>>,
    hand: &mut dyn FnMut(&Record) -> Result<(), E>,
) -> Result<Vec<Reason>, E> {
    let (mut tally, mut found) = (Tally::of(case, epoch.of), Vec::new());
    let whose: Vec<(u32, String)> =
        sources.iter().map(|source| (source.worker, source.path.clone())).collect();
    for next in Ordered::new(sources.into_iter().map(on_the_clock_of_all)) {
        match next {
            Ok(Next { source, record }) => {
                tally.saw(whose[source].0, &record);
                hand(&record)?;
            }
            Err(Broken { source, why }) => {
                let (worker, path) = whose[source].clone();
                let disordered = || Unreadable { path, what: DISORDERED.to_owned() };
                let Unreadable { path, what } = why.unwrap_or_else(disordered);
                found.push(Reason::TornFile { worker, path, what });
            }
        }
    }
    found.extend(tally.reasons());
    Ok(found)
}

/// The head under a name of its own.
fn named(head: Head) -> Head {
    let size = size(&head.case);
    let name = EpochName {
        platform: &head.target.platform,
        model: &head.target.model,
        size: &size,
        started_us: head.started_us,
    };
    Head { test_id: name.test_id(ids::tail()), ..head }
}

fn on_the_clock_of_all(source: Source<'_>) -> impl Iterator<Item = Result<Record, Unreadable>> {
    let Source { path, shift, records, .. } = source;
    records.map(move |record| {
        let no_time = || Unreadable { path: path.clone(), what: NO_TIME.to_owned() };
        shift.record(record?).ok_or_else(no_time)
    })
}
