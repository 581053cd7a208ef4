//! Vector indexes in process as drivers: a query is a request, its neighbours a response.
//!
//! What does not live here: the data, the engines and their threads, which are
//! `crate::retrieval`'s.

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::recorder::Reply;
use crate::retrieval::bandwidth;
use crate::retrieval::cache::{Cache, Kept};
use crate::retrieval::corpus::Corpus;
use crate::retrieval::crew::Crew;
use crate::retrieval::demand::Demand;
use crate::retrieval::desk::{Desk, Exam, Index, Question};
use crate::retrieval::engines;
use crate::retrieval::growing::Growing;
use crate::retrieval::index::{Knobs, VectorIndex};
use crate::retrieval::inserter::Inserter;
use crate::retrieval::memory;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokgate_core::case::{Case, CaseId, DriverKind, Hnsw, Inserts};
use tokgate_core::failure::Failure;
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};

/// Data sets and their exact neighbours, kept between cases: the last one, and the last index over
/// it.
#[derive(Default)]
pub struct Corpora {
    last: Option<Arc<Corpus>>,
    built: Option<Built>,
    cache: Cache,
}

/// An index over the rows of the last data set.
struct Built {
    /// The case that it was built for.
    case: CaseId,
    driver: DriverKind,
    knobs: Knobs,
    index: Kept<Box<dyn VectorIndex>>,
    /// Bytes by which our resident memory grew with it.
    rss_bytes: Option<u64>,
}

impl Corpora {
    /// None yet; what is dear to make is looked for, and kept, in `cache`.
    #[must_use]
    pub fn with_cache(cache: Cache) -> Self {
        Self { cache, ..Self::default() }
    }

    /// Generates or reads the data, finds the exact neighbours and builds the index of a case, on all
    /// cores. What the last case left is used again where it fits: an index by cases that search it
    /// otherwise, while a case that is opened again has its own. What earlier runs left in the cache
    /// is read instead.
    ///
    /// # Errors
    /// When the case's numbers do not fit together, memory is short, or a file cannot be used.
    pub fn open(&mut self, case: &Case) -> Result<Searcher, OpenError> {
        let demand = Demand::of(case)?;
        let pool = all_cores()?;
        let exam = self.exam(&demand, &pool)?;
        if let Some(inserts) = demand.inserts {
            return self.growing(&demand, exam, inserts, &pool);
        }
        let kept = self.built.take().filter(|built| built.serves(case, demand.knobs));
        let index_kept = kept.is_some();
        let built = match kept {
            Some(built) => built,
            None => pool.install(|| Built::new(case, &demand, &exam.corpus, &self.cache))?,
        };
        let preparation = built.over(Preparation { index_kept, ..exam.preparation() });
        let index = built.index.value.tuned(demand.knobs);
        self.built = Some(built);
        let preparation = beside_memory(&demand, &*index, preparation, &exam.corpus);
        let identity = identify(&demand, &*index);
        let desk = Desk { exam, index: Index::Whole(index) };
        Searcher::start(&demand, desk, identity, preparation)
    }

    /// An index that rows are inserted into while it is searched: always its own, and never kept.
    fn growing(
        &mut self,
        demand: &Demand,
        exam: Exam,
        inserts: Inserts,
        pool: &rayon::ThreadPool,
    ) -> Result<Searcher, OpenError> {
        // That of an earlier case would take memory from what is measured.
        self.built = None;
        let (all, count) = (&exam.corpus.rows.vectors, demand.built());
        let first = Arc::new(all.first(count));
        let built = pool.install(|| engines::build_over(demand.driver, demand.knobs, &first))?;
        let preparation = Preparation {
            build_s: Some(built.made_s),
            index_bytes: Some(built.value.bytes()),
            ..exam.preparation()
        };
        let identity = identify(demand, &*built.value);
        let growing = Arc::new(Growing::new(built.value, Arc::clone(all), count));
        let inserter = Inserter::of(Arc::clone(&growing), inserts.rate);
        let desk = Desk { exam, index: Index::Growing { growing, inserter } };
        Searcher::start(demand, desk, identity, preparation)
    }

    /// The data of a case whose index is elsewhere, and what is asked of it.
    ///
    /// # Errors
    /// When memory is short, or a file cannot be used.
    pub(crate) fn data(&mut self, demand: &Demand) -> Result<Exam, OpenError> {
        // An index of an earlier case would take memory from what is measured.
        self.built = None;
        self.exam(demand, &all_cores()?)
    }

    fn exam(&mut self, demand: &Demand, pool: &rayon::ThreadPool) -> Result<Exam, OpenError> {
        let corpus = self.corpus(demand, pool)?;
        Ok(Exam { corpus, top_k: demand.top_k, truth_queries: demand.wanted.truth })
    }

    fn corpus(
        &mut self,
        demand: &Demand,
        pool: &rayon::ThreadPool,
    ) -> Result<Arc<Corpus>, OpenError> {
        // What does not fit is let go of first, so that its memory counts as available.
        let last = self.last.take().filter(|last| last.has_rows(&demand.wanted));
        self.built = self.built.take().filter(|_| last.is_some());
        demand.afford(demand.bytes(last.is_some()), memory::available())?;
        let corpus = match last {
            Some(last) if last.covers(&demand.wanted) => last,
            last => {
                let wanted = demand.wanted.clone();
                Arc::new(pool.install(|| Corpus::make(wanted, last.as_deref(), &self.cache))?)
            }
        };
        self.last = Some(Arc::clone(&corpus));
        Ok(corpus)
    }
}

