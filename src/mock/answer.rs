//! The words of an answer: one word is one token.

use super::luck::mix;
use super::options::Options;
use super::question::Question;
use std::sync::LazyLock;
use tokgate_core::words::WORDS;

/// Words of several bytes, so that a reader that cuts characters is found out.
const WIDE: &[&str] = &[" 日本", " 🚀", " naïve", " Ω", " мир", " 👩‍🚀"];
/// Every so many tokens one is wide.
const WIDE_EVERY: u64 = 16;

/// All words with the space that begins them. None of them needs an escape in JSON.
static SPACED: LazyLock<Vec<String>> =
    LazyLock::new(|| WORDS.iter().map(|word| format!(" {word}")).collect());

/// What is answered to each prompt of a question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    /// Tokens of one answer.
    pub(super) tokens: u32,
    /// How many of them, the first, are reasoning.
    pub(super) reasoning: u32,
    /// Tokens in one event.
    pub(super) tokens_per_event: u32,
    /// Why it ends: `length` or `stop`.
    pub(super) finish: &'static str,
    seed: u64,
}

/// One event's share of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Portion {
    /// Number of its first token.
    pub(super) first: u32,
    /// How many tokens it has.
    pub(super) count: u32,
    /// Whether they are reasoning.
    pub(super) is_reasoning: bool,
}

impl Answer {
    /// The answer to `question`; a short one ends by itself at half of the length.
    pub(super) fn new(question: &Question, is_short: bool, options: &Options) -> Self {
        let max = question.max_tokens;
        let tokens = if is_short { (max / 2).max(1).min(max) } else { max };
        let reasons = question.endpoint.is_chat();
        Self {
            tokens,
            reasoning: if reasons { options.reasoning_tokens.min(tokens) } else { 0 },
            tokens_per_event: options.tokens_per_event.max(1),
            finish: if is_short { "stop" } else { "length" },
            seed: if options.same_answer {
                options.seed
            } else {
                mix(options.seed ^ question.fingerprint)
            },
        }
    }

    /// The events in their order; none mixes reasoning and answer.
    pub(super) fn portions(&self) -> impl Iterator<Item = Portion> + use<> {
        let Self { tokens, reasoning, tokens_per_event, .. } = *self;
        let mut first = 0;
        std::iter::from_fn(move || {
            let is_reasoning = first < reasoning;
            let end = if is_reasoning { reasoning } else { tokens };
            let count = tokens_per_event.min(end - first);
            let portion = Portion { first, count, is_reasoning };
            first += count;
            (count > 0).then_some(portion)
        })
    }

    /// Appends the words of a portion of the answer to the prompt with this index.
    pub(super) fn write(&self, portion: &Portion, index: u32, out: &mut Vec<u8>) {
        for number in portion.first..portion.first + portion.count {
            out.extend_from_slice(self.word(number, index).as_bytes());
        }
    }

    fn word(&self, number: u32, index: u32) -> &'static str {
        let place = u64::from(number) | u64::from(index) << 32;
        let bits = mix(self.seed ^ mix(place + 1));
        let pick = (bits >> 32) as usize;
        match bits % WIDE_EVERY {
            0 => WIDE[pick % WIDE.len()],
            _ => &SPACED[pick % SPACED.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::truth::Endpoint;

    fn answer(arguments: &str, prompt: &str, is_short: bool) -> Answer {
        let body = format!(r#"{{"messages":[{{"content":"{prompt}"}}],"max_tokens":10}}"#);
        let question = Question::read(Endpoint::Chat, body.as_bytes()).unwrap();
        Answer::new(&question, is_short, &Options::from_arguments(arguments).unwrap())
    }

    fn text(answer: &Answer) -> String {
        let mut out = Vec::new();
        answer.portions().for_each(|portion| answer.write(&portion, 0, &mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_has_as_many_words_as_tokens() {
        for arguments in ["", "--tokens-per-event 4", "--reasoning-tokens 3 --tokens-per-event 2"] {
            assert_eq!(text(&answer(arguments, "a", false)).split_whitespace().count(), 10);
        }
        let short = answer("", "a", true);
        assert_eq!((short.tokens, short.finish), (5, "stop"));
    }

    #[test]
    fn the_same_prompt_has_the_same_answer_and_another_another() {
        assert_eq!(text(&answer("", "a", false)), text(&answer("", "a", false)));
        assert_ne!(text(&answer("", "a", false)), text(&answer("", "b", false)));
        let same = |prompt| text(&answer("--same-answer", prompt, false));
        assert_eq!(same("a"), same("b"));
    }

    #[test]
    fn no_event_mixes_reasoning_and_answer() {
        let portions = answer("--reasoning-tokens 3 --tokens-per-event 2", "a", false).portions();
        let counts: Vec<(u32, bool)> = portions.map(|it| (it.count, it.is_reasoning)).collect();
        let answered = [(2, false), (2, false), (2, false), (1, false)];
        assert_eq!(counts, [&[(2, true), (1, true)], &answered[..]].concat());
    }

    #[test]
    fn words_need_no_escapes() {
        let plain = |word: &&str| serde_json::to_string(word).unwrap() == format!("\"{word}\"");
        assert!(WIDE.iter().all(plain) && WORDS.iter().all(plain));
    }
}
