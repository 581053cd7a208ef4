//! A store that keeps everything in its folder as ever, and has it pushed at the end of a run.

use crate::push::send::whole;
use crate::push::{PushError, Pushed, Server};
use crate::store::outbox::{Held, Receipt, Told, waiting_for};
use crate::store::{
    CaseEnd, EpochEnd, Journal, Layout, ListedEpoch, ListedRun, Rendered, Store, StoreError, Stored,
};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};
use tokgate_core::run::Head;
use tokgate_core::time::Offset;

/// How long the end of a run sends.
const FAREWELL: Duration = Duration::from_secs(120);
/// What brings what was not brought.
const LATER: &str = "`tokgate store deliver --push URL` or the end of the next run brings it";

/// The store.
pub struct Pushing {
    inner: Box<dyn Store + Send>,
    layout: Layout,
    server: Server,
    /// Runs that are noted; none where somebody else holds the note.
    noted: BTreeMap<String, Option<Held>>,
    receipt: Receipt,
}

impl Pushing {
    /// Has the runs of a store, which lie in `layout`, pushed from now on.
    #[must_use]
    pub fn start(inner: Box<dyn Store + Send>, layout: Layout, server: Server) -> (Self, Receipt) {
        let receipt = Receipt::default();
        let noted = BTreeMap::new();
        (Self { inner, layout, server, noted, receipt: receipt.clone() }, receipt)
    }

    /// Notes a run before anything of it is measured.
    fn note(&mut self, run_id: &str) -> Result<(), StoreError> {
        if !self.noted.contains_key(run_id) {
            let held = Held::note(&self.layout, self.server.place(), run_id)?;
            self.noted.insert(run_id.to_owned(), held);
        }
        Ok(())
    }

    /// Pushes the runs that are noted, and what else waits for the server.
    fn everything(&mut self) -> Result<Pushed, PushError> {
        let until = Some(Instant::now() + FAREWELL);
        let mut pushed = Pushed::default();
        while let Some((run, held)) = self.noted.pop_first() {
            match held {
                Some(held) => pushed += whole(&self.layout, &self.server, &run, held, until)?,
                None => pushed.busy += 1,
            }
        }
        for run in waiting_for(&self.layout, self.server.place())? {
            if let Some(held) = Held::note(&self.layout, self.server.place(), &run)? {
                pushed += whole(&self.layout, &self.server, &run, held, until)?;
            }
        }
        Ok(pushed)
    }

    fn farewell(&mut self) {
        let place = self.server.place().to_owned();
        let told = match self.everything() {
            Ok(Pushed { left, .. }) => match left.first() {
                None => Told::Delivered(place),
                Some(first) => {
                    let count = left.len();
                    Told::Waits(format!(
                        "{place} did not take everything ({count} in all; {first}): {LATER}"
                    ))
                }
            },
            Err(why) => Told::Waits(format!("not pushed: {why}; it is kept here, and {LATER}")),
        };
        // What is left is noted in the folder, and whoever comes next may hold it.
        self.noted.clear();
        self.receipt.say(told);
    }
}

impl Store for Pushing {
    fn begin(&mut self, head: &Head) -> Result<Journal, StoreError> {
        self.note(&head.run_id)?;
        self.inner.begin(head)
    }

    fn began(&mut self, test_id: &str, at: Offset, late_s: Option<f64>) {
        self.inner.began(test_id, at, late_s);
    }

    fn commit_epoch(&mut self, journal: Journal, end: &EpochEnd) -> Result<Stored, StoreError> {
        self.inner.commit_epoch(journal, end)
    }

    fn commit_case(&mut self, case: CaseEnd<'_>) -> Result<(), StoreError> {
        // Of a run that is gone on with, all epochs may be earlier ones.
        if let Some(first) = case.epochs.first() {
            self.note(&first.head.run_id)?;
        }
        self.inner.commit_case(case)
    }

    fn finish_run(&mut self, comparison: Rendered<'_>) -> Result<(), StoreError> {
        self.inner.finish_run(comparison)?;
        self.farewell();
        Ok(())
    }

    fn runs(&self, limit: usize) -> Result<Vec<ListedRun>, StoreError> {
        self.inner.runs(limit)
    }

    fn epochs(&self, limit: usize) -> Result<Vec<ListedEpoch>, StoreError> {
        self.inner.epochs(limit)
    }

    fn show(&self, id: &str) -> Result<Vec<Stored>, StoreError> {
        self.inner.show(id)
    }
}

impl fmt::Debug for Pushing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushing").field("server", &self.server).finish_non_exhaustive()
    }
}
