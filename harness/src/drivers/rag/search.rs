//! The index over the passages: who searches it, and how much of what was found is right.

use crate::driver::OpenError;
use crate::drivers::retrieval::{all_cores, no_threads};
use crate::recorder::Reply;
use crate::retrieval::best::Neighbour;
use crate::retrieval::cache::Kept;
use crate::retrieval::crew::{Crew, Size};
use crate::retrieval::demand::{knobs, size};
use crate::retrieval::desk;
use crate::retrieval::engines::build_over;
use crate::retrieval::index::{Knobs, VectorIndex};
use crate::retrieval::truth::{Asked, Truth};
use crate::retrieval::vectors::Vectors;
use serde_json::{Value, json};
use std::sync::Arc;
use tokgate_core::case::{Case, DriverKind, Retrieval};
use tokgate_core::failure::Failure;
use tokgate_core::record::Hits;
use tokio::sync::oneshot;

/// Exact answers are found one after the other: they are not what is measured.
const GRADERS: Size = Size { members: 1, threads: 1 };

/// An index and its searchers.
pub(super) struct Search {
    rows: Arc<Vectors>,
    index: Arc<dyn VectorIndex>,
    engine: DriverKind,
    knobs: Knobs,
    top_k: usize,
    /// Questions, from the first on, whose passages are compared with the exact ones.
    truth_queries: u64,
    searchers: Crew,
    graders: Crew,
    /// Seconds that building it took.
    pub(super) build_s: f64,
}

impl Search {
    /// Builds the index on all cores, and starts the searchers of a case.
    ///
    /// # Errors
    /// When the engine refuses the vectors, or the system gives no more threads.
    pub(super) fn start(
        case: &Case,
        engine: DriverKind,
        retrieval: &Retrieval,
        rows: &Arc<Vectors>,
    ) -> Result<Self, OpenError> {
        // Passages are compared by the cosine.
        let knobs = knobs(retrieval, None);
        let Kept { value, made_s, .. } =
            all_cores()?.install(|| build_over(engine, knobs, rows))?;
        Ok(Self {
            rows: Arc::clone(rows),
            index: Arc::from(value),
            engine,
            knobs,
            top_k: retrieval.top_k as usize,
            truth_queries: retrieval.truth_queries.into(),
            build_s: made_s,
            searchers: Crew::start(size(case)).map_err(no_threads)?,
            graders: Crew::start(GRADERS).map_err(no_threads)?,
        })
    }

    /// The passages nearest to a question's vector, best first; `reply` is stamped when they are
    /// asked for and when they are found.
    ///
    /// # Errors
    /// When the engine refuses the vector.
    pub(super) async fn nearest(
        &self,
        vector: &[f32],
        reply: &Reply,
    ) -> Result<Vec<Neighbour>, Failure> {
        let (index, top_k) = (Arc::clone(&self.index), self.top_k);
        let (vector, on_reply) = (vector.to_vec(), reply.clone());
        reply.searching();
        let search = move || {
            let mut found = Vec::new();
            let searched = index.search(&vector, top_k, &mut found);
            on_reply.found();
            searched.map(|()| found).map_err(desk::failure)
        };
        self.searchers.ask(search).await
    }

    /// How much of what was found is right, worked out beside all else from now on; nothing where
    /// it is not checked.
    pub(super) fn grade(
        &self,
        ordinal: u64,
        vector: &[f32],
        found: &[Neighbour],
    ) -> impl Future<Output = Vec<Hits>> + use<> {
        let (answer, answered) = oneshot::channel();
        if ordinal < self.truth_queries {
            let (rows, vector, found) = (Arc::clone(&self.rows), vector.to_vec(), found.to_vec());
            self.graders.submit(move || {
                // Whoever asked may have gone.
                let _ = answer.send(graded(&rows, vector, &found));
            });
        }
        async move { answered.await.unwrap_or_default() }
    }

    /// Bytes of what is scanned.
    pub(super) fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    /// What stands in the identity of a target.
    pub(super) fn facts(&self) -> impl Iterator<Item = (String, Value)> {
        let rescores = self.engine.rescores().then_some(self.knobs.rescore);
        let probes = (self.engine == DriverKind::IvfSq8).then_some(self.knobs.probes);
        let facts = [
            ("index", json!(self.index.name())),
            ("index_engine", json!(self.index.engine())),
            ("kernel", json!(self.index.kernel())),
            ("top_k", json!(self.top_k)),
            ("rescore", json!(rescores)),
            ("nprobe", json!(probes)),
        ];
        facts.map(|(key, fact)| (key.to_owned(), fact)).into_iter()
    }
}

/// Against exact search over the same vectors.
fn graded(rows: &Vectors, vector: Vec<f32>, found: &[Neighbour]) -> Vec<Hits> {
    let Ok(query) = Vectors::new(rows.dimensions(), vector) else { return Vec::new() };
    let truth = Truth::find(rows, &query, 1);
    truth.hits(rows, Asked { number: 0, vector: query.row(0) }, found)
}
