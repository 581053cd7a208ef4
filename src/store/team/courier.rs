//! Delivering while a run goes on: a thread of its own beside the load, which waits for nobody.
//!
//! It is told after each commit that there is something, and brings the few rows of it. Raw lines are brought
//! at the end of the run: the network is left to the load. Whoever waits for it does so at the end alone, and
//! not for ever; what was not brought then waits in the outbox.

use crate::store::outbox::{Held, Receipt, Told, waiting_for};
use crate::store::team::deliver::{Delivered, all_of, rows_of, whole};
use crate::store::team::{For, Link, Team, TeamError};
use crate::store::{
    CaseEnd, EpochEnd, FileStore, Journal, Layout, ListedEpoch, ListedRun, Rendered, Store,
    StoreError, Stored,
};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};
use tokgate_core::run::Head;

/// How long the end of a run waits for what is still to be brought.
const FAREWELL: Duration = Duration::from_secs(120);
/// How long a store that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(10);
/// Between the last tries to reach a store: a server is up again in seconds, or it is not.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// Words that wait; one more says nothing new.
const WORDS: usize = 64;

/// A store that keeps everything in its folder as ever, and has it delivered.
#[derive(Debug)]
pub struct Delivering {
    inner: FileStore,
    team: Team,
    words: SyncSender<Word>,
    noted: BTreeMap<String, Notes>,
    receipt: Receipt,
}

/// A run that is noted in the outbox; held by us, or left to somebody else.
#[derive(Debug)]
enum Notes {
    Ours,
    Others,
}

/// What the thread is told.
#[derive(Debug)]
enum Word {
    /// A run is noted, and the note is held.
    Noted(String, Held),
    /// Rows of a run were committed.
    Committed(String),
    /// A run has ended: everything is to be brought now.
    Ended(Sender<Result<Delivered, String>>),
}

impl Delivering {
    /// Has a store's runs delivered from now on.
    ///
    /// # Errors
    /// When this build cannot speak to the store, or no thread can be started.
    pub fn start(inner: FileStore, team: Team) -> Result<(Self, Receipt), StoreError> {
        Team::is_built_in()?;
        let (words, heard) = sync_channel(WORDS);
        let courier = Courier::new(inner.layout().clone(), team.clone());
        let started = std::thread::Builder::new()
            .name("courier".to_owned())
            .spawn(move || courier.run(&heard));
        started.map_err(|source| crate::store::atomic::FileError {
            doing: "start a thread that delivers from",
            path: inner.layout().root().to_owned(),
            source,
        })?;
        let receipt = Receipt::default();
        let noted = BTreeMap::new();
        Ok((Self { inner, team, words, noted, receipt: receipt.clone() }, receipt))
    }

    /// Notes a run before anything of it is measured.
    fn note(&mut self, run_id: &str) -> Result<(), StoreError> {
        if self.noted.contains_key(run_id) {
            return Ok(());
        }
        let notes = match Held::note(self.inner.layout(), &self.team.name(), run_id)? {
            Some(held) => {
                // Where nobody hears it, the note is let go of, and whoever delivers next finds it.
                match self.words.try_send(Word::Noted(run_id.to_owned(), held)) {
                    Ok(()) => Notes::Ours,
                    Err(_) => Notes::Others,
                }
            }
            None => Notes::Others,
        };
        self.noted.insert(run_id.to_owned(), notes);
        Ok(())
    }

    /// Says that there is something; a thread that is behind finds it anyway.
    fn committed(&self, run_id: &str) {
        if let Some(Notes::Ours) = self.noted.get(run_id) {
            let _ = self.words.try_send(Word::Committed(run_id.to_owned()));
        }
    }

    /// Waits until everything is there, and not for ever.
    fn farewell(&mut self) {
        let (sender, told) = channel();
        let is_heard = self.words.try_send(Word::Ended(sender)).is_ok();
        let place = self.team.place();
        let later = "`tokgate store deliver` or the end of the next run brings it";
        let text = match is_heard.then(|| told.recv_timeout(FAREWELL)) {
            Some(Ok(Ok(delivered))) => match delivered.left.first() {
                None => Told::Delivered(place),
                Some(first) => Told::Waits(format!(
                    "{place} did not take everything ({} in all; {first}): {later}",
                    delivered.left.len()
                )),
            },
            Some(Ok(Err(why))) => {
                Told::Waits(format!("not delivered: {why}; it is kept here, and {later}"))
            }
            Some(Err(_)) | None => Told::Waits(format!(
                "not delivered to {place} in time: it is kept here, and {later}"
            )),
        };
        self.receipt.say(text);
        // The thread has taken the notes away, so that what is measured further is noted again.
        self.noted.clear();
    }
}

