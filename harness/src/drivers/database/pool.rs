//! The connections on which queries are asked: as many as are in flight at once.

use super::Database;
use crate::http::Moments;
use crate::retrieval::best::Neighbour;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokgate_core::failure::Failure;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Connections that wait for their next query. One whose query failed or was abandoned does not
/// come back, and a new one takes its place; the time to make it is the next query's.
pub(super) struct Pool<D: Database> {
    database: Arc<D>,
    places: Semaphore,
    free: Mutex<Vec<D::Line>>,
}

/// A connection in use.
pub(super) struct Taken<'a, D: Database> {
    line: D::Line,
    database: &'a D,
    _place: SemaphorePermit<'a>,
}

impl<D: Database> Pool<D> {
    /// Makes all the connections, so that no query pays for them.
    ///
    /// # Errors
    /// When one cannot be made.
    pub(super) async fn filled(database: Arc<D>, connections: usize) -> Result<Self, Failure> {
        let mut free = Vec::with_capacity(connections);
        for _ in 0..connections {
            free.push(ready(&*database).await?);
        }
        Ok(Self { database, places: Semaphore::new(connections), free: Mutex::new(free) })
    }

    /// Whose connections they are.
    pub(super) fn database(&self) -> &D {
        &self.database
    }

    /// A connection; waits for its turn where all are in use, and the wait counts.
    ///
    /// # Errors
    /// When a new one is needed and cannot be made.
    pub(super) async fn take(&self) -> Result<Taken<'_, D>, Failure> {
        let place = self.places.acquire().await.expect("the semaphore is never closed");
        let waiting = self.free().pop();
        let line = match waiting {
            Some(line) => line,
            None => ready(&*self.database).await?,
        };
        Ok(Taken { line, database: &*self.database, _place: place })
    }

    /// Takes a connection back whose query is answered.
    pub(super) fn take_back(&self, taken: Taken<'_, D>) {
        self.free().push(taken.line);
    }

    fn free(&self) -> MutexGuard<'_, Vec<D::Line>> {
        // Whoever panicked has left whole connections behind.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Database> Taken<'_, D> {
    /// When its question and answer went and came.
    pub(super) fn moments(&self) -> &Moments {
        D::moments(&self.line)
    }

    /// Asks a query.
    pub(super) async fn search(
        &mut self,
        query: &[f32],
        top_k: usize,
    ) -> Result<Vec<Neighbour>, Failure> {
        self.database.search(&mut self.line, query, top_k).await
    }
}

async fn ready<D: Database>(database: &D) -> Result<D::Line, Failure> {
    let mut line = database.connect().await?;
    database.ready(&mut line).await?;
    Ok(line)
}
