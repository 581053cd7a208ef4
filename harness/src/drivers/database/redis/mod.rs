//! The vector sets of Redis 8: `VADD`, many at a time, and `VSIM .. WITHSCORES COUNT k EF n`.
//!
//! A vector set is a graph that grows with every row: there is nothing to build afterwards, and the
//! ingest has the index in it. An exact search is `VSIM .. TRUTH`, which reads every row of the
//! same set. Components are kept as 8-bit integers (`Q8`), as Redis does where nothing is said.

mod failure;
mod words;

use super::address::{Address, Kind};
use super::prepare::step;
use super::progress::Progress;
use super::{Asked, Database, Said, name};
use crate::driver::OpenError;
use crate::http::{Lines, Moments, within};
use crate::retrieval::best::Neighbour;
use crate::retrieval::filter::Filter;
use crate::retrieval::vectors::Vectors;
use failure::failure;
use futures_util::TryFutureExt;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Pipeline, RedisConnectionInfo, cmd};
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokgate_core::case::{Hnsw, Similarity};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;
use tokio::task::AbortHandle;
use words::{clients_of, field, neighbours};

const KIND: Kind = Kind {
    scheme: "redis",
    port: 6379,
    example: Cow::Borrowed("redis://127.0.0.1:6379"),
    needs: Cow::Borrowed("Redis 8 or later"),
    start: Cow::Borrowed("`redis-server`"),
};
/// Rows sent before their answers are waited for: enough that the way there and back costs
/// nothing, few enough that progress is seen.
const PART_ROWS: usize = 256;
/// Links and candidates of a graph that is not going to be searched.
const LEAST_GRAPH: (u32, u32) = (4, 4);
/// Names looked at in one step of a scan.
const SCANNED: usize = 1000;

/// One vector set of a Redis server.
pub(super) struct Redis {
    address: Address,
    info: RedisConnectionInfo,
    lines: Lines,
    key: String,
    /// The graph as it is built. Redis has no set without one.
    graph: Option<Hnsw>,
    filter: Option<Filter>,
    /// Rows in all.
    entries: u32,
}

