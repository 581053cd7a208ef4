//! A transformer in process: seeded synthetic weights, or a local GGUF file.
//!
//! `model` holds what is in memory: a tokenizer (`tokenizer`, `words`, `bpe`) and an engine, a
//! thread (`engine`) that batches sequences continuously (`batch`) through one forward pass
//! (`llama`). Weights come from a seed (`synthetic`) or a checked file (`gguf`, `header`).
//!
//! Nothing is downloaded here. It computes on the first of CUDA, Metal and the CPU that the build
//! has features for and the machine has hardware for (`device`). On the CPU candle reads its number
//! of threads from the environment, once; whoever starts the process sets it, and the identity
//! says what is in force.

#[cfg(test)]
mod agreement;
mod batch;
mod bpe;
pub(crate) mod counter;
mod device;
mod engine;
#[cfg(test)]
mod files;
mod gguf;
mod header;
mod llama;
mod matrix;
mod model;
#[cfg(test)]
mod reference;
mod sampler;
mod shape;
#[cfg(test)]
mod speed;
mod synthetic;
#[cfg(test)]
mod tests;
mod tokenizer;
mod words;

use crate::driver::{Answer, Driver, OpenError, Payload, Request};
use crate::recorder::Reply;
use batch::{Ask, Finish, Generated};
use futures_util::future::BoxFuture;
use model::Model;
use sampler::Sampler;
use serde_json::{Value, json};
use std::sync::Arc;
use tokgate_core::case::{Case, Endpoint, Target};
use tokgate_core::dataset::joined;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::{Counted, Usage};
use tokgate_core::run::{Preparation, TargetIdentity};

/// The model in memory, kept for the next case that asks for it. One at a time, so that the memory
/// measured with a model is its own.
#[derive(Default)]
pub struct Models {
    last: Option<Named>,
}

struct Named {
    name: String,
    model: Arc<Model>,
}

impl Models {
    /// Loads the model of a case: a synthetic one by name, a GGUF file by its path, or the default
    /// synthetic one.
    ///
    /// # Errors
    /// When the name is unknown, the file is missing, damaged or of another format, memory is
    /// short, or `target.body` has a field that this driver does not know.
    pub fn open(&mut self, case: &Case) -> Result<Embedded, OpenError> {
        let ignore_eos = ignore_eos(&case.target)?;
        let model = self.model(case.target.model.as_deref().unwrap_or(shape::DEFAULT))?;
        Ok(Embedded {
            identity: identity(&model, &case.target),
            chat: case.target.endpoint == Endpoint::Chat,
            ignore_eos,
            logprobs: case.quality.logprobs,
            model,
        })
    }

    fn model(&mut self, name: &str) -> Result<Arc<Model>, OpenError> {
        // Freed before the next one is loaded, unless a driver still holds it.
        self.last.take_if(|last| last.name != name);
        if let Some(last) = &self.last {
            return Ok(Arc::clone(&last.model));
        }
        let model = Arc::new(Model::load(name)?);
        self.last = Some(Named { name: name.to_owned(), model: Arc::clone(&model) });
        Ok(model)
    }
}

/// One model, ready to generate.
pub struct Embedded {
    model: Arc<Model>,
    identity: TargetIdentity,
    chat: bool,
    ignore_eos: bool,
    logprobs: bool,
}

impl Embedded {
    /// Tokenises and checks a request before any of it is computed.
    fn ask(&self, request: &Request) -> Result<Ask, Failure> {
        let Payload::Prompt { messages, max_tokens, temperature } = &request.payload else {
            return Err(refused("the embedded model answers prompts, not vector queries"));
        };
        let prompt = self.model.tokenizer.prompt(&joined(messages), self.chat).map_err(refused)?;
        let ask = Ask {
            prompt,
            max_tokens: *max_tokens as usize,
            sampler: Sampler::new(*temperature, request.seed),
            stops: if self.ignore_eos { Vec::new() } else { self.model.tokenizer.stops().to_vec() },
            logprobs: self.logprobs,
        };
        self.check(&ask)?;
        Ok(ask)
    }

    fn check(&self, ask: &Ask) -> Result<(), Failure> {
        let (prompt, max_tokens, longest) = (ask.prompt.len(), ask.max_tokens, self.model.longest);
        if prompt == 0 {
            return Err(refused("the prompt is empty; the model needs at least one token"));
        }
        if max_tokens == 0 {
            return Err(refused("no output tokens were asked for; ask for at least one"));
        }
        match ask.length() <= longest {
            true => Ok(()),
            false => Err(refused(format!(
                "{prompt} prompt tokens and {max_tokens} output tokens exceed the {longest} that the model has room for; shorten either"
            ))),
        }
    }

    fn answer(&self, prompt_tokens: usize, generated: &Generated) -> Result<Answer, Failure> {
        let reason = match generated.finish {
            Finish::Length => "length",
            Finish::Stop => "stop",
        };
        Ok(Answer {
            usage: Some(Usage {
                prompt_tokens: prompt_tokens as u64,
                completion_tokens: generated.tokens.len() as u64,
                cached_tokens: None,
                counted: Counted::Server,
                raw: None,
            }),
            finish_reason: Some(reason.to_owned()),
            text: Some(self.model.tokenizer.text(&generated.tokens).map_err(refused)?),
            likelihood: generated.likelihood,
            ..Answer::default()
        })
    }
}

impl Driver for Embedded {
    fn identity(&self) -> TargetIdentity {
        self.identity.clone()
    }

    fn preparation(&self) -> Preparation {
        Preparation { model_load_s: Some(self.model.load_s), ..Preparation::default() }
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let ask = self.ask(request)?;
            let prompt_tokens = ask.prompt.len();
            let generated = self.model.engine.generate(ask, reply).await?;
            self.answer(prompt_tokens, &generated)
        })
    }
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::new(FailureClass::Engine, message)
}

/// The model's identity, and beside the threads in force those that the case asked for, where they
/// differ.
fn identity(model: &Model, target: &Target) -> TargetIdentity {
    let mut identity = model.identity.clone();
    let asked = json!(target.threads);
    if identity.config.get("threads") != Some(&asked) {
        tracing::warn!(%asked, "candle computes with another number of threads than asked for; set RAYON_NUM_THREADS");
        identity.config.insert("threads_asked".to_owned(), asked);
    }
    identity
}

/// Whether answers go on after the model's end token: `target.body.ignore_eos`.
fn ignore_eos(target: &Target) -> Result<bool, OpenError> {
    if let Some(field) = target.body.keys().find(|field| *field != "ignore_eos") {
        return Err(OpenError::Invalid(format!(
            "target.body.{field}: the embedded driver knows only `ignore_eos`; remove it"
        )));
    }
    match target.body.get("ignore_eos") {
        None => Ok(false),
        Some(Value::Bool(ignore)) => Ok(*ignore),
        Some(other) => Err(OpenError::Invalid(format!(
            "target.body.ignore_eos is {other}; write true or false"
        ))),
    }
}
