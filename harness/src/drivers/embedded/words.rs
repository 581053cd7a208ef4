//! The tokenizer of synthetic models: a token per common word, bytes for everything else.
//!
//! Ids 0 to 255 are bytes, then come the words of [`WORDS`], then as many made-up words as the
//! vocabulary has room for. A word's text begins with a space, as in byte-pair vocabularies.

use std::collections::HashMap;
use tokgate_core::words::WORDS;

/// Ids below this are bytes.
const BYTES: usize = 256;

/// Words by id and ids by word.
#[derive(Debug)]
pub(crate) struct Words {
    words: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Words {
    /// A vocabulary of `size` tokens.
    pub(crate) fn new(size: usize) -> Self {
        let common = WORDS.iter().map(|&word| word.to_owned());
        let words: Vec<String> = common.chain((0..).map(made_up)).take(size - BYTES).collect();
        let ids = words.iter().cloned().zip(BYTES as u32..).collect();
        Self { words, ids }
    }

    /// The tokens of a text: words that follow a space or begin it, bytes else.
    pub(crate) fn encode(&self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let begins = tokens.is_empty() || first == ' ';
            let word = rest.strip_prefix(' ').unwrap_or(rest);
            let word = &word[..letters(word)];
            let taken = match self.ids.get(word).filter(|_| begins) {
                Some(&id) => {
                    tokens.push(id);
                    usize::from(first == ' ') + word.len()
                }
                None => {
                    // A whole unknown word at once, so that its tail is not taken for a word.
                    let end = letters(rest).max(first.len_utf8());
                    tokens.extend(rest.bytes().take(end).map(u32::from));
                    end
                }
            };
            rest = &rest[taken..];
        }
        tokens
    }

    /// The text of tokens; bytes that are not UTF-8 become replacement characters.
    pub(crate) fn decode(&self, tokens: &[u32]) -> String {
        let mut bytes = Vec::new();
        for &token in tokens {
            match self.words.get((token as usize).wrapping_sub(BYTES)) {
                Some(word) => bytes.extend([b" ", word.as_bytes()].concat()),
                None => bytes.extend(u8::try_from(token)),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Length of the leading run of lower-case letters.
fn letters(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_lowercase).count()
}

/// The `n`-th made-up word: three syllables of a consonant and a vowel.
fn made_up(n: usize) -> String {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 5] = b"aeiou";
    const SYLLABLES: usize = CONSONANTS.len() * VOWELS.len();
    // Coprime to the number of words, so that all differ, and large, so that neighbours do.
    const STRIDE: usize = 199_933;
    let word = n * STRIDE % SYLLABLES.pow(3);
    let syllable = |place: u32| {
        let which = word / SYLLABLES.pow(place) % SYLLABLES;
        [CONSONANTS[which / VOWELS.len()], VOWELS[which % VOWELS.len()]]
    };
    (0..3).flat_map(syllable).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_of_listed_words_has_as_many_tokens() {
        let tokens = Words::new(1024).encode(&WORDS.join(" "));
        assert_eq!(tokens, (256..768).collect::<Vec<u32>>());
    }

    #[test]
    fn whatever_is_not_a_word_goes_as_bytes_and_comes_back() {
        let words = Words::new(1024);
        for text in [" Able", " ableable", " able-about é\n  way 😀", "\u{0}", " about, able."] {
            assert_eq!(words.decode(&words.encode(text)), text);
        }
    }

    #[test]
    fn all_tokens_differ() {
        let words = Words::new(8192);
        assert_eq!(words.words.len(), 8192 - 256);
        assert_eq!(words.ids.len(), words.words.len());
    }

    #[test]
    fn half_a_character_is_replaced() {
        assert_eq!(Words::new(1024).decode(&[0xc3]), "\u{fffd}");
        assert_eq!(Words::new(1024).decode(&[0xc3, 0xa9]), "é");
    }
}