/// A connection. Dropped, it is closed.
pub(super) struct Session {
    connection: MultiplexedConnection,
    moments: Moments,
    task: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Redis {
    /// What a case asks for.
    ///
    /// # Errors
    /// When the address does not fit.
    pub(super) fn of(asked: &Asked<'_>) -> Result<Self, OpenError> {
        check(asked.demand.wanted.metric())?;
        let address = Address::of(&asked.case.target, KIND)?;
        let lines = Lines::to(address.host(), address.port(), asked.deadlines.connect);
        let info = info(&address)?;
        let (graph, filter) = (asked.demand.hnsw, asked.demand.wanted.filter);
        let entries = asked.demand.wanted.set.entries;
        Ok(Self { address, info, lines, key: name::fresh(), graph, filter, entries })
    }

    async fn session(&self) -> Result<Session, Failure> {
        let (wire, moments) = self.lines.connect().await?;
        // Deadlines are ours.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let greeting = MultiplexedConnection::new_with_config(&self.info, wire, config);
        let greeting = greeting.map_err(|error| failure(&self.address, &error));
        let limit = self.lines.limit();
        let (connection, work) = within(limit, FailureClass::TimeoutConnect, greeting).await?;
        let task = tokio::spawn(work).abort_handle();
        let mut session = Session { connection, moments, task };
        self.ask::<()>(&mut session, cmd("CLIENT").arg("SETNAME").arg(&self.key)).await?;
        Ok(session)
    }

    async fn ask<T: FromRedisValue>(
        &self,
        session: &mut Session,
        question: &Cmd,
    ) -> Result<T, Failure> {
        let answer = question.query_async(&mut session.connection);
        answer.await.map_err(|error| failure(&self.address, &error))
    }

    async fn said(&self, session: &mut Session) -> Result<Said, Failure> {
        let info: String = self.ask(session, cmd("INFO").arg("server")).await?;
        let version = field(&info, "redis_version").unwrap_or("of unknown version");
        let engine = self.address.quote(&format!("Redis {version}"));
        let known: Vec<Option<redis::Value>> =
            self.ask(session, cmd("COMMAND").arg("INFO").arg("VSIM")).await?;
        if known.iter().flatten().all(|found| *found == redis::Value::Nil) {
            let message = format!("{engine} has no vector sets; Redis 8 and later have");
            return Err(Failure::new(FailureClass::Status, message));
        }
        let info: String = self.ask(session, cmd("INFO").arg("memory")).await?;
        let limit = field(&info, "maxmemory").unwrap_or_default();
        let config = BTreeMap::from([("maxmemory".to_owned(), json!(self.address.quote(limit)))]);
        Ok(Said { engine, precision: "int8".to_owned(), config })
    }

    async fn leftovers(&self, session: &mut Session) -> Result<Vec<String>, Failure> {
        let mut found = self.collections(session).await?;
        // Asked after the names: whoever makes a collection is connected before.
        let clients: String = self.ask(session, cmd("CLIENT").arg("LIST")).await?;
        found.retain(|key| clients_of(&clients, key).next().is_none());
        Ok(found)
    }

    /// Every set that bears a name of ours.
    async fn collections(&self, session: &mut Session) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(name::PATTERN).arg("COUNT").arg(SCANNED);
            let (next, keys): (u64, Vec<String>) = self.ask(session, &scan).await?;
            found.extend(keys.into_iter().filter(|key| name::is_ours(key)));
            match next {
                0 => return Ok(found),
                _ => cursor = next,
            }
        }
    }

    async fn swept(&self, session: &mut Session) -> Result<(), Failure> {
        for key in self.leftovers(session).await? {
            tracing::warn!("removing {key}, which a run that is no more has left");
            self.ask::<()>(session, cmd("UNLINK").arg(&key)).await?;
        }
        Ok(())
    }

    async fn added(
        &self,
        session: &mut Session,
        rows: &Vectors,
        mut progress: Progress,
    ) -> Result<(), Failure> {
        for first in (0..rows.len()).step_by(PART_ROWS) {
            let part = first..(first + PART_ROWS).min(rows.len());
            let sent = part.len();
            let mut adding = Pipeline::with_capacity(sent);
            part.for_each(|row| {
                adding.add_command(self.add(row, rows.row(row)));
            });
            let answers = adding.query_async::<Vec<u8>>(&mut session.connection);
            let answers = answers.map_err(|error| failure(&self.address, &error));
            let stored = step(answers).await?.into_iter().filter(|answer| *answer == 1).count();
            if stored != sent {
                let message = format!("{stored} rows are stored where {sent} were sent");
                return Err(Failure::new(FailureClass::Malformed, message));
            }
            progress.stored(sent);
        }
        Ok(())
    }

    /// One row, under its number.
    fn add(&self, row: usize, vector: &[f32]) -> Cmd {
        let mut add = cmd("VADD");
        add.arg(&self.key).arg("FP32").arg(bytes(vector)).arg(row).arg("Q8");
        let (m, ef) = self.graph.map_or(LEAST_GRAPH, |graph| (graph.m, graph.ef_construction));
        add.arg("EF").arg(ef).arg("M").arg(m);
        if let Some(filter) = self.filter {
            add.arg("SETATTR").arg(json!({ "bucket": filter.bucket(row as u32) }).to_string());
        }
        add
    }

    /// The nearest rows of a vector.
    fn sim(&self, query: &[f32], top_k: usize) -> Cmd {
        let mut sim = cmd("VSIM");
        sim.arg(&self.key).arg("FP32").arg(bytes(query)).arg("WITHSCORES").arg("COUNT").arg(top_k);
        match self.graph {
            Some(Hnsw { ef_search, .. }) => sim.arg("EF").arg(ef_search),
            None => sim.arg("TRUTH"),
        };
        if let Some(filter) = self.filter {
            sim.arg("FILTER").arg(format!(".bucket < {}", filter.below()));
            // Where nothing is said, Redis looks at a hundred candidates for each neighbour, and
            // answers are too short.
            sim.arg("FILTER-EF").arg(self.entries);
        }
        sim
    }

    async fn found(
        &self,
        session: &mut Session,
        query: &[f32],
        top_k: usize,
    ) -> Result<Vec<Neighbour>, Failure> {
        let answer: redis::Value = self.ask(session, &self.sim(query, top_k)).await?;
        neighbours(&answer).map_err(|why| Failure::new(FailureClass::Malformed, why))
    }

    async fn removed(&self, session: &mut Session) -> Result<(), Failure> {
        let own: u64 = self.ask(session, cmd("CLIENT").arg("ID")).await?;
        let clients: String = self.ask(session, cmd("CLIENT").arg("LIST")).await?;
        for id in clients_of(&clients, &self.key).filter(|id| *id != own) {
            // One that is gone meanwhile is no error: then none is killed.
            self.ask::<u64>(session, cmd("CLIENT").arg("KILL").arg("ID").arg(id)).await?;
        }
        self.ask(session, cmd("UNLINK").arg(&self.key)).await
    }
}

