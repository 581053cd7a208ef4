//! The passages with their vectors, embedded by the model that will embed the questions: bounded in
//! number, in batches, and kept for the next case that asks for the same.

use super::passages::texts;
use crate::clock::Clock;
use crate::driver::OpenError;
use crate::drivers::embeddings::Service;
use crate::recorder::Reply;
use crate::retrieval::space::unit;
use crate::retrieval::vectors::Vectors;
use crate::stop::Stop;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;
use tokgate_core::case::Passages;
use tokgate_core::failure::Failure;

/// Passages of one request: every server takes as many.
const BATCH: usize = 32;
/// Requests at once, so that a server that batches is not kept waiting.
const AT_ONCE: usize = 4;

/// What is embedded, and by whom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) passages: Passages,
    pub(super) seed: u64,
    /// Address, model and everything else that vectors depend on.
    pub(super) embedder: String,
}

/// Passages, searchable.
pub(super) struct Shelf {
    wanted: Wanted,
    pub(super) texts: Vec<String>,
    pub(super) rows: Arc<Vectors>,
    /// Seconds that embedding them took.
    pub(super) embed_s: f64,
}

/// The shelves of one invocation: the last one.
#[derive(Default)]
pub struct Library(Option<Arc<Shelf>>);

impl Library {
    /// The shelf that is wanted, embedded by `service` where it is not there already.
    ///
    /// # Errors
    /// When there are fewer passages than `least`, the server fails, or a stop is asked for.
    pub(super) async fn shelf(
        &mut self,
        wanted: Wanted,
        service: &Service,
        least: u32,
        stop: &Stop,
    ) -> Result<Arc<Shelf>, OpenError> {
        let kept = self.0.take().filter(|shelf| shelf.wanted == wanted);
        let shelf = match kept {
            Some(shelf) => shelf,
            None => Arc::new(Shelf::fill(wanted, service, stop).await?),
        };
        if shelf.texts.len() < least as usize {
            return Err(OpenError::Invalid(format!(
                "top_k = {least} of {} passages; ask for fewer, or give more",
                shelf.texts.len()
            )));
        }
        self.0 = Some(Arc::clone(&shelf));
        Ok(shelf)
    }
}

impl Shelf {
    async fn fill(wanted: Wanted, service: &Service, stop: &Stop) -> Result<Self, OpenError> {
        let texts = texts(&wanted.passages, wanted.seed)?;
        tracing::info!("embedding {} passages", texts.len());
        let clock = Clock::start();
        let vectors = tokio::select! {
            vectors = embedded(&texts, service) => vectors.map_err(unembedded)?,
            () = stop.requested() => {
                let message = "stopped while passages were embedded".to_owned();
                return Err(OpenError::Unavailable(message));
            }
        };
        let embed_s = clock.now().seconds();
        let rows = rows(vectors)?;
        Ok(Self { wanted, texts, rows, embed_s })
    }
}

/// The vectors of all texts, in their order.
async fn embedded(texts: &[String], service: &Service) -> Result<Vec<Vec<f32>>, Failure> {
    let batches = texts.chunks(BATCH).map(|batch| async move {
        let reply = Reply::new(Clock::start());
        service.embed(batch, &reply).await.map(|came| came.vectors)
    });
    let vectors: Vec<Vec<Vec<f32>>> = stream::iter(batches).buffered(AT_ONCE).try_collect().await?;
    Ok(vectors.into_iter().flatten().collect())
}

fn rows(vectors: Vec<Vec<f32>>) -> Result<Arc<Vectors>, OpenError> {
    let rows: Vec<Vec<f32>> = vectors.into_iter().map(unit).collect();
    let width = rows.first().map_or(0, Vec::len);
    let values = rows.into_iter().flatten().collect();
    let refused = |error| OpenError::Invalid(format!("the passages' vectors: {error}"));
    Vectors::new(width, values).map(Arc::new).map_err(refused)
}

fn unembedded(failure: Failure) -> OpenError {
    let advice =
        "the passages are embedded before anything is measured; fewer are `passages = 100`";
    OpenError::Unreachable { failure, advice: advice.to_owned() }
}