impl Store for Delivering {
    fn begin(&mut self, head: &Head) -> Result<Journal, StoreError> {
        self.note(&head.run_id)?;
        self.inner.begin(head)
    }

    fn commit_epoch(&mut self, journal: Journal, end: &EpochEnd) -> Result<Stored, StoreError> {
        let stored = self.inner.commit_epoch(journal, end)?;
        self.committed(&stored.run.head.run_id);
        Ok(stored)
    }

    fn commit_case(&mut self, case: CaseEnd<'_>) -> Result<(), StoreError> {
        let Some(first) = case.epochs.first() else { return self.inner.commit_case(case) };
        // Of a run that is gone on with, all epochs may be earlier ones.
        self.note(&first.head.run_id)?;
        self.inner.commit_case(case)?;
        self.committed(&first.head.run_id);
        Ok(())
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

/// The thread.
struct Courier {
    layout: Layout,
    team: Team,
    link: Option<Link>,
    notes: BTreeMap<String, Held>,
    rest_until: Option<Instant>,
    is_told: bool,
}

impl Courier {
    fn new(layout: Layout, team: Team) -> Self {
        let (link, notes) = (None, BTreeMap::new());
        Self { layout, team, link, notes, rest_until: None, is_told: false }
    }

    fn run(mut self, heard: &Receiver<Word>) {
        while let Ok(word) = heard.recv() {
            match word {
                Word::Noted(run, held) => drop(self.notes.insert(run, held)),
                Word::Committed(run) => self.rows(&run),
                Word::Ended(sender) => {
                    self.rest_until = None;
                    let brought = self.everything_at_last();
                    // What is left is noted in the folder, and whoever comes next may hold it.
                    self.notes.clear();
                    // Who waited may have gone.
                    let _ = sender.send(brought.map_err(|error| error.to_string()));
                }
            }
        }
    }

    /// Brings rows while the run goes on. What fails is brought at its end.
    fn rows(&mut self, run: &str) {
        if self.rest_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        if let Err(error) = self.with_link(|layout, link| rows_of(layout, link, run)) {
            self.rest_until = Some(Instant::now() + PAUSE);
            if !self.is_told {
                self.is_told = true;
                tracing::warn!("{error}: what is measured is kept here, and is delivered later");
            }
        }
    }

    /// Brings everything; a server that is starting again at this moment is waited for.
    fn everything_at_last(&mut self) -> Result<Delivered, StoreError> {
        for pause in PAUSES {
            match self.everything() {
                Err(StoreError::Team(TeamError::Unreachable { .. } | TeamError::Lost { .. })) => {
                    std::thread::sleep(pause);
                }
                brought => return brought,
            }
        }
        self.everything()
    }

    /// Brings all of the runs that we hold, then what else waits for the store.
    fn everything(&mut self) -> Result<Delivered, StoreError> {
        let mut delivered = Delivered::default();
        while let Some((run, held)) = self.notes.pop_first() {
            delivered += self.with_link(|layout, link| whole(layout, link, &run, held))?;
        }
        let store = self.team.name();
        for run in waiting_for(&self.layout, &store)? {
            if let Some(held) = Held::note(&self.layout, &store, &run)? {
                let earlier = self.with_link(|layout, link| {
                    let brought = all_of(layout, link, &run)?;
                    if brought.left.is_empty() {
                        held.done()?;
                    }
                    Ok(brought)
                });
                delivered += earlier?;
            }
        }
        Ok(delivered)
    }

    /// Does something with the store; one that failed is connected to anew the next time.
    fn with_link<T>(
        &mut self,
        work: impl FnOnce(&Layout, &Link) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let link = match self.link.take().filter(Link::is_sound) {
            Some(link) => link,
            None => self.team.connect(For::Writing)?,
        };
        let done = work(&self.layout, &link)?;
        self.link = Some(link);
        Ok(done)
    }
}
