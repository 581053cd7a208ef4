//! What the server really did: the stamps of its writes, and what follows from them.

use super::fault::Fault;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Instant;
use tokgate_core::quantile::{Sorted, mean};

/// Most requests that are kept one by one; those after them are only counted.
const KEPT_REQUESTS: usize = 100_000;
/// Most gaps that are kept: 64 MB.
const KEPT_GAPS: usize = 8_000_000;

/// Where a request was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Endpoint {
    /// OpenAI's chat.
    #[serde(rename = "/v1/chat/completions")]
    Chat,
    /// OpenAI's text completions.
    #[serde(rename = "/v1/completions")]
    Completions,
    /// OpenAI's embeddings.
    #[serde(rename = "/v1/embeddings")]
    Embeddings,
    /// Ollama's chat.
    #[serde(rename = "/api/chat")]
    OllamaChat,
    /// Ollama's text completions.
    #[serde(rename = "/api/generate")]
    OllamaGenerate,
}

impl Endpoint {
    /// The endpoint at a path.
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::Chat),
            "/v1/completions" => Some(Self::Completions),
            "/v1/embeddings" => Some(Self::Embeddings),
            "/api/chat" => Some(Self::OllamaChat),
            "/api/generate" => Some(Self::OllamaGenerate),
            _ => None,
        }
    }

    pub(super) fn is_ollama(self) -> bool {
        matches!(self, Self::OllamaChat | Self::OllamaGenerate)
    }

    pub(super) fn is_chat(self) -> bool {
        matches!(self, Self::Chat | Self::OllamaChat)
    }
}

/// How a request ended, as the server knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Everything was sent, and it was an answer.
    Success,
    /// The planned fault was played, and a truthful client calls this class of failure.
    Failure(tokgate_core::failure::FailureClass),
    /// The client closed the connection before the end.
    ClientLeft,
}

/// One request as it really went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deed {
    /// Number of the request since the server's start.
    pub ordinal: u64,
    /// Where it was sent.
    pub endpoint: Endpoint,
    /// Whether the answer came in pieces.
    pub stream: bool,
    /// Words of the prompts.
    pub prompt_tokens: u64,
    /// A number that the same prompts have again: whether two loads sent the same can be told by it.
    #[serde(serialize_with = "hexadecimal")]
    pub prompt: u64,
    /// Tokens that were really sent.
    pub completion_tokens: u64,
    /// The fault that was planned, or `success`.
    #[serde(serialize_with = "planned")]
    pub planned: Option<Fault>,
    /// How it ended.
    pub ended: Ended,
    /// When the last of it had arrived, from the server's start.
    pub received_s: f64,
    /// When the server was done with it, from its start.
    pub ended_s: f64,
    /// From its receipt to the first event of any kind.
    pub ttfr_s: Option<f64>,
    /// From its receipt to the first event with tokens.
    pub ttft_s: Option<f64>,
    /// From its receipt to the first event with tokens of the answer, not of reasoning.
    pub ttfo_s: Option<f64>,
    /// From its receipt to the last event with tokens, or to the whole answer or its vectors.
    pub e2e_s: Option<f64>,
    /// The gaps between events with tokens, one an event after the first.
    pub itl_s: Vec<f64>,
}

/// As a word: not every reader of JSON has whole numbers of 64 bits.
fn hexadecimal<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{number:016x}"))
}

fn planned<S: Serializer>(fault: &Option<Fault>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&fault.map_or_else(|| "success".to_owned(), Fault::name))
}

/// How many requests there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All that ended.
    pub requests: u64,
    /// Those with an answer.
    pub successes: u64,
    /// Those with a fault, by the class that a truthful client gives them.
    pub failures: BTreeMap<&'static str, u64>,
    /// Those whose client closed the connection before the end.
    pub client_left: u64,
}

/// Tokens of the successes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Of the prompts.
    pub prompt: u64,
    /// Of the answers.
    pub completion: u64,
}

/// A distribution; percentiles are of type 7.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[allow(missing_docs)] // the fields are named as the field names them
pub struct Spread {
    pub n: usize,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
}

