//! A connection to PostgreSQL that runs our statements: values in, cells out.
//!
//! Every wait has an end: connecting, a statement, a lock, a server that is frozen or gone without a word.

use crate::store::sql::Table;
use crate::store::team::wire::{Broken, Wire, trust};
use crate::store::team::{Address, For, TeamError, dialect};
use bytes::BytesMut;
use rusqlite::types::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Row, Statement};

/// How long connecting and proving who we are may take, and as long again the first settings.
const GREETING: Duration = Duration::from_secs(10);
/// How long the server may take for a statement where nothing else is said. A lock is waited for longer than
/// anybody of us holds one.
const STATEMENT: Duration = Duration::from_secs(60);
/// How much longer we wait than the server may take: its word that it took too long is on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// What a connection is told first.
const FIRST: &str = "SET search_path TO tokgate; SET lock_timeout TO '30s'; \
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
    wire: Wire,
    statements: HashMap<String, Statement>,
    /// How long an answer is waited for.
    patience: Duration,
}

impl Link {
    /// Connects. Which tables are there is not asked.
    pub(super) fn open(address: &Address, purpose: For) -> Result<Self, TeamError> {
        let place = address.to_string();
        let secret = address.password.clone();
        let trust =
            trust(address).map_err(|why| TeamError::Certificates { place: place.clone(), why })?;
        let first = match purpose {
            For::Reading => format!("{FIRST}; {}{READ_ONLY}", limit(STATEMENT)),
            For::Writing => format!("{FIRST}; {}", limit(STATEMENT)),
        };
        let wire = match Wire::open(address, trust, &first, GREETING) {
            Ok(wire) => wire,
            Err(broken) => {
                let why = match broken {
                    Broken::Silent(time) => format!("no greeting within {} s", time.as_secs()),
                    Broken::Said(error) => told(&error, secret.as_deref()),
                    Broken::Io(error) => error.to_string(),
                };
                return Err(TeamError::Unreachable { place, why });
            }
        };
        let patience = STATEMENT + ON_ITS_WAY;
        let inner = RefCell::new(Box::new(Inner { wire, statements: HashMap::new(), patience }));
        Ok(Self { place, secret, inner })
    }

    /// Says how long a statement may take from now on; finds out, too, whether the server is still there.
    pub(super) fn limit(&self, within: Duration) -> Result<(), TeamError> {
        let ask = |time, sql: &str| {
            let done =
                self.inner.borrow_mut().wire.ask(time, async |it| it.batch_execute(sql).await);
            done.map_err(|broken| self.told(self.failed(&broken)))
        };
        ask(GREETING, &limit(within))?;
        self.inner.borrow_mut().patience = within + ON_ITS_WAY;
        Ok(())
    }

    /// Whether it may be used again.
    pub(super) fn is_sound(&self) -> bool {
        self.inner.borrow().wire.is_sound()
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
        let (columns, rows) = self.with(sql, async |client, statement| {
            let columns = statement.columns().iter().map(|it| it.name().to_owned()).collect();
            Ok((columns, client.query(statement, &parameters(&cells(bound))).await?))
        })?;
        let rows = rows.iter().map(|row| self.row(row)).collect::<rusqlite::Result<_>>()?;
        Ok(Table { columns, rows })
    }

    /// Changes rows; says how many.
    pub(in crate::store) fn execute(&self, sql: &str, bound: &[Value]) -> rusqlite::Result<u64> {
        self.with(sql, async |client, statement| {
            client.execute(statement, &parameters(&cells(bound))).await
        })
    }

    /// Several statements without values.
    pub(super) fn batch(&self, sql: &str) -> rusqlite::Result<()> {
        let mut inner = self.inner.borrow_mut();
        let patience = inner.patience;
        let done = inner.wire.ask(patience, async |client| client.batch_execute(sql).await);
        drop(inner);
        done.map_err(|broken| self.failed(&broken))
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
        work: impl AsyncFnOnce(&Client, &Statement) -> Result<T, tokio_postgres::Error>,
    ) -> rusqlite::Result<T> {
        let mut inner = self.inner.borrow_mut();
        let Inner { wire, statements, patience } = &mut **inner;
        // One that fails is prepared anew the next time.
        let known = statements.remove(sql);
        let done = wire.ask(*patience, async |client| {
            let statement = match known {
                Some(statement) => statement,
                None => client.prepare(&dialect::dollars(sql)).await?,
            };
            let done = work(client, &statement).await?;
            Ok((statement, done))
        });
        if let Ok((statement, _)) = &done {
            if statements.len() >= STATEMENTS {
                statements.clear();
            }
            statements.insert(sql.to_owned(), statement.clone());
        }
        drop(inner);
        done.map(|(_, done)| done).map_err(|broken| self.failed(&broken))
    }

    fn row(&self, row: &Row) -> rusqlite::Result<Vec<Value>> {
        let cell = |at: usize| cell(row, at).map_err(|error| self.failed(&Broken::Said(error)));
        (0..row.len()).map(cell).collect()
    }

    fn failed(&self, broken: &Broken) -> rusqlite::Error {
        let place = self.place.clone();
        let error = match broken {
            Broken::Said(error) => error,
            Broken::Silent(time) => {
                let why = format!("no answer within {} s", time.as_secs());
                return TeamError::Lost { place, why }.inside();
            }
            Broken::Io(error) => {
                return TeamError::Failed { place, why: error.to_string() }.inside();
            }
        };
        let why = told(error, self.secret.as_deref());
        let is_gone = error.is_closed() || !self.is_sound();
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

/// How the server is told how long a statement may take.
fn limit(within: Duration) -> String {
    format!("SET statement_timeout TO {}", within.as_millis().max(1))
}

/// What went wrong, in words, each once; a password that the server repeats is left out.
fn told(error: &tokio_postgres::Error, secret: Option<&str>) -> String {
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
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR) => {
                dialect::held(text).to_sql(wanted, out)
            }
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
fn cell(row: &Row, at: usize) -> Result<Value, tokio_postgres::Error> {
    fn value<T: Into<Value>>(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
    match *row.columns()[at].type_() {
        Type::INT4 => Ok(value(row.try_get::<_, Option<i32>>(at)?)),
        Type::BOOL => Ok(value(row.try_get::<_, Option<bool>>(at)?)),
        Type::FLOAT8 => Ok(value(row.try_get::<_, Option<f64>>(at)?)),
        Type::BYTEA => Ok(value(row.try_get::<_, Option<Vec<u8>>>(at)?)),
        Type::TEXT | Type::VARCHAR => {
            let text: Option<String> = row.try_get(at)?;
            Ok(value(text.map(dialect::meant)))
        }
        // Whatever else comes is refused by its type.
        _ => Ok(value(row.try_get::<_, Option<i64>>(at)?)),
    }
}
