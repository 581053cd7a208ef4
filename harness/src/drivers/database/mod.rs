//! Vector databases as drivers: the rows are sent first, the index is built there, and each query
//! goes over a connection of its own. Recall is counted here, against our own exact neighbours.
//!
//! What does not live here: what a database is told in its own language, which is that database's
//! file; the data and the exact neighbours, which are `crate::retrieval`'s.

mod address;
mod held;
mod http;
mod name;
mod pgvector;
mod pool;
mod prepare;
mod progress;
mod redis;
#[cfg(test)]
mod tests;

use super::retrieval::{Corpora, filter_facts, graph_facts};
use crate::driver::{Answer, Driver, OpenError, Request};
use crate::http::{Deadlines, Moments, within};
use crate::recorder::Reply;
use crate::retrieval::best::Neighbour;
use crate::retrieval::demand::Demand;
use crate::retrieval::desk::{self, Exam, Found, Question};
use crate::retrieval::index::check_query;
use crate::retrieval::vectors::Vectors;
use crate::stop::Stop;
use address::Address;
use futures_util::future::BoxFuture;
use held::Held;
use pool::Pool;
use progress::Progress;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokgate_core::case::{Case, DriverKind};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::EventKind;
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};

/// Opens the database of a case: connects, sends the rows, and has the index built.
///
/// # Errors
/// When it is not there, refuses the rows or the index, or a stop is asked for. What was created
/// by then is removed again.
pub async fn open(
    case: &Case,
    corpora: &mut Corpora,
    stop: &Stop,
) -> Result<Arc<dyn Driver>, OpenError> {
    let asked = Asked { case, demand: Demand::of(case)?, deadlines: Deadlines::of(case) };
    match case.target.driver {
        DriverKind::Pgvector => opened(pgvector::Pgvector::of(&asked)?, asked, corpora, stop).await,
        DriverKind::Redis => opened(redis::Redis::of(&asked)?, asked, corpora, stop).await,
        DriverKind::VectorHttp => opened(http::Http::of(&asked)?, asked, corpora, stop).await,
        other @ (DriverKind::Auto
        | DriverKind::Embedded
        | DriverKind::Openai
        | DriverKind::Ollama
        | DriverKind::Batch
        | DriverKind::Simulated
        | DriverKind::Flat
        | DriverKind::FlatQ4
        | DriverKind::IvfSq8
        | DriverKind::Hnsw
        | DriverKind::Custom) => {
            Err(OpenError::Invalid(format!("driver `{}` is no database", other.as_str())))
        }
    }
}

/// A case, in the words of this module.
struct Asked<'a> {
    case: &'a Case,
    demand: Demand,
    deadlines: Deadlines,
}

/// A vector database, and our collection in it.
trait Database: Send + Sync + Sized + 'static {
    /// A connection on which one question at a time is asked. Dropped, it is closed.
    type Line: Send + Sync + 'static;

    /// Where it listens.
    fn address(&self) -> &Address;

    /// Adds whose clock stamped its answers, where there were any.
    fn put_stamps_into(&self, identity: &mut TargetIdentity);

    /// Connects, under our collection's name, so that others see whose it is.
    fn connect(&self) -> BoxFuture<'_, Result<Self::Line, Failure>>;

    /// What it says of itself.
    fn identify<'a>(&'a self, line: &'a mut Self::Line) -> BoxFuture<'a, Result<Said, Failure>>;

    /// Removes the collections of runs that are no more.
    fn sweep<'a>(&'a self, line: &'a mut Self::Line) -> BoxFuture<'a, Result<(), Failure>>;

    /// Makes the collection and stores the rows in it, each under its number.
    fn ingest<'a>(
        &'a self,
        line: &'a mut Self::Line,
        rows: &'a Vectors,
        progress: Progress,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Builds the index; false where there was nothing to build.
    fn build<'a>(&'a self, line: &'a mut Self::Line) -> BoxFuture<'a, Result<bool, Failure>>;

    /// How far the building is, in words, where the database says so.
    fn building<'a>(
        &'a self,
        line: &'a mut Self::Line,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>>;

    /// Bytes of what is searched, where the database says so.
    fn bytes<'a>(&'a self, line: &'a mut Self::Line)
    -> BoxFuture<'a, Result<Option<u64>, Failure>>;

    /// Makes a connection ready to be asked, once the index is there.
    fn ready<'a>(&'a self, line: &'a mut Self::Line) -> BoxFuture<'a, Result<(), Failure>>;

    /// When the bytes of a connection's question and answer went and came.
    fn moments(line: &Self::Line) -> &Moments;

    /// The nearest rows, best first, as the database names them.
    fn search<'a>(
        &'a self,
        line: &'a mut Self::Line,
        query: &'a [f32],
        top_k: usize,
    ) -> BoxFuture<'a, Result<Vec<Neighbour>, Failure>>;

    /// Ends whatever else works on the collection, and removes it.
    fn remove<'a>(&'a self, line: &'a mut Self::Line) -> BoxFuture<'a, Result<(), Failure>>;
}

