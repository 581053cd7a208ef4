//! PostgreSQL with pgvector: a table, rows by `COPY`, an `hnsw` index or none, and
//! `ORDER BY v <#> $1 LIMIT k` on statements that are prepared once for each connection.
//!
//! `<#>` is the negative inner product and goes with the operator class `vector_ip_ops`: the rows
//! have unit length, so that it orders as the cosine does and costs least.

mod copy;
mod failure;

use super::address::{Address, Kind};
use super::prepare::step;
use super::progress::Progress;
use super::{Asked, Database, Said, name};
use crate::driver::OpenError;
use crate::http::{Lines, Moments, within};
use crate::retrieval::best::Neighbour;
use crate::retrieval::filter::Filter;
use crate::retrieval::vectors::Vectors;
use copy::{Parameter, parts};
use failure::failure;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, TryFutureExt, TryStreamExt};
use serde_json::json;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::pin;
use tokgate_core::case::Hnsw;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

const KIND: Kind = Kind {
    scheme: "postgres",
    port: 5432,
    example: Cow::Borrowed("postgres://postgres@127.0.0.1:5432/postgres"),
    needs: Cow::Borrowed("PostgreSQL with the extension pgvector"),
    start: Cow::Borrowed("`pg_ctl start`"),
};
/// Who we are where the address does not say.
const USUAL_USER: &str = "postgres";
/// What pgvector takes. <https://github.com/pgvector/pgvector#hnsw>
const MOST_INDEXED: u32 = 2000;
const MOST_DIMENSIONS: u32 = 16_000;
const M: std::ops::RangeInclusive<u32> = 2..=100;
const EF_CONSTRUCTION: std::ops::RangeInclusive<u32> = 4..=1000;
const EF_SEARCH: std::ops::RangeInclusive<u32> = 1..=1000;
/// A server that works would not notice that we are gone, and would hold our table until it is done.
/// Servers before PostgreSQL 14 have no such setting.
const NOTICE_THE_END: &str = "SELECT set_config(name, '2s', false) FROM pg_settings \
                              WHERE name = 'client_connection_check_interval'";
/// The first version that can go on with the search of a graph, and the way that keeps the order.
/// <https://github.com/pgvector/pgvector#iterative-index-scans>
const ITERATIVE: (u32, u32) = (0, 8);
const GOES_ON: &str = "strict_order";
/// What of the server's settings bears on building and searching.
const SETTINGS: [&str; 4] = [
    "shared_buffers",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "max_parallel_workers_per_gather",
];

/// One table of a PostgreSQL server.
pub(super) struct Pgvector {
    address: Address,
    config: Config,
    lines: Lines,
    table: String,
    hnsw: Option<Hnsw>,
    filter: Option<Filter>,
    /// How long a query may take before the server gives it up, milliseconds.
    timeout_ms: u64,
}

