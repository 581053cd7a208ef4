//! Asks a server without anything of ours in between.

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Error, NoTls};

pub(super) struct Client {
    runtime: Runtime,
    inner: tokio_postgres::Client,
}

impl Client {
    pub(super) fn connect(url: &str) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (inner, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls))?;
        runtime.spawn(connection);
        Ok(Self { runtime, inner })
    }

    /// Does what statements say.
    pub(super) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.runtime.block_on(self.inner.batch_execute(sql))
    }

    /// The only cell that a statement answers with.
    pub(super) fn cell<T: FromSqlOwned>(&self, sql: &str) -> T {
        self.runtime.block_on(self.inner.query_one(sql, &[])).unwrap().get(0)
    }
}