/// What a database says of itself.
#[derive(Debug, Clone, Default, PartialEq)]
struct Said {
    /// Name and version.
    engine: String,
    /// How vectors are held.
    precision: String,
    /// Settings as they are in force.
    config: BTreeMap<String, Value>,
}

async fn opened<D: Database>(
    database: D,
    asked: Asked<'_>,
    corpora: &mut Corpora,
    stop: &Stop,
) -> Result<Arc<dyn Driver>, OpenError> {
    let database = Arc::new(database);
    // Who is not there is not worth a million vectors.
    let (presence, said) = prepare::greet(&*database).await?;
    let exam = corpora.data(&asked.demand)?;
    let mut held = Held::new(Arc::clone(&database), presence);
    let rows = Arc::clone(&exam.corpus.rows.vectors);
    let prepared = prepare::prepare(&mut held, &rows, stop).await?;
    let pool = Pool::filled(Arc::clone(&database), asked.demand.size.members).await;
    let pool = pool.map_err(|failure| database.address().unreachable(failure))?;
    Ok(Arc::new(Asker {
        identity: identify(&asked.demand, &*database, said),
        preparation: prepared.over(exam.preparation()),
        deadlines: asked.deadlines,
        exam,
        pool,
        _held: held,
    }))
}

fn identify<D: Database>(demand: &Demand, database: &D, said: Said) -> TargetIdentity {
    let mut config = said.config;
    config.extend([
        ("entries".to_owned(), json!(demand.wanted.set.entries)),
        ("dimensions".to_owned(), json!(demand.wanted.set.dimensions)),
        ("connections".to_owned(), json!(demand.size.members)),
        ("index".to_owned(), json!(if demand.hnsw.is_some() { "hnsw" } else { "exact" })),
        ("address".to_owned(), json!(database.address().shown())),
    ]);
    config.extend(filter_facts(demand).chain(graph_facts(demand)));
    TargetIdentity {
        platform: format!("retrieval-{}", demand.driver.as_str()),
        model: demand.wanted.name(),
        engine: said.engine,
        quantization: Some(said.precision),
        config,
        ..TargetIdentity::default()
    }
}

/// A collection that is ready to be asked. The connections go before the collection does.
struct Asker<D: Database> {
    identity: TargetIdentity,
    preparation: Preparation,
    deadlines: Deadlines,
    exam: Exam,
    pool: Pool<D>,
    _held: Held<D>,
}

impl<D: Database> Asker<D> {
    async fn ask(&self, question: Question, reply: &Reply) -> Result<Answer, Failure> {
        let rows = &self.exam.corpus.rows.vectors;
        let (query, top_k) = (self.exam.vector(question), self.exam.top_k);
        check_query(query, top_k, rows).map_err(desk::failure)?;
        let mut line = self.pool.take().await?;
        line.moments().begin();
        let search = line.search(query, top_k);
        let found = within(self.deadlines.head, FailureClass::TimeoutHead, search).await?;
        line.moments().stamp(reply);
        self.pool.take_back(line);
        check_found(&found, top_k, rows)?;
        if let Some(stranger) = self.exam.stranger(&found) {
            return Err(Failure::new(FailureClass::Malformed, desk::outside(stranger)));
        }
        reply.event(EventKind::Content, None);
        reply.done();
        Ok(self.exam.graded(question, &Found { neighbours: found, ..Found::default() }))
    }
}

impl<D: Database> Driver for Asker<D> {
    fn identity(&self) -> TargetIdentity {
        self.identity.clone()
    }

    fn preparation(&self) -> Preparation {
        self.preparation.clone()
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        let mut last = self.identity();
        self.pool.database().put_stamps_into(&mut last);
        let after = TargetAfter { first: self.identity(), last, preparation: None, inserted: None };
        Box::pin(std::future::ready(after))
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move { self.ask(Question::of(&request.payload)?, reply).await })
    }
}

/// Whether a database's answer is one: as many rows as were asked for, and rows that we sent.
fn check_found(found: &[Neighbour], top_k: usize, rows: &Vectors) -> Result<(), Failure> {
    let malformed = |message| Err(Failure::new(FailureClass::Malformed, message));
    if found.len() != top_k {
        return malformed(format!("{} neighbours where {top_k} were asked for", found.len()));
    }
    match found.iter().find(|neighbour| neighbour.id as usize >= rows.len()) {
        Some(stranger) => {
            malformed(format!("row {} of {}: it was never sent", stranger.id, rows.len()))
        }
        None => Ok(()),
    }
}