/// What the server did since its start or the last reset. Times are those of successes; answers
/// that came whole have an end only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Truth {
    /// How many requests.
    pub counts: Counts,
    /// How many wait for a slot right now.
    pub queued: u64,
    /// Their tokens.
    pub tokens: Tokens,
    /// First receipt to last end.
    pub window_s: Option<f64>,
    /// Output tokens of successes per second of the window.
    pub tok_s: Option<f64>,
    /// Time to first response.
    pub ttfr_s: Option<Spread>,
    /// Time to first token.
    pub ttft_s: Option<Spread>,
    /// Gaps between events with tokens, of all requests together.
    pub itl_s: Option<Spread>,
    /// Time to the last token.
    pub e2e_s: Option<Spread>,
    /// Time to the vectors of embedding requests, which are in no other time.
    pub embed_s: Option<Spread>,
    /// Whether there were more requests than are kept, so that times are of the first only.
    pub truncated: bool,
    /// The requests, in the order in which they ended, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<Vec<Deed>>,
}

/// The book that the truth is read from. Bounded in memory.
#[derive(Debug)]
pub(super) struct Ledger {
    since: Instant,
    deeds: Vec<Deed>,
    gaps: usize,
    counts: Counts,
    tokens: Tokens,
    window: Option<(f64, f64)>,
    truncated: bool,
}

impl Ledger {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            deeds: Vec::new(),
            gaps: 0,
            counts: Counts::default(),
            tokens: Tokens::default(),
            window: None,
            truncated: false,
        }
    }

    /// Enters a request that was received at `received`; one from before the last reset is none
    /// of this book's.
    pub(super) fn enter(&mut self, received: Instant, deed: Deed) {
        if received < self.since {
            return;
        }
        self.count(&deed);
        let (first, last) = self.window.unwrap_or((deed.received_s, deed.ended_s));
        self.window = Some((first.min(deed.received_s), last.max(deed.ended_s)));
        if self.deeds.len() == KEPT_REQUESTS || self.gaps + deed.itl_s.len() > KEPT_GAPS {
            self.truncated = true;
            return;
        }
        self.gaps += deed.itl_s.len();
        self.deeds.push(deed);
    }

    fn count(&mut self, deed: &Deed) {
        self.counts.requests += 1;
        match deed.ended {
            Ended::Success => {
                self.counts.successes += 1;
                self.tokens.prompt += deed.prompt_tokens;
                self.tokens.completion += deed.completion_tokens;
            }
            Ended::Failure(class) => {
                *self.counts.failures.entry(class.as_str()).or_default() += 1;
            }
            Ended::ClientLeft => self.counts.client_left += 1,
        }
    }

    /// The truth so far.
    pub(super) fn truth(&self, queued: u64, with_requests: bool) -> Truth {
        let successes = || self.deeds.iter().filter(|deed| deed.ended == Ended::Success);
        let ends = |embeds: bool| {
            let of_this_kind =
                move |deed: &&Deed| (deed.endpoint == Endpoint::Embeddings) == embeds;
            successes().filter(of_this_kind).filter_map(|deed| deed.e2e_s)
        };
        let window_s = self.window.map(|(first, last)| last - first).filter(|it| *it > 0.0);
        Truth {
            counts: self.counts.clone(),
            queued,
            tokens: self.tokens,
            window_s,
            tok_s: window_s.map(|window| self.tokens.completion as f64 / window),
            ttfr_s: spread(successes().filter_map(|deed| deed.ttfr_s)),
            ttft_s: spread(successes().filter_map(|deed| deed.ttft_s)),
            itl_s: spread(successes().flat_map(|deed| deed.itl_s.iter().copied())),
            e2e_s: spread(ends(false)),
            embed_s: spread(ends(true)),
            truncated: self.truncated,
            requests: with_requests.then(|| self.deeds.clone()),
        }
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Spread> {
    let sorted = Sorted::new(values);
    let p = |p| sorted.quantile(p);
    Some(Spread {
        n: sorted.as_slice().len(),
        mean: mean(sorted.as_slice())?,
        p50: p(0.5)?,
        p90: p(0.9)?,
        p95: p(0.95)?,
        p99: p(0.99)?,
    })
}
