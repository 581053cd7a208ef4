//! Vector indexes in process as drivers: a query is a request, its neighbours a response.
//!
//! What does not live here: the data, the engines and their threads, which are
//! `crate::retrieval`'s.

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::recorder::Reply;
use crate::retrieval::cache::{Cache, Kept};
use crate::retrieval::corpus::Corpus;
use crate::retrieval::crew::Crew;
use crate::retrieval::demand::Demand;
use crate::retrieval::desk::{Desk, Exam, Index, Question};
use crate::retrieval::engines;
use crate::retrieval::growing::Growing;
use crate::retrieval::index::VectorIndex;
use crate::retrieval::inserter::Inserter;
use crate::retrieval::memory;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokgate_core::case::{Case, CaseId, DriverKind, Inserts};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};
use tokio::sync::oneshot;

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
        let kept = self.built.take().filter(|built| built.serves(case));
        let index_kept = kept.is_some();
        let built = match kept {
            Some(built) => built,
            None => pool.install(|| Built::new(case, &demand, &exam.corpus, &self.cache))?,
        };
        let preparation = built.over(Preparation { index_kept, ..exam.preparation() });
        let index = built.index.value.tuned(demand.knobs);
        self.built = Some(built);
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
        let (case, driver) = (case.id.clone(), demand.driver);
        Ok(Self { case, driver, index, rss_bytes: grown.filter(|bytes| *bytes > 0) })
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
    fn serves(&self, case: &Case) -> bool {
        self.driver == case.target.driver && self.case != case.id
    }
}

/// A pool of our own: the global one may have been limited to one thread for the sake of an
/// embedded model.
pub(super) fn all_cores() -> Result<rayon::ThreadPool, OpenError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new().num_threads(cores).build().map_err(no_threads)
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
            let (answer, answered) = oneshot::channel();
            let (desk, reply) = (Arc::clone(&self.desk), reply.clone());
            self.crew.submit(move || {
                // Abandoned while it waited: not searched at all.
                if !answer.is_closed() {
                    let _ = answer.send(guarded(|| desk.answer(question, &reply)));
                }
            });
            answered.await.unwrap_or_else(|_| Err(lost()))
        })
    }
}

/// A panic of the engine is that query's failure, and the thread goes on to the next.
fn guarded(search: impl FnOnce() -> Result<Answer, Failure>) -> Result<Answer, Failure> {
    catch_unwind(AssertUnwindSafe(search)).unwrap_or_else(|_| Err(lost()))
}

