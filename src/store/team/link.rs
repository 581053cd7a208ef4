//! A connection to PostgreSQL that runs our statements: values in, cells out.
//!
//! Every wait has an end: connecting, a statement, a lock, a server that is gone without a word.

use crate::store::sql::Table;
use crate::store::team::address::Tls;
use crate::store::team::{Address, For, TeamError, dialect};
use bytes::BytesMut;
use postgres::config::SslMode;
use postgres::error::SqlState;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, Statement};
use rusqlite::types::Value;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long connecting, proving who we are and the first settings may take together.
const GREETING: Duration = Duration::from_secs(10);
/// How long what was sent may stay without an answer of the other machine.
const SILENCE: Duration = Duration::from_secs(15);
/// How long nothing may come before the other machine is asked whether it is there.
const ASK_AFTER: Duration = Duration::from_secs(10);
/// What a connection is told first. A lock is waited for longer than anybody of us holds one.
const FIRST: &str = "SET search_path TO tokgate; SET statement_timeout TO '60s'; SET lock_timeout TO '30s'; \
                     SET idle_in_transaction_session_timeout TO '60s'; SET client_min_messages TO warning";
/// The same, for questions.
const READ_ONLY: &str = "; SET default_transaction_read_only TO on";
/// Statements that are remembered; pages have many forms.
const STATEMENTS: usize = 200;

/// A connection.
pub(in crate::store) struct Link {
    place: String,
    secret: Option<String>,
    inner: RefCell<Box<Inner>>,
}

struct Inner {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Link {
    /// Connects. Which tables are there is not asked.
    pub(super) fn open(address: &Address, purpose: For) -> Result<Self, TeamError> {
        let place = address.to_string();
        let secret = address.password.clone();
        let unreachable = |error: &postgres::Error| {
            let why = told(error, secret.as_deref());
            TeamError::Unreachable { place: place.clone(), why }
        };
        let first = match purpose {
            For::Reading => format!("{FIRST}{READ_ONLY}"),
            For::Writing => FIRST.to_owned(),
        };
        // Over a socket of this machine there is nothing to encrypt.
        let is_plain = address.tls == Tls::Off || address.is_socket();
        let trust = if is_plain { None } else { Some(MakeRustlsConnect::new(trust(address)?)) };
        let config = config(address);
        let connect = move || {
            let mut client = match trust {
                Some(trust) => config.connect(trust)?,
                None => config.connect(postgres::NoTls)?,
            };
            client.batch_execute(&first)?;
            Ok(client)
        };
        let client = match within(GREETING, connect) {
            Some(connected) => connected.map_err(|error| unreachable(&error))?,
            None => {
                let why = format!("no greeting within {} s", GREETING.as_secs());
                return Err(TeamError::Unreachable { place, why });
            }
        };
        let inner = RefCell::new(Box::new(Inner { client, statements: HashMap::new() }));
        Ok(Self { place, secret, inner })
    }

    /// Says how long a statement may take from now on; finds out, too, whether the server is still there.
    pub(super) fn limit(&self, within: Duration) -> Result<(), TeamError> {
        let limit = format!("SET statement_timeout TO {}", within.as_millis().max(1));
        self.batch(&limit).map_err(|error| self.told(error))
    }

    /// Whether it may be used again.
    pub(super) fn is_sound(&self) -> bool {
        !self.inner.borrow().client.is_closed()
    }

    /// Where it goes, without a password.
    pub(in crate::store) fn place(&self) -> &str {
        &self.place
    }

    /// An answer's error as the store's.
    pub(in crate::store) fn told(&self, error: rusqlite::Error) -> TeamError {
        let failed = |why: rusqlite::Error| TeamError::Failed {
            place: self.place.clone(),
            why: why.to_string(),
        };
        TeamError::of(error).unwrap_or_else(failed)
    }

    /// A whole answer.
    pub(in crate::store) fn table(&self, sql: &str, bound: &[Value]) -> rusqlite::Result<Table> {
        let (columns, rows) = self.with(sql, |client, statement| {
            let columns = statement.columns().iter().map(|it| it.name().to_owned()).collect();
            Ok((columns, client.query(statement, &parameters(&cells(bound)))?))
        })?;
        let rows = rows.iter().map(|row| self.row(row)).collect::<rusqlite::Result<_>>()?;
        Ok(Table { columns, rows })
    }

    /// Changes rows; says how many.
    pub(in crate::store) fn execute(&self, sql: &str, bound: &[Value]) -> rusqlite::Result<u64> {
        self.with(sql, |client, statement| client.execute(statement, &parameters(&cells(bound))))
    }

    /// Several statements without values.
    pub(super) fn batch(&self, sql: &str) -> rusqlite::Result<()> {
        let done = self.inner.borrow_mut().client.batch_execute(sql);
        done.map_err(|error| self.failed(&error))
    }

    /// Does all of `work` or none of it. `begin` is the statement that begins.
    pub(in crate::store) fn transact<T>(
        &self,
        begin: &str,
        work: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.batch(begin)?;
        match work() {
            Ok(done) => self.batch("COMMIT").map(|()| done),
            Err(error) => {
                // Where that fails, the server does it when the connection ends.
                let _ = self.batch("ROLLBACK");
                Err(error)
            }
        }
    }

    fn with<T>(
        &self,
        sql: &str,
        work: impl FnOnce(&mut Client, &Statement) -> Result<T, postgres::Error>,
    ) -> rusqlite::Result<T> {
        let mut inner = self.inner.borrow_mut();
        let Inner { client, statements } = &mut **inner;
        let prepared = match statements.get(sql) {
            Some(statement) => Ok(statement.clone()),
            None => client.prepare(&dialect::dollars(sql)),
        };
        let done = prepared.and_then(|statement| {
            if statements.len() >= STATEMENTS {
                statements.clear();
            }
            statements.insert(sql.to_owned(), statement.clone());
            work(client, &statement)
        });
        drop(inner);
        done.map_err(|error| self.failed(&error))
    }