/// A connection. Dropped, it is closed.
pub(super) struct Session {
    client: Client,
    moments: Moments,
    search: Option<Statement>,
    connection: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Pgvector {
    /// What a case asks for, checked against what pgvector takes.
    ///
    /// # Errors
    /// When the address or a number does not fit.
    pub(super) fn of(asked: &Asked<'_>) -> Result<Self, OpenError> {
        check(asked.demand.wanted.set.dimensions, asked.demand.hnsw)?;
        let address = Address::of(&asked.case.target, KIND)?;
        let lines = Lines::to(address.host(), address.port(), asked.deadlines.connect);
        let table = name::fresh();
        let config = config(&address, &table)?;
        let timeout_ms = (asked.case.run.timeout_s * 1e3).clamp(1.0, f64::from(i32::MAX)) as u64;
        let (hnsw, filter) = (asked.demand.hnsw, asked.demand.wanted.filter);
        Ok(Self { address, config, lines, table, hnsw, filter, timeout_ms })
    }

    async fn session(&self) -> Result<Session, Failure> {
        let (wire, moments) = self.lines.connect().await?;
        let greeting = self.config.connect_raw(wire, NoTls);
        let greeting = greeting.map_err(|error| failure(&self.address, &error));
        let limit = self.lines.limit();
        let (client, connection) = within(limit, FailureClass::TimeoutConnect, greeting).await?;
        // What goes wrong here is told to whoever waits for an answer.
        let task = tokio::spawn(async { drop(connection.await) });
        let session = Session { client, moments, search: None, connection: task.abort_handle() };
        match step(self.run(&session, NOTICE_THE_END)).await {
            // Not every platform can, and then it says so.
            Err(failure) if failure.class != FailureClass::Status => Err(failure),
            Ok(()) | Err(_) => Ok(session),
        }
    }

    /// Runs statements that have no answer.
    async fn run(&self, session: &Session, statements: &str) -> Result<(), Failure> {
        let run = session.client.batch_execute(statements);
        run.await.map_err(|error| failure(&self.address, &error))
    }

    /// Asks for one row.
    async fn one(&self, session: &Session, question: &str) -> Result<Row, Failure> {
        let row = session.client.query_one(question, &[]);
        row.await.map_err(|error| failure(&self.address, &error))
    }

    async fn text(&self, session: &Session, question: &str) -> Result<String, Failure> {
        let row = self.one(session, question).await?;
        row.try_get(0).map_err(|error| failure(&self.address, &error))
    }

    async fn said(&self, session: &Session) -> Result<Said, Failure> {
        self.run(session, "CREATE EXTENSION IF NOT EXISTS vector").await?;
        let version = self.text(session, "SELECT current_setting('server_version')").await?;
        let extension = "SELECT extversion FROM pg_extension WHERE extname = 'vector'";
        let extension = self.text(session, extension).await?;
        let mut config = BTreeMap::from([("enable_seqscan".to_owned(), json!(self.scan()))]);
        if self.goes_on() {
            check_version(&extension).map_err(|said| self.refusal(&said))?;
            config.insert("hnsw.iterative_scan".to_owned(), json!(GOES_ON));
        }
        for setting in SETTINGS {
            let value = self.text(session, &format!("SELECT current_setting('{setting}')")).await?;
            config.insert(setting.to_owned(), json!(self.address.quote(&value)));
        }
        let engine = format!("PostgreSQL {version}, pgvector {extension}");
        Ok(Said { engine: self.address.quote(&engine), precision: "f32".to_owned(), config })
    }

    /// Whether the planner may read every row: not where an index is to be measured.
    fn scan(&self) -> &'static str {
        if self.hnsw.is_some() { "off" } else { "on" }
    }

    /// Whether a search of the graph has to go on where too few of its candidates pass the filter.
    fn goes_on(&self) -> bool {
        self.hnsw.is_some() && self.filter.is_some()
    }

    fn refusal(&self, said: &str) -> Failure {
        Failure::new(FailureClass::Status, self.address.quote(said))
    }

    async fn leftovers(&self, session: &Session) -> Result<Vec<String>, Failure> {
        let question = "SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'r' \
                        AND pg_table_is_visible(c.oid) AND NOT EXISTS \
                        (SELECT FROM pg_stat_activity a WHERE a.application_name = c.relname)";
        let rows = session.client.query(question, &[]).await;
        let rows = rows.map_err(|error| failure(&self.address, &error))?;
        let names = rows.iter().filter_map(|row| row.try_get::<_, String>(0).ok());
        Ok(names.filter(|name| name::is_ours(name)).collect())
    }

    async fn copied(
        &self,
        session: &Session,
        rows: &Vectors,
        mut progress: Progress,
    ) -> Result<(), Failure> {
        let told = |error| failure(&self.address, &error);
        // Nobody is to clean up while we measure.
        let create = format!(
            "CREATE TABLE {} (id integer NOT NULL, {}v vector({}) NOT NULL) \
             WITH (autovacuum_enabled = false)",
            self.table,
            self.filter.map_or("", |_| "bucket integer NOT NULL, "),
            rows.dimensions()
        );
        step(self.run(session, &create)).await?;
        let bucket = self.filter.map_or("", |_| "bucket, ");
        let copy = format!("COPY {} (id, {bucket}v) FROM STDIN BINARY", self.table);
        let sink = step(session.client.copy_in(&copy).map_err(told)).await?;
        let mut sink = pin!(sink);
        for part in parts(rows, self.filter) {
            step(sink.send(part.bytes).map_err(told)).await?;
            progress.stored(part.rows);
        }
        let stored = step(sink.as_mut().finish().map_err(told)).await?;
        match stored == rows.len() as u64 {
            true => Ok(()),
            false => Err(Failure::new(
                FailureClass::Malformed,
                format!("{stored} rows are stored where {} were sent", rows.len()),
            )),
        }
    }

    /// The index's name.
    fn index(&self) -> String {
        format!("{}_hnsw", self.table)
    }

