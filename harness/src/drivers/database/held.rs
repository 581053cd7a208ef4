//! Our collection in a database: whatever happens, it is removed when it is let go of.

use super::Database;
use std::sync::Arc;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};
use tokio::time::timeout;

/// How long removing may take. A database that needs longer hangs, and the next run removes it.
const LONGEST_REMOVAL: Duration = Duration::from_secs(30);

/// A collection, or the intention to make one.
pub(super) struct Held<D: Database> {
    pub(super) database: Arc<D>,
    /// Stays connected for as long as the collection is ours: a name that nobody bears any more is
    /// that of a run that was killed.
    pub(super) presence: D::Line,
    /// Whether there may be something to remove.
    pub(super) is_made: bool,
}

impl<D: Database> Held<D> {
    /// Nothing is made yet.
    pub(super) fn new(database: Arc<D>, presence: D::Line) -> Self {
        Self { database, presence, is_made: false }
    }
}

impl<D: Database> Drop for Held<D> {
    /// Removes it on a thread with a runtime of its own: ours may be the one that we are dropped
    /// on, or gone.
    fn drop(&mut self) {
        if !self.is_made {
            return;
        }
        let database = Arc::clone(&self.database);
        let removal = std::thread::spawn(move || removed(&*database));
        let outcome = removal.join().unwrap_or_else(|_| Err(hung()));
        if let Err(failure) = outcome {
            let address = self.database.address().shown();
            tracing::warn!(
                "our vectors at {address} could not be removed ({failure}); the next run does so"
            );
        }
    }
}

fn removed<D: Database>(database: &D) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(FailureClass::ClientLimit, error.to_string()))?;
    runtime.block_on(async {
        let removal = async {
            let mut line = database.connect().await?;
            database.remove(&mut line).await
        };
        timeout(LONGEST_REMOVAL, removal).await.unwrap_or_else(|_| Err(hung()))
    })
}

fn hung() -> Failure {
    let limit = LONGEST_REMOVAL.as_secs();
    Failure::new(FailureClass::TimeoutTotal, format!("no end within {limit} s"))
}
