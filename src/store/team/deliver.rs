//! Bringing a run from the index of its folder to a team's store: only what is not there yet, each case in a
//! transaction of its own. However often it is done, the store has everything once.

use crate::store::database::at;
use crate::store::file_store::StoreError;
use crate::store::layout::Layout;
use crate::store::outbox::{Held, raw_files_of, refuse_unknown, waiting_for};
use crate::store::sql::Sql;
use crate::store::team::rows::{CaseName, Numbers, Rows, cases};
use crate::store::team::{For, Link, Team, TeamError, raw};
use crate::store::{digest, reader};
use std::collections::BTreeSet;
use std::ops::AddAssign;

/// Who puts rows down waits for who does at this moment: rows of machines are those of all runs.
pub(super) const IN_TURN: &str = "SELECT pg_advisory_xact_lock(32777612016743526)";

/// What was brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Runs that are there whole now.
    pub runs: usize,
    /// Epochs that were not there.
    pub epochs: usize,
    /// Cases that were not there, or otherwise.
    pub cases: usize,
    /// Files of raw lines that were not there, or otherwise.
    pub files: usize,
    /// Runs that somebody measures or delivers at this moment.
    pub busy: usize,
    /// What could not be brought, and why.
    pub left: Vec<String>,
}

impl AddAssign for Delivered {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.epochs += other.epochs;
        self.cases += other.cases;
        self.files += other.files;
        self.busy += other.busy;
        self.left.extend(other.left);
    }
}

/// Delivers what waits for this store, or the one run that is named, whether or not it waits.
///
/// # Errors
/// When the outbox or the folder's index cannot be read, or the store cannot be reached.
pub fn deliver(layout: &Layout, team: &Team, run: Option<&str>) -> Result<Delivered, StoreError> {
    let runs: Vec<String> = match run {
        Some(run) => vec![run.to_owned()],
        None => waiting_for(layout, &team.name())?,
    };
    if let Some(run) = run {
        refuse_unknown(layout, run)?;
    }
    bring(layout, team, &runs)
}

/// Notes runs of the folder, and delivers them: what cannot be delivered now waits.
///
/// # Errors
/// As [`deliver`].
pub fn bring(layout: &Layout, team: &Team, runs: &[String]) -> Result<Delivered, StoreError> {
    let mut delivered = Delivered::default();
    if runs.is_empty() {
        return Ok(delivered);
    }
    // Before anybody is asked, who may not answer; and not held, of which there may be thousands.
    for run in runs {
        drop(Held::note(layout, &team.name(), run)?);
    }
    let link = team.connect(For::Writing)?;
    for run in runs {
        match Held::note(layout, &team.name(), run)? {
            Some(held) => delivered += whole(layout, &link, run, held)?,
            None => delivered.busy += 1,
        }
    }
    Ok(delivered)
}

/// Delivers all of a run, and takes its note away when the store has it.
pub(super) fn whole(
    layout: &Layout,
    link: &Link,
    run: &str,
    held: Held,
) -> Result<Delivered, StoreError> {
    let mut delivered = all_of(layout, link, run)?;
    if delivered.left.is_empty() {
        held.done()?;
        delivered.runs = 1;
    }
    Ok(delivered)
}

/// Delivers rows and raw lines of a run; the note stays.
pub(super) fn all_of(layout: &Layout, link: &Link, run: &str) -> Result<Delivered, StoreError> {
    let mut delivered = rows_of(layout, link, run)?;
    for (test_id, path) in raw_files_of(layout, run)? {
        match raw::send(link, &test_id, &path) {
            Ok(is_new) => delivered.files += usize::from(is_new),
            Err(error) => delivered.note(&format!("the raw lines of {test_id}"), error)?,
        }
    }
    Ok(delivered)
}

/// Delivers what has rows of a run now.
pub(super) fn rows_of(layout: &Layout, link: &Link, run: &str) -> Result<Delivered, StoreError> {
    let index = reader::open(layout)?;
    let here = Sql::from(&index);
    let mut delivered = Delivered::default();
    for name in cases(&here, run).map_err(at(&layout.database()))? {
        match case(&here, link, &name) {
            Ok(Some(epochs)) => {
                delivered.epochs += epochs;
                delivered.cases += 1;
            }
            Ok(None) => {}
            Err(error) => {
                let error = StoreError::from(link.told(error));
                delivered.note(&name.told(), error)?;
            }
        }
    }
    Ok(delivered)
}

/// Brings a case, unless the same is there. Says how many epochs were not there.
fn case(here: &Sql<'_>, link: &Link, name: &CaseName) -> rusqlite::Result<Option<usize>> {
    let there = Sql::Team(link);
    let (mine, theirs) = (said(here, name)?, said(&there, name)?);
    let (tests, known) = (tests_of(here, name)?, tests_of(&there, name)?);
    let expected = digest::of(here, name.key())?;
    // Of a case that has not ended no digest stands there, and answers may have been taken out of its epochs.
    let is_same = match mine {
        Some(_) => mine == theirs,
        None => digest::of(&there, name.key())? == expected,
    };
    if is_same && known.is_superset(&tests) {
        return Ok(None);
    }
    let rows = Rows::read(here, name)?;
    link.transact("BEGIN", || {
        link.batch(IN_TURN)?;
        rows.put(&there, name, Numbers::Next)?;
        match digest::of(&there, name.key())? == expected {
            true => Ok(()),
            false => {
                let what = Rows::read(&there, name)?.differing(&rows).join("; ");
                Err(TeamError::NotTheSame { place: link.place().to_owned(), what }.inside())
            }
        }
    })?;
    Ok(Some(tests.difference(&known).count()))
}

/// The digest that stands beside a case.
fn said(sql: &Sql<'_>, name: &CaseName) -> rusqlite::Result<Option<String>> {
    let asked = "SELECT digest FROM cases WHERE run_id = ? AND case_id = ? AND arm = ?";
    Ok(sql.one(asked, &name.key().bound(), |row| row.get(0))?.flatten())
}

fn tests_of(sql: &Sql<'_>, name: &CaseName) -> rusqlite::Result<BTreeSet<String>> {
    let asked =
        "SELECT test_id FROM benchmark_results WHERE run_id = ? AND case_id = ? AND arm = ?";
    let all = sql.all(asked, &name.key().bound(), |row| row.get(0))?;
    Ok(all.into_iter().collect())
}

impl Delivered {
    /// Notes what could not be brought; a connection that is gone brings nothing further.
    fn note(&mut self, what: &str, error: StoreError) -> Result<(), StoreError> {
        match &error {
            StoreError::Team(why) if why.is_of_the_connection() => Err(error),
            _ => {
                self.left.push(format!("{what}: {error}"));
                Ok(())
            }
        }
    }
}
