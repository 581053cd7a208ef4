//! The rows that questions are asked about, remembered between two questions: reading all of them anew costs
//! far more than answering from them.
//!
//! What is remembered is of one moment of the index, and every question looks whether that moment has passed.
//! A row never changes once it is there but in what no question asks for: epochs are added behind the last
//! one, runs are taken out whole, and everything else makes another file. So the file, the number of its
//! epochs and the last of them tell the moment; epochs that were added are read alone.

use crate::store::identity::Identity;
use crate::store::question;
use crate::store::reading::{Reading, ReadingError};
use crate::store::sql::{Row, Sql};
use rusqlite::types::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokgate_core::choice::{Filter, Measured};
use tokgate_core::price::Prices;

/// Most epochs of an index whose rows are remembered: a row takes about a kilobyte.
const MOST: u64 = 100_000;

/// The rows that say something about a model, as [`Reading::measured`] has them without a filter. One that is
/// shared reads the index once for all who ask at the same time.
#[derive(Debug)]
pub struct Remembered {
    prices: Prices,
    most: u64,
    kept: Mutex<Option<Kept>>,
}

/// Rows, and the moment that they are of.
#[derive(Debug)]
struct Kept {
    moment: Moment,
    rows: Arc<Vec<Measured>>,
}

/// What tells whether an index is still as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Moment {
    /// None of a team's.
    file: Option<Identity>,
    epochs: u64,
    last: Option<Last>,
}

/// The epoch that was committed last.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Last {
    id: i64,
    test_id: String,
}

impl Remembered {
    /// Remembers nothing yet. Prices are told by `prices` where nothing was declared.
    #[must_use]
    pub fn new(prices: Prices) -> Self {
        Self::with_room_for(MOST, prices)
    }

    /// The same with room for the rows of so many epochs.
    #[must_use]
    pub fn with_room_for(epochs: u64, prices: Prices) -> Self {
        Self { prices, most: epochs, kept: Mutex::new(None) }
    }

    /// The rows as they are in the index now. Those of an index of very many epochs are not remembered.
    ///
    /// # Errors
    /// When the index cannot be read in time.
    pub fn rows(&self, reading: &Reading) -> Result<Arc<Vec<Measured>>, ReadingError> {
        // Before the lock is had nothing is read: whoever comes later sees what is at least as new.
        let mut kept = self.lock();
        let file = reading.identity()?;
        reading.at_once(|database| {
            let moment = Moment::of(database, file)?;
            // Taken out: what ends half way leaves nothing to be taken for whole.
            let now = match kept.take() {
                Some(kept) if kept.moment == moment => kept,
                Some(kept) => match kept.moment.added(database, &moment)? {
                    true => self.with_added(database, kept, moment)?,
                    false => self.anew(database, moment)?,
                },
                None => self.anew(database, moment)?,
            };
            let rows = Arc::clone(&now.rows);
            *kept = Some(now).filter(|now| now.moment.epochs <= self.most);
            Ok(rows)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn anew(&self, database: &Sql<'_>, moment: Moment) -> rusqlite::Result<Kept> {
        let rows = question::measured(database, &Filter::default(), &self.prices)?;
        Ok(Kept { moment, rows: Arc::new(rows) })
    }

    fn with_added(
        &self,
        database: &Sql<'_>,
        mut kept: Kept,
        moment: Moment,
    ) -> rusqlite::Result<Kept> {
        let behind = kept.moment.last.map_or(i64::MIN, |last| last.id);
        let added = question::added(database, behind, &self.prices)?;
        if !added.is_empty() {
            let rows = Arc::make_mut(&mut kept.rows);
            rows.extend(added);
            rows.sort_by(|a, b| (a.started_us, &a.test_id).cmp(&(b.started_us, &b.test_id)));
        }
        Ok(Kept { moment, rows: kept.rows })
    }
}

impl Moment {
    fn of(database: &Sql<'_>, file: Option<Identity>) -> rusqlite::Result<Self> {
        let count = "SELECT count(*) FROM benchmark_results";
        let epochs = database.number(count, &[])?;
        let last = "SELECT id, test_id FROM benchmark_results ORDER BY id DESC LIMIT 1";
        let read = |row: &Row<'_>| Ok(Last { id: row.get(0)?, test_id: row.get(1)? });
        let last = database.one(last, &[], read)?;
        Ok(Self { file, epochs, last })
    }

    /// Whether all that happened until `later`, the moment that `database` is of, is that epochs were added.
    fn added(&self, database: &Sql<'_>, later: &Self) -> rusqlite::Result<bool> {
        if self.file != later.file {
            return Ok(false);
        }
        let Some(last) = &self.last else { return Ok(true) };
        let named = "SELECT test_id FROM benchmark_results WHERE id = ?1";
        let named: Option<String> =
            database.one(named, &[Value::Integer(last.id)], |row| row.get(0))?;
        let behind = "SELECT count(*) FROM benchmark_results WHERE id > ?1";
        let behind = database.number(behind, &[Value::Integer(last.id)])?;
        Ok(named.as_ref() == Some(&last.test_id) && later.epochs == self.epochs + behind)
    }
}