fn lost() -> Failure {
    Failure::new(FailureClass::Engine, "the search panicked; its message is on standard error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::driver::{Payload, WARMUP_QUERIES};
    use crate::retrieval::cache::Place;
    use crate::retrieval::fixture::{case, search};
    use futures_util::FutureExt;
    use tokgate_core::case::{Retrieval, Workload};
    use tokgate_core::dataset::Message;
    use tokgate_core::record::{EventKind, Hits, Neighbours};
    use tokgate_core::run::CacheUse;
    use tokgate_core::share::Share;

    fn query(index: u32) -> Request {
        Request { ordinal: 0, seed: 0, payload: Payload::Query { index } }
    }

    /// What was found; how long it took differs each time.
    async fn ask(searcher: &Searcher, index: u32) -> Neighbours {
        let reply = Reply::new(Clock::start());
        let answer = searcher.send(&query(index), &reply).await.unwrap();
        Neighbours { cpu_ns: None, ..answer.neighbours.unwrap() }
    }

    #[tokio::test]
    async fn a_query_leaves_one_content_event_its_end_and_its_hits() {
        let searcher = Corpora::default().open(&case(2000, 64)).unwrap();
        let reply = Reply::new(Clock::start());
        reply.sent();
        let answer = searcher.send(&query(0), &reply).await.unwrap();
        let stamps = reply.take();
        assert_eq!(stamps.events.len(), 1);
        assert_eq!(stamps.events[0].kind, EventKind::Content);
        assert!(stamps.events[0].at > stamps.sent && stamps.done == Some(stamps.events[0].at));
        let neighbours = answer.neighbours.unwrap();
        assert_eq!(neighbours.ids.len(), 10);
        assert_eq!(neighbours.cpu_ns.is_some(), cfg!(target_os = "linux"));
        assert_eq!(neighbours.hits, [Hits { k: 1, found: 1 }, Hits { k: 10, found: 10 }]);
    }

    #[tokio::test]
    async fn a_filtered_case_finds_rows_that_pass_and_says_so_and_shares_the_index() {
        let mut corpora = Corpora::default();
        drop(corpora.open(&case(2000, 64)).unwrap());
        for share in [0.1, 0.02] {
            let mut case = case(2000, 64);
            case.id = CaseId::new("retrieval", &format!("filtered {share}"), &[]);
            case.retrieval.as_mut().unwrap().filter_share = Share::of(share);
            let searcher = corpora.open(&case).unwrap();
            let filter = Demand::of(&case).unwrap().wanted.filter.unwrap();
            let neighbours = ask(&searcher, 0).await;
            assert!(neighbours.ids.iter().all(|row| filter.passes(*row)));
            assert_eq!(neighbours.hits, [Hits { k: 1, found: 1 }, Hits { k: 10, found: 10 }]);
            let config = searcher.identity().config;
            assert_eq!(
                (&config["filter_share"], &config["filter_seed"]),
                (&json!(share), &json!(42))
            );
            assert!(searcher.preparation().index_kept);
        }
    }

    #[tokio::test]
    async fn rows_come_in_while_queries_run_and_the_index_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), max_bytes: 1 << 30 };
        let mut corpora = Corpora::with_cache(Cache::at(place));
        for driver in [DriverKind::Flat, DriverKind::FlatQ4, DriverKind::IvfSq8] {
            let mut case = case(3000, 64);
            case.target.driver = driver;
            let search = case.retrieval.as_mut().unwrap();
            search.nprobe = Some(64);
            search.inserts = Some(Inserts { rate: 1_000_000, share: Share::of(0.2).unwrap() });
            let searcher = corpora.open(&case).unwrap();
            assert_eq!(searcher.preparation().cache, None);
            // Warming up inserts nothing, and what is held back is not found.
            let first = ask(&searcher, WARMUP_QUERIES).await;
            assert!(
                first.ids.iter().all(|row| *row < 2400)
                    && searcher.after().await.inserted.is_none()
            );
            let (mut all, mut right, mut asked) = (Vec::new(), 0, 0);
            while !all.iter().any(|row| *row >= 2400) {
                for query in 0..50 {
                    let found = ask(&searcher, query).await;
                    right += found.hits.iter().map(|hits| hits.found).sum::<u32>();
                    asked += found.hits.iter().map(|hits| hits.k).sum::<u32>();
                    all.extend(found.ids);
                }
            }
            assert!(f64::from(right) >= 0.98 * f64::from(asked), "{driver:?}: {right} of {asked}");
            let inserted = searcher.after().await.inserted.unwrap();
            assert!((1..=600).contains(&inserted.rows) && inserted.seconds > 0.0);
            assert_eq!(searcher.identity().config["insert_rate"], json!(1_000_000));
        }
        let still = corpora.open(&case(3000, 64)).unwrap();
        assert!(!still.preparation().index_kept);
        assert_eq!(still.preparation().cache, Some(CacheUse::Miss));
    }

    #[tokio::test]
    async fn only_queries_with_a_truth_have_hits() {
        let searcher = Corpora::default().open(&case(500, 64)).unwrap();
        assert_eq!(ask(&searcher, 49).await.hits.len(), 2);
        assert!(ask(&searcher, 50).await.hits.is_empty());
        assert!(ask(&searcher, WARMUP_QUERIES).await.hits.is_empty());
    }

    #[tokio::test]
    async fn queries_come_again_after_the_last_and_warm_up_is_apart() {
        let searcher = Corpora::default().open(&case(500, 64)).unwrap();
        assert_eq!(ask(&searcher, 3).await, ask(&searcher, 103).await);
        assert_eq!(
            ask(&searcher, WARMUP_QUERIES + 3).await,
            ask(&searcher, WARMUP_QUERIES + 13).await
        );
        assert_ne!(ask(&searcher, 3).await.ids, ask(&searcher, WARMUP_QUERIES + 3).await.ids);
    }

    #[tokio::test]
    async fn many_queries_at_once_are_all_answered() {
        let mut case = case(500, 64);
        case.workload = Workload::closed(3, 2, 40, 0);
        let searcher = Corpora::default().open(&case).unwrap();
        let answers = futures_util::future::join_all((0..40).map(|i| ask(&searcher, i))).await;
        assert!(answers.iter().all(|answer| answer.ids.len() == 10));
    }

    #[tokio::test]
    async fn an_abandoned_query_that_still_waits_is_not_searched() {
        let searcher = Corpora::default().open(&case(500, 64)).unwrap();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        searcher.crew.submit(move || {
            let _ = blocked.recv();
        });
        let (abandoned, reply) = (query(0), Reply::new(Clock::start()));
        assert!(searcher.send(&abandoned, &reply).now_or_never().is_none());
        drop(release);
        // Queued after it, so that its turn has passed when this one is answered.
        ask(&searcher, 1).await;
        assert!(reply.take().events.is_empty());
    }

    #[tokio::test]
    async fn a_prompt_is_refused() {
        let searcher = Corpora::default().open(&case(500, 64)).unwrap();
        let payload = Payload::Prompt {
            messages: vec![Message::user("hello")],
            max_tokens: 1,
            temperature: 0.0,
        };
        let reply = Reply::new(Clock::start());
        let request = Request { payload, ..query(0) };
        let failure = searcher.send(&request, &reply).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Engine);
        assert!(reply.take().events.is_empty());
    }

    #[test]
    fn a_panic_of_the_engine_is_the_failure_of_that_query() {
        let failure = guarded(|| panic!("planted")).unwrap_err();
        assert_eq!(failure.class, FailureClass::Engine);
    }

    #[test]
    fn cases_over_the_same_data_share_it_and_others_do_not() {
        let mut corpora = Corpora::default();
        let mut data = |change: fn(&mut Case)| {
            let mut case = case(500, 64);
            change(&mut case);
            Arc::clone(&corpora.open(&case).unwrap().desk.exam.corpus)
        };
        let first = data(|_| ());
        assert!(Arc::ptr_eq(&first, &data(|case| case.target.driver = DriverKind::Flat)));
        let more = data(|case| {
            case.retrieval = Some(Retrieval { truth_queries: 90, ..search() });
        });
        assert_eq!((first.truth.value.len(), more.truth.value.len()), (50, 90));
        assert!(Arc::ptr_eq(&first.rows.vectors, &more.rows.vectors));
        let other = data(|case| case.run.seed = 43);
        assert!(!Arc::ptr_eq(&first.rows.vectors, &other.rows.vectors));
    }

    #[test]
    fn cases_that_search_an_index_otherwise_share_it_and_epochs_build_their_own() {
        let mut corpora = Corpora::default();
        let mut prepared = |name: &str, change: fn(&mut Case)| {
            let mut case = case(500, 64);
            case.id = CaseId::new("retrieval", name, &[]);
            change(&mut case);
            corpora.open(&case).unwrap().preparation()
        };
        let rescore_20 = |case: &mut Case| {
            case.retrieval = Some(Retrieval { rescore: 20, ..search() });
        };
        let first = prepared("first", |_| ());
        let other = prepared("second", rescore_20);
        assert_eq!((first.index_kept, other.index_kept), (false, true));
        assert_eq!(first.build_s, other.build_s, "the time that building took");
        assert!(!prepared("first", |case| case.target.driver = DriverKind::IvfSq8).index_kept);
        assert!(!prepared("first", |case| case.target.driver = DriverKind::IvfSq8).index_kept);
        assert!(prepared("third", |case| case.target.driver = DriverKind::IvfSq8).index_kept);
        let other_rows = |case: &mut Case| {
            case.target.driver = DriverKind::IvfSq8;
            case.run.seed = 43;
        };
        assert!(!prepared("fourth", other_rows).index_kept);
    }

    #[test]
    fn a_later_run_reads_the_index_and_says_how_long_building_it_took() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().to_owned(), max_bytes: 1 << 30 };
        let mut corpora = Corpora::with_cache(Cache::at(place.clone()));
        let first = corpora.open(&case(500, 64)).unwrap().preparation();
        assert_eq!((first.cache, first.truth_cache), (Some(CacheUse::Miss), Some(CacheUse::Miss)));
        // The same case again has its own index, which was kept by now.
        let again = corpora.open(&case(500, 64)).unwrap().preparation();
        assert_eq!((again.cache, again.index_kept), (Some(CacheUse::Hit), false));
        let mut later = Corpora::with_cache(Cache::at(place));
        let later = later.open(&case(500, 64)).unwrap().preparation();
        assert_eq!((later.cache, later.truth_cache), (Some(CacheUse::Hit), Some(CacheUse::Hit)));
        assert_eq!((later.build_s, later.truth_s), (first.build_s, first.truth_s));
        assert!(first.load_s.is_none() && later.load_s > Some(0.0));
    }

    #[test]
    fn it_says_who_it_is_and_what_was_prepared() {
        let searcher = Corpora::default().open(&case(500, 64)).unwrap();
        let identity = searcher.identity();
        assert_eq!(identity.platform, "retrieval-flat-q4");
        assert_eq!(identity.model, "mixture-500x64-seed42");
        assert_eq!(identity.engine, "turbovec 1.1.2");
        assert_eq!(identity.config["rescore"], json!(30));
        let preparation = searcher.preparation();
        assert!(preparation.build_s > Some(0.0) && preparation.generate_s > Some(0.0));
        assert!(preparation.index_bytes > Some(500 * 32) && preparation.truth_s > Some(0.0));
        assert_eq!((preparation.cache, preparation.load_s), (Some(CacheUse::Off), None));
        assert_eq!(preparation.model_load_s, None);
    }
}
