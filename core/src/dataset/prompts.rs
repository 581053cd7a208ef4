//! Which prompt a request has: a pure function of the set, the seed, the salt and the request's
//! number.

use super::file::Entries;
use super::message::Message;
use super::synthetic::{Opening, SharedPrefix, Synthetic, of_length, of_words, salt_words, words};
use super::tasks::{self, Task};
use crate::case::{OutputTokens, PromptSet, PromptSource};
use crate::record::Phase;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What one request sends to a language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What was said so far, the question last.
    pub messages: Vec<Message>,
    /// Output tokens asked for.
    pub max_tokens: u32,
}

/// There is nothing to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data set has no prompts: its file was not read, or the list is empty")]
pub struct NoPrompts;

/// The prompts of one epoch.
#[derive(Debug, Clone)]
pub struct Prompts<'a> {
    set: &'a PromptSet,
    given: Given<'a>,
    seed: u64,
    salt: Option<&'a str>,
    salt_words: Vec<&'static str>,
}

/// Prompts that were written by someone, and come in turn.
#[derive(Debug, Clone)]
enum Given<'a> {
    /// None: they are made.
    Made,
    Texts(&'a [String]),
    Tasks(Vec<&'static Task>),
    Entries(&'a Entries),
}

/// Where a request stands: what its draws come from.
#[derive(Debug, Clone, Copy)]
struct Place {
    phase: Phase,
    ordinal: u64,
}

/// Streams of the generator that no request's number reaches.
const WARMUP: u64 = 1 << 63;
const LENGTHS: u64 = 1 << 62;
const SHARED: u64 = 1 << 61;

impl<'a> Prompts<'a> {
    /// Prompts of `set`, drawn from `seed`; `entries` are those of its file, where it has one.
    /// `salt` stands at the head of every prompt; `None` leaves prompts as they are, so that a
    /// repeated run may hit the target's prefix cache.
    ///
    /// # Errors
    /// When the set is empty, or its file is not there.
    pub fn new(
        set: &'a PromptSet,
        entries: Option<&'a Entries>,
        seed: u64,
        salt: Option<&'a str>,
    ) -> Result<Self, NoPrompts> {
        let given = match &set.source {
            PromptSource::Synthetic(_) | PromptSource::Text { .. } => Given::Made,
            PromptSource::Prompts { prompts } => Given::Texts(prompts),
            PromptSource::Tasks { category } => Given::Tasks(tasks::of(*category).collect()),
            PromptSource::File(_) => Given::Entries(entries.ok_or(NoPrompts)?),
        };
        let salt_words = salt.map_or_else(Vec::new, salt_words);
        match given.count() {
            Some(0) => Err(NoPrompts),
            Some(_) | None => Ok(Self { set, given, seed, salt, salt_words }),
        }
    }

    /// The prompt of one request. Warm-up prompts are others than the measured ones.
    #[must_use]
    pub fn prompt(&self, phase: Phase, ordinal: u64) -> Prompt {
        let place = Place { phase, ordinal };
        match &self.set.source {
            PromptSource::Synthetic(synthetic) => self.synthetic(synthetic, place),
            PromptSource::Text { text_length } => {
                let mut rng = self.words_of(place);
                self.asked(of_length(*text_length as usize, &self.salt_words, &mut rng), None)
            }
            PromptSource::Prompts { .. } | PromptSource::Tasks { .. } | PromptSource::File(_) => {
                self.given(place)
            }
        }
    }

    /// The answer that is expected to a measured request.
    #[must_use]
    pub fn expected(&self, ordinal: u64) -> Option<&str> {
        let expect = self.set.expect.as_ref()?;
        let index = (ordinal % self.given.count()? as u64) as usize;
        match &self.given {
            Given::Texts(_) => expect.answers.get(index).map(String::as_str),
            Given::Entries(Entries::Written(written)) => written.get(index)?.expected.as_deref(),
            Given::Made | Given::Tasks(_) | Given::Entries(Entries::Traced(_)) => None,
        }
    }

    fn synthetic(&self, synthetic: &Synthetic, place: Place) -> Prompt {
        let mut lengths = self.rng(place.stream() | LENGTHS);
        let prompt_tokens = synthetic.prompt_spread.draw(synthetic.prompt_tokens, &mut lengths);
        let max_tokens = synthetic.output_spread.draw(self.set.output_tokens, &mut lengths);
        let shared = synthetic.shared.map_or_else(Vec::new, |shared| self.shared(shared, place));
        let text = self.words(prompt_tokens, &shared, place);
        Prompt { messages: vec![Message::user(text)], max_tokens }
    }

    /// The beginning that a request shares with every `prefixes`-th other, warm-up included.
    fn shared(&self, shared: SharedPrefix, place: Place) -> Vec<&'static str> {
        let number = place.ordinal % u64::from(shared.prefixes.max(1));
        words(&mut self.rng(number | SHARED)).take(shared.tokens as usize).collect()
    }

    fn words(&self, count: u32, shared: &[&'static str], place: Place) -> String {
        let opening = Opening { salt: &self.salt_words, shared };
        of_words(count as usize, &opening, &mut self.words_of(place))
    }

    fn given(&self, place: Place) -> Prompt {
        let count = self.given.count().unwrap_or(1) as u64;
        let (round, index) = (place.ordinal / count, (place.ordinal % count) as usize);
        let (messages, own) = match &self.given {
            Given::Made => (Vec::new(), None),
            Given::Texts(texts) => (vec![Message::user(&texts[index])], None),
            Given::Tasks(tasks) => {
                (vec![Message::user(tasks[index].prompt)], Some(tasks[index].max_tokens))
            }
            Given::Entries(Entries::Written(written)) => {
                (written[index].messages().to_vec(), written[index].max_tokens)
            }
            Given::Entries(Entries::Traced(traced)) => {
                let Some(entry) = traced.get(index) else { unreachable!("counted above") };
                let text = self.words(entry.input_tokens, &[], place);
                return self.asked(text, Some(entry.output_tokens));
            }
        };
        let messages = self.salted(messages, place.phase, round);
        Prompt { messages, max_tokens: self.limit(own) }
    }

    fn asked(&self, text: String, own: Option<u32>) -> Prompt {
        Prompt { messages: vec![Message::user(text)], max_tokens: self.limit(own) }
    }

    /// A prompt's own limit, where the set lets it have one.
    fn limit(&self, own: Option<u32>) -> u32 {
        match self.set.output {
            OutputTokens::Asked => self.set.output_tokens,
            OutputTokens::Own => own.unwrap_or(self.set.output_tokens),
        }
    }

    /// The salt at the head of the first message. Each round over the prompts has another one, and
    /// so has the warm-up: a prompt that comes again would be answered from the cache. Within a
    /// round it is the same, so that the turns of a conversation share what was said before.
    fn salted(&self, mut messages: Vec<Message>, phase: Phase, round: u64) -> Vec<Message> {
        if let (Some(salt), Some(first)) = (self.salt, messages.first_mut()) {
            let words = salt_words(&format!("{salt}/{phase:?}/{round}")).join(" ");
            first.content = format!("[{words}] {}", first.content);
        }
        messages
    }

    fn words_of(&self, place: Place) -> ChaCha8Rng {
        self.rng(place.stream())
    }

    fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        rng
    }
}

impl Given<'_> {
    /// How many there are, before they come again; `None` where there is no end to them.
    fn count(&self) -> Option<usize> {
        match self {
            Self::Made => None,
            Self::Texts(texts) => Some(texts.len()),
            Self::Tasks(tasks) => Some(tasks.len()),
            Self::Entries(entries) => Some(entries.len()),
        }
    }
}

impl Place {
    fn stream(self) -> u64 {
        match self.phase {
            Phase::Measured | Phase::Probe => self.ordinal,
            Phase::Warmup => self.ordinal | WARMUP,
        }
    }
}

#[cfg(test)]
#[path = "prompts_tests.rs"]
mod tests;