    async fn indexed(&self, session: &Session) -> Result<bool, Failure> {
        let Some(Hnsw { m, ef_construction, .. }) = self.hnsw else {
            self.run(session, &format!("ANALYZE {}", self.table)).await?;
            return Ok(false);
        };
        let build = format!(
            "CREATE INDEX {} ON {} USING hnsw (v vector_ip_ops) \
             WITH (m = {m}, ef_construction = {ef_construction}); ANALYZE {}",
            self.index(),
            self.table,
            self.table
        );
        self.run(session, &build).await.map(|()| true)
    }

    async fn progress(&self, session: &Session) -> Result<Option<String>, Failure> {
        let question = "SELECT phase, round(100.0 * blocks_done / nullif(blocks_total, 0))::int4 \
                        FROM pg_stat_progress_create_index WHERE relid = $1::text::regclass";
        let row = session.client.query_opt(question, &[&self.table]).await;
        let row = row.map_err(|error| failure(&self.address, &error))?;
        Ok(row.and_then(|row| {
            let phase = row.try_get::<_, String>(0).ok()?;
            let share = row.try_get::<_, Option<i32>>(1).ok()?;
            let share = share.map_or_else(String::new, |share| format!(", {share} %"));
            Some(self.address.quote(&format!("{phase}{share}")))
        }))
    }

    async fn size(&self, session: &Session) -> Result<Option<u64>, Failure> {
        let question = match self.hnsw {
            Some(_) => format!("SELECT pg_relation_size('{}')", self.index()),
            None => format!("SELECT pg_table_size('{}')", self.table),
        };
        let row = self.one(session, &question).await?;
        let bytes = row.try_get::<_, i64>(0).map_err(|error| failure(&self.address, &error))?;
        Ok(u64::try_from(bytes).ok())
    }

    async fn settled(&self, session: &mut Session) -> Result<(), Failure> {
        let mut settings = format!(
            "SET statement_timeout = {}; SET enable_seqscan = {}",
            self.timeout_ms,
            self.scan()
        );
        if let Some(Hnsw { ef_search, .. }) = self.hnsw {
            settings.push_str(&format!("; SET hnsw.ef_search = {ef_search}"));
        }
        if self.goes_on() {
            settings.push_str(&format!("; SET hnsw.iterative_scan = {GOES_ON}"));
        }
        self.run(session, &settings).await?;
        let search = session.client.prepare(&search(&self.table, self.filter)).await;
        session.search = Some(search.map_err(|error| failure(&self.address, &error))?);
        Ok(())
    }

    async fn found(
        &self,
        session: &Session,
        query: &[f32],
        top_k: usize,
    ) -> Result<Vec<Neighbour>, Failure> {
        let told = |error| failure(&self.address, &error);
        let search =
            session.search.as_ref().expect("a connection is made ready before it is asked");
        let (query, top_k) = (Parameter(query), top_k as i64);
        let rows = session
            .client
            .query_raw(search, [&query as &(dyn tokio_postgres::types::ToSql + Sync), &top_k]);
        let rows: Vec<Row> = rows.await.map_err(told)?.try_collect().await.map_err(told)?;
        rows.iter().map(|row| neighbour(row).ok_or_else(strange)).collect()
    }

    async fn dropped(&self, session: &Session) -> Result<(), Failure> {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = $1 AND pid <> pg_backend_pid()";
        let ended = session.client.query(end, &[&self.table]).await;
        ended.map_err(|error| failure(&self.address, &error))?;
        self.run(session, &format!("DROP TABLE IF EXISTS {}", self.table)).await
    }
}

/// The nearest rows of a vector. A bound that stands in the text is seen by the planner.
fn search(table: &str, filter: Option<Filter>) -> String {
    let passes = filter.map(|filter| format!("WHERE bucket < {} ", filter.below()));
    format!("SELECT id FROM {table} {}ORDER BY v <#> $1 LIMIT $2", passes.unwrap_or_default())
}

/// Versions before 0.8 take the candidates of one search and drop those that do not pass, so that
/// most answers would be too short.
fn check_version(extension: &str) -> Result<(), String> {
    let mut numbers = extension.split('.').map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match version >= ITERATIVE {
        true => Ok(()),
        false => Err(format!(
            "pgvector {extension} filters after the search of its graph; `filter_share` needs 0.8 \
             or later, or `index = \"exact\"`"
        )),
    }
}

/// A row number; the scores are the server's and are not asked for.
fn neighbour(row: &Row) -> Option<Neighbour> {
    let id = row.try_get::<_, i32>(0).ok()?;
    Some(Neighbour { id: u32::try_from(id).ok()?, score: 0.0 })
}

fn strange() -> Failure {
    Failure::new(FailureClass::Malformed, "a row number that is none of ours")
}

