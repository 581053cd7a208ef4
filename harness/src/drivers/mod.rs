//! The drivers, one file or folder each, and the one place that opens the right one for a case.

pub mod batch;
pub mod database;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod ollama;
pub mod openai;
#[cfg(test)]
#[path = "../../../tests/support/replay.rs"]
pub(crate) mod replay;
pub mod retrieval;
pub mod simulated;

use crate::driver::{Driver, OpenError};
use crate::launch::{Launched, Running, Server};
use crate::retrieval::cache::Cache;
use crate::stop::Stop;
use std::path::PathBuf;
use std::sync::Arc;
use tokgate_core::case::{Case, DriverKind};

/// The targets of one invocation. What is dear to make (a model in memory, a server, a million
/// vectors and their exact neighbours) is kept for the next case that asks for the same.
pub struct Targets {
    #[cfg(feature = "embedded")]
    models: embedded::Models,
    corpora: retrieval::Corpora,
    server: Option<Running>,
    /// Where the logs of what is launched go.
    logs: PathBuf,
}

impl Targets {
    /// No target yet; `logs` is the folder for the logs of what is launched.
    #[must_use]
    pub fn new(logs: PathBuf) -> Self {
        Self {
            #[cfg(feature = "embedded")]
            models: embedded::Models::default(),
            corpora: retrieval::Corpora::default(),
            server: None,
            logs,
        }
    }

    /// The same, keeping what is dear to make in `cache` for later runs.
    #[must_use]
    pub fn with_cache(self, cache: Cache) -> Self {
        Self { corpora: retrieval::Corpora::with_cache(cache), ..self }
    }

    /// Opens the target of a case; what it starts for that can be stopped.
    ///
    /// # Errors
    /// When the target cannot be measured; the message says what to do.
    pub async fn open(&mut self, case: &Case, stop: &Stop) -> Result<Arc<dyn Driver>, OpenError> {
        match self.serve(case, stop).await? {
            Some(server) => launched(case, server).await,
            None => self.open_as_it_is(case, stop).await,
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

    async fn open_as_it_is(
        &mut self,
        case: &Case,
        stop: &Stop,
    ) -> Result<Arc<dyn Driver>, OpenError> {
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
            DriverKind::Openai => Ok(Arc::new(openai::OpenAi::open(case).await?)),
            DriverKind::Ollama => Ok(Arc::new(ollama::Ollama::open(case).await?)),
            DriverKind::Batch => Ok(Arc::new(batch::Batch::open(case, &self.logs)?)),
            DriverKind::Simulated => Ok(Arc::new(simulated::Simulated::open(case)?)),
            DriverKind::Flat | DriverKind::FlatQ4 | DriverKind::IvfSq8 => {
                Ok(Arc::new(self.corpora.open(case)?))
            }
            DriverKind::Pgvector | DriverKind::Redis | DriverKind::VectorHttp => {
                database::open(case, &mut self.corpora, stop).await
            }
        }
    }
}

/// A driver to the server that was started for a case.
async fn launched(case: &Case, server: &Running) -> Result<Arc<dyn Driver>, OpenError> {
    let mut there = case.clone();
    there.target.base_url = Some(server.base_url());
    match case.target.driver {
        DriverKind::Ollama => {
            Ok(Arc::new(Launched::new(ollama::Ollama::open(&there).await?, server)))
        }
        _ => Ok(Arc::new(Launched::new(openai::OpenAi::open(&there).await?, server))),
    }
}
