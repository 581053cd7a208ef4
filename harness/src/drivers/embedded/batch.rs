//! Continuous batching: the sequences that run together, without the thread that runs them.

use super::llama::{Cache, Llama, Span};
use super::sampler::Sampler;
use crate::recorder::Reply;
use candle_core::utils::with_threadpool;
use std::collections::VecDeque;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::quality::Likelihood;
use tokgate_core::record::EventKind;
use tokio::sync::oneshot;

/// Sequences that run at the same time; more wait for their turn. Far more than a CPU gains from,
/// so that what is measured at any usual concurrency is batching and not this queue.
pub(crate) const MOST_RUNNING: usize = 256;

/// Prompt tokens per forward pass. Longer prompts go in pieces: attention scores take memory in
/// proportion to piece × length, and no weight is reused better by a larger piece.
const PIECE: usize = 512;

/// What is asked of the model, tokenised and checked.
pub(crate) struct Ask {
    /// At least one token.
    pub(crate) prompt: Vec<u32>,
    /// At least one.
    pub(crate) max_tokens: usize,
    /// Draws the answer.
    pub(crate) sampler: Sampler,
    /// Tokens that end the answer.
    pub(crate) stops: Vec<u32>,
    /// Whether the probabilities of its tokens are wanted.
    pub(crate) logprobs: bool,
}

impl Ask {
    /// Tokens that must have room.
    pub(crate) fn length(&self) -> usize {
        self.prompt.len() + self.max_tokens
    }
}

/// One request.
pub(crate) struct Job {
    /// What is asked.
    pub(crate) ask: Ask,
    /// Told of each token as it is made.
    pub(crate) reply: Reply,
    /// Told of the end. Closed by a caller who has lost interest.
    pub(crate) done: oneshot::Sender<Result<Generated, Failure>>,
}

/// A finished answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Generated {
    /// The probabilities of its tokens, where they are wanted.
    pub(crate) likelihood: Option<Likelihood>,
    /// The answer's tokens, without the one that ended it.
    pub(crate) tokens: Vec<u32>,
    /// Why it ended.
    pub(crate) finish: Finish,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// As many tokens as asked for.
    Length,
    /// The model said so.
    Stop,
}

/// A sequence in memory.
struct Sequence {
    job: Job,
    cache: Cache,
    tokens: Vec<u32>,
    likelihood: Option<Likelihood>,
}

/// What becomes of a sequence after a token.
enum After {
    Continues,
    Ends(Result<Finish, Failure>),
}

/// The running sequences and the queue before them.
pub(crate) struct Batch {
    model: Llama,
    /// Tokens whose keys and values may be in memory at the same time.
    room: usize,
    waiting: VecDeque<Job>,
    running: Vec<Sequence>,
}

impl Batch {
    /// An empty batch on a model, with room for the keys and values of `room` tokens.
    pub(crate) fn new(model: Llama, room: usize) -> Self {
        Self { model, room, waiting: VecDeque::new(), running: Vec::new() }
    }

    /// Puts a job at the end of the queue.
    pub(crate) fn enqueue(&mut self, job: Job) {
        self.waiting.push_back(job);
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty()
    }

    /// One step: forget whoever lost interest, prefill one newcomer, then decode one token for all.
    ///
    /// One newcomer and not all: so a running sequence waits at most one prefill for its token.
    pub(crate) fn step(&mut self) {
        self.running.retain(|sequence| !sequence.job.done.is_closed());
        self.waiting.retain(|job| !job.done.is_closed());
        // All in candle's own pool: from outside, each parallel loop would wait for a thread of it.
        with_threadpool(|| {
            if let Some(job) = self.newcomer() {
                self.admit(job);
            }
            self.decode();
        });
    }

    /// The job that has waited longest, if there is room for it now.
    fn newcomer(&mut self) -> Option<Job> {
        let held: usize = self.running.iter().map(|sequence| sequence.job.ask.length()).sum();
        let next = self.waiting.front()?.ask.length();
        let fits = held + next <= self.room && self.running.len() < MOST_RUNNING;
        fits.then(|| self.waiting.pop_front()).flatten()
    }

    /// Runs a newcomer's prompt and makes its first token.
    fn admit(&mut self, job: Job) {
        match self.prefill(&job) {
            Ok((cache, logits)) => {
                let tokens = Vec::with_capacity(job.ask.max_tokens);
                let likelihood = job.ask.logprobs.then(Likelihood::default);
                let sequence = Sequence { job, cache, tokens, likelihood };
                self.running.extend(sequence.take(&logits));
            }
            // A caller who has lost interest needs no answer.
            Err(error) => drop(job.done.send(Err(failed(&error)))),
        }
    }

    fn prefill(&self, job: &Job) -> candle_core::Result<(Cache, Vec<f32>)> {
        let mut cache = self.model.cache(job.ask.length())?;
        let mut logits = Vec::new();
        for tokens in job.ask.prompt.chunks(PIECE) {
            logits = self
                .model
                .forward(&mut [Span { tokens, cache: &mut cache }])?
                .squeeze(0)?
                .to_vec1()?;
        }
        Ok((cache, logits))
    }

    /// One token for every running sequence, in one forward pass.
    fn decode(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let mut spans: Vec<Span<'_>> = self.running.iter_mut().map(Sequence::span).collect();
        let logits = self.model.forward(&mut spans).and_then(|logits| logits.to_vec2());
        let sequences = std::mem::take(&mut self.running).into_iter();
        match logits {
            Ok(rows) => {
                self.running =
                    sequences.zip(&rows).filter_map(|(one, row)| one.take(row)).collect();
            }
            Err(error) => sequences.for_each(|one| one.end(Err(failed(&error)))),
        }
    }

    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }
}

impl Sequence {
    /// The last token, which the model has not seen yet.
    fn span(&mut self) -> Span<'_> {
        let last = self.tokens.len().saturating_sub(1);
        Span { tokens: &self.tokens[last..], cache: &mut self.cache }
    }

    /// Takes the next token from its logits; `None` when that was the end.
    fn take(mut self, logits: &[f32]) -> Option<Self> {
        match self.next(logits) {
            After::Continues => Some(self),
            After::Ends(how) => {
                self.end(how);
                None
            }
        }
    }

    fn next(&mut self, logits: &[f32]) -> After {
        let Some(token) = self.job.ask.sampler.draw(logits) else {
            return After::Ends(Err(Failure::new(
                FailureClass::Engine,
                "the logits are not finite numbers; the weights are damaged or not of this model",
            )));
        };
        self.job.reply.arrived();
        if self.job.ask.stops.contains(&token) {
            return After::Ends(Ok(Finish::Stop));
        }
        self.job.reply.event(EventKind::Content, Some(1));
        if let (Some(so_far), Some(one)) = (&mut self.likelihood, Sampler::logprob(logits, token)) {
            so_far.add(one);
        }
        self.tokens.push(token);
        match self.tokens.len() < self.job.ask.max_tokens {
            true => After::Continues,
            false => After::Ends(Ok(Finish::Length)),
        }
    }

    fn end(self, how: Result<Finish, Failure>) {
        if how.is_ok() {
            self.job.reply.done();
        }
        let (tokens, likelihood) = (self.tokens, self.likelihood);
        // A caller who has lost interest needs no answer.
        drop(self.job.done.send(how.map(|finish| Generated { likelihood, tokens, finish })));
    }
}

fn failed(error: &candle_core::Error) -> Failure {
    Failure::new(FailureClass::Engine, format!("the forward pass failed: {error}"))
}
