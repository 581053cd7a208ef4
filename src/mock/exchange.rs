//! One question and what is done with it: a slot, an answer or a fault, and the entry in the book.

use super::answer::Answer;
use super::connection::{Asked, Connection};
use super::fault::{self, Fault, Framing};
use super::house::House;
use super::luck::Luck;
use super::question::Question;
use super::refusal::Refusal;
use super::schedule::Schedule;
use super::truth::{Deed, Ended, Endpoint};
use super::voice::{Ending, Setting, Voice};
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::SemaphorePermit;

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It takes the next request.
    Keep,
    /// It is closed in order.
    Close,
    /// It is closed with a reset.
    Reset,
    /// It stays open, and nothing more is said.
    Hang,
}

/// When what was sent; `None` for what was not.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    first: Option<Instant>,
    first_tokens: Option<Instant>,
    first_answer: Option<Instant>,
    last_tokens: Option<Instant>,
    gaps: Vec<f64>,
    /// Tokens that were sent.
    pub(super) tokens: u64,
}

impl Stamps {
    /// An event without tokens was sent.
    pub(super) fn event(&mut self, at: Instant) {
        self.first.get_or_insert(at);
    }

    /// An event with tokens was sent.
    pub(super) fn tokens(&mut self, at: Instant, count: u32, is_reasoning: bool) {
        self.event(at);
        self.first_tokens.get_or_insert(at);
        if !is_reasoning {
            self.first_answer.get_or_insert(at);
        }
        let gap = self.last_tokens.map(|last| at.saturating_duration_since(last).as_secs_f64());
        self.gaps.extend(gap);
        self.last_tokens = Some(at);
        self.tokens += u64::from(count);
    }

    /// A whole answer was sent: it has an end and no first token.
    pub(super) fn whole(&mut self, at: Instant, tokens: u64) {
        self.last_tokens = Some(at);
        self.tokens = tokens;
    }
}

/// A question that is being answered.
pub(super) struct Exchange<'a> {
    pub(super) house: &'a House,
    pub(super) connection: &'a mut Connection,
    pub(super) voice: Box<dyn Voice>,
    /// The pace of the model that answers.
    pub(super) schedule: &'a Schedule,
    pub(super) question: Question,
    pub(super) answer: Answer,
    pub(super) fault: Option<Fault>,
    pub(super) luck: Luck,
    pub(super) stamps: Stamps,
    /// The frames of an event, kept for their memory.
    pub(super) frames: Vec<u8>,
    /// The same as they go over the wire.
    pub(super) bytes: Vec<u8>,
    ordinal: u64,
    received: Instant,
}

impl<'a> Exchange<'a> {
    /// Gives the question its number, and with it its luck.
    pub(super) fn new(
        house: &'a House,
        connection: &'a mut Connection,
        question: Question,
        asked: &Asked,
    ) -> Self {
        let ordinal = house.next_ordinal();
        let mut luck = Luck::new(house.options.seed, ordinal);
        let fault = fault::draw(&house.options.faults, &mut luck);
        let is_short = luck.uniform() < house.options.short_answer;
        let identity = house.identity_of(&question.model, ordinal);
        let setting = Setting::new(ordinal, question.clone(), identity, &house.options);
        Self {
            house,
            connection,
            voice: setting.voice(),
            schedule: house.schedule_of(&question.model),
            answer: Answer::new(&question, is_short, &house.options),
            question,
            fault,
            luck,
            stamps: Stamps::default(),
            frames: Vec::new(),
            bytes: Vec::new(),
            ordinal,
            received: asked.received,
        }
    }

    /// Answers, or fails as planned, and enters what was done.
    ///
    /// # Errors
    /// When the client left.
    pub(super) async fn work(mut self) -> io::Result<Next> {
        let usual = self.connection.largest_write;
        if self.fault == Some(Fault::SlowBytes) {
            self.connection.largest_write = 1;
        }
        let played = self.play().await;
        self.connection.largest_write = usual;
        let ended = match (&played, self.fault.and_then(|fault| fault.class(self.framing()))) {
            (Err(_), _) => Ended::ClientLeft,
            (Ok(_), Some(class)) => Ended::Failure(class),
            (Ok(_), None) => Ended::Success,
        };
        // Nothing waits between the last write and this line, so that whoever has read the end
        // finds it in the truth.
        self.house.enter(self.received, self.deed(ended));
        played
    }

    async fn play(&mut self) -> io::Result<Next> {
        let is_ollama = self.question.endpoint.is_ollama();
        let refusal = self.fault.and_then(|it| Refusal::of(it, is_ollama, self.framing()));
        if let Some(refusal) = refusal {
            self.connection.send(&refusal.bytes).await?;
            return Ok(refusal.next);
        }
        let (_slot, free) = self.slot().await?;
        // A frozen server begins nothing, either.
        let begun = self.house.pace.until(free).await;
        match self.question.stream {
            true => self.stream(begun).await,
            false => self.whole(begun).await,
        }
    }

    /// Waits in the queue for as long as the client does. The work begins when the request is
    /// received, or when its wait is over.
    async fn slot(&self) -> io::Result<(SemaphorePermit<'a>, Instant)> {
        if let Ok(slot) = self.house.slots.try_acquire() {
            return Ok((slot, self.received));
        }
        let _queued = self.house.queue();
        tokio::select! {
            slot = self.house.slots.acquire() => {
                Ok((slot.map_err(io::Error::other)?, Instant::now()))
            }
            () = self.connection.gone() => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// Whether it is answered with vectors.
    pub(super) fn embeds(&self) -> bool {
        self.question.endpoint == Endpoint::Embeddings
    }

    /// How the reply is framed.
    pub(super) fn framing(&self) -> Framing {
        match self.question.stream {
            true => self.voice.framing(),
            false => Framing::Whole,
        }
    }

    /// What the end says; `total` is from the receipt to now.
    pub(super) fn ending(&self, prompt_eval: Duration, is_announced: bool) -> Ending<'_> {
        let tokens = match self.embeds() {
            true => self.question.prompt_tokens,
            false => u64::from(self.answer.tokens) * u64::from(self.question.prompts),
        };
        let more = if self.house.options.wrong_usage { (tokens / 2).max(1) } else { 0 };
        Ending {
            answer: &self.answer,
            counted: tokens + more,
            cached: (self.question.prompt_tokens as f64 * self.house.options.cached) as u64,
            total: self.received.elapsed(),
            prompt_eval,
            is_announced,
        }
    }

    /// From the receipt to the first tokens.
    pub(super) fn to_first_tokens(&self) -> Duration {
        let first = self.stamps.first_tokens.unwrap_or(self.received);
        first.saturating_duration_since(self.received)
    }

    fn deed(&mut self, ended: Ended) -> Deed {
        let stamps = std::mem::take(&mut self.stamps);
        let since = |at: Instant| at.saturating_duration_since(self.received).as_secs_f64();
        let is_stream = self.question.stream;
        Deed {
            ordinal: self.ordinal,
            endpoint: self.question.endpoint,
            stream: is_stream,
            prompt_tokens: self.question.prompt_tokens,
            prompt: self.question.fingerprint,
            completion_tokens: stamps.tokens,
            planned: self.fault,
            ended,
            received_s: self.house.seconds(self.received),
            ended_s: self.house.seconds(stamps.last_tokens.unwrap_or_else(Instant::now)),
            ttfr_s: stamps.first.map(since),
            ttft_s: stamps.first_tokens.map(since),
            ttfo_s: stamps.first_answer.map(since),
            e2e_s: stamps.last_tokens.map(since),
            itl_s: stamps.gaps,
        }
    }
}
