//! The engine's thread, and the way to it.

use super::batch::{Ask, Batch, Generated, Job};
use super::llama::Llama;
use crate::recorder::Reply;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokgate_core::failure::{Failure, FailureClass};
use tokio::sync::oneshot;

/// A running engine. Dropping it ends its thread and frees the model.
pub(crate) struct Engine {
    jobs: Sender<Job>,
}

impl Engine {
    /// Starts a thread that owns `model` and keeps keys and values of at most `room` tokens.
    ///
    /// # Errors
    /// When the operating system has no thread left.
    pub(crate) fn start(model: Llama, room: usize) -> std::io::Result<Self> {
        Self::spawn(move |jobs| run(Batch::new(model, room), &jobs))
    }

    fn spawn(body: impl FnOnce(Receiver<Job>) + Send + 'static) -> std::io::Result<Self> {
        let (jobs, received) = channel();
        std::thread::Builder::new().name("embedded-engine".to_owned()).spawn(|| body(received))?;
        Ok(Self { jobs })
    }

    /// Generates an answer; each token is reported to `reply` as it is made. Dropping the future
    /// cancels the sequence before its next token.
    ///
    /// # Errors
    /// When the forward pass fails, or the engine's thread is gone.
    pub(crate) async fn generate(&self, ask: Ask, reply: &Reply) -> Result<Generated, Failure> {
        let (done, end) = oneshot::channel();
        self.jobs.send(Job { ask, reply: reply.clone(), done }).map_err(|_| gone())?;
        // The sender is dropped without an answer only when the thread unwinds.
        end.await.map_err(|_| gone())?
    }
}

fn gone() -> Failure {
    Failure::new(FailureClass::Engine, "the engine's thread has panicked; see the log above")
}

/// Until every handle is dropped: wait for work, then step as long as there is some.
fn run(mut batch: Batch, jobs: &Receiver<Job>) {
    loop {
        if batch.is_idle() {
            match jobs.recv() {
                Ok(job) => batch.enqueue(job),
                Err(_) => return,
            }
        }
        jobs.try_iter().for_each(|job| batch.enqueue(job));
        batch.step();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::drivers::embedded::sampler::Sampler;

    fn ask() -> Ask {
        Ask {
            prompt: vec![1],
            max_tokens: 1,
            sampler: Sampler::new(0.0, 0),
            stops: Vec::new(),
            logprobs: false,
        }
    }

    #[tokio::test]
    async fn requests_to_an_engine_that_panics_fail_and_do_not_hang() {
        let engine = Engine::spawn(|jobs| {
            let _held = jobs.recv();
            panic!("planted");
        })
        .unwrap();
        let reply = Reply::new(Clock::start());
        let during = engine.generate(ask(), &reply).await.unwrap_err();
        let after = engine.generate(ask(), &reply).await.unwrap_err();
        assert_eq!((during.class, &during), (FailureClass::Engine, &after));
    }
}
