//! Prompts of common words.
//!
//! Every word comes from [`WORDS`], so that a prompt of n words is n tokens in most vocabularies
//! (and exactly n in the embedded model's). The salt is words too: it keeps a target from
//! answering out of its prefix cache without changing the length that was asked for.

use super::fnv1a;
use super::length::Spread;
use crate::words::WORDS;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// Streams of the generator that no prompt draws from: passages are others than questions.
const PASSAGES: u64 = 1 << 60;

/// Words that carry the salt: 512^8 values are enough that two runs never share one.
pub const SALT_WORDS: usize = 8;

/// What a synthetic prompt ends with, before two words of its own: a model that understands
/// answers with sentences, so that the answers kept with a result can be read.
const QUESTION: [&str; 5] = ["please", "tell", "me", "about", "our"];

/// Words of the whole question: `please tell me about our river and moon`.
const QUESTION_WORDS: usize = QUESTION.len() + 3;

/// Prompts of common words, one token each in most vocabularies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Synthetic {
    /// Tokens (words) of a prompt: of each, or on average.
    pub prompt_tokens: u32,
    /// How the prompts' lengths spread.
    #[serde(default, skip_serializing_if = "Spread::is_fixed")]
    pub prompt_spread: Spread,
    /// How the lengths asked of the answers spread.
    #[serde(default, skip_serializing_if = "Spread::is_fixed")]
    pub output_spread: Spread,
    /// What prompts have in common, where a case is about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<SharedPrefix>,
}

impl Synthetic {
    /// Prompts of one length, with nothing in common.
    #[must_use]
    pub fn of(prompt_tokens: u32) -> Self {
        let (prompt_spread, output_spread) = (Spread::Fixed, Spread::Fixed);
        Self { prompt_tokens, prompt_spread, output_spread, shared: None }
    }
}

/// Beginnings that requests share, so that a target's prefix cache is measured on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedPrefix {
    /// Tokens of a shared beginning.
    pub tokens: u32,
    /// How many beginnings there are; requests take them in turn.
    pub prefixes: u32,
}

/// The words that carry a salt.
pub(super) fn salt_words(salt: &str) -> Vec<&'static str> {
    let mut rng = ChaCha8Rng::seed_from_u64(fnv1a(salt.as_bytes()));
    words(&mut rng).take(SALT_WORDS).collect()
}

/// What stands before a prompt's own words.
pub(super) struct Opening<'a> {
    /// The run's, on every prompt.
    pub(super) salt: &'a [&'static str],
    /// What this prompt shares with others.
    pub(super) shared: &'a [&'static str],
}

impl Opening<'_> {
    /// Its words in a prompt of `count`. Salt is at most half of a prompt; but what is shared
    /// must begin at the same place in every prompt, so there it is whole.
    fn words(&self, count: usize) -> Vec<&'static str> {
        let salt = match self.shared.is_empty() {
            true => &self.salt[..self.salt.len().min(count / 2)],
            false => self.salt,
        };
        salt.iter().chain(self.shared).copied().collect()
    }
}

/// Exactly `count` words, with a question at the end where there is room for it. A prompt that
/// shares its beginning is never so short that it has no word of its own.
pub(super) fn of_words(count: usize, opening: &Opening<'_>, rng: &mut ChaCha8Rng) -> String {
    let opening = opening.words(count);
    let count = count.max(opening.len() + 1);
    let has_room = count >= QUESTION_WORDS + opening.len().max(SALT_WORDS);
    let question = if has_room { question(rng) } else { Vec::new() };
    let chosen = opening.into_iter().chain(words(rng)).take(count - question.len());
    chosen.chain(question).collect::<Vec<_>>().join(" ")
}

/// A passage of exactly `count` words to answer questions from: the same for the same seed and
/// number.
#[must_use]
pub fn passage(count: u32, seed: u64, number: u32) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(PASSAGES | u64::from(number));
    words(&mut rng).take(count as usize).collect::<Vec<_>>().join(" ")
}

/// Exactly `length` characters, of which salt is at most half: a prompt has something of its own.
pub(super) fn of_length(length: usize, salt: &[&'static str], rng: &mut ChaCha8Rng) -> String {
    let mut text = String::new();
    fill(&mut text, salt.iter().copied(), length / 2);
    fill(&mut text, words(rng), length);
    // A space at the end would be another token, or none: end in a letter instead.
    if text.ends_with(' ') {
        text.pop();
        text.push('s');
    }
    text
}

/// Puts words behind a text until it has `length` characters, or there are no more.
fn fill(text: &mut String, words: impl Iterator<Item = &'static str>, length: usize) {
    for word in words {
        if text.len() >= length {
            break;
        }
        text.push_str(word);
        text.push(' ');
    }
    text.truncate(length);
}

fn question(rng: &mut ChaCha8Rng) -> Vec<&'static str> {
    let mut words = words(rng);
    let (one, other) = (words.next(), words.next());
    QUESTION.into_iter().chain(one).chain(["and"]).chain(other).collect()
}

/// Words without end.
pub(super) fn words(rng: &mut ChaCha8Rng) -> impl Iterator<Item = &'static str> {
    std::iter::repeat_with(|| WORDS[rng.next_u32() as usize % WORDS.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_have_their_length_and_are_the_same_for_the_same_seed() {
        assert_eq!(passage(48, 1, 7).split(' ').count(), 48);
        assert_eq!(passage(48, 1, 7), passage(48, 1, 7));
        assert_ne!(passage(48, 1, 7), passage(48, 1, 8));
        assert_ne!(passage(48, 1, 7), passage(48, 2, 7));
    }
}