/// A vector as Redis reads it: 32-bit floats, little-endian.
fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|component| component.to_le_bytes()).collect()
}

fn info(address: &Address) -> Result<RedisConnectionInfo, OpenError> {
    let mut info = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(number) = address.database() {
        let number = number.parse().map_err(|_| {
            OpenError::Invalid(format!(
                "`base_url` ends in `{number}`, which is no number of a database: {}/0 is one",
                KIND.example
            ))
        })?;
        info = info.set_db(number);
    }
    if let Some(user) = address.user() {
        info = info.set_username(user);
    }
    if let Some(password) = address.password() {
        info = info.set_password(password);
    }
    Ok(info)
}

impl Database for Redis {
    type Line = Session;

    fn address(&self) -> &Address {
        &self.address
    }

    fn put_stamps_into(&self, identity: &mut TargetIdentity) {
        self.lines.put_stamps_into(identity);
    }

    fn connect(&self) -> BoxFuture<'_, Result<Session, Failure>> {
        Box::pin(self.session())
    }

    fn identify<'a>(&'a self, session: &'a mut Session) -> BoxFuture<'a, Result<Said, Failure>> {
        Box::pin(self.said(session))
    }

    fn sweep<'a>(&'a self, session: &'a mut Session) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.swept(session))
    }

    fn ingest<'a>(
        &'a self,
        session: &'a mut Session,
        rows: &'a Vectors,
        progress: Progress,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.added(session, rows, progress))
    }

    /// The graph grew with the rows.
    fn build<'a>(&'a self, _: &'a mut Session) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    fn building<'a>(
        &'a self,
        _: &'a mut Session,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn bytes<'a>(
        &'a self,
        session: &'a mut Session,
    ) -> BoxFuture<'a, Result<Option<u64>, Failure>> {
        Box::pin(async move { self.ask(session, cmd("MEMORY").arg("USAGE").arg(&self.key)).await })
    }

    fn ready<'a>(&'a self, _: &'a mut Session) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn moments(session: &Session) -> &Moments {
        &session.moments
    }

    fn search<'a>(
        &'a self,
        session: &'a mut Session,
        query: &'a [f32],
        top_k: usize,
    ) -> BoxFuture<'a, Result<Vec<Neighbour>, Failure>> {
        Box::pin(self.found(session, query, top_k))
    }

    fn remove<'a>(&'a self, session: &'a mut Session) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.removed(session))
    }
}
/// Vector sets compare directions and nothing else.
fn check(metric: Similarity) -> Result<(), OpenError> {
    match metric {
        Similarity::Cosine => Ok(()),
        Similarity::Dot | Similarity::L2 => Err(OpenError::Invalid(format!(
            "metric = \"{}\"; Redis compares by cosine only",
            metric.as_str()
        ))),
    }
}