impl Built {
    fn new(
        case: &Case,
        demand: &Demand,
        corpus: &Corpus,
        cache: &Cache,
    ) -> Result<Self, OpenError> {
        let before = memory::resident();
        let index = engines::open(demand, &corpus.rows.vectors, cache)?;
        let grown = memory::resident().zip(before).and_then(|(now, then)| now.checked_sub(then));
        let (case, driver, knobs) = (case.id.clone(), demand.driver, demand.knobs);
        Ok(Self { case, driver, knobs, index, rss_bytes: grown.filter(|bytes| *bytes > 0) })
    }

    /// What it took, over what the data took.
    fn over(&self, data: Preparation) -> Preparation {
        let Kept { value, made_s, load_s, cache } = &self.index;
        Preparation {
            build_s: Some(*made_s),
            load_s: *load_s,
            cache: *cache,
            index_bytes: Some(value.bytes()),
            index_rss_bytes: self.rss_bytes,
            ..data
        }
    }

    /// Whether it is the index of another case that searches it otherwise.
    fn serves(&self, case: &Case, knobs: Knobs) -> bool {
        let is_same = self.driver == case.target.driver && self.knobs.build_the_same(&knobs);
        is_same && self.case != case.id
    }
}

/// What each query scans, and how fast that can be read here and now. A filter leaves out as much as
/// it likes.
fn beside_memory(
    demand: &Demand,
    index: &dyn VectorIndex,
    preparation: Preparation,
    corpus: &Corpus,
) -> Preparation {
    let scan_bytes = index.scanned().filter(|_| demand.wanted.filter.is_none());
    let readers = (demand.size.members * demand.size.threads).min(cores());
    let read = || bandwidth::read(corpus.rows.vectors.values(), readers);
    Preparation { scan_bytes, read_bytes_s: scan_bytes.and_then(|_| read()), ..preparation }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A pool of our own: the global one may have been limited to one thread for the sake of an
/// embedded model.
pub(super) fn all_cores() -> Result<rayon::ThreadPool, OpenError> {
    rayon::ThreadPoolBuilder::new().num_threads(cores()).build().map_err(no_threads)
}

pub(super) fn no_threads(error: rayon::ThreadPoolBuildError) -> OpenError {
    OpenError::Unavailable(format!("threads cannot be started: {error}; lower `concurrency`"))
}

/// One index, ready to be searched.
pub struct Searcher {
    desk: Arc<Desk>,
    crew: Crew,
    identity: TargetIdentity,
    preparation: Preparation,
}

impl Searcher {
    fn start(
        demand: &Demand,
        desk: Desk,
        identity: TargetIdentity,
        preparation: Preparation,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            crew: Crew::start(demand.size).map_err(no_threads)?,
            identity,
            preparation,
            desk: Arc::new(desk),
        })
    }
}

fn identify(demand: &Demand, index: &dyn VectorIndex) -> TargetIdentity {
    let mut config = BTreeMap::from([
        ("entries".to_owned(), json!(demand.wanted.set.entries)),
        ("dimensions".to_owned(), json!(demand.wanted.set.dimensions)),
        ("kernel".to_owned(), json!(index.kernel())),
        ("threads".to_owned(), json!(demand.size.threads)),
        ("searchers".to_owned(), json!(demand.size.members)),
    ]);
    if demand.driver.rescores() {
        config.insert("rescore".to_owned(), json!(demand.knobs.rescore));
    }
    if demand.driver == DriverKind::IvfSq8 {
        config.insert("nprobe".to_owned(), json!(demand.knobs.probes));
    }
    config.extend(graph_facts(demand));
    config.extend(filter_facts(demand));
    if let Some(Inserts { rate, share }) = demand.inserts {
        config.insert("insert_rate".to_owned(), json!(rate));
        config.insert("insert_share".to_owned(), json!(share.value()));
    }
    TargetIdentity {
        platform: format!("retrieval-{}", index.name()),
        model: demand.wanted.name(),
        engine: index.engine(),
        quantization: Some(index.precision().to_owned()),
        config,
        ..TargetIdentity::default()
    }
}

/// The graph that is searched, among the settings of a target.
pub(super) fn graph_facts(demand: &Demand) -> impl Iterator<Item = (String, Value)> {
    demand.hnsw.into_iter().flat_map(|Hnsw { m, ef_construction, ef_search }| {
        let facts = [("m", m), ("ef_construction", ef_construction), ("ef_search", ef_search)];
        facts.map(|(key, number)| (key.to_owned(), json!(number)))
    })
}

/// What a filter is, among the settings of a target: other rows that pass are another measurement.
pub(super) fn filter_facts(demand: &Demand) -> impl Iterator<Item = (String, Value)> {
    let filter = demand.wanted.filter.into_iter();
    filter.flat_map(|filter| {
        let seed = ("filter_seed".to_owned(), json!(filter.seed));
        [("filter_share".to_owned(), json!(filter.share.value())), seed]
    })
}

impl Driver for Searcher {
    fn identity(&self) -> TargetIdentity {
        self.identity.clone()
    }

    fn preparation(&self) -> Preparation {
        self.preparation.clone()
    }

    /// The inserts end with the load.
    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        let inserted = match &self.desk.index {
            Index::Whole(_) => None,
            Index::Growing { inserter, .. } => inserter.end(),
        };
        let after = TargetAfter { inserted, ..TargetAfter::unchanged(self.identity()) };
        Box::pin(std::future::ready(after))
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let question = Question::of(&request.payload)?;
            let (desk, reply) = (Arc::clone(&self.desk), reply.clone());
            self.crew.ask(move || desk.answer(question, &reply)).await
        })
    }
}

#[cfg(test)]
#[path = "retrieval_tests.rs"]
mod tests;
