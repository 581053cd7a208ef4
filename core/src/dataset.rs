//! Prompts as a pure function of what is asked, the seed and the salt.
//!
//! Every word comes from [`WORDS`], so that a prompt of n words is n tokens in most vocabularies
//! (and exactly n in the embedded model's). The salt is words too: it keeps a target from
//! answering out of its prefix cache without changing the length that was asked for.

use crate::case::{PromptSet, PromptSource};
use crate::record::Phase;
use crate::words::WORDS;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions that stand above the conversation.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that the model called.
    Tool,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A question.
    #[must_use]
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }
}

/// A conversation as one text, for targets that take no roles.
#[must_use]
pub fn joined(messages: &[Message]) -> String {
    messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n\n")
}

/// Words that carry the salt: 512^8 values are enough that two runs never share one.
const SALT_WORDS: usize = 8;

/// What a synthetic prompt ends with, before two words of its own: a model that understands
/// answers with sentences, so that the answers kept with a result can be read.
const QUESTION: [&str; 5] = ["please", "tell", "me", "about", "our"];

/// Words of the whole question: `please tell me about our river and moon`.
const QUESTION_WORDS: usize = QUESTION.len() + 3;

/// The prompts of one epoch.
#[derive(Debug, Clone)]
pub struct Prompts<'a> {
    source: &'a PromptSource,
    seed: u64,
    salt: Vec<&'static str>,
}

impl<'a> Prompts<'a> {
    /// Prompts of `set`, drawn from `seed`. `salt` stands at the head of every prompt; `None`
    /// leaves prompts as they are, so that a repeated run may hit the target's prefix cache.
    #[must_use]
    pub fn new(set: &'a PromptSet, seed: u64, salt: Option<&str>) -> Self {
        let salt = salt.map_or_else(Vec::new, |salt| {
            let mut rng = ChaCha8Rng::seed_from_u64(fnv1a(salt.as_bytes()));
            words(&mut rng).take(SALT_WORDS).collect()
        });
        Self { source: &set.source, seed, salt }
    }

    /// The prompt of one request. Warm-up prompts are others than the measured ones.
    #[must_use]
    pub fn prompt(&self, phase: Phase, ordinal: u64) -> String {
        let mut rng = self.rng(phase, ordinal);
        match self.source {
            PromptSource::Synthetic { prompt_tokens } => {
                self.of_words(*prompt_tokens as usize, &mut rng)
            }
            PromptSource::Text { text_length } => self.of_length(*text_length as usize, &mut rng),
            PromptSource::Prompts { prompts } => {
                self.salted(&prompts[(ordinal % prompts.len().max(1) as u64) as usize])
            }
        }
    }

    fn rng(&self, phase: Phase, ordinal: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(match phase {
            Phase::Measured => ordinal,
            Phase::Warmup => ordinal | 1 << 63,
        });
        rng
    }

    /// Exactly `count` words, at most half of them salt; with a question at the end where there
    /// is room for both.
    fn of_words(&self, count: usize, rng: &mut ChaCha8Rng) -> String {
        let question =
            if count >= SALT_WORDS + QUESTION_WORDS { question(rng) } else { Vec::new() };
        let salt = self.salt.iter().copied().take(count / 2);
        let chosen = salt.chain(words(rng)).take(count - question.len());
        chosen.chain(question).collect::<Vec<_>>().join(" ")
    }

    /// Exactly `length` characters.
    fn of_length(&self, length: usize, rng: &mut ChaCha8Rng) -> String {
        let mut text = String::new();
        for word in self.salt.iter().copied().chain(words(rng)) {
            if text.len() >= length {
                break;
            }
            text.push_str(word);
            text.push(' ');
        }
        text.truncate(length);
        // A space at the end would be another token, or none: end in a letter instead.
        if text.ends_with(' ') {
            text.pop();
            text.push('s');
        }
        text
    }

    fn salted(&self, prompt: &str) -> String {
        match self.salt.is_empty() {
            true => prompt.to_owned(),
            false => format!("[{}] {prompt}", self.salt.join(" ")),
        }
    }
}

fn question(rng: &mut ChaCha8Rng) -> Vec<&'static str> {
    let mut words = words(rng);
    let (one, other) = (words.next(), words.next());
    QUESTION.into_iter().chain(one).chain(["and"]).chain(other).collect()
}

fn words(rng: &mut ChaCha8Rng) -> impl Iterator<Item = &'static str> {
    std::iter::repeat_with(|| WORDS[rng.next_u32() as usize % WORDS.len()])
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): small, and the same on every machine and version.
#[must_use]
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(source: PromptSource) -> PromptSet {
        PromptSet { source, output_tokens: 8, temperature: 0.0 }
    }

    #[test]
    fn a_synthetic_prompt_has_exactly_the_words_that_were_asked_for() {
        let set = set(PromptSource::Synthetic { prompt_tokens: 32 });
        for salt in [None, Some("run")] {
            let prompt = Prompts::new(&set, 42, salt).prompt(Phase::Measured, 7);
            assert_eq!(prompt.split(' ').count(), 32);
            assert!(prompt.split(' ').all(|word| WORDS.contains(&word)));
            assert!(prompt.contains(" please tell me about our "));
        }
    }

    #[test]
    fn a_text_has_exactly_the_characters_that_were_asked_for() {
        for text_length in [10, 50, 100, 500, 1000] {
            let set = set(PromptSource::Text { text_length });
            let prompt = Prompts::new(&set, 1, Some("run")).prompt(Phase::Measured, 0);
            assert_eq!(prompt.len(), text_length as usize);
            assert!(!prompt.ends_with(' '));
        }
    }

    #[test]
    fn another_salt_changes_the_first_words_and_the_same_salt_changes_nothing() {
        let set = set(PromptSource::Synthetic { prompt_tokens: 32 });
        let prompt = |salt| Prompts::new(&set, 42, Some(salt)).prompt(Phase::Measured, 0);
        assert_eq!(prompt("a"), prompt("a"));
        assert_ne!(prompt("a").split(' ').next(), prompt("b").split(' ').next());
    }

    #[test]
    fn warm_up_and_measured_prompts_differ() {
        let set = set(PromptSource::Synthetic { prompt_tokens: 32 });
        let prompts = Prompts::new(&set, 42, None);
        assert_ne!(prompts.prompt(Phase::Warmup, 0), prompts.prompt(Phase::Measured, 0));
    }

    #[test]
    fn given_prompts_come_in_turn_behind_the_salt() {
        let given = vec!["one".to_owned(), "two".to_owned()];
        let set = set(PromptSource::Prompts { prompts: given });
        let plain = Prompts::new(&set, 42, None);
        assert_eq!(plain.prompt(Phase::Measured, 3), "two");
        assert!(Prompts::new(&set, 42, Some("x")).prompt(Phase::Measured, 0).ends_with("] one"));
    }
}
