//! The drivers, one file or folder each, and the one place that opens the right one for a case.

pub mod batch;
pub mod custom;
pub mod database;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod embeddings;
mod function;
pub mod ollama;
pub mod openai;
mod place;
pub mod rag;
#[cfg(test)]
#[path = "../../../tests/support/replay.rs"]
pub(crate) mod replay;
pub mod retrieval;
pub mod simulated;

use crate::driver::{Driver, OpenError};
use crate::http::host;
use crate::launch::{Launched, Running, Server};
use crate::retrieval::cache::Cache;
use crate::stop::Stop;
use crate::telemetry::Place;
use custom::Drivers;
use std::path::PathBuf;
use std::sync::Arc;
use tokgate_core::case::{Case, DriverKind};
use tokgate_core::metric::Kind;
use tokgate_core::workload::Shard;

/// The targets of one invocation. What is dear to make (a model in memory, a server, a million
/// vectors and their exact neighbours) is kept for the next case that asks for the same.
pub struct Targets {
    #[cfg(feature = "embedded")]
    models: embedded::Models,
    corpora: retrieval::Corpora,
    library: rag::Library,
    server: Option<Running>,
    /// Those that the program brings.
    drivers: Drivers,
    /// Where the logs of what is launched go.
    logs: PathBuf,
    /// Which part of every load is sent from this host.
    shard: Shard,
}

impl Targets {
    /// No target yet; `logs` is the folder for the logs of what is launched.
    #[must_use]
    pub fn new(logs: PathBuf) -> Self {
        Self {
            #[cfg(feature = "embedded")]
            models: embedded::Models::default(),
            corpora: retrieval::Corpora::default(),
            library: rag::Library::default(),
            server: None,
            drivers: Drivers::default(),
            logs,
            shard: Shard::WHOLE,
        }
    }

    /// The same, keeping what is dear to make in `cache` for later runs.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { corpora: retrieval::Corpora::with_cache(cache), ..self }
    }

    /// The same with the drivers that the program brings.
    #[must_use]
    pub fn with_drivers(self, drivers: Drivers) -> Self {
        Self { drivers, ..self }
    }

    /// The same for a part of every load: this host needs to hold no more than that.
    #[must_use]
    pub fn with_shard(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// Opens the target of a case; what it starts for that can be stopped.
    ///
    /// # Errors
    /// When the target cannot be measured; the message says what to do.
    pub async fn open(&mut self, case: &Case, stop: &Stop) -> Result<Arc<dyn Driver>, OpenError> {
        match self.serve(case, stop).await?.map(Running::base_url) {
            Some(base_url) => {
                let mut there = case.clone();
                there.target.base_url = Some(base_url);
                self.open_launched(&there, stop).await
            }
            None => self.open_as_it_is(case, stop).await,
        }
    }

    /// The address of the target of a case that was opened last: of the server that was started for
    /// it, else the one that it names.
    #[must_use]
    pub fn address(&self, case: &Case) -> Option<String> {
        let started = self.server.as_ref().map(Running::base_url);
        started.or_else(|| case.target.base_url.clone())
    }

    /// Where the target of a case runs that was opened last.
    #[must_use]
    pub fn place(&self, case: &Case) -> Place {
        match &self.server {
            Some(server) => server.place(),
            None => place::of(&case.target),
        }
    }

    /// A driver to the server that was started for a case.
    async fn open_launched(
        &mut self,
        there: &Case,
        stop: &Stop,
    ) -> Result<Arc<dyn Driver>, OpenError> {
        host::suffice(there, self.shard)?;
        match (there.kind, there.target.driver) {
            (Kind::Embedding, _) => Ok(self.launched(embeddings::Embeddings::open(there).await?)),
            (Kind::Rag, _) => {
                let rag = rag::Rag::open(there, &mut self.library, stop).await?;
                Ok(self.launched(rag))
            }
            (_, DriverKind::Ollama) => Ok(self.launched(ollama::Ollama::open(there).await?)),
            _ => Ok(self.launched(openai::OpenAi::open(there).await?)),
        }
    }

    /// The driver, with what its start tells.
    fn launched<D: Driver + 'static>(&self, driver: D) -> Arc<dyn Driver> {
        match &self.server {
            Some(server) => Arc::new(Launched::new(driver, server)),
            None => Arc::new(driver),
        }
    }

    /// The server of a case that starts one. One that the case does not ask for is ended first:
    /// it would take memory and time from what is measured.
    async fn serve(&mut self, case: &Case, stop: &Stop) -> Result<Option<&Running>, OpenError> {
        let wanted = Server::of(case);
        let kept = self.server.take().and_then(|mut running| {
            let serves = wanted.as_ref().is_some_and(|server| running.serves(server));
            serves.then_some(running)
        });
        self.server = match (kept, wanted) {
            (Some(running), _) => Some(running),
            (None, Some(server)) => Some(server.start(&self.logs, stop).await?),
            (None, None) => None,
        };
        Ok(self.server.as_ref())
    }

    /// Opens a target that runs by itself, and leaves a server that was started for another case.
    ///
    /// # Errors
    /// When the target cannot be measured; the message says what to do.
    pub async fn open_as_it_is(
        &mut self,
        case: &Case,
        stop: &Stop,
    ) -> Result<Arc<dyn Driver>, OpenError> {
        host::suffice(case, self.shard)?;
        match case.target.driver {
            DriverKind::Auto => Err(OpenError::Invalid(
                "driver `auto` was not resolved before measuring".to_owned(),
            )),
            #[cfg(feature = "embedded")]
            DriverKind::Embedded => Ok(Arc::new(self.models.open(case)?)),
            #[cfg(not(feature = "embedded"))]
            DriverKind::Embedded => Err(OpenError::Unavailable(
                "this build has no embedded model; build with `--features embedded`".to_owned(),
            )),
            DriverKind::Openai => match case.kind {
                Kind::Embedding => Ok(Arc::new(embeddings::Embeddings::open(case).await?)),
                Kind::Rag => Ok(Arc::new(rag::Rag::open(case, &mut self.library, stop).await?)),
                Kind::Generation | Kind::Retrieval => {
                    Ok(Arc::new(openai::OpenAi::open(case).await?))
                }
            },
            DriverKind::Ollama => Ok(Arc::new(ollama::Ollama::open(case).await?)),
            DriverKind::Batch => Ok(Arc::new(batch::Batch::open(case, &self.logs)?)),
            DriverKind::Simulated => Ok(Arc::new(simulated::Simulated::open(case)?)),
            DriverKind::Flat | DriverKind::FlatQ4 | DriverKind::IvfSq8 | DriverKind::Hnsw => {
                Ok(Arc::new(self.corpora.open(case)?))
            }
            DriverKind::Pgvector | DriverKind::Redis | DriverKind::VectorHttp => {
                database::open(case, &mut self.corpora, stop).await
            }
            DriverKind::Custom => self.drivers.open(case),
        }
    }
}