fn config(address: &Address, table: &str) -> Result<Config, OpenError> {
    // Names may be percent-encoded; the client knows how.
    let parsed = address.url().as_str().parse::<Config>();
    let mut config = parsed.map_err(|error| {
        OpenError::Invalid(format!("`base_url` is no address ({error}): {} is", KIND.example))
    })?;
    config.application_name(table);
    if address.user().is_none() {
        config.user(USUAL_USER);
    }
    if let Some(password) = address.password() {
        config.password(password);
    }
    Ok(config)
}

/// Refuses what pgvector would refuse after all the rows were sent.
fn check(dimensions: u32, hnsw: Option<Hnsw>) -> Result<(), OpenError> {
    let invalid = |message| Err(OpenError::Invalid(message));
    let most = if hnsw.is_some() { MOST_INDEXED } else { MOST_DIMENSIONS };
    if dimensions > most {
        return invalid(format!(
            "dimensions = {dimensions}; pgvector takes up to {MOST_INDEXED} in an index, and \
             {MOST_DIMENSIONS} with `index = \"exact\"`"
        ));
    }
    let Some(Hnsw { m, ef_construction, ef_search }) = hnsw else { return Ok(()) };
    let knobs = [
        ("m", m, M),
        ("ef_construction", ef_construction, EF_CONSTRUCTION),
        ("ef_search", ef_search, EF_SEARCH),
    ];
    if let Some((knob, value, takes)) = knobs.into_iter().find(|(_, it, takes)| !takes.contains(it))
    {
        let (low, high) = (takes.start(), takes.end());
        return invalid(format!("{knob} = {value}; pgvector takes {low} to {high}"));
    }
    match ef_construction < 2 * m {
        true => invalid(format!(
            "ef_construction = {ef_construction} is less than twice m = {m}, which pgvector needs"
        )),
        false => Ok(()),
    }
}

impl Database for Pgvector {
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
        Box::pin(async move {
            for table in self.leftovers(session).await? {
                tracing::warn!("removing {table}, which a run that is no more has left");
                self.run(session, &format!("DROP TABLE IF EXISTS {table}")).await?;
            }
            Ok(())
        })
    }

    fn ingest<'a>(
        &'a self,
        session: &'a mut Session,
        rows: &'a Vectors,
        progress: Progress,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.copied(session, rows, progress))
    }

    fn build<'a>(&'a self, session: &'a mut Session) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(self.indexed(session))
    }

    fn building<'a>(
        &'a self,
        session: &'a mut Session,
    ) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(self.progress(session))
    }

    fn bytes<'a>(
        &'a self,
        session: &'a mut Session,
    ) -> BoxFuture<'a, Result<Option<u64>, Failure>> {
        Box::pin(self.size(session))
    }

    fn ready<'a>(&'a self, session: &'a mut Session) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(step(self.settled(session)))
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
        Box::pin(self.dropped(session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::share::Share;

    fn refusal(dimensions: u32, m: u32, ef_construction: u32, ef_search: u32) -> String {
        let hnsw = Some(Hnsw { m, ef_construction, ef_search });
        check(dimensions, hnsw).unwrap_err().to_string()
    }

    #[test]
    fn what_pgvector_refuses_is_refused_before_a_row_is_sent() {
        assert!(refusal(2008, 16, 64, 40).contains("dimensions = 2008"));
        assert!(refusal(128, 101, 300, 40).contains("m = 101; pgvector takes 2 to 100"));
        assert!(refusal(128, 16, 1001, 40).contains("ef_construction = 1001"));
        assert!(refusal(128, 16, 64, 1001).contains("ef_search = 1001"));
        assert!(refusal(128, 40, 64, 40).contains("less than twice m = 40"));
        assert!(check(2008, None).is_ok() && check(16_008, None).is_err());
    }

    #[test]
    fn a_filter_is_a_condition_and_needs_a_version_that_goes_on() {
        let filter = Filter { seed: 1, share: Share::of(0.01).unwrap() };
        assert_eq!(search("t", None), "SELECT id FROM t ORDER BY v <#> $1 LIMIT $2");
        let filtered = "SELECT id FROM t WHERE bucket < 100 ORDER BY v <#> $1 LIMIT $2";
        assert_eq!(search("t", Some(filter)), filtered);
        assert!(["0.8.0", "0.10.1", "1.0"].iter().all(|it| check_version(it).is_ok()));
        assert!(check_version("0.7.4").unwrap_err().contains("needs 0.8 or later"));
    }
}
