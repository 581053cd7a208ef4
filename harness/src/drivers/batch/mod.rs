//! Offline batches: a command answers a whole file of requests at once, as vLLM's `run-batch`.
//!
//! All requests are released at one instant; the last one to come writes the file and runs the
//! command, the others wait. There is no stream and so no time to first token: a request is sent
//! when the command had loaded, and done when it ended, so that throughput is that of the work.
//! Loading is timed apart where the scenario names the line of output that ends it.

mod files;
mod run;

use crate::driver::{Answer, Driver, OpenError, Request};
use crate::http::Template;
use crate::launch::settings;
use crate::recorder::Reply;
use files::Asked;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokgate_core::case::{Case, Launch};
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};
use tokio::sync::oneshot;

/// A command that answers batches.
pub struct Batch {
    launch: Launch,
    template: Template,
    model: String,
    /// The variable that holds our own key.
    secret: Option<String>,
    /// Requests of a batch.
    size: usize,
    logs: PathBuf,
    gathered: Mutex<Gathered>,
}

/// The batch that is being gathered, and what the last one told.
#[derive(Default)]
struct Gathered {
    waiting: Vec<Waiting>,
    load_s: Option<f64>,
    /// The model as the answers name it.
    model: Option<String>,
}

/// A request that waits for its answer.
struct Waiting {
    asked: Asked,
    reply: Reply,
    answer: oneshot::Sender<Result<Answer, Failure>>,
}

impl Batch {
    /// Reads the command of a case; nothing is started yet.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(case: &Case, logs: &Path) -> Result<Self, OpenError> {
        let target = &case.target;
        let launch = target.launch.clone().ok_or_else(|| {
            OpenError::Invalid("driver `batch` needs a command in `launch`".to_owned())
        })?;
        let model = target.model.clone().unwrap_or_default();
        Ok(Self {
            launch,
            template: Template::offline(case, &model),
            model,
            secret: target.api_key_env.clone(),
            size: case.planned_requests().unwrap_or_default() as usize,
            logs: logs.to_owned(),
            gathered: Mutex::default(),
        })
    }

    async fn ask(&self, request: &Request, reply: &Reply) -> Result<Answer, Failure> {
        let asked = Asked {
            custom_id: format!("request-{}", request.ordinal),
            url: format!("/v1/{}", self.template.path()),
            body: self.template.body(request)?,
        };
        let (sender, answer) = oneshot::channel();
        let waiting = Waiting { asked, reply: reply.clone(), answer: sender };
        if let Some(batch) = self.gather(waiting) {
            self.answer(batch).await;
        }
        let abandoned = || Failure::new(FailureClass::Engine, "the batch was abandoned");
        answer.await.unwrap_or_else(|_| Err(abandoned()))
    }

    /// Adds a request; the whole batch once it is the last one.
    fn gather(&self, request: Waiting) -> Option<Vec<Waiting>> {
        let mut gathered = self.lock();
        gathered.waiting.push(request);
        let is_whole = gathered.waiting.len() == self.size;
        is_whole.then(|| std::mem::take(&mut gathered.waiting))
    }

    /// Runs the command on the batch and hands every request its answer.
    async fn answer(&self, batch: Vec<Waiting>) {
        let replies: Vec<Reply> = batch.iter().map(|waiting| waiting.reply.clone()).collect();
        let asked: Vec<&Asked> = batch.iter().map(|waiting| &waiting.asked).collect();
        let mut answered = self.run(&asked, &replies).await;
        replies.iter().for_each(Reply::arrived);
        let mut gathered = self.lock();
        gathered.load_s = answered.load_s;
        gathered.model = answered.model.take().or(gathered.model.take());
        for waiting in batch {
            let answer = answered.take(&waiting.asked.custom_id);
            if answer.is_ok() {
                waiting.reply.done();
            }
            // Nobody waits any more for a request that was cut off.
            let _ = waiting.answer.send(answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn program(&self) -> String {
        let program = self.launch.command.first().map(Path::new);
        let name = program.and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

impl Driver for Batch {
    fn identity(&self) -> TargetIdentity {
        let is_vllm = self.launch.command.iter().any(|word| word.contains("vllm"));
        let mut config = settings(&self.launch.command);
        config.insert("command".to_owned(), json!(self.launch.command));
        TargetIdentity {
            platform: if is_vllm { "vllm-offline" } else { "batch" }.to_owned(),
            model: self.model.clone(),
            engine: if is_vllm { "vllm".to_owned() } else { self.program() },
            config,
            ..TargetIdentity::default()
        }
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        let preparation =
            Preparation { model_load_s: self.lock().load_s, ..Preparation::default() };
        let after = TargetAfter::unchanged(self.identity());
        Box::pin(std::future::ready(TargetAfter { preparation: Some(preparation), ..after }))
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.ask(request, reply).boxed()
    }
}

#[cfg(test)]
mod tests;