    fn row(&self, row: &postgres::Row) -> rusqlite::Result<Vec<Value>> {
        let cell = |at: usize| cell(row, at).map_err(|error| self.failed(&error));
        (0..row.len()).map(cell).collect()
    }

    fn failed(&self, error: &postgres::Error) -> rusqlite::Error {
        let (place, why) = (self.place.clone(), told(error, self.secret.as_deref()));
        let is_gone = error.is_closed()
            || self.inner.try_borrow().is_ok_and(|inner| inner.client.is_closed());
        match error.code() {
            Some(&SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE) => {
                TeamError::TooSlow(place)
            }
            Some(&SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN) => {
                TeamError::Lost { place, why }
            }
            _ if is_gone => TeamError::Lost { place, why },
            _ => TeamError::Failed { place, why },
        }
        .inside()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Link").field(&self.place).finish()
    }
}

/// What `work` comes to, if it does so in time: one that accepts a connection and says nothing would be
/// waited for without an end. What is left of it ends with the connection.
fn within<T: Send + 'static>(
    time: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, done) = std::sync::mpsc::channel();
    let started = std::thread::Builder::new().name("connect".to_owned()).spawn(move || {
        // Nobody waits any more where this fails.
        let _ = sender.send(work());
    });
    started.ok()?;
    done.recv_timeout(time).ok()
}

fn config(address: &Address) -> Config {
    let mut config = Config::new();
    config
        .host(&address.host)
        .port(address.port)
        .user(&address.user)
        .dbname(&address.database)
        .application_name("tokgate")
        .connect_timeout(CONNECT)
        .tcp_user_timeout(SILENCE)
        .keepalives_idle(ASK_AFTER)
        .keepalives_interval(ASK_AFTER)
        .keepalives_retries(2)
        .ssl_mode(match address.tls {
            Tls::Off => SslMode::Disable,
            Tls::Offered => SslMode::Prefer,
            Tls::Always if address.is_socket() => SslMode::Disable,
            Tls::Always => SslMode::Require,
        });
    if let Some(password) = &address.password {
        config.password(password);
    }
    config
}

/// Whom we believe: the certificates that are named, else what this machine trusts. In either case the
/// server's is for the name that was asked for.
fn trust(address: &Address) -> Result<ClientConfig, TeamError> {
    let place = address.to_string();
    let wrong = |why: String| TeamError::Certificates { place: place.clone(), why };
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?;
    let config = match &address.roots {
        Some(file) => config.with_root_certificates(roots(file).map_err(wrong)?),
        None => config.with_platform_verifier().map_err(|error| wrong(error.to_string()))?,
    };
    Ok(config.with_no_client_auth())
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let named = |why: String| format!("{}: {why}", file.display());
    let mut store = RootCertStore::empty();
    let all = CertificateDer::pem_file_iter(file).map_err(|error| named(error.to_string()))?;
    for one in all {
        let one = one.map_err(|error| named(error.to_string()))?;
        store.add(one).map_err(|error| named(error.to_string()))?;
    }
    match store.is_empty() {
        true => Err(named("no certificate in it".to_owned())),
        false => Ok(store),
    }
}

/// What went wrong, in words, each once; a password that the server repeats is left out.
fn told(error: &postgres::Error, secret: Option<&str>) -> String {
    let text = match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(one) = cause {
                let said = one.to_string();
                if !text.ends_with(&said) {
                    text = format!("{text}: {said}");
                }
                cause = one.source();
            }
            text
        }
    };
    match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => text.replace(secret, "***"),
        None => text,
    }
}

/// A value on its way, as the column wants it.
#[derive(Debug)]
struct Cell<'a>(&'a Value);

fn cells(bound: &[Value]) -> Vec<Cell<'_>> {
    bound.iter().map(Cell).collect()
}

fn parameters<'a>(cells: &'a [Cell<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    cells.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Cell<'_> {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self.0, wanted) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Integer(n), &Type::INT8) => n.to_sql(wanted, out),
            (Value::Integer(n), &Type::INT4) => i32::try_from(*n)?.to_sql(wanted, out),
            (Value::Integer(n), &Type::FLOAT8) => (*n as f64).to_sql(wanted, out),
            (Value::Real(x), &Type::FLOAT8) => x.to_sql(wanted, out),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR) => text.to_sql(wanted, out),
            (Value::Blob(bytes), &Type::BYTEA) => bytes.to_sql(wanted, out),
            (value, wanted) => {
                Err(format!("a column of {wanted} cannot hold {}", value.data_type()).into())
            }
        }
    }

    fn accepts(_wanted: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A cell of an answer, as SQLite has it.
fn cell(row: &postgres::Row, at: usize) -> Result<Value, postgres::Error> {
    fn value<T: Into<Value>>(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
    match *row.columns()[at].type_() {
        Type::INT4 => Ok(value(row.try_get::<_, Option<i32>>(at)?)),
        Type::BOOL => Ok(value(row.try_get::<_, Option<bool>>(at)?)),
        Type::FLOAT8 => Ok(value(row.try_get::<_, Option<f64>>(at)?)),
        Type::BYTEA => Ok(value(row.try_get::<_, Option<Vec<u8>>>(at)?)),
        Type::TEXT | Type::VARCHAR => Ok(value(row.try_get::<_, Option<String>>(at)?)),
        // Whatever else comes is refused by its type.
        _ => Ok(value(row.try_get::<_, Option<i64>>(at)?)),
    }
}
